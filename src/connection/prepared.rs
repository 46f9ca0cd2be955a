use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::outgoing::Payload;
#[cfg(feature = "deflate")]
use crate::deflate::{Deflater, Effort};
#[cfg(feature = "deflate")]
use crate::frame_header::RSV1;
use crate::frame_header::{FIN, encode_header, header_len};
#[cfg(feature = "deflate")]
use crate::handshake::WindowBits;
use crate::utf8::validate;
use crate::{FrameHeader, Opcode, SendError};

/// A message framed once, to be sent on any number of connections.
///
/// A server's connection shares the frame; a client's copies and masks it. `Debug` shows the length alone.
#[derive(Clone)]
pub struct Prepared {
    opcode: Opcode,
    plain: Framed,
    #[cfg(feature = "deflate")]
    deflated: Option<(WindowBits, Framed)>,
}

/// A frame as a server sends it.
#[derive(Clone)]
pub(super) struct Framed(Bytes);

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
        Prepared {
            opcode,
            plain: Framed::new(FIN | opcode.bits(), payload),
            #[cfg(feature = "deflate")]
            deflated: None,
        }
    }

    /// Compressed, too, once for all connections that agreed to a window of at least `window`: they send it so, the
    /// others as it is. `level` is as in [`PermessageDeflate`](crate::handshake::PermessageDeflate).
    ///
    /// It refers to no other message. A connection that keeps its window between messages cannot have this one in it,
    /// so its own next message begins with an empty one.
    ///
    /// ```
    /// use sockless::handshake::{PermessageDeflate, WindowBits};
    /// use sockless::{Config, Connection, Prepared};
    ///
    /// let news = Prepared::text(&"to all ".repeat(1000))?.deflated(WindowBits::MAX, 6);
    /// let agreed = PermessageDeflate::default().agreed();
    /// let mut connection = Connection::server(Config::default()).with_deflate(agreed);
    /// connection.prepared(&news)?;
    /// assert!(connection.queued() < 100);
    /// # Ok::<(), sockless::SendError>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflated(mut self, window: WindowBits, level: u8) -> Prepared {
        let payload = Deflater::new(Effort { window, level }).compress(self.plain.payload(), true);
        self.deflated = Some((window, Framed::new(FIN | RSV1 | self.opcode.bits(), &payload)));
        self
    }

    pub(super) fn plain(&self) -> &Framed {
        &self.plain
    }

    /// Compressed for this window or a smaller one.
    #[cfg(feature = "deflate")]
    pub(super) fn deflated_for(&self, window: WindowBits) -> Option<&Framed> {
        self.deflated.as_ref().filter(|(needed, _)| *needed <= window).map(|(_, framed)| framed)
    }
}

impl Framed {
    fn new(head: u8, payload: &[u8]) -> Framed {
        let mut frame = Vec::with_capacity(header_len(payload.len()) + payload.len());
        let len = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        frame.extend_from_slice(encode_header(head, len, None).as_ref());
        frame.extend_from_slice(payload);
        Framed(frame.into())
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The first byte.
    pub(super) fn head(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    pub(super) fn payload(&self) -> &[u8] {
        FrameHeader::decode(&self.0).and_then(|(_, len)| self.0.get(len..)).unwrap_or_default()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({:?}, {} bytes)", self.opcode, self.plain.0.len())
    }
}
