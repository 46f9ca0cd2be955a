use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Deflater, Effort, Inflater};
use crate::Arc;
use crate::handshake::WindowBits;

/// What compresses and inflates, for all connections of a thread whose messages are compressed each by itself.
///
/// Hand it to [`Connection::receive_with`](crate::Connection::receive_with) and to
/// [`Sender::with_pool`](crate::Sender::with_pool). A connection borrows from it only while a compressed message is in
/// flight, and so owns no window; one whose peer or self keeps its window between messages owns what it needs and
/// leaves the pool alone. Nothing is allocated before it is needed, nor given back before the pool is dropped or
/// [released](DeflatePool::release).
///
/// ```
/// use sockless::handshake::PermessageDeflate;
/// use sockless::{Config, Connection, DeflatePool};
///
/// let mut pool = DeflatePool::new(16);
/// let agreed = PermessageDeflate::default().no_context_takeover().agreed();
/// let mut connections: Vec<_> =
///     (0..1000).map(|_| Connection::server(Config::default()).with_deflate(agreed)).collect();
/// for connection in &mut connections {
///     let mut wire = *b"\xc1\x87\x37\xfa\x21\x3d\xc5\xb2\xec\xf4\xfe\xfd\x21"; // "Hello", compressed
///     let mut input = &mut wire[..];
///     while let Some(_event) = connection.receive_with(&mut input, &mut pool)? {
///         connection.with_pool(&mut pool).text("Hello yourself")?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[expect(clippy::vec_box, reason = "they stay in their boxes when they come and go")]
pub struct DeflatePool {
    inflaters: Vec<Box<Inflater>>,
    /// One for each set of parameters.
    deflaters: Vec<Box<Deflater>>,
    /// Shared with every inflater that is out, so that those count that never come back.
    permits: Arc<()>,
    most: usize,
}

impl DeflatePool {
    /// A pool of so many inflaters at most, those that are out counted: as many messages can be arriving compressed
    /// at a time. One message more fails its connection with
    /// [`InflatersExhausted`](crate::ProtocolError::InflatersExhausted).
    ///
    /// One is out until its message has ended, and a peer that answers pings may take its time for that: let no more
    /// connections than inflaters be in one's hand, or set [`Timeouts::idle`](crate::Timeouts::idle).
    pub fn new(inflaters: usize) -> DeflatePool {
        DeflatePool { inflaters: Vec::new(), deflaters: Vec::new(), permits: Arc::new(()), most: inflaters }
    }

    /// Gives back the memory of all that is not out.
    pub fn release(&mut self) {
        self.inflaters = Vec::new();
        self.deflaters = Vec::new();
    }

    /// One with an empty window, which will grow to this size, if not all are out.
    pub(crate) fn inflater(&mut self, window: WindowBits) -> Option<Box<Inflater>> {
        if Arc::strong_count(&self.permits) > self.most {
            return None;
        }
        let mut inflater = match self.inflaters.pop() {
            Some(mut inflater) => {
                inflater.restart(window);
                inflater
            }
            None => Box::new(Inflater::new(window)),
        };
        inflater.permit = Some(Arc::clone(&self.permits));
        Some(inflater)
    }

    /// Takes one back, or another pool's.
    pub(crate) fn put_inflater(&mut self, mut inflater: Box<Inflater>) {
        let own = inflater.permit.take().is_some_and(|permit| Arc::ptr_eq(&permit, &self.permits));
        if own {
            self.inflaters.push(inflater);
        }
    }

    /// One made for this, if it is not out.
    pub(crate) fn deflater(&mut self, effort: Effort) -> Option<Box<Deflater>> {
        let at = self.deflaters.iter().position(|deflater| deflater.effort() == effort)?;
        Some(self.deflaters.swap_remove(at))
    }

    pub(crate) fn put_deflater(&mut self, deflater: Box<Deflater>) {
        if !self.deflaters.iter().any(|kept| kept.effort() == deflater.effort()) {
            self.deflaters.push(deflater);
        }
    }
}
