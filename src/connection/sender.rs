use alloc::boxed::Box;

use bytes::Bytes;

#[cfg(feature = "deflate")]
use super::deflation::Deflation;
use super::framing::Framing;
use super::outbox::Dropped;
use super::outgoing::Payload;
use super::output::Output;
use super::prepared::Prepared;
#[cfg(feature = "deflate")]
use super::sending::Sending;
use super::signal::Signal;
use crate::deadline::Waiting;
#[cfg(feature = "deflate")]
use crate::deflate::{DeflatePool, Direction};
use crate::endpoint::{Endpoint, Owed};
use crate::frame_header::FIN;
#[cfg(feature = "deflate")]
use crate::handshake::Agreed;
use crate::utf8::validate;
use crate::{
    Arc, CloseCode, CloseReason, Config, ControlPayload, End, Keys, Moment, Opcode, ProtocolError, Role,
    SendError, Transport,
};

/// The sending half of a connection: the queue of output, the facts about closing, the deadlines.
///
/// It alone answers [`transport`](Sender::transport), the deadlines and the [`end`](Sender::end). What the receiving
/// half saw reaches it as [`Signal`]s.
///
/// ```
/// use core::time::Duration;
/// use sockless::{Config, Connection, Keys, Moment, Transport};
///
/// let mut connection = Connection::client(Config::default(), Keys::from_seed([7; 32]));
/// connection.text("Hello").expect("open, and there is room");
/// assert_eq!(connection.queued(), 2 + 4 + 5); // header, masking key, payload
/// assert_eq!(connection.transport(), Transport::Keep);
///
/// // It has no clock: it is told the time, and says how long the driver may sleep.
/// let now = Moment::ORIGIN + Duration::from_secs(1);
/// let wake = connection.poll_timeout(now).expect("a deadline for what is not written");
/// connection.handle_timeout(wake);
/// ```
#[derive(Debug)]
pub struct Sender {
    config: Arc<Config>,
    framing: Framing,
    rare: Option<Box<Rare>>,
    pub(super) endpoint: Endpoint,
}

/// What few connections have.
#[derive(Debug, Default)]
struct Rare {
    /// Of the Close received.
    reason: Option<Box<CloseReason>>,
    #[cfg(feature = "deflate")]
    deflation: Option<Deflation>,
}

impl Sender {
    pub(super) fn new(role: Role, config: Arc<Config>, keys: Option<Box<Keys>>) -> Sender {
        Sender { config, framing: Framing::new(keys), rare: None, endpoint: Endpoint::new(role) }
    }

    /// Queues a text message.
    ///
    /// # Errors
    /// The payload comes back with [`Closed`](SendError::Closed), [`Full`](SendError::Full),
    /// [`Unfinished`](SendError::Unfinished), or [`NotUtf8`](SendError::NotUtf8) if it was bytes.
    #[inline]
    pub fn text<P: Payload>(&mut self, text: P) -> Result<(), P::Refused> {
        self.first(FIN, Opcode::Text, text)
    }

    /// Queues a binary message.
    ///
    /// # Errors
    /// The payload comes back with [`Closed`](SendError::Closed), [`Full`](SendError::Full) or
    /// [`Unfinished`](SendError::Unfinished).
    #[inline]
    pub fn binary<P: Payload>(&mut self, data: P) -> Result<(), P::Refused> {
        self.first(FIN, Opcode::Binary, data)
    }

    /// Queues the first fragment of a text message; [`more`](Sender::more) and [`finish`](Sender::finish) go on.
    ///
    /// # Errors
    /// As [`text`](Sender::text).
    pub fn begin_text<P: Payload>(&mut self, text: P) -> Result<(), P::Refused> {
        self.begin(Opcode::Text, text)
    }

    /// Queues the first fragment of a binary message; [`more`](Sender::more) and [`finish`](Sender::finish) go on.
    ///
    /// # Errors
    /// As [`binary`](Sender::binary).
    pub fn begin_binary<P: Payload>(&mut self, data: P) -> Result<(), P::Refused> {
        self.begin(Opcode::Binary, data)
    }

