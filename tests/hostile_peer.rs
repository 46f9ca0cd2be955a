//! Hostile peers on an open connection: each test asserts a bound and an answer. `docs/lessons.md` says what failed
//! elsewhere.
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use core::time::Duration;

use bytes::Buf;
use heap::Heap;
use sockless::{
    Cause, Config, Connection, Deadline, Decoder, Delivery, EndCode, Event, FrameHeader, Keys, Limits,
    Moment, ProtocolError, Role, SendError, Timeouts, Transport,
};
use support::subject::{KINDS, ROLES, Seen, Subject, connection, drain, frames, from_peer};
use support::wire::{self, Frame};

const KIB: isize = 1 << 10;

/// Feeds bytes in pieces of this size. Each call takes a byte, or has taken all; so there are no more calls than bytes,
/// and one for each piece. The events go to `each`. Takes nothing from the heap itself.
fn pour(
    connection: &mut Connection,
    wire: &[u8],
    size: usize,
    mut each: impl FnMut(&mut Connection, Event<'_>),
) -> Result<usize, ProtocolError> {
    let mut calls = 0;
    let mut buffer = [0; 1000];
    for bytes in wire.chunks(size) {
        let mut input = &mut buffer[..bytes.len()];
        input.copy_from_slice(bytes);
        loop {
            let before = input.len();
            calls += 1;
            match connection.receive(&mut input)? {
                Some(event) => {
                    assert!(input.len() < before, "an event takes a byte at least");
                    each(connection, event);
                }
                None => break assert!(input.is_empty(), "all is taken when more is wanted"),
            }
        }
    }
    Ok(calls)
}

/// Feeds the same bytes again and again until they are refused: how many bytes that took.
fn endless(connection: &mut Connection, again: &[u8], size: usize) -> (ProtocolError, usize) {
    for times in 1..1 << 20 {
        if let Err(fault) = pour(connection, again, size, ignore) {
            return (fault, times * again.len());
        }
    }
    panic!("it is never refused");
}

fn ignore(_: &mut Connection, _: Event<'_>) {}

/// A header as the peer of `role` sends it.
fn header(role: Role, first: u8, payload_len: u64) -> Vec<u8> {
    let masking_key = (role == Role::Server).then_some([0x11, 0x22, 0x33, 0x44]);
    let header =
        FrameHeader { fin: first & 0x80 != 0, rsv: 0, opcode: first & 0xf, masking_key, payload_len };
    header.encode().as_ref().to_vec()
}

/// What went out, of a connection that failed: the one Close with the code.
fn assert_failed(connection: &mut Connection, role: Role, fault: ProtocolError) {
    let close = Frame::close(Some(fault.close_code().value()));
    assert_eq!(frames(role, &drain(connection)), [close]);
    assert_eq!(connection.transport(), Transport::ShutdownWrite);
    connection.receive_eof();
    let end = connection.end().expect("an end");
    assert_eq!((end.code, end.was_clean, end.cause), (EndCode::ABNORMAL, false, Cause::Failed(fault)));
}

#[test]
fn a_length_is_judged_in_64_bits_before_anything_is_kept() {
    // Every power of two and its neighbours, as a whole message and on top of what came before.
    let lengths = (0..64).flat_map(|bit| {
        let power = 1_u64 << bit;
        [power.wrapping_sub(1), power, power.wrapping_add(1)]
    });
    let lengths: Vec<u64> = lengths.chain([u64::MAX - 1, u64::MAX]).collect();
    for role in ROLES {
        for limit in [100, 1 << 20, u64::from(u32::MAX), u64::MAX] {
            for &len in &lengths {
                for earlier in [None, Some(1), Some(100)] {
                    let limits = Limits { message: limit, frame: u64::MAX, fragments: 10 };
                    let mut connection = connection(role, Config::default().limits(limits));
                    let (first, before) = match earlier {
                        Some(earlier) => {
                            pour(&mut connection, &from_peer(role, 0x02, &vec![0; earlier]), 200, ignore)
                                .unwrap();
                            (0x80, earlier as u64)
                        }
                        None => (0x82, 0),
                    };
                    let expected = match () {
                        () if len > u64::MAX >> 1 => Some(ProtocolError::LengthTopBit),
                        () if u128::from(before) + u128::from(len) > u128::from(limit) => {
                            Some(ProtocolError::MessageTooBig)
                        }
                        () => None,
                    };
                    let mut header = header(role, first, len);
                    let (result, heap) =
                        heap::during(|| connection.receive(&mut &mut header[..]).map(|_| ()));
                    assert_eq!(result.err(), expected, "{role:?}: {len} after {before}, limit {limit}");
                    match expected {
                        None => assert_eq!(heap.asked, 0, "nothing is reserved for {len}"),
                        Some(fault) => {
                            assert!(heap.held < KIB, "{heap:?}");
                            assert_failed(&mut connection, role, fault);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn an_announcement_of_2_to_the_63_less_one_reserves_nothing() {
    for role in ROLES {
        for first in [0x81, 0x82, 0x01, 0x02] {
            let mut refused = connection(role, Config::default());
            let mut wire = header(role, first, u64::MAX >> 1);
            let (result, heap) = heap::during(|| refused.receive(&mut &mut wire[..]).map(|_| ()));
            assert_eq!(result, Err(ProtocolError::FrameTooBig));
            assert!(heap.peak < KIB, "{heap:?}");
            assert_failed(&mut refused, role, ProtocolError::FrameTooBig);

            // Without a limit it is the bytes that came which take memory.
            let mut unlimited = connection(role, Config::default().limits(Limits::UNLIMITED));
            let wire = [header(role, first, u64::MAX >> 1), vec![0x11; 10_000]].concat();
            let ((), heap) = heap::during(|| {
                pour(&mut unlimited, &wire, 100, ignore).unwrap();
            });
            println!("10000 bytes of a frame of 2^63 - 1: {heap:?}");
            assert!(heap.held < 50 * KIB, "{heap:?}");
            let ((), freed) = heap::during(|| unlimited.receive_eof());
            assert!(freed.held <= -10_000, "the end of the transport frees what was begun: {freed:?}");
        }
    }
}

#[test]
fn empty_fragments_by_the_million_cost_nothing_and_are_counted() {
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
            println!("empty fragments to the limit: {taken} bytes, {heap:?}");
            assert!(heap.peak < KIB, "{heap:?}");
            assert_failed(&mut limited, role, ProtocolError::TooManyFragments);

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
            assert!(heap.peak < KIB, "{heap:?}");
        }
    }
}

#[test]
fn tiny_fragments_by_the_million_take_what_their_bytes_take() {
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
        println!("2^20 fragments of a byte: {heap:?}");
        // One run of bytes, grown a few times and never beyond the limit: no list of parts, and nothing that is copied
        // again for each.
        assert!(heap.held < 1025 * KIB && heap.peak < 2 * 1024 * KIB, "{heap:?}");
        assert!(heap.asked < 2 * 1024 * KIB, "{heap:?}");
        // 1 + 1025 · 1023 bytes have come; 2^20 may.
        let ((fault, _), freed) = heap::during(|| endless(&mut connection, &tiny, 64));
        assert_eq!(fault, ProtocolError::MessageTooBig);
        assert_failed(&mut connection, role, ProtocolError::MessageTooBig);
        assert!(freed.held <= KIB - (1 << 20), "the fault frees what was put together: {freed:?}");
    }
}

#[test]
fn a_message_without_an_end_fails_at_the_limit_of_the_message() {
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
            println!("a message without an end: {taken} bytes, {heap:?}");
            let most = if delivery == Delivery::Parts { KIB } else { 2 * 1024 * KIB };
            assert!(heap.peak <= most, "{heap:?}");
            assert_failed(&mut connection, role, ProtocolError::MessageTooBig);
        }
    }
}

#[test]
fn empty_messages_by_the_million_are_events_and_nothing_else() {
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
        assert_eq!(connection.queued(), 0);
    }
}

/// What the output may hold of pongs: those kept in order and the newest.
const MOST_PONGS: usize = 33 * (6 + 125);

#[test]
fn pings_without_end_that_nobody_reads_the_answers_of_are_bounded() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let mut ping = from_peer(role, 0x89, &[0; 125]);
        let number = ping.len() - 125..ping.len() - 121;
        let mask = ping[number.clone()].to_vec();
        let ((), heap) = heap::during(|| {
            for n in 0..100_000_u32 {
                for (at, byte) in n.to_be_bytes().into_iter().enumerate() {
                    ping[number.start + at] = mask[at] ^ byte;
                }
                pour(&mut connection, &ping, 200, ignore).unwrap();
                assert!(connection.queued() <= MOST_PONGS);
            }
        });
        println!("pings that nobody reads: {} bytes queued, {heap:?}", connection.queued());
        assert!(heap.peak <= 16 * KIB, "{heap:?}");
        let out = frames(role, &drain(&mut connection));
        assert!(out.iter().all(|pong| pong.opcode == wire::PONG && pong.payload.len() == 125));
        let numbers: Vec<u32> =
            out.iter().map(|pong| u32::from_be_bytes(pong.payload[..4].try_into().unwrap())).collect();
        let expected: Vec<u32> = (0..32).chain([99_999]).collect();
        assert_eq!(numbers, expected, "the first in order, and the newest");
    }
}

#[test]
fn a_peer_that_reads_a_byte_for_each_ping_gains_nothing() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let ping = from_peer(role, 0x89, &[7; 125]);
        let mut out = Vec::with_capacity(200_000);
        let ((), heap) = heap::during(|| {
            for _ in 0..20_000 {
                pour(&mut connection, &ping, 200, ignore).unwrap();
                let mut output = connection.output();
                out.push(output.chunk()[0]);
                output.advance(1);
                assert!(connection.queued() <= MOST_PONGS);
            }
        });
        println!("a byte read for each ping: {} bytes queued, {heap:?}", connection.queued());
        assert!(heap.peak <= 48 * KIB, "{heap:?}");
        out.extend(drain(&mut connection));
        assert!(
            frames(role, &out).iter().all(|pong| *pong == Frame::pong(&[7; 125])),
            "whole pongs, as pinged"
        );
    }
}

