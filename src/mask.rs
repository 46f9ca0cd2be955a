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

/// From this length on, a loop that the compiler makes vectors of pays.
const WIDE_FROM: usize = 128;

/// A line of the cache. The widest registers are as wide, and slow where they cross one.
const LINE: usize = 64;

/// From this length on it pays to begin what is written anew at a line.
#[cfg(feature = "alloc")]
const ALIGN_FROM: usize = 4096;

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
    ///
    /// Never inlined: inside its callers it costs each small frame 30 to 60 instructions more (`scripts/instructions`).
    #[inline(never)]
    pub(crate) fn mask(self, bytes: &mut [u8]) {
        if self.0 == 0 {
            return;
        }
        match bytes.len() {
            0..=32 => self.mask_ends(bytes),
            33..WIDE_FROM => self.mask_short(bytes),
            _ => self.mask_wide(bytes),
        }
    }

    /// Up to 32 bytes. The last ones may overlap the first, so they are masked before anything is written.
    #[inline(always)]
    fn mask_ends(self, bytes: &mut [u8]) {
        let len = bytes.len();
        if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let (first, last) = (self.mask_16(*first), self.turned(len).mask_16(*last));
            set_ends(bytes, first, last);
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let (first, last) = (self.mask_8(*first), self.turned(len).mask_8(*last));
            set_ends(bytes, first, last);
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let (first, last) = (self.mask_4(*first), self.turned(len).mask_4(*last));
            set_ends(bytes, first, last);
        } else {
            for (byte, key) in bytes.iter_mut().zip(self.0.to_ne_bytes()) {
                *byte ^= key;
            }
        }
    }

    /// Apart from what is shorter, which would save the registers that this needs.
    #[inline(never)]
    fn mask_short(self, bytes: &mut [u8]) {
        let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else { return };
        let (first, last) = (self.mask_16(*first), self.turned(bytes.len()).mask_16(*last));
        if let Some((_, blocks)) = bytes.split_first_chunk_mut::<16>() {
            self.mask_blocks(blocks);
        }
        set_ends(bytes, first, last);
    }

    #[inline(never)]
    fn mask_wide(self, bytes: &mut [u8]) {
        dispatch(
            #[inline(always)]
            || self.mask_long(bytes),
        );
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

    /// Masks these bytes, the last of the payload that are, on their way to the end of `to`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn append(self, from: &[u8], to: &mut alloc::vec::Vec<u8>) {
        to.reserve(from.len());
        let ahead = match from.len() {
            0..WIDE_FROM => from.len(),
            WIDE_FROM..ALIGN_FROM => 0,
            _ => to.spare_capacity_mut().as_ptr().align_offset(LINE).min(from.len()),
        };
        let (ahead, lines) = from.split_at(ahead);
        if !ahead.is_empty() {
            let start = to.len();
            to.extend_from_slice(ahead);
            self.mask(to.get_mut(start..).unwrap_or_default());
        }
        if lines.is_empty() {
            return;
        }
        let mask = self.turned(ahead.len());
        dispatch(
            #[inline(always)]
            || mask.append_lines(lines, to),
        );
    }

    /// Copies and masks in one pass: the compiler keeps the keys in registers.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    fn append_lines(self, lines: &[u8], to: &mut alloc::vec::Vec<u8>) {
        let mut keys = [0; 4 * LINE];
        self.mask_words(&mut keys);
        for lines in lines.chunks(keys.len()) {
            to.extend(lines.iter().zip(&keys).map(|(byte, key)| byte ^ key));
        }
    }

    /// The lines of the cache within by themselves; the first and the last bytes, as many as a line has, may overlap
    /// them, so they are masked before anything is written.
    #[inline(always)]
    fn mask_long(self, bytes: &mut [u8]) {
        let len = bytes.len();
        let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else { return };
        let (first, last) = (self.mask_line(*first), self.turned(len).mask_line(*last));
        // That many may be anything: what is right must not depend on it.
        let ahead = Some(bytes.as_ptr().align_offset(LINE)).filter(|ahead| *ahead < LINE).unwrap_or(0);
        let (_, within) = bytes.split_at_mut(ahead);
        let (lines, _) = within.split_at_mut(within.len() - within.len() % LINE);
        self.turned(ahead).mask_words(lines);
        set_ends(bytes, first, last);
    }

    #[inline(always)]
    fn mask_line(self, mut line: [u8; LINE]) -> [u8; LINE] {
        self.mask_words(&mut line);
        line
    }

    /// What the compiler makes of this depends on the registers it may use where it is inlined.
    #[inline(always)]
    fn mask_words(self, words: &mut [u8]) {
        for word in words.chunks_exact_mut(8) {
            if let Ok(word) = <&mut [u8; 8]>::try_from(word) {
                *word = self.mask_8(*word);
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

/// Has the compiler make of this what the widest registers of the machine allow.
#[inline(always)]
fn dispatch(mask: impl FnOnce()) {
    #[cfg(feature = "simd")]
    pulp::Arch::new().dispatch(mask);
    #[cfg(not(feature = "simd"))]
    mask();
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
