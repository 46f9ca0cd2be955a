use super::head::{RequestHead, RequestLineSpan};
use super::http1::{HeadFault, HeadReader};
use super::limits::{Deadline, HandshakeLimits};
use super::refusal::Refusal;
use crate::Moment;
use core::fmt;

/// A server's handshake over raw bytes: reads the request's head.
///
/// ```
/// use sockless::handshake::{Acceptance, OriginPolicy, ServerHandshake};
///
/// let mut handshake = ServerHandshake::new(Default::default());
/// let mut received = *b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nframes";
/// let mut input = &mut received[..];
/// let head = handshake.receive(&mut input)?.expect("the whole head has come");
/// assert_eq!(input, b"frames");
/// let request = head.upgrade(OriginPolicy::SameHost)?;
/// let subprotocol = request.choose_subprotocol(&["chat"]);
/// let response = request.accept(&Acceptance { subprotocol, ..Acceptance::default() })?;
/// # assert!(response.starts_with(b"HTTP/1.1 101 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ServerHandshake {
    limits: HandshakeLimits,
    reader: HeadReader<RequestLineSpan>,
    deadline: Deadline,
    state: State,
}

enum State {
    Waiting,
    Complete,
    Failed(Refusal),
}

impl ServerHandshake {
    /// A handshake that waits for its request.
    pub fn new(limits: HandshakeLimits) -> ServerHandshake {
        ServerHandshake {
            limits,
            reader: HeadReader::new(),
            deadline: Deadline::UNARMED,
            state: State::Waiting,
        }
    }

    /// Takes the request's head off the front of `input`, and gives it once it is whole.
    ///
    /// What follows the head stays in `input`: frames. `None` means that all of `input` was taken and more is needed;
    /// after the head nothing is taken any more. The refusal is final, and what of `input` was taken means nothing.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<RequestHead>, Refusal> {
        match self.state {
            State::Failed(refusal) => return Err(refusal),
            State::Complete => return Ok(None),
            State::Waiting => {}
        }
        match self.reader.read(input, &self.limits) {
            Ok(None) => Ok(None),
            Ok(Some(head)) => {
                self.state = State::Complete;
                Ok(Some(RequestHead(head)))
            }
            Err(fault) => self.fail(match fault {
                HeadFault::Line => Refusal::RequestLineMalformed,
                HeadFault::LineTooLong => Refusal::RequestLineTooLong,
                HeadFault::TooLarge => Refusal::HeadTooLarge,
                HeadFault::TooManyFields => Refusal::TooManyFields,
                HeadFault::Fields => Refusal::HeadMalformed,
            }),
        }
    }

    /// The client has ended the transport: an error if its head was not whole.
    pub fn receive_eof(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::Waiting => self.fail(Refusal::EndedEarly),
            State::Failed(refusal) => Err(refusal),
            State::Complete => Ok(()),
        }
    }

    /// When [`ServerHandshake::handle_timeout`] wants to be called; the first call starts the clock.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        matches!(self.state, State::Waiting).then(|| self.deadline.poll(now, self.limits.time)).flatten()
    }

    /// Fails with [`Refusal::TimedOut`] if the time has run out; harmless at any moment.
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), Refusal> {
        match self.state {
            State::Waiting if self.deadline.has_passed(now) => self.fail(Refusal::TimedOut),
            State::Failed(refusal) => Err(refusal),
            State::Waiting | State::Complete => Ok(()),
        }
    }

    fn fail<T>(&mut self, refusal: Refusal) -> Result<T, Refusal> {
        self.state = State::Failed(refusal);
        self.reader = HeadReader::new();
        Err(refusal)
    }
}

impl fmt::Debug for ServerHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandshake").finish_non_exhaustive()
    }
}
