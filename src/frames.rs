mod sequence;

use crate::frame_header::{FIN, LEN_16};
use crate::{FrameHeader, Limits, Mask, Opcode, ProtocolError, Role};
use sequence::{Header, Sequence};

/// Where in the frames the input stands: what every level above decodes with.
///
/// It takes frames apart into [`Piece`]s of payload; what a header may be is for its [`Sequence`] to judge.
#[derive(Debug)]
pub(crate) struct Frames {
    state: State,
    sequence: Sequence,
}

#[derive(Debug)]
enum State {
    /// Between messages.
    Open,
    /// Between the frames of a message, or behind the first `len` bytes of a header.
    Header { len: u8, torn: [u8; TORN] },
    /// In a frame's payload.
    Payload { begun: bool, mask: Mask, remaining: u64 },
    /// Nothing more is read.
    Stopped,
}

/// The first byte of a message in one frame.
const TEXT_MESSAGE: u8 = FIN | Opcode::Text.bits();
const BINARY_MESSAGE: u8 = FIN | Opcode::Binary.bits();

/// The most bytes of a header that is not whole.
const TORN: usize = FrameHeader::MAX_LEN - 1;

/// A run of payload bytes as they came: still masked, so that the level above can unmask on the way to where it wants
/// them.
pub(crate) struct Piece<'b> {
    /// The type of the message, or of the control frame.
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'b mut [u8],
    pub(crate) mask: Mask,
    /// These bytes begin their frame.
    pub(crate) first: bool,
    /// These bytes end their frame.
    pub(crate) last: bool,
    /// These bytes end their message.
    pub(crate) end: bool,
}

/// A payload as [`Frames::enter`] found it.
#[cfg(feature = "deflate")]
pub(crate) struct Entered {
    /// The type of the message, if it is a compressed one's.
    pub(crate) compressed: Option<Opcode>,
    pub(crate) mask: Mask,
    /// The bytes of it that are in the input.
    pub(crate) there: usize,
    /// Bytes of it were taken before.
    pub(crate) begun: bool,
    /// The bytes of it that were not.
    pub(crate) remaining: u64,
}

impl Frames {
    pub(crate) const fn new(role: Role) -> Frames {
        Frames { state: State::Open, sequence: Sequence::new(role) }
    }

    /// An extension claims RSV1.
    pub(crate) const fn claim_rsv1(&mut self) {
        self.sequence.claim_rsv1();
    }

    /// The first byte of the frame in progress.
    pub(crate) fn head(&self) -> u8 {
        self.sequence.head
    }

