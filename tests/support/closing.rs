//! The closing state machine (RFC 6455 §5.5.1, §7.1), written to be read: the tests play it, docs/closing.svg draws it.

use sockless::{Cause, ProtocolError, Role, Transport};

use super::wire::Frame;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    OurClose,
    PeersClose,
    Eof,
    Fault,
    Data,
}

pub const ACTS: [Act; 5] = [Act::OurClose, Act::PeersClose, Act::Eof, Act::Fault, Act::Data];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// Our Close went out first, and the peer's has not come.
    Closing,
    /// A Close went each way, ours first.
    ClosedHere,
    /// A Close went each way, the peer's first.
    ClosedByPeer,
    /// The peer broke a rule.
    Failed,
    /// The end of the transport in each of these.
    EndOfOpen,
    EndOfClosing,
    EndOfClosedHere,
    EndOfClosedByPeer,
    EndOfFailed,
}

/// What an act does. What has no arrow is nothing: a call is refused with `SendError::Closed`, and what comes from the
/// peer behind its Close or its fault is not read (§5.5.1, §7.1.7).
#[derive(Debug)]
pub struct Arrow {
    pub from: State,
    pub act: Act,
    pub to: State,
    pub sends: Sends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    Nothing,
    Data,
    Close(u16),
}

const fn arrow(from: State, act: Act, to: State, sends: Sends) -> Arrow {
    Arrow { from, act, to, sends }
}

/// The code of our Close, and of the peer's.
pub const OURS: u16 = 1000;
pub const PEERS: u16 = 1001;

pub const ARROWS: [Arrow; 11] = [
    arrow(State::Open, Act::Data, State::Open, Sends::Data),
    arrow(State::Open, Act::OurClose, State::Closing, Sends::Close(OURS)),
    // §5.5.1: it is answered with its own code.
    arrow(State::Open, Act::PeersClose, State::ClosedByPeer, Sends::Close(PEERS)),
    arrow(State::Open, Act::Fault, State::Failed, Sends::Close(1002)),
    arrow(State::Open, Act::Eof, State::EndOfOpen, Sends::Nothing),
    // §5.5.1: only one Close is ever sent.
    arrow(State::Closing, Act::PeersClose, State::ClosedHere, Sends::Nothing),
    arrow(State::Closing, Act::Fault, State::Failed, Sends::Nothing),
    arrow(State::Closing, Act::Eof, State::EndOfClosing, Sends::Nothing),
    arrow(State::ClosedHere, Act::Eof, State::EndOfClosedHere, Sends::Nothing),
    arrow(State::ClosedByPeer, Act::Eof, State::EndOfClosedByPeer, Sends::Nothing),
    arrow(State::Failed, Act::Eof, State::EndOfFailed, Sends::Nothing),
];

/// What `end` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    pub code: u16,
    pub was_clean: bool,
    pub cause: Cause,
}

impl State {
    pub fn arrow(self, act: Act) -> Option<&'static Arrow> {
        ARROWS.iter().find(|arrow| arrow.from == self && arrow.act == act)
    }

    /// What is to be done with the transport once all is written.
    pub const fn transport(self, role: Role) -> Transport {
        match (self, role) {
            (State::Open | State::Closing, _) => Transport::Keep,
            // §7.1.1: the server ends the transport, the client waits for it.
            (State::ClosedHere | State::ClosedByPeer, Role::Server) => Transport::ShutdownWrite,
            (State::ClosedHere | State::ClosedByPeer, Role::Client) => Transport::Keep,
            // §7.1.7
            (State::Failed, _) => Transport::ShutdownWrite,
            _ => Transport::Close,
        }
    }

    /// The same while something is not written: a peer that closed in order may still read our answer.
    pub const fn transport_before(self) -> Transport {
        match self {
            State::EndOfOpen | State::EndOfClosing | State::EndOfFailed => Transport::Close,
            _ => Transport::Keep,
        }
    }

    pub const fn ending(self) -> Option<Ending> {
        let (code, was_clean, cause) = match self {
            State::EndOfOpen => (1006, false, Cause::TransportEnded),
            State::EndOfClosing => (1006, false, Cause::ClosedHere),
            State::EndOfClosedHere => (PEERS, true, Cause::ClosedHere),
            State::EndOfClosedByPeer => (PEERS, true, Cause::ClosedByPeer),
            State::EndOfFailed => (1006, false, Cause::Failed(ProtocolError::ReservedOpcode)),
            _ => return None,
        };
        Some(Ending { code, was_clean, cause })
    }
}

impl Sends {
    pub fn frame(self) -> Option<Frame> {
        match self {
            Sends::Nothing => None,
            Sends::Data => Some(Frame::text("x")),
            Sends::Close(code) => Some(Frame::close(Some(code))),
        }
    }
}