#[test]
fn pings_do_not_push_data_that_waits_out_of_bounds() {
    for role in ROLES {
        let mut connection = connection(role, Config::default().high_water(10_000));
        connection.binary(vec![1; 5000]).unwrap();
        connection.output().advance(1);
        let waiting = connection.queued();
        for _ in 0..10_000 {
            pour(&mut connection, &from_peer(role, 0x89, &[7; 125]), 200, ignore).unwrap();
            assert!(connection.queued() <= waiting + MOST_PONGS);
        }
        // The application is told to wait, and its payload comes back.
        let refused = connection.binary(vec![2; 5000]).unwrap_err();
        assert_eq!((refused.error, refused.payload), (SendError::Full, vec![2; 5000]));
        assert_eq!(connection.ping(&[0; 125]), Ok(()), "below the mark there is room");
    }
}

fn at(seconds: u64) -> Moment {
    Moment::from(Duration::from_secs(seconds))
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let mut sent = 0;
        let ((), heap) = heap::during(|| {
            while connection.binary(&[0; 1000]).is_ok() {
                sent += 1;
            }
        });
        assert!(sent >= 1040 && connection.queued() <= (1 << 20) + 2000, "{sent}");
        println!("a peer that never reads: {} bytes queued, {heap:?}", connection.queued());
        assert!(heap.held <= 3 * 1024 * KIB, "{heap:?}");
        assert_eq!(connection.binary(&[0; 1000]), Err(SendError::Full));
        // It keeps talking: that does not help it.
        for second in 0..30 {
            let due = connection.poll_timeout(at(second)).expect("a deadline");
            assert!(due <= at(40));
            pour(&mut connection, &from_peer(role, 0x82, b"x"), 64, ignore).unwrap();
            connection.handle_timeout(at(second));
            assert_eq!(connection.transport(), Transport::Keep);
        }
        connection.handle_timeout(at(30));
        assert_eq!(connection.transport(), Transport::Abort);
        let end = connection.end().expect("an end");
        assert_eq!((end.was_clean, end.cause), (false, Cause::TimedOut(Deadline::Output)));
    }
}

