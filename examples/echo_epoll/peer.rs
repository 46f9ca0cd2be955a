//! One connection, from its first byte to its last.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use mio::event::Event as Readiness;
use mio::net::TcpStream;
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, RequestHead, ServerHandshake};
use sockless::{Config, Connection, Event, Moment, Signal, Transport};

/// With this much output waiting, nothing more is read.
const MARK: usize = 256 << 10;

/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_secs(2);

pub struct Peer {
    socket: Socket,
    state: State,
}

struct Socket {
    stream: TcpStream,
    /// There may be something to read.
    readable: bool,
    /// The last event said that the other end sends no more.
    read_closed: bool,
    /// The other end sends no more, and all of it was read.
    ended: bool,
    /// We send no more.
    shut: bool,
}

/// What is rare is boxed: most connections are open.
enum State {
    Handshaking(Box<ServerHandshake>),
    Open(Connection),
    Refused(Box<Refused>),
}

/// The answer to what is no WebSocket.
struct Refused {
    response: Vec<u8>,
    until: Option<Moment>,
    given_up: bool,
}

/// What a peer wants of the server.
pub enum Wish {
    Nothing,
    /// To be served again soon.
    Again,
    /// To be asked for its deadline.
    Deadline,
    Close,
}

impl Peer {
    pub fn new(stream: TcpStream) -> Peer {
        let socket = Socket { stream, readable: false, read_closed: false, ended: false, shut: false };
        Peer { socket, state: State::Handshaking(Box::new(ServerHandshake::new(Default::default()))) }
    }

    /// Remembers what an event said until it is done: it does not come twice.
    pub fn note(&mut self, event: &Readiness) {
        self.socket.readable |= event.is_readable() || event.is_read_closed();
        self.socket.read_closed |= event.is_read_closed();
    }

    /// One read if there is something, an answer to every message in it, and one write.
    pub fn serve(&mut self, buffer: &mut [u8], config: &Arc<Config>) -> Wish {
        let Peer { socket, state } = self;
        let (connection, input, idle) = match state {
            State::Open(connection) if socket.readable && connection.queued() <= MARK => {
                let input = socket.read(buffer);
                if socket.ended {
                    connection.receive_eof();
                }
                (connection, input, Wish::Nothing)
            }
            State::Open(connection) => {
                if socket.readable {
                    // Whoever does not read what it asked for is not asked for more, and is not silent for that.
                    connection.signal(Signal::Heard { message: false });
                }
                (connection, &mut [][..], Wish::Nothing)
            }
            State::Handshaking(_) => match state.shake_hands(socket, buffer, config) {
                // What came behind the head are frames.
                Ok((connection, rest)) => (connection, rest, Wish::Deadline),
                Err(wish) => return wish,
            },
            State::Refused(refused) => return refused.explain(socket, buffer),
        };
        echo(connection, input);
        if socket.write(connection).is_err() {
            return Wish::Close;
        }
        match connection.transport() {
            Transport::Keep if connection.queued() > 0 => Wish::Deadline,
            Transport::Keep if socket.readable => Wish::Again,
            Transport::Keep => idle,
            Transport::ShutdownWrite => {
                socket.shutdown();
                if socket.readable { Wish::Again } else { Wish::Deadline }
            }
            Transport::Close | Transport::Abort => Wish::Close,
        }
    }

    /// Asked when nothing goes on for a while: what memory the last messages took is given back.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        match &mut self.state {
            State::Handshaking(handshake) => handshake.poll_timeout(now),
            State::Open(connection) => {
                connection.release();
                connection.poll_timeout(now)
            }
            State::Refused(refused) => Some(*refused.until.get_or_insert(now + LINGER)),
        }
    }

    pub fn handle_timeout(&mut self, now: Moment) {
        match &mut self.state {
            State::Handshaking(handshake) => {
                if let Err(refusal) = handshake.handle_timeout(now) {
                    self.state = State::refused(refusal);
                }
            }
            State::Open(connection) => connection.handle_timeout(now),
            State::Refused(refused) => {
                refused.given_up = refused.until.is_some_and(|until| until <= now);
            }
        }
    }
}

