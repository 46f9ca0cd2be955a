use core::fmt;

use crate::Text;

/// Judges text that comes in pieces: a fault is found at the first byte that cannot be part of valid UTF-8
/// (RFC 6455 §8.1), wherever the text is cut.
///
/// Four bytes of state: the beginning of a character that the last piece ended in. A byte order mark is an ordinary
/// character (RFC 3629 §6).
///
/// ```
/// use sockless::Utf8;
///
/// let mut utf8 = Utf8::new();
/// let mut piece = &b"na\xc3"[..];
/// assert_eq!(&*utf8.next(&mut piece)?.unwrap(), "na");
/// let mut piece = &b"\xafve"[..];
/// assert_eq!(&*utf8.next(&mut piece)?.unwrap(), "ï");
/// assert_eq!(&*utf8.next(&mut piece)?.unwrap(), "ve");
/// assert!(utf8.is_whole());
/// # Ok::<(), sockless::InvalidUtf8>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Utf8 {
    /// The first bytes of a character, so far possible; the others are zero.
    begun: [u8; 3],
    len: u8,
}

/// A byte that cannot be part of valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidUtf8;

impl Utf8 {
    /// At the beginning of a text.
    pub const fn new() -> Utf8 {
        Utf8 { begun: [0; 3], len: 0 }
    }

    /// Takes the next valid text off the front of `input`.
    ///
    /// A character that began in an earlier piece comes by itself. Otherwise it is all up to the end, to a character
    /// cut there (kept here), or to a fault (left in `input`, reported by the next call). `Ok(None)` says that
    /// `input` is used up.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when the first byte of `input` is the fault. It stays there.
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Text<'b>>, InvalidUtf8> {
        if self.len > 0 {
            return self.straddler(input);
        }
        let whole = input.len() - cut_character(input);
        let (text, tail) = input.split_at(whole);
        let text = match validate(text) {
            Ok(text) => {
                self.keep(tail);
                *input = &[];
                text
            }
            Err(_) => {
                let valid = match core::str::from_utf8(text) {
                    Ok(_) => text.len(),
                    Err(fault) => fault.valid_up_to(),
                };
                let (valid, rest) = input.split_at(valid);
                *input = rest;
                match core::str::from_utf8(valid) {
                    Ok("") | Err(_) => return Err(InvalidUtf8),
                    Ok(text) => text,
                }
            }
        };
        Ok(if text.is_empty() { None } else { Some(Text::lent(text)) })
    }

    /// Whether the text so far ends with a whole character: at the end of a message it has to.
    pub const fn is_whole(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the character begun may need yet: 0 if none was begun, else 1 to 3.
    pub(crate) fn missing(&self) -> usize {
        match self.begun {
            [0, ..] => 0,
            [lead, ..] => character_len(lead).saturating_sub(usize::from(self.len)),
        }
    }

    /// Goes on with the character that began in an earlier piece.
    #[cold]
    fn straddler<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Text<'b>>, InvalidUtf8> {
        while let Some((&byte, rest)) = input.split_first() {
            let mut bytes = [0; 4];
            let len = usize::from(self.len);
            for (to, from) in bytes.iter_mut().zip(self.begun.iter().take(len).chain([&byte])) {
                *to = *from;
            }
            let character = bytes.get(..len + 1).unwrap_or_default();
            match core::str::from_utf8(character) {
                Ok(character) => {
                    *input = rest;
                    *self = Utf8::new();
                    return Ok(Text::straddler(character));
                }
                Err(fault) if fault.error_len().is_some() => return Err(InvalidUtf8),
                Err(_) => self.keep(character),
            }
            *input = rest;
        }
        Ok(None)
    }

    fn keep(&mut self, begun: &[u8]) {
        *self = Utf8::new();
        for (to, from) in self.begun.iter_mut().zip(begun) {
            *to = *from;
            self.len += 1;
        }
    }
}

impl fmt::Debug for Utf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Utf8").field("begun", &self.len).finish_non_exhaustive()
    }
}

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not UTF-8")
    }
}

impl core::error::Error for InvalidUtf8 {}

/// Validates text that is whole, in one pass.
#[inline]
pub(crate) fn validate(text: &[u8]) -> Result<&str, InvalidUtf8> {
    #[cfg(feature = "std")]
    if text.len() >= SIMD_FROM {
        return simdutf8::basic::from_utf8(text).map_err(|_| InvalidUtf8);
    }
    core::str::from_utf8(text).map_err(|_| InvalidUtf8)
}

/// From this length on the SIMD validator's set-up pays.
#[cfg(feature = "std")]
const SIMD_FROM: usize = 128;

/// How many bytes at the end of `text` begin a character that could yet become valid: 0 to 3.
///
/// ```text
/// … 61 e2 82 |        the character's first two bytes of three: 2
/// … 61 e2 41 |        a fault, not a cut: 0, and validation will find it
/// ```
#[inline]
fn cut_character(text: &[u8]) -> usize {
    match text.last() {
        Some(last) if !last.is_ascii() => {}
        _ => return 0,
    }
    for len in 1..=text.len().min(3) {
        let (_, tail) = text.split_at(text.len() - len);
        if tail.first().is_some_and(|&byte| is_lead(byte)) {
            let cut = core::str::from_utf8(tail).err().is_some_and(|fault| {
                // A cut has no error length; something valid before it would mean that the lead byte is not first.
                fault.error_len().is_none() && fault.valid_up_to() == 0
            });
            return if cut { len } else { 0 };
        }
    }
    0
}

/// Whether a character can begin with this byte: not a continuation byte.
fn is_lead(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// The length of the character that this byte begins.
fn character_len(lead: u8) -> usize {
    match lead {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
        _ => 1,
    }
}
