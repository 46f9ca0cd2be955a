/// A set of bytes, as the grammars of RFC 3986 and RFC 9110 have them.
pub(crate) struct Octets([bool; 256]);

impl Octets {
    /// Letters and digits of ASCII, and these besides.
    #[allow(clippy::as_conversions, clippy::indexing_slicing)] // no `From` in a constant, which the compiler judges
    pub(crate) const fn alphanumeric_and(others: &[u8]) -> Octets {
        let mut set = [false; 256];
        let mut byte = 0;
        while byte < 128u8 {
            set[byte as usize] = byte.is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < others.len() {
            set[others[at] as usize] = true;
            at += 1;
        }
        Octets(set)
    }

    #[inline]
    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|&is| is)
    }
}
