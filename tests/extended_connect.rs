//! RFC 8441 §4, §5, RFC 9220 §3, RFC 9113 §8.2, §8.3: WebSockets on a stream of HTTP/2 or HTTP/3.

mod support;

use serde_json::Value;
use sockless::Uri;
use sockless::handshake::{
    Acceptance, ClientRequest, ConnectFault, ConnectRequest, MalformedFields, Offer, OriginPolicy, Refusal,
    ResponseError, WriteError,
};
use support::vectors::{id, load};

/// Fields added to a request, or put in the place of others.
type Changes = &'static [(&'static str, &'static str)];

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

fn fields_of(row: &Value) -> Fields<'_> {
    row["input"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field[0].as_str().unwrap().as_bytes(), field[1].as_str().unwrap().as_bytes()))
        .collect()
}

#[test]
fn vectors() {
    for row in load("extended_connect") {
        match row["role"].as_str() {
            Some("server") => server_vector(&row),
            Some("client") => client_vector(&row),
            role => panic!("{}: {role:?}", id(&row)),
        }
    }
}

fn server_vector(row: &Value) {
    let (id, expected, fields) = (id(row), &row["expected"], fields_of(row));
    match ConnectRequest::check(fields.iter().copied(), OriginPolicy::Any) {
        Ok(request) => {
            assert_eq!(expected["outcome"], "accept", "{id}");
            assert_eq!(request.resource_name().to_string(), expected["target"].as_str().unwrap(), "{id}");
            assert_eq!(request.authority().to_string(), expected["authority"].as_str().unwrap(), "{id}");
            let subprotocol = request.choose_subprotocol(&["chat"]);
            assert_eq!(subprotocol, expected["subprotocol"].as_str(), "{id}");
            let acceptance = Acceptance { subprotocol, ..Acceptance::default() };
            let response: Vec<_> = request.acceptance_fields(&acceptance).unwrap().collect();
            let status = expected["status"].as_u64().unwrap().to_string();
            assert_eq!(response, [(":status", &*status), ("sec-websocket-protocol", "chat")], "{id}");
        }
        Err(ConnectFault::Malformed(fault)) => {
            assert_eq!(expected["outcome"], "malformed", "{id}: {fault:?}")
        }
        Err(ConnectFault::Refused(refusal)) => {
            assert_eq!(expected["outcome"], "reject", "{id}: {refusal:?}");
            assert!(
                expected["status"].as_array().unwrap().contains(&refusal.status().into()),
                "{id}: {refusal:?}"
            );
            for (name, value) in expected.get("headers").and_then(Value::as_object).into_iter().flatten() {
                assert!(refusal.stream_fields().contains(&(name, value.as_str().unwrap())), "{id}: {name}");
            }
        }
        Err(fault) => panic!("{id}: {fault:?}"),
    }
}

fn client_vector(row: &Value) {
    let (id, expected, fields) = (id(row), &row["expected"], fields_of(row));
    let offer = Offer { subprotocols: &["chat", "superchat"], ..Offer::default() };
    match offer.check_stream(fields.iter().copied()) {
        Ok(opened) => {
            assert_eq!(expected["outcome"], "established", "{id}");
            assert_eq!(opened.subprotocol(), expected["subprotocol"].as_str(), "{id}");
        }
        Err(error) => assert_eq!(expected["outcome"], "fail", "{id}: {error:?}"),
    }
}

const REQUEST: [(&str, &str); 6] = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "https"),
    (":path", "/chat?x"),
    (":authority", "a.example"),
    ("sec-websocket-version", "13"),
];

