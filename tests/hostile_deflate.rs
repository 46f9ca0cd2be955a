//! Hostile compression: bombs, data that is no DEFLATE, windows that there are not (RFC 7692 §7, §8).
#![cfg(feature = "deflate")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use sockless::handshake::{
    Acceptance, HttpVersion, Key, Offer, OriginPolicy, PermessageDeflate, Request, RequestLine, StatusLine,
    WindowBits,
};
use sockless::{Config, Connection, Delivery, Event, Limits, ProtocolError, Role};
use support::figure::Figure;
use support::hostile::{KIB, endless, failed, ignore, in_words, pour};
use support::subject::{ROLES, connection, drain, frames, from_peer};

const WINDOW: isize = 32 << 10;
const PART: isize = 32 << 10;

/// A limit that is no power of two.
const LARGEST: u64 = (1 << 20) + 12_345;

/// Text or binary of the letter `a`, a thousandth of its length on the wire.
fn bomb(head: u8, len: usize) -> Vec<u8> {
    let mut payload = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; len], 9);
    payload.push(0);
    assert!(payload.len() < len / 800, "{}", payload.len());
    from_peer(Role::Server, head, &payload)
}

#[test]
fn s10_4_a_bomb_never_holds_more_than_the_limit_and_a_window() {
    let mut bytes = Figure::new("a bomb of 900 times the limit", LARGEST, "bytes delivered");
    let most = LARGEST as isize + WINDOW + PART + 64 * KIB;
    let mut kept = Figure::new("a bomb of 900 times the limit", most, "bytes of heap, grown in place");
    let mut both = Figure::new("a bomb of 900 times the limit", most + LARGEST as isize, "bytes of heap");
    let mut over = Figure::new(
        "a bomb, whatever the limit",
        WINDOW + PART + 64 * KIB,
        "bytes of heap beyond it, grown in place",
    );
    for limit in [1000, 65_536, 1 << 20, LARGEST] {
        // A long frame, and the longest that is put together before it is inflated.
        for (head, most) in [(0xc1, 64 << 20), (0xc2, 64 << 20), (0xc1, 17 << 20), (0xc2, 17 << 20)] {
            let wire = bomb(head, (limit as usize * 900).min(most));
            for delivery in [Delivery::Messages, Delivery::Parts] {
                for cut in [1 << 20, 1000] {
                    let config = Config::default().limits(Limits::for_messages(limit)).delivery(delivery);
                    let mut connection =
                        Connection::server(config).with_deflate(PermessageDeflate::default().agreed());
                    let mut delivered = 0;
                    let mut wire = wire.clone();
                    let (fault, heap) = heap::during(|| {
                        wire.chunks_mut(cut).find_map(|piece| {
                            let mut input = piece;
                            loop {
                                match connection.receive(&mut input) {
                                    Ok(None) => return None,
                                    Ok(Some(Event::Text { text, .. })) => delivered += text.len(),
                                    Ok(Some(Event::Binary { data, .. })) => delivered += data.len(),
                                    Ok(Some(event)) => panic!("{event:?}"),
                                    Err(fault) => return Some(fault),
                                }
                            }
                        })
                    });
                    assert_eq!(fault, Some(ProtocolError::MessageTooBig));
                    // Of a frame that comes whole nothing is put together.
                    if cut > wire.len() {
                        assert!(heap.peak_in_place <= limit as isize + 112 * KIB, "{}", heap.peak_in_place);
                    }
                    assert!(delivered as u64 <= limit, "{delivered} of {limit}");
                    let answer = failed(&mut connection, Role::Server, ProtocolError::MessageTooBig);
                    bytes.saw(delivered, &answer);
                    both.saw(heap.peak, &answer);
                    kept.saw(heap.peak_in_place, &answer);
                    over.saw(heap.peak_in_place - limit as isize, &answer);
                }
            }
        }
    }
    bytes.tell();
    kept.tell();
    both.tell();
    over.tell();
}

