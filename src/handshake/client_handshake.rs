use super::client_request::ClientRequest;
use super::extension::{Extension, extensions};
use super::fields::{named, token};
use super::head::ResponseHead;
use super::key::Key;
use super::limits::HandshakeLimits;
use super::offer::Offer;
use super::response_error::ResponseError;
use super::response_reader::ResponseReader;
use super::write::WriteError;
use crate::{Arc, Config, Connection, Keys, Moment};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// A client's handshake over raw bytes: makes the request and reads the response.
///
/// ```
/// use sockless::handshake::{ClientHandshake, ClientRequest, Outcome};
/// use sockless::{Config, Keys, Uri};
///
/// # fn drive(_: sockless::Connection) {}
/// let request = ClientRequest::new(Uri::parse("ws://a.example/chat")?);
/// let mut handshake = ClientHandshake::new(&request, Keys::from_os()?, Default::default())?;
/// // … send handshake.request(), and receive …
/// let mut received = *b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
/// let mut input = &mut received[..];
/// match handshake.receive(&mut input)? {
///     Some(Outcome::Established(established)) => drive(established.open(Config::default())),
///     Some(Outcome::Refused(head)) => assert_eq!(head.status(), 403),
///     None => println!("more is needed"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientHandshake {
    request: Vec<u8>,
    key: Key,
    /// Until the handshake is over.
    keys: Option<Box<Keys>>,
    subprotocols: Vec<Box<str>>,
    require_subprotocol: bool,
    extensions: Option<Box<str>>,
    reader: ResponseReader,
}

impl ClientHandshake {
    /// A handshake with its request ready to send.
    ///
    /// The request's key is the first that is drawn from `keys`.
    pub fn new(
        request: &ClientRequest<'_>,
        mut keys: Keys,
        limits: HandshakeLimits,
    ) -> Result<ClientHandshake, WriteError> {
        let key = Key::from_nonce(keys.nonce());
        Ok(ClientHandshake {
            request: request.to_bytes(&key)?,
            key,
            keys: Some(Box::new(keys)),
            subprotocols: request.offer.subprotocols.iter().map(|&name| name.into()).collect(),
            require_subprotocol: request.offer.require_subprotocol,
            extensions: request.offer.extensions.map(Box::from),
            reader: ResponseReader::new(limits),
        })
    }

    /// The request, which is to be sent whole and before anything else.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the response's head off the front of `input`, and says how the handshake has come out once it is whole.
    ///
    /// What follows the head stays in `input`: frames, or the body of a refusal. Interim responses are skipped, up to
    /// eight. `None` means that all of `input` was taken and more is needed; after the outcome nothing is taken any
    /// more. An error is final, and what of `input` was taken means nothing.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<Outcome>, ResponseError> {
        let Some(head) = self.reader.receive(input)? else { return Ok(None) };
        if head.status() != 101 {
            return Ok(Some(Outcome::Refused(head)));
        }
        let subprotocols: Vec<&str> = self.subprotocols.iter().map(|name| &**name).collect();
        let offer = Offer {
            subprotocols: &subprotocols,
            require_subprotocol: self.require_subprotocol,
            extensions: self.extensions.as_deref(),
        };
        match offer.check(&self.key, head.line(), head.fields()) {
            Ok(_) => Ok(self.keys.take().map(|keys| Outcome::Established(Established { head, keys }))),
            Err(error) => self.reader.fail(error),
        }
    }

    /// The server has ended the transport: an error if its response was not whole.
    pub fn receive_eof(&mut self) -> Result<(), ResponseError> {
        self.reader.receive_eof()
    }

    /// When [`ClientHandshake::handle_timeout`] wants to be called. The first call of either starts the clock.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.reader.poll_timeout(now)
    }

    /// Fails with [`ResponseError::TimedOut`] if the time has run out; harmless at any moment.
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), ResponseError> {
        self.reader.handle_timeout(now)
    }
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake").finish_non_exhaustive()
    }
}

/// How a handshake has come out at the client.
#[derive(Debug)]
pub enum Outcome {
    /// The WebSocket is open.
    Established(Established),
    /// The server answered with another status than 101: a redirection, a demand for credentials, an error. The
    /// response's body is still to come; [`super::BodyCollector`] collects it.
    Refused(ResponseHead),
}

/// An open WebSocket, as the server's response describes it.
#[derive(Debug)]
pub struct Established {
    head: ResponseHead,
    keys: Box<Keys>,
}

impl Established {
    /// The subprotocol chosen, one of those offered.
    pub fn subprotocol(&self) -> Option<&str> {
        named(self.head.fields(), "sec-websocket-protocol").find_map(token)
    }

    /// The extensions in use, in order of use, each with the name of one that was offered. Whether its parameters
    /// answer the offer is for the extension's own negotiation to say.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> + Clone {
        extensions(self.head.fields())
    }

    /// The head of the response, with any cookies.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The connection, which masks its frames with keys from where the request's came.
    pub fn open(self, config: impl Into<Arc<Config>>) -> Connection {
        Connection::opened(config.into(), self.keys)
    }

    /// The keys, for a [`Session`](crate::Session).
    pub fn into_keys(self) -> Keys {
        *self.keys
    }
}