impl State {
    /// The connection and what came behind the request, once that is whole and in order.
    #[cold]
    fn shake_hands<'b>(
        &mut self,
        socket: &mut Socket,
        buffer: &'b mut [u8],
        config: &Arc<Config>,
    ) -> Result<(&mut Connection, &'b mut [u8]), Wish> {
        let State::Handshaking(handshake) = self else { return Err(Wish::Nothing) };
        if !socket.readable {
            return Err(Wish::Nothing);
        }
        let mut input = socket.read(buffer);
        if socket.ended {
            return Err(Wish::Close);
        }
        *self = match handshake.receive(&mut input) {
            Ok(None) => return Err(if socket.readable { Wish::Again } else { Wish::Nothing }),
            Ok(Some(head)) => open(&head, config).map_or_else(State::refused, State::Open),
            Err(refusal) => State::refused(refusal),
        };
        match self {
            State::Open(connection) => Ok((connection, input)),
            _ => Err(Wish::Again),
        }
    }

    #[cold]
    fn refused(refusal: Refusal) -> State {
        State::Refused(Box::new(Refused { response: refusal.response(), until: None, given_up: false }))
    }
}

impl Refused {
    /// Says why, and gives the client time to read it: closing with unread input would take it back.
    #[cold]
    fn explain(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> Wish {
        if self.given_up {
            return Wish::Close;
        }
        while !self.response.is_empty() {
            match socket.stream.write(&self.response) {
                Ok(written) => drop(self.response.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Wish::Deadline,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Wish::Close,
            }
        }
        socket.shutdown();
        // To the end, whatever the events said.
        socket.read_closed = true;
        socket.readable = true;
        while socket.readable {
            socket.read(buffer);
        }
        if socket.ended { Wish::Close } else { Wish::Deadline }
    }
}

impl Socket {
    /// One read. Less than there was room for means that there is no more, unless the end is still to be read.
    #[inline(always)]
    fn read<'b>(&mut self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        self.readable = false;
        loop {
            match self.stream.read(buffer) {
                Ok(len @ 1..) => {
                    self.readable = len == buffer.len() || self.read_closed;
                    return &mut buffer[..len];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return &mut [],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A reset is an end like any other.
                Ok(0) | Err(_) => {
                    self.ended = true;
                    return &mut [];
                }
            }
        }
    }

    /// One write of all that waits, if the socket takes it.
    fn write(&mut self, connection: &mut Connection) -> io::Result<()> {
        while connection.queued() > 0 {
            let output = connection.output();
            let chunk = output.chunk();
            let written = if chunk.len() == output.remaining() {
                self.stream.write(chunk)
            } else {
                let mut slices = [IoSlice::new(&[]); 16];
                let count = output.chunks_vectored(&mut slices);
                self.stream.write_vectored(&slices[..count])
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => connection.output().advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn shutdown(&mut self) {
        if !self.shut {
            self.shut = true;
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

fn echo(connection: &mut Connection, mut input: &mut [u8]) {
    // A fault has queued its Close already, and what is refused came behind a Close: nobody waits for it.
    while let Ok(Some(event)) = connection.receive(&mut input) {
        match event {
            Event::Text { text, .. } => drop(connection.text(text)),
            Event::Binary { data, .. } => drop(connection.binary(data)),
            Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => {}
        }
    }
}

fn open(head: &RequestHead, config: &Arc<Config>) -> Result<Connection, Refusal> {
    // Anybody may have their own words back, so any origin will do. A server with cookies would say SameHost.
    let request = head.upgrade(OriginPolicy::Any)?;
    let subprotocol = request.subprotocols().next();
    let acceptance = Acceptance { subprotocol, ..Acceptance::default() };
    // What was offered can be answered.
    request.open(&acceptance, Arc::clone(config)).map_err(|_| Refusal::HeadMalformed)
}
