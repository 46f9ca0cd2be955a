use bytes::{Buf, Bytes};

use super::sender::Sender;

/// The output of a connection that waits to be written.
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
    sender: &'a mut Sender,
}

impl<'a> Output<'a> {
    #[inline]
    pub(super) fn new(sender: &'a mut Sender) -> Output<'a> {
        Output { sender }
    }
}

impl Buf for Output<'_> {
    #[inline]
    fn remaining(&self) -> usize {
        self.sender.queued()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.sender.queue().map_or(&[], |queue| queue.chunk())
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'b>(&'b self, into: &mut [std::io::IoSlice<'b>]) -> usize {
        self.sender.queue().map_or(0, |queue| queue.chunks_vectored(into))
    }

    #[inline]
    fn advance(&mut self, written: usize) {
        if written > 0 {
            if let Some(queue) = self.sender.queue_taken() {
                queue.advance(written);
            }
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let len = len.min(self.remaining());
        match self.sender.queue_taken() {
            Some(queue) if len > 0 => queue.take(len),
            _ => Bytes::new(),
        }
    }
}
