//! Hostile headers, lengths and masks (RFC 6455 §5.2, §5.3).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use sockless::{Config, Connection, Delivery, Keys, Limits, ProtocolError, Role};
use support::figure::Figure;
use support::hostile::{KIB, failed, header, ignore, in_words, pour};
use support::subject::{KINDS, ROLES, Seen, Subject, connection, drain, frames, from_peer};
use support::wire::{self, Frame};

#[test]
fn a_length_is_judged_in_64_bits_before_anything_is_kept() {
    // Every power of two and its neighbours, as a whole message and on top of what came before.
    let lengths = (0..64).flat_map(|bit| {
        let power = 1_u64 << bit;
        [power.wrapping_sub(1), power, power.wrapping_add(1)]
    });
    let lengths: Vec<u64> = lengths.chain([u64::MAX - 1, u64::MAX]).collect();
    let mut figure = Figure::new("lengths about every power of two", KIB, "bytes of heap");
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
                            figure.saw(heap.peak, &failed(&mut connection, role, fault));
                        }
                    }
                }
            }
        }
    }
    figure.tell();
}

#[test]
fn an_announcement_of_2_to_the_63_less_one_reserves_nothing() {
    let mut refusing = Figure::new("2^63 - 1 bytes announced", KIB, "bytes of heap");
    let mut taking = Figure::new("2^63 - 1 announced and 10,000 sent, no limit", 50 * KIB, "bytes of heap");
    for role in ROLES {
        for first in [0x81, 0x82, 0x01, 0x02] {
            let mut refused = connection(role, Config::default());
            let mut wire = header(role, first, u64::MAX >> 1);
            let (result, heap) = heap::during(|| refused.receive(&mut &mut wire[..]).map(|_| ()));
            assert_eq!(result, Err(ProtocolError::FrameTooBig));
            refusing.saw(heap.peak, &failed(&mut refused, role, ProtocolError::FrameTooBig));

            // Without a limit it is the bytes that came which take memory.
            let mut unlimited = connection(role, Config::default().limits(Limits::UNLIMITED));
            let wire = [header(role, first, u64::MAX >> 1), vec![0x11; 10_000]].concat();
            let ((), heap) = heap::during(|| {
                pour(&mut unlimited, &wire, 100, ignore).unwrap();
            });
            taking.saw(heap.peak, &in_words(&frames(role, &drain(&mut unlimited))));
            let ((), freed) = heap::during(|| unlimited.receive_eof());
            assert!(freed.held <= -10_000, "the end of the transport frees what was begun: {freed:?}");
        }
    }
    refusing.tell();
    taking.tell();
}

#[test]
fn any_two_bytes_of_a_header_make_progress_and_an_answer() {
    let lengths = (0..4).chain(30..44).chain(123..128);
    let seconds: Vec<u8> = lengths.flat_map(|len| [len, 0x80 | len]).collect();
    let mut figure = Figure::new("any two bytes of a header", 1, "call that gives no event");
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
                        Ok(calls) => figure.saw(calls - events, "no fault"),
                        Err(fault) => {
                            let out = frames(role, &drain(&mut connection));
                            let last = out.last().expect("an answer");
                            assert_eq!(*last, Frame::close(Some(fault.close_code().value())));
                            // The call that says so.
                            figure.saw(1, &in_words(core::slice::from_ref(last)));
                        }
                    }
                    assert!(events <= 22, "{events}");
                }
            }
        }
    }
    figure.tell();
}

#[test]
fn a_frame_torn_at_each_byte_takes_one_call_for_each_piece_and_its_own_size() {
    let mut calls = Figure::new("a frame torn at each byte", 2, "calls that give no event");
    let mut heap = Figure::new("a frame that comes byte by byte", 3 * 300 + 200, "bytes of heap");
    for role in ROLES {
        for (head, len) in [(0x82, 0), (0x82, 1), (0x82, 125), (0x81, 126), (0x82, 300), (0x89, 125)] {
            let wire = from_peer(role, head, &vec![b'x'; len]);
            let answer = if head == 0x89 { "Pong" } else { "nothing" };
            let mut connection = connection(role, Config::default());
            for at in 0..=wire.len() {
                let mut events = 0;
                let mut took = 0;
                for piece in [&wire[..at], &wire[at..]] {
                    took += pour(&mut connection, piece, 1000, |_, _| events += 1).unwrap();
                }
                assert_eq!(events, 1, "cut at {at}");
                let out = in_words(&frames(role, &drain(&mut connection)));
                assert_eq!(out, answer);
                calls.saw(took - events, &out);
            }
            let ((), torn) = heap::during(|| {
                pour(&mut connection, &wire, 1, ignore).unwrap();
            });
            heap.saw(torn.peak, &in_words(&frames(role, &drain(&mut connection))));
            assert!(torn.held <= 300, "what came is given away: {torn:?}");
        }
    }
    calls.tell();
    heap.tell();
}

#[test]
fn the_key_of_a_mask_may_be_cut_anywhere_and_a_message_too() {
    let mut figure = Figure::new("a mask torn in any two places", 0, "bytes that came out wrong");
    for len in [0, 1, 3, 4, 5, 125, 126, 300] {
        let text: String = "héllo wörld €𝄞".chars().cycle().take(len).collect();
        let wire = from_peer(Role::Server, 0x81, text.as_bytes());
        for kind in KINDS {
            for at in 0..=wire.len() {
                for more in [0, 1, 2, 3] {
                    let mut subject = Subject::new(kind, Role::Server, Config::default());
                    subject.feed_cut(&wire, &[at, (at + more).min(wire.len())]);
                    let [Seen::Text(seen)] = &subject.events[..] else {
                        panic!("{kind:?} cut at {at} and {more} on: {subject:?}");
                    };
                    assert_eq!(seen.len(), text.len());
                    let wrong = seen.bytes().zip(text.bytes()).filter(|(seen, sent)| seen != sent).count();
                    figure.saw(wrong, &in_words(&subject.take_frames()));
                }
            }
        }
    }
    figure.tell();
}

#[test]
fn a_frame_with_the_wrong_mask_bit_is_refused_before_its_payload() {
    let mut figure = Figure::new("frames without a mask, or with one too many", 0, "events");
    for role in ROLES {
        let wrong = if role == Role::Server { Role::Client } else { Role::Server };
        for kind in KINDS {
            for head in [0x81, 0x82, 0x01, 0x02, 0x88, 0x89, 0x8a] {
                let mut subject = Subject::new(kind, role, Config::default());
                // The two bytes that tell.
                subject.feed(&from_peer(wrong, head, b"\x03\xe8")[..2]);
                let out = subject.take_frames();
                assert_eq!(out, [Frame::close(Some(1002))]);
                figure.saw(subject.events.len() + usize::from(subject.partial.is_some()), &in_words(&out));
            }
        }
    }
    figure.tell();
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
    let mut figure = Figure::new("keys to predict from 10,001 of them", 3, "keys seen before");
    figure.saw(numbers.len() - of(&mut numbers.iter().copied()), "a key of its own for each frame");
    figure.tell();
}
