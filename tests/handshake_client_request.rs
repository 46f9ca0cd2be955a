//! RFC 6455 §4.1: the request that a client sends.

#![cfg(feature = "alloc")]

mod support;

use sockless::handshake::{
    ClientHandshake, ClientRequest, HandshakeLimits, Key, Offer, OriginPolicy, Outcome, ServerHandshake,
    WriteError,
};
use sockless::{Keys, Uri};
use support::vectors::{bytes, id, load, strings};

fn to(uri: &str) -> ClientRequest<'_> {
    ClientRequest::new(Uri::parse(uri).unwrap())
}

fn write(request: &ClientRequest<'_>) -> Result<Vec<u8>, WriteError> {
    request.to_bytes(&Key::from_nonce([0; 16]))
}

#[test]
fn vectors() {
    for row in load("client_requests") {
        let (input, expected) = (&row["input"], &row["expected"]);
        let subprotocols = strings(&input["subprotocols"]);
        let request = ClientRequest {
            offer: Offer { subprotocols: &subprotocols, ..Offer::default() },
            origin: input["origin"].as_str(),
            ..to(input["uri"].as_str().unwrap())
        };
        let key = Key::from_nonce(bytes(&input["nonce_hex"]).try_into().unwrap());
        let sent = String::from_utf8(request.to_bytes(&key).unwrap()).unwrap();
        let mut lines = sent.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
        assert_eq!(lines.next(), expected["request_line"].as_str(), "{}", id(&row));
        let fields: Vec<(String, &str)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect();
        assert_eq!(fields[0].0, "host", "{}", id(&row));
        let wanted = expected["headers"].as_object().unwrap();
        assert_eq!(fields.len(), wanted.len(), "{}: {fields:?}", id(&row));
        for (name, value) in fields {
            assert_eq!(wanted[&name], value, "{}: {name}", id(&row));
        }
        let mut sent = sent.into_bytes();
        let head =
            ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut sent[..]).unwrap().unwrap();
        assert!(head.upgrade(OriginPolicy::Any).is_ok(), "{}", id(&row));
    }
}

