use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::outgoing::Payload;
use crate::frame::{FIN, encode_header, header_len};
use crate::utf8::validate;
use crate::{Opcode, SendError};

/// A message framed once, to be sent on any number of connections.
///
/// A server's connection shares the frame; a client's copies and masks it. `Debug` shows the length alone.
#[derive(Clone)]
pub struct Prepared {
    opcode: Opcode,
    /// As a server sends it.
    frame: Bytes,
}

impl Prepared {
    /// Frames a text message.
    ///
    /// # Errors
    /// [`NotUtf8`](SendError::NotUtf8) for bytes that are not.
    pub fn text<P: Payload>(text: P) -> Result<Prepared, SendError> {
        if !P::TEXT && validate(text.bytes()).is_err() {
            return Err(SendError::NotUtf8);
        }
        Ok(Prepared::new(Opcode::Text, text.bytes()))
    }

    /// Frames a binary message.
    pub fn binary<P: Payload>(data: P) -> Prepared {
        Prepared::new(Opcode::Binary, data.bytes())
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Prepared {
        let mut frame = Vec::with_capacity(header_len(payload.len()) + payload.len());
        let len = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        frame.extend_from_slice(encode_header(FIN | opcode.bits(), len, None).as_ref());
        frame.extend_from_slice(payload);
        Prepared { opcode, frame: frame.into() }
    }

    pub(super) fn opcode(&self) -> Opcode {
        self.opcode
    }

    pub(super) fn frame(&self) -> &Bytes {
        &self.frame
    }

    pub(super) fn payload(&self) -> &[u8] {
        let header = match self.frame.get(1) {
            Some(126) => 4,
            Some(127) => 10,
            _ => 2,
        };
        self.frame.get(header..).unwrap_or_default()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({:?}, {} bytes)", self.opcode, self.frame.len())
    }
}
