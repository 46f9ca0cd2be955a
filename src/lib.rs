//! The WebSocket protocol without the sockets.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod handshake;
mod keys;
mod role;
mod time;
mod uri;

pub use keys::Keys;
pub use role::Role;
pub use time::Moment;
pub use uri::{Authority, Host, ResourceName, Uri, UriError};
