//! WebSocket streams for [tokio](https://docs.rs/tokio) over [`sockless`].
//!
//! [`WebSocketStream`] is a [`Stream`](futures_core::Stream) and a [`Sink`](futures_sink::Sink) of [`Message`]s over
//! anything that reads and writes. Pings and closes are answered, deadlines are kept, everything queued leaves in one
//! write. No call loses anything when its future is dropped: whatever was read or queued stays in the stream.
//!
//! ```
//! use sockless_tokio::sockless::handshake::OriginPolicy;
//! use sockless_tokio::{Message, accept, connect};
//! use futures_util::{SinkExt, StreamExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let server = tokio::spawn(async move {
//!     let (stream, _) = listener.accept().await.unwrap();
//!     let mut socket = accept(stream, OriginPolicy::Any).await.unwrap();
//!     while let Some(Ok(message)) = socket.next().await {
//!         if message.is_data() {
//!             socket.send(message).await.unwrap();
//!         }
//!     }
//! });
//! let mut socket = connect(&url).await?;
//! socket.send(Message::text("hello")).await?;
//! assert_eq!(socket.next().await.unwrap()?, Message::text("hello"));
//! socket.close(None).await?;
//! server.await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod dial;
mod error;
mod handshake;
mod message;
mod pool;
mod split;
mod stream;
#[cfg(feature = "rustls")]
mod tls;

#[cfg(feature = "rustls")]
pub use dial::connect_tls;
pub use dial::{Dialled, connect, connect_request};
pub use error::Error;
pub use handshake::{Incoming, accept, connect_with};
pub use message::Message;
pub use sockless;
pub use split::{SplitReceiver, SplitSender};
pub use stream::WebSocketStream;
#[cfg(feature = "rustls")]
pub use tokio_rustls;

/// What the guide says of this crate compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-tokio-tungstenite.md")]
struct FromTokioTungstenite;
