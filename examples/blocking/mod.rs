//! A driver over blocking sockets, as the examples use it: one thread reads, another writes, any may send.

#![allow(dead_code, unreachable_pub)] // each example uses its part of it

mod machine;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use machine::Machine;
use sockless::handshake::{
    ClientHandshake, Outcome, Refusal, RequestHead, ResponseError, ResponseHead, ServerHandshake,
};
use sockless::{Connection, End, Event, Moment, Transport};

/// The most of one write.
const BATCH: usize = 64 << 10;

/// How long a peer may take none of what is written.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the reading thread sleeps at most: another one's call may have brought a deadline nearer.
const LOOK: Duration = Duration::from_secs(1);

/// A connection on a socket. No lock is held while the socket is read or written; one is held by whoever calls the
/// connection, in [`run`](Socket::run)'s callback too.
///
/// The thread that reads never writes, and goes on while the queue has room: two ends that both send more than their
/// sockets hold would wait for each other to read. Without room it waits, and of the deadlines only [`PATIENCE`] runs.
pub struct Socket<M = Connection> {
    stream: TcpStream,
    state: Mutex<State<M>>,
    /// There is something to write, or something was written, or nothing will be any more.
    changed: Condvar,
    clock: Clock,
}

struct State<M> {
    connection: M,
    /// Nothing is received any more.
    over: bool,
    /// Nothing is written any more.
    written: bool,
    /// What was taken to be written was not.
    lost: bool,
}

impl<M: Machine + Send> Socket<M> {
    pub fn new(stream: TcpStream, connection: M) -> Socket<M> {
        // Without it a peer that does not read is waited for; a socket that cannot have it is none.
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let state = Mutex::new(State { connection, over: false, written: false, lost: false });
        Socket { stream, state, changed: Condvar::new(), clock: Clock::default() }
    }

