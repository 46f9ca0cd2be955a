use super::fields::{list, named};
use super::head::ResponseHead;
use super::http1::take;
use super::request::HttpVersion;
use alloc::vec::Vec;
use core::fmt;

/// How the end of a response's body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is none.
    None,
    /// It has this many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunked,
    /// It ends with the transport.
    UntilClose,
    /// Nobody can tell: whatever follows is thrown away with the transport (RFC 9112 §6.1, §6.3).
    Faulty,
}

impl ResponseHead {
    /// How the body that follows this head is framed, if it answers a request to open a WebSocket.
    ///
    /// [`Faulty`](BodyFraming::Faulty) for a length that is not a number, for several that differ, and for a transfer
    /// coding in HTTP/1.0.
    pub fn body_framing(&self) -> BodyFraming {
        if matches!(self.status(), 100..=199 | 204 | 304) {
            return BodyFraming::None;
        }
        if let Some(last) = named(self.fields(), "transfer-encoding").flat_map(list).last() {
            if self.version() < HttpVersion::HTTP_11 {
                return BodyFraming::Faulty;
            }
            let chunked = last.eq_ignore_ascii_case(b"chunked");
            return if chunked { BodyFraming::Chunked } else { BodyFraming::UntilClose };
        }
        let mut lengths = named(self.fields(), "content-length").flat_map(list).map(parse_length);
        match lengths.next() {
            Some(Some(length)) if lengths.all(|other| other == Some(length)) => BodyFraming::Length(length),
            None if named(self.fields(), "content-length").next().is_none() => BodyFraming::UntilClose,
            _ => BodyFraming::Faulty,
        }
    }
}

/// Collects the body of a refusal, up to a cap.
///
/// ```
/// use sockless::handshake::{BodyCollector, BodyFraming};
///
/// let mut collector = BodyCollector::new(BodyFraming::Length(5), 1024);
/// let mut received = *b"sorry, and more";
/// let mut input = &mut received[..];
/// let body = collector.receive(&mut input).expect("all five bytes are there");
/// assert_eq!(body.bytes, b"sorry");
/// assert!(!body.truncated);
/// assert_eq!(input, b", and more");
/// ```
pub struct BodyCollector {
    place: Place,
    /// Bytes of extensions and trailers.
    skipped: u16,
    cap: usize,
    bytes: Vec<u8>,
}

/// A body, or as much of it as there is.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The bytes, out of their chunks; any content coding is still on them.
    pub bytes: Vec<u8>,
    /// Whether there was more: beyond the cap, behind the end of the transport, behind a malformed chunk, or behind a
    /// head that does not tell where it ends.
    pub truncated: bool,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.bytes.len())
            .field("truncated", &self.truncated)
            .finish_non_exhaustive()
    }
}

impl BodyCollector {
    /// Collects at most `cap` bytes of a body framed like this.
    pub fn new(framing: BodyFraming, cap: usize) -> BodyCollector {
        let place = match framing {
            BodyFraming::None => Place::End,
            BodyFraming::Length(length) => Place::Data { left: length },
            BodyFraming::Chunked => Place::Size { size: 0, digits: 0 },
            BodyFraming::UntilClose => Place::UntilClose,
            BodyFraming::Faulty => Place::Bad,
        };
        BodyCollector { place, skipped: 0, cap, bytes: Vec::new() }
    }

