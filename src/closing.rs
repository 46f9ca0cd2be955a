use core::fmt;

use crate::{CloseCode, ControlPayload, Deadline, ProtocolError, Role};

/// What is to be done with the transport, once everything queued is written.
///
/// Who ends it is RFC 6455 §7.1.1: the server, after both Closes; the client waits for that. `docs/closing.svg` in the
/// repository draws every state with its verdict.
///
/// On an HTTP/2 or HTTP/3 stream `ShutdownWrite` and `Close` are END_STREAM and the end of the stream, `Abort` is
/// RST_STREAM with CANCEL (RFC 8441 §5).
///
/// ```
/// use bytes::Buf;
/// use sockless::{CloseCode, Config, Connection, Transport};
///
/// let mut connection = Connection::server(Config::default());
/// connection.close(Some(CloseCode::NORMAL), "done").expect("open");
/// assert_eq!(connection.transport(), Transport::Keep); // there is something to write
/// let queued = connection.queued();
/// connection.output().advance(queued);
/// let mut answer = *b"\x88\x82\0\0\0\0\x03\xe8";
/// connection.receive(&mut &mut answer[..])?;
/// assert_eq!(connection.transport(), Transport::ShutdownWrite); // a server's part, after both Closes
/// connection.receive_eof();
/// assert_eq!(connection.transport(), Transport::Close);
/// assert!(connection.end().is_some_and(|end| end.was_clean && end.code.value() == 1000));
/// # Ok::<(), sockless::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Go on reading and writing.
    Keep,
    /// Shut the sending side down and read on until the peer ends its own: closing a socket with unread input resets
    /// it, and the Close frame on its way would be lost.
    ShutdownWrite,
    /// Close it.
    Close,
    /// Close it at once; what is still queued goes nowhere.
    Abort,
}

/// How a connection ended: what a browser's `CloseEvent` has, and why.
///
/// The code is the peer's. The one that this end gave a failing peer is of the fault:
///
/// ```
/// use sockless::{Cause, Config, Connection};
///
/// let mut connection = Connection::server(Config::default());
/// let mut unmasked = *b"\x81\x05hello";
/// assert!(connection.receive(&mut &mut unmasked[..]).is_err());
/// connection.receive_eof(); // here the Close would have been written before
/// let end = connection.end().expect("over");
/// assert_eq!(end.code.value(), 1006); // it sent none
/// let Cause::Failed(fault) = end.cause else { panic!("{}", end.cause) };
/// let line = format!("{fault}, closed with {}", fault.close_code());
/// assert_eq!(line, "a client's frame is not masked (RFC 6455 §5.1), closed with 1002");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The code of the first Close received (RFC 6455 §7.1.5), or what stands for its absence.
    pub code: EndCode,
    /// The reason of that Close, empty if there was none (RFC 6455 §7.1.6).
    pub reason: CloseReason,
    /// Whether the closing handshake was completed: a Close went each way (RFC 6455 §7.1.4).
    pub was_clean: bool,
    /// What made the connection end.
    pub cause: Cause,
}

/// What made a connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// This end sent the first Close.
    ClosedHere,
    /// The peer sent the first Close.
    ClosedByPeer,
    /// The peer broke a rule or went over a limit.
    Failed(ProtocolError),
    /// A deadline ran out.
    TimedOut(Deadline),
    /// The transport ended before any Close.
    TransportEnded,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::ClosedHere => f.write_str("closed by this end"),
            Cause::ClosedByPeer => f.write_str("closed by the peer"),
            Cause::Failed(fault) => fault.fmt(f),
            Cause::TimedOut(deadline) => deadline.fmt(f),
            Cause::TransportEnded => f.write_str("the transport ended before a Close came"),
        }
    }
}

/// The code that a connection ended with: a [`CloseCode`], 1005 or 1006.
///
/// ```
/// use sockless::{CloseCode, EndCode};
///
/// assert_eq!(EndCode::from(CloseCode::NORMAL).value(), 1000);
/// assert_eq!(EndCode::ABNORMAL.value(), 1006);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndCode(u16);

impl EndCode {
    /// 1005: a Close came, without a code.
    pub const NO_STATUS: EndCode = EndCode(1005);
    /// 1006: no Close came.
    pub const ABNORMAL: EndCode = EndCode(1006);

    /// The number, as a browser's `CloseEvent` shows it.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl From<CloseCode> for EndCode {
    fn from(code: CloseCode) -> EndCode {
        EndCode(code.value())
    }
}

impl fmt::Display for EndCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reason of a Close: text of 123 bytes at most, held inline. It is for machines and logs, not to be shown to
/// users (RFC 6455 §5.5.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CloseReason(ControlPayload);

impl CloseReason {
    /// No reason.
    pub const EMPTY: CloseReason = CloseReason(ControlPayload::EMPTY);

