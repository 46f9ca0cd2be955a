//! Hostile messages: fragments, sums, and limits (RFC 6455 §5.4, §10.4).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use heap::Heap;
use sockless::{Config, Delivery, Limits, ProtocolError, Role};
use support::figure::Figure;
use support::hostile::{KIB, endless, failed, ignore, in_words, pour};
use support::subject::{KINDS, ROLES, Seen, Subject, connection, drain, frames, from_peer};

#[test]
fn empty_fragments_by_the_million_cost_nothing_and_are_counted() {
    let mut counted = Figure::new("empty fragments without end", 4096, "fragments until refused");
    let mut limited_heap = Figure::new("empty fragments without end", KIB, "bytes of heap");
    let mut unlimited_heap = Figure::new("a million empty fragments, no limit", KIB, "bytes of heap");
    for role in ROLES {
        let (start, empty) = (from_peer(role, 0x02, b""), from_peer(role, 0, b""));
        let thousand = empty.repeat(1000);
        for delivery in [Delivery::Messages, Delivery::Parts] {
            let mut limited = connection(role, Config::default().delivery(delivery));
            let ((fault, taken), heap) = heap::during(|| {
                pour(&mut limited, &start, 64, ignore).unwrap();
                endless(&mut limited, &empty, 64)
            });
            assert_eq!(fault, ProtocolError::TooManyFragments);
            assert_eq!(taken, 4096 * empty.len(), "the one that is too many");
            let answer = failed(&mut limited, role, ProtocolError::TooManyFragments);
            counted.saw(taken / empty.len(), &answer);
            limited_heap.saw(heap.peak, &answer);

            let config = Config::default().limits(Limits::UNLIMITED).delivery(delivery);
            let mut unlimited = connection(role, config);
            let ((), heap) = heap::during(|| {
                pour(&mut unlimited, &start, 64, ignore).unwrap();
                // One of them goes to a million.
                let thousands =
                    if (role, delivery) == (Role::Client, Delivery::Messages) { 1000 } else { 50 };
                for _ in 0..thousands {
                    let calls = pour(&mut unlimited, &thousand, 1000, |_, event| panic!("{event:?}"));
                    assert_eq!(calls, Ok(thousand.len() / 1000), "one call for each piece");
                }
            });
            unlimited_heap.saw(heap.peak, &in_words(&frames(role, &drain(&mut unlimited))));
        }
    }
    counted.tell();
    limited_heap.tell();
    unlimited_heap.tell();
}

#[test]
fn tiny_fragments_by_the_million_take_what_their_bytes_take() {
    let mut peak = Figure::new("2^20 fragments of one byte", 2 * 1024 * KIB, "bytes of heap");
    let mut asked = Figure::new("2^20 fragments of one byte", 2 * 1024 * KIB, "bytes of heap ever asked for");
    for (role, begin) in [(Role::Client, 0x01), (Role::Server, 0x02)] {
        let limits = Limits { fragments: u32::MAX, ..Limits::for_messages(1 << 20) };
        let mut connection = connection(role, Config::default().limits(limits));
        let (start, tiny) = (from_peer(role, begin, b"x"), from_peer(role, 0, b"x"));
        let many = tiny.repeat(1023);
        let ((), heap) = heap::during(|| {
            pour(&mut connection, &start, 64, ignore).unwrap();
            for _ in 0..1025 {
                pour(&mut connection, &many, 1000, ignore).unwrap();
            }
        });
        // One run of bytes, grown a few times and never beyond the limit: no list of parts, and nothing that is copied
        // again for each.
        assert!(heap.held < 1025 * KIB, "{heap:?}");
        // 1 + 1025 · 1023 bytes have come; 2^20 may.
        let ((fault, _), freed) = heap::during(|| endless(&mut connection, &tiny, 64));
        assert_eq!(fault, ProtocolError::MessageTooBig);
        let answer = failed(&mut connection, role, ProtocolError::MessageTooBig);
        peak.saw(heap.peak, &answer);
        asked.saw(heap.asked, &answer);
        assert!(freed.held <= KIB - (1 << 20), "the fault frees what was put together: {freed:?}");
    }
    peak.tell();
    asked.tell();
}

