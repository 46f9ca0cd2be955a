use alloc::boxed::Box;
use alloc::vec::Vec;

use super::prepared::{Framed, Prepared};
use crate::Opcode;
use crate::deflate::{DeflatePool, Deflater, Direction, Effort};
use crate::frame_header::RSV1;
use crate::handshake::Agreed;

/// What compresses the messages of a connection.
#[derive(Debug)]
pub(super) struct Deflation {
    deflater: Option<Box<Deflater>>,
    threshold: usize,
    direction: Direction,
    level: u8,
    /// The message that is being sent in fragments is compressed.
    begun: bool,
    /// Messages go as they are, for now.
    pub(super) off: bool,
}

impl Deflation {
    pub(super) fn new(direction: Direction, agreed: &Agreed) -> Deflation {
        Deflation {
            deflater: None,
            threshold: agreed.threshold(),
            direction,
            level: agreed.level(),
            begun: false,
            off: false,
        }
    }

    /// The payload compressed, and the first byte of its frame without FIN; nothing if it is to go as it is.
    ///
    /// A message in fragments is compressed whatever their lengths: nobody knows how long it will be.
    pub(super) fn deflate(&mut self, last: bool, opcode: Opcode, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        let first = opcode != Opcode::Continuation;
        if first && (self.off || last && payload.len() < self.threshold) || !first && !self.begun {
            return None;
        }
        let effort = self.effort();
        let deflater = self.deflater.get_or_insert_with(|| Box::new(Deflater::new(effort)));
        if first && !self.direction.takeover {
            deflater.restart();
        }
        self.begun = !last;
        let deflated = deflater.compress(payload, last);
        Some((opcode.bits() | if first { RSV1 } else { 0 }, deflated))
    }

    /// The form in which a prepared message is to go.
    pub(super) fn choose<'m>(&mut self, message: &'m Prepared) -> &'m Framed {
        let Some(framed) = message.deflated_for(self.direction.window) else { return message.plain() };
        // The peer's window has this message in it now, and ours has not.
        if let Some(deflater) = &mut self.deflater {
            deflater.restart();
        }
        framed
    }

    /// Between messages a deflater may always go: the next one begins with an empty window.
    pub(super) fn release(&mut self) {
        if !self.begun {
            self.deflater = None;
        }
    }

    pub(super) fn borrow(&mut self, pool: &mut DeflatePool) {
        if self.deflater.is_none() && !self.direction.takeover {
            self.deflater = pool.deflater(self.effort());
        }
    }

    pub(super) fn give_back(&mut self, pool: &mut DeflatePool) {
        if !self.begun && !self.direction.takeover {
            if let Some(deflater) = self.deflater.take() {
                pool.put_deflater(deflater);
            }
        }
    }

    fn effort(&self) -> Effort {
        Effort { window: self.direction.window, level: self.level }
    }
}
