use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::{Data, SendError, Text};

/// What can be sent: `&[u8]`, `&str`, arrays, `Vec<u8>`, `String`, [`Bytes`], and what was received.
///
/// What is small or only lent is copied behind its header, so that many frames leave in one write; what is large and
/// owned is shared. A client copies and masks in one pass. Sealed: these types are all there are.
pub trait Payload: sealed::Sealed {
    /// What a call answers that does not take the payload: [`SendError`] for one that was only lent, [`Refused`]
    /// with the payload in it for one that was given.
    type Refused;

    #[doc(hidden)]
    fn refuse(self, error: SendError) -> Self::Refused;
}

/// A payload that was not taken, given back with the reason.
///
/// `Debug` and `Display` show the reason alone.
///
/// ```
/// use sockless::{Config, Connection, SendError};
///
/// let mut connection = Connection::server(Config::default().high_water(1000));
/// connection.binary(vec![1; 1000])?;
/// let refused = connection.binary(vec![2; 900]).unwrap_err();
/// assert_eq!((refused.error, refused.payload.len()), (SendError::Full, 900));
/// # Ok::<(), SendError>(())
/// ```
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
    use bytes::Bytes;

    pub trait Sealed: Sized {
        /// Whether the type says that it is UTF-8.
        const TEXT: bool;

        fn bytes(&self) -> &[u8];

        /// The bytes without a copy, if they are owned.
        fn share(self) -> Result<Bytes, Self>;
    }
}

/// Implements [`Payload`] for a type: whether it is text, how it shows its bytes, how it gives them away.
macro_rules! payload {
    (lent $generics:tt $type:ty, $text:literal, $bytes:expr) => {
        payload!(@ $generics $type, $text, $bytes, Err, SendError, |_, error| error);
    };
    (given $generics:tt $type:ty, $text:literal, $bytes:expr, $share:expr) => {
        payload!(@ $generics $type, $text, $bytes, $share, Refused<Self>, |payload, error| Refused {
            error,
            payload,
        });
    };
    (@ [$($generics:tt)*] $type:ty, $text:literal, $bytes:expr, $share:expr, $refused:ty, $refuse:expr) => {
        impl<$($generics)*> sealed::Sealed for $type {
            const TEXT: bool = $text;

            #[inline]
            fn bytes(&self) -> &[u8] {
                let bytes: fn(&Self) -> &[u8] = $bytes;
                bytes(self)
            }

            #[inline]
            fn share(self) -> Result<Bytes, Self> {
                let share: fn(Self) -> Result<Bytes, Self> = $share;
                share(self)
            }
        }

        impl<$($generics)*> Payload for $type {
            type Refused = $refused;

            #[inline]
            fn refuse(self, error: SendError) -> Self::Refused {
                let refuse: fn(Self, SendError) -> Self::Refused = $refuse;
                refuse(self, error)
            }
        }
    };
}

payload!(lent [] &[u8], false, |bytes| bytes);
payload!(lent [const N: usize] &[u8; N], false, |bytes| *bytes);
payload!(lent [] &Vec<u8>, false, |bytes| bytes);
payload!(lent [] &str, true, |text| text.as_bytes());
payload!(lent [] &String, true, |text| text.as_bytes());
payload!(given [] Vec<u8>, false, |bytes| bytes, |bytes| Ok(bytes.into()));
payload!(given [] String, true, |text| text.as_bytes(), |text| Ok(text.into()));
payload!(given [] Bytes, false, |bytes| bytes, Ok);
payload!(given ['b] Data<'b>, false, |data| data, |data| {
    data.split().map_or_else(|given| Ok(given.into()), |lent| Err(Data::lent(lent)))
});
payload!(given ['b] Text<'b>, true, |text| text.as_bytes(), |text| {
    text.split().map_or_else(|given| Ok(given.into()), |lent| Err(Text::lent(lent)))
});
