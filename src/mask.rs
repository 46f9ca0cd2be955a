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

/// Bytes in one step of the wide loop: what a compiler turns into a few vector registers.
const STEP: usize = 32;

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
        let wide = self.wide();
        let mut steps = bytes.chunks_exact_mut(STEP);
        for step in &mut steps {
            for (byte, key) in step.iter_mut().zip(wide) {
                *byte ^= key;
            }
        }
        let rest = steps.into_remainder();
        let turn = rest.len();
        let mut words = rest.chunks_exact_mut(8);
        for word in &mut words {
            for (byte, key) in word.iter_mut().zip(wide) {
                *byte ^= key;
            }
        }
        for (byte, key) in words.into_remainder().iter_mut().zip(wide) {
            *byte ^= key;
        }
        *self = self.turned(turn);
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
        let wide = self.wide();
        let len = from.len().min(to.len());
        let (from, to) = (from.split_at(len).0, to.split_at_mut(len).0);
        let mut sources = from.chunks_exact(STEP);
        let mut targets = to.chunks_exact_mut(STEP);
        for (target, source) in (&mut targets).zip(&mut sources) {
            for ((to, from), key) in target.iter_mut().zip(source).zip(wide) {
                *to = from ^ key;
            }
        }
        for ((to, from), key) in targets.into_remainder().iter_mut().zip(sources.remainder()).zip(wide) {
            *to = from ^ key;
        }
        *self = self.turned(len);
    }

    /// Masks the next bytes of the payload on their way to the end of `to`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn append(&mut self, from: &[u8], to: &mut alloc::vec::Vec<u8>) {
        to.reserve(from.len());
        let mut steps = from.chunks_exact(STEP);
        let wide = self.wide();
        for step in &mut steps {
            let mut masked = [0; STEP];
            for ((to, from), key) in masked.iter_mut().zip(step).zip(wide) {
                *to = from ^ key;
            }
            to.extend_from_slice(&masked);
        }
        let rest = steps.remainder();
        to.extend(rest.iter().zip(wide).map(|(byte, key)| byte ^ key));
        *self = self.turned(rest.len());
    }

    /// The key repeated over one step.
    #[inline]
    fn wide(self) -> [u8; STEP] {
        let [a, b, c, d] = self.0.to_ne_bytes();
        core::array::from_fn(|i| match i % 4 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        })
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
