//! Deadlines by a clock that the test turns (RFC 6455 §5.5.2, §7.1.1, §7.1.7, §10).
#![cfg(feature = "alloc")]

mod support;

use core::time::Duration;

use bytes::Buf;
use sockless::{
    Cause, Config, Deadline, EndCode, Moment, ProtocolError, Reply, Role, SendError, Timeouts, Transport,
};
use support::subject::{KINDS, Kind, ROLES, Subject, connection, drain, from_peer};
use support::wire::Frame;

/// So many seconds after the origin.
fn at(seconds: u64) -> Moment {
    Moment::from(Duration::from_secs(seconds))
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn subjects(timeouts: Timeouts) -> impl Iterator<Item = Subject> {
    let new = move |kind, role| Subject::new(kind, role, Config::default().timeouts(timeouts));
    let kinds = KINDS.into_iter();
    #[cfg(feature = "deflate")]
    let kinds = kinds.chain([Kind::Pooled]);
    ROLES.into_iter().flat_map(move |role| kinds.clone().map(move |kind| new(kind, role)))
}

/// The peer's data, one message.
fn message(subject: &Subject) -> Vec<u8> {
    from_peer(subject.role, 0x82, b"data")
}

const PING: Timeouts = Timeouts { ping_interval: seconds_20(), pong: seconds_10(), ..Timeouts::NONE };
const CLOSE: Timeouts = Timeouts { close: seconds_10(), ..Timeouts::NONE };

const fn seconds_20() -> Option<Duration> {
    Some(Duration::from_secs(20))
}

const fn seconds_10() -> Option<Duration> {
    Some(Duration::from_secs(10))
}

#[test]
fn s5_5_2_silence_is_pinged_and_any_byte_is_an_answer() {
    for mut subject in subjects(PING) {
        assert_eq!(subject.poll_timeout(at(0)), Some(at(20)));
        subject.handle_timeout(at(20));
        assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
        assert_eq!(subject.poll_timeout(at(20)), Some(at(30)));
        let message = message(&subject);
        subject.feed(&message[..1]);
        assert_eq!(subject.poll_timeout(at(21)), Some(at(30)), "not touched by what is received");
        subject.handle_timeout(at(30));
        assert_eq!(subject.transport(), Transport::Keep);
        assert_eq!(subject.poll_timeout(at(30)), Some(at(50)));
        subject.handle_timeout(at(50));
        assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
    }
}

#[test]
fn s7_2_1_without_a_byte_after_the_ping_the_transport_is_aborted() {
    for mut subject in subjects(PING) {
        assert_eq!(subject.poll_timeout(at(0)), Some(at(20)));
        subject.handle_timeout(at(20));
        assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
        assert_eq!(subject.end(), None);
        assert_eq!(subject.poll_timeout(at(20)), Some(at(30)));
        subject.handle_timeout(at(30));
        assert_eq!(subject.transport(), Transport::Abort);
        let end = subject.end().expect("an end");
        assert_eq!((end.code, end.was_clean), (EndCode::ABNORMAL, false));
        assert_eq!(end.cause, Cause::TimedOut(Deadline::Pong));
        assert_eq!(subject.poll_timeout(at(31)), None);
        subject.handle_timeout(at(1000));
        assert_eq!(subject.text("x"), Err(SendError::Closed));
        assert_eq!(subject.ping(b""), Err(SendError::Closed));
        assert_eq!(subject.close(Some(1000), ""), Err(SendError::Closed));
        assert_eq!(subject.take_frames(), []);
        subject.eof();
        assert_eq!((subject.end(), subject.transport()), (None, Transport::Abort));
    }
}

#[test]
fn s5_5_2_without_a_pong_deadline_silence_is_pinged_again_and_again() {
    for mut subject in subjects(Timeouts { pong: None, ..PING }) {
        for now in [20, 40, 60, 80] {
            assert_eq!(subject.poll_timeout(at(now - 20)), Some(at(now)));
            subject.handle_timeout(at(now));
            assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
        }
        assert_eq!(subject.transport(), Transport::Keep);
    }
}

#[test]
fn s7_4_1_an_idle_connection_is_closed_with_1001_and_then_given_up() {
    for answered in [false, true] {
        for mut subject in subjects(Timeouts { idle: seconds(60), ..CLOSE }) {
            assert_eq!(subject.poll_timeout(at(0)), Some(at(60)));
            subject.feed(&from_peer(subject.role, 0x89, b"no message"));
            assert_eq!(subject.take_frames(), [Frame::pong(b"no message")]);
            subject.handle_timeout(at(60));
            let frames = subject.take_frames();
            assert_eq!((frames.len(), frames[0].opcode), (1, 0x8));
            assert_eq!(frames[0].payload, b"\x03\xe9idle");
            assert_eq!(subject.text("x"), Err(SendError::Closed));
            assert_eq!(subject.poll_timeout(at(60)), Some(at(70)));
            if answered {
                subject.feed(&from_peer(subject.role, 0x88, b"\x03\xe9"));
                subject.eof();
                let end = subject.end().expect("an end");
                assert_eq!((end.was_clean, end.cause), (true, Cause::TimedOut(Deadline::Idle)));
                assert_eq!(subject.transport(), Transport::Close);
            } else {
                subject.handle_timeout(at(70));
                assert_eq!(subject.transport(), Transport::Abort);
                let end = subject.end().expect("an end");
                assert_eq!((end.was_clean, end.cause), (false, Cause::TimedOut(Deadline::Close)));
            }
        }
    }
}

#[test]
fn s7_4_1_a_connection_that_is_closing_is_not_idle() {
    for mut subject in subjects(Timeouts { idle: seconds(60), close: seconds(100), ..Timeouts::NONE }) {
        assert_eq!(subject.poll_timeout(at(0)), Some(at(60)));
        subject.close(Some(1000), "").unwrap();
        subject.take_frames();
        // Nobody asked behind the Close, so this is the first that its deadline knows of a clock.
        subject.handle_timeout(at(60));
        assert_eq!((subject.take_frames(), subject.transport()), (vec![], Transport::Keep));
        assert_eq!(subject.poll_timeout(at(60)), Some(at(160)));
        subject.feed(&from_peer(subject.role, 0x88, b"\x03\xe8"));
        subject.eof();
        let end = subject.end().expect("an end");
        assert_eq!((end.was_clean, end.cause), (true, Cause::ClosedHere));
    }
    // Nor is one whose application has yet to answer the peer's Close.
    let timeouts = Timeouts { idle: seconds(60), ..Timeouts::NONE };
    for role in ROLES {
        let mut connection = connection(role, Config::default().timeouts(timeouts).closes(Reply::Manual));
        assert_eq!(connection.poll_timeout(at(0)), Some(at(60)));
        let mut wire = from_peer(role, 0x88, b"\x03\xe8");
        assert!(connection.receive(&mut &mut wire[..]).unwrap().is_some());
        connection.handle_timeout(at(60));
        assert_eq!(connection.queued(), 0);
    }
}

#[test]
fn s7_4_1_a_message_in_either_direction_puts_the_idle_deadline_off() {
    for sent in [false, true] {
        for mut subject in subjects(Timeouts { idle: seconds(60), ..Timeouts::NONE }) {
            assert_eq!(subject.poll_timeout(at(0)), Some(at(60)));
            if sent {
                assert_eq!(subject.text("x"), Ok(()));
            } else {
                let message = message(&subject);
                subject.feed(&message);
            }
            subject.take_frames();
            subject.handle_timeout(at(60));
            assert_eq!(subject.take_frames(), []);
            assert_eq!(subject.poll_timeout(at(60)), Some(at(120)));
            subject.handle_timeout(at(120));
            assert_eq!(subject.take_frames().len(), 1, "the Close");
        }
    }
}

#[test]
fn s10_output_that_nobody_takes_aborts_the_transport_and_output_that_moves_does_not() {
    let config = Config::default().timeouts(Timeouts { output: seconds(30), ..Timeouts::NONE });
    for role in ROLES {
        for way in ["nothing goes out", "a byte goes out", "a byte is copied out", "all goes out"] {
            let mut connection = connection(role, config);
            assert_eq!(connection.poll_timeout(at(0)), None);
            connection.text("hello").unwrap();
            assert_eq!(connection.poll_timeout(at(0)), Some(at(30)));
            connection.text("and more").unwrap();
            assert!(!connection.output().chunk().is_empty(), "to look at it is not to take it");
            assert_eq!(connection.poll_timeout(at(9)), Some(at(30)));
            match way {
                "a byte goes out" => connection.output().advance(1),
                "a byte is copied out" => assert_eq!(connection.output().copy_to_bytes(1).len(), 1),
                "all goes out" => connection.output().advance(usize::MAX),
                _ => {
                    connection.output().advance(0);
                    assert!(connection.output().copy_to_bytes(0).is_empty());
                }
            }
            connection.handle_timeout(at(30));
            if way == "nothing goes out" {
                assert_eq!(connection.transport(), Transport::Abort);
                let end = connection.end().expect("an end");
                assert_eq!((end.was_clean, end.cause), (false, Cause::TimedOut(Deadline::Output)));
                assert_eq!(connection.poll_timeout(at(30)), None);
                continue;
            }
            assert_eq!((connection.transport(), connection.end()), (Transport::Keep, None), "{way}");
            if way == "all goes out" {
                assert_eq!(connection.poll_timeout(at(30)), None);
                continue;
            }
            assert_eq!(connection.poll_timeout(at(30)), Some(at(60)), "armed again");
            connection.handle_timeout(at(60));
            assert_eq!(connection.transport(), Transport::Abort);
        }
    }
}

#[test]
fn s7_1_1_a_close_that_is_not_answered_aborts_the_transport() {
    for mut subject in subjects(CLOSE) {
        assert_eq!(subject.poll_timeout(at(0)), None);
        assert_eq!(subject.close(Some(1000), ""), Ok(()));
        assert_eq!(subject.poll_timeout(at(1)), Some(at(11)));
        let message = message(&subject);
        subject.feed(&message);
        assert_eq!(subject.poll_timeout(at(5)), Some(at(11)), "chatter does not put it off");
        subject.handle_timeout(at(11));
        assert_eq!(subject.transport(), Transport::Abort);
        let end = subject.end().expect("an end");
        assert_eq!((end.code, end.was_clean), (EndCode::ABNORMAL, false));
        assert_eq!(end.cause, Cause::TimedOut(Deadline::Close));
        assert_eq!(subject.poll_timeout(at(11)), None);
    }
}

#[test]
fn s7_1_7_after_failing_the_close_is_flushed_then_read_to_the_end_or_the_deadline() {
    for mut subject in subjects(CLOSE) {
        subject.eager = false;
        subject.feed(&from_peer(subject.role, 0x83, b""));
        assert_eq!(subject.transport(), Transport::Keep);
        subject.drain();
        assert_eq!(subject.take_frames(), [Frame::close(Some(1002))]);
        assert_eq!(subject.transport(), Transport::ShutdownWrite);
        assert_eq!(subject.poll_timeout(at(0)), Some(at(10)));
        let message = message(&subject);
        subject.feed(&message);
        assert_eq!(subject.end(), None);
        subject.handle_timeout(at(10));
        assert_eq!(subject.transport(), Transport::Close);
        let end = subject.end().expect("an end");
        assert_eq!((end.code, end.was_clean), (EndCode::ABNORMAL, false));
        assert_eq!(end.cause, Cause::Failed(ProtocolError::ReservedOpcode));
        assert_eq!((subject.poll_timeout(at(10)), subject.end()), (None, None));
    }
}

#[test]
fn s7_1_1_after_both_closes_the_deadline_ends_a_clean_connection() {
    for mut subject in subjects(CLOSE) {
        subject.feed(&from_peer(subject.role, 0x88, b"\x03\xe8"));
        assert_eq!(subject.take_frames(), [Frame::close(Some(1000))]);
        let waiting = if subject.role == Role::Server { Transport::ShutdownWrite } else { Transport::Keep };
        assert_eq!((subject.transport(), subject.end()), (waiting, None));
        assert_eq!(subject.poll_timeout(at(3)), Some(at(13)));
        subject.handle_timeout(at(13));
        assert_eq!(subject.transport(), Transport::Close);
        let end = subject.end().expect("an end");
        assert_eq!((end.code.value(), end.was_clean, end.cause), (1000, true, Cause::ClosedByPeer));
        assert_eq!((subject.poll_timeout(at(13)), subject.end()), (None, None));
    }
}

/// A peer that stops reading: nobody would be told again, if the verdict were to wait for the output.
#[test]
fn s7_1_7_the_close_deadline_aborts_what_cannot_be_written() {
    for role in ROLES {
        for (head, payload) in [(0x83, &b""[..]), (0x88, b"\x03\xe8")] {
            let timeouts = Timeouts { output: seconds(30), ..CLOSE };
            let mut connection = connection(role, Config::default().timeouts(timeouts));
            let mut wire = from_peer(role, head, payload);
            let _ = connection.receive(&mut &mut wire[..]);
            assert_eq!(connection.poll_timeout(at(0)), Some(at(10)));
            assert!(connection.queued() > 0);
            connection.handle_timeout(at(10));
            assert_eq!(connection.transport(), Transport::Abort);
            assert!(!connection.end().expect("an end").was_clean);
            assert_eq!(connection.poll_timeout(at(10)), None);
        }
    }
}

/// A microcontroller's timer ticks, and says no more than the time.
#[test]
fn s10_a_driver_that_ticks_and_never_asks_has_all_deadlines() {
    let timeouts = Timeouts { idle: seconds(100), output: seconds(30), close: seconds(10), ..PING };
    for mut subject in subjects(timeouts) {
        let mut pings = vec![];
        for now in 0..29 {
            subject.handle_timeout(at(now));
            pings.extend(subject.take_frames().iter().map(|frame| (now, frame.opcode)));
        }
        assert_eq!(pings, [(20, 9)]);
        // That the ping has left is seen at a tick.
        for now in 29..=31 {
            assert_eq!(subject.transport(), Transport::Keep, "{now}");
            subject.handle_timeout(at(now));
        }
        assert_eq!(subject.end().expect("an end").cause, Cause::TimedOut(Deadline::Pong));
    }
    for mut subject in subjects(timeouts) {
        subject.handle_timeout(at(0));
        subject.close(None, "").unwrap();
        subject.take_frames();
        for now in 1..=11 {
            assert_eq!(subject.transport(), Transport::Keep, "{now}");
            subject.handle_timeout(at(now));
        }
        assert_eq!(subject.end().expect("an end").cause, Cause::TimedOut(Deadline::Close));
    }
}

/// The peer cannot have answered what has not left, and what it takes shows that it is there.
#[test]
fn s7_1_2_a_close_behind_output_that_moves_has_its_time_when_it_has_left() {
    for role in ROLES {
        for asked in [true, false] {
            let mut connection = connection(role, Config::default().timeouts(CLOSE));
            connection.binary(vec![0; 5000]).unwrap();
            connection.close(None, "").unwrap();
            assert_eq!(connection.poll_timeout(at(0)), Some(at(10)));
            for now in [10, 20, 30] {
                connection.output().advance(1);
                connection.handle_timeout(at(now));
                assert_eq!((connection.transport(), connection.end()), (Transport::Keep, None));
                assert_eq!(connection.poll_timeout(at(now)), Some(at(now + 10)), "while some is taken");
            }
            connection.output().advance(usize::MAX);
            if asked {
                assert_eq!(connection.poll_timeout(at(35)), Some(at(45)), "it has left");
            } else {
                // A driver that keeps its timer is late by less than the wait.
                assert!(!connection.timeout_stands());
                connection.handle_timeout(at(40));
                assert_eq!(connection.transport(), Transport::Keep);
            }
            let due = connection.poll_timeout(at(40)).expect("a deadline");
            connection.handle_timeout(due);
            assert_eq!(connection.transport(), Transport::Abort);
            let end = connection.end().expect("an end");
            assert_eq!(end.cause, Cause::TimedOut(Deadline::Close), "{due:?}");
        }
        // What stands still is no more waited for than what has left.
        let mut connection = connection(role, Config::default().timeouts(CLOSE));
        connection.binary(vec![0; 5000]).unwrap();
        connection.close(None, "").unwrap();
        connection.output().advance(1);
        assert_eq!(connection.poll_timeout(at(0)), Some(at(10)), "what was taken before does not count");
        connection.handle_timeout(at(10));
        assert_eq!(connection.transport(), Transport::Abort);
    }
}

/// What is queued behind a ping or a Close, and what moves without end, is no reason to wait on.
#[test]
fn s7_1_7_what_has_left_or_drips_is_not_waited_for() {
    for role in ROLES {
        let mut closing = connection(role, Config::default().timeouts(CLOSE));
        closing.binary(vec![0; 5000]).unwrap();
        closing.close(None, "").unwrap();
        assert!(!closing.output().chunk().is_empty());
        let before = closing.queued();
        assert_eq!(closing.poll_timeout(at(0)), Some(at(10)));
        // A pong goes behind what was shown, be it our Close.
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        closing.output().chunks_vectored(&mut slices);
        let mut ping = from_peer(role, 0x89, b"?");
        assert!(closing.receive(&mut &mut ping[..]).is_ok());
        assert!(closing.queued() > before);
        closing.output().advance(before);
        assert_eq!(closing.poll_timeout(at(5)), Some(at(15)), "the Close has left");
        closing.output().advance(1);
        closing.handle_timeout(at(15));
        assert_eq!(closing.transport(), Transport::Abort);

        // A pong that goes before an unseen Close puts that off by its length.
        let mut closing = connection(role, Config::default().timeouts(CLOSE));
        closing.binary(vec![0; 5000]).unwrap();
        closing.close(None, "").unwrap();
        let before = closing.queued();
        assert_eq!(closing.poll_timeout(at(0)), Some(at(10)));
        let mut ping = from_peer(role, 0x89, b"?");
        assert!(closing.receive(&mut &mut ping.clone()[..]).is_ok());
        closing.output().advance(before);
        assert_eq!(closing.poll_timeout(at(5)), Some(at(10)), "the end of the Close is still here");
        assert!(closing.timeout_stands(), "and nothing was asked for since");
        closing.output().advance(usize::MAX);
        assert_eq!(closing.poll_timeout(at(6)), Some(at(16)), "the Close has left");

        // By that and no more: one pong before it, one behind it.
        let mut closing = connection(role, Config::default().timeouts(CLOSE));
        closing.binary(vec![0; 5000]).unwrap();
        closing.close(None, "").unwrap();
        assert_eq!(closing.poll_timeout(at(0)), Some(at(10)));
        assert!(closing.receive(&mut &mut ping.clone()[..]).is_ok());
        let to_the_end_of_the_close = closing.queued();
        closing.output().chunks_vectored(&mut [std::io::IoSlice::new(&[]); 8]);
        assert!(closing.receive(&mut &mut ping[..]).is_ok());
        assert!(closing.queued() > to_the_end_of_the_close);
        closing.output().advance(to_the_end_of_the_close - 1);
        assert_eq!(closing.poll_timeout(at(5)), Some(at(10)), "a byte of the Close is still here");
        closing.output().advance(1);
        assert_eq!(closing.poll_timeout(at(6)), Some(at(16)), "the Close has left");

        let mut dripping = connection(role, Config::default().timeouts(CLOSE));
        dripping.binary(vec![0; 5000]).unwrap();
        dripping.close(None, "").unwrap();
        let mut due = dripping.poll_timeout(at(0)).unwrap();
        let mut waits = 0;
        while dripping.transport() == Transport::Keep {
            dripping.output().advance(1);
            dripping.handle_timeout(due);
            waits += 1;
            let Some(next) = dripping.poll_timeout(due) else { break };
            due = next;
        }
        assert_eq!((waits, due), (61, at(610)));

        let mut pinging = connection(role, Config::default().timeouts(PING));
        assert_eq!(pinging.poll_timeout(at(0)), Some(at(20)));
        pinging.handle_timeout(at(20));
        pinging.binary(vec![0; 5000]).unwrap();
        assert_eq!(pinging.poll_timeout(at(20)), Some(at(30)));
        pinging.output().advance(connection_ping(role));
        assert_eq!(pinging.poll_timeout(at(21)), Some(at(31)), "the ping has left");
        pinging.output().advance(1);
        pinging.handle_timeout(at(31));
        assert_eq!(pinging.transport(), Transport::Abort);
    }
    // A Close of the application's own, in answer to the peer's, has its time too.
    let config = Config::default().timeouts(CLOSE).closes(Reply::Manual);
    let mut manual = connection(Role::Server, config);
    let mut wire = from_peer(Role::Server, 0x88, b"");
    assert!(manual.receive(&mut &mut wire[..]).is_ok());
    assert_eq!(manual.poll_timeout(at(0)), Some(at(10)));
    manual.binary(vec![0; 5000]).unwrap();
    manual.close(None, "").unwrap();
    assert_eq!(manual.poll_timeout(at(5)), Some(at(15)));
}

#[test]
fn s5_5_2_a_ping_behind_output_that_moves_has_its_time_when_it_has_left() {
    for role in ROLES {
        for asked in [true, false] {
            let mut connection = connection(role, Config::default().timeouts(PING));
            connection.binary(vec![0; 5000]).unwrap();
            assert!(!connection.output().chunk().is_empty(), "the ping has to go behind what was shown");
            assert_eq!(connection.poll_timeout(at(0)), Some(at(20)));
            connection.handle_timeout(at(20));
            assert_eq!(connection.poll_timeout(at(20)), Some(at(30)));
            assert!(connection.timeout_stands(), "the ping waits");
            for now in [30, 40] {
                connection.output().advance(1);
                connection.handle_timeout(at(now));
                assert_eq!(connection.transport(), Transport::Keep);
                assert_eq!(connection.poll_timeout(at(now)), Some(at(now + 10)), "while some is taken");
            }
            let left = drain(&mut connection);
            assert_eq!(left[left.len() - connection_ping(role)], 0x89, "the ping was behind it");
            if asked {
                assert_eq!(connection.poll_timeout(at(45)), Some(at(55)), "it has left");
            } else {
                assert!(!connection.timeout_stands());
                connection.handle_timeout(at(50));
                assert_eq!(connection.transport(), Transport::Keep);
            }
            let due = connection.poll_timeout(at(50)).expect("a deadline");
            connection.handle_timeout(due);
            assert_eq!(connection.transport(), Transport::Abort);
            assert_eq!(connection.end().expect("an end").cause, Cause::TimedOut(Deadline::Pong), "{due:?}");
        }
        let mut stuck = connection(role, Config::default().timeouts(PING));
        stuck.binary(vec![0; 5000]).unwrap();
        stuck.poll_timeout(at(0));
        stuck.handle_timeout(at(20));
        stuck.handle_timeout(at(30));
        assert_eq!(stuck.transport(), Transport::Abort);
        // Whoever says something is there, also if it takes nothing.
        let mut heard = connection(role, Config::default().timeouts(PING));
        heard.binary(vec![0; 5000]).unwrap();
        heard.poll_timeout(at(0));
        heard.handle_timeout(at(20));
        let queued = heard.queued();
        let mut pong = from_peer(role, 0x8a, b"");
        assert!(heard.receive(&mut &mut pong[..]).is_ok());
        heard.handle_timeout(at(30));
        assert_eq!((heard.transport(), heard.queued()), (Transport::Keep, queued));
        assert_eq!(heard.poll_timeout(at(30)), Some(at(50)), "silence begins anew");
    }
}

/// The bytes of a ping of ours without a payload.
const fn connection_ping(role: Role) -> usize {
    match role {
        Role::Server => 2,
        Role::Client => 6,
    }
}

/// What is owed waits in a `Session` as what is queued does in a `Connection`.
#[test]
fn s7_1_4_the_deadlines_of_a_session_know_what_it_owes() {
    let config = Config::default().timeouts(CLOSE);
    for role in ROLES {
        for ended in [false, true] {
            let mut subject = Subject::new(Kind::Session, role, config);
            subject.eager = false;
            subject.feed(&from_peer(role, 0x88, b"\x03\xe8"));
            if ended {
                subject.eof();
            }
            assert_eq!(subject.transport(), Transport::Keep, "the answer may still be read");
            assert_eq!(subject.poll_timeout(at(0)), Some(at(10)));
            subject.handle_timeout(at(10));
            assert_eq!(subject.transport(), Transport::Abort);
            let end = subject.end().expect("an end");
            assert_eq!((end.code.value(), end.was_clean), (1000, false));
        }
        let timeouts = Timeouts { output: seconds(30), ..Timeouts::NONE };
        let mut subject = Subject::new(Kind::Session, role, Config::default().timeouts(timeouts));
        subject.eager = false;
        subject.feed(&from_peer(role, 0x89, b""));
        assert_eq!(subject.poll_timeout(at(0)), Some(at(30)));
        subject.drain();
        assert_eq!(subject.poll_timeout(at(0)), None);
        subject.feed(&from_peer(role, 0x89, b""));
        assert_eq!(subject.poll_timeout(at(1)), Some(at(31)));
        subject.handle_timeout(at(31));
        assert_eq!(subject.end().expect("an end").cause, Cause::TimedOut(Deadline::Output));
    }
}

#[test]
fn s5_5_1_a_ping_that_is_due_does_not_follow_our_close() {
    for mut subject in subjects(PING) {
        subject.eager = false;
        subject.poll_timeout(at(0));
        subject.handle_timeout(at(20));
        subject.close(Some(1000), "").unwrap();
        subject.drain();
        let frames = subject.take_frames();
        assert_eq!(frames.last(), Some(&Frame::close(Some(1000))), "{frames:?}");
        assert!(!subject.waits());
    }
}

#[test]
fn early_and_repeated_and_unasked_calls_do_no_harm() {
    for mut subject in subjects(Timeouts { idle: seconds(60), close: seconds(10), ..PING }) {
        subject.handle_timeout(at(6));
        assert_eq!(subject.poll_timeout(at(7)), Some(at(26)));
        for early in [0, 7, 25] {
            subject.handle_timeout(at(early));
        }
        assert_eq!(subject.take_frames(), []);
        assert_eq!(subject.poll_timeout(at(25)), Some(at(26)));
        for _ in 0..3 {
            subject.handle_timeout(at(26));
        }
        assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
        assert_eq!(subject.poll_timeout(at(26)), Some(at(36)));
        assert_eq!(subject.close(None, ""), Ok(()));
        assert_eq!(subject.take_frames(), [Frame::close(None)]);
        // The answer from before the Close comes due: nobody is missed any more.
        subject.handle_timeout(at(36));
        assert_eq!(subject.transport(), Transport::Keep);
        assert_eq!(subject.poll_timeout(at(36)), Some(at(46)));
    }
}

#[test]
fn what_is_received_never_makes_the_answer_earlier() {
    let timeouts = Timeouts { idle: seconds(33), ..Timeouts::DEFAULT };
    for mut subject in subjects(timeouts) {
        let mut cuts = support::run::Cuts(5);
        let mut answer = subject.poll_timeout(at(0)).expect("a ping to send");
        for now in 1..500 {
            let head = [0x81, 0x82, 0x89, 0x8a][(cuts.next() % 4) as usize];
            let wire = from_peer(subject.role, head, b"?");
            match cuts.next() % 3 {
                0 => {}
                1 => subject.feed_cut(&wire, &[1]),
                _ => subject.feed(&wire),
            }
            let next = subject.poll_timeout(at(now)).expect("an answer");
            assert!(next >= answer, "{next:?} is before {answer:?} at {now}");
            answer = next;
            if answer <= at(now) {
                subject.handle_timeout(at(now));
                answer = subject.poll_timeout(at(now)).expect("an answer");
            }
            assert!(answer > at(now));
        }
        assert_eq!(subject.transport(), Transport::Keep);
    }
}

#[test]
fn a_silence_is_noticed_between_one_and_two_intervals() {
    for spoke_at in 0..40 {
        for mut subject in subjects(PING) {
            let message = message(&subject);
            let mut pinged = None;
            let mut due = subject.poll_timeout(at(0)).expect("an answer");
            for now in 0..100 {
                if due <= at(now) {
                    subject.handle_timeout(at(now));
                    due = subject.poll_timeout(at(now)).expect("an answer");
                }
                // Speaks each second until then.
                if now <= spoke_at {
                    subject.feed(&message);
                }
                if !subject.take_frames().is_empty() {
                    pinged = Some(now);
                    break;
                }
            }
            let silence = pinged.expect("a ping") - spoke_at;
            assert!((20..=40).contains(&silence), "spoke at {spoke_at}, pinged after {silence}");
        }
    }
}

#[test]
fn without_deadlines_there_is_nothing_to_wait_for() {
    for mut subject in subjects(Timeouts::NONE) {
        subject.eager = false;
        assert_eq!(subject.poll_timeout(at(0)), None);
        let message = message(&subject);
        subject.feed(&message);
        assert_eq!(subject.text("x"), Ok(()));
        assert_eq!(subject.poll_timeout(at(0)), None);
        assert_eq!(subject.close(None, ""), Ok(()));
        subject.feed(&from_peer(subject.role, 0x83, b""));
        assert_eq!(subject.poll_timeout(at(0)), None);
        subject.handle_timeout(at(u64::MAX));
        assert_eq!(subject.poll_timeout(at(u64::MAX)), None);
        assert_eq!((subject.transport(), subject.end()), (transport_of(&subject), None));
    }
}

/// A session's Close was written by the call; a connection's is queued.
fn transport_of(subject: &Subject) -> Transport {
    if subject.kind == Kind::Session { Transport::ShutdownWrite } else { Transport::Keep }
}

#[test]
fn what_happened_before_a_wait_began_does_not_lengthen_it() {
    for mut subject in subjects(PING) {
        let message = message(&subject);
        subject.feed(&message);
        assert_eq!(subject.poll_timeout(at(0)), Some(at(20)));
        subject.handle_timeout(at(20));
        assert_eq!(subject.take_frames(), [Frame::ping(b"")]);
    }
    for mut subject in subjects(Timeouts { idle: seconds(60), ..Timeouts::NONE }) {
        let message = message(&subject);
        subject.feed(&message);
        assert_eq!(subject.poll_timeout(at(0)), Some(at(60)));
        subject.handle_timeout(at(60));
        assert_eq!(subject.take_frames().len(), 1, "the Close");
    }
    for role in ROLES {
        let timeouts = Timeouts { output: seconds(30), ..Timeouts::NONE };
        let mut connection = connection(role, Config::default().timeouts(timeouts));
        connection.text("gone").unwrap();
        connection.output().advance(usize::MAX);
        connection.text("stuck").unwrap();
        assert_eq!(connection.poll_timeout(at(0)), Some(at(30)));
        connection.handle_timeout(at(30));
        assert_eq!(connection.transport(), Transport::Abort);
    }
}

#[test]
fn moments_keep_to_their_range() {
    assert_eq!(at(7).since(at(5)), Duration::from_secs(2));
    assert_eq!(at(5).since(at(7)), Duration::ZERO);
    let last = Moment::from(Duration::MAX);
    assert!(last > at(500 * 365 * 86_400) && last + Duration::from_nanos(1) == last);
    assert_eq!(last.since(Moment::ORIGIN), Duration::from_nanos(u64::MAX - 1));
    // A deadline that would lie behind the last moment is held there, and is no deadline that never comes.
    let mut connection = connection(Role::Server, Config::default().timeouts(CLOSE));
    connection.close(None, "").unwrap();
    assert_eq!(connection.poll_timeout(last), Some(last));
}

/// What a driver may skip: reading the clock, as long as nothing would be due earlier.
#[test]
fn s10_an_answer_stands_until_a_deadline_begins() {
    for mut subject in subjects(Timeouts { idle: seconds(15), close: seconds_10(), ..PING }) {
        assert!(!subject.timeout_stands(), "not asked yet");
        assert_eq!(subject.poll_timeout(at(0)), Some(at(15)));
        let message = message(&subject);
        subject.feed(&message);
        assert!(subject.timeout_stands(), "other input makes it no earlier");
        subject.handle_timeout(at(14));
        assert!(subject.timeout_stands(), "nothing was due");
        subject.handle_timeout(at(15));
        assert!(!subject.timeout_stands(), "the idle deadline begins anew, the other runs on");
        assert_eq!(subject.poll_timeout(at(16)), Some(at(20)));
        assert!(subject.timeout_stands());
        subject.handle_timeout(at(20));
        assert!(!subject.timeout_stands(), "silence begins anew, the other runs on");
        assert_eq!(subject.poll_timeout(at(20)), Some(at(30)));
        assert_eq!(subject.close(None, ""), Ok(()));
        assert!(!subject.timeout_stands(), "closing has begun");
        assert_eq!(subject.poll_timeout(at(20)), Some(at(30)));
        assert!(subject.timeout_stands());
        subject.eof();
        assert!(!subject.timeout_stands(), "there is nothing to wait for");
        assert_eq!(subject.poll_timeout(at(21)), None);
    }
    for mut subject in subjects(Timeouts::NONE) {
        assert_eq!(subject.close(None, ""), Ok(()));
        assert_eq!(subject.poll_timeout(at(0)), None);
        assert!(subject.timeout_stands(), "nothing ever runs");
    }
}

#[test]
fn s10_an_answer_stands_until_output_waits() {
    for role in ROLES {
        let timeouts = Timeouts { output: seconds(30), ..Timeouts::NONE };
        let mut connection = connection(role, Config::default().timeouts(timeouts));
        assert_eq!(connection.poll_timeout(at(0)), None);
        assert!(connection.timeout_stands());
        connection.text("x").expect("room");
        assert!(!connection.timeout_stands(), "output waits");
        assert_eq!(connection.poll_timeout(at(1)), Some(at(31)));
        let queued = connection.queued();
        connection.output().advance(queued);
        assert!(connection.timeout_stands(), "an old deadline is only too early");
        assert_eq!(connection.poll_timeout(at(1)), None);
    }
}