#[test]
fn a_close_that_is_never_answered_ends_at_its_deadline_however_much_comes() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.close(Some(1000), "").unwrap();
            assert_eq!(subject.take_frames(), [Frame::close(Some(1000))]);
            for second in 0..10 {
                assert_eq!(subject.poll_timeout(at(second)), Some(at(10)), "nothing puts it off");
                subject.feed(&from_peer(role, 0x82, b"more"));
                subject.feed(&from_peer(role, 0x89, b"?"));
                subject.handle_timeout(at(second));
                assert_eq!(subject.transport(), Transport::Keep);
                assert_eq!(subject.text("x"), Err(SendError::Closed));
                assert_eq!(subject.take_frames(), [Frame::pong(b"?")], "it is not over before their Close");
            }
            subject.handle_timeout(at(10));
            assert_eq!(subject.transport(), Transport::Abort);
            let end = subject.end().expect("an end");
            assert_eq!((end.was_clean, end.cause), (false, Cause::TimedOut(Deadline::Close)));
            assert_eq!(subject.poll_timeout(at(11)), None, "for good");
        }
    }
}

#[test]
fn a_transport_that_stays_open_behind_both_closes_ends_at_the_deadline() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x88, b""));
            assert_eq!(subject.take_frames(), [Frame::close(None)]);
            assert_eq!(subject.poll_timeout(at(0)), Some(at(10)));
            subject.handle_timeout(at(10));
            assert_eq!(subject.transport(), Transport::Close);
            assert!(subject.end().expect("an end").was_clean);
        }
    }
}

