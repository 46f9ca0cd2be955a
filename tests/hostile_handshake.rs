//! Hostile peers in the opening handshake: each test asserts a bound and an answer. `docs/lessons.md` says what failed
//! elsewhere.
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use core::time::Duration;
use std::cell::Cell;

use sockless::handshake::{
    Acceptance, ClientHandshake, ClientRequest, HandshakeLimits, HttpVersion, Key, Offer, Origin,
    OriginPolicy, Outcome, ProxyHandshake, ProxyRequest, Refusal, Request, RequestLine, Response,
    ResponseError, ServerHandshake, WriteError,
};
use sockless::{Keys, Moment, Uri, UriError};
use support::pieces::cuts;

const FIELDS: [&str; 5] = [
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// A valid request with these lines on top.
fn request(more: &[&str]) -> Vec<u8> {
    let lines = ["GET /chat HTTP/1.1"].iter().chain(&FIELDS).chain(more);
    lines.flat_map(|line| [*line, "\r\n"]).chain(["\r\n"]).collect::<String>().into_bytes()
}

fn client() -> ClientHandshake {
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    ClientHandshake::new(&request, Keys::from_seed([7; 32]), HandshakeLimits::default()).unwrap()
}

/// The response that `client` waits for, with these lines on top.
fn response(more: &[&str]) -> Vec<u8> {
    let accept = Key::from_nonce(Keys::from_seed([7; 32]).nonce()).accept();
    let accept = format!("Sec-WebSocket-Accept: {}", core::str::from_utf8(&accept).unwrap());
    let lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", &accept];
    let lines = lines.iter().chain(more);
    lines.flat_map(|line| [*line, "\r\n"]).chain(["\r\n"]).collect::<String>().into_bytes()
}

/// What becomes of a request in one piece.
fn judge(request: &[u8]) -> Result<(), Refusal> {
    let mut request = request.to_vec();
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let head = handshake.receive(&mut &mut request[..])?.expect("a whole request");
    head.upgrade(OriginPolicy::Any).map(|_| ())
}

fn judge_response(response: &[u8]) -> Result<Outcome, ResponseError> {
    let mut response = response.to_vec();
    Ok(client().receive(&mut &mut response[..])?.expect("a whole response"))
}

/// Feeds what repeats without end, in pieces of this size, until it is refused: how many bytes that took.
fn endless<E>(
    start: &[u8],
    again: &[u8],
    size: usize,
    mut receive: impl FnMut(&mut &mut [u8]) -> Result<bool, E>,
) -> (E, usize) {
    let mut bytes = start.iter().chain(again.iter().cycle());
    let mut piece = vec![0; size];
    for reads in 1.. {
        piece.iter_mut().for_each(|to| *to = *bytes.next().expect("it is endless"));
        let mut input = &mut piece[..];
        match receive(&mut input) {
            Ok(done) => assert!(!done && input.is_empty(), "all was taken, and more is wanted"),
            Err(fault) => return (fault, reads * size),
        }
        assert!(reads < 1 << 20, "it is never refused");
    }
    unreachable!()
}

const SIZES: [usize; 3] = [1, 100, 4096];

/// How it starts, what repeats, what comes of it and is answered, and after how many bytes at most.
type Endless<Fault, Answer> = (&'static [u8], &'static [u8], Fault, Answer, usize);

#[test]
fn an_endless_request_is_refused_at_the_limit_and_memory_is_bounded_by_it() {
    let get: &'static [u8] = b"GET / HTTP/1.1\r\nHost: a\r\n";
    let cases: [Endless<Refusal, &str>; 6] = [
        (b"", b"a", Refusal::RequestLineTooLong, "HTTP/1.1 414 ", 8 << 10),
        (b"GET /", b"a", Refusal::RequestLineTooLong, "HTTP/1.1 414 ", 8 << 10),
        (get, b"X: y\r\n", Refusal::TooManyFields, "HTTP/1.1 431 ", 700),
        (get, b"X", Refusal::HeadTooLarge, "HTTP/1.1 431 ", 16 << 10),
        (b"GET / HTTP/1.1\r\nCookie: ", b"a", Refusal::HeadTooLarge, "HTTP/1.1 431 ", 16 << 10),
        (get, b" folded\r\n", Refusal::TooManyFields, "HTTP/1.1 431 ", 1000),
    ];
    for (start, again, refusal, answer, most) in cases {
        for size in SIZES {
            let ((handshake, seen, taken), heap) = heap::during(|| {
                let mut handshake = ServerHandshake::new(HandshakeLimits::default());
                let (seen, taken) =
                    endless(start, again, size, |input| handshake.receive(input).map(|head| head.is_some()));
                (handshake, seen, taken)
            });
            assert_eq!(seen, refusal, "{start:?} {size}");
            assert!(taken <= most + size, "{refusal:?} after {taken} bytes");
            // It grows by doubling, and both are there while one is copied to the other.
            assert!(heap.peak <= (40 << 10) + size as isize, "{heap:?}");
            println!("{refusal:?} in pieces of {size}: after {taken} bytes, {heap:?}");
            assert!(heap.asked <= (64 << 10) + size as isize, "{heap:?}");
            assert_eq!(heap.held, 0, "a refusal holds nothing");
            drop(handshake);
            let answered = refusal.response();
            assert!(answered.starts_with(answer.as_bytes()) && answered.ends_with(b"\r\n\r\n"));
        }
    }
    // Empty lines before the request are no way around it.
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let (seen, taken) = endless(b"", b"\r\n", 1, |input| handshake.receive(input).map(|head| head.is_some()));
    assert_eq!((seen, taken), (Refusal::RequestLineMalformed, 10));
}

#[test]
fn an_endless_response_is_refused_at_the_limit_and_memory_is_bounded_by_it() {
    let status: &[u8] = b"HTTP/1.1 101 X\r\n";
    let interim: &[u8] = b"HTTP/1.1 103 \r\n\r\n";
    let large = [&b"HTTP/1.1 103 \r\nLink: "[..], &[b'a'; 7000], b"\r\n\r\n"].concat();
    let cases: [(&[u8], &[u8], ResponseError, usize); 6] = [
        (b"HTTP/1.1 101 ", b"a", ResponseError::StatusLineTooLong, 8 << 10),
        (status, b"X: y\r\n", ResponseError::TooManyFields, 700),
        (status, b"X", ResponseError::HeadTooLarge, 16 << 10),
        (b"", interim, ResponseError::TooManyInterimResponses, 9 * 17),
        (b"", &large, ResponseError::HeadTooLarge, 3 * 7100),
        (b"", b"\r\n", ResponseError::StatusLineMalformed, 2),
    ];
    for (start, again, error, most) in cases {
        for size in SIZES {
            let mut handshake = client();
            let mut proxy = proxy();
            let ((seen, taken), heap) = heap::during(|| {
                endless(start, again, size, |input| handshake.receive(input).map(|head| head.is_some()))
            });
            assert_eq!(seen, error, "{size}");
            assert!(taken <= most + size, "{error:?} after {taken} bytes");
            println!("{error:?} in pieces of {size}: after {taken} bytes, {heap:?}");
            assert!(heap.peak <= (40 << 10) + size as isize && heap.held <= 0, "{heap:?}");
            // The response of a proxy is read by the same rules, whatever the status.
            let (seen, _) =
                endless(start, again, size, |input| proxy.receive(input).map(|head| head.is_some()));
            assert_eq!(seen, error, "{size}");
        }
    }
}

fn proxy() -> ProxyHandshake {
    let request = ProxyRequest { uri: Uri::parse("ws://a.example/").unwrap(), fields: &[] };
    ProxyHandshake::new(&request, HandshakeLimits::default()).unwrap()
}

#[test]
fn a_head_that_comes_byte_by_byte_is_kept_once_and_parsed_once() {
    // As large as a head may be, and with as many fields: to parse it takes a table of all fields.
    let field = format!("X: {}", "a".repeat(155));
    let large = request(&vec![&*field; 95]);
    assert!(large.len() > 15_000 && large.len() <= 16 << 10, "{}", large.len());
    for size in SIZES {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let mut piece = vec![0; size];
        let mut calls = 0;
        let (head, heap) = heap::during(|| {
            let mut head = None;
            for bytes in large.chunks(size) {
                let piece = &mut piece[..bytes.len()];
                piece.copy_from_slice(bytes);
                let mut input = piece;
                assert!(head.is_none());
                head = handshake.receive(&mut input).unwrap();
                calls += 1;
                assert!(
                    input.is_empty(),
                    "each byte is taken by the call that it came with, and not seen again"
                );
            }
            head.expect("a whole request")
        });
        assert_eq!(calls, large.len().div_ceil(size));
        assert_eq!(head.fields().count(), 100);
        println!("a head of {} bytes in pieces of {size}: {calls} calls, {heap:?}", large.len());
        // What is kept grows by doubling; to parse takes a table once, of 32 bytes a field and again as much for what
        // came of it. A second time for each read would ask for megabytes.
        assert!(heap.asked < 3 * (16 << 10) + 100 * 100, "{heap:?} at {size}");
    }
}

#[test]
fn a_line_of_a_megabyte_in_single_bytes_is_looked_at_once() {
    // With a look at all that came before for each byte, 2^39 of them, this would not end.
    let limits =
        HandshakeLimits { head: 4 << 20, line: 2 << 20, fields: 100_000, ..HandshakeLimits::default() };
    let many = "a".repeat(1 << 20);
    let lines = format!(
        "GET /{many} HTTP/1.1\r\n{}\r\nX: {many}\r\n{}\r\n",
        FIELDS.join("\r\n"),
        "a: b\r\n".repeat(90_000)
    );
    let mut handshake = ServerHandshake::new(limits);
    let mut heads = lines.bytes().filter_map(|byte| handshake.receive(&mut &mut [byte][..]).unwrap());
    let head = heads.next().expect("a whole request");
    assert_eq!((head.target().len(), head.fields().count()), ((1 << 20) + 1, 90_006));
    assert!(head.upgrade(OriginPolicy::Any).is_ok());
}

#[test]
fn a_head_torn_at_each_byte_is_the_same_head() {
    let sent = [request(&["X: y"]), b"\x81\x80\0\0\0\0".to_vec()].concat();
    for at in 0..=sent.len() {
        let (mut first, mut second) = (sent[..at].to_vec(), sent[at..].to_vec());
        let (mut first, mut second) = (&mut first[..], &mut second[..]);
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let head = match handshake.receive(&mut first).unwrap() {
            Some(head) => head,
            None => handshake.receive(&mut second).unwrap().expect("a whole request"),
        };
        let accepted = head.upgrade(OriginPolicy::Any).unwrap().accept(&Acceptance::default()).unwrap();
        assert!(accepted.starts_with(b"HTTP/1.1 101 "));
        assert_eq!([&*first, &*second].concat(), b"\x81\x80\0\0\0\0", "the frame behind it stays");
    }
    let sent = [response(&["X: y"]), b"\x81\0".to_vec()].concat();
    for at in 0..=sent.len() {
        let (mut first, mut second) = (sent[..at].to_vec(), sent[at..].to_vec());
        let (mut first, mut second) = (&mut first[..], &mut second[..]);
        let mut handshake = client();
        let outcome = match handshake.receive(&mut first).unwrap() {
            Some(outcome) => outcome,
            None => handshake.receive(&mut second).unwrap().expect("a whole response"),
        };
        assert!(matches!(outcome, Outcome::Established(_)));
        assert_eq!([&*first, &*second].concat(), b"\x81\0");
    }
}

#[test]
fn many_tiny_reads_open_a_connection() {
    let sent = request(&["X: y"; 40]);
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let mut reads = 0;
    let heads = sent.iter().filter_map(|&byte| {
        reads += 1;
        handshake.receive(&mut &mut [byte][..]).unwrap()
    });
    assert_eq!(heads.count(), 1);
    let sent = response(&["X: y"; 40]);
    let mut handshake = client();
    let outcomes = sent.iter().filter_map(|&byte| handshake.receive(&mut &mut [byte][..]).unwrap());
    assert!(outcomes.last().is_some_and(|outcome| matches!(outcome, Outcome::Established(_))));
    assert!(reads > 64 && sent.len() > 64);
}

#[test]
fn a_byte_a_second_does_not_outlast_the_deadline() {
    let at = |seconds| Moment::from(Duration::from_secs(seconds));
    let mut server = ServerHandshake::new(HandshakeLimits::default());
    let sent = request(&[]);
    let mut refusal = None;
    for (second, &byte) in (0..).zip(&sent) {
        assert_eq!(server.poll_timeout(at(second)), Some(at(10)), "nothing that comes puts it off");
        assert!(server.receive(&mut &mut [byte][..]).unwrap().is_none());
        if let Err(late) = server.handle_timeout(at(second)) {
            refusal = Some((late, second));
            break;
        }
    }
    assert_eq!(refusal, Some((Refusal::TimedOut, 10)));
    assert!(Refusal::TimedOut.response().starts_with(b"HTTP/1.1 408 "));
    assert_eq!(server.receive(&mut &mut sent.clone()[..]).err(), Some(Refusal::TimedOut), "for good");

    let mut client = client();
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(8);
    let mut error = None;
    for (second, &byte) in (0..).zip(&interim) {
        assert_eq!(client.poll_timeout(at(second)), Some(at(10)));
        assert!(client.receive(&mut &mut [byte][..]).unwrap().is_none());
        if let Err(late) = client.handle_timeout(at(second)) {
            error = Some((late, second));
            break;
        }
    }
    assert_eq!(error, Some((ResponseError::TimedOut, 10)));
}

#[test]
fn behind_a_refusal_nothing_is_taken_for_a_request() {
    let faults: [&[u8]; 4] = [
        b"GET / HTTP/1.1 \r\n",
        b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
        b"\x16\x03\x01\n",
        b"PRI * HTTP/2.0\r\nX\r\n\r\n",
    ];
    for fault in faults {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let mut sent = fault.to_vec();
        let refusal = handshake.receive(&mut &mut sent[..]).expect_err("a refusal");
        assert_eq!(refusal.status(), 400);
        for _ in 0..3 {
            assert_eq!(handshake.receive(&mut &mut request(&[])[..]).err(), Some(refusal));
            assert_eq!(handshake.receive_eof(), Err(refusal));
            assert_eq!(handshake.handle_timeout(Moment::ORIGIN), Err(refusal));
        }
    }
}

#[test]
fn a_field_that_is_missing_or_there_twice_is_a_refusal_and_too_many_are_no_way_to_hide_one() {
    let valid = request(&[]);
    let lines: Vec<&str> = core::str::from_utf8(&valid).unwrap().trim_end().split("\r\n").collect();
    for at in 1..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        assert!(judge(format!("{}\r\n\r\n", without.join("\r\n")).as_bytes()).is_err(), "{}", lines[at]);
        let mut with_empty = lines.clone();
        let name = format!("{}:", lines[at].split_once(':').unwrap().0);
        with_empty[at] = &name;
        assert!(judge(format!("{}\r\n\r\n", with_empty.join("\r\n")).as_bytes()).is_err(), "{name}");
    }
    // The field behind the last one that is allowed is not left out: the request is refused.
    let filled = ["a: b"; 95];
    assert_eq!(judge(&request(&filled)), Ok(()));
    assert_eq!(judge(&request(&[&filled[..], &["Host: b"]].concat())), Err(Refusal::TooManyFields));
    assert_eq!(judge(&request(&[&filled[..94], &["Host: b"]].concat())), Err(Refusal::HostRepeated));
}

