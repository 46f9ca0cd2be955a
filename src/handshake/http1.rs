//! The head of an HTTP/1.1 message, found in input that comes in any pieces (RFC 9112 §2.2).

use super::head::{Head, Span, StartLine};
use super::limits::HandshakeLimits;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use httparse::{EMPTY_HEADER, Header, Status};

/// Why no head comes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    Line,
    LineTooLong,
    TooLarge,
    TooManyFields,
    Fields,
}

/// Puts a head together; the same comes out however the input is cut.
///
/// What is wrong with the first line is said at that line's end, with the rest at the end of the head, and a limit is
/// judged at the byte that exceeds it.
pub(super) struct HeadReader<L> {
    /// What has come, while no head has been whole.
    held: Vec<u8>,
    /// How much of it has been looked at.
    scanned: usize,
    line_start: usize,
    empty_lines: usize,
    /// The first line and its place.
    line: Option<(L, Range<usize>)>,
    fields: usize,
    folded: bool,
}

impl<L: StartLine> HeadReader<L> {
    pub(super) const fn new() -> HeadReader<L> {
        HeadReader {
            held: Vec::new(),
            scanned: 0,
            line_start: 0,
            empty_lines: 0,
            line: None,
            fields: 0,
            folded: false,
        }
    }

    /// Takes a head off the front of `input`, or all of it if the head does not end there.
    pub(super) fn read(
        &mut self,
        input: &mut &mut [u8],
        limits: &HandshakeLimits,
    ) -> Result<Option<Head<L>>, HeadFault> {
        if input.is_empty() {
            return Ok(None);
        }
        if self.held.is_empty() {
            if let Some(head) = read_whole(input, limits) {
                take(input, head.bytes.len());
                return Ok(Some(head));
            }
        }
        let before = self.held.len();
        let taken = input.len().min(limits.head.saturating_sub(before));
        self.held.extend_from_slice(input.split_at(taken).0);
        match self.scan(limits)? {
            Some(end) => {
                take(input, end - before);
                self.held.truncate(end);
                core::mem::replace(self, HeadReader::new()).finish().map(Some)
            }
            None if self.held.len() >= limits.head => Err(HeadFault::TooLarge),
            None => {
                take(input, taken);
                Ok(None)
            }
        }
    }

    /// Looks at what has come since, line by line; the end of the head, if it is there.
    fn scan(&mut self, limits: &HandshakeLimits) -> Result<Option<usize>, HeadFault> {
        while let Some(length) = self.held.get(self.scanned..).and_then(find_line_feed) {
            let start = self.line_start;
            let end = self.scanned + length + 1;
            self.scanned = end;
            self.line_start = end;
            let line = self.held.get(start..end).unwrap_or_default();
            let empty = matches!(line, b"\n" | b"\r\n");
            match &self.line {
                None if line == b"\r\n" && self.empty_lines < L::EMPTY_LINES => self.empty_lines += 1,
                None if line.len() > limits.line => return Err(HeadFault::LineTooLong),
                None => self.line = Some((L::parse(line).ok_or(HeadFault::Line)?, start..end)),
                Some(_) if empty => return Ok(Some(end)),
                Some(_) if self.fields == limits.fields => return Err(HeadFault::TooManyFields),
                Some(_) => {
                    self.folded |= matches!(line, [b' ' | b'\t', ..]);
                    self.fields += 1;
                }
            }
        }
        self.scanned = self.held.len();
        if self.line.is_none() && self.held.len() - self.line_start > limits.line {
            return Err(HeadFault::LineTooLong);
        }
        Ok(None)
    }

    fn finish(mut self) -> Result<Head<L>, HeadFault> {
        let (line, place) = self.line.ok_or(HeadFault::Line)?;
        self.held.drain(..place.start);
        if self.folded && L::UNFOLDS {
            unfold(&mut self.held, place.len());
        }
        let (end, spans) = parse_fields(&self.held, place.len(), self.fields).ok_or(HeadFault::Fields)?;
        debug_assert_eq!(end, self.held.len());
        Ok(Head { bytes: self.held, line, spans })
    }
}

/// The head, if it lies in the input whole, begins with it, and nothing at all is wrong with it.
fn read_whole<L: StartLine>(input: &[u8], limits: &HandshakeLimits) -> Option<Head<L>> {
    let line_end = find_line_feed(input)? + 1;
    let line = L::parse(input.get(..line_end).filter(|line| line.len() <= limits.line)?)?;
    let (end, spans) = parse_fields(input, line_end, FEW_FIELDS)?;
    if end > limits.head || spans.len() > limits.fields {
        return None;
    }
    Some(Head { bytes: input.split_at(end).0.to_vec(), line, spans })
}

/// As many fields as most heads have.
const FEW_FIELDS: usize = 32;

/// The end of the head, and its fields, of which there are at most `most`.
fn parse_fields(bytes: &[u8], line_end: usize, most: usize) -> Option<(usize, Vec<Span>)> {
    let rest = bytes.get(line_end..)?;
    let (length, spans) = if most <= FEW_FIELDS {
        spans(bytes, rest, &mut [EMPTY_HEADER; FEW_FIELDS])?
    } else {
        spans(bytes, rest, &mut vec![EMPTY_HEADER; most])?
    };
    let end = line_end + length;
    bytes.get(..end)?.ends_with(b"\r\n\r\n").then_some((end, spans))
}

fn spans<'b>(bytes: &'b [u8], rest: &'b [u8], fields: &mut [Header<'b>]) -> Option<(usize, Vec<Span>)> {
    let Ok(Status::Complete((length, fields))) = httparse::parse_headers(rest, fields) else { return None };
    let place = |part: &[u8]| {
        let start = part.as_ptr().addr() - bytes.as_ptr().addr();
        start..start + part.len()
    };
    let mut whole_ends = true;
    let spans = fields.iter().map(|field| {
        let span = Span { name: place(field.name.as_bytes()), value: place(field.value) };
        // A parsed line ends in a line feed and the next begins right behind it, so this finds every bare one.
        whole_ends &= bytes.get(..span.name.start).is_some_and(|head| head.ends_with(b"\r\n"));
        span
    });
    let spans = spans.collect();
    whole_ends.then_some((length, spans))
}

/// Makes blanks of the line ends inside folded fields; a fold before the first field stays, an error.
fn unfold(head: &mut [u8], line_end: usize) {
    for at in line_end + 1..head.len() {
        if let Some([cr @ b'\r', lf @ b'\n', b' ' | b'\t']) = head.get_mut(at.saturating_sub(1)..at + 2) {
            (*cr, *lf) = (b' ', b' ');
        }
    }
}

fn find_line_feed(bytes: &[u8]) -> Option<usize> {
    // Whole blocks without a line feed are passed over as one.
    let has_none = |block: &&[u8]| !block.iter().fold(false, |found, &byte| found | (byte == b'\n'));
    let passed = bytes.chunks_exact(16).take_while(has_none).count() * 16;
    bytes.iter().skip(passed).position(|&byte| byte == b'\n').map(|at| passed + at)
}

/// Takes this many bytes off the front.
pub(crate) fn take(input: &mut &mut [u8], length: usize) {
    if let Some((_, rest)) = core::mem::take(input).split_at_mut_checked(length) {
        *input = rest;
    }
}