    /// Queues a further fragment of the message begun.
    ///
    /// # Errors
    /// The payload comes back with [`Closed`](SendError::Closed), [`Full`](SendError::Full),
    /// [`NotBegun`](SendError::NotBegun), or [`NotUtf8`](SendError::NotUtf8) if the message is text and this is not.
    pub fn more<P: Payload>(&mut self, payload: P) -> Result<(), P::Refused> {
        self.further(0, payload)
    }

    /// Queues the last fragment of the message begun.
    ///
    /// # Errors
    /// As [`more`](Sender::more).
    pub fn finish<P: Payload>(&mut self, payload: P) -> Result<(), P::Refused> {
        self.further(FIN, payload)?;
        self.endpoint.sending(None);
        Ok(())
    }

    /// Queues a message that was framed beforehand: for a server the cost of a reference count.
    ///
    /// # Errors
    /// [`Closed`](SendError::Closed), [`Full`](SendError::Full), [`Unfinished`](SendError::Unfinished).
    ///
    /// ```
    /// use sockless::{Config, Connection, Prepared};
    ///
    /// let news = Prepared::text("to all")?;
    /// let mut everyone: Vec<_> = (0..10).map(|_| Connection::server(Config::default())).collect();
    /// for connection in &mut everyone {
    ///     connection.prepared(&news)?;
    /// }
    /// # Ok::<(), sockless::SendError>(())
    /// ```
    pub fn prepared(&mut self, message: &Prepared) -> Result<(), SendError> {
        self.endpoint.check_first()?;
        self.check_room()?;
        self.endpoint.noted.active = true;
        #[cfg(feature = "deflate")]
        let frame = match self.deflation() {
            Some(deflation) => deflation.choose(message),
            None => message.plain(),
        };
        #[cfg(not(feature = "deflate"))]
        let frame = message.plain();
        self.framing.push_framed(frame);
        Ok(())
    }

    /// To send with a pool: without context takeover of our own the connection borrows what compresses from it for the
    /// time of a message, and otherwise has none.
    ///
    /// ```
    /// use sockless::handshake::PermessageDeflate;
    /// use sockless::{Config, Connection, DeflatePool};
    ///
    /// let mut pool = DeflatePool::new(1);
    /// let agreed = PermessageDeflate::default().no_context_takeover().agreed();
    /// let mut connection = Connection::server(Config::default()).with_deflate(agreed);
    /// connection.with_pool(&mut pool).text(&"all work and no play ".repeat(100))?;
    /// assert!(connection.queued() < 100);
    /// # Ok::<(), sockless::SendError>(())
    /// ```
    #[cfg(feature = "deflate")]
    pub fn with_pool<'a>(&'a mut self, pool: &'a mut DeflatePool) -> Sending<'a> {
        Sending::with_pool(self, pool)
    }

