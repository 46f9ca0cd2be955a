//! The connection after the handshake, with an allocator.

#[cfg(feature = "deflate")]
mod deflation;
mod event;
mod framing;
#[cfg(feature = "deflate")]
mod held_frame;
#[cfg(feature = "deflate")]
mod inflation;
mod outbox;
mod outgoing;
mod output;
mod prepared;
mod read_buffer;
mod receiver;
mod sender;
#[cfg(feature = "deflate")]
mod sending;
mod signal;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

pub use event::Event;
pub use outbox::Dropped;
#[cfg(feature = "hixie")]
pub(crate) use outbox::Outbox;
pub use outgoing::{Payload, Refused};
pub use output::Output;
pub use prepared::Prepared;
pub use read_buffer::{ReadBuffer, Step};
pub use receiver::{Received, Receiver};
pub use sender::Sender;
#[cfg(feature = "deflate")]
pub use sending::Sending;
pub use signal::Signal;

#[cfg(feature = "deflate")]
use crate::deflate::{DeflatePool, Direction};
#[cfg(feature = "deflate")]
use crate::handshake::Agreed;
use crate::{Arc, Config, Keys, ProtocolError, Role};

/// A WebSocket connection after the handshake: bytes in, events out; calls in, bytes out.
///
/// It owns no buffer to read into. An idle one owns no heap but the shared configuration, and a client's keys. Everything
/// that sends, closes and tells the time is a method of its [`Sender`], which it derefs to.
///
/// ```
/// use bytes::Buf;
/// use sockless::{Config, Connection, Event, SendError};
///
/// let mut connection = Connection::server(Config::default());
/// // What a client sent: "Hello", masked with four zeros.
/// let mut buffer = *b"\x81\x85\x00\x00\x00\x00Hello";
/// let mut input = &mut buffer[..];
/// // A fault queues its Close, to be written, and is the cause of the end.
/// while let Ok(Some(event)) = connection.receive(&mut input) {
///     match event {
///         Event::Text { text, .. } => connection.text(text).map_err(SendError::from)?, // no copy in between
///         Event::Binary { data, .. } => connection.binary(data).map_err(SendError::from)?,
///         Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => {} // answered already
///     }
/// }
/// assert_eq!(connection.output().chunk(), b"\x81\x05Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    sender: Sender,
}

impl Connection {
    /// A server's connection, from the first byte behind the handshake.
    pub fn server(config: impl Into<Arc<Config>>) -> Connection {
        Connection::new(Role::Server, config.into(), None)
    }

    /// A client's connection, from the first byte behind the handshake.
    pub fn client(config: impl Into<Arc<Config>>, keys: Keys) -> Connection {
        Connection::new(Role::Client, config.into(), Some(Box::new(keys)))
    }

    /// A client's connection whose keys made its request already.
    pub(crate) fn opened(config: Arc<Config>, keys: Box<Keys>) -> Connection {
        Connection::new(Role::Client, config, Some(keys))
    }

    /// A server's connection whose handshake has still to be answered, with these bytes.
    pub(crate) fn answered(config: Arc<Config>, response: Vec<u8>) -> Connection {
        let mut connection = Connection::server(config);
        connection.sender.push_head(response.into());
        connection
    }

    fn new(role: Role, config: Arc<Config>, keys: Option<Box<Keys>>) -> Connection {
        Connection {
            receiver: Receiver::new(role, Arc::clone(&config)),
            sender: Sender::new(role, config, keys),
        }
    }

