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

/// Bytes in one step of the loop that the compiler makes vectors of, and from where on it pays.
const WIDE: usize = 128;
const WIDE_FROM: usize = 128;

/// From this length on, asking which registers there are pays.
#[cfg(feature = "simd")]
const DISPATCH_FROM: usize = 512;

/// Bytes appended at a time: still in the nearest cache when they are masked.
#[cfg(feature = "alloc")]
const BLOCK: usize = 4096;

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
        self.mask(bytes);
        *self = self.turned(bytes.len());
    }

    /// Masks these bytes, the last of the payload that are.
    #[inline]
    pub(crate) fn mask(self, bytes: &mut [u8]) {
        if self.0 == 0 {
            return;
        }
        let len = bytes.len();
        let rest = if len < WIDE_FROM { bytes } else { self.mask_wide(bytes) };
        // The last bytes may overlap those before them, so they are masked before anything is written.
        if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
            let (first, last) = (self.mask_16(*first), self.turned(len).mask_16(*last));
            if let Some((_, blocks)) = rest.split_first_chunk_mut::<16>() {
                self.mask_blocks(blocks);
            }
            set_ends(rest, first, last);
        } else if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
            let (first, last) = (self.mask_8(*first), self.turned(len).mask_8(*last));
            set_ends(rest, first, last);
        } else if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
            let (first, last) = (self.mask_4(*first), self.turned(len).mask_4(*last));
            set_ends(rest, first, last);
        } else {
            for (byte, key) in rest.iter_mut().zip(self.0.to_ne_bytes()) {
                *byte ^= key;
            }
        }
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
    pub fn copy(&mut self, from: &[u8], to: &mut [u8]) {
        let len = from.len().min(to.len());
        let mut words = from.split_at(len).0.chunks_exact(8);
        let mut places = to.split_at_mut(len).0.chunks_exact_mut(8);
        for (place, word) in (&mut places).zip(&mut words) {
            if let (Ok(place), Ok(word)) = (<&mut [u8; 8]>::try_from(place), <&[u8; 8]>::try_from(word)) {
                *place = self.mask_8(*word);
            }
        }
        let rest = places.into_remainder().iter_mut().zip(words.remainder());
        for ((to, from), key) in rest.zip(self.key_8().to_ne_bytes()) {
            *to = from ^ key;
        }
        *self = self.turned(len);
    }

    /// Masks the next bytes of the payload on their way to the end of `to`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn append(&mut self, from: &[u8], to: &mut alloc::vec::Vec<u8>) {
        to.reserve(from.len());
        for block in from.chunks(BLOCK) {
            let start = to.len();
            to.extend_from_slice(block);
            self.apply(to.get_mut(start..).unwrap_or_default());
        }
    }

    /// Masks all but the last few bytes, which it gives back. The key does not turn over whole steps.
    #[inline(never)]
    fn mask_wide(self, bytes: &mut [u8]) -> &mut [u8] {
        let whole = bytes.len() - bytes.len() % WIDE;
        let (steps, rest) = bytes.split_at_mut(whole);
        #[cfg(feature = "simd")]
        if whole >= DISPATCH_FROM {
            pulp::Arch::new().dispatch(|| self.mask_steps(steps));
            return rest;
        }
        self.mask_steps(steps);
        rest
    }

    /// What the compiler makes of this depends on the registers it may use where it is inlined.
    #[inline(always)]
    fn mask_steps(self, steps: &mut [u8]) {
        for step in steps.chunks_exact_mut(WIDE) {
            for word in step.chunks_exact_mut(8) {
                if let Ok(word) = <&mut [u8; 8]>::try_from(word) {
                    *word = self.mask_8(*word);
                }
            }
        }
    }

    /// Masks as many whole blocks as there are.
    #[inline]
    fn mask_blocks(self, mut bytes: &mut [u8]) {
        while let Some((block, rest)) = bytes.split_first_chunk_mut() {
            *block = self.mask_16(*block);
            bytes = rest;
        }
    }

    #[inline]
    fn mask_16(self, bytes: [u8; 16]) -> [u8; 16] {
        let key = u128::from(self.key_8());
        (u128::from_ne_bytes(bytes) ^ (key << 64 | key)).to_ne_bytes()
    }

    #[inline]
    fn mask_8(self, bytes: [u8; 8]) -> [u8; 8] {
        (u64::from_ne_bytes(bytes) ^ self.key_8()).to_ne_bytes()
    }

    /// The key twice.
    #[inline]
    fn key_8(self) -> u64 {
        let key = u64::from(self.0);
        key << 32 | key
    }

    #[inline]
    const fn mask_4(self, bytes: [u8; 4]) -> [u8; 4] {
        (u32::from_ne_bytes(bytes) ^ self.0).to_ne_bytes()
    }

    /// The key turned by as many bytes: the first of memory becomes the last.
    #[inline]
    pub(crate) fn turned(self, bytes: usize) -> Mask {
        let [low, ..] = bytes.to_le_bytes();
        let bits = u32::from(low % 4) * 8;
        Mask(if cfg!(target_endian = "little") {
            self.0.rotate_right(bits)
        } else {
            self.0.rotate_left(bits)
        })
    }
}

/// Sets the first and the last bytes, which may overlap.
#[inline]
fn set_ends<const N: usize>(bytes: &mut [u8], first: [u8; N], last: [u8; N]) {
    if let Some(bytes) = bytes.first_chunk_mut() {
        *bytes = first;
    }
    if let Some(bytes) = bytes.last_chunk_mut() {
        *bytes = last;
    }
}