    /// Reads until the connection is over and says how it ended. `rest` is what came behind the handshake.
    pub fn run(&self, rest: &mut [u8], mut on_event: impl FnMut(&mut M, Event<'_>)) -> io::Result<End> {
        thread::scope(|scope| {
            let _reading = Reading(self);
            let writing = thread::Builder::new().spawn_scoped(scope, || self.write());
            writing.inspect_err(|_| self.end_writing())?;
            // A reset is an end like any other.
            let _ = self.read(rest, &mut on_event);
            io::Result::Ok(())
        })?;
        let mut state = self.lock();
        state.connection.receive_eof();
        let mut end = state.connection.end().ok_or_else(|| io::Error::other("the end was taken"))?;
        // It may have been our Close.
        end.was_clean &= !state.lost;
        Ok(end)
    }

    /// Calls the connection from any thread, and waits until the queue has room again. [`run`](Socket::run) writes it.
    pub fn with<T>(&self, call: impl FnOnce(&mut M) -> T) -> T {
        let result = self.call(call);
        self.wait_for_room();
        result
    }

    /// Calls the connection from any thread, and waits for nothing.
    pub fn call<T>(&self, call: impl FnOnce(&mut M) -> T) -> T {
        let result = call(&mut self.lock().connection);
        self.changed.notify_all();
        result
    }

    fn read(&self, rest: &mut [u8], on_event: &mut impl FnMut(&mut M, Event<'_>)) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        self.receive(rest, on_event);
        loop {
            let now = self.clock.now();
            let (verdict, due) = self.call(|connection| {
                connection.handle_timeout(now);
                (connection.transport(), connection.poll_timeout(now))
            });
            // A peer that is written to no more may go on sending.
            if matches!(verdict, Transport::Close | Transport::Abort) || self.lock().written {
                return Ok(());
            }
            let wait = due.map_or(LOOK, |due| due.since(now).clamp(Duration::from_millis(1), LOOK));
            match read_within(&self.stream, Some(wait), &mut buffer)? {
                None => {}
                Some(0) => {
                    self.call(M::receive_eof);
                    self.wait_for_output();
                }
                Some(len) => self.receive(&mut buffer[..len], on_event),
            }
        }
    }

    fn receive(&self, mut input: &mut [u8], on_event: &mut impl FnMut(&mut M, Event<'_>)) {
        loop {
            let mut state = self.lock();
            // A fault has queued its Close; the transport says what follows.
            let Ok(Some(event)) = state.connection.receive(&mut input) else { return };
            let before = state.connection.queued();
            on_event(&mut state.connection, event);
            let answered = state.connection.queued() > before;
            drop(state);
            self.changed.notify_all();
            if answered {
                // Whoever does not read what it asked for is not asked for more.
                self.wait_for_room();
            }
        }
    }

    /// Writes what is queued until nothing will be any more, and does to the transport what the connection says.
    fn write(&self) {
        let mut state = self.lock();
        let mut shut = false;
        while state.connection.transport() != Transport::Abort {
            let run = state.connection.take(BATCH);
            if !run.is_empty() {
                drop(state);
                let written = (&self.stream).write_all(&run);
                state = self.lock();
                self.changed.notify_all();
                if written.is_err() {
                    state.lost = true;
                    break;
                }
                continue;
            }
            let verdict = state.connection.transport();
            if state.over || verdict == Transport::Close {
                break;
            }
            if verdict == Transport::ShutdownWrite && !shut {
                shut = true;
                // The peer may be gone already.
                let _ = self.stream.shutdown(Shutdown::Write);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.end_writing();
    }

    fn end_writing(&self) {
        self.lock().written = true;
        self.changed.notify_all();
        // The reading thread may not know yet.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn wait_for_room(&self) {
        let full = |state: &mut State<M>| !state.connection.has_room() && !state.written;
        drop(self.changed.wait_while(self.lock(), full));
    }

    /// A peer that sends nothing more may read still, and is to have our Close. Its end can be read again at once:
    /// whoever reads it does not wait by reading.
    fn wait_for_output(&self) {
        let waits = |state: &mut State<M>| state.connection.queued() > 0 && !state.written;
        drop(self.changed.wait_timeout_while(self.lock(), LOOK, waits));
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that reads, however it ends: the one that writes is not left waiting.
struct Reading<'a, M: Machine + Send>(&'a Socket<M>);

impl<M: Machine + Send> Drop for Reading<'_, M> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.over = true;
        self.0.changed.notify_all();
        // A peer that is there still is sent what is left, if it does not take for ever over it.
        if state.connection.transport() == Transport::Close {
            drop(self.0.changed.wait_timeout_while(state, PATIENCE, |state| !state.written));
        }
        let _ = self.0.stream.shutdown(Shutdown::Both);
    }
}

/// Reads a request's head. What came behind it lies in `buffer` at the range given.
pub fn read_request(
    stream: &TcpStream,
    buffer: &mut [u8],
) -> io::Result<Result<(RequestHead, std::ops::Range<usize>), Refusal>> {
    let clock = Clock::default();
    let mut handshake = ServerHandshake::new(Default::default());
    loop {
        let now = clock.now();
        if let Err(refusal) = handshake.handle_timeout(now) {
            return Ok(Err(refusal));
        }
        let wait = handshake.poll_timeout(now).map(|due| due.since(now));
        let Some(len) = read_within(stream, wait, buffer)? else { continue };
        if len == 0 {
            return Ok(Err(handshake.receive_eof().err().unwrap_or(Refusal::EndedEarly)));
        }
        let mut input = &mut buffer[..len];
        match handshake.receive(&mut input) {
            Ok(None) => {}
            Ok(Some(head)) => {
                let rest = len - input.len()..len;
                return Ok(Ok((head, rest)));
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
}

/// Sends the request and reads the response's head. What came behind it lies in `buffer` at the range given.
pub fn open(
    mut stream: &TcpStream,
    mut handshake: ClientHandshake,
    buffer: &mut [u8],
) -> Result<(Outcome, std::ops::Range<usize>), OpenError> {
    let clock = Clock::default();
    stream.write_all(handshake.request())?;
    loop {
        let now = clock.now();
        handshake.handle_timeout(now)?;
        let wait = handshake.poll_timeout(now).map(|due| due.since(now));
        let Some(len) = read_within(stream, wait, buffer)? else { continue };
        if len == 0 {
            handshake.receive_eof()?;
        }
        let mut input = &mut buffer[..len];
        if let Some(outcome) = handshake.receive(&mut input)? {
            return Ok((outcome, len - input.len()..len));
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum OpenError {
    Io(io::Error),
    Response(ResponseError),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::Io(error) => error.fmt(f),
            OpenError::Response(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> OpenError {
        OpenError::Io(error)
    }
}

impl From<ResponseError> for OpenError {
    fn from(error: ResponseError) -> OpenError {
        OpenError::Response(error)
    }
}

/// A refusal in one line.
pub fn refused(head: &ResponseHead) -> String {
    format!("the server answered {} {}", head.status(), String::from_utf8_lossy(head.reason()))
}

/// Lets the peer read the last bytes before the socket goes: closing with unread input resets it.
pub fn linger(mut stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut rest = [0; 4096];
    for _ in 0..64 {
        if stream.read(&mut rest).is_ok_and(|len| len > 0) {
            continue;
        }
        break;
    }
}

/// The driver's clock: moments since its start.
pub struct Clock(Instant);

impl Default for Clock {
    fn default() -> Clock {
        Clock(Instant::now())
    }
}

impl Clock {
    pub fn now(&self) -> Moment {
        Moment::from(self.0.elapsed())
    }
}

/// Reads, and says how many bytes: `None` if nothing came within this time.
pub fn read_within(
    mut stream: &TcpStream,
    wait: Option<Duration>,
    buffer: &mut [u8],
) -> io::Result<Option<usize>> {
    stream.set_read_timeout(wait)?;
    match stream.read(buffer) {
        Ok(len) => Ok(Some(len)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}
