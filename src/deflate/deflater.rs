use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

use super::{RENEW_FROM, TAIL};
use crate::handshake::WindowBits;

/// Compresses the messages of one direction.
pub(crate) struct Deflater {
    engine: Deflate,
    effort: Effort,
    /// The window is to be emptied before anything else.
    stale: bool,
    /// Room for the engine's output on its way.
    scratch: Vec<u8>,
}

/// What a deflater is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    /// It never refers further back.
    pub(crate) window: WindowBits,
    /// 0 to 9; more counts as 9.
    pub(crate) level: u8,
}

const SCRATCH: usize = 4 << 10;

impl Deflater {
    pub(crate) fn new(effort: Effort) -> Deflater {
        // At 9 bits the engine looks back 250 bytes at most, less than a window of 8 bits has; 8 it refuses.
        let bits = effort.window.value().max(9);
        let config = DeflateConfig {
            level: i32::from(effort.level.min(9)),
            // Negative: raw, without header and checksum.
            window_bits: -i32::from(bits),
            // Blocks as long as the window is wide need no more memory than that.
            mem_level: (i32::from(bits) - 6).min(8),
            ..DeflateConfig::default()
        };
        Deflater { engine: Deflate::new_with_config(config), effort, stale: false, scratch: vec![0; SCRATCH] }
    }

    pub(crate) fn effort(&self) -> Effort {
        self.effort
    }

    /// Empties the window before the next message.
    pub(crate) fn restart(&mut self) {
        self.stale = true;
    }

    /// Compresses a part of a message, whose bytes then can all be inflated. Nothing is cut off but the tail of the
    /// last (RFC 7692 §7.2.1).
    pub(crate) fn compress(&mut self, input: &[u8], last: bool) -> Vec<u8> {
        if core::mem::take(&mut self.stale) {
            self.engine.reset();
        }
        let mut output = Vec::with_capacity(input.len() / 4 + 16);
        let mut rest = input;
        loop {
            let before = (self.engine.total_in(), self.engine.total_out());
            let status = self.engine.compress(rest, &mut self.scratch, DeflateFlush::SyncFlush);
            let read = usize::try_from(self.engine.total_in() - before.0).unwrap_or(rest.len());
            let written = usize::try_from(self.engine.total_out() - before.1).unwrap_or_default();
            rest = rest.get(read..).unwrap_or_default();
            output.extend_from_slice(self.scratch.get(..written).unwrap_or_default());
            // Room that was left means that nothing is: what is flushed ends in the tail.
            if written < self.scratch.len() || status != Ok(Status::Ok) {
                break;
            }
        }
        // Behind a flush nobody minds a window that is empty.
        self.stale |= self.engine.total_out() >= RENEW_FROM;
        if last {
            match output.strip_suffix(&TAIL) {
                Some(kept) => output.truncate(kept.len()),
                // Nothing to compress since the last flush: an empty block, its tail cut off (RFC 7692 §7.2.3).
                None => output.push(0),
            }
        }
        output
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deflater").field(&self.effort).finish()
    }
}
