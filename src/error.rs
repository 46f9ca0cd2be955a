use core::fmt;

use crate::CloseCode;

/// A fault of the peer: a rule it broke or a limit it went over. It fails the connection (RFC 6455 §7.1.7).
///
/// One variant per rule; one, [`InflatersExhausted`](ProtocolError::InflatersExhausted), is a limit of this end's own.
/// A fault is sticky: whatever met it reports the same one on every later call, and the Close frame with its
/// [code](ProtocolError::close_code) is queued before it is first reported. [`End::cause`](crate::End::cause) has it
/// once: log it there. `Display` says the rule in words, and its section.
///
/// ```
/// use sockless::{CloseCode, ProtocolError};
///
/// let fault = ProtocolError::UnmaskedFrame;
/// assert_eq!(fault.close_code(), CloseCode::PROTOCOL_ERROR);
/// assert_eq!(fault.to_string(), "a client's frame is not masked (RFC 6455 §5.1)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An opcode that no specification has assigned: 3 to 7, 11 to 15.
    ReservedOpcode,
    /// A reserved bit that no negotiated extension has claimed.
    ReservedBits,
    /// RSV1, claimed by compression, on a control frame.
    CompressedControl,
    /// RSV1, claimed by compression, on a frame that continues a message.
    CompressedContinuation,
    /// A compressed message that is no DEFLATE, or ends inside a block.
    CorruptDeflate,
    /// A compressed message while all inflaters of the pool are out: the fault is not the peer's.
    InflatersExhausted,
    /// A control frame without FIN.
    FragmentedControl,
    /// A control frame that announces more than 125 bytes, or uses a longer length form than the short one.
    ControlTooLong,
    /// A continuation frame while no message is unfinished.
    UnexpectedContinuation,
    /// A new message before the unfinished one was finished.
    InterleavedMessage,
    /// A frame from a client without a masking key.
    UnmaskedFrame,
    /// A frame from a server with a masking key.
    MaskedFrame,
    /// A length in a longer form than it needs.
    LengthNotShortest,
    /// A 64-bit length with its top bit set.
    LengthTopBit,
    /// A data frame that announces more than [`Limits::frame`](crate::Limits::frame).
    FrameTooBig,
    /// A message that grows beyond [`Limits::message`](crate::Limits::message).
    MessageTooBig,
    /// A message in more frames than [`Limits::fragments`](crate::Limits::fragments), empty ones counted.
    TooManyFragments,
    /// Text with a byte that cannot be part of valid UTF-8, or that ends inside a character.
    InvalidUtf8,
    /// A Close frame with a payload of one byte, too short for a code.
    TruncatedCloseCode,
    /// A Close frame with a code that must not stand in one.
    InvalidCloseCode,
    /// A Close frame whose reason is not UTF-8.
    InvalidCloseReason,
}

