//! Hostile pings, and peers that do not read what they are answered (RFC 6455 §5.5, §10.4).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use bytes::Buf;
use sockless::{Cause, Config, Deadline, Event, SendError, Transport};
use support::figure::Figure;
use support::hostile::{KIB, at, ignore, in_words, pour};
use support::subject::{ROLES, connection, drain, frames, from_peer};
use support::wire::{self, Frame};

/// What the output may hold of pongs: those kept in order and the newest.
const MOST_PONGS: usize = 33 * (6 + 125);

#[test]
fn pings_without_end_that_nobody_reads_the_answers_of_are_bounded() {
    let mut queued = Figure::new("100,000 pings, no answer read", MOST_PONGS, "bytes of output");
    let mut kept = Figure::new("100,000 pings, no answer read", 16 * KIB, "bytes of heap");
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
        let waiting = connection.queued();
        let out = frames(role, &drain(&mut connection));
        queued.saw(waiting, &in_words(&out));
        kept.saw(heap.peak, &in_words(&out));
        assert!(out.iter().all(|pong| pong.opcode == wire::PONG && pong.payload.len() == 125));
        let numbers: Vec<u32> =
            out.iter().map(|pong| u32::from_be_bytes(pong.payload[..4].try_into().unwrap())).collect();
        let expected: Vec<u32> = (0..32).chain([99_999]).collect();
        assert_eq!(numbers, expected, "the first in order, and the newest");
    }
    queued.tell();
    kept.tell();
}

#[test]
fn pings_on_one_half_do_not_fill_the_other() {
    let mut figure = Figure::new("100,000 pings, no answer read, in halves", MOST_PONGS, "bytes of output");
    for role in ROLES {
        let (mut receiver, mut sender) = connection(role, Config::default()).split();
        let mut ping = from_peer(role, 0x89, &[7; 125]);
        let wire = ping.clone();
        let mut most = 0;
        for _ in 0..100_000 {
            ping.copy_from_slice(&wire);
            let received = receiver.receive(&mut &mut ping[..]);
            assert!(matches!(received.event, Ok(Some(Event::Ping(_)))));
            sender.signal(received.signal.expect("one to answer"));
            most = most.max(sender.queued());
        }
        figure.saw(most, &in_words(&frames(role, &drain(&mut sender))));
    }
    figure.tell();
}

#[test]
fn a_peer_that_reads_a_byte_for_each_ping_gains_nothing() {
    let mut queued = Figure::new("20,000 pings, a byte read for each", MOST_PONGS, "bytes of output");
    let mut kept = Figure::new("20,000 pings, a byte read for each", 48 * KIB, "bytes of heap");
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let ping = from_peer(role, 0x89, &[7; 125]);
        let mut out = Vec::with_capacity(200_000);
        let mut most = 0;
        let ((), heap) = heap::during(|| {
            for _ in 0..20_000 {
                pour(&mut connection, &ping, 200, ignore).unwrap();
                let mut output = connection.output();
                out.push(output.chunk()[0]);
                output.advance(1);
                most = most.max(connection.queued());
            }
        });
        out.extend(drain(&mut connection));
        let out = frames(role, &out);
        assert!(out.iter().all(|pong| *pong == Frame::pong(&[7; 125])), "whole pongs, as pinged");
        queued.saw(most, &in_words(&out[..1]));
        kept.saw(heap.peak, &in_words(&out[..1]));
    }
    queued.tell();
    kept.tell();
}

