//! The WebSocket protocol without the sockets.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod keys;
mod role;
mod time;

pub use keys::Keys;
pub use role::Role;
pub use time::Moment;
