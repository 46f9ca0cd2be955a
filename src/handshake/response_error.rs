use core::fmt;

/// Why a response does not open a WebSocket: the server's fault, or its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseError {
    /// The head breaks the grammar of HTTP.
    HeadMalformed,
    /// The first line is no status line: this is not HTTP/1 (RFC 9112 §4).
    StatusLineMalformed,
    /// The status line is longer than the limit.
    StatusLineTooLong,
    /// The head, or all interim heads together, are longer than the limit.
    HeadTooLarge,
    /// The head has more fields than the limit.
    TooManyFields,
    /// More than eight interim responses.
    TooManyInterimResponses,
    /// The response did not come in time.
    TimedOut,
    /// The server ended the transport before its response was complete.
    EndedEarly,
    /// The server answered with this status, which opens nothing.
    Status(u16),
    /// The HTTP version is not 1.1 or a higher 1.x.
    HttpVersionUnsupported,
    /// There is no Upgrade field.
    UpgradeMissing,
    /// The Upgrade field is not exactly `websocket`.
    UpgradeInvalid,
    /// No Connection field names `upgrade`.
    ConnectionUpgradeMissing,
    /// There is no Sec-WebSocket-Accept field.
    AcceptMissing,
    /// There is more than one Sec-WebSocket-Accept field.
    AcceptRepeated,
    /// The accept value is not that of the request's key.
    AcceptWrong,
    /// The server chose no subprotocol, and one was required.
    SubprotocolMissing,
    /// There is more than one Sec-WebSocket-Protocol field.
    SubprotocolRepeated,
    /// The subprotocol is not one token.
    SubprotocolInvalid,
    /// The subprotocol is none that was offered.
    SubprotocolNotOffered,
    /// The extensions break the grammar of their field.
    ExtensionsInvalid,
    /// An extension is none that was offered.
    ExtensionNotOffered,
    /// There is no field that repeats the origin (hixie-76 §4.1).
    #[cfg(feature = "hixie")]
    OriginMissing,
    /// There is more than one field that repeats the origin.
    #[cfg(feature = "hixie")]
    OriginRepeated,
    /// The origin repeated is another than was sent.
    #[cfg(feature = "hixie")]
    OriginWrong,
    /// There is no field that repeats the URI (hixie-76 §4.1).
    #[cfg(feature = "hixie")]
    LocationMissing,
    /// There is more than one field that repeats the URI.
    #[cfg(feature = "hixie")]
    LocationRepeated,
    /// The URI repeated is another than was asked for.
    #[cfg(feature = "hixie")]
    LocationWrong,
    /// The sixteen bytes behind the head do not answer the challenge (hixie-76 §4.1).
    #[cfg(feature = "hixie")]
    ChallengeWrong,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResponseError::HeadMalformed => "malformed response head",
            ResponseError::StatusLineMalformed => "malformed status line",
            ResponseError::StatusLineTooLong => "status line too long",
            ResponseError::HeadTooLarge => "response head too large",
            ResponseError::TooManyFields => "too many fields",
            ResponseError::TooManyInterimResponses => "too many interim responses",
            ResponseError::TimedOut => "the response did not come in time",
            ResponseError::EndedEarly => "the response is not complete",
            ResponseError::Status(status) => return write!(f, "the server answered with status {status}"),
            ResponseError::HttpVersionUnsupported => "unsupported HTTP version",
            ResponseError::UpgradeMissing => "no Upgrade",
            ResponseError::UpgradeInvalid => "Upgrade is not websocket",
            ResponseError::ConnectionUpgradeMissing => "Connection does not name Upgrade",
            ResponseError::AcceptMissing => "no Sec-WebSocket-Accept",
            ResponseError::AcceptRepeated => "more than one Sec-WebSocket-Accept",
            ResponseError::AcceptWrong => "wrong Sec-WebSocket-Accept",
            ResponseError::SubprotocolMissing => "no subprotocol chosen",
            ResponseError::SubprotocolRepeated => "more than one Sec-WebSocket-Protocol",
            ResponseError::SubprotocolInvalid => "invalid Sec-WebSocket-Protocol",
            ResponseError::SubprotocolNotOffered => "a subprotocol that was not offered",
            ResponseError::ExtensionsInvalid => "invalid Sec-WebSocket-Extensions",
            ResponseError::ExtensionNotOffered => "an extension that was not offered",
            #[cfg(feature = "hixie")]
            ResponseError::OriginMissing => "the origin is not repeated",
            #[cfg(feature = "hixie")]
            ResponseError::OriginRepeated => "the origin is repeated more than once",
            #[cfg(feature = "hixie")]
            ResponseError::OriginWrong => "another origin is repeated than was sent",
            #[cfg(feature = "hixie")]
            ResponseError::LocationMissing => "the URI is not repeated",
            #[cfg(feature = "hixie")]
            ResponseError::LocationRepeated => "the URI is repeated more than once",
            #[cfg(feature = "hixie")]
            ResponseError::LocationWrong => "another URI is repeated than was asked for",
            #[cfg(feature = "hixie")]
            ResponseError::ChallengeWrong => "wrong answer to the challenge",
        })
    }
}

impl core::error::Error for ResponseError {}
