use std::cell::RefCell;

use sockless::{Connection, ProtocolError, ReadBuffer, Step};

/// The bytes read at a time.
pub(crate) const READ: usize = 16 << 10;

/// The buffers that a thread keeps for its next reads.
const KEPT: usize = 8;

thread_local! {
    static POOL: RefCell<Vec<ReadBuffer>> = const { RefCell::new(Vec::new()) };
}

/// A place to read into. Only a connection with something to read has one: an idle one costs none.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<ReadBuffer>);

impl Place {
    /// With the bytes that came behind the handshake.
    pub(crate) fn with_rest(rest: &[u8]) -> Place {
        Place((!rest.is_empty()).then(|| ReadBuffer::with_rest(READ, rest)))
    }

    /// The next event from what was read, if anything was.
    pub(crate) fn step(&mut self, connection: &mut Connection) -> Result<Option<Step>, ProtocolError> {
        self.0.as_mut().map_or(Ok(None), |buffer| buffer.step(connection))
    }

    /// The buffer, from the thread's own if there is none yet.
    pub(crate) fn buffer(&mut self) -> &mut ReadBuffer {
        self.0.get_or_insert_with(|| {
            let kept = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten();
            kept.unwrap_or_else(|| ReadBuffer::new(READ))
        })
    }

    /// Gives the buffer back, now that all of it was decoded and nothing was read.
    pub(crate) fn leave(&mut self) {
        let Some(mut buffer) = self.0.take() else { return };
        // One made for a longer rest goes.
        if buffer.space().len() == READ {
            let _ = POOL.try_with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < KEPT {
                    pool.push(buffer);
                }
            });
        }
    }
}
