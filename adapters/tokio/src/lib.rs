#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod dial;
mod error;
mod handshake;
mod message;
mod pool;
mod setup;
mod split;
mod stream;
#[cfg(feature = "rustls")]
mod tls;

pub use dial::{Dialled, connect, connect_request};
#[cfg(feature = "rustls")]
pub use dial::{connect_tls, connect_tls_with};
pub use error::Error;
pub use handshake::{Incoming, accept, connect_with};
pub use message::Message;
pub use setup::Setup;
pub use sockless;
pub use split::{SplitReceiver, SplitSender};
pub use stream::WebSocketStream;
#[cfg(feature = "rustls")]
pub use tls::tls_config;
#[cfg(feature = "rustls")]
pub use tokio_rustls;

/// What the guide says of this crate compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-tokio-tungstenite.md")]
struct FromTokioTungstenite;
