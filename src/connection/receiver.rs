use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::event::Event;
use super::signal::Signal;
#[cfg(feature = "deflate")]
use crate::deflate::DeflatePool;
use crate::frames::Piece;
use crate::parts::{Part, Parts};
use crate::utf8::validate;
use crate::{Arc, Config, Data, Delivery, Mask, Opcode, ProtocolError, Role, Text, Utf8, parse_close};

/// The receiving half of a connection, to be driven from a task of its own.
///
/// It knows nothing of what is sent. Whatever the sending half has to know comes as a [`Signal`] beside the event.
///
/// ```
/// use sockless::{Config, Connection, Event};
///
/// let (mut receiver, mut sender) = Connection::server(Config::default()).split();
/// let mut wire = *b"\x89\x80\x00\x00\x00\x00";
/// let mut input = &mut wire[..];
/// let received = receiver.receive(&mut input);
/// assert!(matches!(received.event, Ok(Some(Event::Ping(_)))));
/// let wake = received.signal.is_some_and(|signal| sender.signal(signal));
/// assert!(wake && sender.queued() == 2); // the pong
/// ```
#[derive(Debug)]
pub struct Receiver {
    pub(super) config: Arc<Config>,
    pub(super) parts: Parts,
    pub(super) torn: Option<Box<Torn>>,
}

/// What one call of [`Receiver::receive`] gave.
#[derive(Debug)]
#[must_use = "the signal is for the sender"]
pub struct Received<'b> {
    /// The event, as [`Connection::receive`](crate::Connection::receive) would give it.
    pub event: Result<Option<Event<'b>>, ProtocolError>,
    /// What the sender has to know.
    pub signal: Option<Signal>,
}

/// What is being put together because it did not come whole.
#[derive(Debug, Default)]
pub(super) struct Torn {
    pub(super) message: Message,
    control: Option<Vec<u8>>,
    #[cfg(feature = "deflate")]
    pub(super) inflation: Option<Box<super::inflation::Inflation>>,
}

#[derive(Default)]
pub(super) enum Message {
    #[default]
    None,
    Text(String),
    Binary(Vec<u8>),
}

impl Receiver {
    pub(super) fn new(role: Role, config: Arc<Config>) -> Receiver {
        Receiver { config, parts: Parts::new(role), torn: None }
    }

