//! `Debug` is for logs: no payload, no key, no cookie and no credential stands in it.
#![cfg(feature = "alloc")]

use std::fmt::Debug;

use sockless::handshake::{
    Acceptance, BodyCollector, BodyFraming, ClientHandshake, ClientRequest, ConnectRequest, HandshakeLimits,
    HttpVersion, Key, Offer, OriginPolicy, Outcome, ProxyHandshake, ProxyRequest, Request, RequestLine,
    Response, ServerHandshake, StatusLine, Tunnel, WindowBits,
};
use sockless::{
    CloseCode, Config, Connection, ControlPayload, Decoder, EndCode, Event, Keys, Limits, Opcode, Prepared,
    ReadBuffer, Role, Uri, Utf8,
};

const SECRET: &str = "s3cret";

/// Holds that a value shows its own name, so that it is found in a log, and what it shall show, but not the secret.
#[track_caller]
fn hides(value: &impl Debug, name: &str, shown: &[&str]) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(text.contains(name), "{text} is no {name}");
        assert!(shown.iter().all(|shown| text.contains(shown)), "{text} has not {shown:?}");
        let bytes = format!("{:?}", SECRET.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        let unspaced: String = text.split_whitespace().collect();
        assert!(!text.contains(SECRET) && !unspaced.contains(&bytes.replace(' ', "")), "{text}");
    }
}

#[test]
fn messages_show_their_lengths() {
    let prepared = Prepared::text(SECRET).unwrap();
    hides(&prepared, "Prepared", &["Text", "8 bytes"]);

    let mut connection = Connection::server(Config::default());
    let mut wire = *b"\x81\x86\0\0\0\0s3cret\x01\x86\0\0\0\0s3cret\x80\x80\0\0\0\0";
    let mut input = &mut wire[..];
    let Ok(Some(event @ Event::Text { .. })) = connection.receive(&mut input) else { panic!("no text") };
    hides(&event, "Text", &["6 bytes"]);
    // In the middle of a message the connection keeps its beginning.
    let rest = input.len() - 6;
    assert!(connection.receive(&mut &mut input[..rest]).unwrap().is_none());
    hides(&connection, "Connection", &["Text(6 bytes)"]);
    connection.text(SECRET).unwrap();
    hides(&connection, "Connection", &[]);
}

#[test]
fn a_read_buffer_and_its_steps_show_where_the_bytes_lie() {
    let mut connection = Connection::server(Config::default());
    let mut buffer =
        ReadBuffer::with_rest(64, b"\x81\x86\0\0\0\0s3cret\x01\x83\0\0\0\0s3c\x80\x83\0\0\0\0ret\x81");
    hides(&buffer, "ReadBuffer", &["0..31 of 64 bytes"]);
    let whole = buffer.step(&mut connection).unwrap().unwrap();
    hides(&whole, "Step", &["Lent(6..12)"]);
    let joined = buffer.step(&mut connection).unwrap().unwrap();
    hides(&joined, "Step", &["Given"]);
    assert!(buffer.step(&mut connection).unwrap().is_none());
    hides(&buffer, "ReadBuffer", &["of 64 bytes"]);
}

#[test]
fn a_body_shows_its_length() {
    let mut collector = BodyCollector::new(BodyFraming::Length(6), 100);
    assert_eq!(collector.receive(&mut &mut b"s3cre".to_owned()[..]), None);
    hides(&collector, "BodyCollector", &["collected", "5"]);
    let body = collector.receive(&mut &mut b"t".to_owned()[..]).unwrap();
    assert_eq!(body.bytes, SECRET.as_bytes());
    hides(&body, "Body", &["length", "6", "truncated", "false"]);
    let response = Response { status: 302, fields: &[("Set-Cookie", SECRET)], body: SECRET.as_bytes() };
    hides(&response, "Response", &["302"]);
}

