use core::time::Duration;

use embedded_io::{Read, ReadReady, Write};
use sockless::handshake::{
    Acceptance, ClientRequest, Key, OriginPolicy, Refusal, Request, Response, ResponseError, WriteError,
};
use sockless::{Config, End, Keys, Moment, SendError, Session, SessionEvent, Transport};

use crate::head::{self, Fields};

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
    subprotocol: Option<&'b str>,
    shut: bool,
}

/// What a server says to a request that may open a WebSocket: with what, or which response it gets instead, which has to
/// fit in the output with its body.
pub type Answer<'b> =
    dyn Fn(&Request<'_, Fields<'_>>) -> Result<Acceptance<'static>, Response<'static>> + Sync + 'b;

enum Stage<'b> {
    /// A server waits for a request, of which so many bytes came.
    Request(usize, OriginPolicy<'b>, &'b Answer<'b>),
    /// A client has to send its request.
    Begin(&'b ClientRequest<'b>, Key),
    /// A client waits for a response, of which so many bytes came.
    Response(&'b ClientRequest<'b>, Key, usize),
    Open,
}

/// What there is to do after a turn.
#[derive(Debug)]
pub enum Turn {
    /// Take another turn when something came, behind each [`send`](Endpoint::send), which may begin a deadline, and at
    /// this moment at the latest.
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
    /// The server answered with another response, of this status.
    Answered(u16),
    /// The response opens no WebSocket.
    Response(ResponseError),
    /// What is to be said in the handshake does not fit in the output, or must not be said: extensions, which nothing
    /// here applies.
    Write(WriteError),
    /// What is to be sent cannot be sent.
    Send(SendError),
}

impl<'b, W: Wire> Endpoint<'b, W> {
    /// A server's end, which takes every request that opens a WebSocket, whatever its path, and no subprotocol.
    pub fn server(
        wire: W,
        config: &'b Config,
        policy: OriginPolicy<'b>,
        memory: [&'b mut [u8]; 2],
    ) -> Endpoint<'b, W> {
        Endpoint::server_with(wire, config, policy, &|_| Ok(Acceptance::default()), memory)
    }

    /// A server's end that looks at the request: at its path, its subprotocols, its fields.
    ///
    /// ```
    /// use sockless::handshake::{Acceptance, OriginPolicy, Request, Response};
    /// use sockless::{Config, Moment};
    /// use sockless_embedded::head::Fields;
    /// use sockless_embedded::{Endpoint, Fifo, Pipe};
    ///
    /// fn answer(request: &Request<'_, Fields<'_>>) -> Result<Acceptance<'static>, Response<'static>> {
    ///     match request.resource_name().path() {
    ///         "/telemetry" => {
    ///             let subprotocol = request.choose_subprotocol(&["v2.cbor", "v1.json"]);
    ///             Ok(Acceptance { subprotocol, ..Acceptance::default() })
    ///         }
    ///         _ => Err(Response { status: 404, fields: &[], body: b"" }),
    ///     }
    /// }
    ///
    /// let (there, back) = (Fifo::<256>::new(), Fifo::new());
    /// let wire = Pipe { from: &there, to: &back };
    /// let config = Config::default();
    /// let (mut input, mut output) = ([0; 512], [0; 512]);
    /// let memory = [&mut input[..], &mut output[..]];
    /// let mut server = Endpoint::server_with(wire, &config, OriginPolicy::SameHost, &answer, memory);
    /// assert!(server.turn(Moment::ORIGIN, sockless_embedded::echo).is_ok()); // nothing has come
    /// ```
    pub fn server_with(
        wire: W,
        config: &'b Config,
        policy: OriginPolicy<'b>,
        answer: &'b Answer<'b>,
        memory: [&'b mut [u8]; 2],
    ) -> Endpoint<'b, W> {
        Endpoint::new(wire, Session::server(config), Stage::Request(0, policy, answer), memory)
    }