#[test]
fn keys_of_any_length_and_of_any_bytes_are_judged_to_the_byte() {
    let with_key = |key: &[u8]| {
        let fields: [(&[u8], &[u8]); 5] = [
            (b"host", b"a"),
            (b"upgrade", b"websocket"),
            (b"connection", b"upgrade"),
            (b"sec-websocket-key", key),
            (b"sec-websocket-version", b"13"),
        ];
        let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
        Request::check(line, fields.into_iter(), OriginPolicy::Any).map(|_| ()).err()
    };
    for length in 0..100 {
        let right = length == 24;
        let mut key = vec![b'A'; length];
        assert_eq!(with_key(&key), Some(Refusal::KeyInvalid), "{length} characters without padding");
        key.iter_mut().rev().take(2).for_each(|end| *end = b'=');
        assert_eq!(with_key(&key).is_none(), right, "{length}");
    }
    for byte in 0..=255_u8 {
        for at in 0..24 {
            let mut key = *b"AAAAAAAAAAAAAAAAAAAAAA==";
            key[at] = byte;
            let digit = byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
            assert_eq!(
                with_key(&key).is_none(),
                if at < 22 { digit } else { byte == b'=' },
                "{byte} at {at}"
            );
        }
    }
}

#[test]
fn names_that_mean_something_to_a_language_mean_nothing_here() {
    let names =
        ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "nil", "None"];
    for name in names {
        let sent = request(&[
            &format!("Sec-WebSocket-Protocol: {name}, chat"),
            &format!("Sec-WebSocket-Extensions: {name}; {name}={name}; {name}"),
            &format!("{name}: {name}"),
        ]);
        let mut sent = sent;
        let head =
            ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut sent[..]).unwrap().unwrap();
        let request = head.upgrade(OriginPolicy::Any).unwrap();
        assert!(request.subprotocols().eq([name, "chat"]));
        assert_eq!(request.choose_subprotocol(&["chat"]), Some("chat"));
        let extension = request.extensions().next().unwrap();
        assert_eq!((extension.name(), extension.parameters().count()), (name, 2));
        let response = request.accept(&Acceptance::default()).unwrap();
        assert!(
            !String::from_utf8(response).unwrap().contains(name),
            "nothing that was not chosen is answered"
        );
    }
}

