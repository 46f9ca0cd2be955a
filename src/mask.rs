/// A frame's masking key (RFC 6455 §5.3), turned to the byte of the payload that comes next.
///
/// Masking and unmasking are the same operation. The key turns as it is used, so that a payload may come in any cuts:
/// the bytes are those of one pass over the whole. The key of four zeros changes nothing.
///
/// ```
/// use sockless::Mask;
///
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58";
/// let mut mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);
/// mask.apply(&mut payload[..2]);
/// mask.apply(&mut payload[2..]);
/// assert_eq!(&payload, b"Hello");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(u32);

/// Bytes in one step: the compiler makes vectors of several.
const WORD: usize = 8;

/// Bytes masked at a time on their way into a vector.
#[cfg(feature = "alloc")]
const BLOCK: usize = 128;

impl Mask {
    /// What a server uses, and a client to read: nothing changes.
    pub(crate) const NONE: Mask = Mask(0);

    /// The key at the first byte of a payload.
    pub const fn new(key: [u8; 4]) -> Mask {
        Mask(u32::from_ne_bytes(key))
    }

    /// Masks the next bytes of the payload where they lie.
    #[inline]
    pub fn apply(&mut self, bytes: &mut [u8]) {
        if self.0 == 0 {
            return;
        }
        let mut words = bytes.chunks_exact_mut(WORD);
        for word in &mut words {
            if let Ok(word) = <&mut [u8; WORD]>::try_from(word) {
                *word = self.word(*word);
            }
        }
        let rest = words.into_remainder();
        for (byte, key) in rest.iter_mut().zip(self.word([0; WORD])) {
            *byte ^= key;
        }
        *self = self.turned(rest.len());
    }

    /// Masks the next bytes of the payload on their way from `from` to `to`, as many as the shorter one holds.
    ///
    /// ```
    /// use sockless::Mask;
    ///
    /// let mut masked = [0; 5];
    /// Mask::new([0x37, 0xfa, 0x21, 0x3d]).copy(b"Hello", &mut masked);
    /// assert_eq!(&masked, b"\x7f\x9f\x4d\x51\x58");
    /// ```
    #[inline]
    pub fn copy(&mut self, from: &[u8], to: &mut [u8]) {
        let len = from.len().min(to.len());
        let mut sources = from.split_at(len).0.chunks_exact(WORD);
        let mut targets = to.split_at_mut(len).0.chunks_exact_mut(WORD);
        for (target, source) in (&mut targets).zip(&mut sources) {
            if let (Ok(target), Ok(source)) =
                (<&mut [u8; WORD]>::try_from(target), <&[u8; WORD]>::try_from(source))
            {
                *target = self.word(*source);
            }
        }
        let rest = targets.into_remainder();
        for ((to, from), key) in rest.iter_mut().zip(sources.remainder()).zip(self.word([0; WORD])) {
            *to = from ^ key;
        }
        *self = self.turned(len);
    }

    /// Masks the next bytes of the payload on their way to the end of `to`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn append(&mut self, from: &[u8], to: &mut alloc::vec::Vec<u8>) {
        to.reserve(from.len());
        let mut blocks = from.chunks_exact(BLOCK);
        for block in &mut blocks {
            let mut masked = [0; BLOCK];
            self.copy(block, &mut masked);
            to.extend_from_slice(&masked);
        }
        let mut masked = [0; BLOCK];
        let rest = blocks.remainder();
        let masked = masked.split_at_mut(rest.len()).0;
        self.copy(rest, masked);
        to.extend_from_slice(masked);
    }

    /// Masks eight bytes.
    #[inline]
    const fn word(self, word: [u8; WORD]) -> [u8; WORD] {
        let [a, b, c, d] = self.0.to_ne_bytes();
        (u64::from_ne_bytes(word) ^ u64::from_ne_bytes([a, b, c, d, a, b, c, d])).to_ne_bytes()
    }

    /// The key turned by as many bytes: the first of memory becomes the last.
    #[inline]
    pub(crate) const fn turned(self, bytes: usize) -> Mask {
        let bits = match bytes % 4 {
            1 => 8,
            2 => 16,
            3 => 24,
            _ => return self,
        };
        Mask(if cfg!(target_endian = "little") {
            self.0.rotate_right(bits)
        } else {
            self.0.rotate_left(bits)
        })
    }
}
