//! Hostile heads of requests and responses: without end, slow, torn (RFC 6455 §4, RFC 9112).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use support::figure::Figure;
use support::hostile::{KIB, at};
use support::opening::{FIELDS, client, request, response};
use support::pieces::cuts;

use sockless::handshake::{
    Acceptance, BodyCollector, BodyFraming, HandshakeLimits, OriginPolicy, Outcome, ProxyHandshake,
    ProxyRequest, Refusal, ResponseError, ServerHandshake,
};
use sockless::{Moment, Uri};

/// The first line of what a server answers.
fn status_line(response: &[u8]) -> String {
    assert!(response.ends_with(b"\r\n\r\n"));
    String::from_utf8(response.to_vec()).unwrap().lines().next().unwrap_or_default().to_string()
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
    let mut over = Figure::new("a request without an end", 4096, "bytes taken beyond the limit");
    let mut kept = Figure::new("a request without an end", 40 * KIB + 4096, "bytes of heap");
    let mut asked = Figure::new("a request without an end", 64 * KIB + 4096, "bytes of heap ever asked for");
    let mut left = Figure::new("a request without an end", 0, "bytes of heap left behind");
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
            let answered = status_line(&refusal.response());
            assert!(answered.starts_with(answer), "{answered}");
            over.saw(taken.saturating_sub(most), &answered);
            // It grows by doubling, and both are there while one is copied to the other.
            kept.saw(heap.peak, &answered);
            asked.saw(heap.asked, &answered);
            left.saw(heap.held, &answered);
            drop(handshake);
        }
    }
    over.tell();
    kept.tell();
    asked.tell();
    left.tell();
    // Empty lines before the request are no way around it.
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let (seen, taken) = endless(b"", b"\r\n", 1, |input| handshake.receive(input).map(|head| head.is_some()));
    assert_eq!(seen, Refusal::RequestLineMalformed);
    let mut figure = Figure::new("empty lines before a request, without end", 10, "bytes until refused");
    figure.saw(taken, &status_line(&seen.response()));
    figure.tell();
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
    let mut over = Figure::new("a response without an end", 4096, "bytes taken beyond the limit");
    let mut kept = Figure::new("a response without an end", 40 * KIB + 4096, "bytes of heap");
    for (start, again, error, most) in cases {
        for size in SIZES {
            let mut handshake = client();
            let mut proxy = proxy();
            let ((seen, taken), heap) = heap::during(|| {
                endless(start, again, size, |input| handshake.receive(input).map(|head| head.is_some()))
            });
            assert_eq!(seen, error, "{size}");
            assert!(taken <= most + size, "{error:?} after {taken} bytes");
            assert!(heap.held <= 0, "{heap:?}");
            over.saw(taken.saturating_sub(most), &format!("{seen:?}"));
            kept.saw(heap.peak, &format!("{seen:?}"));
            // The response of a proxy is read by the same rules, whatever the status.
            let (seen, _) =
                endless(start, again, size, |input| proxy.receive(input).map(|head| head.is_some()));
            assert_eq!(seen, error, "{size}");
        }
    }
    over.tell();
    kept.tell();
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
    let most = 3 * 16 * KIB + 100 * 100;
    let mut asked = Figure::new("a head of 16 KiB in single bytes", most, "bytes of heap ever asked for");
    let mut once = Figure::new("a head of 16 KiB in single bytes", 1, "call that sees a byte");
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
        // What is kept grows by doubling; to parse takes a table once, of 32 bytes a field and again as much for what
        // came of it. A second time for each read would ask for megabytes.
        let accepted = head.upgrade(OriginPolicy::Any).unwrap().accept(&Acceptance::default()).unwrap();
        asked.saw(heap.asked, &status_line(&accepted));
        once.saw(calls.div_ceil(large.len()), &status_line(&accepted));
    }
    asked.tell();
    once.tell();
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
    let (head, heap) = heap::during(|| {
        let mut heads = lines.bytes().filter_map(|byte| handshake.receive(&mut &mut [byte][..]).unwrap());
        heads.next().expect("a whole request")
    });
    assert_eq!((head.target().len(), head.fields().count()), ((1 << 20) + 1, 90_006));
    let accepted = head.upgrade(OriginPolicy::Any).unwrap().accept(&Acceptance::default()).unwrap();
    // It grows by doubling, and the table has 64 bytes for each field.
    let most = 8 * (1 << 20) + 90_006 * 100;
    let mut figure = Figure::new("lines of a megabyte in single bytes", most, "bytes of heap ever asked for");
    figure.saw(heap.asked, &status_line(&accepted));
    figure.tell();
}