    /// To send uncompressed: secrets next to what an attacker may choose, or what is compressed already
    /// (RFC 7692 §8).
    #[cfg(feature = "deflate")]
    pub fn uncompressed(&mut self) -> Sending<'_> {
        Sending::uncompressed(self)
    }

    /// Queues a ping. It overtakes data of which [`output`](Sender::output) has shown nothing yet; call that in between
    /// if it has to stay behind.
    ///
    /// # Errors
    /// [`ControlTooLong`](SendError::ControlTooLong), [`Closed`](SendError::Closed), [`Full`](SendError::Full).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::Ping, payload)
    }

    /// Queues a pong, which overtakes as a [`ping`](Sender::ping) does.
    ///
    /// # Errors
    /// As [`ping`](Sender::ping); after our own Close a pong may still go, until the peer's.
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::Pong, payload)
    }

    /// Queues our Close behind everything that was accepted; no data is accepted after it.
    ///
    /// The peer's messages come until its own Close does: whoever answers them is told
    /// [`Closed`](SendError::Closed), which is no reason to stop receiving.
    ///
    /// # Errors
    /// [`Closed`](SendError::Closed) if one was queued already or the transport has ended,
    /// [`ReasonTooLong`](SendError::ReasonTooLong), [`ReasonWithoutCode`](SendError::ReasonWithoutCode),
    /// [`CodeForClients`](SendError::CodeForClients).
    pub fn close(&mut self, code: Option<CloseCode>, reason: &str) -> Result<(), SendError> {
        let payload = self.endpoint.close(code, reason)?;
        self.endpoint.closing.send();
        self.framing.push_close(&payload);
        Ok(())
    }

    /// As [`close`](Sender::close), but takes back the frames of which [`output`](Sender::output) has shown nothing yet,
    /// and says what they were.
    ///
    /// # Errors
    /// As [`close`](Sender::close); nothing is taken back then.
    pub fn close_now(&mut self, code: Option<CloseCode>, reason: &str) -> Result<Dropped, SendError> {
        let payload = self.endpoint.close(code, reason)?;
        self.endpoint.closing.send();
        let dropped = self.framing.drop_unstarted();
        self.framing.push_close(&payload);
        Ok(dropped)
    }

    /// What the connection goes by.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the queue is below its mark: as long as it is, nothing is [`Full`](SendError::Full).
    pub fn has_room(&self) -> bool {
        self.check_room().is_ok()
    }

    /// The bytes of output that wait to be written.
    #[inline]
    pub fn queued(&self) -> usize {
        self.framing.queued()
    }

    /// The output that waits, as a [`Buf`](bytes::Buf): write its chunks, then advance it by what was written.
    #[inline]
    pub fn output(&mut self) -> Output<'_> {
        self.framing.output(&mut self.endpoint.noted.since)
    }

    /// Takes what the receiving half saw, and says whether there is output, a deadline or another verdict on the
    /// transport that was not there before: whoever writes is to be woken then.
    pub fn signal(&mut self, signal: Signal) -> bool {
        let before = self.wakes();
        match signal {
            Signal::Heard { message } => self.heard(message),
            Signal::Ping(payload) => self.ping_received(&payload),
            Signal::Close { code, reason } => self.close_received(code, reason.as_str()),
            Signal::Failed(fault) => self.failed(fault),
            Signal::Eof => self.receive_eof(),
        }
        before != self.wakes()
    }

    /// What is to be done with the transport, once everything queued is written.
    pub fn transport(&self) -> Transport {
        self.endpoint.transport(self.queued() > 0)
    }

    /// How the connection ended: once, when it has. Ask when [`transport`](Sender::transport) says that it is over, or
    /// the transport has failed: a Close that is queued still was not sent, and the end is no clean one.
    pub fn end(&mut self) -> Option<End> {
        let reason = self.rare.as_ref().and_then(|rare| rare.reason.as_deref().copied());
        let reason = reason.unwrap_or(CloseReason::EMPTY);
        self.endpoint.end(reason, self.waiting())
    }

    /// When [`handle_timeout`](Sender::handle_timeout) wants to be called next, if at all.
    ///
    /// The answer is good until the next call that sends or writes, and until input that queues output, closes or ends
    /// the connection: other input never makes it earlier.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.endpoint.poll_timeout(now, &self.config, self.waiting())
    }

    /// Whether [`poll_timeout`](Sender::poll_timeout) would answer nothing earlier than it did the last time: a driver
    /// that has set its timer by that need not read the clock and ask again.
    pub fn timeout_stands(&self) -> bool {
        self.endpoint.timeout_stands(&self.config, self.waiting())
    }

    /// Does what is due at `now`; calling early or twice does no harm. There may be output afterwards.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some(due) = self.endpoint.due(now, &self.config, self.waiting()) {
            match due {
                Owed::Ping => {
                    // A silent peer: what memory the last messages took is given back.
                    self.release();
                    self.framing.push_ping();
                }
                Owed::Close(payload) => self.framing.push_close(&payload),
            }
        }
    }

    /// Gives back the memory of the queue if nothing is queued, and of what compresses if no message is begun; the next
    /// frame takes it anew.
    pub fn release(&mut self) {
        self.framing.release();
        #[cfg(feature = "deflate")]
        if let Some(deflation) = self.deflation() {
            deflation.release();
        }
    }

    #[cfg(feature = "deflate")]
    pub(super) fn role(&self) -> Role {
        self.endpoint.closing.role()
    }

    /// Messages may be compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn deflate_as(&mut self, direction: Direction, agreed: &Agreed) {
        self.rare.get_or_insert_default().deflation = Some(Deflation::new(direction, agreed));
    }

    #[cfg(feature = "deflate")]
    #[inline]
    pub(super) fn deflation(&mut self) -> Option<&mut Deflation> {
        self.rare.as_mut()?.deflation.as_mut()
    }

    #[inline]
    pub(super) fn heard(&mut self, message: bool) {
        self.endpoint.noted.heard = true;
        self.endpoint.noted.active |= message;
    }

    #[cold]
    pub(super) fn ping_received(&mut self, payload: &[u8]) {
        self.heard(false);
        if self.endpoint.ping_received(&self.config) {
            // The payload of a ping that was received fits.
            let payload = ControlPayload::new(payload).unwrap_or(ControlPayload::EMPTY);
            self.framing.push_pong(payload);
        }
    }

    #[cold]
    pub(super) fn close_received(&mut self, code: Option<CloseCode>, reason: &str) {
        self.heard(false);
        if !self.endpoint.closing.received && !reason.is_empty() {
            let rare = self.rare.get_or_insert_default();
            rare.reason = Some(Box::new(CloseReason::received(reason)));
        }
        if let Some(payload) = self.endpoint.close_received(&self.config, code) {
            self.framing.push_close(&payload);
        }
    }

    #[cold]
    pub(super) fn failed(&mut self, fault: ProtocolError) {
        if self.endpoint.closing.failed() {
            return;
        }
        if let Some(payload) = self.endpoint.failed(fault) {
            self.framing.push_close(&payload);
        }
    }

    pub(super) fn receive_eof(&mut self) {
        self.endpoint.closing.end();
    }

    /// Queues bytes that come before the first frame: the head of a handshake.
    pub(super) fn push_head(&mut self, head: Bytes) {
        self.framing.push_head(head);
    }

    fn begin<P: Payload>(&mut self, opcode: Opcode, payload: P) -> Result<(), P::Refused> {
        self.first(0, opcode, payload)?;
        self.endpoint.sending(Some(opcode));
        Ok(())
    }

    /// Queues the first frame of a message.
    #[inline]
    fn first<P: Payload>(&mut self, fin: u8, opcode: Opcode, payload: P) -> Result<(), P::Refused> {
        match self.endpoint.check_first().and_then(|()| self.check(opcode, &payload)) {
            Ok(()) => {
                self.push(fin, opcode, payload);
                Ok(())
            }
            Err(error) => Err(payload.refuse(error)),
        }
    }

    /// Queues a further frame of the message begun.
    fn further<P: Payload>(&mut self, fin: u8, payload: P) -> Result<(), P::Refused> {
        match self.endpoint.check_fragment().and_then(|message| self.check(message, &payload)) {
            Ok(()) => {
                self.push(fin, Opcode::Continuation, payload);
                Ok(())
            }
            Err(error) => Err(payload.refuse(error)),
        }
    }

    #[inline]
    fn check<P: Payload>(&self, message: Opcode, payload: &P) -> Result<(), SendError> {
        self.check_room()?;
        if message == Opcode::Text && !P::TEXT && validate(payload.bytes()).is_err() {
            return Err(SendError::NotUtf8);
        }
        Ok(())
    }

    #[inline]
    fn check_room(&self) -> Result<(), SendError> {
        self.config.check_room(self.queued())
    }

    /// Queues a payload that was accepted.
    #[inline]
    fn push<P: Payload>(&mut self, fin: u8, opcode: Opcode, payload: P) {
        self.endpoint.noted.active = true;
        #[cfg(feature = "deflate")]
        if let Some(deflation) = self.deflation() {
            if let Some((head, deflated)) = deflation.deflate(fin != 0, opcode, payload.bytes()) {
                return self.framing.push(self.config.fragment, fin, head, deflated);
            }
        }
        self.framing.push(self.config.fragment, fin, opcode.bits(), payload);
    }

    fn waiting(&self) -> Waiting {
        Waiting { output: self.queued() > 0, watched: self.framing.holds_watched() }
    }

    /// What the task that writes has to look at when it has changed.
    fn wakes(&self) -> (usize, bool, bool, Transport) {
        (self.queued(), self.endpoint.closing.has_begun(), self.endpoint.closing.ended, self.transport())
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        let payload = ControlPayload::new(payload)?;
        self.endpoint.check_control(opcode)?;
        self.check_room()?;
        self.framing.insert(opcode, payload);
        Ok(())
    }
}
