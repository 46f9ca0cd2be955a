//! What a candidate delivered or sent.

use std::hint::black_box;

/// Keeps what it is shown, or only makes the compiler believe that somebody looked.
pub struct Seen(Option<Vec<u8>>);

impl Seen {
    pub fn everything() -> Seen {
        Seen(Some(Vec::new()))
    }

    pub fn nothing() -> Seen {
        Seen(None)
    }

    #[inline(always)]
    pub fn see(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            None => drop(black_box(bytes)),
            Some(seen) => seen.extend_from_slice(bytes),
        }
    }

    pub fn keeps(&self) -> bool {
        self.0.is_some()
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
