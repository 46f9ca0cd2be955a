//! One connection, from its first byte to its last.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use mio::event::Event as Readiness;
use mio::net::TcpStream;
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, RequestHead, ServerHandshake};
use sockless::{Config, Connection, Event, Moment, Transport};

/// With this much output waiting, nothing more is read.
const MARK: usize = 256 << 10;

/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_secs(2);

pub struct Peer {
    stream: TcpStream,
    /// There may be something to read.
    readable: bool,
    /// The last event said that the other end sends no more.
    read_closed: bool,
    /// We send no more.
    shut: bool,
    state: State,
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

/// Whether reading is over for now.
enum Input {
    More,
    Drained,
    Ended,
}

impl Peer {
    pub fn new(stream: TcpStream) -> Peer {
        let state = State::Handshaking(Box::new(ServerHandshake::new(Default::default())));
        Peer { stream, readable: false, read_closed: false, shut: false, state }
    }

    /// Remembers what an event said until it is done: it does not come twice.
    pub fn note(&mut self, event: &Readiness) {
        self.readable |= event.is_readable() || event.is_read_closed();
        self.read_closed |= event.is_read_closed();
    }

    /// One read if there is something, an answer to every message in it, and one write.
    pub fn serve(&mut self, buffer: &mut [u8], config: &Arc<Config>) -> Wish {
        match &mut self.state {
            State::Open(connection) => {
                if self.readable && connection.queued() <= MARK {
                    let mut input = &mut buffer[..];
                    match read(&mut self.stream, &mut input, self.read_closed) {
                        Input::More => {}
                        Input::Drained => self.readable = false,
                        Input::Ended => {
                            self.readable = false;
                            connection.receive_eof();
                        }
                    }
                    echo(connection, input);
                }
                self.finish()
            }
            State::Handshaking(_) => self.shake_hands(buffer, config),
            State::Refused(_) => self.refuse(buffer),
        }
    }

    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        match &mut self.state {
            State::Handshaking(handshake) => handshake.poll_timeout(now),
            State::Open(connection) => connection.poll_timeout(now),
            State::Refused(refused) => Some(*refused.until.get_or_insert(now + LINGER)),
        }
    }

    pub fn handle_timeout(&mut self, now: Moment) {
        match &mut self.state {
            State::Handshaking(handshake) => {
                if let Err(refusal) = handshake.handle_timeout(now) {
                    self.state = refused(refusal);
                }
            }
            State::Open(connection) => {
                connection.handle_timeout(now);
                // Nobody has been here for a while: what memory the last messages took is given back.
                connection.release();
            }
            State::Refused(refused) => {
                refused.given_up = refused.until.is_some_and(|until| until <= now);
            }
        }
    }

    fn shake_hands(&mut self, buffer: &mut [u8], config: &Arc<Config>) -> Wish {
        let State::Handshaking(handshake) = &mut self.state else { return Wish::Nothing };
        if !self.readable {
            return Wish::Nothing;
        }
        let mut input = &mut buffer[..];
        let state = match read(&mut self.stream, &mut input, self.read_closed) {
            Input::Ended => return Wish::Close,
            Input::More => Wish::Again,
            Input::Drained => {
                self.readable = false;
                Wish::Nothing
            }
        };
        match handshake.receive(&mut input) {
            Ok(None) => return state,
            Err(refusal) => self.state = refused(refusal),
            Ok(Some(head)) => match open(&head, config) {
                Ok(mut connection) => {
                    // What came behind the head are frames.
                    echo(&mut connection, input);
                    self.state = State::Open(connection);
                }
                Err(refusal) => self.state = refused(refusal),
            },
        }
        match &mut self.state {
            State::Open(_) => {
                let wish = self.finish();
                if let State::Open(connection) = &mut self.state {
                    connection.release();
                }
                match wish {
                    Wish::Nothing => Wish::Deadline,
                    wish => wish,
                }
            }
            _ => self.refuse(buffer),
        }
    }

    /// Writes what there is, and does what the connection says about the transport then.
    fn finish(&mut self) -> Wish {
        let State::Open(connection) = &mut self.state else { return Wish::Nothing };
        if write(&mut self.stream, connection).is_err() {
            return Wish::Close;
        }
        match connection.transport() {
            Transport::Keep if connection.queued() > 0 => Wish::Deadline,
            Transport::Keep if self.readable => Wish::Again,
            Transport::Keep => Wish::Nothing,
            Transport::ShutdownWrite => {
                if !self.shut {
                    self.shut = true;
                    let _ = self.stream.shutdown(Shutdown::Write);
                }
                if self.readable { Wish::Again } else { Wish::Deadline }
            }
            Transport::Close | Transport::Abort => Wish::Close,
        }
    }

    /// Says why, and gives the client time to read it: closing with unread input would take it back.
    fn refuse(&mut self, buffer: &mut [u8]) -> Wish {
        let State::Refused(refused) = &mut self.state else { return Wish::Nothing };
        if refused.given_up {
            return Wish::Close;
        }
        while !refused.response.is_empty() {
            match self.stream.write(&refused.response) {
                Ok(written) => drop(refused.response.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Wish::Deadline,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Wish::Close,
            }
        }
        if !self.shut {
            self.shut = true;
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        loop {
            match read(&mut self.stream, &mut &mut buffer[..], true) {
                Input::More => {}
                Input::Drained => return Wish::Deadline,
                Input::Ended => return Wish::Close,
            }
        }
    }
}

/// One read. Less than there was room for means that there is no more, unless the end is still to be read.
#[inline(always)]
fn read(stream: &mut TcpStream, input: &mut &mut [u8], to_the_end: bool) -> Input {
    let buffer = std::mem::take(input);
    let room = buffer.len();
    loop {
        return match stream.read(buffer) {
            Ok(0) => Input::Ended,
            Ok(len) => {
                *input = &mut buffer[..len];
                if len == room || to_the_end { Input::More } else { Input::Drained }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Input::Drained,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A reset is an end like any other.
            Err(_) => Input::Ended,
        };
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

/// One write of all that waits, if the socket takes it.
fn write(stream: &mut TcpStream, connection: &mut Connection) -> io::Result<()> {
    while connection.queued() > 0 {
        let output = connection.output();
        let chunk = output.chunk();
        let written = if chunk.len() == output.remaining() {
            stream.write(chunk)
        } else {
            let mut slices = [IoSlice::new(&[]); 16];
            let count = output.chunks_vectored(&mut slices);
            stream.write_vectored(&slices[..count])
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

fn open(head: &RequestHead, config: &Arc<Config>) -> Result<Connection, Refusal> {
    // Anybody may have their own words back, so any origin will do. A server with cookies would say SameHost.
    let request = head.upgrade(OriginPolicy::Any)?;
    let subprotocol = request.subprotocols().next();
    let acceptance = Acceptance { subprotocol, ..Acceptance::default() };
    // What was offered can be answered.
    request.open(&acceptance, Arc::clone(config)).map_err(|_| Refusal::HeadMalformed)
}

#[cold]
fn refused(refusal: Refusal) -> State {
    State::Refused(Box::new(Refused { response: refusal.response(), until: None, given_up: false }))
}
