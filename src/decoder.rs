use core::fmt;

use crate::frame_header::{FIN, RSV1};
use crate::frames::{Frames, Piece};
use crate::{Limits, Opcode, ProtocolError, Role};

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
        self.frames.claim_rsv1();
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
                let head = self.frames.head();
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
