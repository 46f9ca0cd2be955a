use super::event::Event;
use crate::{CloseCode, CloseReason, ControlPayload, ProtocolError};

/// What a [`Receiver`](crate::Receiver) owes the [`Sender`](crate::Sender) of its connection: hand it to
/// [`Sender::signal`](crate::Sender::signal), in order and without loss.
///
/// Two [`Heard`](Signal::Heard) in a row say no more than one whose `message` is true if either was: they may be
/// joined.
///
/// ```
/// use bytes::Buf;
/// use sockless::{Config, Connection, Keys, Signal};
///
/// let (mut receiver, mut sender) = Connection::client(Config::default(), Keys::from_seed([7; 32])).split();
/// let mut ping = *b"\x89\x02hi";
/// let received = receiver.receive(&mut &mut ping[..]);
/// let Some(signal @ Signal::Ping(_)) = received.signal else { panic!() };
/// assert!(sender.signal(signal), "there is output now: a pong");
/// assert_eq!(sender.output().chunk()[..2], [0x8a, 0x82]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the sender answers pings and closes and keeps the deadlines by what it is told"]
pub enum Signal {
    /// The peer gave a sign of life.
    Heard {
        /// Whether it was a message, or a part of one.
        message: bool,
    },
    /// A ping came.
    Ping(ControlPayload),
    /// A Close came.
    Close {
        /// Its code.
        code: Option<CloseCode>,
        /// Its reason.
        reason: CloseReason,
    },
    /// The peer broke a rule.
    Failed(ProtocolError),
    /// The transport gives nothing more to read.
    Eof,
}

impl Signal {
    /// What the sender has to know of this event.
    pub(super) fn of(event: &Event<'_>) -> Signal {
        match event {
            Event::Text { .. } | Event::Binary { .. } => Signal::Heard { message: true },
            // The payload of a control frame that was received fits.
            Event::Ping(payload) => {
                Signal::Ping(ControlPayload::new(payload).unwrap_or(ControlPayload::EMPTY))
            }
            Event::Pong(_) => Signal::Heard { message: false },
            Event::Close { code, reason } => {
                Signal::Close { code: *code, reason: CloseReason::received(reason) }
            }
        }
    }
}