    /// With messages compressed as [agreed](crate::handshake::Agreed), if anything was: before the first event and the
    /// first message. Whoever agrees and leaves this out takes the peer's first compressed frame for a fault.
    ///
    /// ```
    /// use bytes::Buf;
    /// use sockless::handshake::{
    ///     Acceptance, ClientHandshake, ClientRequest, Offer, OriginPolicy, Outcome, PermessageDeflate, ServerHandshake,
    /// };
    /// use sockless::{Config, Event, Keys, Uri};
    ///
    /// let policy = PermessageDeflate::default();
    /// // A client offers,
    /// let offered = policy.offer();
    /// let offer = Offer { extensions: Some(&offered), ..Offer::default() };
    /// let request = ClientRequest { offer, ..ClientRequest::new(Uri::parse("ws://example.com/")?) };
    /// let keys = Keys::from_seed([7; 32]); // `from_os`, with std
    /// let mut asking = ClientHandshake::new(&request, keys, Default::default())?;
    /// // a server chooses,
    /// let mut wire = asking.request().to_vec();
    /// let head = ServerHandshake::new(Default::default()).receive(&mut &mut wire[..])?.expect("all of it");
    /// let request = head.upgrade(OriginPolicy::SameHost)?;
    /// let agreed = policy.answer(request.extensions());
    /// let answer = agreed.map(|agreed| agreed.answer());
    /// let acceptance = Acceptance { extensions: answer.as_deref(), ..Acceptance::default() };
    /// let mut server = request.open(&acceptance, Config::default())?.with_deflate(agreed);
    /// // and the client checks what was chosen.
    /// let len = server.queued();
    /// let mut wire = server.output().copy_to_bytes(len).to_vec();
    /// let Some(Outcome::Established(established)) = asking.receive(&mut &mut wire[..])? else { panic!("refused") };
    /// let agreed = policy.check(established.extensions())?;
    /// let mut client = established.open(Config::default()).with_deflate(agreed);
    ///
    /// server.text("to and fro ".repeat(1000))?;
    /// let len = server.queued();
    /// assert!(len < 100);
    /// let mut wire = server.output().copy_to_bytes(len).to_vec();
    /// let event = client.receive(&mut &mut wire[..])?;
    /// assert!(matches!(event, Some(Event::Text { text, .. }) if text.len() == 11_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, agreed: impl Into<Option<Agreed>>) -> Connection {
        if let Some(agreed) = agreed.into() {
            let role = self.sender.role();
            self.receiver.inflate_as(Direction::of(role.peer(), &agreed));
            self.sender.deflate_as(Direction::of(role, &agreed), &agreed);
        }
        self
    }

    /// Takes the next event off the front of `input`.
    ///
    /// The slice is the cursor: what was taken is gone from it, what stays is as it came. Make it once for each read,
    /// before the loop: another slice of the same bytes would feed them again, unmasked twice. `Ok(None)` means that
    /// nothing more can come of this input, which is used up; call until then, or stop calling to stop receiving.
    /// Behind the peer's Close, and behind a fault, everything is taken and thrown away; behind our own Close messages
    /// come as before.
    ///
    /// # Errors
    /// The peer's fault, now and on every later call. The Close that says so is queued. The rest of this input stays
    /// in it and means nothing any more.
    #[inline(always)]
    pub fn receive<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        match self.receiver.whole_message(input) {
            Some(Ok(event)) => {
                self.sender.heard(true);
                Ok(Some(event))
            }
            Some(Err(fault)) => {
                self.sender.failed(fault);
                Err(fault)
            }
            // Most reads end with a message: nothing is left to look into.
            None if input.is_empty() && self.receiver.waits() => Ok(None),
            None => self.receive_any(input),
        }
    }

    /// As [`receive`](Connection::receive), with a pool to inflate with: without context takeover of the peer's a
    /// connection borrows an inflater while a compressed message is arriving, and otherwise has none.
    ///
    /// # Errors
    /// As [`receive`](Connection::receive), and [`InflatersExhausted`](ProtocolError::InflatersExhausted).
    #[cfg(feature = "deflate")]
    pub fn receive_with<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        pool: &mut DeflatePool,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        if !input.is_empty() {
            self.sender.heard(false);
        }
        let event = match self.receiver.whole_message(input) {
            Some(event) => event.map(Some),
            None => self.receiver.event_with(input, Some(pool)),
        };
        self.tell(&event);
        event
    }

    /// The next event, whatever it is.
    #[inline(never)]
    fn receive_any<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        if !input.is_empty() {
            self.sender.heard(false);
        }
        let event = self.receiver.event(input);
        self.tell(&event);
        event
    }

    /// Tells the sending half what the receiving one saw.
    #[inline]
    fn tell(&mut self, event: &Result<Option<Event<'_>>, ProtocolError>) {
        match event {
            Ok(Some(Event::Text { .. } | Event::Binary { .. })) => self.sender.heard(true),
            Ok(Some(Event::Ping(payload))) => self.sender.ping_received(payload),
            Ok(Some(Event::Close { code, reason })) => self.sender.close_received(*code, reason),
            Ok(Some(Event::Pong(_)) | None) => {}
            Err(fault) => self.sender.failed(*fault),
        }
    }

    /// Gives back the memory of what is idle: the queue if nothing is queued, and between two compressed messages what
    /// inflates and compresses. What the peer's next message may refer to stays; our own next one begins with an empty
    /// window.
    #[cfg(feature = "deflate")]
    pub fn release(&mut self) {
        self.receiver.release();
        self.sender.release();
    }

    /// The transport gives nothing more to read: the peer closed it, or it broke.
    pub fn receive_eof(&mut self) {
        let eof = self.receiver.receive_eof();
        self.sender.signal(eof);
    }

    /// Two halves for two tasks. The receiving one hands a [`Signal`] to the sending one now and then.
    pub fn split(self) -> (Receiver, Sender) {
        (self.receiver, self.sender)
    }
}

impl Deref for Connection {
    type Target = Sender;

    fn deref(&self) -> &Sender {
        &self.sender
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Sender {
        &mut self.sender
    }
}