#[test]
fn parts_of_a_bomb_take_constant_memory() {
    let mut wire = bomb(0xc1, 64 << 20);
    let config = Config::default().limits(Limits::UNLIMITED).delivery(Delivery::Parts);
    let mut connection = Connection::server(config).with_deflate(PermessageDeflate::default().agreed());
    let ((), heap) = heap::during(|| {
        let mut input = &mut wire[..];
        while connection.receive(&mut input).unwrap().is_some() {}
    });
    let most = WINDOW + PART + 64 * KIB;
    let mut figure = Figure::new("a bomb of 64 MiB in parts, no limit", most, "bytes of heap");
    figure.saw(heap.peak, &in_words(&frames(Role::Server, &drain(&mut connection))));
    figure.tell();
}

fn deflating(role: Role, config: Config) -> Connection {
    connection(role, config).with_deflate(PermessageDeflate::default().agreed())
}

#[test]
fn a_compressed_message_of_nothing_without_an_end_is_refused() {
    // Blocks that inflate to nothing: no output ever meets a limit.
    let blocks = b"\x00\x00\x00\xff\xff".repeat(200);
    // What does not compress grows: an eighth and 64 bytes more than a message may come.
    let most = (1 << 20) + (1 << 17) + 64;
    let mut taken_of_it =
        Figure::new("compressed nothing without an end", most, "bytes of payload until refused");
    let mut kept =
        Figure::new("compressed nothing without an end", WINDOW + PART + 64 * KIB, "bytes of heap");
    for role in ROLES {
        let (start, more) = (from_peer(role, 0x42, &blocks), from_peer(role, 0, &blocks));
        for delivery in [Delivery::Messages, Delivery::Parts] {
            let mut connection = deflating(role, Config::default().delivery(delivery));
            let ((fault, taken), heap) = heap::during(|| {
                pour(&mut connection, &start, 1000, ignore).unwrap();
                endless(&mut connection, &more, 1000)
            });
            let answer = failed(&mut connection, role, fault);
            taken_of_it.saw(taken / more.len() * blocks.len(), &answer);
            kept.saw(heap.peak, &answer);
        }
    }
    taken_of_it.tell();
    kept.tell();
}

#[test]
fn empty_compressed_messages_by_the_hundred_thousand_hold_one_engine() {
    let agreed = PermessageDeflate::default();
    let mut figure =
        Figure::new("100,000 empty compressed messages", WINDOW + PART + 64 * KIB, "bytes of heap");
    for agreed in [agreed, agreed.no_context_takeover()] {
        for role in ROLES {
            let mut connection = connection(role, Config::default()).with_deflate(agreed.agreed());
            let many = [from_peer(role, 0xc1, b"\x00"), from_peer(role, 0xc2, b"")].concat().repeat(50);
            let mut events = 0;
            let ((), heap) = heap::during(|| {
                for _ in 0..1000 {
                    pour(&mut connection, &many, 1000, |_, _| events += 1).unwrap();
                }
            });
            assert_eq!(events, 100_000);
            figure.saw(heap.peak, &in_words(&frames(role, &drain(&mut connection))));
        }
    }
    figure.tell();
}

#[test]
fn any_two_bytes_inflate_or_are_a_fault_and_nothing_beside_them_is_touched() {
    let mut kept =
        Figure::new("any two bytes as a compressed message", WINDOW + PART + 64 * KIB, "bytes of heap");
    let mut beside = Figure::new("any two bytes as a compressed message", 0, "bytes beside them changed");
    let frame = from_peer(Role::Client, 0xc2, b"\0\0");
    let mut connection = deflating(Role::Client, Config::default());
    for pair in 0..=u16::MAX {
        let mut wire = [&frame[..2], &pair.to_be_bytes(), &[0xa5; 16]].concat();
        let ((fault, left), heap) = heap::during(|| {
            let mut input = &mut wire[..];
            let fault = connection.receive(&mut input).map(|event| assert!(event.is_some())).err();
            (fault, input.len())
        });
        let changed = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte != 0xa5).count();
        let answer = match fault {
            None => {
                assert_eq!(left, 16, "no more than the message was taken");
                in_words(&frames(Role::Client, &drain(&mut connection)))
            }
            Some(fault) => {
                assert_eq!(fault, ProtocolError::CorruptDeflate);
                let answer = failed(&mut connection, Role::Client, fault);
                connection = deflating(Role::Client, Config::default());
                answer
            }
        };
        kept.saw(heap.peak, &answer);
        beside.saw(changed(&wire[4..]), &answer);
    }
    kept.tell();
    beside.tell();
}

