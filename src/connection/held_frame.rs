use alloc::vec::Vec;
use core::fmt;

use super::receiver::room;
use crate::deflate::{Corrupt, Inflater};
use crate::frames::{Entered, Piece};

/// A short compressed frame that comes in pieces, to be inflated in one go.
///
/// An engine that is given a piece stops behind it, and what it repeats later it has to fetch from a window of its own:
/// a message in pieces of 4 KiB takes a fifth longer.
#[derive(Default)]
pub(super) struct HeldFrame {
    payload: Vec<u8>,
    /// So many bytes of it were inflated.
    taken: usize,
}

impl HeldFrame {
    /// The longest payload that is held: with the engine and its ring that is all that a connection may have beyond the
    /// limit of the message, which are a window, a part, and 64 KiB.
    pub(super) const MOST: usize = 17 << 10;

    /// Whether this payload is to be held: a short one that is not all there, or of which there is more here already.
    pub(super) fn holds(&self, entered: &Entered) -> bool {
        let is_torn =
            usize::try_from(entered.remaining).is_ok_and(|len| entered.there < len && len <= HeldFrame::MOST);
        !self.payload.is_empty() || is_torn && !entered.begun
    }

    /// Appends a piece, the first of `remaining` bytes.
    pub(super) fn append(&mut self, piece: &Piece<'_>, remaining: u64) {
        let payload = &mut self.payload;
        let len = piece.payload.len();
        let to_come = remaining.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
        payload.reserve_exact(room(payload.len(), payload.capacity(), len, to_come));
        piece.mask.append(piece.payload, payload);
    }

    /// Gives the inflater as much as it takes of a frame that is whole now, or of none.
    pub(super) fn take(&mut self, inflater: &mut Inflater) -> Result<(), Corrupt> {
        self.taken += inflater.take(self.payload.get(self.taken..).unwrap_or_default())?;
        if self.taken == self.payload.len() {
            *self = HeldFrame::default();
        }
        Ok(())
    }
}

impl fmt::Debug for HeldFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldFrame({} bytes)", self.payload.len())
    }
}
