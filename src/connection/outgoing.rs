use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::{Data, SendError, Text};

/// What can be sent: `&[u8]`, `&str`, arrays, `Vec<u8>`, `String`, [`Bytes`], and what was received.
///
/// What is small or only lent is copied behind its header, so that many frames leave in one write; what is large and
/// owned is shared. A client copies and masks in one pass. Sealed: these types are all there are.
pub trait Payload: sealed::Sealed {}

impl<P: sealed::Sealed> Payload for P {}

/// A message that was not taken, given back with the reason.
///
/// `Debug` and `Display` show the reason alone.
pub struct Refused<P> {
    /// Why it was not taken.
    pub error: SendError,
    /// The payload, as it was.
    pub payload: P,
}

impl<P> fmt::Debug for Refused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refused({:?})", self.error)
    }
}

impl<P> fmt::Display for Refused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<P> core::error::Error for Refused<P> {}

impl<P> From<Refused<P>> for SendError {
    fn from(refused: Refused<P>) -> SendError {
        refused.error
    }
}

pub(crate) mod sealed {
    use super::*;

    pub trait Sealed: Sized {
        /// Whether the type says that it is UTF-8.
        const TEXT: bool;

        fn bytes(&self) -> &[u8];

        /// The bytes without a copy, if they are owned.
        fn share(self) -> Result<Bytes, Self> {
            Err(self)
        }
    }

    impl Sealed for &[u8] {
        const TEXT: bool = false;

        fn bytes(&self) -> &[u8] {
            self
        }
    }

    impl<const N: usize> Sealed for &[u8; N] {
        const TEXT: bool = false;

        fn bytes(&self) -> &[u8] {
            *self
        }
    }

    impl Sealed for &Vec<u8> {
        const TEXT: bool = false;

        fn bytes(&self) -> &[u8] {
            self
        }
    }

    impl Sealed for &str {
        const TEXT: bool = true;

        fn bytes(&self) -> &[u8] {
            self.as_bytes()
        }
    }

    impl Sealed for &String {
        const TEXT: bool = true;

        fn bytes(&self) -> &[u8] {
            self.as_bytes()
        }
    }

    impl Sealed for Vec<u8> {
        const TEXT: bool = false;

        fn bytes(&self) -> &[u8] {
            self
        }

        fn share(self) -> Result<Bytes, Self> {
            Ok(self.into())
        }
    }

    impl Sealed for String {
        const TEXT: bool = true;

        fn bytes(&self) -> &[u8] {
            self.as_bytes()
        }

        fn share(self) -> Result<Bytes, Self> {
            Ok(self.into())
        }
    }

    impl Sealed for Bytes {
        const TEXT: bool = false;

        fn bytes(&self) -> &[u8] {
            self
        }

        fn share(self) -> Result<Bytes, Self> {
            Ok(self)
        }
    }

    impl Sealed for Data<'_> {
        const TEXT: bool = false;

        fn bytes(&self) -> &[u8] {
            self
        }

        fn share(self) -> Result<Bytes, Self> {
            self.split().map_or_else(|given| Ok(given.into()), |lent| Err(Data::lent(lent)))
        }
    }

    impl Sealed for Text<'_> {
        const TEXT: bool = true;

        fn bytes(&self) -> &[u8] {
            self.as_bytes()
        }

        fn share(self) -> Result<Bytes, Self> {
            self.split().map_or_else(|given| Ok(given.into()), |lent| Err(Text::lent(lent)))
        }
    }
}
