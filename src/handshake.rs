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
//! Raw bytes without an allocator are cut into a first line and fields by the caller, then checked as fields of
//! HTTP/1.1. `adapters/embedded/src/head.rs` in the repository does that in the slice that the head was received in, to
//! be copied; the crate `httparse` does it too, but takes a bare LF for the end of a line. A line that is no field has
//! to fail the head: whoever ends the list there hides the fields behind it from the check.
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
#[cfg(feature = "alloc")]
mod client_handshake;
mod client_request;
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
mod offer;
mod origin;
mod permessage_deflate;
#[cfg(feature = "alloc")]
mod progress;
mod proposal;
#[cfg(feature = "alloc")]
mod proxy_handshake;
mod proxy_request;
mod refusal;
mod request;
mod response;
mod response_error;
#[cfg(feature = "alloc")]
mod response_reader;
#[cfg(feature = "alloc")]
mod server_handshake;
mod window_bits;
mod write;

pub use client_request::ClientRequest;
pub use deflate_parameters::DeflateFault;
pub use extended_connect::{ConnectFault, ConnectRequest, MalformedFields};
pub use extension::{Extension, Parameter, ParameterValue};
pub use extension_text::ExtensionText;
#[cfg(feature = "http")]
pub use http_types::HeaderFields;
pub use key::{Key, accept_key};
pub use offer::{Offer, Opened, StatusLine};
pub use origin::{Origin, OriginPolicy};
pub use permessage_deflate::{Agreed, PermessageDeflate};
pub use proposal::{Acceptance, Proposal};
pub use proxy_request::ProxyRequest;
pub use refusal::Refusal;
pub use request::{HttpVersion, Request, RequestLine};
pub use response::Response;
pub use response_error::ResponseError;
pub use window_bits::WindowBits;
pub use write::WriteError;

#[cfg(feature = "hixie")]
pub(crate) use {
    client_request::is_reserved_in_request,
    fields::{lists, named},
    http1::take,
    progress::Progress,
    proposal::Once,
    request::{Rules, Seen, split_target},
    response_reader::ResponseReader,
    write::Sink,
};

#[cfg(feature = "alloc")]
pub use {
    body::{Body, BodyCollector, BodyFraming},
    client_handshake::{ClientHandshake, Established, Outcome},
    head::{Fields, RequestHead, ResponseHead},
    limits::HandshakeLimits,
    proxy_handshake::{ProxyHandshake, Tunnel},
    server_handshake::ServerHandshake,
};
