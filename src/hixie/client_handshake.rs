use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::client_request::ClientRequest;
use super::connection::Connection;
use super::dialect::Dialect;
use crate::handshake::{
    HandshakeLimits, Once, Progress, ResponseError, ResponseHead, ResponseReader, WriteError, named, take,
};
use crate::{Arc, Config, Keys, Moment};

/// A client's handshake in hixie-75 or hixie-76, over raw bytes: makes the request and reads the response.
///
/// ```
/// use sockless::hixie::{ClientHandshake, ClientRequest, Outcome};
/// use sockless::{Keys, Uri};
///
/// let request = ClientRequest::new(Uri::parse("ws://example.com/demo")?, "http://example.com");
/// let mut keys = Keys::from_seed([7; 32]); // a test; else `Keys::from_os`
/// let mut handshake = ClientHandshake::hixie76(&request, &mut keys, Default::default())?;
/// // … send handshake.request(), and receive …
/// let mut received = *b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
/// match handshake.receive(&mut &mut received[..])? {
///     Some(Outcome::Established(established)) => drop(established.open(sockless::Config::default())),
///     Some(Outcome::Refused(head)) => assert_eq!(head.status(), 404),
///     None => println!("more is needed"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientHandshake {
    request: Vec<u8>,
    expected: Expected,
    progress: Progress<Response, ResponseError>,
}

/// What the response has to say.
struct Expected {
    origin: Box<str>,
    location: Box<str>,
    subprotocol: Option<Box<str>>,
    /// Behind the head, in hixie-76.
    answer: Option<[u8; 16]>,
}

/// What has come of the response.
struct Response {
    reader: ResponseReader,
    /// The head, while the answer is on its way.
    head: Option<ResponseHead>,
    /// The bytes of the answer.
    answered: usize,
}

/// How a handshake has come out at the client.
#[derive(Debug)]
pub enum Outcome {
    /// The WebSocket is open.
    Established(Established),
    /// The server answered with another status than 101. The response's body is still to come;
    /// [`BodyCollector`](crate::handshake::BodyCollector) collects it.
    Refused(ResponseHead),
}

/// An open WebSocket, as the server's response describes it.
#[derive(Debug)]
pub struct Established {
    head: ResponseHead,
    dialect: Dialect,
}

impl ClientHandshake {
    /// A handshake in hixie-76 with its request ready to send: its keys, and the order of its fields, are drawn from
    /// `keys`.
    ///
    /// # Errors
    /// [`Origin`](WriteError::Origin), [`Subprotocol`](WriteError::Subprotocol),
    /// [`FieldName`](WriteError::FieldName), [`FieldValue`](WriteError::FieldValue),
    /// [`FieldReserved`](WriteError::FieldReserved).
    pub fn hixie76(
        request: &ClientRequest<'_>,
        keys: &mut Keys,
        limits: HandshakeLimits,
    ) -> Result<ClientHandshake, WriteError> {
        let (bytes, answer) = request.hixie76(keys)?;
        Ok(ClientHandshake::new(request, bytes, Some(answer), limits))
    }

    /// A handshake in hixie-75 with its request ready to send. Nothing in it is random, and nothing in the response
    /// proves that the server has read it.
    ///
    /// # Errors
    /// As [`hixie76`](ClientHandshake::hixie76).
    pub fn hixie75(
        request: &ClientRequest<'_>,
        limits: HandshakeLimits,
    ) -> Result<ClientHandshake, WriteError> {
        Ok(ClientHandshake::new(request, request.hixie75()?, None, limits))
    }

    fn new(
        request: &ClientRequest<'_>,
        bytes: Vec<u8>,
        answer: Option<[u8; 16]>,
        limits: HandshakeLimits,
    ) -> ClientHandshake {
        let response = Response { reader: ResponseReader::new(limits), head: None, answered: 0 };
        ClientHandshake {
            request: bytes,
            expected: Expected {
                origin: request.origin.to_ascii_lowercase().into(),
                location: request.uri.to_string().into(),
                subprotocol: request.subprotocol.map(Box::from),
                answer,
            },
            progress: Progress::new(response, limits.time),
        }
    }

    /// The request, which is to be sent whole and before anything else; in hixie-76 its last eight bytes are a body.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the response off the front of `input`, and says how the handshake has come out once it is whole.
    ///
    /// What follows stays in `input`: frames, or the body of a refusal. `None` means that all of `input` was taken and
    /// more is needed; after the outcome nothing is taken any more.
    ///
    /// # Errors
    /// Final, and what of `input` was taken means nothing. The status is judged before anything else; the answer to
    /// the challenge at the first byte that differs.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<Outcome>, ResponseError> {
        let Some(response) = self.progress.waiting()? else { return Ok(None) };
        match response.receive(&self.expected, input) {
            Ok(None) => Ok(None),
            Ok(Some(outcome)) => {
                self.progress.complete();
                Ok(Some(outcome))
            }
            Err(error) => self.progress.fail(error),
        }
    }

    /// The server has ended the transport.
    ///
    /// # Errors
    /// [`EndedEarly`](ResponseError::EndedEarly) if its response was not whole.
    pub fn receive_eof(&mut self) -> Result<(), ResponseError> {
        self.progress.receive_eof(ResponseError::EndedEarly)
    }

    /// When [`ClientHandshake::handle_timeout`] wants to be called. The first call of either starts the clock.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.progress.poll_timeout(now)
    }

    /// Fails if the time has run out; harmless at any moment.
    ///
    /// # Errors
    /// [`TimedOut`](ResponseError::TimedOut).
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), ResponseError> {
        self.progress.handle_timeout(now, ResponseError::TimedOut)
    }
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake").finish_non_exhaustive()
    }
}