#[test]
fn bytes_behind_the_close_are_taken_and_mean_nothing() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let mut seen = 0;
        pour(&mut connection, &from_peer(role, 0x88, &[0x03, 0xe8]), 64, |_, _| seen += 1).unwrap();
        assert_eq!(frames(role, &drain(&mut connection)), [Frame::close(Some(1000))]);
        // Frames, faults and noise: no event, no error, no answer, no memory.
        let wire =
            [from_peer(role, 0x89, b"?"), from_peer(role, 0x88, b""), vec![0xff; 1000], vec![0x83; 1000]];
        let wire = wire.concat();
        let ((), heap) = heap::during(|| {
            for _ in 0..500 {
                pour(&mut connection, &wire, 1000, |_, event| panic!("{event:?}")).unwrap();
            }
        });
        assert_eq!(seen, 1);
        assert_eq!(heap, Heap::default());
        assert_eq!(connection.queued(), 0);
        connection.receive_eof();
        assert!(connection.end().expect("an end").was_clean);
    }
}

/// One of each kind of fault, as the peer of this role commits it, behind the beginning of a text.
fn faults(role: Role) -> Vec<(Vec<u8>, ProtocolError)> {
    let frame = |head, payload: &[u8]| from_peer(role, head, payload);
    let wrong_mask = match role {
        Role::Server => (b"\x80\x01x".to_vec(), ProtocolError::UnmaskedFrame),
        Role::Client => (b"\x80\x81\0\0\0\0x".to_vec(), ProtocolError::MaskedFrame),
    };
    let masked = u8::from(role == Role::Server) << 7;
    vec![
        (frame(0x83, b""), ProtocolError::ReservedOpcode),
        (frame(0x8f, b""), ProtocolError::ReservedOpcode),
        (frame(0xc0, b"x"), ProtocolError::ReservedBits),
        (frame(0x90, b"x"), ProtocolError::ReservedBits),
        (frame(0x09, b""), ProtocolError::FragmentedControl),
        (frame(0x89, &[0; 126]), ProtocolError::ControlTooLong),
        (frame(0x81, b"x"), ProtocolError::InterleavedMessage),
        (wrong_mask.0, wrong_mask.1),
        (vec![0x80, masked | 126, 0, 5, 0, 0, 0, 0], ProtocolError::LengthNotShortest),
        (vec![0x80, masked | 127, 0x80, 0, 0, 0, 0, 0, 0, 0], ProtocolError::LengthTopBit),
        (header(role, 0x80, 1 << 40), ProtocolError::FrameTooBig),
        (frame(0x80, b"\xff"), ProtocolError::InvalidUtf8),
        (frame(0x80, b"\xe2\x82"), ProtocolError::InvalidUtf8),
        (frame(0x88, b"\x03"), ProtocolError::TruncatedCloseCode),
        (frame(0x88, &1005_u16.to_be_bytes()), ProtocolError::InvalidCloseCode),
        (frame(0x88, b"\x03\xe8\xff"), ProtocolError::InvalidCloseReason),
    ]
}

