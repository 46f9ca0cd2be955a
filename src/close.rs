use core::fmt;
use core::num::NonZeroU16;

use crate::{ControlPayload, ProtocolError, Role, SendError};

/// A code that may stand in a Close frame (RFC 6455 §7.4): 1000 to 1003, 1007 to 1014, 3000 to 4999.
///
/// What only a report may say, such as 1006, is an [`EndCode`](crate::EndCode).
///
/// ```
/// use sockless::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(4001).unwrap().value(), 4001);
/// assert_eq!(CloseCode::new(1006), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(NonZeroU16);

impl CloseCode {
    /// 1000: the purpose was fulfilled.
    pub const NORMAL: CloseCode = CloseCode::known(1000);
    /// 1001: the server goes down, or the page was left.
    pub const GOING_AWAY: CloseCode = CloseCode::known(1001);
    /// 1002: the peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode::known(1002);
    /// 1003: a type of data that cannot be accepted.
    pub const UNSUPPORTED_DATA: CloseCode = CloseCode::known(1003);
    /// 1007: data that does not fit its type, such as text that is not UTF-8.
    pub const INVALID_DATA: CloseCode = CloseCode::known(1007);
    /// 1008: a policy was violated, and no other code says it better.
    pub const POLICY_VIOLATION: CloseCode = CloseCode::known(1008);
    /// 1009: the message is too big to process.
    pub const MESSAGE_TOO_BIG: CloseCode = CloseCode::known(1009);
    /// 1010: the client misses an extension that the server did not agree to. Only a client sends it.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode::known(1010);
    /// 1011: something unexpected happened at this end.
    pub const INTERNAL_ERROR: CloseCode = CloseCode::known(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode::known(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode::known(1013);
    /// 1014: a gateway got an invalid answer from behind it.
    pub const BAD_GATEWAY: CloseCode = CloseCode::known(1014);

    /// The code of this value, if it may stand in a Close frame.
    pub const fn new(value: u16) -> Option<CloseCode> {
        match value {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(CloseCode::known(value)),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn value(self) -> u16 {
        self.0.get()
    }

    const fn known(value: u16) -> CloseCode {
        match NonZeroU16::new(value) {
            Some(value) => CloseCode(value),
            None => CloseCode(NonZeroU16::MIN),
        }
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.value())
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// Reads the payload of a Close frame (RFC 6455 §5.5.1): a code and a reason, or nothing at all.
///
/// # Errors
/// [`TruncatedCloseCode`](ProtocolError::TruncatedCloseCode), [`InvalidCloseCode`](ProtocolError::InvalidCloseCode),
/// [`InvalidCloseReason`](ProtocolError::InvalidCloseReason).
///
/// ```
/// use sockless::{CloseCode, parse_close};
///
/// assert_eq!(parse_close(b"\x03\xe8bye"), Ok((Some(CloseCode::NORMAL), "bye")));
/// assert_eq!(parse_close(b""), Ok((None, "")));
/// ```
pub fn parse_close(payload: &[u8]) -> Result<(Option<CloseCode>, &str), ProtocolError> {
    match payload {
        [] => Ok((None, "")),
        [_] => Err(ProtocolError::TruncatedCloseCode),
        [high, low, reason @ ..] => {
            let code = CloseCode::new(u16::from_be_bytes([*high, *low]));
            let code = code.ok_or(ProtocolError::InvalidCloseCode)?;
            let reason = core::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
            Ok((Some(code), reason))
        }
    }
}

/// The payload of the Close frame that this end may send.
pub(crate) fn close_payload(
    role: Role,
    code: Option<CloseCode>,
    reason: &str,
) -> Result<ControlPayload, SendError> {
    let Some(code) = code else {
        return if reason.is_empty() { Ok(ControlPayload::EMPTY) } else { Err(SendError::ReasonWithoutCode) };
    };
    if role == Role::Server && code == CloseCode::MANDATORY_EXTENSION {
        return Err(SendError::CodeForClients);
    }
    let mut payload = ControlPayload::EMPTY;
    payload.push(&code.value().to_be_bytes());
    if payload.push(reason.as_bytes()) < reason.len() {
        return Err(SendError::ReasonTooLong);
    }
    Ok(payload)
}