#[test]
fn a_clients_handshake_shows_no_field() {
    let fields = [("Authorization", SECRET)];
    let request = ClientRequest { fields: &fields, ..ClientRequest::new(Uri::parse("ws://a/").unwrap()) };
    hides(&request, "ClientRequest", &[]);
    let mut handshake =
        ClientHandshake::new(&request, Keys::from_seed([7; 32]), HandshakeLimits::default()).unwrap();
    hides(&handshake, "ClientHandshake", &[]);
    let mut refused = *b"HTTP/1.1 401 s3cret\r\nSet-Cookie: s3cret\r\n\r\n";
    let Ok(Some(Outcome::Refused(refused))) = handshake.receive(&mut &mut refused[..]) else { panic!() };
    hides(&refused, "ResponseHead", &["401"]);
    hides(&refused.fields(), "Fields", &[]);

    let key = Key::from_nonce(*b"the sample nonce");
    hides(&key, "Key", &[]);
    let accept = key.accept();
    let fields = [
        ("upgrade", &b"websocket"[..]),
        ("connection", b"upgrade"),
        ("sec-websocket-accept", &accept),
        ("set-cookie", SECRET.as_bytes()),
        ("sec-websocket-protocol", b"chat"),
    ];
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), *value));
    let line = StatusLine { version: HttpVersion::HTTP_11, status: 101 };
    let offer = Offer { subprotocols: &["chat"], ..Offer::default() };
    hides(&offer.check(&key, line, fields).unwrap(), "Opened", &["chat"]);
}

#[test]
fn a_way_through_a_proxy_shows_no_credentials() {
    let fields = [("Proxy-Authorization", SECRET)];
    let request = ProxyRequest { uri: Uri::parse("ws://a/").unwrap(), fields: &fields };
    hides(&request, "ProxyRequest", &["host", "a", "port", "80"]);
    let mut handshake = ProxyHandshake::new(&request, HandshakeLimits::default()).unwrap();
    hides(&handshake, "ProxyHandshake", &[]);
    let mut answer = *b"HTTP/1.1 407 \r\nProxy-Authenticate: s3cret\r\n\r\n";
    let answer: Tunnel = handshake.receive(&mut &mut answer[..]).unwrap().unwrap();
    hides(&answer, "Refused", &["407"]);
}

#[test]
fn a_servers_handshake_shows_no_field() {
    let fields = [
        ("host", "a.example"),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("cookie", SECRET),
    ];
    let bytes = || fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
    let request = Request::check(line, bytes(), OriginPolicy::Any).unwrap();
    hides(&request, "Request", &["a.example"]);
    let own = [("Set-Cookie", SECRET)];
    let acceptance = Acceptance { subprotocol: Some("chat"), fields: &own, ..Acceptance::default() };
    hides(&acceptance, "Acceptance", &["chat"]);

    let pseudo = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/"),
        (":authority", "a.example"),
        ("sec-websocket-version", "13"),
        ("cookie", SECRET),
    ];
    let pseudo = pseudo.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    hides(&ConnectRequest::check(pseudo, OriginPolicy::Any).unwrap(), "ConnectRequest", &["a.example"]);

    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let mut head = *b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: s3cret\r\n\r\n";
    let (start, rest) = head.split_at_mut(46);
    assert!(handshake.receive(&mut &mut start[..]).unwrap().is_none());
    hides(&handshake, "ServerHandshake", &[]);
    hides(&handshake.receive(&mut &mut rest[..]).unwrap().unwrap(), "RequestHead", &[]);
}

#[cfg(feature = "http")]
#[test]
fn fields_of_the_http_crate_are_not_shown() {
    use sockless::handshake::HeaderFields;
    let mut map = http::HeaderMap::new();
    map.insert("cookie", SECRET.parse().unwrap());
    hides(&HeaderFields::new(&map), "HeaderFields", &[]);
}

#[cfg(feature = "deflate")]
#[test]
fn what_compresses_shows_no_window() {
    use sockless::handshake::PermessageDeflate;
    let agreed = PermessageDeflate::default().agreed();
    let mut connection = Connection::server(Config::default()).with_deflate(agreed);
    connection.text(SECRET.repeat(100)).unwrap();
    hides(&connection, "Connection", &["Deflater"]);
    // The first of two fragments: "Hello" as RFC 7692 §7.2.3.2 has it.
    let mut wire = *b"\x41\x83\0\0\0\0\xf2\x48\xcd";
    assert!(connection.receive(&mut &mut wire[..]).unwrap().is_none());
    let shown = format!("{connection:?}");
    assert!(!shown.contains("\"Hel") && !shown.contains("72, 101"), "{shown}");
    // The second, but for its last byte, which is held.
    let mut wire = *b"\x80\x84\0\0\0\0\xc9\xc9\x07";
    assert!(connection.receive(&mut &mut wire[..]).unwrap().is_none());
    let shown = format!("{connection:?}");
    assert!(shown.contains("Inflater(8192 bytes)") && shown.contains("HeldFrame(3 bytes)"), "{shown}");
    assert!(!shown.contains("201, 201"), "{shown}");
}

