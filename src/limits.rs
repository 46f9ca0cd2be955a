/// What a peer may ask of this end's memory and time; going over a limit fails the connection.
///
/// Every limit is checked on the frame header, before a byte of the payload is taken or any memory reserved. A
/// compressed message is held to its own length while it is inflated, whatever the ratio; since data that does not
/// compress grows by a few bytes, its frames may announce an eighth and 64 bytes more.
///
/// ```
/// use sockless::Limits;
///
/// let limits = Limits::for_messages(16 << 20);
/// assert_eq!((limits.message, limits.frame, limits.fragments), (16 << 20, 16 << 20, 65536));
/// let small_frames = Limits { frame: 64 << 10, ..limits };
/// assert_eq!(small_frames.message, limits.message);
/// assert_eq!(Limits::DEFAULT, Limits::for_messages(1 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The most bytes of payload in one message, all its frames together.
    pub message: u64,
    /// The most bytes of payload in one data frame.
    pub frame: u64,
    /// The most frames in one message, empty ones counted; zero counts as one.
    pub fragments: u32,
}

impl Limits {
    /// Messages up to 1 MiB.
    pub const DEFAULT: Limits = Limits::for_messages(1 << 20);

    /// No limit but those of the protocol itself. For trusted peers, or for a caller that watches what it is given.
    pub const UNLIMITED: Limits = Limits { message: u64::MAX, frame: u64::MAX, fragments: u32::MAX };

    /// Messages up to this many bytes, in frames of any size within it, and one fragment for each 256 bytes of it
    /// (1024 at least).
    pub const fn for_messages(bytes: u64) -> Limits {
        let fragments = match bytes / 256 {
            0..1024 => 1024,
            many @ 1024..0xffff_ffff => {
                let [_, _, _, _, a, b, c, d] = many.to_be_bytes();
                u32::from_be_bytes([a, b, c, d])
            }
            _ => u32::MAX,
        };
        Limits { message: bytes, frame: bytes, fragments }
    }

    /// What the frames of a compressed message may announce: no compressor makes data that much longer.
    pub(crate) fn of_compressed(&self) -> Limits {
        let grown = |bytes: u64| bytes.saturating_add(bytes / 8 + 64);
        Limits { message: grown(self.message), frame: grown(self.frame), fragments: self.fragments }
    }

    /// Whether a message of so many bytes in one frame is within them.
    #[inline]
    pub(crate) fn allow(&self, len: u16) -> bool {
        u64::from(len) <= self.frame.min(self.message)
    }
}

impl Default for Limits {
    /// [`Limits::DEFAULT`].
    fn default() -> Limits {
        Limits::DEFAULT
    }
}
