//! The WebSocket protocol without the sockets.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![warn(clippy::as_conversions, clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod close;
mod closing;
mod config;
#[cfg(feature = "alloc")]
mod connection;
mod deadline;
mod decode;
mod endpoint;
mod error;
mod frame;
pub mod handshake;
mod keys;
mod limits;
mod mask;
mod parts;
mod payload;
mod role;
mod session;
mod time;
mod uri;
mod utf8;

pub use close::{CloseCode, parse_close};
pub use closing::{Cause, CloseReason, End, EndCode, Transport};
pub use config::{Config, Delivery, Reply};
#[cfg(feature = "alloc")]
pub use connection::{
    Connection, Dropped, Event, Output, Payload, Prepared, ReadBuffer, Received, Receiver, Refused, Sender,
    Signal, Step,
};
pub use deadline::{Deadline, Timeouts};
pub use decode::{Chunk, Decoder};
pub use error::{ProtocolError, SendError};
pub use frame::{EncodedHeader, FrameHeader, Opcode};
pub use keys::Keys;
pub use limits::Limits;
pub use mask::Mask;
pub use payload::{ControlPayload, Data, Text};
pub use role::Role;
pub use session::{Session, SessionEvent};
pub use time::Moment;
pub use uri::{Authority, Host, ResourceName, Uri, UriError};
pub use utf8::{InvalidUtf8, Utf8};
