use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::SendError;
#[cfg(feature = "alloc")]
use {alloc::borrow::ToOwned, alloc::string::String, alloc::vec::Vec, bytes::Bytes};

/// Received bytes: lent where they lay whole in the input, given where they had to be put together.
///
/// Either way they are the receiver's to read and to change. `Debug` shows the length alone.
///
/// ```
/// use sockless::{Config, Connection, Event};
///
/// let mut wire = *b"\x82\x03abc";
/// let mut input = &mut wire[..];
/// let mut connection = Connection::client(Config::default(), sockless::Keys::from_seed([1; 32]));
/// if let Some(Event::Binary { data, .. }) = connection.receive(&mut input)? {
///     assert!(data.is_lent());
///     assert_eq!(&*data, b"abc");
/// }
/// # Ok::<(), sockless::ProtocolError>(())
/// ```
pub struct Data<'b>(DataKind<'b>);

enum DataKind<'b> {
    Lent(&'b mut [u8]),
    #[cfg(feature = "alloc")]
    Given(Vec<u8>),
}

impl<'b> Data<'b> {
    #[inline]
    pub(crate) fn lent(bytes: &'b mut [u8]) -> Data<'b> {
        Data(DataKind::Lent(bytes))
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn given(bytes: Vec<u8>) -> Data<'b> {
        Data(DataKind::Given(bytes))
    }

    /// The lent bytes, or the given ones.
    #[cfg(feature = "alloc")]
    pub(crate) fn split(self) -> Result<&'b mut [u8], Vec<u8>> {
        match self.0 {
            DataKind::Lent(bytes) => Ok(bytes),
            DataKind::Given(bytes) => Err(bytes),
        }
    }

    /// Whether the bytes lie in the input still.
    pub fn is_lent(&self) -> bool {
        matches!(self.0, DataKind::Lent(_))
    }

    /// The bytes to keep: given ones as they are, lent ones copied.
    #[cfg(feature = "alloc")]
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            DataKind::Lent(bytes) => bytes.to_vec(),
            DataKind::Given(bytes) => bytes,
        }
    }

    /// The bytes to share: given ones as they are, lent ones copied.
    #[cfg(feature = "alloc")]
    pub fn into_bytes(self) -> Bytes {
        self.into_vec().into()
    }
}

impl Deref for Data<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            DataKind::Lent(bytes) => bytes,
            #[cfg(feature = "alloc")]
            DataKind::Given(bytes) => bytes,
        }
    }
}

impl DerefMut for Data<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            DataKind::Lent(bytes) => bytes,
            #[cfg(feature = "alloc")]
            DataKind::Given(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.len())
    }
}

/// Received text, valid UTF-8: lent where it lay whole in the input, given where it had to be put together.
///
/// In parts, a character that the input cut in two comes as a text of its own. `Debug` shows the length alone.
pub struct Text<'b>(TextKind<'b>);

enum TextKind<'b> {
    Lent(&'b str),
    /// One character in its first `len` bytes.
    Straddler {
        bytes: [u8; 4],
        len: u8,
    },
    #[cfg(feature = "alloc")]
    Given(String),
}

impl<'b> Text<'b> {
    #[inline]
    pub(crate) fn lent(text: &'b str) -> Text<'b> {
        Text(TextKind::Lent(text))
    }

    /// A text of the first character of `text`, carried inline; `None` if it has none.
    pub(crate) fn straddler(text: &str) -> Option<Text<'b>> {
        let mut bytes = [0; 4];
        let character = text.chars().next()?.encode_utf8(&mut bytes);
        let len = u8::try_from(character.len()).ok()?;
        Some(Text(TextKind::Straddler { bytes, len }))
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn given(text: String) -> Text<'b> {
        Text(TextKind::Given(text))
    }

    /// The lent text, or one to own.
    #[cfg(feature = "alloc")]
    pub(crate) fn split(self) -> Result<&'b str, String> {
        match self.0 {
            TextKind::Lent(text) => Ok(text),
            TextKind::Straddler { .. } => Err((*self).to_owned()),
            TextKind::Given(text) => Err(text),
        }
    }

    /// Whether the text lies in the input still.
    pub fn is_lent(&self) -> bool {
        matches!(self.0, TextKind::Lent(_))
    }

    /// The text to keep: a given one as it is, a lent one copied.
    #[cfg(feature = "alloc")]
    pub fn into_string(self) -> String {
        self.split().map_or_else(|given| given, ToOwned::to_owned)
    }

    /// The text's bytes to share: a given one's as they are, a lent one's copied.
    #[cfg(feature = "alloc")]
    pub fn into_bytes(self) -> Bytes {
        self.into_string().into()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            TextKind::Lent(text) => text,
            TextKind::Straddler { bytes, len } => {
                let character = bytes.get(..usize::from(*len)).unwrap_or_default();
                core::str::from_utf8(character).unwrap_or_default()
            }
            #[cfg(feature = "alloc")]
            TextKind::Given(text) => text,
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.len())
    }
}

/// The payload of a control frame: 125 bytes at most (RFC 6455 §5.5), held inline.
///
/// `Debug` shows the length alone.
///
/// ```
/// use sockless::{ControlPayload, SendError};
///
/// let payload = ControlPayload::new(b"are you there?")?;
/// assert_eq!(&*payload, b"are you there?");
/// assert_eq!(ControlPayload::new(&[0; 126]), Err(SendError::ControlTooLong));
/// # Ok::<(), SendError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ControlPayload {
    /// The bytes behind `len` are zero.
    bytes: [u8; ControlPayload::MAX_LEN],
    len: u8,
}

impl ControlPayload {
    /// The most bytes that a control frame carries.
    pub const MAX_LEN: usize = 125;
    /// No bytes.
    pub const EMPTY: ControlPayload = ControlPayload { bytes: [0; ControlPayload::MAX_LEN], len: 0 };

    /// A payload of these bytes.
    ///
    /// # Errors
    /// [`SendError::ControlTooLong`] for more than 125.
    pub fn new(bytes: &[u8]) -> Result<ControlPayload, SendError> {
        let mut payload = ControlPayload::EMPTY;
        if payload.push(bytes) < bytes.len() { Err(SendError::ControlTooLong) } else { Ok(payload) }
    }

    /// Appends as many bytes as there is room for and says how many those were.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let room = self.bytes.get_mut(usize::from(self.len)..).unwrap_or_default();
        let mut taken = 0;
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
            self.len += 1;
            taken += 1;
        }
        taken
    }
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControlPayload({} bytes)", self.len)
    }
}
