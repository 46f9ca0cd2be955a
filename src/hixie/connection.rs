use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::dialect::Dialect;
use super::frames::{Frames, InvalidText, Part};
use crate::connection::Outbox;
use crate::deadline::Waiting;
use crate::endpoint::{Endpoint, Owed};
use crate::utf8::validate;
use crate::{
    Arc, CloseCode, CloseReason, Config, Delivery, End, Event, Moment, Output, Payload, ProtocolError, Role,
    SendError, Text, Timeouts, Transport,
};

/// A WebSocket connection in hixie-75 or hixie-76, after the handshake: bytes in, events out; calls in, bytes out.
///
/// It gives the same [`Event`]s as a [`Connection`](crate::Connection), but text and, in hixie-76, Close alone, and
/// takes the same calls. What it cannot send is refused with [`NotInDialect`](SendError::NotInDialect). Of the
/// [`Config`], pings and fragments mean nothing here.
///
/// * hixie-76 closes with `FF 00` each way, which has neither code nor reason: the [`End`] of a clean one has 1005.
/// * hixie-75 has no closing handshake, so its end is never clean: our [`close`](Connection::close) ends the
///   transport, as [`transport`](Connection::transport) says.
/// * A fault of the peer ends the transport without a closing frame (hixie-76 §6).
///
/// ```
/// use bytes::Buf;
/// use sockless::hixie::{Connection, Dialect, InvalidText};
/// use sockless::{Config, Event, SendError};
///
/// let mut connection = Connection::server(Dialect::Hixie76, Config::default(), InvalidText::Replace);
/// let mut read = *b"\0Hello\xff";
/// let mut input = &mut read[..];
/// while let Some(event) = connection.receive(&mut input)? {
///     if let Event::Text { text, .. } = event {
///         connection.text(text).map_err(SendError::from)?;
///     }
/// }
/// assert_eq!(connection.binary(b"..."), Err(SendError::NotInDialect));
/// assert_eq!(connection.output().chunk(), b"\0Hello\xff");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    dialect: Dialect,
    frames: Frames,
    /// A text that did not come whole.
    torn: Torn,
    endpoint: Endpoint,
    outbox: Option<Box<Outbox>>,
}

#[derive(Default)]
struct Torn(String);

impl Connection {
    /// A server's connection, from the first byte behind the handshake. A dialect that is not hixie-75 counts as
    /// hixie-76.
    pub fn server(dialect: Dialect, config: impl Into<Arc<Config>>, invalid_text: InvalidText) -> Connection {
        Connection::new(Role::Server, dialect, config.into(), invalid_text)
    }

    /// A client's connection, from the first byte behind the handshake. A dialect that is not hixie-75 counts as
    /// hixie-76.
    pub fn client(dialect: Dialect, config: impl Into<Arc<Config>>) -> Connection {
        Connection::new(Role::Client, dialect, config.into(), InvalidText::Replace)
    }

    /// A server's connection whose handshake has still to be answered, with these bytes.
    pub(super) fn answered(mut self, response: Vec<u8>) -> Connection {
        self.outbox().push_head(response.into());
        self
    }

    fn new(role: Role, dialect: Dialect, config: Arc<Config>, invalid_text: InvalidText) -> Connection {
        let dialect = if dialect == Dialect::Hixie75 { dialect } else { Dialect::Hixie76 };
        Connection {
            config,
            dialect,
            frames: Frames::new(dialect == Dialect::Hixie76, invalid_text),
            torn: Torn::default(),
            endpoint: Endpoint::new(role),
            outbox: None,
        }
    }

