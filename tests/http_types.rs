//! The `http` crate's types: the same rules as over fields and bytes (RFC 6455 §4).
#![cfg(feature = "http")]

use http::{Method, Version};
use sockless::Uri;
use sockless::handshake::{
    Acceptance, ClientRequest, HeaderFields, HttpVersion, Key, Offer, OriginPolicy, Refusal, Request,
    RequestLine, ResponseError, WriteError,
};

const FIELDS: [(&str, &str); 5] = [
    ("host", "a.example:81"),
    ("upgrade", "websocket"),
    ("connection", "keep-alive, Upgrade"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
];

fn parts(target: &str, fields: &[(&str, &str)]) -> http::request::Parts {
    let mut request = http::Request::get(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// What each of two ways to the same check says: the resource name, the authority, the subprotocols; or the refusal.
type Found = Result<(String, String, Vec<String>), Refusal>;

fn over_fields(target: &str, fields: &[(&str, &str)]) -> Found {
    let line = RequestLine { method: b"GET", target: target.as_bytes(), version: HttpVersion::HTTP_11 };
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    found(Request::check(line, fields, OriginPolicy::SameHost))
}

fn over_parts(target: &str, fields: &[(&str, &str)]) -> Found {
    found(Request::check_http(&parts(target, fields), OriginPolicy::SameHost))
}

fn found<'a, F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone>(
    checked: Result<Request<'a, F>, Refusal>,
) -> Found {
    let request = checked?;
    let subprotocols = request.subprotocols().map(str::to_owned).collect();
    Ok((request.resource_name().to_string(), request.authority().to_string(), subprotocols))
}

#[test]
fn both_ways_to_the_check_agree() {
    let mut lists = vec![FIELDS.to_vec()];
    // One missing, one twice, one of another value, one more.
    for at in 0..FIELDS.len() {
        let without = FIELDS.iter().copied().enumerate().filter(|(index, _)| *index != at);
        lists.push(without.map(|(_, field)| field).collect());
        lists.push(FIELDS.iter().copied().chain([FIELDS[at]]).collect());
        for value in ["", "x", "12", "websocket", "b.example"] {
            let mut fields = FIELDS.to_vec();
            fields[at].1 = value;
            lists.push(fields);
        }
    }
    for more in [
        ("sec-websocket-protocol", "a, b"),
        ("sec-websocket-protocol", "a, a"),
        ("sec-websocket-extensions", "x; y=\"z\""),
        ("sec-websocket-extensions", ";"),
        ("content-length", "5"),
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("origin", "http://a.example:81"),
        ("origin", "http://b.example"),
        ("origin", "null"),
    ] {
        lists.push(FIELDS.iter().copied().chain([more]).collect());
        lists.push(FIELDS.iter().copied().chain([more, more]).collect());
    }
    let mut opened = 0;
    for fields in &lists {
        for target in [
            "/",
            "/chat?room=1",
            "*",
            "http://c.example/x?y",
            "https://a.example:81/",
            "ftp://c.example/",
            "/caf\u{e9}",
        ] {
            let expected = over_fields(target, fields);
            opened += usize::from(expected.is_ok());
            assert_eq!(over_parts(target, fields), expected, "{target} {fields:?}");
        }
    }
    assert!(opened > 20, "{opened}");
}

#[test]
fn the_method_and_the_version_are_judged_first() {
    let mut request = parts("/", &FIELDS);
    request.method = Method::POST;
    let refusal =
        |request: &http::request::Parts| Request::check_http(request, OriginPolicy::Any).unwrap_err();
    assert_eq!(refusal(&request), Refusal::MethodNotAllowed);
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        request.version = version;
        assert_eq!(refusal(&request), Refusal::HttpVersionUnsupported);
    }
}

#[test]
fn the_response_says_what_the_bytes_say() {
    let mut fields = FIELDS.to_vec();
    fields.push(("sec-websocket-protocol", "a, b"));
    fields.push(("sec-websocket-extensions", "x-one, x-two; level=1"));
    let parts = parts("/", &fields);
    let request = Request::check_http(&parts, OriginPolicy::Any).unwrap();
    let acceptance = Acceptance {
        subprotocol: Some("b"),
        fields: &[("Set-Cookie", "x=1"), ("Set-Cookie", "y=2")],
        extensions: Some("x-two"),
    };
    let response = request.to_http(&acceptance).unwrap();
    let mut text = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    let bytes = String::from_utf8(request.accept(&acceptance).unwrap()).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(str::to_lowercase).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&text), sorted(&bytes));

    let refused = |acceptance| request.to_http(&acceptance).unwrap_err();
    let none = Acceptance::default();
    assert_eq!(refused(Acceptance { subprotocol: Some("c"), ..none }), WriteError::SubprotocolNotOffered);
    assert_eq!(refused(Acceptance { fields: &[("A", "b\r\nC: d")], ..none }), WriteError::FieldValue);
    assert_eq!(refused(Acceptance { fields: &[("Upgrade", "b")], ..none }), WriteError::FieldReserved);
    assert_eq!(refused(Acceptance { fields: &[("A b", "c")], ..none }), WriteError::FieldName);
    let extensions = Some("x-three");
    assert_eq!(refused(Acceptance { extensions, ..none }), WriteError::ExtensionNotOffered);
}