    /// Takes the body off the front of `input`; gives it once it has ended or the cap is full and more has come.
    ///
    /// `None` means that all of `input` was taken and more is needed.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Option<Body> {
        loop {
            match self.place {
                Place::End | Place::Data { left: 0 } => return Some(self.give(false)),
                Place::Bad => return Some(self.give(true)),
                _ => {}
            }
            let &byte = input.first()?;
            match &mut self.place {
                Place::UntilClose => self.collect(input, u64::MAX),
                Place::Data { left } | Place::Chunk { left: left @ 1.. } => {
                    let left = *left;
                    self.collect(input, left);
                }
                place => {
                    *place = place.step(byte);
                    if matches!(place, Place::Extension { .. } | Place::Trailer { .. }) {
                        self.skipped += 1;
                        if self.skipped > MOST_SKIPPED {
                            self.place = Place::Bad;
                        }
                    }
                    take(input, 1);
                }
            }
        }
    }

    /// The transport has ended: the body that there is.
    pub fn receive_eof(&mut self) -> Body {
        let whole = matches!(self.place, Place::End | Place::UntilClose | Place::Data { left: 0 });
        self.give(!whole)
    }

    fn collect(&mut self, input: &mut &mut [u8], left: u64) {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let kept = length.min(self.cap - self.bytes.len());
        self.bytes.extend_from_slice(input.split_at(kept).0);
        take(input, kept);
        let taken = u64::try_from(kept).unwrap_or(u64::MAX);
        self.place = match self.place {
            _ if kept < length => Place::Bad,
            Place::Data { left } => Place::Data { left: left.saturating_sub(taken) },
            Place::Chunk { left } => Place::Chunk { left: left.saturating_sub(taken) },
            other => other,
        };
    }

    fn give(&mut self, truncated: bool) -> Body {
        self.place = if truncated { Place::Bad } else { Place::End };
        Body { bytes: core::mem::take(&mut self.bytes), truncated }
    }
}

impl fmt::Debug for BodyCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyCollector").field("collected", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Where in the body the next byte stands (RFC 9112 §7.1).
#[derive(Clone, Copy)]
enum Place {
    UntilClose,
    Data {
        left: u64,
    },
    Size {
        size: u64,
        digits: u8,
    },
    /// Blanks and extensions behind a size.
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Chunk {
        left: u64,
    },
    ChunkEnd,
    /// In the lines behind the last chunk.
    Trailer {
        empty: bool,
    },
    TrailerEnd {
        empty: bool,
    },
    End,
    Bad,
}

/// Bytes of the extensions of all chunks, and of all trailers, that are skipped (RFC 9112 §7.1).
const MOST_SKIPPED: u16 = 4096;

impl Place {
    /// The place behind a byte that is no data.
    fn step(self, byte: u8) -> Place {
        match (self, byte) {
            (_, 0x7f) => Place::Bad,
            (Place::Size { size, digits: 1.. }, b'\r') => Place::SizeEnd { size },
            (Place::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => Place::Extension { size },
            (Place::Size { size, digits: digits @ 0..16 }, _) => match char::from(byte).to_digit(16) {
                Some(digit) => Place::Size { size: size << 4 | u64::from(digit), digits: digits + 1 },
                None => Place::Bad,
            },
            (Place::Extension { size }, b'\r') => Place::SizeEnd { size },
            (Place::Extension { size }, b'\t' | b' '..) => Place::Extension { size },
            (Place::SizeEnd { size: 0 }, b'\n') => Place::Trailer { empty: true },
            (Place::SizeEnd { size }, b'\n') => Place::Chunk { left: size },
            (Place::Chunk { .. }, b'\r') => Place::ChunkEnd,
            (Place::ChunkEnd, b'\n') => Place::Size { size: 0, digits: 0 },
            (Place::Trailer { empty }, b'\r') => Place::TrailerEnd { empty },
            (Place::Trailer { .. }, b'\t' | b' '..) => Place::Trailer { empty: false },
            (Place::TrailerEnd { empty: true }, b'\n') => Place::End,
            (Place::TrailerEnd { empty: false }, b'\n') => Place::Trailer { empty: true },
            _ => Place::Bad,
        }
    }
}

fn parse_length(value: &[u8]) -> Option<u64> {
    // `u64::from_str` also takes a plus sign.
    let digits = value.iter().all(u8::is_ascii_digit);
    digits.then(|| core::str::from_utf8(value).ok()?.parse().ok()).flatten()
}
