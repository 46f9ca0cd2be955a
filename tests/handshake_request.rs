//! RFC 6455 §4.2, RFC 9112 §2, §3, §5, §6: a server and the request it receives.

#![cfg(feature = "alloc")]

mod support;

use core::time::Duration;
use serde_json::Value;
use sockless::Moment;
use sockless::handshake::{
    Acceptance, HandshakeLimits, HttpVersion, Origin, OriginPolicy, Refusal, Request, RequestHead,
    RequestLine, Response, ServerHandshake, WriteError, accept_key,
};
use support::pieces::{Fed, cuts, feed};
use support::vectors::{bytes, id, load, strings};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request line and these fields, on top of those that make a valid request; `-Name` leaves one out.
fn request(line: &str, changes: &[&str]) -> Vec<u8> {
    let mut fields = vec![
        "Host: server.example.com".to_string(),
        "Upgrade: websocket".into(),
        "Connection: Upgrade".into(),
        format!("Sec-WebSocket-Key: {KEY}"),
        "Sec-WebSocket-Version: 13".into(),
    ];
    for change in changes {
        match change.strip_prefix('-') {
            Some(name) => fields.retain(|field| !field.starts_with(&format!("{name}:"))),
            None => fields.push((*change).into()),
        }
    }
    format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n")).into_bytes()
}

fn read(bytes: &[u8]) -> Result<Option<RequestHead>, Refusal> {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    feed(&[bytes.to_vec()], |input| handshake.receive(input)).result
}

/// What becomes of a request under a policy.
fn judge(bytes: &[u8], policy: OriginPolicy<'_>) -> Result<(), Refusal> {
    let outcomes: Vec<_> = cuts(bytes)
        .iter()
        .map(|pieces| {
            let mut handshake = ServerHandshake::new(HandshakeLimits::default());
            let head = feed(pieces, |input| handshake.receive(input)).result?.expect("a whole request");
            head.upgrade(policy).map(|_| ())
        })
        .collect();
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
    outcomes[0]
}

fn refusal(line: &str, changes: &[&str]) -> Option<Refusal> {
    judge(&request(line, changes), OriginPolicy::Any).err()
}

const GET: &str = "GET /chat HTTP/1.1";

