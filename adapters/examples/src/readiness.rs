//! Readiness: one thread, one event queue and one read buffer for all connections.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use bytes::Buf;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, ServerHandshake};
use sockless::{Config, Connection, Event, Moment, Signal, Transport};

use crate::Clock;

/// The bytes of output from which on nothing more is received until some was taken.
const BATCH: usize = 64 << 10;

/// The reads of one connection before the others have their turn.
const READS: usize = 16;

/// How long nobody is accepted when it could not be done.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a client that was refused may take to read why.
const LINGER: Duration = Duration::from_secs(1);

const LISTENER: Token = Token(0);

/// A server of WebSockets on one thread.
pub struct Server {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    clients: HashMap<Token, Client>,
    last: Token,
    /// Who wants to be called when: one entry for each client that has a deadline.
    timers: BTreeSet<(Moment, Token)>,
    /// Who had more to read than its turn allowed.
    again: Vec<Token>,
    /// Descriptors were short: an edge that was missed does not come again.
    short: bool,
    buffer: Vec<u8>,
    clock: Clock,
}

struct Client {
    stream: TcpStream,
    stage: Stage,
    due: Option<Moment>,
    shut: bool,
}

enum Stage {
    Request(ServerHandshake),
    Open(Connection),
    /// Until then: to close a socket with unread input resets it, and the answer is lost.
    Refused(Moment),
}

/// What becomes of a client that had its turn.
enum Turn {
    Done,
    Again,
    Over,
}

impl Server {
    /// A server on this socket.
    ///
    /// # Errors
    /// Those of the socket and of the event queue.
    pub fn new(listener: std::net::TcpListener) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Server {
            poll,
            events: Events::with_capacity(1024),
            listener,
            clients: HashMap::new(),
            last: LISTENER,
            timers: BTreeSet::new(),
            again: Vec::new(),
            short: false,
            buffer: vec![0; 64 << 10],
            clock: Clock::start(),
        })
    }

    /// The clients that are connected.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Waits for something to do, for so long at most, and does it.
    ///
    /// # Errors
    /// Those of the event queue; a client's cost that client alone.
    pub fn turn(
        &mut self,
        patience: Duration,
        mut on_event: impl FnMut(Token, &mut Connection, Event<'_>),
    ) -> io::Result<()> {
        let now = self.clock.now();
        let patience = if self.short { patience.min(PAUSE) } else { patience };
        let due = self.timers.first().map(|(due, _)| due.since(now));
        let wait = if self.again.is_empty() {
            due.map_or(patience, |due| due.min(patience))
        } else {
            Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut ready = std::mem::take(&mut self.again);
        ready.extend(self.short.then_some(LISTENER));
        ready.extend(self.events.iter().map(|event| event.token()));
        let now = self.clock.now();
        ready.extend(self.timers.iter().take_while(|(due, _)| *due <= now).map(|(_, token)| *token));
        for token in ready {
            match token {
                LISTENER => self.accept()?,
                token => self.serve(token, now, &mut on_event),
            }
        }
        Ok(())
    }

    /// Calls the connection of a client outside of its own event; what that queues is written in the next turn.
    pub fn with<T>(&mut self, token: Token, call: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        match &mut self.clients.get_mut(&token)?.stage {
            Stage::Open(connection) => {
                // Nothing has happened on its socket, so no event would come.
                self.again.push(token);
                Some(call(connection))
            }
            Stage::Request(_) | Stage::Refused(_) => None,
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let accepted = self.listener.accept();
            self.short = matches!(&accepted, Err(error) if error.kind() != ErrorKind::WouldBlock);
            let Ok((mut stream, _)) = accepted else { return Ok(()) };
            self.last = Token(self.last.0 + 1);
            let _ = stream.set_nodelay(true);
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, self.last, interest)?;
            let stage = Stage::Request(ServerHandshake::new(Default::default()));
            self.clients.insert(self.last, Client { stream, stage, due: None, shut: false });
            self.again.push(self.last);
        }
    }

    fn serve(
        &mut self,
        token: Token,
        now: Moment,
        on_event: &mut impl FnMut(Token, &mut Connection, Event<'_>),
    ) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        let mut on_event = |connection: &mut Connection, event: Event<'_>| on_event(token, connection, event);
        let turn = client.turn(&mut self.buffer, now, &mut on_event);
        let due = match &mut client.stage {
            _ if matches!(turn, Turn::Over) => None,
            Stage::Request(handshake) => handshake.poll_timeout(now),
            Stage::Open(connection) => connection.poll_timeout(now),
            Stage::Refused(until) => Some(*until),
        };
        // Seldom: what comes in moves no deadline.
        if due != client.due {
            self.timers.extend(due.map(|due| (due, token)));
            if let Some(before) = std::mem::replace(&mut client.due, due) {
                self.timers.remove(&(before, token));
            }
        }
        match turn {
            Turn::Done => {}
            Turn::Again => self.again.push(token),
            Turn::Over => {
                let _ = self.poll.registry().deregister(&mut client.stream);
                self.clients.remove(&token);
            }
        }
    }
}