#[test]
fn reading_on_behind_any_fault_gives_the_same_fault_and_no_event() {
    for role in ROLES {
        for (wire, fault) in faults(role) {
            for kind in KINDS {
                let mut subject = Subject::new(kind, role, Config::default());
                subject.feed(&from_peer(role, 0x01, b"begun "));
                subject.feed(&wire);
                assert_eq!(subject.error.map(|(fault, _)| fault), Some(fault), "{kind:?} {role:?}");
                let events = subject.events.len();
                assert_eq!(subject.take_frames(), [Frame::close(Some(fault.close_code().value()))]);
                for next in
                    [from_peer(role, 0x80, b"end"), from_peer(role, 0x89, b"?"), from_peer(role, 0x88, b"")]
                {
                    subject.feed(&next);
                }
                assert_eq!((events, subject.events.len()), (0, 0), "no event before it, none behind it");
                assert_eq!(subject.take_frames(), [], "and no second answer");
                assert_eq!(subject.transport(), Transport::ShutdownWrite);
                assert_eq!(subject.text("x"), Err(SendError::Closed));
            }
        }
    }
}

#[test]
fn a_fault_a_close_and_the_end_free_what_was_put_together() {
    for role in ROLES {
        let config = std::sync::Arc::new(Config::default());
        let begun =
            [from_peer(role, 0x01, &[b'x'; 50_000]), from_peer(role, 0x89, b"torn ping")[..5].to_vec()];
        for ending in ["fault", "close", "end"] {
            let mut connection = match role {
                Role::Server => Connection::server(config.clone()),
                Role::Client => Connection::client(config.clone(), Keys::from_seed([1; 32])),
            };
            let ((), heap) = heap::during(|| {
                let begun = if ending == "end" { begun.concat() } else { begun[0].clone() };
                pour(&mut connection, &begun, 1000, ignore).unwrap();
                match ending {
                    "fault" => {
                        assert!(pour(&mut connection, &from_peer(role, 0x83, b""), 64, ignore).is_err())
                    }
                    "close" => {
                        assert!(pour(&mut connection, &from_peer(role, 0x88, b""), 64, ignore).is_ok())
                    }
                    _ => connection.receive_eof(),
                }
                drain(&mut connection);
                connection.release();
            });
            assert!(heap.peak >= 50_000 && heap.held <= 0, "{ending}: {heap:?}");
        }
    }
}

#[test]
fn the_key_of_a_mask_may_be_cut_anywhere_and_a_message_too() {
    for len in [0, 1, 3, 4, 5, 125, 126, 300] {
        let text: String = "héllo wörld €𝄞".chars().cycle().take(len).collect();
        let wire = from_peer(Role::Server, 0x81, text.as_bytes());
        for kind in KINDS {
            for at in 0..=wire.len() {
                for more in [0, 1, 2, 3] {
                    let mut subject = Subject::new(kind, Role::Server, Config::default());
                    subject.feed_cut(&wire, &[at, (at + more).min(wire.len())]);
                    assert_eq!(
                        subject.events,
                        [Seen::Text(text.clone())],
                        "{kind:?} cut at {at} and {more} on"
                    );
                }
            }
        }
    }
}