/// What becomes of the request with these fields added, or in the place of those of their names.
fn check(changes: &[(&str, &str)], policy: OriginPolicy<'_>) -> Result<(), ConnectFault> {
    let mut fields = REQUEST.to_vec();
    for &(name, value) in changes {
        match fields.iter_mut().find(|field| field.0 == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    ConnectRequest::check(fields, policy).map(|_| ())
}

#[test]
fn malformed_fields_and_refusals() {
    use MalformedFields as M;
    let cases: [(Changes, Result<(), ConnectFault>); 29] = [
        (&[], Ok(())),
        (&[("te", "trailers")], Ok(())),
        (&[(":protocol", "WebSocket")], Ok(())),
        (&[("te", "gzip")], Err(M::ConnectionSpecific.into())),
        (&[("connection", "x")], Err(M::ConnectionSpecific.into())),
        (&[("keep-alive", "x")], Err(M::ConnectionSpecific.into())),
        (&[("proxy-connection", "x")], Err(M::ConnectionSpecific.into())),
        (&[("transfer-encoding", "chunked")], Err(M::ConnectionSpecific.into())),
        (&[("x", "a\r\nb")], Err(M::Value.into())),
        (&[("x", "a\0")], Err(M::Value.into())),
        (&[("x", " a")], Err(M::Value.into())),
        (&[("x", "a\t")], Err(M::Value.into())),
        (&[("", "a")], Err(M::Name.into())),
        (&[(":", "a")], Err(M::Name.into())),
        (&[("x y", "a")], Err(M::Name.into())),
        (&[(":status", "200")], Err(M::PseudoFieldLate.into())),
        (&[(":method", "connect")], Err(M::MethodNotConnect.into())),
        (&[(":path", "chat")], Err(Refusal::TargetInvalid.into())),
        (&[(":path", "/#")], Err(Refusal::TargetInvalid.into())),
        (&[(":scheme", "wss")], Err(Refusal::TargetInvalid.into())),
        (&[(":authority", "me@a")], Err(Refusal::HostInvalid.into())),
        (&[("host", "a.example")], Ok(())),
        (&[("host", "A.Example")], Ok(())),
        (&[("host", "evil.example")], Err(M::HostDiffers.into())),
        (&[("host", "")], Err(M::HostDiffers.into())),
        (&[("host", "a.example:443")], Err(M::HostDiffers.into())),
        (&[("sec-websocket-version", "013")], Err(Refusal::VersionInvalid.into())),
        (&[("sec-websocket-protocol", "a, a")], Err(Refusal::SubprotocolRepeated.into())),
        (&[("sec-websocket-extensions", ";")], Err(Refusal::ExtensionsInvalid.into())),
    ];
    for (changes, expected) in cases {
        assert_eq!(check(changes, OriginPolicy::Any), expected, "{changes:?}");
    }
    assert_eq!(check(&[("origin", "https://a.example")], OriginPolicy::SameHost), Ok(()));
    let foreign = check(&[("origin", "https://b.example")], OriginPolicy::SameHost);
    assert_eq!(foreign, Err(Refusal::OriginForbidden.into()));
}

/// RFC 9113 §8.3.1, RFC 9114 §4.3.1
#[test]
fn a_host_that_stands_there_twice_differs() {
    let host = ("host", "a.example");
    assert_eq!(check_list(&[&REQUEST[..], &[host]].concat()), Ok(()));
    assert_eq!(check_list(&[&REQUEST[..], &[host, host]].concat()), Err(MalformedFields::HostDiffers.into()));
}

fn check_list(fields: &[(&str, &str)]) -> Result<(), ConnectFault> {
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    ConnectRequest::check(fields, OriginPolicy::Any).map(|_| ())
}

#[test]
fn pseudo_fields() {
    let missing = [
        (0, MalformedFields::MethodNotConnect),
        (2, MalformedFields::SchemeMissing),
        (3, MalformedFields::PathMissing),
        (4, MalformedFields::AuthorityMissing),
    ];
    for (at, fault) in missing {
        let mut fields = REQUEST.to_vec();
        fields.remove(at);
        assert_eq!(check_list(&fields), Err(fault.into()));
    }
    let mut fields = REQUEST.to_vec();
    fields.insert(0, (":status", "200"));
    assert_eq!(check_list(&fields), Err(MalformedFields::PseudoFieldUnknown.into()));
    fields[0] = (":path", "/");
    assert_eq!(check_list(&fields), Err(MalformedFields::PseudoFieldRepeated.into()));
    let ordinary = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")];
    assert_eq!(check_list(&ordinary), Err(ConnectFault::NotExtended));
    assert_eq!(
        check_list(&[(":method", "CONNECT"), (":authority", "a:443")]),
        Err(ConnectFault::NotExtended)
    );
}

#[test]
fn acceptances() {
    let fields = REQUEST.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let fields = fields.chain([(b"sec-websocket-extensions".as_slice(), b"foo".as_slice())]);
    let request = ConnectRequest::check(fields, OriginPolicy::Any).unwrap();
    assert_eq!(request.resource_name().query(), Some("x"));
    let acceptance =
        Acceptance { extensions: Some("foo"), fields: &[("set-cookie", "a=1")], ..Acceptance::default() };
    let response: Vec<_> = request.acceptance_fields(&acceptance).unwrap().collect();
    assert_eq!(response, [(":status", "200"), ("sec-websocket-extensions", "foo"), ("set-cookie", "a=1")]);
    let refused: [(Changes, WriteError); 6] = [
        (&[("Set-Cookie", "a=1")], WriteError::FieldName),
        (&[(":status", "404")], WriteError::FieldName),
        (&[("x", "a\r\nb")], WriteError::FieldValue),
        (&[("x", " a")], WriteError::FieldValue),
        (&[("keep-alive", "x")], WriteError::FieldReserved),
        (&[("sec-websocket-accept", "x")], WriteError::FieldReserved),
    ];
    for (fields, error) in refused {
        let acceptance = Acceptance { fields, ..Acceptance::default() };
        assert_eq!(request.acceptance_fields(&acceptance).err(), Some(error), "{fields:?}");
    }
    let unasked = Acceptance { subprotocol: Some("chat"), ..Acceptance::default() };
    assert_eq!(request.acceptance_fields(&unasked).err(), Some(WriteError::SubprotocolNotOffered));
}

#[test]
fn a_clients_request_passes_its_servers_check() {
    let request = ClientRequest {
        offer: Offer {
            subprotocols: &["chat", "superchat"],
            extensions: Some("foo"),
            require_subprotocol: false,
        },
        origin: Some("https://a.example"),
        fields: &[("cookie", "a=1")],
        ..ClientRequest::new(Uri::parse("ws://me@Server.example:8080?x").unwrap())
    };
    let fields: Vec<(&str, String)> =
        request.stream_fields().unwrap().map(|(name, value)| (name, value.to_string())).collect();
    let wanted = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/?x"),
        (":authority", "server.example:8080"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-extensions", "foo"),
        ("origin", "https://a.example"),
        ("cookie", "a=1"),
    ];
    assert!(fields.iter().map(|(name, value)| (*name, &**value)).eq(wanted), "{fields:?}");
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    assert!(ConnectRequest::check(fields, OriginPolicy::Any).is_ok());

    for (name, error) in [("Cookie", WriteError::FieldName), ("te", WriteError::FieldReserved)] {
        let fields = [(name, "x")];
        assert_eq!(ClientRequest { fields: &fields, ..request }.stream_fields().err(), Some(error), "{name}");
    }
}

#[test]
fn responses() {
    let offer = Offer { subprotocols: &["chat"], require_subprotocol: true, extensions: None };
    let check = |fields: &[(&str, &str)]| {
        offer.check_stream(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))).map(|_| ())
    };
    let chat = ("sec-websocket-protocol", "chat");
    assert_eq!(check(&[(":status", "299"), chat]), Ok(()));
    assert_eq!(check(&[(":status", "200")]), Err(ResponseError::SubprotocolMissing));
    assert_eq!(check(&[(":status", "404"), chat]), Err(ResponseError::Status(404)));
    assert_eq!(check(&[(":status", "0200"), chat]), Err(ResponseError::StatusLineMalformed));
    assert_eq!(
        check(&[(":status", "200"), (":status", "200"), chat]),
        Err(ResponseError::StatusLineMalformed)
    );
    assert_eq!(check(&[chat]), Err(ResponseError::StatusLineMalformed));
    assert_eq!(check(&[chat, (":status", "200")]), Err(ResponseError::HeadMalformed));
    assert_eq!(check(&[(":status", "200"), ("connection", "x"), chat]), Err(ResponseError::HeadMalformed));
    assert_eq!(check(&[(":status", "200"), (":path", "/"), chat]), Err(ResponseError::HeadMalformed));
    let extension = ("sec-websocket-extensions", "foo");
    assert_eq!(check(&[(":status", "200"), chat, extension]), Err(ResponseError::ExtensionNotOffered));
}

