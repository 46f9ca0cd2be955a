//! The WebSocket protocol without the sockets: bytes in, events out; calls in, bytes out.
//!
//! The crate opens no socket, reads no clock, draws no randomness, spawns nothing and awaits nothing. Whoever has a
//! socket (blocking threads, an epoll loop, an async runtime, an HTTP server that parsed the request already, a stream
//! of HTTP/2, a microcontroller) drives it: gives it what was read, writes what it has queued, and tells it the time.
//!
//! # A server
//!
//! ```
//! use bytes::Buf;
//! use sockless::handshake::{Acceptance, OriginPolicy, ServerHandshake};
//! use sockless::{Config, Event};
//!
//! # let mut read = b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
//! #     \x81\x85\0\0\0\0Hello".to_vec();
//! let mut handshake = ServerHandshake::new(Default::default());
//! let mut input = &mut read[..]; // what the socket gave
//! let head = handshake.receive(&mut input)?.expect("else read on");
//! let request = head.upgrade(OriginPolicy::SameHost)?;
//! let mut connection = request.open(&Acceptance::default(), Config::default())?;
//!
//! // What came behind the head is still in `input`. A fault queues its Close and is the cause of the end.
//! while let Ok(Some(event)) = connection.receive(&mut input) {
//!     if let Event::Text { text, .. } = event {
//!         assert_eq!(&*text, "Hello");
//!         connection.text("Hello yourself")?;
//!     }
//! }
//! // The response and the message, in one write.
//! let len = connection.queued();
//! let out = connection.output().copy_to_bytes(len);
//! assert!(out.starts_with(b"HTTP/1.1 101 ") && out.ends_with(b"\x81\x0eHello yourself"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A client
//!
//! Over a blocking socket, from the first byte to the last; `examples/hello.rs` is this.
//!
#![doc = concat!("```no_run\n", include_str!("../examples/hello.rs"), "```")]
//!
//! # The levels
//!
//! | feature | for | begin with |
//! | --- | --- | --- |
//! | none | no allocator; messages in parts; heads that the caller has parsed | [`Session`], [`Decoder`], [`handshake`] |
//! | `alloc` | whole messages, a queue, two tasks | [`Connection`], [`Receiver`] and [`Sender`] |
//! | `http` | requests and responses that a server or client library has parsed | `handshake::Request::check_http` |
//! | `std`, the default | vectored output, SIMD UTF-8, seeds from the operating system | [`Keys::from_os`] |
//! | `deflate` | compressed messages (RFC 7692) | [`handshake::PermessageDeflate`] |
//! | `simd` | large payloads masked by the widest registers there are; Rust 1.89 | nothing: it adds no name |
//! | `hixie`, never by default | the dialects before RFC 6455, insecure, for tools that must still read them | `hixie` |
//!
//! A feature adds names, it never changes behaviour. `default-features = false` leaves `std` out; the others are named.
//!
//! # Where to look
//!
//! * Receiving: [`Connection::receive`], [`Event`], [`Delivery`], [`Limits`], [`ProtocolError`], [`ReadBuffer`].
//! * Sending: [`Sender`], [`Payload`], [`Output`], [`Prepared`], [`SendError`], [`Refused`].
//! * Closing: [`Sender::close`], [`Sender::transport`], [`Transport`], [`End`], [`CloseCode`].
//! * Time: [`Moment`], [`Timeouts`], [`Sender::poll_timeout`], [`Sender::handle_timeout`].
//! * Whose fault: what the peer did wrong is a [`ProtocolError`], in the handshake a [`handshake::Refusal`] or a
//!   [`handshake::ResponseError`]; what the caller asked for and cannot have is a [`SendError`], in the handshake a
//!   [`handshake::WriteError`].
//! * Randomness: [`Keys`].
//! * The opening handshake: [`handshake`], [`Uri`].
//! * The pieces by themselves: [`FrameHeader`], [`Mask`], [`Utf8`], [`parse_close`].
//! * Compression: [`handshake::PermessageDeflate`], and with `deflate` `DeflatePool`, `Sending`.
//!
//! # What every driver has to do
//!
//! 1. Write what is [queued](Sender::queued) before it reads or sleeps, and advance by what was written.
//! 2. Call [`receive`](Connection::receive) until `Ok(None)`; on an error go on with 1, the Close is queued.
//! 3. Sleep no longer than [`poll_timeout`](Sender::poll_timeout) says, then call
//!    [`handle_timeout`](Sender::handle_timeout).
//! 4. When nothing is queued do what [`transport`](Sender::transport) says, and tell the connection when the transport
//!    has [ended](Connection::receive_eof).
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
mod decoder;
#[cfg(feature = "deflate")]
mod deflate;
mod endpoint;
mod error;
mod frame_header;
mod frames;
pub mod handshake;
#[cfg(feature = "hixie")]
pub mod hixie;
mod keys;
mod limits;
mod mask;
mod octets;
mod parts;
mod payload;
mod role;
mod session;
mod time;
mod uri;
mod utf8;

// What both halves of a connection share. `alloc` has it only where there is an atomic compare-and-swap.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
use alloc::sync::Arc;
#[cfg(all(feature = "alloc", not(target_has_atomic = "ptr")))]
use portable_atomic_util::Arc;

pub use close::{CloseCode, parse_close};
pub use closing::{Cause, CloseReason, End, EndCode, Transport};
pub use config::{Config, Delivery, Reply};
#[cfg(feature = "deflate")]
pub use connection::Sending;
#[cfg(feature = "alloc")]
pub use connection::{
    Connection, Dropped, Event, Output, Payload, Prepared, ReadBuffer, Received, Receiver, Refused, Sender,
    Signal, Step,
};
pub use deadline::{Deadline, Timeouts};
pub use decoder::{Chunk, Decoder};
#[cfg(feature = "deflate")]
pub use deflate::DeflatePool;
pub use error::{ProtocolError, SendError};
pub use frame_header::{EncodedHeader, FrameHeader, Opcode};
pub use keys::Keys;
pub use limits::Limits;
pub use mask::Mask;
pub use payload::{ControlPayload, Data, Text};
pub use role::Role;
pub use session::{Session, SessionEvent};
pub use time::Moment;
pub use uri::{Authority, Host, ResourceName, Uri, UriError};
pub use utf8::{InvalidUtf8, Utf8};

/// The README's listings compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