#[test]
fn bytes_beyond_ascii_are_a_value_and_nothing_breaks_on_them() {
    for field in
        ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
    {
        for value in [&b"\xff"[..], b"chat\xc3\xa9", b"\xf0\x9f\x98\x80", b"\x80, chat"] {
            let sent = request(&[]);
            let line = [field.as_bytes(), b": ", value, b"\r\n\r\n"].concat();
            let refused = judge(&[&sent[..sent.len() - 2], &line].concat()).expect_err("a refusal");
            assert_eq!(refused.status(), 400, "{field}");
        }
    }
    for field in ["Cookie", "User-Agent", "X"] {
        let line = [field.as_bytes(), b": \xff\x80\r\n\r\n"].concat();
        let sent = request(&[]);
        assert_eq!(judge(&[&sent[..sent.len() - 2], &line].concat()), Ok(()), "{field}");
    }
}

#[test]
fn any_host_is_accepted_or_refused_and_nothing_else() {
    let judged = |host: &[u8]| {
        let fields: [(&[u8], &[u8]); 5] = [
            (b"host", host),
            (b"upgrade", b"websocket"),
            (b"connection", b"upgrade"),
            (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            (b"sec-websocket-version", b"13"),
        ];
        let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
        Request::check(line, fields.into_iter(), OriginPolicy::SameHost).map(|_| ())
    };
    let mut accepted = 0;
    for host in [&b"a"[..], b"a:1", b"[::1]", b"[::1]:1", b"%41", b"[v1.a]"] {
        for at in 0..=host.len() {
            for byte in 0..=255_u8 {
                let changed = [&host[..at], &[byte], &host[at..]].concat();
                match judged(&changed) {
                    Ok(()) => accepted += 1,
                    Err(refusal) => assert_eq!(refusal, Refusal::HostInvalid, "{}", changed.escape_ascii()),
                }
            }
        }
    }
    assert!(accepted > 500, "{accepted}");
    for host in [&b""[..], b":", b"[", b"]", b"[]", b"%", b"%4", b"a:99999", b"a:", b"\xff", b"a b", b"a@b"] {
        assert_eq!(judged(host).is_ok(), host == b"a:", "{}", host.escape_ascii());
    }
}

#[test]
fn the_check_goes_over_the_fields_a_fixed_number_of_times() {
    let seen = Cell::new(0);
    let many: Vec<(&[u8], &[u8])> = vec![
        (b"host", b"a"),
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-version", b"13"),
    ];
    for more in [10, 100, 1000] {
        let mut fields = many.clone();
        fields.extend(
            [(&b"connection"[..], &b"a, b"[..]), (b"sec-websocket-extensions", b"a; b")].repeat(more),
        );
        fields.extend([(&b"sec-websocket-protocol"[..], &b"p"[..]), (b"sec-websocket-protocol", b"q")]);
        seen.set(0);
        let counted = fields.iter().copied().inspect(|_| seen.set(seen.get() + 1));
        let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
        let request = Request::check(line, counted, OriginPolicy::Any).unwrap();
        println!("{} fields: {} looks", fields.len(), seen.get());
        assert!(
            seen.get() <= 4 * fields.len(),
            "{} fields were looked at {} times",
            fields.len(),
            seen.get()
        );
        seen.set(0);
        assert_eq!(request.extensions().count(), more);
        assert_eq!(seen.get(), fields.len(), "a list is one pass");
    }
}

#[test]
fn a_field_of_megabytes_that_is_almost_a_list_is_judged_in_one_pass() {
    // With a step for each pair of bytes these would not end.
    let many = 1 << 21;
    let long = [
        format!("a; b=\"{}", "\\x".repeat(many)),
        format!("a{}", "; b".repeat(many) + ";"),
        format!("{}a b", " \t".repeat(many)),
        format!("a{}b", " ".repeat(many)),
        ",".repeat(many) + ";",
    ];
    for value in long {
        let fields: [(&[u8], &[u8]); 6] = [
            (b"host", b"a"),
            (b"upgrade", b"websocket"),
            (b"connection", b"upgrade"),
            (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            (b"sec-websocket-version", b"13"),
            (b"sec-websocket-extensions", value.as_bytes()),
        ];
        let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
        let (refused, heap) =
            heap::during(|| Request::check(line, fields.into_iter(), OriginPolicy::Any).map(|_| ()).err());
        assert_eq!(refused, Some(Refusal::ExtensionsInvalid));
        assert_eq!(heap.asked, 0, "no copy of it is made");
    }
    for (name, value, refusal) in [
        ("connection", "upgrad,".repeat(many), Refusal::ConnectionUpgradeMissing),
        ("upgrade", "websocke, ".repeat(many), Refusal::UpgradeMissing),
        ("sec-websocket-protocol", "a,".repeat(many), Refusal::SubprotocolRepeated),
        (
            "sec-websocket-protocol",
            (0..many / 8).map(|n| format!("p{n},")).collect(),
            Refusal::TooManySubprotocols,
        ),
    ] {
        let mut fields: Vec<(&[u8], &[u8])> = vec![
            (b"host", b"a"),
            (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            (b"sec-websocket-version", b"13"),
            (name.as_bytes(), value.as_bytes()),
        ];
        for (usual, right) in [("upgrade", "websocket"), ("connection", "upgrade")] {
            if usual != name {
                fields.push((usual.as_bytes(), right.as_bytes()));
            }
        }
        let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
        let refused = Request::check(line, fields.into_iter(), OriginPolicy::Any).map(|_| ()).err();
        // Of endless repetitions the bound is what shows first.
        let bounded = [Some(refusal), Some(Refusal::TooManySubprotocols)];
        assert!(bounded.contains(&refused), "{name}: {refused:?}");
    }
}

#[test]
fn no_text_that_is_handed_in_ends_a_line_on_the_way_out() {
    let uri = Uri::parse("ws://a.example/").unwrap();
    let key = Key::from_nonce([0; 16]);
    let mut asked = request(&["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: foo"]);
    let head =
        ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut asked[..]).unwrap().unwrap();
    let server = head.upgrade(OriginPolicy::Any).unwrap();
    let lines = |out: &[u8]| {
        assert!(out.ends_with(b"\r\n\r\n"));
        let text: Vec<u8> = out.to_vec();
        let breaks = text.windows(2).filter(|pair| pair == b"\r\n").count();
        let single = text.iter().filter(|byte| b"\r\n".contains(byte)).count();
        assert!(single == 2 * breaks && !text.contains(&0), "{}", text.escape_ascii());
        breaks
    };
    let plain = lines(&ClientRequest::new(uri).to_bytes(&key).unwrap());
    let plain_answer = lines(&server.accept(&Acceptance::default()).unwrap());
    let mut written = 0;
    for ending in
        ["\r\nX: y", "\n", "\r", "\0", "\r\n\r\nGET / HTTP/1.1", "\u{b}", "\u{7f}", "\u{1}", "\r\n ", "z"]
    {
        for text in [ending.to_string(), format!("a{ending}"), format!("{ending}a"), format!("a{ending}b")] {
            let text = &*text;
            let base = ClientRequest::new(uri);
            let offer = Offer::default();
            let requests = [
                ClientRequest { fields: &[("X", text)], ..base },
                ClientRequest { fields: &[(text, "x")], ..base },
                ClientRequest { origin: Some(text), ..base },
                ClientRequest { offer: Offer { subprotocols: &[text], ..offer }, ..base },
                ClientRequest { offer: Offer { subprotocols: &["a", text], ..offer }, ..base },
                ClientRequest { offer: Offer { extensions: Some(text), ..offer }, ..base },
            ];
            for request in requests {
                let Ok(out) = request.to_bytes(&key) else { continue };
                assert!(!ending.contains(char::is_control), "{text:?} was written");
                assert_eq!(lines(&out), plain + 1, "{text:?}");
                written += 1;
            }
            let acceptances = [
                Acceptance { fields: &[("X", text)], ..Acceptance::default() },
                Acceptance { fields: &[(text, "x")], ..Acceptance::default() },
                Acceptance { subprotocol: Some(text), ..Acceptance::default() },
                Acceptance { extensions: Some(text), ..Acceptance::default() },
            ];
            for acceptance in acceptances {
                let Ok(out) = server.accept(&acceptance) else { continue };
                assert!(!ending.contains(char::is_control), "{text:?} was written");
                assert_eq!(lines(&out), plain_answer + 1, "{text:?}");
                written += 1;
            }
            let location = [("Location", text)];
            let redirection = Response { status: 302, fields: &location, body: b"" };
            let tunnel = ProxyRequest { uri, fields: &location };
            let outs = [redirection.to_bytes(), tunnel.to_bytes()];
            assert!(outs.iter().all(|out| out.is_ok() != ending.contains(char::is_control)), "{text:?}");
            outs.iter().flatten().for_each(|out| written += usize::from(lines(out) > 0));
            for uri in [format!("ws://a{text}.example/"), format!("ws://a/{text}"), format!("ws://a/?{text}")]
            {
                assert_eq!(Uri::parse(&uri).is_ok(), !ending.contains(char::is_control), "{uri:?}");
            }
        }
    }
    assert!(written > 20, "{written}");
}

#[test]
fn an_origin_that_only_looks_like_one_of_the_list_is_refused_with_403() {
    let listed =
        [Origin::parse("https://dashboard.corp").unwrap(), Origin::parse("http://[::1]:8080").unwrap()];
    let judged = |origin: &str| {
        let mut sent = request(&[&format!("Origin: {origin}")]);
        let head =
            ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut sent[..]).unwrap().unwrap();
        head.upgrade(OriginPolicy::List(&listed)).map(|_| ())
    };
    for same in ["https://dashboard.corp", "HTTPS://Dashboard.CORP:443", "http://[::1]:8080"] {
        assert_eq!(judged(same), Ok(()), "{same}");
    }
    let others = [
        "https://dashboard.corp.attacker.com",
        "https://attackerdashboard.corp",
        "https://attacker.com/dashboard.corp",
        "https://attacker.com?https://dashboard.corp",
        "https://dashboard.corp@attacker.com",
        "https://dashboard.corp:443@attacker.com",
        "https://dashboard.corp, https://attacker.com",
        "https://attacker.com https://dashboard.corp",
        "https://dashboard.corp:8443",
        "http://dashboard.corp",
        "https://dashboard.corp.",
        "https://dashboard.corp/",
        "https://dashboard.corp#",
        "https:dashboard.corp",
        "//dashboard.corp",
        "dashboard.corp",
        "null",
        "",
    ];
    for other in others {
        assert_eq!(judged(other), Err(Refusal::OriginForbidden), "{other}");
    }
    assert!(Refusal::OriginForbidden.response().starts_with(b"HTTP/1.1 403 "));
}

#[test]
fn what_others_let_through_in_a_request_is_refused() {
    let changed = |from: &str, to: &str| {
        let sent = String::from_utf8(request(&[])).unwrap();
        assert!(sent.contains(from));
        judge(sent.replacen(from, to, 1).as_bytes())
    };
    let refused = [
        ("Sec-WebSocket-Version: 13\r\n", "", Refusal::VersionMissing),
        ("HTTP/1.1", "HTTP/1.0", Refusal::HttpVersionUnsupported),
        ("Host: server.example.com\r\n", "", Refusal::HostMissing),
        ("Host: server.example.com\r\n", "Host: a\r\nHost: a\r\n", Refusal::HostRepeated),
        ("/chat", "*", Refusal::TargetInvalid),
        ("/chat", "/chat#fragment", Refusal::TargetInvalid),
        (": 13", ": +13", Refusal::VersionInvalid),
        (": 13", ": 013", Refusal::VersionInvalid),
        (": 13", ": 13.0", Refusal::VersionInvalid),
        ("GET", "POST", Refusal::MethodNotAllowed),
    ];
    for (from, to, refusal) in refused {
        assert_eq!(changed(from, to), Err(refusal), "{to}");
    }
    for lines in ["Connection: keep-alive\r\nConnection: Upgrade", "Connection: keep-alive, Upgrade"] {
        assert_eq!(changed("Connection: Upgrade", lines), Ok(()), "{lines}");
    }
}

#[test]
fn what_others_let_through_in_a_response_is_refused() {
    let changed = |from: &str, to: &str| {
        let sent = String::from_utf8(response(&[])).unwrap();
        assert!(sent.contains(from));
        judge_response(sent.replacen(from, to, 1).as_bytes()).map(|outcome| match outcome {
            Outcome::Established(_) => 101,
            Outcome::Refused(head) => head.status(),
        })
    };
    assert_eq!(changed(" 101 ", " 0101 "), Err(ResponseError::StatusLineMalformed));
    assert_eq!(changed(" 101 ", " 101"), Err(ResponseError::StatusLineMalformed));
    let unasked = "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate";
    assert_eq!(changed("Upgrade: websocket", unasked), Err(ResponseError::ExtensionNotOffered));
    let malformed = "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate;";
    assert_eq!(changed("Upgrade: websocket", malformed), Err(ResponseError::ExtensionsInvalid));
    // What others refuse is lawful, and what others take for the last word is not.
    assert_eq!(changed("Connection: Upgrade", "Connection: keep-alive, Upgrade"), Ok(101));
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"] {
        assert_eq!(changed("HTTP/1.1 101", &format!("{interim}HTTP/1.1 101")), Ok(101));
    }
    // A refusal is told by its status, whatever the version of HTTP.
    assert_eq!(changed("HTTP/1.1 101", "HTTP/1.0 503"), Ok(503));
    assert_eq!(changed("HTTP/1.1 101", "HTTP/1.0 101"), Err(ResponseError::HttpVersionUnsupported));
}