#[test]
fn control_frames_between_all_fragments_change_nothing_and_are_not_charged() {
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
            assert_eq!(subject.take_frames().len(), 101, "each ping was answered at once");
        }
    }
}

#[test]
fn a_close_inside_a_fragmented_message_is_a_close() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x01, b"begun"));
            subject.feed(&from_peer(role, 0x88, b"\x03\xe9bye"));
            assert_eq!(subject.error, None);
            assert_eq!(subject.events, [Seen::Close(Some(1001), "bye".into())]);
            assert_eq!(subject.take_frames(), [Frame::close(Some(1001))], "its own code, not 1002");
            subject.eof();
            let end = subject.end().expect("an end");
            assert_eq!((end.code.value(), end.was_clean), (1001, true));
        }
    }
}

#[test]
fn torn_control_frames_leave_no_memory_behind() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let mut seen = 0;
        let wire = from_peer(role, 0x8a, &[7; 125]);
        let ((), heap) = heap::during(|| {
            for _ in 0..1000 {
                pour(&mut connection, &wire, 1, |_, event| {
                    assert!(matches!(event, Event::Pong(data) if *data == [7; 125]));
                    seen += 1;
                })
                .unwrap();
            }
        });
        assert_eq!(seen, 1000);
        println!("torn pongs: {heap:?}");
        assert!(heap.held == 0 && heap.peak < KIB, "{heap:?}");
        // One that is never finished holds its own size at most.
        let ((), heap) = heap::during(|| {
            pour(&mut connection, &wire[..wire.len() - 1], 1, ignore).unwrap();
        });
        assert!(heap.held <= 300, "{heap:?}");
    }
}

#[test]
fn a_pong_repeats_what_came_and_a_close_says_what_was_said() {
    for role in ROLES {
        // Buffers that were used before, by longer frames.
        let mut connection = connection(role, Config::default());
        pour(&mut connection, &from_peer(role, 0x89, &[0xaa; 125]), 1, ignore).unwrap();
        connection.binary(&[0xbb; 500]).unwrap();
        drain(&mut connection);
        for len in [0, 1, 5, 124, 125] {
            let payload: Vec<u8> = (0..len).collect();
            pour(&mut connection, &from_peer(role, 0x89, &payload), 3, ignore).unwrap();
            assert_eq!(frames(role, &drain(&mut connection)), [Frame::pong(&payload)]);
        }
        connection.close(sockless::CloseCode::new(3000), "r").unwrap();
        let out = frames(role, &drain(&mut connection));
        assert_eq!((out.len(), &*out[0].payload), (1, &b"\x0b\xb8r"[..]));
    }
}

#[test]
fn any_two_bytes_of_a_header_make_progress_and_an_answer() {
    let lengths = (0..4).chain(30..44).chain(123..128);
    let seconds: Vec<u8> = lengths.flat_map(|len| [len, 0x80 | len]).collect();
    for role in ROLES {
        for first in 0..=255_u8 {
            for &second in &seconds {
                for delivery in [Delivery::Messages, Delivery::Parts] {
                    let mut connection = connection(role, Config::default().delivery(delivery));
                    let mut wire = [0; 42];
                    (wire[0], wire[1]) = (first, second);
                    let mut events = 0;
                    // `pour` asserts that each call takes a byte or has taken all.
                    match pour(&mut connection, &wire, 42, |_, _| events += 1) {
                        Ok(calls) => assert!(calls <= events + 1, "{calls} calls for {events} events"),
                        Err(fault) => {
                            let out = frames(role, &drain(&mut connection));
                            let last = out.last().expect("an answer");
                            assert_eq!(*last, Frame::close(Some(fault.close_code().value())));
                        }
                    }
                    assert!(events <= 22, "{events}");
                }
            }
        }
    }
}