#[test]
fn a_message_without_an_end_fails_at_the_limit_of_the_message() {
    let mut taken_of_it = Figure::new("a message without an end", 1 << 20, "bytes of payload until refused");
    let mut kept = Figure::new("a message without an end", 2 * 1024 * KIB, "bytes of heap");
    let mut passed_on = Figure::new("a message without an end, in parts", KIB, "bytes of heap");
    for role in ROLES {
        // Each frame is far below every limit.
        let (start, more) = (from_peer(role, 0x02, &[7; 1000]), from_peer(role, 0, &[7; 1000]));
        for delivery in [Delivery::Messages, Delivery::Parts] {
            let mut connection = connection(role, Config::default().delivery(delivery));
            let ((fault, taken), heap) = heap::during(|| {
                pour(&mut connection, &start, 1000, ignore).unwrap();
                endless(&mut connection, &more, 1000)
            });
            assert_eq!(fault, ProtocolError::MessageTooBig);
            assert_eq!(taken, (1 << 20) / 1000 * more.len(), "the one that is too many");
            let answer = failed(&mut connection, role, ProtocolError::MessageTooBig);
            taken_of_it.saw(taken / more.len() * 1000, &answer);
            let heap_of = if delivery == Delivery::Parts { &mut passed_on } else { &mut kept };
            heap_of.saw(heap.peak, &answer);
        }
    }
    taken_of_it.tell();
    kept.tell();
    passed_on.tell();
}

#[test]
fn empty_messages_by_the_million_are_events_and_nothing_else() {
    let mut figure = Figure::new("a million empty messages", 0, "bytes of heap");
    for (role, thousands) in [(Role::Client, 1000), (Role::Server, 50)] {
        let mut connection = connection(role, Config::default());
        let thousand = from_peer(role, 0x82, b"").repeat(1000);
        let mut events = 0;
        let ((), heap) = heap::during(|| {
            for _ in 0..thousands {
                let calls = pour(&mut connection, &thousand, 1000, |_, _| events += 1).unwrap();
                assert_eq!(calls, 1000 + thousand.len() / 1000, "one for each event, one for each piece");
            }
        });
        assert_eq!(events, 1000 * thousands);
        assert_eq!(heap, Heap::default());
        figure.saw(heap.peak, &in_words(&frames(role, &drain(&mut connection))));
    }
    figure.tell();
}

#[test]
fn control_frames_between_all_fragments_change_nothing_and_are_not_charged() {
    let mut figure =
        Figure::new("200 control frames inside 100 fragments", 0, "bytes charged to the message");
    for role in ROLES {
        for kind in KINDS {
            // Each byte in a frame of its own, a ping and a pong between any two, and the limits just met.
            let limits = Limits { message: 100, frame: 100, fragments: 100 };
            let mut subject = Subject::new(kind, role, Config::default().limits(limits));
            for n in 0..100_u8 {
                subject.feed(&from_peer(role, 0x89, &[n; 125]));
                subject.feed(&from_peer(role, 0x8a, &[n; 125]));
                let head = if n == 0 { 0x02 } else { u8::from(n == 99) << 7 };
                subject.feed(&from_peer(role, head, &[n]));
            }
            // A ping behind a message that was as large as may be.
            subject.feed(&from_peer(role, 0x89, b"1"));
            assert_eq!(subject.error, None);
            assert_eq!(subject.events[200], Seen::Binary((0..100).collect()));
            let out = subject.take_frames();
            assert_eq!(out.len(), 101, "each ping was answered at once");
            // What the message lacks of its limit of 100, which it just met.
            let Seen::Binary(message) = &subject.events[200] else { panic!() };
            figure.saw(100 - message.len(), &in_words(&out));
        }
    }
    figure.tell();
}

#[test]
fn limits_are_finite_unless_spelled_out_and_nought_is_nought() {
    let defaults = Config::default().limits;
    assert_eq!(defaults, Limits::default());
    assert_eq!((defaults.message, defaults.frame), (1 << 20, 1 << 20));
    assert!(defaults.fragments < 1 << 20);
    let mut figure = Figure::new("a byte where the limit is nought", 0, "bytes taken");
    for role in ROLES {
        for kind in KINDS {
            let none = Limits { message: 0, frame: 0, fragments: 0 };
            let mut subject = Subject::new(kind, role, Config::default().limits(none));
            subject.feed(&from_peer(role, 0x82, b""));
            subject.feed(&from_peer(role, 0x89, b"?"));
            assert_eq!(subject.error, None);
            subject.feed(&from_peer(role, 0x82, b"x"));
            assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::FrameTooBig));
            let bytes = subject.events.iter().map(|seen| match seen {
                Seen::Binary(data) => data.len(),
                _ => 0,
            });
            figure.saw(bytes.sum::<usize>(), &in_words(&subject.take_frames()));

            // Without limits the same comes out.
            let wire = [from_peer(role, 0x02, &[1; 200]), from_peer(role, 0x80, &[1; 200])].concat();
            let events = [Limits::default(), Limits::UNLIMITED].map(|limits| {
                let mut subject = Subject::new(kind, role, Config::default().limits(limits));
                subject.feed(&wire);
                subject.events
            });
            assert_eq!(events, [vec![Seen::Binary(vec![1; 400])], vec![Seen::Binary(vec![1; 400])]]);
        }
    }
    figure.tell();
}