/// The value of a field of a response.
fn field<'r>(response: &'r str, name: &str) -> Option<&'r str> {
    let head = response.split("\r\n\r\n").next()?;
    let mut values = head.split("\r\n").skip(1).filter_map(|line| {
        line.split_once(": ").filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is there once");
    value
}

fn vector_limits(row: &Value) -> HandshakeLimits {
    let limits = &row["input"]["server_config"]["limits"];
    let limit = |name: &str| usize::try_from(limits[name].as_u64().unwrap()).unwrap();
    HandshakeLimits {
        line: limit("request_line"),
        head: limit("header_block"),
        fields: limit("header_count"),
        ..HandshakeLimits::default()
    }
}

#[test]
fn vectors() {
    for row in load("requests") {
        for pieces in cuts(&bytes(&row["input"])) {
            let mut handshake = ServerHandshake::new(vector_limits(&row));
            let fed = feed(&pieces, |input| handshake.receive(input));
            if row["expected"]["outcome"] == "incomplete" {
                assert!(matches!(fed.result, Ok(None)), "{}", id(&row));
                assert_eq!(handshake.receive_eof(), Err(Refusal::EndedEarly), "{}", id(&row));
            } else {
                vector(&row, fed);
            }
        }
    }
}

fn vector(row: &Value, fed: Fed<RequestHead, Refusal>) {
    let (id, expected) = (id(row), &row["expected"]);
    let refusal = match fed.result {
        Ok(head) => {
            let head = head.unwrap_or_else(|| panic!("{id}: no head"));
            match head.upgrade(OriginPolicy::Any) {
                Ok(request) => {
                    assert_eq!(expected["outcome"], "accept", "{id}");
                    if let Some(left) = expected.get("leftover_hex") {
                        assert_eq!(fed.left, bytes(left), "{id}");
                    }
                    return accepted(row, &request);
                }
                Err(refusal) => refusal,
            }
        }
        Err(refusal) => refusal,
    };
    assert_eq!(expected["outcome"], "reject", "{id}: {refusal:?}");
    let statuses: Vec<u64> =
        expected["status"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    assert!(statuses.contains(&refusal.status().into()), "{id}: {refusal:?}");
    let response = String::from_utf8(refusal.response()).unwrap();
    assert!(response.starts_with(&format!("HTTP/1.1 {} ", refusal.status())), "{id}");
    assert!(field(&response, "connection").unwrap().ends_with("close"), "{id}");
    assert_eq!(field(&response, "content-length"), Some("0"), "{id}");
    for (name, value) in expected.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let sent = field(&response, name).unwrap_or_else(|| panic!("{id}: no {name}"));
        assert!(sent.split(", ").any(|member| value == member), "{id}: {name}: {sent}");
    }
}

fn accepted<'a>(row: &Value, request: &Request<'a, impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone>) {
    let (id, expected) = (id(row), &row["expected"]);
    assert_eq!(request.resource_name().to_string(), expected["target"].as_str().unwrap(), "{id}");
    assert_eq!(request.authority().to_string(), expected["authority"].as_str().unwrap(), "{id}");
    let subprotocol = request.choose_subprotocol(&strings(&row["input"]["server_config"]["subprotocols"]));
    assert_eq!(subprotocol, expected["subprotocol"].as_str(), "{id}");
    if let Some(offered) = expected.get("offered_extensions") {
        let extensions: Vec<Value> = request
            .extensions()
            .map(|extension| {
                let parameters: Vec<Value> = extension
                    .parameters()
                    .map(|parameter| {
                        serde_json::json!([parameter.name, parameter.value.map(|value| value.to_string())])
                    })
                    .collect();
                serde_json::json!([extension.name(), parameters])
            })
            .collect();
        assert_eq!(&Value::Array(extensions), offered, "{id}");
    }
    let response = request.accept(&Acceptance { subprotocol, ..Acceptance::default() }).unwrap();
    if let Some(example) = expected.get("response_example_hex") {
        assert_eq!(response, bytes(example), "{id}");
    }
    let response = String::from_utf8(response).unwrap();
    assert_eq!(field(&response, "sec-websocket-accept"), expected["accept"].as_str(), "{id}");
    assert_eq!(field(&response, "sec-websocket-protocol"), subprotocol, "{id}");
    assert_eq!(field(&response, "sec-websocket-extensions"), None, "{id}");
}