    /// Hixie-75 or hixie-76.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Takes the next event off the front of `input`; the laws of
    /// [`Connection::receive`](crate::Connection::receive) hold.
    ///
    /// Frames of types that the dialect does not know are dropped and counted: [`dropped`](Connection::dropped).
    ///
    /// # Errors
    /// [`MessageTooBig`](ProtocolError::MessageTooBig) for a text, or a frame of an unknown type, over the limit;
    /// [`FrameTooBig`](ProtocolError::FrameTooBig) for an announced length over it;
    /// [`InvalidUtf8`](ProtocolError::InvalidUtf8) if text is refused for that. Now and on every later call.
    pub fn receive<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = match self.config.delivery {
            Delivery::Messages => self.message(input),
            Delivery::Parts => self.frames.next(&self.config.limits, input).map(|part| part.map(event)),
        };
        match &event {
            Ok(None) => {}
            Ok(Some(Event::Close { .. })) => {
                self.torn = Torn::default();
                if self.endpoint.close_received(&self.config, None).is_some() {
                    self.push_close();
                }
            }
            Ok(Some(_)) => self.endpoint.noted.active = true,
            Err(fault) => {
                self.torn = Torn::default();
                if !self.endpoint.closing.failed() {
                    // The Close that RFC 6455 would have is none of these dialects'.
                    let _ = self.endpoint.failed(*fault);
                }
            }
        }
        event
    }

    /// The transport gives nothing more to read: the peer closed it, or it broke.
    pub fn receive_eof(&mut self) {
        self.frames.stop();
        self.torn = Torn::default();
        self.endpoint.closing.end();
    }

    /// The frames received so far whose types the dialect does not know (hixie-76 §4.2): length-prefixed ones, and
    /// those of types 01 to 7F.
    pub fn dropped(&self) -> u64 {
        self.frames.dropped()
    }

    /// Queues a text message.
    ///
    /// # Errors
    /// The payload comes back with [`Closed`](SendError::Closed), [`Full`](SendError::Full), or
    /// [`NotUtf8`](SendError::NotUtf8) if it was bytes.
    pub fn text<P: Payload>(&mut self, text: P) -> Result<(), P::Refused> {
        match self.check_text(&text) {
            Ok(()) => {
                self.endpoint.noted.active = true;
                self.outbox().push_opaque(&[&[0], text.bytes(), &[0xff]]);
                Ok(())
            }
            Err(error) => Err(text.refuse(error)),
        }
    }

    /// Queues nothing: the dialect has no binary messages.
    ///
    /// # Errors
    /// Always; the payload comes back with [`NotInDialect`](SendError::NotInDialect).
    pub fn binary<P: Payload>(&mut self, data: P) -> Result<(), P::Refused> {
        Err(data.refuse(SendError::NotInDialect))
    }

    /// Queues nothing: the dialect has no pings.
    ///
    /// # Errors
    /// Always: [`NotInDialect`](SendError::NotInDialect).
    pub fn ping(&mut self, _payload: &[u8]) -> Result<(), SendError> {
        Err(SendError::NotInDialect)
    }

    /// Queues nothing: the dialect has no pongs.
    ///
    /// # Errors
    /// Always: [`NotInDialect`](SendError::NotInDialect).
    pub fn pong(&mut self, _payload: &[u8]) -> Result<(), SendError> {
        Err(SendError::NotInDialect)
    }

    /// Closes behind everything that was accepted: with `FF 00` in hixie-76, with the end of the transport in
    /// hixie-75. Nothing is accepted after it.
    ///
    /// Code and reason are judged as those of [`Sender::close`](crate::Sender::close), so that one caller serves all
    /// dialects, but neither goes out: these have no place for them.
    ///
    /// # Errors
    /// As [`Sender::close`](crate::Sender::close).
    pub fn close(&mut self, code: Option<CloseCode>, reason: &str) -> Result<(), SendError> {
        self.endpoint.close(code, reason)?;
        self.endpoint.closing.send();
        self.push_close();
        Ok(())
    }

    /// Whether the queue is below its mark: as long as it is, no text is [`Full`](SendError::Full).
    pub fn has_room(&self) -> bool {
        self.config.check_room(self.queued()).is_ok()
    }

    /// The bytes of output that wait to be written.
    pub fn queued(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// The output that waits, as a [`Buf`](bytes::Buf): write its chunks, then advance it by what was written.
    pub fn output(&mut self) -> Output<'_> {
        Output::new(self.outbox.as_deref_mut(), &mut self.endpoint.noted.since)
    }

    /// What is to be done with the transport, once everything queued is written.
    pub fn transport(&self) -> Transport {
        let queued = self.queued() > 0;
        match self.endpoint.transport(queued) {
            Transport::Keep if self.dialect == Dialect::Hixie75 && self.endpoint.closing.sent && !queued => {
                Transport::ShutdownWrite
            }
            verdict => verdict,
        }
    }

    /// How the connection ended, as [`Sender::end`](crate::Sender::end). There is never a reason.
    pub fn end(&mut self) -> Option<End> {
        self.endpoint.end(CloseReason::EMPTY, self.waiting())
    }

    /// When [`handle_timeout`](Connection::handle_timeout) wants to be called next, if at all; as
    /// [`Sender::poll_timeout`](crate::Sender::poll_timeout).
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.endpoint.poll_timeout(now, &self.without_pings(), self.waiting())
    }

    /// Does what is due at `now`; calling early or twice does no harm. There may be output afterwards.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some(due) = self.endpoint.due(now, &self.without_pings(), self.waiting()) {
            if let Owed::Close(_) = due {
                self.push_close();
            }
        }
    }

    /// Gives back the memory of the queue if nothing is queued; the next frame takes it anew.
    pub fn release(&mut self) {
        if self.queued() == 0 {
            self.outbox = None;
        }
    }

    /// The next event where messages are put together.
    fn message<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        while let Some(part) = self.frames.next(&self.config.limits, input)? {
            match part {
                Part::Text { text, first: false, last } => {
                    self.torn.0.push_str(&text);
                    if last {
                        let text = Text::given(core::mem::take(&mut self.torn.0));
                        return Ok(Some(Event::Text { text, first: true, last: true }));
                    }
                }
                Part::Text { text, last: false, .. } => self.torn.0.push_str(&text),
                whole => return Ok(Some(event(whole))),
            }
        }
        Ok(None)
    }

    fn check_text<P: Payload>(&self, text: &P) -> Result<(), SendError> {
        self.check_room()?;
        if !P::TEXT && validate(text.bytes()).is_err() {
            return Err(SendError::NotUtf8);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), SendError> {
        self.endpoint.check_first()?;
        self.config.check_room(self.queued())
    }

    fn push_close(&mut self) {
        if self.dialect == Dialect::Hixie76 {
            self.outbox().push_opaque(&[&[0xff, 0]]);
            self.outbox().watch_last();
        }
    }

    fn waiting(&self) -> Waiting {
        let watched = self.outbox.as_ref().is_some_and(|outbox| outbox.holds_watched());
        Waiting { output: self.queued() > 0, watched }
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_default()
    }

    /// There is nothing to ask a silent peer with.
    fn without_pings(&self) -> Config {
        let timeouts = Timeouts { ping_interval: None, ..self.config.timeouts };
        self.config.timeouts(timeouts)
    }
}

impl core::fmt::Debug for Torn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Torn({} bytes)", self.0.len())
    }
}

fn event(part: Part<'_>) -> Event<'_> {
    match part {
        Part::Text { text, first, last } => Event::Text { text, first, last },
        Part::Close => Event::Close { code: None, reason: Text::lent("") },
    }
}