#[test]
fn subprotocols_of_the_vectors_are_refused() {
    let mut count = 0;
    for row in load("api").iter().filter(|row| id(row).starts_with("api-proto-")) {
        let subprotocols = strings(&row["input"]["subprotocols"]);
        let offer = Offer { subprotocols: &subprotocols, ..Offer::default() };
        let request = ClientRequest { offer, ..to("ws://a/") };
        assert_eq!(write(&request), Err(WriteError::Subprotocol), "{}", id(row));
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let base = to("ws://a/");
    let offer = |subprotocols, extensions| Offer { subprotocols, extensions, require_subprotocol: false };
    let cases = [
        (ClientRequest { offer: offer(&["a", "b", "a"], None), ..base }, WriteError::SubprotocolRepeated),
        (ClientRequest { offer: offer(&["a\r\nX: y"], None), ..base }, WriteError::Subprotocol),
        (ClientRequest { offer: offer(&[], Some("")), ..base }, WriteError::Extensions),
        (ClientRequest { offer: offer(&[], Some("a\r\nX: y")), ..base }, WriteError::Extensions),
        (ClientRequest { offer: offer(&[], Some("a; b=\"\r\n\"")), ..base }, WriteError::Extensions),
        (ClientRequest { origin: Some("http://a\r\nX: y"), ..base }, WriteError::Origin),
        (ClientRequest { origin: Some("http://a/"), ..base }, WriteError::Origin),
        (ClientRequest { origin: Some(""), ..base }, WriteError::Origin),
        (ClientRequest { fields: &[("X", "a\r\nY: b")], ..base }, WriteError::FieldValue),
        (ClientRequest { fields: &[("X", "a\rb")], ..base }, WriteError::FieldValue),
        (ClientRequest { fields: &[("X", "a\0b")], ..base }, WriteError::FieldValue),
        (ClientRequest { fields: &[("X:", "a")], ..base }, WriteError::FieldName),
        (ClientRequest { fields: &[("X\r\nY", "a")], ..base }, WriteError::FieldName),
        (ClientRequest { fields: &[("X Y", "a")], ..base }, WriteError::FieldName),
    ];
    for (request, error) in cases {
        assert_eq!(write(&request), Err(error), "{request:?}");
        let handshake = ClientHandshake::new(&request, Keys::from_seed([0; 32]), HandshakeLimits::default());
        assert_eq!(handshake.err(), Some(error), "{request:?}");
    }
    let reserved = [
        "Host",
        "upgrade",
        "CONNECTION",
        "Origin",
        "Content-Length",
        "Transfer-Encoding",
        "Sec-WebSocket-Key",
        "sec-websocket-version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Accept",
    ];
    for name in reserved {
        let fields = [(name, "x")];
        assert_eq!(
            write(&ClientRequest { fields: &fields, ..base }),
            Err(WriteError::FieldReserved),
            "{name}"
        );
    }
}

#[test]
fn everything_that_can_be_sent_is() {
    let request = ClientRequest {
        offer: Offer {
            subprotocols: &["b", "a"],
            extensions: Some("foo; a=\"b\", bar"),
            require_subprotocol: true,
        },
        origin: Some("null"),
        fields: &[("Cookie", "a=\u{e9}; c"), ("Authorization", "Basic eDp5")],
        ..to("ws://[::1]:8080/%23?a#".trim_end_matches('#'))
    };
    let sent = write(&request).unwrap();
    let wanted = "GET /%23?a HTTP/1.1\r\nHost: [::1]:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: b, a\r\n\
        Sec-WebSocket-Extensions: foo; a=\"b\", bar\r\nOrigin: null\r\nCookie: a=\u{e9}; c\r\n\
        Authorization: Basic eDp5\r\n\r\n";
    assert_eq!(core::str::from_utf8(&sent), Ok(wanted));
    for size in [0, 1, sent.len() - 1] {
        let needed = request.write(&Key::from_nonce([0; 16]), &mut vec![0; size]);
        assert_eq!(needed, Err(WriteError::BufferTooSmall { needed: sent.len() }));
    }
    let mut buffer = vec![0; sent.len()];
    assert_eq!(request.write(&Key::from_nonce([0; 16]), &mut buffer), Ok(sent.len()));
    assert_eq!(buffer, sent);
}

#[test]
fn a_seed_makes_the_key_and_then_the_masks() {
    let request = to("ws://a/");
    let handshake = |seed| {
        ClientHandshake::new(&request, Keys::from_seed([seed; 32]), HandshakeLimits::default()).unwrap()
    };
    assert_eq!(handshake(1).request(), handshake(1).request());
    assert_ne!(handshake(1).request(), handshake(2).request());
    let mut keys = Keys::from_seed([1; 32]);
    let key = Key::from_nonce(keys.nonce());
    let mut handshake = handshake(1);
    assert_eq!(handshake.request(), request.to_bytes(&key).unwrap());

    let accept = String::from_utf8(key.accept().to_vec()).unwrap();
    let mut response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes();
    match handshake.receive(&mut &mut response[..]) {
        Ok(Some(Outcome::Established(established))) => {
            assert_eq!(established.into_keys().masking_key(), keys.masking_key());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn debug_shows_no_secret() {
    let request = ClientRequest {
        fields: &[("Cookie", "secret"), ("Authorization", "secret")],
        ..to("ws://me:secret@a/?token=secret")
    };
    let key = Key::from_nonce(*b"the sample nonce");
    let handshake =
        ClientHandshake::new(&request, Keys::from_seed([7; 32]), HandshakeLimits::default()).unwrap();
    let shown = format!("{request:?} {key:?} {handshake:?}");
    assert!(!shown.contains("secret") && !shown.contains(key.as_str()) && !shown.contains("7, 7"), "{shown}");
}