#[test]
fn a_uri_is_sent_as_it_is_meant_or_refused() {
    let line = |uri: &str| {
        let request = ClientRequest::new(Uri::parse(uri)?).to_bytes(&Key::from_nonce([0; 16])).unwrap();
        Ok(String::from_utf8(request).unwrap().lines().next().unwrap().to_string())
    };
    assert_eq!(line("ws://example.com?x=1").as_deref(), Ok("GET /?x=1 HTTP/1.1"));
    assert_eq!(line("WS://example.com/").as_deref(), Ok("GET / HTTP/1.1"));
    for port in ["65536", "80a", "-1", "+1", "0", " 80"] {
        assert_eq!(line(&format!("ws://example.com:{port}/")), Err(UriError::Port), "{port}");
    }
    assert_eq!(line("ws://example.com/a b"), Err(UriError::Character));
    // The host to verify a certificate by is the host of the request.
    let uri = Uri::parse("wss://Good.example:444/@evil.example").unwrap();
    assert_eq!(
        (uri.host().to_string(), uri.host_header().to_string()),
        ("good.example".into(), "good.example:444".into())
    );
    assert_eq!(Uri::parse("wss://good.example@evil.example/").unwrap().host(), "evil.example");
    assert_eq!(Uri::parse("wss://good.example\\@evil.example/"), Err(UriError::UserInformation));
}

