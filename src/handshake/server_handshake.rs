use super::head::{RequestHead, RequestLineSpan};
use super::http1::{HeadFault, HeadReader};
use super::limits::HandshakeLimits;
use super::progress::Progress;
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
    progress: Progress<HeadReader<RequestLineSpan>, Refusal>,
}

impl ServerHandshake {
    /// A handshake that waits for its request.
    pub fn new(limits: HandshakeLimits) -> ServerHandshake {
        ServerHandshake { limits, progress: Progress::new(HeadReader::new(), limits.time) }
    }

    /// Takes the request's head off the front of `input`, and gives it once it is whole.
    ///
    /// What follows the head stays in `input`: frames. `None` means that all of `input` was taken and more is needed;
    /// after the head nothing is taken any more. The refusal is final, and what of `input` was taken means nothing.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<RequestHead>, Refusal> {
        let Some(reader) = self.progress.waiting()? else { return Ok(None) };
        match reader.read(input, &self.limits) {
            Ok(None) => Ok(None),
            Ok(Some(head)) => {
                self.progress.complete();
                Ok(Some(RequestHead(head)))
            }
            Err(fault) => self.progress.fail(match fault {
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
        self.progress.receive_eof(Refusal::EndedEarly)
    }

    /// When [`ServerHandshake::handle_timeout`] wants to be called. The first call of either starts the clock.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.progress.poll_timeout(now)
    }

    /// Fails with [`Refusal::TimedOut`] if the time has run out; harmless at any moment.
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), Refusal> {
        self.progress.handle_timeout(now, Refusal::TimedOut)
    }
}

impl fmt::Debug for ServerHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandshake").finish_non_exhaustive()
    }
}
