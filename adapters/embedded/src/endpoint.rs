use core::time::Duration;

use embedded_io::{Read, ReadReady, Write};
use sockless::handshake::{
    Acceptance, ClientRequest, Key, OriginPolicy, Refusal, Request, ResponseError, WriteError,
};
use sockless::{Config, End, Keys, Moment, SendError, Session, SessionEvent, Transport};

use crate::head;

/// How long the whole of the opening handshake may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The reads of one turn: a peer that sends faster than its frames are dealt with leaves the rest of the program its time.
const READS: usize = 16;

/// A transport: what `embedded-io` has, and the end of our side, which it has no word for.
///
/// Its `write` and `flush` wait for the peer. They have to fail when that takes too long: while they wait nothing else is
/// done here, and no deadline kept.
pub trait Wire: Read + Write + ReadReady {
    /// Ends our side, and keeps reading.
    ///
    /// # Errors
    /// Those of the transport.
    fn shutdown_write(&mut self) -> Result<(), Self::Error>;
}

/// One end of a WebSocket, from the first byte of the handshake on, in the caller's memory.
///
/// The slice `input` holds a whole head while the handshake lasts, and what was read at a time behind it. The slice
/// `output` holds one frame, or the head of ours; 256 bytes do for most.
pub struct Endpoint<'b, W> {
    wire: W,
    session: Session<'b>,
    stage: Stage<'b>,
    input: &'b mut [u8],
    output: &'b mut [u8],
    /// When the handshake has to be done.
    until: Option<Moment>,
    shut: bool,
}

enum Stage<'b> {
    /// A server waits for a request, of which so many bytes came.
    Request(usize, OriginPolicy<'b>),
    /// A client has to send its request.
    Begin(&'b ClientRequest<'b>, Key),
    /// A client waits for a response, of which so many bytes came.
    Response(&'b ClientRequest<'b>, Key, usize),
    Open,
}

/// What there is to do after a turn.
#[derive(Debug)]
pub enum Turn {
    /// Take another turn when something came, and at this moment at the latest.
    Wait(Option<Moment>),
    /// Close the transport: this is how it ended.
    Over(End),
}

/// Why there is no connection. The transport is to be closed.
#[derive(Debug)]
pub enum Error<E> {
    /// The transport failed.
    Wire(E),
    /// The request opens no WebSocket; the client was told.
    Refused(Refusal),
    /// The response opens no WebSocket.
    Response(ResponseError),
    /// What is to be said in the handshake does not fit in the output, or must not be said.
    Write(WriteError),
    /// What is to be sent cannot be sent.
    Send(SendError),
}

impl<'b, W: Wire> Endpoint<'b, W> {
    /// A server's end.
    pub fn server(
        wire: W,
        config: &'b Config,
        policy: OriginPolicy<'b>,
        [input, output]: [&'b mut [u8]; 2],
    ) -> Endpoint<'b, W> {
        let stage = Stage::Request(0, policy);
        Endpoint { wire, session: Session::server(config), stage, input, output, until: None, shut: false }
    }

    /// A client's end. Any answer but 101 is an error, an interim one too.
    pub fn client(
        wire: W,
        config: &'b Config,
        request: &'b ClientRequest<'b>,
        keys: &'b mut Keys,
        [input, output]: [&'b mut [u8]; 2],
    ) -> Endpoint<'b, W> {
        let stage = Stage::Begin(request, Key::from_nonce(keys.nonce()));
        Endpoint {
            wire,
            session: Session::client(config, keys),
            stage,
            input,
            output,
            until: None,
            shut: false,
        }
    }