#[test]
fn accept_keys() {
    for row in load("accept_key") {
        let key = row["input"]["key"].as_str().unwrap();
        let accept = accept_key(key.as_bytes());
        assert_eq!(core::str::from_utf8(&accept).ok(), row["expected"]["accept"].as_str(), "{}", id(&row));
        let field = format!("Sec-WebSocket-Key: {key}");
        assert_eq!(refusal(GET, &["-Sec-WebSocket-Key", &field]), None, "{}", id(&row));
    }
    // Keys of other lengths, which the check of a request refuses, by another implementation of SHA-1.
    assert_eq!(&accept_key(b""), b"Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
    assert_eq!(&accept_key(&[b'x'; 100]), b"DJTE+uYDnPxiT+W6VvIG/iPUxv8=");
}

#[test]
fn request_lines() {
    let cases = [
        (GET, None),
        ("GET / HTTP/1.9", None),
        ("GET /a?b={%7c|}\"^` HTTP/1.1", None),
        ("GET HTTPS://Server.example.com:443/ HTTP/1.1", None),
        ("get / HTTP/1.1", Some(Refusal::MethodNotAllowed)),
        ("OPTIONS * HTTP/1.1", Some(Refusal::MethodNotAllowed)),
        ("GET * HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET /a#b HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET http://a/#b HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET ftp://a/ HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET ws://a/ HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET http:///x HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET http://me@a/x HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET chat HTTP/1.1", Some(Refusal::TargetInvalid)),
        ("GET / HTTP/2.0", Some(Refusal::HttpVersionUnsupported)),
        ("GET / HTTP/0.9", Some(Refusal::HttpVersionUnsupported)),
        ("GET / HTTP/1.10", Some(Refusal::RequestLineMalformed)),
        ("GET / HTTP/11", Some(Refusal::RequestLineMalformed)),
        ("GET  HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("GET HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        (" GET / HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("GET\t/ HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("GET / HTTP/1.1 ", Some(Refusal::RequestLineMalformed)),
        ("G(T / HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("GET /\u{e9} HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("GET /\u{1} HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("\r\n\r\nGET / HTTP/1.1", None),
        ("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("\nGET / HTTP/1.1", Some(Refusal::RequestLineMalformed)),
        ("SSH-2.0-OpenSSH_9.6", Some(Refusal::RequestLineMalformed)),
    ];
    for (line, expected) in cases {
        assert_eq!(refusal(line, &[]), expected, "{line:?}");
    }
    let absolute = read(&request("GET http://B.example:81?x=1 HTTP/1.1", &[])).unwrap().unwrap();
    let absolute = absolute.upgrade(OriginPolicy::Any).unwrap();
    assert_eq!(absolute.resource_name().to_string(), "/?x=1");
    assert_eq!(absolute.authority().to_string(), "b.example:81");
}

#[test]
fn fields_refused() {
    let cases: [(&[&str], Refusal); 38] = [
        (&["-Host"], Refusal::HostMissing),
        (&["Host: b.example"], Refusal::HostRepeated),
        (&["-Host", "Host: me@a.example"], Refusal::HostInvalid),
        (&["-Host", "Host: a.example:x"], Refusal::HostInvalid),
        (&["-Host", "Host: [::1"], Refusal::HostInvalid),
        (&["-Host", "Host: a/b"], Refusal::HostInvalid),
        (&["-Upgrade"], Refusal::UpgradeMissing),
        (&["-Upgrade", "Upgrade: websocket/13"], Refusal::UpgradeMissing),
        (&["-Connection", "Connection: \"Upgrade\""], Refusal::ConnectionUpgradeMissing),
        (&["-Sec-WebSocket-Version"], Refusal::VersionMissing),
        (&["Sec-WebSocket-Version: 13"], Refusal::VersionRepeated),
        (&["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 13.0"], Refusal::VersionInvalid),
        (&["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 256"], Refusal::VersionInvalid),
        (&["-Sec-WebSocket-Version", "Sec-WebSocket-Version: "], Refusal::VersionInvalid),
        (&["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 00"], Refusal::VersionInvalid),
        (&["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 0"], Refusal::VersionUnsupported),
        (&["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"], Refusal::VersionUnsupported),
        (&["-Sec-WebSocket-Key"], Refusal::KeyMissing),
        (&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], Refusal::KeyRepeated),
        (&["-Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ==="], Refusal::KeyInvalid),
        (&["-Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j-_=="], Refusal::KeyInvalid),
        (&["Content-Length: 1"], Refusal::BodyAnnounced),
        (&["Content-Length: 0", "Content-Length: 2"], Refusal::BodyAnnounced),
        (&["Content-Length: x"], Refusal::ContentLengthInvalid),
        (&["Content-Length: "], Refusal::ContentLengthInvalid),
        (&["Content-Length: -0"], Refusal::ContentLengthInvalid),
        (&["Transfer-Encoding: chunked"], Refusal::BodyAnnounced),
        (&["Transfer-Encoding: chunked, gzip"], Refusal::BodyAnnounced),
        (&["Transfer-Encoding: foo, chunked"], Refusal::TransferCodingUnknown),
        (&["Transfer-Encoding: foo", "Content-Length: 3"], Refusal::BodyAnnounced),
        (&["Sec-WebSocket-Protocol: ,,"], Refusal::SubprotocolsInvalid),
        (&["Sec-WebSocket-Protocol: a b"], Refusal::SubprotocolsInvalid),
        (&["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, a"], Refusal::SubprotocolRepeated),
        (&["Sec-WebSocket-Extensions: a;"], Refusal::ExtensionsInvalid),
        (&["Sec-WebSocket-Extensions: ,"], Refusal::ExtensionsInvalid),
        (&["Sec-WebSocket-Extensions: a", "Sec-WebSocket-Extensions: b c"], Refusal::ExtensionsInvalid),
        (&["Origin: http://a", "Origin: http://a"], Refusal::OriginRepeated),
        (&["X A: b"], Refusal::HeadMalformed),
    ];
    for (changes, expected) in cases {
        assert_eq!(refusal(GET, changes), Some(expected), "{changes:?}");
    }
    let lawful: [&[&str]; 8] = [
        &["Content-Length: 0"],
        &["Content-Length: 000"],
        &["Sec-WebSocket-Protocol: ", "Sec-WebSocket-Protocol: chat"],
        &["-Connection", "Connection: ,, keep-alive ,\tuPGRADE ,"],
        &["-Upgrade", "Upgrade: h2c", "Upgrade: WEBsocket"],
        // Names that are no longer and no shorter than those that are looked for.
        &["If-Modified-Since: chunked"],
        &["Sec-CH-Viewport-Height: a b"],
        &["X-WebKit-CSP-Report-Only: a;"],
    ];
    for changes in lawful {
        assert_eq!(refusal(GET, changes), None, "{changes:?}");
    }
}

#[test]
fn malformed_heads() {
    let cases: [&[u8]; 13] = [
        b"X: a\x00b",
        b"X: a\x01b",
        b"X: a\x7fb",
        b"X: a\rb",
        b"X: a\r",
        b"X : a",
        b"X\t: a",
        b": a",
        b"X",
        b"X: a\r\n folded",
        b"X: a\r\n\tfolded",
        b"X: a\nY: b",
        b"X\x80: a",
    ];
    for line in cases {
        let head = [b"GET / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat();
        assert_eq!(judge(&head, OriginPolicy::Any), Err(Refusal::HeadMalformed), "{:?}", line.escape_ascii());
    }
    let bare: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\n",
    ];
    for head in bare {
        assert_eq!(judge(head, OriginPolicy::Any), Err(Refusal::HeadMalformed), "{:?}", head.escape_ascii());
    }
    assert_eq!(
        judge(b"GET / HTTP/1.1\nHost: a\r\n\r\n", OriginPolicy::Any),
        Err(Refusal::RequestLineMalformed)
    );
    // Line ends alone are a line, too.
    for pieces in cuts(&[b'\n'; 32]) {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let fed = feed(&pieces, |input| handshake.receive(input));
        assert_eq!(fed.result.err(), Some(Refusal::RequestLineMalformed));
    }
    let every_byte = (0..=255u8).filter(|&byte| {
        let head = [b"GET / HTTP/1.1\r\nX: a".as_slice(), &[byte], b"b\r\n\r\n"].concat();
        read(&head).is_ok_and(|head| head.is_some())
    });
    assert!(every_byte.eq((0..=255).filter(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))));
}

#[test]
fn limits_are_judged_at_the_byte_that_exceeds_them() {
    let line = |length: usize| format!("GET /{} HTTP/1.1", "a".repeat(length - "GET / HTTP/1.1\r\n".len()));
    assert_eq!(refusal(&line(8000), &[]), None);
    assert_eq!(refusal(&line(8192), &[]), None);
    assert_eq!(refusal(&line(8193), &[]), Some(Refusal::RequestLineTooLong));

    let padded = |length: usize| {
        let empty = request(GET, &["X: "]).len();
        request(GET, &[&format!("X: {}", "a".repeat(length - empty))])
    };
    assert_eq!(padded(16384).len(), 16384);
    assert_eq!(judge(&padded(16384), OriginPolicy::Any), Ok(()));
    assert_eq!(judge(&padded(16385), OriginPolicy::Any), Err(Refusal::HeadTooLarge));

    let many = |count: usize| request(GET, &vec!["a: b"; count - 5]);
    for count in [32, 33, 100] {
        assert_eq!(judge(&many(count), OriginPolicy::Any), Ok(()), "{count}");
    }
    assert_eq!(judge(&many(101), OriginPolicy::Any), Err(Refusal::TooManyFields));

    // No line end has come yet.
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    assert!(handshake.receive(&mut &mut [b'a'; 8192][..]).unwrap().is_none());
    assert_eq!(handshake.receive(&mut &mut [b'a'][..]).err(), Some(Refusal::RequestLineTooLong));
    // No line end ever comes.
    for pieces in cuts(&[b'a'; 40000]) {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let fed = feed(&pieces, |input| handshake.receive(input));
        assert_eq!(fed.result.err(), Some(Refusal::RequestLineTooLong));
        let mut more = *b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(handshake.receive(&mut &mut more[..]).err(), Some(Refusal::RequestLineTooLong), "final");
    }

    let names = |count: usize| (0..count).map(|n| format!("p{n}")).collect::<Vec<_>>().join(", ");
    assert_eq!(refusal(GET, &[&format!("Sec-WebSocket-Protocol: {}", names(64))]), None);
    assert_eq!(
        refusal(GET, &[&format!("Sec-WebSocket-Protocol: {}", names(65))]),
        Some(Refusal::TooManySubprotocols)
    );
}

#[test]
fn origin_policies() {
    let listed =
        [Origin::parse("https://App.example").unwrap(), Origin::parse("http://a.example:8080").unwrap()];
    let with_null = [Origin::Null];
    // Host, Origin; whether Any, List, a list of null, SameHost and Defer let it pass.
    let cases: [(&str, Option<&str>, [bool; 5]); 22] = [
        ("a.example", None, [true, true, true, true, true]),
        ("a.example", Some("null"), [true, false, true, false, true]),
        ("a.example", Some("https://app.example"), [true, true, false, false, true]),
        ("a.example", Some("HTTPS://APP.EXAMPLE:443"), [true, true, false, false, true]),
        ("a.example", Some("http://app.example"), [true, false, false, false, true]),
        ("a.example", Some("https://app.example.evil.example"), [true, false, false, false, true]),
        ("a.example:8080", Some("http://a.example:8080"), [true, true, false, true, true]),
        ("a.example", Some("http://a.example:8080"), [true, true, false, false, true]),
        ("a.example", Some("https://a.example"), [true, false, false, true, true]),
        ("A.example:443", Some("https://a.example"), [true, false, false, true, true]),
        ("a.example:80", Some("https://a.example"), [true, false, false, false, true]),
        ("app.example", Some("https://app.example/"), [true, false, false, false, true]),
        ("app.example", Some("https://app.example https://app.example"), [true, false, false, false, true]),
        ("app.example", Some(""), [true, false, false, false, true]),
        ("app.example", Some("1https://app.example"), [true, false, false, false, true]),
        ("app.example", Some("ht tps://app.example"), [true, false, false, false, true]),
        ("app.example:443", Some("wss://app.example"), [true, false, false, true, true]),
        ("app.example:80", Some("ws://app.example"), [true, false, false, true, true]),
        ("app.example:80", Some("wss://app.example"), [true, false, false, false, true]),
        // A scheme without a default port is another host's unless both say the same.
        ("app.example:81", Some("x-app://app.example"), [true, false, false, false, true]),
        ("app.example:81", Some("x-app://app.example:81"), [true, false, false, true, true]),
        ("app.example", Some("x-app://app.example:80"), [true, false, false, false, true]),
    ];
    for (host, origin, expected) in cases {
        let host = format!("Host: {host}");
        let origin = origin.map(|origin| format!("Origin: {origin}"));
        let changes: Vec<&str> = ["-Host", &host].into_iter().chain(origin.as_deref()).collect();
        let policies = [
            OriginPolicy::Any,
            OriginPolicy::List(&listed),
            OriginPolicy::List(&with_null),
            OriginPolicy::SameHost,
            OriginPolicy::Defer,
        ];
        for (policy, passes) in policies.into_iter().zip(expected) {
            let result = judge(&request(GET, &changes), policy);
            assert_eq!(
                result,
                if passes { Ok(()) } else { Err(Refusal::OriginForbidden) },
                "{policy:?} {changes:?}"
            );
        }
    }
    assert_eq!(Refusal::OriginForbidden.status(), 403);
}

#[test]
fn acceptance_is_checked_before_it_is_written() {
    let head = request(GET, &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: foo; a=\"1\", bar"]);
    let head = read(&head).unwrap().unwrap();
    let request = head.upgrade(OriginPolicy::Any).unwrap();
    let none = Acceptance::default();
    let cases = [
        (Acceptance { subprotocol: Some(""), ..none }, WriteError::SubprotocolNotOffered),
        (Acceptance { subprotocol: Some("Chat"), ..none }, WriteError::SubprotocolNotOffered),
        (Acceptance { subprotocol: Some("chat\r\nX: y"), ..none }, WriteError::SubprotocolNotOffered),
        (Acceptance { extensions: Some(""), ..none }, WriteError::Extensions),
        (Acceptance { extensions: Some("foo\r\nX: y"), ..none }, WriteError::Extensions),
        (Acceptance { extensions: Some("foo, baz"), ..none }, WriteError::ExtensionNotOffered),
        (Acceptance { fields: &[("X", "a\r\nY: b")], ..none }, WriteError::FieldValue),
        (Acceptance { fields: &[("X", "a\nb")], ..none }, WriteError::FieldValue),
        (Acceptance { fields: &[("X", "a\0")], ..none }, WriteError::FieldValue),
        (Acceptance { fields: &[("X: y\r\nZ", "a")], ..none }, WriteError::FieldName),
        (Acceptance { fields: &[("", "a")], ..none }, WriteError::FieldName),
        (Acceptance { fields: &[("upgrade", "h2c")], ..none }, WriteError::FieldReserved),
        (Acceptance { fields: &[("Connection", "close")], ..none }, WriteError::FieldReserved),
        (Acceptance { fields: &[("SEC-WEBSOCKET-ACCEPT", "x")], ..none }, WriteError::FieldReserved),
        (Acceptance { fields: &[("Sec-WebSocket-Protocol", "x")], ..none }, WriteError::FieldReserved),
        (Acceptance { fields: &[("Content-Length", "1")], ..none }, WriteError::FieldReserved),
        (Acceptance { fields: &[("Transfer-Encoding", "chunked")], ..none }, WriteError::FieldReserved),
    ];
    for (acceptance, error) in cases {
        assert_eq!(request.accept(&acceptance), Err(error), "{acceptance:?}");
        assert_eq!(request.write_acceptance(&acceptance, &mut [0; 1024]), Err(error), "{acceptance:?}");
    }
    let acceptance = Acceptance {
        subprotocol: Some("chat"),
        extensions: Some("foo; a=1"),
        fields: &[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
    };
    let response = request.accept(&acceptance).unwrap();
    assert!(response.ends_with(
        b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: foo; a=1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    ));
    for size in 0..=response.len() {
        let mut buffer = vec![0; size];
        let written = request.write_acceptance(&acceptance, &mut buffer);
        if size < response.len() {
            assert_eq!(written, Err(WriteError::BufferTooSmall { needed: response.len() }));
        } else {
            assert_eq!((written, buffer), (Ok(response.len()), response.clone()));
        }
    }
}

#[test]
fn responses_of_the_application_are_checked() {
    let response = |status, fields, body| Response { status, fields, body }.to_bytes();
    assert_eq!(response(101, &[], b""), Err(WriteError::Status));
    assert_eq!(response(600, &[], b""), Err(WriteError::Status));
    assert_eq!(response(304, &[], b"x"), Err(WriteError::BodyForbidden));
    assert_eq!(response(302, &[("Location", "/\r\nSet-Cookie: x")], b""), Err(WriteError::FieldValue));
    assert_eq!(response(302, &[("Loc ation", "/")], b""), Err(WriteError::FieldName));
    assert_eq!(response(400, &[("content-length", "7")], b""), Err(WriteError::FieldReserved));
    assert_eq!(
        response(404, &[("X", "y")], b"gone").unwrap(),
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nX: y\r\nContent-Length: 4\r\n\r\ngone"
    );
    assert_eq!(
        response(299, &[], b"").unwrap(),
        b"HTTP/1.1 299 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(response(204, &[], b"").unwrap(), b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    let not_allowed = String::from_utf8(response(405, &[("Allow", "GET, HEAD")], b"").unwrap()).unwrap();
    assert_eq!(field(&not_allowed, "allow"), Some("GET, HEAD"));
    let not_allowed = String::from_utf8(response(405, &[], b"").unwrap()).unwrap();
    assert_eq!(field(&not_allowed, "allow"), Some("GET"));
    let upgrade = String::from_utf8(response(426, &[], b"").unwrap()).unwrap();
    assert_eq!(field(&upgrade, "upgrade"), Some("websocket"));
    assert_eq!(field(&upgrade, "connection"), Some("Upgrade, close"));
    assert_eq!(field(&upgrade, "sec-websocket-version"), Some("13"));

    let page = Response { status: 404, fields: &[("X", "y")], body: b"gone" };
    let whole = page.to_bytes().unwrap();
    let mut buffer = [0; 256];
    assert_eq!(page.write(&mut buffer), Ok(whole.len()));
    assert_eq!(buffer[..whole.len()], whole);
    let needed = whole.len();
    assert_eq!(page.write(&mut buffer[..needed - 1]), Err(WriteError::BufferTooSmall { needed }));
    assert_eq!(Response { status: 101, ..page }.write(&mut buffer), Err(WriteError::Status));

    let refusal = Refusal::MethodNotAllowed;
    let length = refusal.write(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], refusal.response());
    let text = String::from_utf8(refusal.response()).unwrap();
    assert_eq!(field(&text, "allow"), Some("GET"));
    assert_eq!(refusal.write(&mut [0; 9]), Err(WriteError::BufferTooSmall { needed: length }));
    let all = [Refusal::HeadTooLarge, Refusal::VersionUnsupported, Refusal::ConnectionUpgradeMissing];
    assert!(all.iter().all(|refusal| refusal.write(&mut [0; 256]).is_ok()));
}

/// The phrases of RFC 9110 §15 and RFC 6585; no other status has one.
#[test]
fn s15_a_status_has_its_customary_phrase() {
    let known = "200 OK, 201 Created, 202 Accepted, 204 No Content, 205 Reset Content, 301 Moved Permanently, \
        302 Found, 303 See Other, 304 Not Modified, 307 Temporary Redirect, 308 Permanent Redirect, 400 Bad Request, \
        401 Unauthorized, 403 Forbidden, 404 Not Found, 405 Method Not Allowed, 406 Not Acceptable, \
        408 Request Timeout, 409 Conflict, 410 Gone, 411 Length Required, 413 Content Too Large, 414 URI Too Long, \
        415 Unsupported Media Type, 421 Misdirected Request, 426 Upgrade Required, 428 Precondition Required, \
        429 Too Many Requests, 431 Request Header Fields Too Large, 500 Internal Server Error, \
        501 Not Implemented, 502 Bad Gateway, 503 Service Unavailable, 504 Gateway Timeout, \
        505 HTTP Version Not Supported, 511 Network Authentication Required";
    for status in 200..=599 {
        let response = Response { status, fields: &[], body: b"" }.to_bytes().unwrap();
        let line = String::from_utf8(response).unwrap().lines().next().unwrap().to_owned();
        let named = known.split(", ").find(|phrase| phrase.starts_with(&status.to_string()));
        let phrase = named.map_or(format!("{status} "), str::to_owned);
        assert_eq!(line, format!("HTTP/1.1 {phrase}"));
    }
}

#[test]
fn more_than_64_reads_and_what_follows_the_head() {
    let mut bytes = request(GET, &["X: y"]);
    let head = bytes.len();
    bytes.extend_from_slice(b"\x81\x00GET / HTTP/1.1\r\n\r\n");
    assert!(head > 128);
    for pieces in cuts(&bytes) {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let fed = feed(&pieces, |input| handshake.receive(input));
        let got = fed.result.unwrap().unwrap();
        assert_eq!((got.method(), got.target(), got.path()), ("GET", "/chat", "/chat"));
        assert_eq!(got.version(), HttpVersion::HTTP_11);
        assert_eq!((got.field("x"), got.fields().count()), (Some(b"y".as_slice()), 6));
        assert_eq!(got.fields().size_hint(), (6, Some(6)));
        assert_eq!(fed.left, bytes[head..]);
        let mut more = fed.left.clone();
        let mut input = &mut more[..];
        assert!(handshake.receive(&mut input).unwrap().is_none(), "the one request has come");
        assert_eq!(input, fed.left, "and frames are not touched");
        assert_eq!(handshake.receive_eof(), Ok(()));
    }
}

#[test]
fn the_check_serves_any_list_of_fields() {
    let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
    let fields = [
        ("HOST", "a"),
        ("uPGRADE", " websocket\t"),
        ("connection", "upgrade"),
        ("sec-websocket-key", KEY),
        ("sec-websocket-version", "\t13 "),
        ("sec-websocket-protocol", "x"),
    ];
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let request = Request::check(line, fields, OriginPolicy::SameHost).unwrap();
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["x"]);
    assert_eq!(request.choose_subprotocol(&["y", "x"]), Some("x"));
    let line = RequestLine { target: b"/\r\nX: y", ..line };
    assert_eq!(Request::check(line, request.fields(), OriginPolicy::Any).err(), Some(Refusal::TargetInvalid));
}

#[test]
fn the_deadline() {
    let limits = HandshakeLimits { time: Duration::from_secs(5), ..HandshakeLimits::default() };
    let at = |seconds| Moment::from(Duration::from_secs(seconds));
    let mut handshake = ServerHandshake::new(limits);
    assert_eq!(handshake.poll_timeout(at(10)), Some(at(15)));
    let mut byte = *b"G";
    assert!(handshake.receive(&mut &mut byte[..]).unwrap().is_none());
    assert_eq!(handshake.poll_timeout(at(14)), Some(at(15)), "a byte does not prolong it");
    assert_eq!(handshake.handle_timeout(at(14)), Ok(()));
    assert_eq!(handshake.handle_timeout(at(15)), Err(Refusal::TimedOut));
    assert_eq!(handshake.poll_timeout(at(15)), None);
    let mut rest = request(&GET[1..], &[]);
    assert_eq!(handshake.receive(&mut &mut rest[..]).err(), Some(Refusal::TimedOut));
    assert_eq!(Refusal::TimedOut.status(), 408);

    // A driver that ticks need not ask.
    let mut handshake = ServerHandshake::new(limits);
    let ticks: Vec<_> = (1000..1007).map(|second| handshake.handle_timeout(at(second)).is_ok()).collect();
    assert_eq!(ticks, [true, true, true, true, true, false, false]);

    let mut handshake = ServerHandshake::new(limits);
    assert_eq!(handshake.poll_timeout(at(0)), Some(at(5)));
    assert!(handshake.receive(&mut &mut request(GET, &[])[..]).unwrap().is_some());
    assert_eq!(handshake.poll_timeout(at(1)), None);
    assert_eq!(handshake.handle_timeout(at(9)), Ok(()), "the head has come in time");
}

#[test]
fn debug_shows_no_secret() {
    let fields = ["Cookie: secret", "Authorization: secret"];
    let head = read(&request("GET /a?token=secret HTTP/1.1", &fields)).unwrap().unwrap();
    let request = head.upgrade(OriginPolicy::Any).unwrap();
    let shown = format!("{head:?} {request:?} {:?} {:?}", head.fields(), *request);
    assert!(!shown.contains("secret") && !shown.contains(KEY), "{shown}");
    assert!(shown.contains("/a"));
}

/// The outcome of a head, the same however it is cut: judged for every byte of a valid head changed to every telling
/// one.
#[test]
fn a_changed_byte_means_the_same_in_every_cut() {
    let changes =
        ["Origin: http://a", "Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Extensions: a; b=\"c\""];
    let valid = [request(GET, &changes), b"\x81\x00".to_vec()].concat();
    let outcome = |pieces: &[Vec<u8>]| {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let fed = feed(pieces, |input| handshake.receive(input));
        let outcome = match &fed.result {
            Ok(Some(head)) => {
                Some(head.upgrade(OriginPolicy::Any).map(|request| request.accept(&Acceptance::default())))
            }
            Ok(None) => None,
            // What is left behind a refusal means nothing.
            Err(refusal) => return (Some(Err(*refusal)), Vec::new()),
        };
        (outcome, fed.left)
    };
    let mut accepted = 0;
    for at in 0..valid.len() {
        for byte in *b"\0\t\n\r \",:;=aZ/#\x7f\xff" {
            let mut changed = valid.clone();
            changed[at] = byte;
            let ways = cuts(&changed);
            let whole = outcome(&ways[0]);
            accepted += u32::from(matches!(whole.0, Some(Ok(_))));
            for way in &ways[1..4] {
                assert_eq!(outcome(way), whole, "{:?}", changed.escape_ascii().to_string());
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}

/// RFC 9110 §5.6.2: what a token is made of.
#[test]
fn every_character_of_a_token() {
    for character in ('!'..='~').filter(|character| *character != ',') {
        let allowed = character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
        let field = format!("Sec-WebSocket-Protocol: x{character}x");
        assert_eq!(refusal(GET, &[&field]).is_none(), allowed, "{field}");
    }
}
