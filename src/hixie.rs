//! The dialects before RFC 6455, which servers and tools in the wild still speak (feature `hixie`, off by default).
//!
//! **Insecure. Nothing new should speak them.** The frames are not masked, so what a page sends can be made to look
//! like HTTP to a proxy on the way, which then serves poisoned content to others; the handshake of hixie-75 proves
//! nothing at all, that of hixie-76 little more. They are here for bridges, for tools that must read what is out there,
//! and for servers that cannot drop their last old clients yet.
//!
//! | dialect | request | frames | closing handshake |
//! | --- | --- | --- | --- |
//! | draft-hixie-thewebsocketprotocol-75 | no key, no version | `00` text `FF` | none |
//! | draft-hixie-thewebsocketprotocol-76 (also known as hybi-00) | `Sec-WebSocket-Key1`, `-Key2`, eight bytes of body | `00` text `FF` | `FF 00` |
//! | draft-ietf-hybi-thewebsocketprotocol-07 to -12 | version 7 or 8 | those of RFC 6455 | that of RFC 6455 |
//!
//! [`Dialect::of`] looks at a request's head and says which dialect it speaks; [`upgrade`] checks it by the rules of
//! that dialect, under an [`OriginPolicy`](crate::handshake::OriginPolicy) that has no default here either. What was
//! hybi goes on as an ordinary [`Connection`](crate::Connection), the others as a [`hixie::Connection`](Connection),
//! which gives the same events and takes the same calls as far as the dialect has them. [`ClientHandshake`] opens a
//! WebSocket in hixie-76 or hixie-75.
//!
//! Everything is capped as elsewhere: heads by [`HandshakeLimits`](crate::handshake::HandshakeLimits), texts and
//! announced lengths by [`Limits`](crate::Limits), output by [`Config::high_water`](crate::Config::high_water). An
//! announced length reserves nothing.
//!
//! # A server for all of them on one port
//!
//! ```
//! use bytes::Buf;
//! use sockless::handshake::{self, OriginPolicy, ServerHandshake};
//! use sockless::hixie::{self, Upgrade};
//! use sockless::{Config, Event, SendError};
//!
//! # let mut read = b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\nOrigin: http://example.com\r\n\
//! #     Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\r\n^n:ds[4U\0Hello\xff".to_vec();
//! let mut input = &mut read[..]; // what the socket gave
//! let head = ServerHandshake::new(Default::default()).receive(&mut input)?.expect("else read on");
//! match hixie::upgrade(&head, OriginPolicy::SameHost)? {
//!     Upgrade::Rfc6455(request) => {
//!         let _connection = request.open(&handshake::Acceptance::default(), Config::default())?;
//!         // … and on as ever.
//!     }
//!     Upgrade::Hixie(request) => {
//!         let mut opening = request.open(&Default::default(), Config::default(), Default::default())?;
//!         let mut connection = opening.receive(&mut input)?.expect("else read on");
//!         while let Some(Event::Text { text, .. }) = connection.receive(&mut input)? {
//!             connection.text(text).map_err(SendError::from)?;
//!         }
//!         let len = connection.queued();
//!         assert!(connection.output().copy_to_bytes(len).ends_with(b"\r\n\r\n8jKS'y:G*Co,Wxa-\0Hello\xff"));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod challenge;
mod client_handshake;
mod client_request;
mod connection;
mod dialect;
mod frames;
mod opening;
mod request;

pub use challenge::challenge_answer;
pub use client_handshake::{ClientHandshake, Established, Outcome};
pub use client_request::ClientRequest;
pub use connection::Connection;
pub use dialect::Dialect;
pub use frames::InvalidText;
pub use opening::Opening;
pub use request::{Acceptance, Request, Scheme, Upgrade, upgrade};
