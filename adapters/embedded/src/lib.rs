//! A driver of [`sockless`] in caller memory alone: client and server over `embedded-io`, handshake and all.
//!
//! [`Endpoint`] reads into one slice and writes from another; their lengths are the limits. [`head`] reads the heads of
//! HTTP/1.1 in the slice that they were received in. Nothing is allocated and nothing is unsafe.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod echo;
mod endpoint;
pub mod head;
mod pipe;

pub use echo::echo;
pub use endpoint::{Answer, Endpoint, Error, HANDSHAKE_TIME, Turn, Wire};
pub use pipe::{Fifo, Pipe};