    /// Messages may come compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn inflate_as(&mut self, direction: crate::deflate::Direction) {
        self.parts.claim_rsv1(direction);
    }

    /// Takes the next event off the front of `input`; see [`Connection::receive`](crate::Connection::receive).
    pub fn receive<'b>(&mut self, input: &mut &'b mut [u8]) -> Received<'b> {
        self.received(input, Receiver::event)
    }

    #[inline]
    fn received<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        event: impl FnOnce(&mut Receiver, &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError>,
    ) -> Received<'b> {
        let heard = (!input.is_empty()).then_some(Signal::Heard { message: false });
        let event = match self.whole_message(input) {
            Some(event) => event.map(Some),
            None => event(self, input),
        };
        let signal = match &event {
            Ok(Some(event)) => Some(Signal::of(event)),
            Ok(None) => heard,
            Err(fault) => Some(Signal::Failed(*fault)),
        };
        Received { event, signal }
    }

    /// As [`receive`](Receiver::receive), with a pool to inflate with: see
    /// [`Connection::receive_with`](crate::Connection::receive_with).
    #[cfg(feature = "deflate")]
    pub fn receive_with<'b>(&mut self, input: &mut &'b mut [u8], pool: &mut DeflatePool) -> Received<'b> {
        self.received(input, |receiver, input| receiver.event_with(input, Some(pool)))
    }

    /// Gives back the memory of what inflates, if no message is in progress: all but a window that the next message
    /// may refer to. The next compressed message takes it anew.
    #[cfg(feature = "deflate")]
    pub fn release(&mut self) {
        self.release_inflater();
    }

    /// The transport gives nothing more to read.
    pub fn receive_eof(&mut self) -> Signal {
        self.parts.stop();
        self.torn = None;
        Signal::Eof
    }

    /// A whole message that lies in the input, the short way. `None`: ask for the next [`event`](Receiver::event).
    #[inline]
    pub(super) fn whole_message<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Option<Result<Event<'b>, ProtocolError>> {
        if self.config.delivery == Delivery::Parts {
            return None;
        }
        let (opcode, mask, payload) = self.parts.frames.whole_message(&self.config.limits, input)?;
        Some(self.whole(opcode, mask, payload))
    }

    /// Whether only more input can give another event: between messages, nothing kept, nothing failed.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.parts.frames.is_open() && self.torn.is_none()
    }

    /// The next event, without what the sender has to know.
    #[inline(never)]
    pub(super) fn event<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        #[cfg(feature = "deflate")]
        if self.parts.deflate.is_some() {
            return self.event_with(input, None);
        }
        let event = self.plain_event(input);
        if event.is_err() {
            self.torn = None;
        }
        event
    }

    /// As [`event`](Receiver::event), with a pool to inflate with.
    #[cfg(feature = "deflate")]
    pub(super) fn event_with<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        pool: Option<&mut DeflatePool>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = match self.parts.deflate {
            Some(direction) => self.inflated_event(direction, input, pool),
            None => self.plain_event(input),
        };
        if event.is_err() {
            self.torn = None;
        }
        event
    }

    /// The next event of what is not compressed.
    #[inline]
    pub(super) fn plain_event<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        match self.config.delivery {
            Delivery::Messages => self.message(input),
            Delivery::Parts => self.part(input),
        }
    }

    fn message<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        loop {
            let Some(piece) = self.parts.piece(&self.config.limits, usize::MAX, input)? else {
                return Ok(None);
            };
            let event = if piece.opcode.is_control() {
                self.control(piece)?
            } else if piece.first && piece.end && !self.is_assembling() {
                Some(self.whole(piece.opcode, piece.mask, piece.payload)?)
            } else {
                self.assemble(piece)?
            };
            if event.is_some() || input.is_empty() {
                return Ok(event);
            }
        }
    }

    /// Whether earlier pieces of this message are kept.
    fn is_assembling(&self) -> bool {
        self.torn.as_ref().is_some_and(|torn| !matches!(torn.message, Message::None))
    }

    /// A message that lies whole in the input.
    #[inline]
    fn whole<'b>(
        &mut self,
        opcode: Opcode,
        mask: Mask,
        payload: &'b mut [u8],
    ) -> Result<Event<'b>, ProtocolError> {
        mask.mask(payload);
        if opcode == Opcode::Binary {
            return Ok(Event::Binary { data: Data::lent(payload), first: true, last: true });
        }
        match validate(payload) {
            Ok(text) => Ok(Event::Text { text: Text::lent(text), first: true, last: true }),
            Err(_) => Err(self.parts.fail(ProtocolError::InvalidUtf8)),
        }
    }

    /// A message in several pieces, appended as they come.
    #[inline(always)]
    fn assemble<'b>(&mut self, piece: Piece<'b>) -> Result<Option<Event<'b>>, ProtocolError> {
        let Piece { opcode, payload, mask, end, .. } = piece;
        let to_come = self.parts.frames.to_come(&self.config.limits);
        let message = &mut self.torn.get_or_insert_default().message;
        if matches!(message, Message::None) {
            *message = match opcode {
                Opcode::Text => Message::Text(String::new()),
                _ => Message::Binary(Vec::new()),
            };
        }
        match message {
            Message::Text(text) => {
                mask.mask(payload);
                text.reserve_exact(room(text.len(), text.capacity(), payload.len(), to_come));
                if append_text(&mut self.parts.utf8, payload, text).is_err()
                    || end && !self.parts.utf8.is_whole()
                {
                    return Err(self.parts.fail(ProtocolError::InvalidUtf8));
                }
            }
            Message::Binary(data) => {
                data.reserve_exact(room(data.len(), data.capacity(), payload.len(), to_come));
                mask.append(payload, data);
            }
            Message::None => {}
        }
        if !end {
            return Ok(None);
        }
        let event = match core::mem::take(message) {
            Message::Text(text) => Event::Text { text: Text::given(text), first: true, last: true },
            Message::Binary(data) => Event::Binary { data: Data::given(data), first: true, last: true },
            Message::None => return Ok(None),
        };
        self.let_go();
        Ok(Some(event))
    }

    fn part<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        loop {
            return Ok(Some(match self.parts.next(&self.config.limits, input)? {
                None => return Ok(None),
                Some(Part::Text { text, first, last }) => Event::Text { text, first, last },
                Some(Part::Binary { data, first, last }) => Event::Binary { data, first, last },
                Some(Part::Control(piece)) => match self.control(piece)? {
                    Some(event) => event,
                    None => continue,
                },
            }));
        }
    }

    #[cold]
    fn control<'b>(&mut self, piece: Piece<'b>) -> Result<Option<Event<'b>>, ProtocolError> {
        let Piece { opcode, payload, mut mask, first, last, .. } = piece;
        mask.apply(payload);
        if first && last {
            return match opcode {
                Opcode::Ping => Ok(Some(Event::Ping(Data::lent(payload)))),
                Opcode::Pong => Ok(Some(Event::Pong(Data::lent(payload)))),
                _ => {
                    let (code, reason) = parse_close(payload).map_err(|fault| self.parts.fail(fault))?;
                    self.finish();
                    Ok(Some(Event::Close { code, reason: Text::lent(reason) }))
                }
            };
        }
        let torn = self.torn.get_or_insert_default();
        torn.control.get_or_insert_default().extend_from_slice(payload);
        if !last {
            return Ok(None);
        }
        let payload = torn.control.take().unwrap_or_default();
        self.let_go();
        Ok(Some(match opcode {
            Opcode::Ping => Event::Ping(Data::given(payload)),
            Opcode::Pong => Event::Pong(Data::given(payload)),
            _ => {
                let (code, reason) = parse_close(&payload).map_err(|fault| self.parts.fail(fault))?;
                let reason = Text::given(reason.into());
                self.finish();
                Event::Close { code, reason }
            }
        }))
    }

    /// Gives back the memory of what was torn, if nothing is any more.
    pub(super) fn let_go(&mut self) {
        if self.torn.as_deref_mut().is_some_and(Torn::is_empty) {
            self.torn = None;
        }
    }

    /// A Close came: the message in progress will not be finished.
    fn finish(&mut self) {
        self.parts.stop();
        self.torn = None;
    }
}

