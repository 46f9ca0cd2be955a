use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::event::Event;
use super::held_frame::HeldFrame;
use super::receiver::{Message, Receiver, append_text};
use crate::deflate::{DeflatePool, Direction, Inflater};
use crate::frames::Entered;
use crate::parts::Parts;
use crate::{Data, Delivery, Limits, Opcode, ProtocolError, Text};

/// What inflates the messages of a connection, and the message that is being inflated.
#[derive(Debug, Default)]
pub(super) struct Inflation {
    inflater: Option<Box<Inflater>>,
    /// The window, while there is no inflater that has it.
    window: Vec<u8>,
    message: Option<Inflating>,
    held: HeldFrame,
}

#[derive(Clone, Copy, Debug)]
struct Inflating {
    opcode: Opcode,
    /// The bytes inflated so far.
    len: u64,
    /// All its frames have come.
    ended: bool,
    /// The inflater filled its room: there may be more without any input.
    full: bool,
}

/// What stands behind the output of one step.
#[derive(Clone, Copy)]
enum Behind {
    More,
    End,
    Fault(ProtocolError),
}

impl Receiver {
    /// The next event where messages may be compressed.
    #[inline(never)]
    pub(super) fn inflated_event<'b>(
        &mut self,
        direction: Direction,
        input: &mut &'b mut [u8],
        mut pool: Option<&mut DeflatePool>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        loop {
            let mut data = None;
            // Output comes before all that stands behind its data, such as a header at fault.
            let more_data = self.parts.frames.is_in_data() && !input.is_empty();
            if !self.inflation().is_some_and(|inflation| inflation.owes_output(more_data)) {
                let Some(entered) = self.parts.enter(&self.config.limits, input)? else { return Ok(None) };
                let Some(opcode) = entered.compressed else { return self.plain_event(input) };
                let inflation = self.torn.get_or_insert_default().inflation.get_or_insert_default();
                inflation
                    .begin(opcode, direction, pool.as_deref_mut())
                    .map_err(|fault| self.parts.fail(fault))?;
                data = Some(entered);
            }
            let event = self.inflate(data, input)?;
            if let Some(Event::Text { last: true, .. } | Event::Binary { last: true, .. }) = event {
                self.end_inflating(direction, pool);
                return Ok(event);
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Gives back the memory of what inflates: between messages all but the window.
    pub(super) fn release_inflater(&mut self) {
        let direction = self.parts.deflate;
        if let (Some(direction), Some(inflation)) = (direction, self.inflation_mut()) {
            inflation.release(direction);
        }
        self.let_go();
    }

    fn inflation(&self) -> Option<&Inflation> {
        self.torn.as_ref()?.inflation.as_deref()
    }

    fn inflation_mut(&mut self) -> Option<&mut Inflation> {
        self.torn.as_mut()?.inflation.as_deref_mut()
    }

    /// Inflates what there is of a payload, or what an earlier one left to inflate.
    fn inflate<'b>(
        &mut self,
        data: Option<Entered>,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let Receiver { config, parts, torn } = self;
        let Some(torn) = torn else { return Ok(None) };
        let Some(Inflation { inflater, message, held, .. }) = torn.inflation.as_deref_mut() else {
            return Ok(None);
        };
        let (Some(inflater), Some(message)) = (inflater, message) else { return Ok(None) };
        let limits = &config.limits;
        let data = match data {
            Some(entered) if config.delivery == Delivery::Messages && held.holds(&entered) => {
                let Some(piece) = parts.piece(limits, usize::MAX, input)? else { return Ok(None) };
                held.append(&piece, entered.remaining);
                if !piece.last {
                    return Ok(None);
                }
                message.ended = piece.end;
                None
            }
            data => data,
        };
        // One byte over the limit shows that there is one.
        let room = limits.message.saturating_sub(message.len).saturating_add(1);
        let assembled = if config.delivery == Delivery::Messages { message.len } else { 0 };
        let start = inflater.begin_run(assembled, usize::try_from(room).unwrap_or(usize::MAX));
        let taken = match data {
            Some(entered) => take(parts, inflater, limits, entered, input)?,
            None => held.take(inflater).map(|()| message.ended).map_err(|_| ProtocolError::CorruptDeflate),
        };
        message.full = inflater.is_full();
        let behind = match taken {
            Ok(ended) => {
                message.ended = ended;
                match ended && !message.full {
                    false => Behind::More,
                    true => match inflater.finish() {
                        Ok(()) => Behind::End,
                        Err(_) => Behind::Fault(ProtocolError::CorruptDeflate),
                    },
                }
            }
            Err(fault) => Behind::Fault(fault),
        };
        let run = inflater.run(start);
        let allowed = usize::try_from(limits.message.saturating_sub(message.len)).unwrap_or(usize::MAX);
        let (run, behind) = match run.get(..allowed) {
            Some(within) if within.len() < run.len() => (within, Behind::Fault(ProtocolError::MessageTooBig)),
            _ => (run, behind),
        };
        message.len = message.len.saturating_add(u64::try_from(run.len()).unwrap_or(u64::MAX));
        let event = match config.delivery {
            Delivery::Messages => torn.message.append(message.opcode, run, behind, parts, limits),
            Delivery::Parts => part(message.opcode, run, behind, parts),
        };
        if parts.has_failed() {
            self.torn = None;
        }
        event
    }

    fn end_inflating(&mut self, direction: Direction, pool: Option<&mut DeflatePool>) {
        if let Some(inflation) = self.inflation_mut() {
            inflation.message = None;
            if let Some(pool) = pool.filter(|_| !direction.takeover) {
                if let Some(inflater) = inflation.inflater.take() {
                    pool.put_inflater(inflater);
                }
            }
        }
        self.let_go();
    }
}

impl Inflation {
    /// Nothing is kept in it.
    pub(super) fn is_empty(&self) -> bool {
        self.inflater.is_none() && self.window.is_empty() && self.message.is_none()
    }