impl Client {
    /// Reads and writes until the socket has nothing and takes nothing more.
    fn turn(
        &mut self,
        buffer: &mut [u8],
        now: Moment,
        on_event: &mut impl FnMut(&mut Connection, Event<'_>),
    ) -> Turn {
        for _ in 0..READS {
            if self.over(now) {
                return Turn::Over;
            }
            if let Stage::Open(connection) = &mut self.stage {
                if connection.queued() > BATCH {
                    // Whoever does not read what it asked for is not asked for more, and is not silent for that.
                    connection.signal(Signal::Heard { message: false });
                    return Turn::Done;
                }
            }
            let len = match self.stream.read(buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Turn::Done,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let mut input = &mut buffer[..len];
            if let Stage::Request(handshake) = &mut self.stage {
                match request(handshake, &mut input) {
                    Ok(None) => continue,
                    Ok(Some(connection)) => self.stage = Stage::Open(connection),
                    Err(refusal) => self.refuse(refusal, now),
                }
            }
            match &mut self.stage {
                Stage::Open(connection) => {
                    if len == 0 {
                        connection.receive_eof();
                        // An end can be read again at once: what is queued waits for the socket.
                        return if self.over(now) { Turn::Over } else { Turn::Done };
                    }
                    while let Ok(Some(event)) = connection.receive(&mut input) {
                        on_event(connection, event);
                    }
                }
                Stage::Refused(_) if len == 0 => return Turn::Over,
                Stage::Refused(_) | Stage::Request(_) => {}
            }
        }
        Turn::Again
    }

    /// Does what is due, writes what the socket takes, and says whether this is over.
    fn over(&mut self, now: Moment) -> bool {
        let connection = match &mut self.stage {
            Stage::Open(connection) => connection,
            Stage::Request(handshake) => {
                if let Err(refusal) = handshake.handle_timeout(now) {
                    self.refuse(refusal, now);
                }
                return false;
            }
            Stage::Refused(until) => return *until <= now,
        };
        connection.handle_timeout(now);
        while connection.queued() > 0 {
            let output = connection.output();
            let mut runs = [IoSlice::new(&[]); 16];
            let count = output.chunks_vectored(&mut runs);
            match self.stream.write_vectored(&runs[..count]) {
                Ok(len) if len > 0 => connection.output().advance(len),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                _ => return true,
            }
        }
        match connection.transport() {
            Transport::Keep => false,
            Transport::ShutdownWrite => {
                if !self.shut {
                    let _ = self.stream.shutdown(Shutdown::Write);
                    self.shut = true;
                }
                false
            }
            Transport::Close | Transport::Abort => true,
        }
    }

    /// A fresh socket takes so short an answer at once.
    fn refuse(&mut self, refusal: Refusal, now: Moment) {
        let _ = self.stream.write(&refusal.response());
        let _ = self.stream.shutdown(Shutdown::Write);
        self.stage = Stage::Refused(now + LINGER);
    }
}

/// The connection that answers the request, once all of it came.
fn request(handshake: &mut ServerHandshake, input: &mut &mut [u8]) -> Result<Option<Connection>, Refusal> {
    if input.is_empty() {
        handshake.receive_eof()?;
    }
    let Some(head) = handshake.receive(input)? else { return Ok(None) };
    let request = head.upgrade(OriginPolicy::Any)?;
    // No answer is refused: a turn ends where much is queued.
    let config = Config::default().high_water(usize::MAX);
    match request.open(&Acceptance::default(), config) {
        Ok(connection) => Ok(Some(connection)),
        Err(fault) => unreachable!("an acceptance without anything in it: {fault}"),
    }
}
