use super::fields::{is_token, is_value};
use core::fmt;

/// Why a request or a response was not written: what the caller asked for cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteError {
    /// The buffer is too small; what it holds now means nothing.
    BufferTooSmall {
        /// The length that suffices.
        needed: usize,
    },
    /// A field name is not a token (in an extended CONNECT: not one in lower case).
    FieldName,
    /// A field value has a control character in it: CR, LF, NUL or another.
    FieldValue,
    /// A field that the handshake writes itself, or that would contradict it.
    FieldReserved,
    /// The target is one that the `http` crate does not take: it is too long.
    Target,
    /// The origin is no serialised origin.
    Origin,
    /// A subprotocol's name is not a token.
    Subprotocol,
    /// The same subprotocol is offered twice.
    SubprotocolRepeated,
    /// The subprotocol to accept is none that the client offered.
    SubprotocolNotOffered,
    /// The extensions break the grammar of their field, or there are none in it.
    Extensions,
    /// An extension to accept is none that the client offered.
    ExtensionNotOffered,
    /// The status is not from 200 to 599.
    Status,
    /// The status is one whose response has no body.
    BodyForbidden,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteError::BufferTooSmall { needed } => {
                return write!(f, "the buffer is too small: {needed} bytes");
            }
            WriteError::FieldName => "invalid field name",
            WriteError::FieldValue => "a control character in a field value",
            WriteError::FieldReserved => "a field that belongs to the handshake",
            WriteError::Target => "the target is too long",
            WriteError::Origin => "invalid origin",
            WriteError::Subprotocol => "a subprotocol that is not a token",
            WriteError::SubprotocolRepeated => "the same subprotocol twice",
            WriteError::SubprotocolNotOffered => "a subprotocol that was not offered",
            WriteError::Extensions => "invalid extensions",
            WriteError::ExtensionNotOffered => "an extension that was not offered",
            WriteError::Status => "a status outside 200 to 599",
            WriteError::BodyForbidden => "a body with a status that has none",
        })
    }
}

impl core::error::Error for WriteError {}

/// Where a head is written to: a caller's buffer, or a vector.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);

    fn show(&mut self, value: impl fmt::Display)
    where
        Self: Sized,
    {
        struct Shown<'s, S>(&'s mut S);
        impl<S: Sink> fmt::Write for Shown<'_, S> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.put(text.as_bytes());
                Ok(())
            }
        }
        let shown = fmt::Write::write_fmt(&mut Shown(self), format_args!("{value}"));
        debug_assert!(shown.is_ok());
    }

    /// One field line; the value has been checked.
    fn field(&mut self, name: &str, value: &str) {
        self.put(name.as_bytes());
        self.put(b": ");
        self.put(value.as_bytes());
        self.put(b"\r\n");
    }

    /// The caller's own fields.
    fn fields(&mut self, fields: &[(&str, &str)], reserved: fn(&str) -> bool) -> Result<(), WriteError> {
        for (name, value) in fields {
            check_field(name, value, reserved)?;
            self.field(name, value);
        }
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Sink for alloc::vec::Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What `write` puts, in `buffer`; the length of it.
pub(super) fn write_into(
    buffer: &mut [u8],
    write: impl FnOnce(&mut Slice<'_>) -> Result<(), WriteError>,
) -> Result<usize, WriteError> {
    let available = buffer.len();
    let mut slice = Slice { free: buffer, length: 0 };
    write(&mut slice)?;
    if slice.length > available {
        return Err(WriteError::BufferTooSmall { needed: slice.length });
    }
    Ok(slice.length)
}

/// A caller's buffer; counts on when it is full.
pub(super) struct Slice<'o> {
    free: &'o mut [u8],
    length: usize,
}

impl Sink for Slice<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        // What did not fit leaves no room for what follows: nothing is written behind a gap.
        if let Some((place, free)) = core::mem::take(&mut self.free).split_at_mut_checked(bytes.len()) {
            place.copy_from_slice(bytes);
            self.free = free;
        }
    }
}

pub(super) fn check_field(name: &str, value: &str, reserved: fn(&str) -> bool) -> Result<(), WriteError> {
    if !is_token(name.as_bytes()) {
        return Err(WriteError::FieldName);
    }
    if !is_value(value.as_bytes()) {
        return Err(WriteError::FieldValue);
    }
    if reserved(name) {
        return Err(WriteError::FieldReserved);
    }
    Ok(())
}

/// The fields that no caller writes into a response, nor into a request.
pub(super) fn is_reserved(name: &str) -> bool {
    const PREFIX: &str = "sec-websocket-";
    let prefixed = name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    let framing = ["connection", "upgrade", "content-length", "transfer-encoding", "trailer"];
    prefixed || framing.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
}