#[test]
fn pings_do_not_push_data_that_waits_out_of_bounds() {
    let mut figure = Figure::new("10,000 pings behind data that waits", MOST_PONGS, "bytes of output more");
    for role in ROLES {
        let mut connection = connection(role, Config::default().high_water(10_000));
        connection.binary(vec![1; 10_000]).unwrap();
        connection.output().advance(1);
        let waiting = connection.queued();
        let mut most = 0;
        for _ in 0..10_000 {
            pour(&mut connection, &from_peer(role, 0x89, &[7; 125]), 200, ignore).unwrap();
            most = most.max(connection.queued() - waiting);
        }
        // The application is told to wait, and its payload comes back.
        let refused = connection.binary(vec![2; 5000]).unwrap_err();
        assert_eq!((refused.error, refused.payload), (SendError::Full, vec![2; 5000]));
        figure.saw(most, &format!("SendError::{:?} to the application", refused.error));
        let len = connection.queued();
        connection.output().advance(len - 9_999);
        assert_eq!(connection.binary(&[2; 5000]), Ok(()), "below the mark there is room");
    }
    figure.tell();
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    let mut queued = Figure::new("a peer that never reads", (1 << 20) + 2000, "bytes of output");
    let mut kept = Figure::new("a peer that never reads", 3 * 1024 * KIB, "bytes of heap");
    let mut ended = Figure::new("a peer that never reads", 30, "seconds");
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        let mut sent = 0;
        let ((), heap) = heap::during(|| {
            while connection.binary(&[0; 1000]).is_ok() {
                sent += 1;
            }
        });
        assert!(sent >= 1040, "{sent}");
        assert_eq!(connection.binary(&[0; 1000]), Err(SendError::Full));
        queued.saw(connection.queued(), "SendError::Full to the application");
        kept.saw(heap.held, "SendError::Full to the application");
        // It keeps talking: that does not help it.
        for second in 0..30 {
            let due = connection.poll_timeout(at(second)).expect("a deadline");
            assert!(due <= at(40));
            pour(&mut connection, &from_peer(role, 0x82, b"x"), 64, ignore).unwrap();
            connection.handle_timeout(at(second));
            assert_eq!(connection.transport(), Transport::Keep);
        }
        let second = (30..100).find(|&second| {
            connection.handle_timeout(at(second));
            connection.transport() == Transport::Abort
        });
        let end = connection.end().expect("an end");
        assert_eq!((end.was_clean, end.cause), (false, Cause::TimedOut(Deadline::Output)));
        ended.saw(second.unwrap(), "Transport::Abort");
    }
    queued.tell();
    kept.tell();
    ended.tell();
}

#[test]
fn torn_control_frames_leave_no_memory_behind() {
    let mut at_once = Figure::new("1,000 torn pongs", KIB, "bytes of heap");
    let mut behind = Figure::new("1,000 torn pongs", 0, "bytes of heap left behind");
    let mut begun = Figure::new("a pong that is never finished", 300, "bytes of heap");
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
        let answer = in_words(&frames(role, &drain(&mut connection)));
        at_once.saw(heap.peak, &answer);
        behind.saw(heap.held, &answer);
        // One that is never finished holds its own size at most.
        let ((), heap) = heap::during(|| {
            pour(&mut connection, &wire[..wire.len() - 1], 1, ignore).unwrap();
        });
        begun.saw(heap.held, &in_words(&frames(role, &drain(&mut connection))));
    }
    at_once.tell();
    behind.tell();
    begun.tell();
}

#[test]
fn a_pong_repeats_what_came_and_a_close_says_what_was_said() {
    let mut figure = Figure::new("short pings behind long ones", 0, "bytes of another frame in the answer");
    for role in ROLES {
        // Buffers that were used before, by longer frames.
        let mut connection = connection(role, Config::default());
        pour(&mut connection, &from_peer(role, 0x89, &[0xaa; 125]), 1, ignore).unwrap();
        connection.binary(&[0xbb; 500]).unwrap();
        drain(&mut connection);
        for len in [0, 1, 5, 124, 125] {
            let payload: Vec<u8> = (0..len).collect();
            pour(&mut connection, &from_peer(role, 0x89, &payload), 3, ignore).unwrap();
            let out = frames(role, &drain(&mut connection));
            assert_eq!(out, [Frame::pong(&payload)]);
            figure.saw(
                out[0].payload.iter().filter(|&&byte| byte == 0xaa || byte == 0xbb).count(),
                &in_words(&out),
            );
        }
        connection.close(sockless::CloseCode::new(3000), "r").unwrap();
        let out = frames(role, &drain(&mut connection));
        assert_eq!((out.len(), &*out[0].payload), (1, &b"\x0b\xb8r"[..]));
    }
    figure.tell();
}
