use crate::frame_header::{FIN, LEN_16, LEN_64, MASKED, RSV1, RSV2_RSV3};
use crate::{Limits, Mask, Opcode, ProtocolError, Role};

/// The order of frames: what the next header is judged by.
#[derive(Debug)]
pub(super) struct Sequence {
    /// The payload bytes that the frames of the message in progress have announced so far.
    message_len: u64,
    /// The frames of the message in progress.
    fragments: u32,
    /// The first byte of the frame in progress.
    pub(super) head: u8,
    /// The type of the message in progress, if one is unfinished.
    pub(super) message: Option<Opcode>,
    /// The mask bit as the peer has to set it, or not.
    pub(super) masked: u8,
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

/// A header in order.
pub(super) struct Header {
    head: u8,
    opcode: Opcode,
    pub(super) mask: Mask,
    pub(super) payload_len: u64,
    /// The bytes of the header itself.
    pub(super) len: usize,
}

impl Sequence {
    pub(super) const fn new(role: Role) -> Sequence {
        let masked = match role {
            Role::Server => MASKED,
            Role::Client => 0,
        };
        Sequence { message_len: 0, fragments: 0, head: 0, message: None, masked, rsv1: Rsv1::Unclaimed }
    }

    pub(super) const fn claim_rsv1(&mut self) {
        self.rsv1 = Rsv1::Clear;
    }

    /// The opcode of the frame in progress: of the headers, only those with a known one pass.
    pub(super) fn opcode(&self) -> Option<Opcode> {
        Opcode::new(self.head & 0xf)
    }

    /// Whether the frame in progress is part of a message.
    #[cfg(feature = "deflate")]
    pub(super) fn is_in_data(&self) -> bool {
        self.opcode().is_some_and(|opcode| !opcode.is_control())
    }

    /// The type of the message that the frame in progress is part of, if it is a compressed one.
    #[cfg(feature = "deflate")]
    pub(super) fn compressed(&self) -> Option<Opcode> {
        self.message.filter(|_| self.is_in_data() && self.rsv1 == Rsv1::Set)
    }

    /// The bytes of payload that may still be announced for the message in progress.
    #[cfg(feature = "alloc")]
    pub(super) fn to_come(&self, limits: &Limits) -> u64 {
        match self.head & FIN {
            0 => limits.message.saturating_sub(self.message_len),
            _ => 0,
        }
    }

    /// Enters the frame that this header begins.
    pub(super) fn begin(&mut self, header: &Header) {
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
    pub(super) fn judge(&self, limits: &Limits, bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
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
