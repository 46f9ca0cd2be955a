use crate::handshake::take;
use crate::{Limits, ProtocolError, Text, Utf8};

/// What becomes of text that is not UTF-8.
///
/// A client always replaces (hixie-76 §4.3); a server may choose (hixie-76 §5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InvalidText {
    /// Each part that cannot be a character becomes U+FFFD, by the rule of `String::from_utf8_lossy`.
    #[default]
    Replace,
    /// It fails the connection with [`InvalidUtf8`](ProtocolError::InvalidUtf8).
    Refuse,
}

/// Takes frames apart (hixie-76 §4.2, §5.3).
///
/// ```text
/// 00 … FF             text
/// 01..7F … FF         of an unknown type: dropped
/// 80..FF length …     likewise; the length in digits of seven bits, more to come while the top bit is set
/// FF 00               the closing handshake, where the dialect has one
/// ```
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    /// Whether `FF 00` closes.
    closes: bool,
    invalid: InvalidText,
    /// Of the text in progress.
    utf8: Utf8,
    /// What the frame in progress counts as so far: its bytes, and two for each replacement.
    size: u64,
    /// No part of the text in progress was given yet.
    fresh: bool,
    dropped: u64,
    /// Reported on every call behind it.
    failed: Option<ProtocolError>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Between,
    Text,
    /// In a frame that ends where text would.
    Unknown,
    Length {
        length: u64,
        closing: bool,
    },
    Skipped {
        left: u64,
    },
    /// What comes is taken and thrown away.
    Stopped,
}

/// What comes of frames.
pub(super) enum Part<'b> {
    Text { text: Text<'b>, first: bool, last: bool },
    Close,
}

/// The byte behind text; no UTF-8 has it.
const END: u8 = 0xff;

impl Frames {
    pub(super) fn new(closes: bool, invalid: InvalidText) -> Frames {
        Frames {
            state: State::Between,
            closes,
            invalid,
            utf8: Utf8::new(),
            size: 0,
            fresh: true,
            dropped: 0,
            failed: None,
        }
    }