#[test]
fn each_frame_that_a_client_sends_has_a_key_of_its_own_that_the_last_does_not_tell() {
    let mut client = Connection::client(Config::default().fragment(10), Keys::from_seed([9; 32]));
    let mut keys = vec![];
    for n in 0..2000 {
        client.binary(&[0; 25]).unwrap();
        client.ping(b"").unwrap();
        pour(&mut client, &from_peer(Role::Client, 0x89, b"x"), 64, ignore).unwrap();
        if n == 1999 {
            client.close(None, "").unwrap();
        }
        keys.extend(wire::decode(&drain(&mut client)).iter().map(|frame| frame.key.expect("masked")));
    }
    assert_eq!(keys.len(), 2000 * 5 + 1);
    let of = |keys: &mut dyn Iterator<Item = u32>| keys.collect::<std::collections::HashSet<_>>().len();
    let numbers: Vec<u32> = keys.iter().map(|key| u32::from_be_bytes(*key)).collect();
    let most = numbers.len() - 3;
    assert!(of(&mut numbers.iter().copied()) >= most, "they differ");
    // Neither a counter nor a shift of the one before.
    assert!(of(&mut numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]))) >= most);
    assert!(of(&mut numbers.windows(2).map(|pair| pair[1] ^ pair[0])) >= most);
    let set = numbers.iter().map(|key| key.count_ones()).sum::<u32>() as usize;
    assert!(set.abs_diff(numbers.len() * 16) < numbers.len(), "each bit is as often set as not: {set}");
}

#[test]
fn limits_are_finite_unless_spelled_out_and_nought_is_nought() {
    let defaults = Config::default().limits;
    assert_eq!(defaults, Limits::default());
    assert_eq!((defaults.message, defaults.frame), (1 << 20, 1 << 20));
    assert!(defaults.fragments < 1 << 20);
    for role in ROLES {
        for kind in KINDS {
            let none = Limits { message: 0, frame: 0, fragments: 0 };
            let mut subject = Subject::new(kind, role, Config::default().limits(none));
            subject.feed(&from_peer(role, 0x82, b""));
            subject.feed(&from_peer(role, 0x89, b"?"));
            assert_eq!(subject.error, None);
            subject.feed(&from_peer(role, 0x82, b"x"));
            assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::FrameTooBig));

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
}

#[test]
fn behind_a_close_nothing_is_sent_in_any_way() {
    for role in ROLES {
        for ours in [true, false] {
            let mut connection = connection(role, Config::default());
            connection.begin_text("begun").unwrap();
            match ours {
                true => connection.close(None, "").unwrap(),
                false => assert!(pour(&mut connection, &from_peer(role, 0x88, b""), 64, ignore).is_ok()),
            }
            let queued = connection.queued();
            assert_eq!(connection.text("x"), Err(SendError::Closed));
            assert_eq!(connection.begin_binary(b"x"), Err(SendError::Closed));
            assert_eq!(connection.more("x"), Err(SendError::Closed));
            assert_eq!(connection.finish("x"), Err(SendError::Closed));
            assert_eq!(connection.ping(b"x"), Err(SendError::Closed));
            assert_eq!(connection.close(None, ""), Err(SendError::Closed));
            assert_eq!(connection.close_now(None, "").map(|_| ()), Err(SendError::Closed));
            assert_eq!(connection.queued(), queued);
            let last = frames(role, &drain(&mut connection)).pop();
            assert_eq!(last, Some(Frame::close(None)));
        }
    }
}

#[test]
fn a_decoder_alone_sticks_to_its_fault_and_reserves_nothing() {
    for role in ROLES {
        for (wire, fault) in faults(role) {
            // What is inside a text or a Close is not the decoder's to judge.
            let inside = [
                ProtocolError::InvalidUtf8,
                ProtocolError::InvalidCloseCode,
                ProtocolError::InvalidCloseReason,
            ];
            if inside.contains(&fault) {
                continue;
            }
            let mut wire = [from_peer(role, 0x01, b"begun"), wire].concat();
            let mut decoder = Decoder::new(role, Limits::default());
            let ((), heap) = heap::during(|| {
                let mut input = &mut wire[..];
                let first = loop {
                    match decoder.decode(&mut input) {
                        Ok(chunk) => assert!(chunk.is_some(), "the fault comes with these bytes"),
                        Err(fault) => break fault,
                    }
                };
                assert_eq!(first, fault);
            });
            assert_eq!(heap, Heap::default());
            let mut valid = from_peer(role, 0x80, b"end");
            assert_eq!(decoder.decode(&mut &mut valid[..]).err(), Some(fault));
        }
    }
}