impl Response {
    fn receive(
        &mut self,
        expected: &Expected,
        input: &mut &mut [u8],
    ) -> Result<Option<Outcome>, ResponseError> {
        if self.head.is_none() {
            let Some(head) = self.reader.receive(input)? else { return Ok(None) };
            if head.status() != 101 {
                return Ok(Some(Outcome::Refused(head)));
            }
            expected.check(&head)?;
            self.head = Some(head);
        }
        while let Some(&wanted) = expected.answer.as_ref().and_then(|answer| answer.get(self.answered)) {
            match input.first() {
                None => return Ok(None),
                Some(&byte) if byte != wanted => return Err(ResponseError::ChallengeWrong),
                Some(_) => take(input, 1),
            }
            self.answered += 1;
        }
        let dialect = if expected.answer.is_some() { Dialect::Hixie76 } else { Dialect::Hixie75 };
        Ok(self.head.take().map(|head| Outcome::Established(Established { head, dialect })))
    }
}

impl Expected {
    /// The head of a response with the right status (hixie-76 §4.1, from step 32).
    fn check(&self, head: &ResponseHead) -> Result<(), ResponseError> {
        if !head.version().can_upgrade() {
            return Err(ResponseError::HttpVersionUnsupported);
        }
        match only(head, "upgrade") {
            Once::Missing => return Err(ResponseError::UpgradeMissing),
            // Letter by letter: the word in lower case is a server's of another dialect.
            Once::Value(b"WebSocket") => {}
            Once::Value(_) | Once::Repeated => return Err(ResponseError::UpgradeInvalid),
        }
        match only(head, "connection") {
            // No list here.
            Once::Value(value) if value.eq_ignore_ascii_case(b"upgrade") => {}
            _ => return Err(ResponseError::ConnectionUpgradeMissing),
        }
        let [origin, location, protocol] = names(self.answer.is_some());
        match only(head, origin) {
            Once::Missing => return Err(ResponseError::OriginMissing),
            Once::Repeated => return Err(ResponseError::OriginRepeated),
            Once::Value(origin) if origin == self.origin.as_bytes() => {}
            Once::Value(_) => return Err(ResponseError::OriginWrong),
        }
        match only(head, location) {
            Once::Missing => return Err(ResponseError::LocationMissing),
            Once::Repeated => return Err(ResponseError::LocationRepeated),
            Once::Value(location) if location == self.location.as_bytes() => {}
            Once::Value(_) => return Err(ResponseError::LocationWrong),
        }
        match (only(head, protocol), &self.subprotocol) {
            // Servers that know none send an empty one.
            (Once::Missing | Once::Value([]), None) => Ok(()),
            (Once::Missing, Some(_)) => Err(ResponseError::SubprotocolMissing),
            (Once::Repeated, _) => Err(ResponseError::SubprotocolRepeated),
            (Once::Value(chosen), Some(asked)) if chosen == asked.as_bytes() => Ok(()),
            (Once::Value(_), _) => Err(ResponseError::SubprotocolNotOffered),
        }
    }
}

impl Established {
    /// Hixie-75 or hixie-76.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The subprotocol agreed upon: the one that was asked for.
    pub fn subprotocol(&self) -> Option<&str> {
        let [.., name] = names(self.dialect == Dialect::Hixie76);
        self.head
            .field(name)
            .and_then(|value| core::str::from_utf8(value).ok())
            .filter(|name| !name.is_empty())
    }

    /// The head of the response, with any cookies.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The connection.
    pub fn open(self, config: impl Into<Arc<Config>>) -> Connection {
        Connection::client(self.dialect, config)
    }
}

/// The names of the fields that repeat origin and URI, and of the one that names the subprotocol.
fn names(challenged: bool) -> [&'static str; 3] {
    match challenged {
        true => ["sec-websocket-origin", "sec-websocket-location", "sec-websocket-protocol"],
        false => ["websocket-origin", "websocket-location", "websocket-protocol"],
    }
}

/// The one field of this name.
fn only<'a>(head: &'a ResponseHead, name: &'static str) -> Once<'a> {
    let mut once = Once::Missing;
    named(head.fields(), name).for_each(|value| once.add(value));
    once
}