    /// The reason behind the code of a Close that was received: it fits.
    pub(crate) fn received(reason: &str) -> CloseReason {
        let mut bytes = ControlPayload::EMPTY;
        bytes.push(reason.as_bytes());
        CloseReason(bytes)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The four facts about closing (RFC 6455 §7), from which every state and every verdict is derived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    role: Role,
    /// A Close came.
    pub(crate) received: bool,
    /// Our Close is queued or written.
    pub(crate) sent: bool,
    /// The transport gives nothing more to read.
    pub(crate) ended: bool,
    /// The wait for the peer's end of it is over, or there is no point in one.
    given_up: Option<Transport>,
    /// The end was reported.
    reported: bool,
    /// What made it end first, until a fault or a deadline says more.
    cause: Option<Cause>,
    /// The code of the first Close received.
    code: Option<CloseCode>,
}

impl Closing {
    pub(crate) const fn new(role: Role) -> Closing {
        Closing {
            role,
            received: false,
            sent: false,
            ended: false,
            given_up: None,
            reported: false,
            cause: None,
            code: None,
        }
    }

    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// Whether data may be sent (RFC 6455 §5.5.1, §6.1).
    #[inline]
    pub(crate) const fn is_open_to_data(&self) -> bool {
        !self.sent && !self.ended && self.given_up.is_none()
    }

    /// Whether a ping is to be answered: until a Close has come (RFC 6455 §5.5.2).
    pub(crate) const fn owes_pongs(&self) -> bool {
        !self.received && !self.failed() && !self.ended && self.given_up.is_none()
    }

    /// Whether the close deadline runs.
    pub(crate) const fn has_begun(&self) -> bool {
        self.received || self.sent || self.failed()
    }

    pub(crate) const fn failed(&self) -> bool {
        matches!(self.cause, Some(Cause::Failed(_)))
    }

    /// A Close came. Whether it was the first.
    pub(crate) fn receive(&mut self, code: Option<CloseCode>) -> bool {
        if self.received || self.failed() || self.given_up.is_some() {
            return false;
        }
        self.received = true;
        self.code = code;
        self.blame(Cause::ClosedByPeer);
        true
    }

    /// Our Close was queued.
    pub(crate) fn send(&mut self) {
        self.sent = true;
        self.blame(Cause::ClosedHere);
    }

    /// The peer broke a rule: whatever began the end so far, this is why it is not a clean one.
    pub(crate) fn fail(&mut self, fault: ProtocolError) {
        if self.given_up.is_none() {
            self.cause = Some(Cause::Failed(fault));
        }
    }

    /// The transport gives nothing more to read.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.blame(Cause::TransportEnded);
    }

    /// A deadline ran out, given whether output is still queued: then waiting for it would have no end.
    pub(crate) fn time_out(&mut self, deadline: Deadline, queued: bool) {
        match deadline {
            // The peer is there, only idle: it is closed in good order.
            Deadline::Idle => self.blame(Cause::TimedOut(deadline)),
            Deadline::Close if !queued && (self.failed() || self.is_clean()) => {
                self.given_up = Some(Transport::Close)
            }
            _ => {
                if !self.failed() {
                    self.cause = Some(Cause::TimedOut(deadline));
                }
                self.given_up = Some(Transport::Abort);
            }
        }
    }

    /// What is to be done with the transport, given whether output is still queued.
    #[inline]
    pub(crate) fn transport(&self, queued: bool) -> Transport {
        // The short way: whatever begins the end says that it did.
        if self.cause.is_none() {
            return Transport::Keep;
        }
        match self.given_up {
            Some(verdict) => verdict,
            None if self.ended => match queued && self.received {
                true => Transport::Keep,
                false => Transport::Close,
            },
            None if queued => Transport::Keep,
            None if self.failed() => Transport::ShutdownWrite,
            // RFC 6455 §7.1.1: the server ends the transport, the client waits for it.
            None if self.is_clean() && self.role == Role::Server => Transport::ShutdownWrite,
            None => Transport::Keep,
        }
    }

    /// The end, once it is over: once. `reason` is that of the Close received; ours may be waiting still.
    pub(crate) fn report(&mut self, reason: CloseReason, waits: bool) -> Option<End> {
        if self.reported || !(self.ended || self.given_up.is_some()) {
            return None;
        }
        self.reported = true;
        let code = match (self.received, self.code) {
            (true, Some(code)) => EndCode::from(code),
            (true, None) => EndCode::NO_STATUS,
            (false, _) => EndCode::ABNORMAL,
        };
        // RFC 6455 §7.1.6: a Close that came behind the verdict is none that was received.
        let reason = if self.received { reason } else { CloseReason::EMPTY };
        let was_clean = self.is_clean() && !waits && self.given_up != Some(Transport::Abort);
        Some(End { code, reason, was_clean, cause: self.cause.unwrap_or(Cause::TransportEnded) })
    }

    /// Whether a Close went each way and nothing was wrong (RFC 6455 §7.1.4).
    pub(crate) fn is_clean(&self) -> bool {
        self.received && self.sent && !self.failed()
    }

    fn blame(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }
}