#[test]
fn silence_is_noticed_whatever_was_left_half_sent() {
    for role in ROLES {
        for kind in KINDS {
            for begun in [&from_peer(role, 0x82, b"half")[..5], &from_peer(role, 0x01, b"begun"), &[0x82]] {
                let mut subject = Subject::new(kind, role, Config::default());
                subject.feed(begun);
                let mut now = Moment::ORIGIN;
                let mut waits = 0;
                while let Some(due) = subject.poll_timeout(now) {
                    now = due;
                    waits += 1;
                    assert!(waits <= 4, "it ends");
                    subject.handle_timeout(now);
                }
                assert!(now <= at(60), "{now:?}");
                assert_eq!(subject.transport(), Transport::Abort);
                assert_eq!(subject.end().expect("an end").cause, Cause::TimedOut(Deadline::Pong));
                assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
            }
        }
    }
    assert_eq!(Timeouts::default(), Timeouts::DEFAULT);
}

#[test]
fn what_is_shown_for_a_log_has_no_payload_in_it() {
    let secret = b"secret\n\x1b[2J";
    let spelt = ["secret", "115, 101, 99", "\\x1b", "\n"];
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        connection.binary(&secret.repeat(2)).unwrap();
        connection.binary(secret.repeat(1000)).unwrap();
        let mut shown = vec![];
        let wire = [
            from_peer(role, 0x82, secret),
            from_peer(role, 0x89, secret),
            from_peer(role, 0x02, secret),
            from_peer(role, 0x80, secret)[..9].to_vec(),
        ];
        pour(&mut connection, &wire.concat(), 1000, |_, event| shown.push(format!("{event:?}"))).unwrap();
        shown.push(format!("{connection:?}"));
        shown.push(format!("{:?}", connection.binary(secret.repeat(200_000)).unwrap_err()));
        let (receiver, sender) = connection.split();
        shown.push(format!("{receiver:?} {sender:?}"));
        let mut decoder = Decoder::new(role, Limits::default());
        let mut wire = from_peer(role, 0x82, secret);
        shown.push(format!("{:?}", decoder.decode(&mut &mut wire[..])));
        assert!(shown.len() >= 6, "{shown:?}");
        for (shown, spelt) in shown.iter().flat_map(|shown| spelt.map(|spelt| (shown, spelt))) {
            assert!(!shown.contains(spelt), "{spelt:?} in {shown}");
        }
    }
}

#[test]
fn waits_of_no_length_end_too() {
    let none = Some(Duration::ZERO);
    let waits = [
        Timeouts { ping_interval: none, ..Timeouts::NONE },
        Timeouts { ping_interval: none, pong: none, ..Timeouts::NONE },
        Timeouts { idle: none, ..Timeouts::NONE },
        Timeouts { output: none, ..Timeouts::NONE },
        Timeouts { close: none, ..Timeouts::NONE },
        Timeouts { ping_interval: none, pong: none, idle: none, output: none, close: none },
    ];
    for role in ROLES {
        for timeouts in waits {
            for busy in [false, true] {
                for kind in KINDS {
                    let mut subject = Subject::new(kind, role, Config::default().timeouts(timeouts));
                    subject.eager = false;
                    if busy {
                        subject.text("x").unwrap();
                    }
                    subject.feed(&from_peer(role, 0x89, b"?"));
                    for _ in 0..3 {
                        subject.poll_timeout(at(1));
                        subject.handle_timeout(at(1));
                    }
                    subject.drain();
                    let out = subject.take_frames();
                    assert!(out.len() <= 6, "{timeouts:?}: {} frames", out.len());
                }
            }
        }
    }
}