#[test]
fn a_head_torn_at_each_byte_is_the_same_head() {
    let mut figure = Figure::new("a head torn at each byte, with a frame behind it", 0, "bytes lost");
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
        let behind = [&*first, &*second].concat();
        assert!(b"\x81\x80\0\0\0\0".ends_with(&behind), "the frame behind it stays");
        figure.saw(6 - behind.len(), &status_line(&accepted));
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
    figure.tell();
}

#[test]
fn many_tiny_reads_open_a_connection() {
    let mut figure = Figure::new("a good handshake in single bytes", 1, "read for each byte");
    let sent = request(&["X: y"; 40]);
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let mut reads = 0;
    let heads = sent.iter().filter_map(|&byte| {
        reads += 1;
        handshake.receive(&mut &mut [byte][..]).unwrap()
    });
    let head = heads.last().expect("a whole request");
    let accepted = head.upgrade(OriginPolicy::Any).unwrap().accept(&Acceptance::default()).unwrap();
    figure.saw(reads / sent.len(), &status_line(&accepted));
    let sent = response(&["X: y"; 40]);
    let mut handshake = client();
    let outcomes = sent.iter().filter_map(|&byte| handshake.receive(&mut &mut [byte][..]).unwrap());
    assert!(outcomes.last().is_some_and(|outcome| matches!(outcome, Outcome::Established(_))));
    assert!(reads > 64 && sent.len() > 64);
    figure.tell();
}

#[test]
fn a_byte_a_second_does_not_outlast_the_deadline() {
    let mut figure = Figure::new("a byte of a request each second", 10, "seconds");
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
    let (refusal, second) = refusal.expect("an end");
    assert_eq!(refusal, Refusal::TimedOut);
    assert!(refusal.response().starts_with(b"HTTP/1.1 408 "));
    figure.saw(second, &status_line(&refusal.response()));
    figure.tell();
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
    let (error, second) = error.expect("an end");
    let mut figure = Figure::new("a byte of a response each second", 10, "seconds");
    figure.saw(second, &format!("{error:?}"));
    assert_eq!(error, ResponseError::TimedOut);
    figure.tell();
}

#[test]
fn behind_a_refusal_nothing_is_taken_for_a_request() {
    let faults: [&[u8]; 4] = [
        b"GET / HTTP/1.1 \r\n",
        b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
        b"\x16\x03\x01\n",
        b"PRI * HTTP/2.0\r\nX\r\n\r\n",
    ];
    let mut figure = Figure::new("a good request behind a refused one", 0, "requests taken");
    for fault in faults {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let mut sent = fault.to_vec();
        let refusal = handshake.receive(&mut &mut sent[..]).expect_err("a refusal");
        assert_eq!(refusal.status(), 400);
        for _ in 0..3 {
            let again = handshake.receive(&mut &mut request(&[])[..]);
            figure.saw(usize::from(again.is_ok()), &status_line(&refusal.response()));
            assert_eq!(again.err(), Some(refusal));
            assert_eq!(handshake.receive_eof(), Err(refusal));
            assert_eq!(handshake.handle_timeout(Moment::ORIGIN), Err(refusal));
        }
    }
    figure.tell();
}

