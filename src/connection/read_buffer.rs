use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::Connection;
use super::event::Event;
#[cfg(feature = "deflate")]
use crate::DeflatePool;
use crate::{CloseCode, Data, ProtocolError, Text};

/// A buffer to read into, for drivers that hand out one event a call: it keeps the start and the end.
///
/// A driver that returns an event from a loop over its own buffer is refused by the borrow checker. So decoding and
/// lending are two steps here: [`step`](ReadBuffer::step) gives something without a lifetime, and
/// [`lend`](ReadBuffer::lend) makes the event of it on the way out.
///
/// ```
/// use sockless::{Connection, Event, ReadBuffer};
///
/// fn next<'a>(
///     buffer: &'a mut ReadBuffer,
///     connection: &mut Connection,
///     mut read: impl FnMut(&mut [u8]) -> usize,
/// ) -> Option<Event<'a>> {
///     loop {
///         // A fault has queued its Close, to be written, and is the cause of the end.
///         if let Ok(Some(step)) = buffer.step(connection) {
///             return Some(buffer.lend(step));
///         }
///         match read(buffer.space()) {
///             0 => {
///                 connection.receive_eof();
///                 return None;
///             }
///             len => buffer.filled(len),
///         }
///     }
/// }
/// ```
pub struct ReadBuffer {
    bytes: Vec<u8>,
    /// What was read and not yet decoded.
    pending: Range<usize>,
}

/// An event without a lifetime: where it lies in a [`ReadBuffer`], or what was given.
#[derive(Debug)]
#[must_use = "the event is not seen before it is lent"]
pub struct Step(StepKind);

#[derive(Debug)]
enum StepKind {
    Text { text: Place<String>, first: bool, last: bool },
    Binary { data: Place<Vec<u8>>, first: bool, last: bool },
    Ping(Place<Vec<u8>>),
    Pong(Place<Vec<u8>>),
    Close { code: Option<CloseCode>, reason: Place<String> },
}

enum Place<T> {
    Lent(Range<usize>),
    Given(T),
}

impl ReadBuffer {
    /// A buffer of this many bytes; zero counts as one. 16 KiB is a good size.
    pub fn new(capacity: usize) -> ReadBuffer {
        ReadBuffer { bytes: alloc::vec![0; capacity.max(1)], pending: 0..0 }
    }

    /// A buffer with the bytes that came behind the handshake.
    pub fn with_rest(capacity: usize, rest: &[u8]) -> ReadBuffer {
        let mut buffer = ReadBuffer::new(capacity.max(rest.len()));
        for (to, from) in buffer.bytes.iter_mut().zip(rest) {
            *to = *from;
        }
        buffer.filled(rest.len());
        buffer
    }

    /// Where to read into. Never empty once everything was decoded; bytes that were not are kept.
    pub fn space(&mut self) -> &mut [u8] {
        if self.pending.is_empty() {
            self.pending = 0..0;
        }
        self.bytes.get_mut(self.pending.end..).unwrap_or_default()
    }

    /// So many bytes were read into [`space`](ReadBuffer::space); more than it had count as all.
    pub fn filled(&mut self, len: usize) {
        self.pending.end = self.pending.end.saturating_add(len).min(self.bytes.len());
    }

    /// The next event of `connection` from what was read, to be lent at once; `None` when it is used up.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn step(&mut self, connection: &mut Connection) -> Result<Option<Step>, ProtocolError> {
        self.step_by(|input| connection.receive(input))
    }

    /// As [`step`](ReadBuffer::step), with a pool to inflate with.
    ///
    /// # Errors
    /// As [`Connection::receive_with`].
    #[cfg(feature = "deflate")]
    pub fn step_with(
        &mut self,
        connection: &mut Connection,
        pool: &mut DeflatePool,
    ) -> Result<Option<Step>, ProtocolError> {
        self.step_by(|input| connection.receive_with(input, pool))
    }

    fn step_by<'b>(
        &'b mut self,
        receive: impl FnOnce(&mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError>,
    ) -> Result<Option<Step>, ProtocolError> {
        let base = self.bytes.as_ptr().addr();
        let place = |lent: &[u8]| {
            // What is empty may lie anywhere.
            let start = if lent.is_empty() { 0 } else { lent.as_ptr().addr() - base };
            start..start + lent.len()
        };
        let mut input = self.bytes.get_mut(self.pending.clone()).unwrap_or_default();
        let event = receive(&mut input);
        let step = event.map(|event| event.map(|event| Step::new(event, place)));
        self.pending.start = self.pending.end - input.len();
        if step.is_err() {
            // Nothing is read behind a fault: there is space for what the peer still sends.
            self.pending = 0..0;
        }
        step
    }

    /// The event of the step that was just made.
    pub fn lend(&mut self, step: Step) -> Event<'_> {
        match step.0 {
            StepKind::Text { text, first, last } => Event::Text { text: self.text(text), first, last },
            StepKind::Binary { data, first, last } => Event::Binary { data: self.data(data), first, last },
            StepKind::Ping(data) => Event::Ping(self.data(data)),
            StepKind::Pong(data) => Event::Pong(self.data(data)),
            StepKind::Close { code, reason } => Event::Close { code, reason: self.text(reason) },
        }
    }

    fn data(&mut self, place: Place<Vec<u8>>) -> Data<'_> {
        match place {
            Place::Lent(range) => Data::lent(self.bytes.get_mut(range).unwrap_or_default()),
            Place::Given(data) => Data::given(data),
        }
    }

    fn text(&mut self, place: Place<String>) -> Text<'_> {
        match place {
            // Judged a second time: without `unsafe` there is no other way from bytes to text.
            Place::Lent(range) => {
                let bytes = self.bytes.get(range).unwrap_or_default();
                Text::lent(crate::utf8::validate(bytes).unwrap_or_default())
            }
            Place::Given(text) => Text::given(text),
        }
    }
}

impl core::fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ReadBuffer({:?} of {} bytes)", self.pending, self.bytes.len())
    }
}

impl Step {
    fn new(event: Event<'_>, place: impl Fn(&[u8]) -> Range<usize>) -> Step {
        let data = |data: Data<'_>| match data.split() {
            Ok(lent) => Place::Lent(place(lent)),
            Err(given) => Place::Given(given),
        };
        let text = |text: Text<'_>| match text.split() {
            Ok(lent) => Place::Lent(place(lent.as_bytes())),
            Err(given) => Place::Given(given),
        };
        Step(match event {
            Event::Text { text: lent, first, last } => StepKind::Text { text: text(lent), first, last },
            Event::Binary { data: lent, first, last } => StepKind::Binary { data: data(lent), first, last },
            Event::Ping(lent) => StepKind::Ping(data(lent)),
            Event::Pong(lent) => StepKind::Pong(data(lent)),
            Event::Close { code, reason } => StepKind::Close { code, reason: text(reason) },
        })
    }
}

impl<T> core::fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Place::Lent(range) => write!(f, "Lent({range:?})"),
            Place::Given(_) => f.write_str("Given"),
        }
    }
}
