use super::extension::ParameterValue;
use core::fmt;

/// The size of a window of DEFLATE as a power of two, 8 to 15 (RFC 7692 §7.1.2).
///
/// ```
/// use sockless::handshake::WindowBits;
///
/// assert_eq!(WindowBits::new(10).map(WindowBits::bytes), Some(1024));
/// assert_eq!(WindowBits::new(16), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 8: 256 bytes.
    pub const MIN: WindowBits = WindowBits(8);
    /// 15: 32 KiB.
    pub const MAX: WindowBits = WindowBits(15);

    /// A window of 2 to the power of `bits` bytes, if that is 8 to 15.
    pub const fn new(bits: u8) -> Option<WindowBits> {
        match bits {
            8..=15 => Some(WindowBits(bits)),
            _ => None,
        }
    }

    /// The exponent.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The window in bytes.
    pub const fn bytes(self) -> usize {
        1 << self.0
    }

    /// A decimal number without leading zeros (RFC 7692 §7.1.2.1), however it was quoted.
    pub(super) fn parse(value: ParameterValue<'_>) -> Option<WindowBits> {
        let mut digits = value.bytes();
        let bits = match (digits.next()?, digits.next(), digits.next()) {
            (digit @ b'8'..=b'9', None, _) => digit - b'0',
            (b'1', Some(digit @ b'0'..=b'5'), None) => 10 + digit - b'0',
            _ => return None,
        };
        WindowBits::new(bits)
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowBits({})", self.0)
    }
}