#[test]
fn a_window_that_there_is_not_is_declined_or_fails_the_handshake() {
    // All values of up to three characters, and those of a list that went wrong elsewhere.
    let characters = b"01589+-.xAe_";
    let mut values = vec![vec![]];
    for len in 0..3 {
        let longer = values.iter().filter(|value: &&Vec<u8>| value.len() == len);
        let longer: Vec<_> =
            longer.flat_map(|value| characters.map(|last| [&value[..], &[last]].concat())).collect();
        values.extend(longer);
    }
    let more = ["4294967304", "18446744073709551624", "\"010\"", "\"\"", "\" 8\"", "1e1000", "NaN"];
    values.extend(more.map(|value| value.as_bytes().to_vec()));
    values.remove(0);
    let mut offers = Figure::new("windows that there are not, offered", 0, "of them agreed on");
    let mut answers = Figure::new("windows that there are not, answered", 0, "of them agreed on");
    let policy = PermessageDeflate::default();
    for value in &values {
        let value = core::str::from_utf8(value).unwrap();
        let is_one = ["8", "9", "15"].contains(&value) || ["10", "11"].contains(&value);
        for parameter in ["server_max_window_bits", "client_max_window_bits"] {
            let extensions = format!("permessage-deflate; {parameter}={value}");
            let agreed = offered(policy, &extensions);
            assert_eq!(agreed.is_some(), is_one, "{extensions}");
            let checked = answered(policy, &extensions);
            assert_eq!(checked.is_ok(), is_one, "{extensions}");
            if !is_one {
                offers.saw(usize::from(agreed.is_some()), "101, without the extension");
                answers.saw(usize::from(checked.is_ok()), &checked.unwrap_err());
            }
        }
    }
    offers.tell();
    answers.tell();
    // What was asked for is not to be dropped or enlarged.
    let mut figure = Figure::new("a window or a takeover that was not asked for", 0, "responses accepted");
    let small = policy.server_max_window_bits(WindowBits::new(10).unwrap());
    for (offer, answer) in [
        (small, "permessage-deflate"),
        (small, "permessage-deflate; server_max_window_bits=11"),
        (small, "permessage-deflate; server_max_window_bits=15"),
        (policy.server_no_context_takeover(), "permessage-deflate"),
        (policy.client_max_window_bits(None), "permessage-deflate; client_max_window_bits=10"),
    ] {
        let checked = answered(offer, answer);
        figure.saw(usize::from(checked.is_ok()), &checked.err().unwrap_or_default());
    }
    figure.tell();
}

/// What a server with this policy answers an offer, which does not spoil the request.
fn offered(policy: PermessageDeflate, extensions: &str) -> Option<String> {
    let fields: [(&[u8], &[u8]); 6] = [
        (b"host", b"a"),
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-extensions", extensions.as_bytes()),
    ];
    let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
    let request = Request::check(line, fields.into_iter(), OriginPolicy::Any).ok()?;
    let answer = policy.answer(request.extensions()).map(|agreed| agreed.answer().to_string());
    let accepted = request.accept(&Acceptance { extensions: answer.as_deref(), ..Acceptance::default() });
    assert!(accepted.unwrap().starts_with(b"HTTP/1.1 101 "));
    answer
}

/// What a client that made this offer makes of the answer; an error in words.
fn answered(offer: PermessageDeflate, extensions: &str) -> Result<(), String> {
    let text = offer.offer().to_string();
    let key = Key::from_nonce([7; 16]);
    let accept = key.accept();
    let fields: [(&[u8], &[u8]); 4] = [
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"sec-websocket-accept", &accept),
        (b"sec-websocket-extensions", extensions.as_bytes()),
    ];
    let line = StatusLine { version: HttpVersion::HTTP_11, status: 101 };
    let asked = Offer { extensions: Some(&text), ..Offer::default() };
    let opened = asked.check(&key, line, fields.into_iter()).map_err(|error| format!("{error:?}"))?;
    let agreed = PermessageDeflate::check_any(&[offer], opened.extensions());
    agreed.map_err(|fault| format!("{fault:?}"))?.map(|_| ()).ok_or("nothing agreed on".to_string())
}