    /// Reads nothing more: all input is taken and thrown away.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// A message in one frame that lies whole in the input, as most do, taken off the front of it.
    ///
    /// A short way past [`next`](Frames::next): it takes nothing that has a fault, or that leaves anything to remember,
    /// and so judges little and stores nothing. `None`: go the long way.
    #[inline]
    pub(crate) fn whole_message<'b>(
        &self,
        limits: &Limits,
        input: &mut &'b mut [u8],
    ) -> Option<(Opcode, Mask, &'b mut [u8])> {
        let (&[head, second], rest) = input.split_first_chunk()?;
        let opcode = match head {
            TEXT_MESSAGE => Opcode::Text,
            BINARY_MESSAGE => Opcode::Binary,
            _ => return None,
        };
        // The length, if the mask bit is as it should be; else more than any short one.
        let (len, rest) = match second ^ self.sequence.masked {
            len @ 0..LEN_16 => (u16::from(len), rest),
            LEN_16 => match rest.split_first_chunk() {
                Some((&len, rest)) if len >= [0, LEN_16] => (u16::from_be_bytes(len), rest),
                _ => return None,
            },
            _ => return None,
        };
        let (mask, rest) = match self.sequence.masked {
            0 => (Mask::NONE, rest),
            _ => rest.split_first_chunk().map(|(&key, rest)| (Mask::new(key), rest))?,
        };
        let header_len = input.len() - rest.len();
        let frame_len = header_len + usize::from(len);
        if frame_len > input.len() || !matches!(self.state, State::Open) || !limits.allow(len) {
            return None;
        }
        let (_, payload) = take(input, frame_len).split_at_mut(header_len);
        Some((opcode, mask, payload))
    }

    /// Whether it stands between messages and reads on.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The bytes of payload that the message in progress may still bring: what its last frame has announced, or all that
    /// the limit leaves while that frame has not begun.
    #[cfg(feature = "alloc")]
    pub(crate) fn to_come(&self, limits: &Limits) -> u64 {
        let frame = match self.state {
            State::Payload { remaining, .. } => remaining,
            _ => 0,
        };
        frame.saturating_add(self.sequence.to_come(limits))
    }

    /// Takes the next piece off the front of `input`, of a data frame no more than `most` bytes.
    ///
    /// Inlined, as all on its way: handed over in memory a piece is written in words and read in others, and the
    /// processor waits.
    #[inline(always)]
    pub(crate) fn next<'b>(
        &mut self,
        limits: &Limits,
        most: usize,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Piece<'b>>, ProtocolError> {
        Ok(match self.header(limits, input)? {
            Some((first, mask, remaining)) => self.payload(first, mask, remaining, most, input),
            None => None,
        })
    }

    /// Takes the next header off the front of `input`, unless that is at a payload already, and says of the payload
    /// what the one who inflates it has to know. [`next`](Frames::next) takes of it. `None`: all of `input` is taken.
    #[cfg(feature = "deflate")]
    pub(crate) fn enter(
        &mut self,
        limits: &Limits,
        input: &mut &mut [u8],
    ) -> Result<Option<Entered>, ProtocolError> {
        let Some((first, mask, remaining)) = self.header(limits, input)? else { return Ok(None) };
        self.state = State::Payload { begun: !first, mask, remaining };
        if remaining > 0 && input.is_empty() {
            return Ok(None);
        }
        let compressed = self.sequence.compressed();
        let there = usize::try_from(remaining).map_or(input.len(), |remaining| remaining.min(input.len()));
        Ok(Some(Entered { compressed, mask, there, begun: !first, remaining }))
    }

    /// Whether there is more to come of a data frame's payload.
    #[cfg(feature = "deflate")]
    pub(crate) fn is_in_data(&self) -> bool {
        self.sequence.is_in_data() && matches!(self.state, State::Payload { remaining: 1.., .. })
    }

    /// The payload in progress: whether its bytes are the first, how they are masked, how many there are.
    #[inline]
    fn header(
        &mut self,
        limits: &Limits,
        input: &mut &mut [u8],
    ) -> Result<Option<(bool, Mask, u64)>, ProtocolError> {
        Ok(match self.state {
            State::Open | State::Header { len: 0, .. } => match self.sequence.judge(limits, input)? {
                Some(header) => {
                    take(input, header.len);
                    self.sequence.begin(&header);
                    Some((true, header.mask, header.payload_len))
                }
                None => {
                    self.keep(0, [0; TORN], input);
                    None
                }
            },
            State::Header { len, torn } => {
                let header = self.torn_header(limits, len, torn, input)?;
                header.map(|header| (true, header.mask, header.payload_len))
            }
            State::Payload { begun, mask, remaining } => Some((!begun, mask, remaining)),
            State::Stopped => {
                take(input, usize::MAX);
                None
            }
        })
    }

    /// Goes on with a header whose first `len` bytes came earlier.
    #[cold]
    fn torn_header(
        &mut self,
        limits: &Limits,
        len: u8,
        torn: [u8; TORN],
        input: &mut &mut [u8],
    ) -> Result<Option<Header>, ProtocolError> {
        let earlier = usize::from(len);
        let mut bytes = [0; FrameHeader::MAX_LEN];
        let mut there = 0;
        for (to, from) in bytes.iter_mut().zip(torn.iter().take(earlier).chain(input.iter())) {
            *to = *from;
            there += 1;
        }
        let header = self.sequence.judge(limits, bytes.get(..there).unwrap_or_default())?;
        match &header {
            Some(header) => {
                take(input, header.len - earlier);
                self.sequence.begin(header);
            }
            None => self.keep(len, torn, input),
        }
        Ok(header)
    }

    /// Keeps the bytes of a header that is not whole: fewer than the longest one has.
    #[cold]
    fn keep(&mut self, mut len: u8, mut torn: [u8; TORN], input: &mut &mut [u8]) {
        for (to, from) in torn.iter_mut().skip(usize::from(len)).zip(take(input, usize::MAX)) {
            *to = *from;
            len += 1;
        }
        if len > 0 {
            self.state = State::Header { len, torn };
        }
    }

    /// Takes what there is of the payload.
    #[inline(always)]
    fn payload<'b>(
        &mut self,
        first: bool,
        mask: Mask,
        remaining: u64,
        most: usize,
        input: &mut &'b mut [u8],
    ) -> Option<Piece<'b>> {
        let opcode = self.sequence.opcode()?;
        let control = opcode.is_control();
        let there = if control { input.len() } else { input.len().min(most) };
        let (len, left) = match usize::try_from(remaining) {
            Ok(remaining) if remaining <= there => (remaining, 0),
            _ => (there, remaining - u64::try_from(there).unwrap_or(remaining)),
        };
        let last = left == 0;
        if len == 0 && !last {
            self.state = State::Payload { begun: !first, mask, remaining };
            return None;
        }
        let payload = take(input, len);
        let end = last && !control && self.sequence.head & FIN != 0;
        let message = if control { opcode } else { self.sequence.message? };
        if end {
            self.sequence.message = None;
        }
        self.state = match (last, self.sequence.message) {
            (false, _) => State::Payload { begun: true, mask: mask.turned(len), remaining: left },
            (true, Some(_)) => State::Header { len: 0, torn: [0; TORN] },
            (true, None) => State::Open,
        };
        Some(Piece { opcode: message, payload, mask, first, last, end })
    }
}

/// Takes up to `len` bytes off the front of `input`.
#[inline]
pub(crate) fn take<'b>(input: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let bytes = core::mem::take(input);
    let (front, rest) = bytes.split_at_mut(len.min(bytes.len()));
    *input = rest;
    front
}
