//! Drivers of [`sockless`], one for each kind of IO: to read beside `docs/drivers.md`, and to copy from.
//!
//! | module | kind |
//! | --- | --- |
//! | [`blocking`] | a thread per connection, over TCP or TLS |
//! | [`readiness`] | one thread and one read buffer for all connections, by an event queue |
//! | [`futures`] | anything that reads and writes in the sense of `futures-io`: smol, async-std |
//! | [`completion`] | owned buffers that are handed over and come back, as with io_uring |
//! | [`http2`] | a stream of HTTP/2, opened by an extended CONNECT |
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

pub mod blocking;
pub mod certificate;
mod clock;
pub mod completion;
mod echo;
pub mod futures;
pub mod http2;
pub mod readiness;

pub use clock::Clock;
pub use echo::echo;

/// The value of the argument `--listen`, or the default.
pub fn address(default: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--listen");
    arguments.nth(1).unwrap_or_else(|| default.into())
}
