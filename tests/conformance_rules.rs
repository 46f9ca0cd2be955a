//! Rules of `docs/conformance.md` that no other test holds, each named for its section.
#![cfg(feature = "alloc")]

mod support;

use sockless::handshake::{
    Acceptance, ClientHandshake, ClientRequest, ConnectRequest, HandshakeLimits, Offer, OriginPolicy,
    Outcome, Refusal, ServerHandshake, WriteError,
};
use sockless::{CloseCode, Config, Connection, Keys, ProtocolError, Role, SendError, Session, Uri, UriError};
use support::subject::{KINDS, ROLES, Seen, Subject, connection, drain, frames, from_peer};
use support::wire::{self, Frame};

fn client(uri: &str) -> ClientHandshake {
    let request = ClientRequest::new(Uri::parse(uri).unwrap());
    ClientHandshake::new(&request, Keys::from_seed([3; 32]), HandshakeLimits::default()).unwrap()
}

/// What a server of this crate answers a request, and its connection.
fn answer(request: &[u8]) -> (Vec<u8>, Connection) {
    let mut request = request.to_vec();
    let head = ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut request[..]);
    let head = head.unwrap().expect("a whole request");
    let request = head.upgrade(OriginPolicy::Any).unwrap();
    let mut connection = request.open(&Acceptance::default(), Config::default()).unwrap();
    (drain(&mut connection), connection)
}

fn established(handshake: &mut ClientHandshake, mut response: Vec<u8>) -> Connection {
    match handshake.receive(&mut &mut response[..]) {
        Ok(Some(Outcome::Established(established))) => established.open(Config::default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s4_1_a_client_has_nothing_to_send_but_its_request_until_it_is_answered() {
    let mut handshake = client("ws://a.example/chat");
    let request = handshake.request().to_vec();
    assert_eq!(request.windows(4).filter(|end| end == b"\r\n\r\n").count(), 1);
    assert!(request.ends_with(b"\r\n\r\n"), "nothing behind the head");
    let (response, _) = answer(&request);
    // There is no connection to send with before the last byte of the response.
    for (at, &byte) in response.iter().enumerate() {
        let mut byte = [byte];
        let outcome = handshake.receive(&mut &mut byte[..]).unwrap();
        assert_eq!(handshake.request(), request);
        assert_eq!(outcome.is_some(), at + 1 == response.len());
        if let Some(Outcome::Established(established)) = outcome {
            let mut connection = established.open(Config::default());
            assert_eq!(connection.queued(), 0, "the request is not the connection's");
            assert_eq!(connection.text("now"), Ok(()));
        }
    }
}

#[test]
fn s4_2_2_frames_sent_at_once_follow_a_response_that_a_client_accepts() {
    let mut handshake = client("ws://a.example/");
    let mut request = handshake.request().to_vec();
    let head =
        ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut request[..]).unwrap().unwrap();
    let request = head.upgrade(OriginPolicy::Any).unwrap();
    let mut server = request.open(&Acceptance::default(), Config::default()).unwrap();
    server.text("at once").unwrap();
    let mut out = drain(&mut server);
    let mut input = &mut out[..];
    assert!(matches!(handshake.receive(&mut input), Ok(Some(Outcome::Established(_)))));
    assert_eq!(wire::decode(input), [Frame::text("at once")]);
}

#[test]
fn s5_1_a_client_masks_over_tls_and_on_a_stream_too() {
    for uri in ["wss://a.example/", "ws://a.example/"] {
        let mut handshake = client(uri);
        let (response, _) = answer(handshake.request());
        let mut connection = established(&mut handshake, response);
        connection.text("text").unwrap();
        connection.ping(b"").unwrap();
        connection.close(None, "").unwrap();
        assert!(wire::decode(&drain(&mut connection)).iter().all(|frame| frame.key.is_some()), "{uri}");
    }
    // After an extended CONNECT the connection is made by itself: there is no way to make a client without keys.
    let mut connection = Connection::client(Config::default(), Keys::from_seed([4; 32]));
    connection.text("text").unwrap();
    assert!(wire::decode(&drain(&mut connection))[0].key.is_some());
}

#[test]
fn s6_1_a_close_that_comes_amid_a_fragmented_message_ends_it() {
    for role in ROLES {
        let mut whole = connection(role, Config::default());
        whole.begin_text("begun").unwrap();
        let mut close = from_peer(role, 0x88, &[0x03, 0xe8]);
        assert!(whole.receive(&mut &mut close[..]).unwrap().is_some());
        assert_eq!(whole.more("x"), Err(SendError::Closed));
        assert_eq!(whole.finish("x"), Err(SendError::Closed));
        let begun = Frame::text("begun").unfinished();
        assert_eq!(frames(role, &drain(&mut whole)), [begun, Frame::close(Some(1000))]);
    }
    let config = Config::default();
    let mut session = Session::server(&config);
    let mut out = [0; 131];
    session.begin_text("begun", &mut out).unwrap();
    let mut close = from_peer(Role::Server, 0x88, b"");
    assert!(session.receive(&mut &mut close[..]).unwrap().is_some());
    assert_eq!(session.more(b"x", &mut out), Err(SendError::Closed));
    assert_eq!(session.finish(b"x", &mut out), Err(SendError::Closed));
    let len = session.owed(&mut out);
    assert_eq!(wire::decode(&out[..len]), [Frame::close(None)]);
}

#[test]
fn s7_4_1_1011_may_come_from_either_end() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            assert_eq!(subject.close(Some(CloseCode::INTERNAL_ERROR.value()), ""), Ok(()));
            assert_eq!(subject.take_frames(), [Frame::close(Some(1011))]);
            subject.feed(&from_peer(role, 0x88, &1011_u16.to_be_bytes()));
            assert_eq!(subject.events, [Seen::Close(Some(1011), String::new())]);
        }
    }
}