    /// Whether there is output to come, or the end of a message, that takes no more data.
    fn owes_output(&self, more_data: bool) -> bool {
        self.message.is_some_and(|message| message.ended || message.full && !more_data)
    }

    /// A payload of this type comes: of a new message, if none is in progress.
    fn begin(
        &mut self,
        opcode: Opcode,
        direction: Direction,
        pool: Option<&mut DeflatePool>,
    ) -> Result<(), ProtocolError> {
        if self.message.is_some() {
            return Ok(());
        }
        match &mut self.inflater {
            Some(_) if direction.takeover => {}
            Some(inflater) => inflater.restart(direction.window),
            None => {
                let mut inflater = match pool.filter(|_| !direction.takeover) {
                    Some(pool) => pool.inflater(direction.window).ok_or(ProtocolError::InflatersExhausted)?,
                    None => Box::new(Inflater::new(direction.window)),
                };
                let window = core::mem::take(&mut self.window);
                inflater.restore(&window).map_err(|_| ProtocolError::CorruptDeflate)?;
                self.inflater = Some(inflater);
            }
        }
        self.message = Some(Inflating { opcode, len: 0, ended: false, full: false });
        Ok(())
    }

    fn release(&mut self, direction: Direction) {
        if self.message.is_some() {
            return;
        }
        if let Some(inflater) = self.inflater.take() {
            if direction.takeover {
                self.window = inflater.window();
            }
        }
    }
}

/// Gives the inflater as much of the payload as it takes, and takes that off the front of the input: a block at a time,
/// since what it leaves is masked again. Whether that was the end of the message. The outer error is one of the frame.
fn take(
    parts: &mut Parts,
    inflater: &mut Inflater,
    limits: &Limits,
    entered: Entered,
    input: &mut &mut [u8],
) -> Result<Result<bool, ProtocolError>, ProtocolError> {
    let block = input.get_mut(..entered.there.min(HeldFrame::MOST)).unwrap_or_default();
    entered.mask.mask(block);
    let Ok(read) = inflater.take(block) else { return Ok(Err(ProtocolError::CorruptDeflate)) };
    entered.mask.turned(read).mask(block.get_mut(read..).unwrap_or_default());
    let piece = parts.piece(limits, read, input)?;
    Ok(Ok(piece.is_some_and(|piece| piece.end)))
}

impl Message {
    /// Puts a message together.
    fn append<'b>(
        &mut self,
        opcode: Opcode,
        run: &[u8],
        behind: Behind,
        parts: &mut Parts,
        limits: &Limits,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        if matches!(self, Message::None) {
            *self = match opcode {
                Opcode::Text => Message::Text(String::new()),
                _ => Message::Binary(Vec::new()),
            };
        }
        match self {
            Message::Text(text) => {
                text.reserve_exact(growth(text.len(), text.capacity(), run.len(), behind, limits));
                if append_text(&mut parts.utf8, run, text).is_err() {
                    return Err(parts.fail(ProtocolError::InvalidUtf8));
                }
            }
            Message::Binary(data) => {
                data.reserve_exact(growth(data.len(), data.capacity(), run.len(), behind, limits));
                data.extend_from_slice(run);
            }
            Message::None => {}
        }
        match behind {
            Behind::More => return Ok(None),
            Behind::Fault(fault) => return Err(parts.fail(fault)),
            Behind::End if !parts.utf8.is_whole() => return Err(parts.fail(ProtocolError::InvalidUtf8)),
            Behind::End => {}
        }
        Ok(match core::mem::take(self) {
            Message::Text(text) => Some(Event::Text { text: Text::given(text), first: true, last: true }),
            Message::Binary(data) => Some(Event::Binary { data: Data::given(data), first: true, last: true }),
            Message::None => None,
        })
    }
}

