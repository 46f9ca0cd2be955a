use super::response::{Response, required_fields};
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

/// Why a server does not open a WebSocket for a request: the client's fault, or its attempt at something else.
///
/// Each knows the status to answer with and the fields that this status requires; `Display` says in words what was
/// wrong. Once the answer is written, shut the sending side down and read on until the client ends its own: closing a
/// socket with unread input resets it, and the answer would be lost. The handshake keeps no time any more; a second or
/// two of the driver's own is enough for a client that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The head breaks the grammar of HTTP (RFC 9112 §2.2, §5): bare CR or LF, NUL, folded lines, bad names.
    HeadMalformed,
    /// The first line is no request line (RFC 9112 §3).
    RequestLineMalformed,
    /// The request line is longer than the limit.
    RequestLineTooLong,
    /// The head is longer than the limit.
    HeadTooLarge,
    /// The head has more fields than the limit.
    TooManyFields,
    /// The request did not come in time.
    TimedOut,
    /// The client ended the transport before its request was complete; an answer may reach nobody.
    EndedEarly,
    /// The HTTP version is not 1.1 or a higher 1.x.
    HttpVersionUnsupported,
    /// The method is not GET (RFC 6455 §4.2.1).
    MethodNotAllowed,
    /// The target is neither a path nor an http or https URI, or has a fragment.
    TargetInvalid,
    /// There is no Host field.
    HostMissing,
    /// There is more than one Host field.
    HostRepeated,
    /// The Host field, or the authority in its place, is no host with a port.
    HostInvalid,
    /// The length of the body is not a number.
    ContentLengthInvalid,
    /// The request announces a body, in a coding or a length.
    BodyAnnounced,
    /// The transfer coding is none that HTTP knows.
    TransferCodingUnknown,
    /// No Upgrade field names `websocket`: an ordinary request.
    UpgradeMissing,
    /// No Connection field names `upgrade`.
    ConnectionUpgradeMissing,
    /// There is no Sec-WebSocket-Version field.
    VersionMissing,
    /// There is more than one Sec-WebSocket-Version field.
    VersionRepeated,
    /// The WebSocket version is not a number from 0 to 255.
    VersionInvalid,
    /// The WebSocket version is not 13.
    VersionUnsupported,
    /// There is no Sec-WebSocket-Key field.
    KeyMissing,
    /// There is more than one Sec-WebSocket-Key field.
    KeyRepeated,
    /// The key is not base64 of sixteen bytes.
    KeyInvalid,
    /// One of the first 64 subprotocols is not a token, or there is none in the field.
    SubprotocolsInvalid,
    /// More than 64 subprotocols are offered.
    TooManySubprotocols,
    /// The same subprotocol is offered twice.
    SubprotocolRepeated,
    /// The extensions break the grammar of their field.
    ExtensionsInvalid,
    /// There is more than one Origin field.
    OriginRepeated,
    /// The origin is not one that the policy lets pass.
    OriginForbidden,
    /// There is no Origin field, which the dialects before RFC 6455 ask for (hixie-76 §5.1).
    #[cfg(feature = "hixie")]
    OriginMissing,
    /// Origin and Sec-WebSocket-Origin, of which the drafts have one or the other, differ.
    #[cfg(feature = "hixie")]
    OriginsDiffer,
    /// There is no Sec-WebSocket-Key1 or no Sec-WebSocket-Key2 (hixie-76 §5.1).
    #[cfg(feature = "hixie")]
    ChallengeKeyMissing,
    /// There is more than one Sec-WebSocket-Key1 or Sec-WebSocket-Key2.
    #[cfg(feature = "hixie")]
    ChallengeKeyRepeated,
    /// A key has no digits, a number beyond 32 bits, no blanks, or a number that is no multiple of their count
    /// (hixie-76 §5.2).
    #[cfg(feature = "hixie")]
    ChallengeKeyInvalid,
    /// The `:protocol` of an extended CONNECT is not `websocket` (RFC 9220 §3).
    ProtocolUnsupported,
}

impl Refusal {
    /// The status to answer with: 403 for `OriginForbidden`, 405 for `MethodNotAllowed`, 408 for `TimedOut`, 414 for
    /// `RequestLineTooLong`, 426 for `UpgradeMissing`, `ConnectionUpgradeMissing` and `VersionUnsupported`, 431 for
    /// `HeadTooLarge` and `TooManyFields`, 501 for `TransferCodingUnknown` and `ProtocolUnsupported`, 505 for
    /// `HttpVersionUnsupported`, 400 for all others.
    pub const fn status(self) -> u16 {
        match self {
            Refusal::OriginForbidden => 403,
            Refusal::MethodNotAllowed => 405,
            Refusal::TimedOut => 408,
            Refusal::RequestLineTooLong => 414,
            Refusal::UpgradeMissing | Refusal::ConnectionUpgradeMissing | Refusal::VersionUnsupported => 426,
            Refusal::HeadTooLarge | Refusal::TooManyFields => 431,
            Refusal::TransferCodingUnknown | Refusal::ProtocolUnsupported => 501,
            Refusal::HttpVersionUnsupported => 505,
            _ => 400,
        }
    }