#[test]
fn w4_the_byte_order_mark_of_a_reason_is_kept() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x88, b"\x03\xe8\xef\xbb\xbfbye"));
            assert_eq!(subject.events, [Seen::Close(Some(1000), "\u{feff}bye".into())]);
            subject.eof();
            assert_eq!(subject.end().expect("an end").reason.as_str(), "\u{feff}bye");
        }
    }
}

#[test]
fn s9_1_an_extension_that_was_offered_and_not_accepted_is_not_in_use() {
    let request = ClientRequest {
        offer: Offer { extensions: Some("permessage-deflate, foo"), ..Offer::default() },
        ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap())
    };
    let mut handshake =
        ClientHandshake::new(&request, Keys::from_seed([3; 32]), HandshakeLimits::default()).unwrap();
    let (response, _) = answer(handshake.request());
    let mut connection = established(&mut handshake, response);
    connection.text("text").unwrap();
    assert_eq!(frames(Role::Client, &drain(&mut connection)), [Frame::text("text")], "no reserved bit");
    let mut compressed = *b"\xc1\x00";
    assert_eq!(connection.receive(&mut &mut compressed[..]).err(), Some(ProtocolError::ReservedBits));
}

#[test]
fn s11_1_2_a_wss_uri_is_read_by_the_rules_of_a_ws_uri() {
    // What is not ASCII is the application's to convert: nothing is guessed, and nothing is sent as it is.
    for (rest, error) in [
        ("ex\u{e4}mple/", UriError::Host),
        ("a/\u{e9}", UriError::Character),
        ("a/?\u{e9}", UriError::Character),
    ] {
        for scheme in ["ws", "wss"] {
            assert_eq!(Uri::parse(&format!("{scheme}://{rest}")), Err(error), "{scheme}://{rest}");
        }
    }
    for (text, path) in
        [("wss://xn--exmple-cua/%C3%A9", "/%C3%A9"), ("ws://h/.well-known/x", "/.well-known/x")]
    {
        assert_eq!(Uri::parse(text).unwrap().resource_name().path(), path);
    }
}

/// A valid request with this field on top.
fn request_with(field: &str) -> Vec<u8> {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    format!("{head}{field}\r\n\r\n").into_bytes()
}