impl Torn {
    fn is_empty(&mut self) -> bool {
        #[cfg(feature = "deflate")]
        {
            self.inflation.take_if(|inflation| inflation.is_empty());
            if self.inflation.is_some() {
                return false;
            }
        }
        matches!(self.message, Message::None) && self.control.is_none()
    }
}

impl core::fmt::Debug for Message {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (kind, len) = match self {
            Message::None => ("None", 0),
            Message::Text(text) => ("Text", text.len()),
            Message::Binary(data) => ("Binary", data.len()),
        };
        write!(f, "{kind}({len} bytes)")
    }
}

/// The room to reserve for a piece of `len` bytes: when there is too little, up to three times what has come, but no
/// more than is to come. What was announced alone reserves nothing.
pub(super) fn room(there: usize, capacity: usize, len: usize, to_come: u64) -> usize {
    let needed = there.saturating_add(len);
    if needed <= capacity {
        return len;
    }
    let ahead = needed.saturating_mul(3);
    len.saturating_add(usize::try_from(to_come).map_or(ahead, |to_come| to_come.min(ahead)))
}

/// Text is judged and copied so much at a time: what was judged is near when it is copied.
const PIECE: usize = 16 << 10;

pub(super) fn append_text(
    utf8: &mut Utf8,
    payload: &[u8],
    text: &mut String,
) -> Result<(), crate::InvalidUtf8> {
    for mut piece in payload.chunks(PIECE) {
        while let Some(valid) = utf8.next(&mut piece)? {
            text.push_str(&valid);
        }
    }
    Ok(())
}