#[test]
fn a_frame_read_together_with_the_request_is_kept_in_any_cut() {
    let mut figure = Figure::new("a frame read together with the request", 0, "frames lost");
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
        assert!(messages <= 1);
        let out = support::subject::drain(&mut connection.expect("a connection"));
        figure.saw(1 - messages, &status_line(&out));
    }
    figure.tell();
}

#[test]
fn a_line_end_that_is_none_hides_no_line() {
    let mut figure = Figure::new("CR, LF or NUL put anywhere into a request", 0, "requests accepted");
    let sent = request(&["X: y"]);
    for at in 0..sent.len() {
        for more in ["\r", "\n", "\0", "\r\n ", "\r\n\t"] {
            let (before, behind) = sent.split_at(at);
            // Folding behind the end of a line is a line's beginning, and a LF within the last end is behind the head.
            if more == "\n" && behind == b"\n" || more.len() == 3 && (at == 0 || before.ends_with(b"\r\n")) {
                continue;
            }
            let mut changed = [before, more.as_bytes(), behind].concat();
            let mut handshake = ServerHandshake::new(HandshakeLimits::default());
            let judged = match handshake.receive(&mut &mut changed[..]) {
                Ok(Some(head)) => head.upgrade(OriginPolicy::Any).map(|_| ()),
                // Its end is hidden: nothing is accepted before it.
                Ok(None) => handshake.receive_eof(),
                Err(refusal) => Err(refusal),
            };
            let answer = judged.err().map_or("accepted".into(), |refusal| status_line(&refusal.response()));
            assert!(judged.is_err(), "{more:?} at {at}, behind {}", before.escape_ascii());
            figure.saw(usize::from(judged.is_ok()), &answer);
        }
    }
    figure.tell();
}

#[test]
fn the_body_of_a_refusal_that_does_not_end_is_cut_at_the_cap() {
    const CAP: usize = 4096;
    let mut kept = Figure::new("the body of a refusal, without an end", 3 * CAP, "bytes of heap");
    // A chunk of one byte has up to sixteen digits and two line ends; of what is skipped there is a bound for all.
    let most = CAP * 21 + 4096 + 4096;
    let mut taken = Figure::new("the body of a refusal, without an end", most, "bytes until given up");
    let extended = format!("1;{}\r\nx\r\n", "x".repeat(4000));
    for (framing, start, again) in [
        (BodyFraming::Length(u64::MAX), "", "x"),
        (BodyFraming::UntilClose, "", "x"),
        (BodyFraming::Chunked, "ffffffffffffffff\r\n", "x"),
        (BodyFraming::Chunked, "", "1\r\nx\r\n"),
        (BodyFraming::Chunked, "", "0000000000000001\r\nx\r\n"),
        (BodyFraming::Chunked, "", "0"),
        (BodyFraming::Chunked, "", &extended),
        (BodyFraming::Chunked, "1;", "x"),
        (BodyFraming::Chunked, "0\r\n", "X: y\r\n"),
        (BodyFraming::Chunked, "0\r\n", "\n"),
    ] {
        for size in SIZES {
            let mut collector = BodyCollector::new(framing, CAP);
            let mut pieces = start.bytes().chain(again.bytes().cycle());
            let mut piece = vec![0; size];
            let mut fed = 0;
            let (body, heap) = heap::during(|| {
                loop {
                    piece.iter_mut().for_each(|to| *to = pieces.next().expect("it is endless"));
                    fed += size;
                    if let Some(body) = collector.receive(&mut &mut piece[..]) {
                        break body;
                    }
                    assert!(fed < 1 << 20, "it is never given up: {framing:?} {start:?} {again:?}");
                }
            });
            assert!(body.truncated && body.bytes.len() <= CAP, "{framing:?} {start:?} {again:?}");
            kept.saw(heap.peak, "truncated");
            taken.saw(fed, "truncated");
        }
    }
    kept.tell();
    taken.tell();
}
