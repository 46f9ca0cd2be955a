//! Peers that do not end, or do not let end (RFC 6455 §7).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use core::time::Duration;

use heap::Heap;
use sockless::{Cause, Config, Deadline, Moment, SendError, Timeouts, Transport};
use support::figure::Figure;
use support::hostile::{at, ignore, in_words, pour, seconds};
use support::subject::{KINDS, ROLES, Seen, Subject, connection, drain, frames, from_peer};
use support::wire::Frame;

#[test]
fn a_close_that_is_never_answered_ends_at_its_deadline_however_much_comes() {
    let mut figure = Figure::new("a close that is never answered", 10, "seconds");
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
            let over = (10..100).find(|&second| {
                subject.handle_timeout(at(second));
                subject.transport() != Transport::Keep
            });
            assert_eq!(subject.transport(), Transport::Abort);
            let end = subject.end().expect("an end");
            assert_eq!((end.was_clean, end.cause), (false, Cause::TimedOut(Deadline::Close)));
            assert_eq!(subject.poll_timeout(at(100)), None, "for good");
            figure.saw(over.unwrap(), &format!("Transport::{:?}", subject.transport()));
        }
    }
    figure.tell();
}

#[test]
fn a_transport_that_stays_open_behind_both_closes_ends_at_the_deadline() {
    let mut figure = Figure::new("a transport kept open behind both closes", 10, "seconds");
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x88, b""));
            assert_eq!(subject.take_frames(), [Frame::close(None)]);
            let due = subject.poll_timeout(at(0)).expect("a deadline");
            subject.handle_timeout(due);
            assert_eq!(subject.transport(), Transport::Close);
            assert!(subject.end().expect("an end").was_clean);
            figure.saw(seconds(due), &format!("Transport::{:?}", subject.transport()));
        }
    }
    figure.tell();
}

#[test]
fn bytes_behind_the_close_are_taken_and_mean_nothing() {
    let mut figure = Figure::new("a megabyte behind the close", 0, "bytes of heap");
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
        figure.saw(heap.peak, &in_words(&frames(role, &drain(&mut connection))));
        connection.receive_eof();
        assert!(connection.end().expect("an end").was_clean);
    }
    figure.tell();
}

#[test]
fn a_close_inside_a_fragmented_message_is_a_close() {
    let mut figure = Figure::new("a close inside a message", 1, "event");
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x01, b"begun"));
            subject.feed(&from_peer(role, 0x88, b"\x03\xe9bye"));
            assert_eq!(subject.error, None);
            assert_eq!(subject.events, [Seen::Close(Some(1001), "bye".into())]);
            let out = subject.take_frames();
            assert_eq!(out, [Frame::close(Some(1001))], "its own code, not 1002");
            figure.saw(subject.events.len(), &in_words(&out));
            subject.eof();
            let end = subject.end().expect("an end");
            assert_eq!((end.code.value(), end.was_clean), (1001, true));
        }
    }
    figure.tell();
}

#[test]
fn behind_a_close_nothing_is_sent_in_any_way() {
    let mut figure = Figure::new("sending across a close", 0, "bytes of output");
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
            figure.saw(connection.queued() - queued, "SendError::Closed to the application");
            let last = frames(role, &drain(&mut connection)).pop();
            assert_eq!(last, Some(Frame::close(None)));
        }
    }
    figure.tell();
}

#[test]
fn silence_is_noticed_whatever_was_left_half_sent() {
    let mut figure = Figure::new("silence, with something half sent", 60, "seconds");
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
                assert_eq!(subject.transport(), Transport::Abort);
                assert_eq!(subject.end().expect("an end").cause, Cause::TimedOut(Deadline::Pong));
                let out = subject.take_frames();
                assert_eq!(out, [Frame::ping(b"")]);
                figure
                    .saw(seconds(now), &format!("{}, Transport::{:?}", in_words(&out), subject.transport()));
            }
        }
    }
    figure.tell();
    assert_eq!(Timeouts::default(), Timeouts::DEFAULT);
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
    let mut figure = Figure::new("waits of no length, looked at six times", 6, "frames of output");
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
                    figure.saw(out.len(), "no call that does not return");
                }
            }
        }
    }
    figure.tell();
}