    /// A client's end. Any answer but 101 is an error, an interim one too.
    pub fn client(
        wire: W,
        config: &'b Config,
        request: &'b ClientRequest<'b>,
        keys: &'b mut Keys,
        memory: [&'b mut [u8]; 2],
    ) -> Endpoint<'b, W> {
        let stage = Stage::Begin(request, Key::from_nonce(keys.nonce()));
        Endpoint::new(wire, Session::client(config, keys), stage, memory)
    }

    fn new(
        wire: W,
        session: Session<'b>,
        stage: Stage<'b>,
        [input, output]: [&'b mut [u8]; 2],
    ) -> Endpoint<'b, W> {
        Endpoint { wire, session, stage, input, output, until: None, subprotocol: None, shut: false }
    }

    /// Whether the handshake is done.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// The subprotocol that was agreed on, once the handshake is done.
    pub const fn subprotocol(&self) -> Option<&'b str> {
        self.subprotocol
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
            if self.over() {
                return Ok(self.session.end().map_or(Turn::Wait(None), Turn::Over));
            }
            // A reset is an end like any other.
            let read = match self.wire.read_ready() {
                Ok(false) => return Ok(Turn::Wait(self.session.poll_timeout(now))),
                Ok(true) => self.wire.read(self.input).unwrap_or(0),
                Err(_) => 0,
            };
            match read {
                0 => self.session.receive_eof(),
                len => self.receive(0..len, &mut on_event)?,
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
    fn over(&mut self) -> bool {
        let verdict = self.session.transport();
        if verdict == Transport::ShutdownWrite && !self.shut {
            self.shut = true;
            // A peer that is gone already shows when it is read.
            let _ = self.wire.shutdown_write();
        }
        matches!(verdict, Transport::Close | Transport::Abort)
    }

    /// Goes on with the handshake; where what came behind it lies in the input, once it is done.
    fn shake_hands(&mut self, late: bool) -> Result<Option<core::ops::Range<usize>>, Error<W::Error>> {
        if let Stage::Begin(request, key) = &self.stage {
            apply_none(request.offer.extensions)?;
            let len = request.write(key, self.output).map_err(Error::Write)?;
            put(&mut self.wire, self.output, len)?;
            self.stage = Stage::Response(request, key.clone(), 0);
        }
        loop {
            let filled = match &mut self.stage {
                Stage::Request(filled, ..) | Stage::Response(_, _, filled) => filled,
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
            Stage::Request(_, policy, answer) => {
                let checked = head::request(bytes)
                    .ok_or(Refusal::HeadMalformed)
                    .and_then(|(line, fields)| Request::check(line, fields, *policy));
                match checked.map(|request| (answer(&request), request)) {
                    Ok((Ok(acceptance), request)) => {
                        apply_none(acceptance.extensions)?;
                        let len = request.write_acceptance(&acceptance, self.output).map_err(Error::Write)?;
                        put(&mut self.wire, self.output, len)?;
                        self.subprotocol = acceptance.subprotocol;
                        None
                    }
                    Ok((Err(response), _)) => {
                        let len = response.write(self.output).map_err(Error::Write)?;
                        put(&mut self.wire, self.output, len)?;
                        self.wire.shutdown_write().map_err(Error::Wire)?;
                        return Err(Error::Answered(response.status));
                    }
                    Err(refusal) => Some(refusal),
                }
            }
            Stage::Response(request, key, _) => {
                let (line, fields) =
                    head::response(bytes).ok_or(Error::Response(ResponseError::HeadMalformed))?;
                let opened = request.offer.check(key, line, fields).map_err(Error::Response)?;
                let offered = request.offer.subprotocols.iter().copied();
                self.subprotocol = offered.into_iter().find(|name| opened.subprotocol() == Some(name));
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

/// A peer would be right to use what was negotiated, and there is nothing here that would understand it.
fn apply_none<E>(extensions: Option<&str>) -> Result<(), Error<E>> {
    extensions.map_or(Ok(()), |_| Err(Error::Write(WriteError::Extensions)))
}

fn put<W: Wire>(wire: &mut W, output: &[u8], len: usize) -> Result<(), Error<W::Error>> {
    wire.write_all(output.get(..len).unwrap_or_default()).map_err(Error::Wire)?;
    wire.flush().map_err(Error::Wire)
}
