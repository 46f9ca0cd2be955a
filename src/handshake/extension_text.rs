use super::window_bits::WindowBits;
use core::fmt;
use core::ops::Deref;

/// An offer or an answer of permessage-deflate as it stands in the field, held inline.
#[derive(Clone, Copy)]
pub struct ExtensionText {
    bytes: [u8; ExtensionText::MAX_LEN],
    len: u8,
}

impl ExtensionText {
    /// The name and all four parameters.
    const MAX_LEN: usize = 128;

    pub(super) const fn new() -> ExtensionText {
        ExtensionText { bytes: [0; ExtensionText::MAX_LEN], len: 0 }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("")
    }

    pub(super) fn put(&mut self, text: &str) {
        let room = self.bytes.get_mut(usize::from(self.len)..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
            self.len += 1;
        }
    }

    pub(super) fn put_bits(&mut self, name: &str, bits: WindowBits) {
        const DIGITS: [&str; 8] = ["=8", "=9", "=10", "=11", "=12", "=13", "=14", "=15"];
        self.put(name);
        self.put(DIGITS.get(usize::from(bits.value() - WindowBits::MIN.value())).unwrap_or(&""));
    }
}

impl Deref for ExtensionText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for ExtensionText {
    fn eq(&self, other: &ExtensionText) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ExtensionText {}

impl fmt::Display for ExtensionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ExtensionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