/// How much to reserve for `more` bytes: if more are to come twice as much as there is, so that each byte is moved a few
/// times at most, but never more than the limit lets the message have.
fn growth(len: usize, capacity: usize, more: usize, behind: Behind, limits: &Limits) -> usize {
    let needed = len.saturating_add(more);
    if needed <= capacity {
        return 0;
    }
    let most = usize::try_from(limits.message).unwrap_or(usize::MAX).max(needed);
    let ahead = if matches!(behind, Behind::More) { needed } else { 0 };
    capacity.max(ahead).saturating_mul(2).clamp(needed, most) - len
}

/// A part of a message. A fault behind it is reported by the next call.
fn part<'b>(
    opcode: Opcode,
    run: &[u8],
    behind: Behind,
    parts: &mut Parts,
) -> Result<Option<Event<'b>>, ProtocolError> {
    let mut text = String::new();
    let mut behind = behind;
    if opcode == Opcode::Text {
        text.reserve_exact(run.len() + 3);
        let judged = append_text(&mut parts.utf8, run, &mut text);
        if judged.is_err() || matches!(behind, Behind::End) && !parts.utf8.is_whole() {
            behind = Behind::Fault(ProtocolError::InvalidUtf8);
        }
    }
    let empty = match opcode {
        Opcode::Text => text.is_empty(),
        _ => run.is_empty(),
    };
    let last = match behind {
        Behind::End => true,
        Behind::More if empty => return Ok(None),
        Behind::More => false,
        Behind::Fault(fault) => {
            let fault = parts.fail(fault);
            if empty {
                return Err(fault);
            }
            false
        }
    };
    let first = core::mem::replace(&mut parts.fresh, last);
    Ok(Some(match opcode {
        Opcode::Text => Event::Text { text: Text::given(text), first, last },
        _ => Event::Binary { data: Data::given(run.to_vec()), first, last },
    }))
}
