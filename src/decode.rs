use core::fmt;

use crate::frame::{FIN, LEN_16, LEN_64, MASKED, RSV1, RSV2_RSV3};
use crate::{FrameHeader, Limits, Mask, Opcode, ProtocolError, Role};

/// Reads frames from input in any cuts and gives their payload as it comes, unmasked where it lies.
///
/// Every rule for a frame and for the order of frames is checked (RFC 6455 §5), each at the first byte that can tell;
/// only what needs the payload is not: UTF-8 and the contents of a Close. No byte is kept but those of a header cut
/// in two, and nothing announced is believed: memory is the caller's alone.
///
/// ```
/// use sockless::{Decoder, Limits, Opcode, Role};
///
/// let mut decoder = Decoder::new(Role::Client, Limits::default());
/// let mut wire = *b"\x82\x03abc";
/// let mut input = &mut wire[..];
/// let chunk = decoder.decode(&mut input)?.unwrap();
/// assert_eq!((chunk.opcode, &*chunk.payload), (Opcode::Binary, &b"abc"[..]));
/// assert!(chunk.first && chunk.last && input.is_empty());
/// # Ok::<(), sockless::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    frames: Frames,
    limits: Limits,
    failed: Option<ProtocolError>,
}

/// A run of payload bytes of one frame.
pub struct Chunk<'b> {
    /// The frame's opcode.
    pub opcode: Opcode,
    /// Whether the frame ends its message.
    pub fin: bool,
    /// Whether the frame's first reserved bit is set: only if the decoder was told that an extension claims it.
    pub rsv1: bool,
    /// The payload's next bytes, unmasked.
    pub payload: &'b mut [u8],
    /// Whether these are the first bytes of the frame.
    pub first: bool,
    /// Whether these are the last bytes of the frame.
    pub last: bool,
}

impl fmt::Debug for Chunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({:?}, {} bytes)", self.opcode, self.payload.len())
    }
}

impl Decoder {
    /// A decoder for what this end of the connection receives, from the first byte behind the handshake.
    pub const fn new(role: Role, limits: Limits) -> Decoder {
        Decoder { frames: Frames::new(role), limits, failed: None }
    }

    /// Allows RSV1 on the first frame of a message: a negotiated extension claims it (RFC 6455 §5.8).
    #[must_use]
    pub const fn claim_rsv1(mut self) -> Decoder {
        self.frames.rsv1 = Rsv1::Clear;
        self
    }

    /// Takes the next chunk off the front of `input`.
    ///
    /// A frame without payload is one empty chunk. `Ok(None)` means that nothing more can come of this input, which
    /// is used up; call until then.
    ///
    /// # Errors
    /// The rule that the peer broke, now and on every later call. Nothing is to be read behind it (RFC 6455 §7.1.7).
    pub fn decode<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Chunk<'b>>, ProtocolError> {
        if let Some(fault) = self.failed {
            return Err(fault);
        }
        match self.frames.next(&self.limits, usize::MAX, input) {
            Ok(None) => Ok(None),
            Ok(Some(piece)) => {
                let Piece { payload, mut mask, first, last, .. } = piece;
                mask.apply(payload);
                let head = self.frames.head;
                let opcode = Opcode::new(head & 0xf).unwrap_or(piece.opcode);
                Ok(Some(Chunk { opcode, fin: head & FIN != 0, rsv1: head & RSV1 != 0, payload, first, last }))
            }
            Err(fault) => {
                self.failed = Some(fault);
                Err(fault)
            }
        }
    }
}

/// The state between two inputs: what every level above decodes with.
#[derive(Debug)]
pub(crate) struct Frames {
    state: State,
    /// The payload bytes that the frames of the message in progress have announced so far.
    message_len: u64,
    /// The frames of the message in progress.
    fragments: u32,
    /// The first byte of the frame in progress.
    head: u8,
    /// The type of the message in progress, if one is unfinished.
    message: Option<Opcode>,
    /// The mask bit as the peer has to set it, or not.
    masked: u8,
    rsv1: Rsv1,
}

/// The first reserved bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rsv1 {
    /// No extension claims it.
    Unclaimed,
    /// One does; the message in progress, if any, does not have it.
    Clear,
    /// One does, and the message in progress has it.
    Set,
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
}

