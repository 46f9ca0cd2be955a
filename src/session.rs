use crate::deadline::Waiting;
use crate::endpoint::{Endpoint, Owed};
use crate::frame_header::{FIN, KEY_LEN, encode_header, header_len};
use crate::frames::Piece;
use crate::parts::{Part, Parts};
use crate::utf8::validate;
use crate::{
    CloseCode, CloseReason, Config, ControlPayload, Data, End, Keys, Mask, Moment, Opcode, ProtocolError,
    Role, SendError, Text, Transport, parse_close,
};

/// The whole protocol after the handshake in the caller's memory: no allocator, no queue.
///
/// What is received comes in parts, lent from the input. What is sent is written into the slice that the call is
/// given, one frame a call, or not at all. What the protocol owes (a pong, a ping, a Close) waits here until
/// [`owed`](Session::owed) is called; of several pongs the newest is kept (RFC 6455 §5.5.3).
///
/// It begins behind the handshake, which [`handshake`](crate::handshake) checks and writes without an allocator too.
/// `adapters/embedded` in the repository is both in one, from the first byte on, with the deadlines.
///
/// ```
/// use sockless::{Config, Session, SessionEvent};
///
/// // An echo over nothing but two arrays.
/// let mut session = Session::server(&Config::DEFAULT);
/// let mut wire = *b"\x82\x83\x00\x00\x00\x00abc";
/// let mut out = [0; 64];
/// let mut input = &mut wire[..];
/// // A fault owes its Close, to be written, and is the cause of the end.
/// while let Ok(Some(event)) = session.receive(&mut input) {
///     if let SessionEvent::Binary { data, first: true, last: true } = event {
///         let len = session.binary(&data, &mut out)?;
///         assert_eq!(&out[..len], b"\x82\x03abc");
///     }
///     let len = session.owed(&mut out);
///     assert_eq!(len, 0);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session<'c> {
    config: &'c Config,
    /// A client's; a server masks nothing.
    keys: Option<&'c mut Keys>,
    parts: Parts,
    endpoint: Endpoint,
    /// The control frame that is coming in.
    control: ControlPayload,
    /// The reason of the Close received.
    reason: CloseReason,
    pong: Option<ControlPayload>,
    ping: bool,
    close: Option<ControlPayload>,
}

/// What a [`Session`] received.
#[derive(Debug)]
pub enum SessionEvent<'b> {
    /// Text, valid UTF-8: a part of a message that may begin and end it.
    Text {
        /// The text.
        text: Text<'b>,
        /// Whether it begins the message.
        first: bool,
        /// Whether it ends the message.
        last: bool,
    },
    /// Bytes: a part of a message that may begin and end it.
    Binary {
        /// The bytes.
        data: Data<'b>,
        /// Whether they begin the message.
        first: bool,
        /// Whether they end the message.
        last: bool,
    },
    /// A ping. Its pong is owed already, unless [`Config::pongs`] says otherwise.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// The peer's Close, the last event. Its answer is owed already, unless [`Config::closes`] says otherwise.
    Close {
        /// The code, if it has one.
        code: Option<CloseCode>,
        /// The reason, empty if it has none.
        reason: CloseReason,
    },
}

impl<'c> Session<'c> {
    /// A server's session, from the first byte behind the handshake.
    pub const fn server(config: &'c Config) -> Session<'c> {
        Session::new(Role::Server, config, None)
    }

    /// A client's session, from the first byte behind the handshake.
    pub const fn client(config: &'c Config, keys: &'c mut Keys) -> Session<'c> {
        Session::new(Role::Client, config, Some(keys))
    }