    /// The frames that were dropped, their types being unknown.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Nothing more is to be read.
    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Takes the next part off the front of `input`. `None`: all of it was taken.
    pub(super) fn next<'b>(
        &mut self,
        limits: &Limits,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Part<'b>>, ProtocolError> {
        loop {
            let Some(&byte) = input.first() else { return self.failed.map_or(Ok(None), Err) };
            match self.state {
                State::Between => {
                    take(input, 1);
                    self.begin(byte);
                }
                State::Text => {
                    if let Some(part) = self.text(limits, byte, input)? {
                        return Ok(Some(part));
                    }
                }
                State::Unknown => self.unknown(limits, input)?,
                State::Length { length, closing } => {
                    take(input, 1);
                    if self.length(limits, length, closing, byte)? {
                        return Ok(Some(Part::Close));
                    }
                }
                State::Skipped { left } => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    take(input, length);
                    self.skip(left.saturating_sub(size(length)));
                }
                State::Stopped => take(input, input.len()),
            }
        }
    }

    fn begin(&mut self, kind: u8) {
        self.size = 0;
        self.state = match kind {
            0 => State::Text,
            1..0x80 => {
                self.dropped = self.dropped.saturating_add(1);
                State::Unknown
            }
            _ => State::Length { length: 0, closing: self.closes && kind == END },
        };
    }

    /// The next part of a text, which goes on with `byte`.
    fn text<'b>(
        &mut self,
        limits: &Limits,
        byte: u8,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Part<'b>>, ProtocolError> {
        if byte == END {
            let whole = self.utf8.is_whole();
            let text = if whole { Text::lent("") } else { self.replacement(limits)? };
            return Ok(Some(self.part(text, input)));
        }
        let room = most(limits).saturating_sub(self.size);
        if room == 0 {
            return Err(self.fail(ProtocolError::MessageTooBig));
        }
        if !self.utf8.is_whole() {
            return self.straddler(limits, byte, input);
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(input.len());
        let window = input.get(..room).unwrap_or_default();
        match core::str::from_utf8(window).map_err(|fault| (fault.valid_up_to(), fault.error_len())) {
            Ok(_) => Ok(Some(self.valid(room, input))),
            Err((valid @ 1.., _)) => Ok(Some(self.valid(valid, input))),
            Err((_, Some(invalid))) => {
                self.take(invalid, input);
                let text = self.replacement(limits)?;
                Ok(Some(self.part(text, input)))
            }
            Err((_, None)) => {
                // The first bytes of a character, which the state keeps.
                let kept = self.utf8.next(&mut &*window);
                debug_assert!(matches!(kept, Ok(None)));
                self.take(room, input);
                Ok(None)
            }
        }
    }

    /// Goes on with a character that was cut.
    fn straddler<'b>(
        &mut self,
        limits: &Limits,
        byte: u8,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Part<'b>>, ProtocolError> {
        let text = match self.utf8.next(&mut &[byte][..]) {
            Ok(text) => {
                self.take(1, input);
                text.and_then(|text| Text::straddler(&text))
            }
            // The byte stays: it may begin something of its own.
            Err(_) => Some(self.replacement(limits)?),
        };
        Ok(text.map(|text| self.part(text, input)))
    }

    /// The first bytes of `input`, which were found valid.
    fn valid<'b>(&mut self, length: usize, input: &mut &'b mut [u8]) -> Part<'b> {
        self.size = self.size.saturating_add(size(length));
        let (text, rest) = core::mem::take(input).split_at_mut(length);
        *input = rest;
        // Judged a second time: the first one only borrowed.
        let text = core::str::from_utf8(text).unwrap_or_default();
        self.part(Text::lent(text), input)
    }

    /// What stands for bytes that are no character, if the policy has it.
    fn replacement(&mut self, limits: &Limits) -> Result<Text<'static>, ProtocolError> {
        self.utf8 = Utf8::new();
        if self.invalid == InvalidText::Refuse {
            return Err(self.fail(ProtocolError::InvalidUtf8));
        }
        // It is longer than what it replaces, by two bytes at most.
        self.size = self.size.saturating_add(2);
        if self.size > most(limits) {
            return Err(self.fail(ProtocolError::MessageTooBig));
        }
        Ok(Text::lent("\u{fffd}"))
    }

    /// A part of the text, the last if the end of the frame follows it.
    fn part<'b>(&mut self, text: Text<'b>, input: &mut &'b mut [u8]) -> Part<'b> {
        let last = self.utf8.is_whole() && input.first() == Some(&END);
        if last {
            take(input, 1);
            self.state = State::Between;
        }
        let first = core::mem::replace(&mut self.fresh, last);
        Part::Text { text, first, last }
    }

    fn unknown(&mut self, limits: &Limits, input: &mut &mut [u8]) -> Result<(), ProtocolError> {
        let end = input.iter().position(|&byte| byte == END);
        let length = end.unwrap_or(input.len());
        self.take(length, input);
        if self.size > most(limits) {
            return Err(self.fail(ProtocolError::MessageTooBig));
        }
        if end.is_some() {
            take(input, 1);
            self.state = State::Between;
        }
        Ok(())
    }

    /// A digit of a length. Whether that is the closing handshake.
    fn length(
        &mut self,
        limits: &Limits,
        length: u64,
        closing: bool,
        byte: u8,
    ) -> Result<bool, ProtocolError> {
        // Leading zeros are allowed, so the count of digits bounds nothing; the value does, checked at each.
        let length = length.checked_mul(128).and_then(|length| length.checked_add(u64::from(byte & 0x7f)));
        let Some(length) = length.filter(|&length| length <= limits.frame) else {
            return Err(self.fail(ProtocolError::FrameTooBig));
        };
        if byte & 0x80 != 0 {
            self.state = State::Length { length, closing };
            return Ok(false);
        }
        if closing && length == 0 {
            self.stop();
            return Ok(true);
        }
        self.dropped = self.dropped.saturating_add(1);
        self.skip(length);
        Ok(false)
    }

    fn skip(&mut self, left: u64) {
        self.state = if left == 0 { State::Between } else { State::Skipped { left } };
    }

    /// Takes bytes of the frame in progress, and counts them.
    fn take(&mut self, length: usize, input: &mut &mut [u8]) {
        self.size = self.size.saturating_add(size(length));
        take(input, length);
    }

    /// Makes a fault stick.
    #[cold]
    fn fail(&mut self, fault: ProtocolError) -> ProtocolError {
        self.stop();
        *self.failed.get_or_insert(fault)
    }
}

/// The most that a frame may count as: it is a message, too.
fn most(limits: &Limits) -> u64 {
    limits.message.min(limits.frame)
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