impl Frames {
    pub(crate) const fn new(role: Role) -> Frames {
        let masked = match role {
            Role::Server => MASKED,
            Role::Client => 0,
        };
        Frames {
            state: State::Open,
            message_len: 0,
            fragments: 0,
            head: 0,
            message: None,
            masked,
            rsv1: Rsv1::Unclaimed,
        }
    }

    /// An extension claims RSV1.
    #[cfg(feature = "deflate")]
    pub(crate) fn claim_rsv1(&mut self) {
        self.rsv1 = Rsv1::Clear;
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
        let (len, rest) = match second ^ self.masked {
            len @ 0..LEN_16 => (u16::from(len), rest),
            LEN_16 => match rest.split_first_chunk() {
                Some((&len, rest)) if len >= [0, LEN_16] => (u16::from_be_bytes(len), rest),
                _ => return None,
            },
            _ => return None,
        };
        let (mask, rest) = match self.masked {
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
        match self.head & FIN {
            0 => limits.message.saturating_sub(self.message_len).saturating_add(frame),
            _ => frame,
        }
    }

    /// Takes the next piece off the front of `input`, of a data frame no more than `most` bytes.
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
        let control = Opcode::new(self.head & 0xf).is_none_or(Opcode::is_control);
        let compressed = self.message.filter(|_| !control && self.rsv1 == Rsv1::Set);
        let there = usize::try_from(remaining).map_or(input.len(), |remaining| remaining.min(input.len()));
        Ok(Some(Entered { compressed, mask, there }))
    }

    /// Whether there is more to come of a data frame's payload.
    #[cfg(feature = "deflate")]
    pub(crate) fn is_in_data(&self) -> bool {
        let data = Opcode::new(self.head & 0xf).is_some_and(|opcode| !opcode.is_control());
        data && matches!(self.state, State::Payload { remaining: 1.., .. })
    }