impl ProtocolError {
    /// The code that the Close frame carries when the connection fails for this: 1009 for `FrameTooBig` and
    /// `MessageTooBig`, 1008 for `TooManyFragments`, 1007 for `InvalidUtf8`, `InvalidCloseReason` and `CorruptDeflate`,
    /// 1013 for `InflatersExhausted`, 1002 for all others.
    pub const fn close_code(self) -> CloseCode {
        use ProtocolError::*;
        match self {
            FrameTooBig | MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
            TooManyFragments => CloseCode::POLICY_VIOLATION,
            InvalidUtf8 | InvalidCloseReason | CorruptDeflate => CloseCode::INVALID_DATA,
            InflatersExhausted => CloseCode::TRY_AGAIN_LATER,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The section that states the rule.
    pub const fn section(self) -> &'static str {
        use ProtocolError::*;
        match self {
            ReservedOpcode | ReservedBits | LengthNotShortest | LengthTopBit => "RFC 6455 §5.2",
            CompressedControl | CompressedContinuation => "RFC 7692 §6.1",
            CorruptDeflate => "RFC 7692 §7.2.2",
            FragmentedControl | ControlTooLong => "RFC 6455 §5.5",
            UnexpectedContinuation | InterleavedMessage => "RFC 6455 §5.4",
            UnmaskedFrame | MaskedFrame => "RFC 6455 §5.1",
            FrameTooBig | MessageTooBig | TooManyFragments | InflatersExhausted => "RFC 6455 §10.4",
            InvalidUtf8 => "RFC 6455 §8.1",
            TruncatedCloseCode | InvalidCloseReason => "RFC 6455 §5.5.1",
            InvalidCloseCode => "RFC 6455 §7.4",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProtocolError::*;
        let rule = match self {
            ReservedOpcode => "the opcode is not assigned",
            ReservedBits => "a reserved bit is set that no extension has claimed",
            CompressedControl => "a control frame is marked as compressed",
            CompressedContinuation => "a continuation frame is marked as compressed",
            CorruptDeflate => "the compressed data does not inflate",
            InflatersExhausted => "more compressed messages arrive than there are inflaters",
            FragmentedControl => "a control frame is fragmented",
            ControlTooLong => "a control frame is longer than 125 bytes",
            UnexpectedContinuation => "there is no message to continue",
            InterleavedMessage => "a message begins inside another",
            UnmaskedFrame => "a client's frame is not masked",
            MaskedFrame => "a server's frame is masked",
            LengthNotShortest => "the length is not in its shortest form",
            LengthTopBit => "the length has its top bit set",
            FrameTooBig => "the frame is over the limit",
            MessageTooBig => "the message is over the limit",
            TooManyFragments => "the message has too many fragments",
            InvalidUtf8 => "the text is not UTF-8",
            TruncatedCloseCode => "the Close frame has one byte of payload",
            InvalidCloseCode => "the Close frame has a code that must not be sent",
            InvalidCloseReason => "the reason of the Close frame is not UTF-8",
        };
        write!(f, "{rule} ({})", self.section())
    }
}

impl core::error::Error for ProtocolError {}

/// A call that cannot be carried out: nothing was queued, written or changed.
///
/// [`Closed`](SendError::Closed) and [`Full`](SendError::Full) come about in good order, when the peer closes or reads
/// slowly; all others are mistakes of the caller's.
///
/// ```
/// use sockless::{CloseCode, Connection, Config, SendError};
///
/// let mut connection = Connection::server(Config::default());
/// connection.close(Some(CloseCode::NORMAL), "")?;
/// assert_eq!(connection.text("too late"), Err(SendError::Closed));
/// # Ok::<(), SendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// After a Close frame no data may follow, and only one Close is ever sent (RFC 6455 §5.5.1).
    Closed,
    /// The queue has reached its high-water mark, or the caller's memory is too small: write first, then try again.
    Full,
    /// A message begun in fragments is to be finished first (RFC 6455 §5.4).
    Unfinished,
    /// There is no message to go on with: begin one first.
    NotBegun,
    /// The payload of a control frame is at most 125 bytes (RFC 6455 §5.5).
    ControlTooLong,
    /// The reason of a Close is at most 123 bytes (RFC 6455 §5.5.1).
    ReasonTooLong,
    /// A Close without a code has no room for a reason (RFC 6455 §5.5.1).
    ReasonWithoutCode,
    /// This code is for clients only (RFC 6455 §7.4.1).
    CodeForClients,
    /// Text is UTF-8 (RFC 6455 §5.6).
    NotUtf8,
    /// The dialect spoken has no such frame: those before RFC 6455 have text alone.
    #[cfg(feature = "hixie")]
    NotInDialect,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use SendError::*;
        f.write_str(match self {
            Closed => "the connection is closing",
            Full => "there is no room until output was written",
            Unfinished => "a fragmented message is to be finished first",
            NotBegun => "no fragmented message was begun",
            ControlTooLong => "a control frame carries at most 125 bytes",
            ReasonTooLong => "the reason of a Close is at most 123 bytes",
            ReasonWithoutCode => "a Close without a code has no reason",
            CodeForClients => "only a client may send this code",
            NotUtf8 => "text has to be UTF-8",
            #[cfg(feature = "hixie")]
            NotInDialect => "the dialect spoken has no such frame",
        })
    }
}

impl core::error::Error for SendError {}
