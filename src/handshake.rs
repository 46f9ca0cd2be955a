//! The opening handshake, both roles (RFC 6455 §4).
//!
//! Each side's rules are one check over any list of fields, so that they serve an HTTP server that has already parsed
//! the request, a stream of HTTP/2 and raw bytes alike:
//!
//! | | server | client |
//! | --- | --- | --- |
//! | fields of HTTP/1.1 | [`Request::check`] | [`ClientRequest`], [`Offer::check`] |
//! | extended CONNECT (RFC 8441, RFC 9220) | [`ConnectRequest::check`] | [`ClientRequest::stream_fields`], [`Offer::check_stream`] |
//! | types of the `http` crate (feature `http`) | `Request::check_http` | `ClientRequest::to_http`, `Offer::check_http` |
//! | raw bytes (feature `alloc`) | `ServerHandshake` | `ClientHandshake` |
//!
//! Compression is negotiated by [`PermessageDeflate`], on both sides.
//!
//! A client behind a proxy asks for a tunnel first: [`ProxyRequest`].
//!
//! What the peer did wrong is a [`Refusal`] at the server, a [`ResponseError`] at the client. What the caller asked
//! for and cannot be sent is a [`WriteError`]: no text that it hands in can end a line or a field that it was not
//! meant to end.

#[cfg(feature = "alloc")]
mod body;
mod client;
#[cfg(feature = "alloc")]
mod client_machine;
mod deflate_parameters;
mod extended_connect;
mod extension;
mod extension_text;
mod fields;
#[cfg(feature = "alloc")]
mod head;
#[cfg(feature = "alloc")]
mod http1;
#[cfg(feature = "http")]
mod http_types;
mod key;
#[cfg(feature = "alloc")]
mod limits;
mod origin;
mod output;
mod permessage_deflate;
#[cfg(feature = "alloc")]
mod progress;
mod proposal;
mod proxy;
#[cfg(feature = "alloc")]
mod proxy_machine;
mod refusal;
mod response;
mod response_error;
#[cfg(feature = "alloc")]
mod response_reader;
mod server;
#[cfg(feature = "alloc")]
mod server_machine;
mod window_bits;

pub use client::{ClientRequest, Offer, Opened, StatusLine};
pub use deflate_parameters::DeflateFault;
pub use extended_connect::{ConnectFault, ConnectRequest, MalformedFields};
pub use extension::{Extension, Parameter, ParameterValue};
pub use extension_text::ExtensionText;
#[cfg(feature = "http")]
pub use http_types::HeaderFields;
pub use key::{Key, accept_key};
pub use origin::{Origin, OriginPolicy};
pub use output::WriteError;
pub use permessage_deflate::{Agreed, PermessageDeflate};
pub use proposal::{Acceptance, Proposal};
pub use proxy::ProxyRequest;
pub use refusal::Refusal;
pub use response::Response;
pub use response_error::ResponseError;
pub use server::{HttpVersion, Request, RequestLine};
pub use window_bits::WindowBits;

#[cfg(feature = "hixie")]
pub(crate) use {
    client::is_reserved_in_request,
    fields::{lists, named},
    http1::take,
    output::Sink,
    progress::Progress,
    proposal::Once,
    response_reader::ResponseReader,
    server::{Rules, Seen, split_target},
};

#[cfg(feature = "alloc")]
pub use {
    body::{Body, BodyCollector, BodyFraming},
    client_machine::{ClientHandshake, Established, Outcome},
    head::{Fields, RequestHead, ResponseHead},
    limits::HandshakeLimits,
    proxy_machine::{ProxyHandshake, Tunnel},
    server_machine::ServerHandshake,
};