    /// The fields to answer with, besides `Connection` and `Content-Length`.
    pub const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Refusal::VersionMissing | Refusal::VersionRepeated | Refusal::VersionInvalid => {
                &[("Sec-WebSocket-Version", "13")]
            }
            _ => required_fields(self.status()),
        }
    }

    /// Writes the whole response and says how long it is; 256 bytes are enough for any.
    pub fn write(self, buffer: &mut [u8]) -> Result<usize, super::WriteError> {
        super::write::write_into(buffer, |sink| {
            self.as_response().put(self.fields(), sink);
            Ok(())
        })
    }

    /// The whole response; no body, and `Connection: close`.
    ///
    /// ```
    /// use sockless::handshake::Refusal;
    ///
    /// let response = Refusal::OriginForbidden.response();
    /// assert!(response.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
    /// ```
    #[cfg(feature = "alloc")]
    pub fn response(self) -> Vec<u8> {
        let mut response = Vec::with_capacity(192);
        self.as_response().put(self.fields(), &mut response);
        response
    }

    fn as_response(self) -> Response<'static> {
        Response { status: self.status(), fields: &[], body: &[] }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::HeadMalformed => "malformed request head",
            Refusal::RequestLineMalformed => "malformed request line",
            Refusal::RequestLineTooLong => "request line too long",
            Refusal::HeadTooLarge => "request head too large",
            Refusal::TooManyFields => "too many fields",
            Refusal::TimedOut => "the request did not come in time",
            Refusal::EndedEarly => "the request is not complete",
            Refusal::MethodNotAllowed => "the method is not GET",
            Refusal::HttpVersionUnsupported => "unsupported HTTP version",
            Refusal::TargetInvalid => "invalid request target",
            Refusal::HostMissing => "no Host",
            Refusal::HostRepeated => "more than one Host",
            Refusal::HostInvalid => "invalid Host",
            Refusal::BodyAnnounced => "a request with a body",
            Refusal::ContentLengthInvalid => "invalid Content-Length",
            Refusal::TransferCodingUnknown => "unknown transfer coding",
            Refusal::UpgradeMissing => "no upgrade to websocket asked for",
            Refusal::ConnectionUpgradeMissing => "Connection does not name Upgrade",
            Refusal::VersionMissing => "no Sec-WebSocket-Version",
            Refusal::VersionRepeated => "more than one Sec-WebSocket-Version",
            Refusal::VersionInvalid => "invalid Sec-WebSocket-Version",
            Refusal::VersionUnsupported => "unsupported Sec-WebSocket-Version",
            Refusal::KeyMissing => "no Sec-WebSocket-Key",
            Refusal::KeyRepeated => "more than one Sec-WebSocket-Key",
            Refusal::KeyInvalid => "invalid Sec-WebSocket-Key",
            Refusal::SubprotocolsInvalid => "invalid Sec-WebSocket-Protocol",
            Refusal::SubprotocolRepeated => "the same subprotocol twice",
            Refusal::TooManySubprotocols => "too many subprotocols",
            Refusal::ExtensionsInvalid => "invalid Sec-WebSocket-Extensions",
            Refusal::OriginRepeated => "more than one Origin",
            Refusal::OriginForbidden => "origin not allowed",
            #[cfg(feature = "hixie")]
            Refusal::OriginMissing => "no Origin",
            #[cfg(feature = "hixie")]
            Refusal::OriginsDiffer => "Origin and Sec-WebSocket-Origin differ",
            #[cfg(feature = "hixie")]
            Refusal::ChallengeKeyMissing => "no Sec-WebSocket-Key1 or no Sec-WebSocket-Key2",
            #[cfg(feature = "hixie")]
            Refusal::ChallengeKeyRepeated => "more than one Sec-WebSocket-Key1 or Sec-WebSocket-Key2",
            #[cfg(feature = "hixie")]
            Refusal::ChallengeKeyInvalid => "invalid Sec-WebSocket-Key1 or Sec-WebSocket-Key2",
            Refusal::ProtocolUnsupported => "unsupported :protocol",
        })
    }
}

impl core::error::Error for Refusal {}