    /// Whether the handshake is done.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Sends what `write` writes, such as `|session, output| session.text("hello", output)`.
    ///
    /// # Errors
    /// [`Error::Send`], [`Error::Wire`].
    pub fn send(
        &mut self,
        write: impl FnOnce(&mut Session<'b>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), Error<W::Error>> {
        if !self.is_open() {
            return Err(Error::Send(SendError::Closed));
        }
        let len = write(&mut self.session, self.output).map_err(Error::Send)?;
        put(&mut self.wire, self.output, len)
    }

    /// Reads what has come, as far as one turn takes it, and writes what is owed. `on_event` writes its answer into the
    /// slice, and says how long that is.
    ///
    /// # Errors
    /// Why there is no connection, or no longer one.
    pub fn turn(
        &mut self,
        now: Moment,
        mut on_event: impl FnMut(&mut Session<'b>, SessionEvent<'_>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<Turn, Error<W::Error>> {
        if !self.is_open() {
            let until = *self.until.get_or_insert(now + HANDSHAKE_TIME);
            match self.shake_hands(now >= until)? {
                None => return Ok(Turn::Wait(Some(until))),
                // What came behind the head.
                Some(rest) => self.receive(rest, &mut on_event)?,
            }
        }
        self.session.handle_timeout(now);
        self.reply()?;
        for _ in 0..READS {
            if self.over()? {
                return Ok(self.session.end().map_or(Turn::Wait(None), Turn::Over));
            }
            if !self.wire.read_ready().map_err(Error::Wire)? {
                return Ok(Turn::Wait(self.session.poll_timeout(now)));
            }
            match self.wire.read(self.input) {
                Ok(0) | Err(_) => self.session.receive_eof(),
                Ok(len) => self.receive(0..len, &mut on_event)?,
            }
            self.reply()?;
        }
        // More has come than one turn takes.
        Ok(Turn::Wait(Some(now)))
    }

    fn receive(
        &mut self,
        range: core::ops::Range<usize>,
        on_event: &mut impl FnMut(&mut Session<'b>, SessionEvent<'_>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), Error<W::Error>> {
        let mut input = self.input.get_mut(range).unwrap_or_default();
        // A fault owes a Close, which `reply` writes.
        while let Ok(Some(event)) = self.session.receive(&mut input) {
            match on_event(&mut self.session, event, self.output) {
                Ok(len) => put(&mut self.wire, self.output, len)?,
                // What cannot be said any more is not waited for.
                Err(SendError::Closed) => {}
                Err(error) => return Err(Error::Send(error)),
            }
        }
        Ok(())
    }

    /// Writes what the protocol owes.
    fn reply(&mut self) -> Result<(), Error<W::Error>> {
        while self.session.owes() {
            match self.session.owed(self.output) {
                0 => return Err(Error::Send(SendError::Full)),
                len => put(&mut self.wire, self.output, len)?,
            }
        }
        Ok(())
    }

    /// Does with the transport what is to be done, and says whether it is over.
    fn over(&mut self) -> Result<bool, Error<W::Error>> {
        let verdict = self.session.transport();
        if verdict == Transport::ShutdownWrite && !self.shut {
            self.shut = true;
            self.wire.shutdown_write().map_err(Error::Wire)?;
        }
        Ok(matches!(verdict, Transport::Close | Transport::Abort))
    }

    /// Goes on with the handshake; where what came behind it lies in the input, once it is done.
    fn shake_hands(&mut self, late: bool) -> Result<Option<core::ops::Range<usize>>, Error<W::Error>> {
        if let Stage::Begin(request, key) = &self.stage {
            let len = request.write(key, self.output).map_err(Error::Write)?;
            put(&mut self.wire, self.output, len)?;
            self.stage = Stage::Response(request, key.clone(), 0);
        }
        loop {
            let filled = match &mut self.stage {
                Stage::Request(filled, _) | Stage::Response(_, _, filled) => filled,
                Stage::Begin(..) | Stage::Open => return Ok(None),
            };
            if late {
                return self.fail(Refusal::TimedOut, ResponseError::TimedOut);
            }
            if !self.wire.read_ready().map_err(Error::Wire)? {
                return Ok(None);
            }
            let space = self.input.get_mut(*filled..).unwrap_or_default();
            if space.is_empty() {
                return self.fail(Refusal::HeadTooLarge, ResponseError::HeadTooLarge);
            }
            let len = self.wire.read(space).map_err(Error::Wire)?;
            *filled += len;
            let end = *filled;
            if len == 0 {
                return self.fail(Refusal::EndedEarly, ResponseError::EndedEarly);
            }
            if let Some(length) = head::length(self.input.get(..end).unwrap_or_default()) {
                self.judge(length)?;
                return Ok(Some(length..end));
            }
        }
    }

    /// Checks a whole head, and answers a request.
    fn judge(&mut self, length: usize) -> Result<(), Error<W::Error>> {
        let bytes = self.input.get(..length).unwrap_or_default();
        let refusal = match &self.stage {
            Stage::Request(_, policy) => {
                let checked = head::request(bytes)
                    .ok_or(Refusal::HeadMalformed)
                    .and_then(|(line, fields)| Request::check(line, fields, *policy));
                match checked {
                    Ok(request) => {
                        let written = request.write_acceptance(&Acceptance::default(), self.output);
                        let len = written.map_err(Error::Write)?;
                        put(&mut self.wire, self.output, len)?;
                        None
                    }
                    Err(refusal) => Some(refusal),
                }
            }
            Stage::Response(request, key, _) => {
                let (line, fields) =
                    head::response(bytes).ok_or(Error::Response(ResponseError::HeadMalformed))?;
                request.offer.check(key, line, fields).map_err(Error::Response)?;
                None
            }
            Stage::Begin(..) | Stage::Open => None,
        };
        match refusal {
            Some(refusal) => self.fail(refusal, ResponseError::HeadMalformed),
            None => {
                self.stage = Stage::Open;
                Ok(())
            }
        }
    }

    /// Tells a client why it gets no connection.
    fn fail<T>(&mut self, refusal: Refusal, error: ResponseError) -> Result<T, Error<W::Error>> {
        if !matches!(self.stage, Stage::Request(..)) {
            return Err(Error::Response(error));
        }
        let len = refusal.write(self.output).map_err(Error::Write)?;
        put(&mut self.wire, self.output, len)?;
        self.wire.shutdown_write().map_err(Error::Wire)?;
        Err(Error::Refused(refusal))
    }
}

fn put<W: Wire>(wire: &mut W, output: &[u8], len: usize) -> Result<(), Error<W::Error>> {
    wire.write_all(output.get(..len).unwrap_or_default()).map_err(Error::Wire)?;
    wire.flush().map_err(Error::Wire)
}