#[test]
fn a_frame_read_together_with_the_request_is_kept_in_any_cut() {
    let sent = [request(&[]), b"\x82\x81\0\0\0\0x".to_vec()].concat();
    for pieces in cuts(&sent) {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let mut connection = None;
        let mut messages = 0;
        for mut piece in pieces {
            let mut input = &mut piece[..];
            if connection.is_none() {
                let Some(head) = handshake.receive(&mut input).unwrap() else { continue };
                let request = head.upgrade(OriginPolicy::Any).unwrap();
                connection = Some(request.open(&Acceptance::default(), sockless::Config::default()).unwrap());
            }
            while connection.as_mut().unwrap().receive(&mut input).unwrap().is_some() {
                messages += 1;
            }
        }
        assert_eq!(messages, 1);
    }
}

#[test]
fn what_is_written_does_not_fit_or_is_whole_and_holds_nothing_of_the_buffer() {
    let mut buffer = [0xaa; 300];
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    let length = request.write(&Key::from_nonce([1; 16]), &mut buffer).unwrap();
    assert!(!buffer[..length].contains(&0xaa) && buffer[length..].iter().all(|&byte| byte == 0xaa));
    let mut small = [0xaa; 300];
    let needed = request.write(&Key::from_nonce([1; 16]), &mut small[..length - 1]);
    assert_eq!(needed, Err(WriteError::BufferTooSmall { needed: length }));
}
