use crate::close::close_payload;
use crate::closing::Closing;
use crate::deadline::{Circumstances, Due, Noted, Timer, Waiting};
use crate::{
    CloseCode, CloseReason, Config, ControlPayload, Deadline, End, Moment, Opcode, ProtocolError, Reply,
    Role, SendError, Transport,
};

/// What this end owes its peer, and when it is over: decided here for every level, carried out by the level's own
/// output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    pub(crate) closing: Closing,
    timer: Timer,
    pub(crate) noted: Noted,
    /// The type of the message that we are sending in fragments.
    sending: Option<Opcode>,
}

/// A frame that came due.
pub(crate) enum Owed {
    Ping,
    Close(ControlPayload),
}

impl Endpoint {
    pub(crate) const fn new(role: Role) -> Endpoint {
        Endpoint { closing: Closing::new(role), timer: Timer::new(), noted: Noted::new(), sending: None }
    }

    /// Whether a message may be sent, or its first fragment.
    #[inline]
    pub(crate) fn check_first(&self) -> Result<(), SendError> {
        if !self.closing.is_open_to_data() {
            return Err(SendError::Closed);
        }
        if self.sending.is_some() { Err(SendError::Unfinished) } else { Ok(()) }
    }

    /// Whether a further fragment may be sent, and of a message of what type.
    pub(crate) fn check_fragment(&self) -> Result<Opcode, SendError> {
        if !self.closing.is_open_to_data() {
            return Err(SendError::Closed);
        }
        self.sending.ok_or(SendError::NotBegun)
    }

    /// A message of this type was begun, or one was finished.
    pub(crate) fn sending(&mut self, message: Option<Opcode>) {
        self.sending = message;
    }

    /// Whether a control frame may be sent: until our Close, and a pong for a ping that came behind it.
    pub(crate) fn check_control(&self, opcode: Opcode) -> Result<(), SendError> {
        let late_pong = opcode == Opcode::Pong && self.closing.sent && self.closing.owes_pongs();
        if self.closing.is_open_to_data() || late_pong { Ok(()) } else { Err(SendError::Closed) }
    }

    /// Our Close: its payload, if it is the first.
    pub(crate) fn close(&self, code: Option<CloseCode>, reason: &str) -> Result<ControlPayload, SendError> {
        if !self.closing.is_open_to_data() {
            return Err(SendError::Closed);
        }
        close_payload(self.closing.role(), code, reason)
    }

    /// A ping came. Whether it is to be answered here (RFC 6455 §5.5.2).
    pub(crate) fn ping_received(&self, config: &Config) -> bool {
        config.pongs == Reply::Automatic && self.closing.owes_pongs()
    }

    /// A Close came: the Close that answers it, the code repeated without the reason (RFC 6455 §5.5.1).
    pub(crate) fn close_received(
        &mut self,
        config: &Config,
        code: Option<CloseCode>,
    ) -> Option<ControlPayload> {
        if !self.closing.receive(code) || config.closes == Reply::Manual {
            return None;
        }
        // 1010 is for clients: a server answers it without a code.
        let close = self.close(code, "").or_else(|_| self.close(None, ""));
        self.committed(close)
    }

    /// The peer broke a rule: the Close that says so (RFC 6455 §7.1.7).
    pub(crate) fn failed(&mut self, fault: ProtocolError) -> Option<ControlPayload> {
        let close = self.close(Some(fault.close_code()), "");
        self.closing.fail(fault);
        self.committed(close)
    }

    pub(crate) fn poll_timeout(&mut self, now: Moment, config: &Config, waiting: Waiting) -> Option<Moment> {
        let what = self.circumstances(waiting)?;
        self.timer.poll(&mut self.noted, now, &config.timeouts, what)
    }

    pub(crate) fn timeout_stands(&self, config: &Config, waiting: Waiting) -> bool {
        let what = self.circumstances(waiting);
        what.is_some_and(|what| self.timer.is_armed(self.noted, &config.timeouts, what))
    }

    /// What came due at `now`; call until `None`, which leaves everything armed that is to run.
    pub(crate) fn due(&mut self, now: Moment, config: &Config, waiting: Waiting) -> Option<Owed> {
        loop {
            let what = self.circumstances(waiting)?;
            let Some(due) = self.timer.due(&mut self.noted, now, &config.timeouts, what) else {
                self.timer.arm(&mut self.noted, now, &config.timeouts, what);
                return None;
            };
            match due {
                Due::Ping => return Some(Owed::Ping),
                Due::Deadline(deadline) => {
                    self.closing.time_out(deadline, waiting.output);
                    if deadline == Deadline::Idle {
                        let close = self.close(Some(CloseCode::GOING_AWAY), "idle");
                        return self.committed(close).map(Owed::Close);
                    }
                }
            }
        }
    }

    pub(crate) fn transport(&self, queued: bool) -> Transport {
        self.closing.transport(queued)
    }

    pub(crate) fn end(&mut self, reason: CloseReason, waiting: Waiting) -> Option<End> {
        self.closing.report(reason, waiting.watched)
    }

    /// A Close of the protocol's own is as good as sent.
    fn committed(&mut self, close: Result<ControlPayload, SendError>) -> Option<ControlPayload> {
        if close.is_ok() {
            self.closing.send();
        }
        close.ok()
    }

    /// `None` when there is nothing left to wait for.
    fn circumstances(&self, waiting: Waiting) -> Option<Circumstances> {
        match self.closing.transport(waiting.output) {
            Transport::Close | Transport::Abort => None,
            _ => Some(Circumstances { closing: self.closing.has_begun(), waiting }),
        }
    }
}
