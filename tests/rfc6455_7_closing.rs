//! The closing handshake, failing and the end of the transport (RFC 6455 §5.5.1, §7.1), in every order.
#![cfg(feature = "alloc")]

mod support;

use core::time::Duration;

use sockless::{Cause, Config, Deadline, Moment, ProtocolError, Reply, Role, SendError, Timeouts, Transport};
use support::closing::{ACTS, Act, Ending, OURS, PEERS, State};
use support::subject::{KINDS, Kind, ROLES, Seen, Subject, from_peer};
use support::wire::Frame;

/// Every order of up to four acts.
fn orders() -> Vec<Vec<Act>> {
    let mut orders = vec![vec![]];
    let mut start = 0;
    for _ in 0..4 {
        let end = orders.len();
        for at in start..end {
            for act in ACTS {
                let longer = [&orders[at][..], &[act]].concat();
                orders.push(longer);
            }
        }
        start = end;
    }
    orders
}

/// What the RFC wants, played from the table.
#[derive(Debug)]
struct Model {
    state: State,
    /// All frames that go out, in order.
    out: Vec<Frame>,
    /// Some of them are not written: with a session, of those that the protocol owes.
    waits: bool,
    /// Closes of the peer's that were told.
    told: usize,
}

impl Model {
    /// Whether the act is accepted.
    fn act(&mut self, act: Act, kind: Kind) -> bool {
        let by_us = matches!(act, Act::OurClose | Act::Data);
        let Some(arrow) = self.state.arrow(act) else { return !by_us };
        self.state = arrow.to;
        self.told += usize::from(act == Act::PeersClose);
        if let Some(frame) = arrow.sends.frame() {
            self.out.push(frame);
            self.waits |= !by_us || kind != Kind::Session;
        }
        true
    }

    /// A Close that is not written was not sent (RFC 6455 §7.1.4).
    fn ending(&self) -> Option<Ending> {
        let ending = self.state.ending()?;
        Some(Ending { was_clean: ending.was_clean && !self.waits, ..ending })
    }

    fn transport(&self, role: Role) -> Transport {
        match self.waits {
            true => self.state.transport_before(),
            false => self.state.transport(role),
        }
    }
}

#[test]
fn s7_1_every_order_of_up_to_four_acts_ends_as_the_model_says() {
    let mut runs = 0;
    for order in orders() {
        for role in ROLES {
            for kind in KINDS {
                for eager in [true, false] {
                    play(&order, role, kind, eager);
                    runs += 1;
                }
            }
        }
    }
    assert_eq!(runs, (1 + 5 + 25 + 125 + 625) * 2 * 4 * 2);
}

fn play(order: &[Act], role: Role, kind: Kind, eager: bool) {
    let mut subject = Subject::new(kind, role, Config::default());
    subject.eager = eager;
    let mut model = Model { state: State::Open, out: vec![], waits: false, told: 0 };
    let mut ended = false;
    for (number, &act) in order.iter().enumerate() {
        let context = format!("{order:?}, act {number}, {role:?} {kind:?} eager: {eager}");
        let answer = match act {
            Act::OurClose => subject.close(Some(OURS), ""),
            Act::Data => subject.text("x"),
            Act::PeersClose => {
                subject.feed(&from_peer(role, 0x88, &PEERS.to_be_bytes()));
                Ok(())
            }
            Act::Fault => {
                subject.feed(&from_peer(role, 0x83, b""));
                Ok(())
            }
            Act::Eof => {
                subject.eof();
                Ok(())
            }
        };
        let accepted = model.act(act, kind);
        assert_eq!(answer, if accepted { Ok(()) } else { Err(SendError::Closed) }, "{context}");
        model.waits &= !eager;
        assert_eq!(subject.waits(), model.waits, "{context}");
        assert_eq!(subject.transport(), model.transport(role), "{context}");

        let end = subject.end();
        let ending =
            end.map(|end| Ending { code: end.code.value(), was_clean: end.was_clean, cause: end.cause });
        assert_eq!(ending, model.ending().filter(|_| !ended), "once, and not before: {context}");
        assert!(end.is_none_or(|end| end.reason.as_str().is_empty()), "{context}");
        ended |= end.is_some();
    }
    subject.drain();
    model.waits = false;
    let context = format!("{order:?}, drained, {role:?} {kind:?} eager: {eager}");
    assert_eq!(subject.take_frames(), model.out, "{context}");
    assert_eq!(subject.transport(), model.transport(role), "{context}");
    assert_eq!(subject.events, vec![Seen::Close(Some(PEERS), String::new()); model.told], "{context}");
    let failed = matches!(model.state, State::Failed | State::EndOfFailed);
    assert_eq!(subject.error.is_some(), failed, "{context}");
    assert_eq!(subject.end(), None, "{context}");
}