#[test]
fn a_copy_of_the_fields_goes_on_at_the_same_place() {
    let map = parts("/", &FIELDS).headers;
    let mut fields = HeaderFields::new(&map);
    for left in (0..FIELDS.len()).rev() {
        fields.next().unwrap();
        let (copied, own): (Vec<_>, Vec<_>) = (fields.clone().collect(), fields.clone().clone().collect());
        assert_eq!((copied.len(), &copied), (left, &own));
        assert_eq!(fields.clone().next(), copied.first().copied());
    }
    assert!(fields.next().is_none() && fields.clone().next().is_none());
}

#[test]
fn every_refusal_has_its_status_and_its_fields() {
    for refusal in [
        Refusal::OriginForbidden,
        Refusal::MethodNotAllowed,
        Refusal::UpgradeMissing,
        Refusal::VersionUnsupported,
        Refusal::VersionInvalid,
        Refusal::KeyMissing,
        Refusal::HttpVersionUnsupported,
    ] {
        let response = refusal.to_http();
        assert_eq!(response.status().as_u16(), refusal.status());
        for (name, value) in refusal.fields() {
            assert_eq!(response.headers()[*name], *value);
        }
        assert_eq!(response.headers().contains_key("connection"), refusal.status() == 426);
    }
}

#[test]
fn a_client_asks_and_checks() {
    let key = Key::from_nonce([7; 16]);
    let request = ClientRequest {
        offer: Offer { subprotocols: &["a", "b"], require_subprotocol: true, extensions: Some("x-one") },
        origin: Some("https://a.example"),
        fields: &[("Cookie", "x=1")],
        ..ClientRequest::new(Uri::parse("wss://a.example/chat?x").unwrap())
    };
    let (asked, ()) = request.to_http(&key).unwrap().into_parts();
    let checked = Request::check_http(&asked, OriginPolicy::SameHost).unwrap();
    assert_eq!(checked.resource_name().to_string(), "/chat?x");
    assert_eq!(checked.subprotocols().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(asked.headers["cookie"], "x=1");
    assert_eq!(asked.headers["sec-websocket-extensions"], "x-one");

    let answer = |subprotocol| {
        let acceptance = Acceptance { subprotocol, ..Acceptance::default() };
        checked.to_http(&acceptance).unwrap().into_parts().0
    };
    let check = |parts: &http::response::Parts| {
        request.offer.check_http(&key, parts).map(|opened| opened.subprotocol().map(str::to_owned))
    };
    assert_eq!(check(&answer(Some("b"))), Ok(Some("b".into())));
    assert_eq!(check(&answer(None)), Err(ResponseError::SubprotocolMissing));
    let refused = Refusal::OriginForbidden.to_http().into_parts().0;
    assert_eq!(check(&refused), Err(ResponseError::Status(403)));
    let mut other = answer(Some("b"));
    other.headers.insert("sec-websocket-accept", "x".parse().unwrap());
    assert_eq!(check(&other), Err(ResponseError::AcceptWrong));

    let (bare, ()) = ClientRequest::new(request.uri).to_http(&key).unwrap().into_parts();
    let mut names: Vec<_> = bare.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let needed = ["connection", "host", "sec-websocket-key", "sec-websocket-version", "upgrade"];
    assert_eq!((names, bare.headers.len()), (needed.to_vec(), 5));

    let reserved = ClientRequest { fields: &[("Host", "b.example")], ..request };
    assert_eq!(reserved.to_http(&key).unwrap_err(), WriteError::FieldReserved);
}