/// RFC 9220 §3 takes over what RFC 8441 says, with the pseudo-fields of HTTP/3 (RFC 9114 §4.3.1, §4.4).
#[test]
fn the_fields_of_http3_are_judged_as_those_of_http2() {
    // The RFC's own example of an extended CONNECT, and its order of pseudo-fields, which is free.
    let example = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "server.example.com"),
        (":path", "/chat"),
        ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-version", "13"),
        ("origin", "http://www.example.com"),
    ];
    assert_eq!(check_list(&example), Ok(()));
    let mut reordered = example;
    reordered[..5].reverse();
    assert_eq!(check_list(&reordered), Ok(()));
    // RFC 9114 §4.2: connection-specific fields, names in upper case; §4.3: pseudo-fields behind others, unknown ones,
    // those of a response; and :protocol values of other uses of extended CONNECT (RFC 9298, WebTransport).
    use MalformedFields as M;
    let cases: [((&str, &str), ConnectFault); 8] = [
        (("connection", "keep-alive"), M::ConnectionSpecific.into()),
        (("upgrade", "websocket"), M::ConnectionSpecific.into()),
        (("Origin", "https://a.example"), M::Name.into()),
        ((":priority", "u=1"), M::PseudoFieldUnknown.into()),
        ((":status", "200"), M::PseudoFieldUnknown.into()),
        ((":path", "/twice"), M::PseudoFieldRepeated.into()),
        ((":protocol", "connect-udp"), M::PseudoFieldRepeated.into()),
        ((":protocol", "webtransport"), M::PseudoFieldRepeated.into()),
    ];
    for (field, fault) in cases {
        let fields: Vec<_> = [field].into_iter().chain(example).collect();
        assert_eq!(check_list(&fields), Err(fault), "{field:?}");
    }
    for protocol in ["connect-udp", "webtransport"] {
        let mut fields = example;
        fields[1].1 = protocol;
        assert_eq!(check_list(&fields), Err(Refusal::ProtocolUnsupported.into()), "{protocol}");
    }
    // RFC 9220 §3: an unknown protocol is answered with 501.
    assert_eq!(Refusal::ProtocolUnsupported.status(), 501);
}