#[test]
fn s5_5_1_a_manual_close_waits_for_the_application_which_may_finish_its_message() {
    for kind in KINDS {
        for role in ROLES {
            let mut subject = Subject::new(kind, role, Config::default().closes(Reply::Manual));
            subject.feed(&from_peer(role, 0x88, &[0x03, 0xe9]));
            assert_eq!(subject.take_frames(), []);
            assert_eq!(subject.transport(), Transport::Keep);
            assert_eq!(subject.text("the rest"), Ok(()));
            assert_eq!(subject.close(Some(1000), ""), Ok(()));
            assert_eq!(subject.close(Some(1000), ""), Err(SendError::Closed));
            assert_eq!(subject.take_frames(), [Frame::text("the rest"), Frame::close(Some(1000))]);
            subject.eof();
            let end = subject.end().expect("an end");
            assert_eq!((end.code.value(), end.was_clean, end.cause), (1001, true, Cause::ClosedByPeer));
        }
    }
}

#[test]
fn s5_5_1_a_pong_owed_goes_before_a_manual_close() {
    for kind in KINDS {
        for role in ROLES {
            let mut subject = Subject::new(kind, role, Config::default().closes(Reply::Manual));
            subject.eager = false;
            subject.feed(&[from_peer(role, 0x89, b"p"), from_peer(role, 0x88, b"")].concat());
            assert_eq!(subject.close(None, ""), Ok(()));
            subject.drain();
            assert_eq!(subject.take_frames(), [Frame::pong(b"p"), Frame::close(None)], "{kind:?}");
        }
    }
}

#[test]
fn s7_1_7_nothing_changes_a_verdict_that_was_given() {
    for kind in KINDS {
        for (late, head) in [(b"".as_slice(), 0x83), (b"\x03\xe8late", 0x88)] {
            let mut subject = Subject::new(kind, Role::Server, Config::default());
            for _ in 0..2 {
                let due = subject.poll_timeout(Moment::ORIGIN).expect("a ping, then its answer");
                subject.handle_timeout(due);
            }
            assert_eq!(subject.transport(), Transport::Abort, "{kind:?}");
            subject.feed(&from_peer(Role::Server, head, late));
            let end = subject.end().expect("an end");
            assert_eq!((end.code.value(), end.was_clean), (1006, false), "{kind:?}");
            assert_eq!((end.cause, end.reason.as_str()), (Cause::TimedOut(Deadline::Pong), ""), "{kind:?}");
        }
    }
}

#[test]
fn s7_1_4_a_pong_that_could_not_be_written_behind_both_closes_makes_no_difference() {
    for kind in KINDS {
        let mut subject = Subject::new(kind, Role::Server, Config::default());
        subject.close(Some(OURS), "").unwrap();
        subject.drain();
        subject.eager = false;
        let wire = [from_peer(Role::Server, 0x89, b"?"), from_peer(Role::Server, 0x88, b"\x03\xe8")];
        subject.feed(&wire.concat());
        assert!(subject.waits(), "{kind:?}");
        subject.eof();
        let end = subject.end().expect("an end");
        assert_eq!((end.code.value(), end.was_clean), (1000, true), "{kind:?}");
    }
}

#[test]
fn s7_1_4_a_manual_close_that_never_came_is_not_clean() {
    for kind in KINDS {
        let mut subject = Subject::new(kind, Role::Server, Config::default().closes(Reply::Manual));
        subject.feed(&from_peer(Role::Server, 0x88, b""));
        subject.eof();
        let end = subject.end().expect("an end");
        assert_eq!((end.code.value(), end.was_clean, end.cause), (1005, false, Cause::ClosedByPeer));
    }
}

#[test]
fn s7_1_7_a_close_that_is_owed_already_survives_a_fault() {
    let idle = Timeouts { idle: Some(Duration::from_secs(60)), ..Timeouts::NONE };
    for kind in KINDS {
        let mut subject = Subject::new(kind, Role::Server, Config::default().timeouts(idle));
        subject.eager = false;
        let due = subject.poll_timeout(Moment::ORIGIN).expect("the idle deadline");
        subject.handle_timeout(due);
        subject.feed(&from_peer(Role::Server, 0x83, b""));
        assert_eq!(subject.transport(), Transport::Keep, "{kind:?}");
        subject.drain();
        let frames = subject.take_frames();
        assert_eq!((frames.len(), &frames[0].payload[..2]), (1, &1001_u16.to_be_bytes()[..]), "{kind:?}");
        assert_eq!(subject.transport(), Transport::ShutdownWrite, "{kind:?}");
    }
}

#[test]
fn s7_1_7_nothing_behind_a_fault_is_read_even_by_later_calls() {
    for kind in KINDS {
        let mut subject = Subject::new(kind, Role::Client, Config::default());
        subject.feed(b"\x01\x01a\x83\x00");
        subject.feed(b"\x80\x01b\x81\x01c\x89\x00\x88\x00");
        assert_eq!(subject.error, Some((ProtocolError::ReservedOpcode, 4)), "{kind:?}");
        assert_eq!(subject.events, []);
        assert_eq!(subject.take_frames(), [Frame::close(Some(1002))]);
        assert_eq!(subject.text("x"), Err(SendError::Closed));
        assert_eq!(subject.ping(b""), Err(SendError::Closed));
        assert_eq!(subject.pong(b""), Err(SendError::Closed));
    }
}