#[cfg(feature = "hixie")]
#[test]
fn the_older_dialects_show_no_field_and_no_challenge() {
    use sockless::handshake::RequestHead;
    use sockless::hixie::{self, Dialect, InvalidText, Scheme, Upgrade};

    let fields = [("Cookie", SECRET)];
    let request = hixie::ClientRequest {
        fields: &fields,
        subprotocol: Some("chat"),
        ..hixie::ClientRequest::new(Uri::parse("ws://a.example/").unwrap(), "http://a.example")
    };
    hides(&request, "ClientRequest", &["a.example", "chat"]);
    let limits = HandshakeLimits::default();
    let client = hixie::ClientHandshake::hixie76(&request, &mut Keys::from_seed([7; 32]), limits).unwrap();
    hides(&client, "ClientHandshake", &[]);

    let mut sent = client.request().to_vec();
    let head: RequestHead = ServerHandshake::new(limits).receive(&mut &mut sent[..]).unwrap().unwrap();
    let Ok(Upgrade::Hixie(asked)) = hixie::upgrade(&head, OriginPolicy::Any) else { panic!("not hixie") };
    hides(&asked, "Request", &["Hixie76", "a.example"]);
    assert_eq!(asked.origin(), b"http://a.example");
    assert_eq!(asked.authority().to_string(), "a.example");
    assert_eq!(asked.resource_name().to_string(), "/");
    let acceptance = hixie::Acceptance {
        scheme: Scheme::Wss,
        subprotocol: Some("chat"),
        fields: &fields,
        ..hixie::Acceptance::default()
    };
    hides(&acceptance, "Acceptance", &["Wss", "chat"]);
    hides(&asked.open(&acceptance, Config::default(), limits).unwrap(), "Opening", &[]);

    let mut connection =
        hixie::Connection::server(Dialect::Hixie76, Config::default(), InvalidText::default());
    assert!(connection.receive(&mut &mut b"\0s3cret".to_owned()[..]).unwrap().is_none());
    hides(&connection, "Connection", &["Torn(6 bytes)"]);
}

#[test]
fn s7_4_codes_are_printed_as_their_numbers() {
    assert_eq!(CloseCode::PROTOCOL_ERROR.to_string(), "1002");
    assert_eq!(format!("{:?}", CloseCode::PROTOCOL_ERROR), "CloseCode(1002)");
    assert_eq!(EndCode::ABNORMAL.to_string(), "1006");
    assert_eq!(WindowBits::MAX.to_string(), "15");
    assert_eq!(format!("{:?}", WindowBits::MAX), "WindowBits(15)");
}

#[test]
fn payloads_and_keys_are_not_printed() {
    let mut client = Connection::client(Config::default(), Keys::from_seed([1; 32]));
    let mut wire = *b"\x82\x03abc\x81\x04wxyz\x88\x06\x03\xe8fine";
    let mut input = &mut wire[..];
    let mut printed = vec![];
    while let Some(event) = client.receive(&mut input).unwrap() {
        printed.push(match event {
            Event::Binary { data, .. } => format!("{data:?}"),
            Event::Text { text, .. } => format!("{text:?}"),
            Event::Close { reason, .. } => format!("{reason:?}"),
            event => panic!("{event:?}"),
        });
    }
    assert_eq!(printed, ["Data(3 bytes)", "Text(4 bytes)", "Text(4 bytes)"]);
    client.receive_eof();
    // The reason of an end is for logs.
    assert_eq!(format!("{:?}", client.end().unwrap().reason), "\"fine\"");
    let mut wire = *b"\x82\x03abc";
    let chunk = Decoder::new(Role::Client, Limits::default()).decode(&mut &mut wire[..]).unwrap().unwrap();
    assert_eq!(format!("{chunk:?}"), "Chunk(Binary, 3 bytes)");
    assert_eq!(format!("{:?}", ControlPayload::new(b"secret").unwrap()), "ControlPayload(6 bytes)");
    assert_eq!(format!("{:?}", Keys::from_seed([1; 32])), "Keys");
    assert_eq!(
        format!("{:?}", Prepared::text("secret").unwrap()),
        "Prepared(Text, 8 bytes)",
        "the frame, not the payload"
    );
    assert_eq!(chunk.opcode, Opcode::Binary);
    let mut utf8 = Utf8::new();
    assert!(utf8.next(&mut &b"\xe2\x82"[..]).unwrap().is_none());
    assert_eq!(format!("{utf8:?}"), "Utf8 { begun: 2, .. }");
}
