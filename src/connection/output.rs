use bytes::{Buf, Bytes};

use super::outbox::Outbox;
use crate::deadline::Since;

/// The output of a connection that waits to be written.
///
/// Everything it does it does as a [`Buf`]: depend on the crate `bytes` too, and have that trait in scope.
///
/// Its first bytes are the first to go. What was shown by [`chunk`](Buf::chunk) or
/// [`chunks_vectored`](Buf::chunks_vectored) stays as and where it is until [`advance`](Buf::advance): nothing is put
/// before it or in between. [`copy_to_bytes`](Buf::copy_to_bytes) counts as written, and copies nothing that is shared.
/// Advancing by more than remains takes what remains.
///
/// ```
/// use bytes::Buf;
/// use sockless::{Config, Connection};
///
/// let mut connection = Connection::server(Config::default());
/// connection.text("hi")?;
/// let mut socket = Vec::new();
/// while connection.queued() > 0 {
///     let written = std::io::Write::write(&mut socket, connection.output().chunk())?;
///     connection.output().advance(written);
/// }
/// assert_eq!(socket, b"\x81\x02hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Output<'a> {
    outbox: Option<&'a mut Outbox>,
    /// Is told when some of it has gone out.
    since: &'a mut Since,
}

impl<'a> Output<'a> {
    #[inline]
    pub(crate) fn new(outbox: Option<&'a mut Outbox>, since: &'a mut Since) -> Output<'a> {
        Output { outbox, since }
    }
}

impl Buf for Output<'_> {
    #[inline]
    fn remaining(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.outbox.as_ref().map_or(&[], |outbox| outbox.chunk())
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'b>(&'b self, into: &mut [std::io::IoSlice<'b>]) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.chunks_vectored(into))
    }

    #[inline]
    fn advance(&mut self, written: usize) {
        if written > 0 {
            self.since.output_advanced();
            if let Some(outbox) = &mut self.outbox {
                outbox.advance(written);
            }
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let len = len.min(self.remaining());
        match &mut self.outbox {
            Some(outbox) if len > 0 => {
                self.since.output_advanced();
                outbox.take(len)
            }
            _ => Bytes::new(),
        }
    }
}