#[test]
fn s7_8_who_expects_a_100_without_a_body_gets_the_101_at_once() {
    let (response, _) = answer(&request_with("Expect: 100-continue"));
    assert!(response.starts_with(b"HTTP/1.1 101 "));
    // With a body there is no 101 that a 100 could have to come before.
    let mut with_body = request_with("Expect: 100-continue\r\nContent-Length: 5");
    let head = ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut with_body[..]);
    let head = head.unwrap().unwrap();
    assert_eq!(head.upgrade(OriginPolicy::Any).err(), Some(Refusal::BodyAnnounced));
}

#[test]
fn s8_2_every_byte_of_a_name_and_of_a_value_is_judged_on_a_stream() {
    let name_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let value_byte = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    const REQUEST: [(&[u8], &[u8]); 6] = [
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"https"),
        (b":path", b"/"),
        (b":authority", b"a"),
        (b"sec-websocket-version", b"13"),
    ];
    let received = |name: &[u8], value: &[u8]| {
        let fields: Vec<(&[u8], &[u8])> = REQUEST.into_iter().chain([(name, value)]).collect();
        ConnectRequest::check(fields.into_iter(), OriginPolicy::Any).is_ok()
    };
    let to = ClientRequest::new(Uri::parse("wss://a/").unwrap());
    for byte in 0..=255_u8 {
        let bytes = [b'x', byte, b'y'];
        assert_eq!(received(&bytes, b"v"), name_byte(byte), "{byte}");
        assert_eq!(received(b"x", &bytes), value_byte(byte), "{byte}");
        let Ok(text) = core::str::from_utf8(&bytes) else { continue };
        let sent = |name, value| ClientRequest { fields: &[(name, value)], ..to }.stream_fields().is_ok();
        assert_eq!(sent(text, "v"), name_byte(byte), "{byte}");
        assert_eq!(sent("x", text), value_byte(byte), "{byte}");
    }
}

#[test]
fn s5_6_1_no_empty_members_and_no_blanks_beside_an_equals_sign_are_sent() {
    let offer = |extensions| {
        let offer = Offer { extensions: Some(extensions), ..Offer::default() };
        let request = ClientRequest { offer, ..ClientRequest::new(Uri::parse("ws://a/").unwrap()) };
        request.write(&sockless::handshake::Key::from_nonce([0; 16]), &mut [0; 512]).map(|_| ())
    };
    let mut asked = request_with("Sec-WebSocket-Extensions: foo, bar");
    let head = ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut asked[..]);
    let head = head.unwrap().unwrap();
    let request = head.upgrade(OriginPolicy::Any).unwrap();
    let accept = |extensions| {
        request.accept(&Acceptance { extensions: Some(extensions), ..Acceptance::default() }).map(|_| ())
    };
    // All of these are read, if a peer sends them.
    for text in [
        " foo",
        "foo ",
        ",foo",
        "foo,",
        "foo,,bar",
        "foo, ,bar",
        "foo,\t",
        "foo; a =1",
        "foo; a= 1",
        "foo; a\t=\t\"1\"",
    ] {
        assert_eq!(offer(text), Err(WriteError::Extensions), "{text:?}");
        assert_eq!(accept(text), Err(WriteError::Extensions), "{text:?}");
    }
    for text in ["foo", "foo,bar", "foo ; a=1;b , bar; c=\"1\\0\""] {
        assert_eq!((offer(text), accept(text)), (Ok(()), Ok(())), "{text:?}");
    }
}

#[cfg(feature = "std")]
#[test]
fn s10_3_keys_of_the_operating_system_are_others_each_time() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let mut keys = Keys::from_os().unwrap();
        assert!(seen.insert((keys.nonce(), keys.masking_key())));
        assert_ne!(keys.masking_key(), keys.masking_key());
    }
    // Every bit of a nonce is there in about half of them: no seed was left empty in part.
    for bit in 0..128 {
        let set = seen.iter().filter(|(nonce, _)| nonce[bit / 8] >> (bit % 8) & 1 == 1).count();
        assert!((10..=90).contains(&set), "bit {bit}: {set} of 100");
    }
}