    /// The payload in progress: whether its bytes are the first, how they are masked, how many there are.
    #[inline]
    fn header(
        &mut self,
        limits: &Limits,
        input: &mut &mut [u8],
    ) -> Result<Option<(bool, Mask, u64)>, ProtocolError> {
        Ok(match self.state {
            State::Open | State::Header { len: 0, .. } => match self.judge(limits, input)? {
                Some(header) => {
                    take(input, header.len);
                    self.begin(&header);
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
        let header = self.judge(limits, bytes.get(..there).unwrap_or_default())?;
        match &header {
            Some(header) => {
                take(input, header.len - earlier);
                self.begin(header);
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

    /// Enters the frame that this header begins.
    fn begin(&mut self, header: &Header) {
        self.head = header.head;
        match header.opcode {
            Opcode::Continuation => {
                self.message_len += header.payload_len;
                self.fragments += 1;
            }
            Opcode::Text | Opcode::Binary => {
                self.message = Some(header.opcode);
                self.message_len = header.payload_len;
                self.fragments = 1;
                if self.rsv1 != Rsv1::Unclaimed {
                    self.rsv1 = if header.head & RSV1 == 0 { Rsv1::Clear } else { Rsv1::Set };
                }
            }
            Opcode::Close | Opcode::Ping | Opcode::Pong => {}
        }
    }

    /// Judges as much of a header as there is. `None`: no fault so far, but it is not whole.
    fn judge(&self, limits: &Limits, bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
        let Some((&head, rest)) = bytes.split_first() else { return Ok(None) };
        let opcode = self.judge_head(head)?;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let short = second & !MASKED;
        if opcode.is_control() && short >= LEN_16 {
            return Err(ProtocolError::ControlTooLong);
        }
        if opcode == Opcode::Close && short == 1 {
            return Err(ProtocolError::TruncatedCloseCode);
        }
        let masked = second & MASKED != 0;
        if second & MASKED != self.masked {
            return Err(if masked { ProtocolError::MaskedFrame } else { ProtocolError::UnmaskedFrame });
        }
        let (payload_len, rest) = match short {
            LEN_16 => match rest.split_first_chunk() {
                Some((&len, rest)) => (u64::from(u16::from_be_bytes(len)), rest),
                None => return Ok(None),
            },
            LEN_64 => {
                judge_long_length(rest)?;
                match rest.split_first_chunk() {
                    Some((&len, rest)) => (u64::from_be_bytes(len), rest),
                    None => return Ok(None),
                }
            }
            len => (u64::from(len), rest),
        };
        if short == LEN_16 && payload_len < u64::from(LEN_16) {
            return Err(ProtocolError::LengthNotShortest);
        }
        if !opcode.is_control() {
            self.judge_size(limits, head, opcode, payload_len)?;
        }
        let (mask, rest) = if masked {
            match rest.split_first_chunk() {
                Some((&key, rest)) => (Mask::new(key), rest),
                None => return Ok(None),
            }
        } else {
            (Mask::NONE, rest)
        };
        Ok(Some(Header { head, opcode, mask, payload_len, len: bytes.len() - rest.len() }))
    }

    /// RFC 6455 §5.2, §5.4, §5.5: what the first byte tells.
    fn judge_head(&self, head: u8) -> Result<Opcode, ProtocolError> {
        let opcode = Opcode::new(head & 0xf).ok_or(ProtocolError::ReservedOpcode)?;
        let claimed = if self.rsv1 == Rsv1::Unclaimed { 0 } else { RSV1 };
        if head & (RSV1 | RSV2_RSV3) & !claimed != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        if opcode.is_control() {
            if head & FIN == 0 {
                return Err(ProtocolError::FragmentedControl);
            }
            if head & RSV1 != 0 {
                return Err(ProtocolError::CompressedControl);
            }
            return Ok(opcode);
        }
        match (opcode, self.message) {
            (Opcode::Continuation, None) => Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Continuation, Some(_)) if head & RSV1 != 0 => Err(ProtocolError::CompressedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(ProtocolError::InterleavedMessage),
            _ => Ok(opcode),
        }
    }

    /// RFC 6455 §10.4: the limits, compared as 64-bit numbers before anything is converted.
    fn judge_size(
        &self,
        limits: &Limits,
        head: u8,
        opcode: Opcode,
        payload_len: u64,
    ) -> Result<(), ProtocolError> {
        let (earlier, frames, compressed) = match opcode {
            Opcode::Continuation => (self.message_len, self.fragments, self.rsv1 == Rsv1::Set),
            _ => (0, 0, head & RSV1 != 0),
        };
        let limits = if compressed { &limits.of_compressed() } else { limits };
        if payload_len > limits.frame {
            return Err(ProtocolError::FrameTooBig);
        }
        if earlier.checked_add(payload_len).is_none_or(|sum| sum > limits.message) {
            return Err(ProtocolError::MessageTooBig);
        }
        if frames >= limits.fragments.max(1) {
            return Err(ProtocolError::TooManyFragments);
        }
        Ok(())
    }

    /// Takes what there is of the payload.
    fn payload<'b>(
        &mut self,
        first: bool,
        mask: Mask,
        remaining: u64,
        most: usize,
        input: &mut &'b mut [u8],
    ) -> Option<Piece<'b>> {
        // `judge_head` let only known opcodes through.
        let opcode = Opcode::new(self.head & 0xf)?;
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
        let end = last && !control && self.head & FIN != 0;
        let message = if control { opcode } else { self.message? };
        if end {
            self.message = None;
        }
        self.state = match (last, self.message) {
            (false, _) => State::Payload { begun: true, mask: mask.turned(len), remaining: left },
            (true, Some(_)) => State::Header { len: 0, torn: [0; TORN] },
            (true, None) => State::Open,
        };
        Some(Piece { opcode: message, payload, mask, first, last, end })
    }
}

struct Header {
    head: u8,
    opcode: Opcode,
    mask: Mask,
    payload_len: u64,
    /// The bytes of the header itself.
    len: usize,
}

/// RFC 6455 §5.2: a 64-bit length, judged as far as it has come.
#[inline]
fn judge_long_length(len: &[u8]) -> Result<(), ProtocolError> {
    match len {
        [0x80..=0xff, ..] => Err(ProtocolError::LengthTopBit),
        [0, 0, 0, 0, 0, 0, ..] => Err(ProtocolError::LengthNotShortest),
        _ => Ok(()),
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
