use super::head::ResponseHead;
use super::limits::HandshakeLimits;
use super::proxy_request::ProxyRequest;
use super::response_error::ResponseError;
use super::response_reader::ResponseReader;
use super::write::WriteError;
use crate::Moment;
use alloc::vec::Vec;
use core::fmt;

/// A client's way through an HTTP proxy, over raw bytes: asks for the tunnel and reads the answer.
///
/// ```
/// use sockless::Uri;
/// use sockless::handshake::{ProxyHandshake, ProxyRequest, Tunnel};
///
/// let request = ProxyRequest { uri: Uri::parse("wss://example.com/chat")?, fields: &[] };
/// let mut handshake = ProxyHandshake::new(&request, Default::default())?;
/// // … send handshake.request(), and receive …
/// let mut received = *b"HTTP/1.1 200 OK\r\n\r\n";
/// let mut input = &mut received[..];
/// let Some(Tunnel::Open(_)) = handshake.receive(&mut input)? else { panic!("refused, or cut") };
/// assert!(input.is_empty(), "what follows is the tunnel's");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ProxyHandshake {
    request: Vec<u8>,
    reader: ResponseReader,
}

impl ProxyHandshake {
    /// A handshake with its request ready to send.
    pub fn new(request: &ProxyRequest<'_>, limits: HandshakeLimits) -> Result<ProxyHandshake, WriteError> {
        Ok(ProxyHandshake { request: request.to_bytes()?, reader: ResponseReader::new(limits) })
    }

    /// The request, which is to be sent whole and before anything else.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the answer's head off the front of `input`, and says what it means once it is whole.
    ///
    /// What follows the head stays in `input`: the tunnel's first bytes, or the body of a refusal. Interim responses
    /// are skipped, up to eight. A 101 is no answer to CONNECT: [`ResponseError::Status`]. An error is final, and
    /// what of `input` was taken means nothing.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<Tunnel>, ResponseError> {
        match self.reader.receive(input)? {
            Some(head) if head.status() == 101 => self.reader.fail(ResponseError::Status(101)),
            Some(head) if head.status() < 300 => Ok(Some(Tunnel::Open(head))),
            Some(head) => Ok(Some(Tunnel::Refused(head))),
            None => Ok(None),
        }
    }

    /// The proxy has ended the transport: an error if its answer was not whole.
    pub fn receive_eof(&mut self) -> Result<(), ResponseError> {
        self.reader.receive_eof()
    }

    /// When [`ProxyHandshake::handle_timeout`] wants to be called. The first call of either starts the clock.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.reader.poll_timeout(now)
    }

    /// Fails with [`ResponseError::TimedOut`] if the time has run out; harmless at any moment.
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), ResponseError> {
        self.reader.handle_timeout(now)
    }
}

impl fmt::Debug for ProxyHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHandshake").finish_non_exhaustive()
    }
}

/// What a proxy has answered.
#[derive(Debug)]
pub enum Tunnel {
    /// The tunnel is open, and all that follows is from its other end. The head says nothing about a body.
    Open(ResponseHead),
    /// There is no tunnel: 407 asks for credentials. The response's body is still to come.
    Refused(ResponseHead),
}