    const fn new(role: Role, config: &'c Config, keys: Option<&'c mut Keys>) -> Session<'c> {
        Session {
            config,
            keys,
            parts: Parts::new(role),
            endpoint: Endpoint::new(role),
            control: ControlPayload::EMPTY,
            reason: CloseReason::EMPTY,
            pong: None,
            ping: false,
            close: None,
        }
    }

    /// Takes the next event off the front of `input`.
    ///
    /// `Ok(None)` means that nothing more can come of this input, which is used up; call until then.
    ///
    /// # Errors
    /// The peer's fault, now and on every later call. The Close that says so is owed.
    pub fn receive<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<SessionEvent<'b>>, ProtocolError> {
        self.endpoint.noted.heard |= !input.is_empty();
        match self.event(input) {
            Err(fault) if !self.endpoint.closing.failed() => {
                self.close = self.endpoint.failed(fault).or(self.close);
                Err(fault)
            }
            event => event,
        }
    }

    /// The transport gives nothing more to read.
    pub fn receive_eof(&mut self) {
        self.parts.stop();
        self.endpoint.closing.end();
    }

    /// Writes what the protocol owes into `out`, as many whole frames as fit, and says how many bytes those are.
    ///
    /// Zero while it [owes](Session::owes) means that `out` is too short for the next frame: to call again with the
    /// same changes nothing. 131 bytes are enough for any one.
    pub fn owed(&mut self, out: &mut [u8]) -> usize {
        let mut written = 0;
        while let Some((opcode, payload)) = self.next_owed() {
            match self.write(FIN | opcode.bits(), &payload, out.get_mut(written..).unwrap_or_default()) {
                Ok(len) => written += len,
                Err(_) => break,
            }
            self.endpoint.noted.since.output_advanced();
            match opcode {
                Opcode::Pong => self.pong = None,
                Opcode::Ping => self.ping = false,
                _ => self.close = None,
            }
        }
        written
    }

    /// Whether [`owed`](Session::owed) has something to write.
    pub fn owes(&self) -> bool {
        self.pong.is_some() || self.ping || self.close.is_some()
    }

    /// The bytes that one frame with so much payload takes: for an array, at a server 10 more than the payload at
    /// most, at a client 14.
    pub fn frame_len(&self, payload_len: usize) -> usize {
        let key = if self.keys.is_some() { KEY_LEN } else { 0 };
        (header_len(payload_len) + key).saturating_add(payload_len)
    }

    /// Writes a text message in one frame into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Closed`](SendError::Closed), [`Unfinished`](SendError::Unfinished), and [`Full`](SendError::Full) if `out`
    /// is shorter than [`frame_len`](Session::frame_len): nothing was written.
    pub fn text(&mut self, text: &str, out: &mut [u8]) -> Result<usize, SendError> {
        self.first(FIN, Opcode::Text, text.as_bytes(), out)
    }

    /// Writes a binary message in one frame into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// As [`text`](Session::text).
    pub fn binary(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.first(FIN, Opcode::Binary, data, out)
    }

    /// Writes the first fragment of a text message into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// As [`text`](Session::text).
    pub fn begin_text(&mut self, text: &str, out: &mut [u8]) -> Result<usize, SendError> {
        self.begin(Opcode::Text, text.as_bytes(), out)
    }

    /// Writes the first fragment of a binary message into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// As [`text`](Session::text).
    pub fn begin_binary(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.begin(Opcode::Binary, data, out)
    }

    /// Writes a further fragment of the message begun into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Closed`](SendError::Closed), [`NotBegun`](SendError::NotBegun), [`Full`](SendError::Full), and
    /// [`NotUtf8`](SendError::NotUtf8) for a fragment of text that is not text by itself: nothing was written.
    pub fn more(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.further(0, data, out)
    }

    /// Writes the last fragment of the message begun into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// As [`more`](Session::more).
    pub fn finish(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        let len = self.further(FIN, data, out)?;
        self.endpoint.sending(None);
        Ok(len)
    }

    /// Writes a ping into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Closed`](SendError::Closed), [`Full`](SendError::Full): nothing was written.
    pub fn ping(&mut self, payload: &ControlPayload, out: &mut [u8]) -> Result<usize, SendError> {
        self.endpoint.check_control(Opcode::Ping)?;
        self.write(FIN | Opcode::Ping.bits(), payload, out)
    }

    /// Writes a pong into `out` and says how many bytes it took.
    ///
    /// # Errors
    /// As [`ping`](Session::ping); after our own Close a pong may still go, until the peer's.
    pub fn pong(&mut self, payload: &ControlPayload, out: &mut [u8]) -> Result<usize, SendError> {
        self.endpoint.check_control(Opcode::Pong)?;
        self.write(FIN | Opcode::Pong.bits(), payload, out)
    }

    /// Writes our Close into `out`, behind a pong that is still owed, and says how many bytes that took. No data may
    /// follow it.
    ///
    /// # Errors
    /// [`Closed`](SendError::Closed) if one was sent or is owed, [`ReasonTooLong`](SendError::ReasonTooLong),
    /// [`ReasonWithoutCode`](SendError::ReasonWithoutCode), [`CodeForClients`](SendError::CodeForClients),
    /// [`Full`](SendError::Full): nothing was written.
    pub fn close(
        &mut self,
        code: Option<CloseCode>,
        reason: &str,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let payload = self.endpoint.close(code, reason)?;
        let pong = match self.pong {
            Some(pong) => self.write(FIN | Opcode::Pong.bits(), &pong, out)?,
            None => 0,
        };
        let rest = out.get_mut(pong..).unwrap_or_default();
        let close = self.write(FIN | Opcode::Close.bits(), &payload, rest)?;
        // RFC 6455 §5.5.1: a ping that was due is not sent behind it.
        (self.pong, self.ping) = (None, false);
        self.endpoint.closing.send();
        Ok(pong + close)
    }

    /// What is to be done with the transport, once all that was written into the caller's memory has gone out.
    pub fn transport(&self) -> Transport {
        self.endpoint.transport(self.owes())
    }

    /// How it ended: once, when it has. Ask when [`transport`](Session::transport) says that it is over, or the transport
    /// has failed: a Close that is owed still was not sent, and the end is no clean one.
    pub fn end(&mut self) -> Option<End> {
        self.endpoint.end(self.reason, self.waiting())
    }

    /// When [`handle_timeout`](Session::handle_timeout) wants to be called next. The output deadline is for what is
    /// [owed](Session::owed): for what was written it is the caller's, who alone knows what went out.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.endpoint.poll_timeout(now, self.config, self.waiting())
    }

    /// Whether [`poll_timeout`](Session::poll_timeout) would answer nothing earlier than it did the last time: a driver
    /// that has set its timer by that need not read the clock and ask again.
    pub fn timeout_stands(&self) -> bool {
        self.endpoint.timeout_stands(self.config, self.waiting())
    }

    /// Does what is due at `now`; calling early or twice does no harm.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some(due) = self.endpoint.due(now, self.config, self.waiting()) {
            match due {
                Owed::Ping => self.ping = true,
                Owed::Close(payload) => self.close = Some(payload),
            }
        }
    }

    fn waiting(&self) -> Waiting {
        Waiting { output: self.owes(), watched: self.ping || self.close.is_some() }
    }

    fn event<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<SessionEvent<'b>>, ProtocolError> {
        loop {
            let event = match self.parts.next(&self.config.limits, input)? {
                None => return Ok(None),
                Some(Part::Text { text, first, last }) => SessionEvent::Text { text, first, last },
                Some(Part::Binary { data, first, last }) => SessionEvent::Binary { data, first, last },
                Some(Part::Control(piece)) => match self.control(piece)? {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                },
            };
            self.endpoint.noted.active = true;
            return Ok(Some(event));
        }
    }

    /// Puts a control frame together, and carries it out when it is whole.
    fn control(&mut self, piece: Piece<'_>) -> Result<Option<SessionEvent<'static>>, ProtocolError> {
        if piece.first {
            self.control = ControlPayload::EMPTY;
        }
        let Piece { opcode, payload, mut mask, last, .. } = piece;
        mask.apply(payload);
        self.control.push(payload);
        if !last {
            return Ok(None);
        }
        let payload = self.control;
        Ok(Some(match opcode {
            Opcode::Ping => {
                if self.endpoint.ping_received(self.config) {
                    self.pong = Some(payload);
                }
                SessionEvent::Ping(payload)
            }
            Opcode::Pong => SessionEvent::Pong(payload),
            _ => {
                let (code, reason) = parse_close(&payload).map_err(|fault| self.parts.fail(fault))?;
                let reason = CloseReason::received(reason);
                self.reason = reason;
                self.parts.stop();
                self.close = self.endpoint.close_received(self.config, code).or(self.close);
                SessionEvent::Close { code, reason }
            }
        }))
    }

    fn begin(&mut self, opcode: Opcode, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        let len = self.first(0, opcode, data, out)?;
        self.endpoint.sending(Some(opcode));
        Ok(len)
    }

    /// Writes the first frame of a message.
    fn first(&mut self, fin: u8, opcode: Opcode, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.endpoint.check_first()?;
        let len = self.write(fin | opcode.bits(), data, out)?;
        self.endpoint.noted.active = true;
        Ok(len)
    }

    /// Writes a further frame of the message begun.
    fn further(&mut self, fin: u8, data: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        let message = self.endpoint.check_fragment()?;
        if message == Opcode::Text && validate(data).is_err() {
            return Err(SendError::NotUtf8);
        }
        let len = self.write(fin | Opcode::Continuation.bits(), data, out)?;
        self.endpoint.noted.active = true;
        Ok(len)
    }

    /// What is owed first: a pong goes before the Close that follows its ping.
    fn next_owed(&self) -> Option<(Opcode, ControlPayload)> {
        let pong = self.pong.map(|payload| (Opcode::Pong, payload));
        let ping = self.ping.then_some((Opcode::Ping, ControlPayload::EMPTY));
        pong.or(ping).or(self.close.map(|payload| (Opcode::Close, payload)))
    }

    /// Writes one frame, or nothing.
    fn write(&mut self, head: u8, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        let len = self.frame_len(payload.len());
        let out = out.get_mut(..len).ok_or(SendError::Full)?;
        let key = self.keys.as_mut().map(|keys| keys.masking_key());
        let header = encode_header(head, u64::try_from(payload.len()).map_err(|_| SendError::Full)?, key);
        let (front, rest) = out.split_at_mut(len - payload.len());
        front.copy_from_slice(header.as_ref());
        key.map_or(Mask::NONE, Mask::new).copy(payload, rest);
        Ok(len)
    }
}
