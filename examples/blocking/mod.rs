//! A driver over blocking sockets, as the examples use it: one thread reads, any thread may send.

#![allow(dead_code, unreachable_pub)] // each example uses its part of it

mod machine;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use machine::Machine;
use sockless::handshake::{
    ClientHandshake, Outcome, Refusal, RequestHead, ResponseError, ResponseHead, ServerHandshake,
};
use sockless::{Connection, End, Event, Moment, Transport};

/// Output beyond which a batch of events is written before the next one is received, and the most of one write.
const BATCH: usize = 64 << 10;

/// How long a peer may take none of what is written.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the reading thread sleeps at most: another one's call may have brought a deadline nearer.
const LOOK: Duration = Duration::from_secs(1);

/// A connection on a socket. No lock on the connection is held while anything is read or written.
///
/// The thread that reads writes too, what it answers and what others left to it. Two ends that both send more at once than
/// their sockets hold can wait for each other there until [`PATIENCE`] is over: for such a program the writing wants a
/// thread of its own.
pub struct Socket<M = Connection> {
    stream: TcpStream,
    connection: Mutex<M>,
    /// Held by the one thread that writes. The others leave what they have queued to it.
    writing: Mutex<()>,
    /// What was taken to be written was not.
    lost: AtomicBool,
    clock: Clock,
}

impl<M: Machine> Socket<M> {
    pub fn new(stream: TcpStream, connection: M) -> Socket<M> {
        // Without it a peer that does not read is waited for; a socket that cannot have it is none.
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let (connection, writing) = (Mutex::new(connection), Mutex::new(()));
        Socket { stream, connection, writing, lost: AtomicBool::new(false), clock: Clock::default() }
    }

    /// Reads until the connection is over and says how it ended. `rest` is what came behind the handshake.
    pub fn run(&self, rest: &mut [u8], mut on_event: impl FnMut(&mut M, Event<'_>)) -> io::Result<End> {
        let over = self.read_on(rest, &mut on_event);
        let mut connection = self.lock();
        if over.is_err() {
            // A reset, or a write that failed, is an end like any other.
            connection.receive_eof();
        }
        let _ = self.stream.shutdown(Shutdown::Both);
        let mut end = connection.end().ok_or_else(|| io::Error::other("the end was taken"))?;
        // It may have been our Close.
        end.was_clean &= !self.lost.load(Ordering::Relaxed);
        Ok(end)
    }

    /// Calls the connection from any thread. What comes of it is written here, or by the thread that is at it.
    pub fn with<T>(&self, call: impl FnOnce(&mut M) -> T) -> io::Result<T> {
        let result = self.call(call);
        self.flush()?;
        if self.transport() == Transport::ShutdownWrite {
            // The reading thread sleeps until the peer answers that.
            self.shutdown_write();
        }
        Ok(result)
    }

    /// Calls the connection from any thread, and leaves the writing to the one that reads, which looks every second.
    pub fn call<T>(&self, call: impl FnOnce(&mut M) -> T) -> T {
        call(&mut self.lock())
    }

    fn read_on(&self, rest: &mut [u8], on_event: &mut impl FnMut(&mut M, Event<'_>)) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        self.receive(rest, on_event)?;
        let mut shut = false;
        loop {
            self.lock().handle_timeout(self.clock.now());
            self.flush()?;
            match self.transport() {
                Transport::Keep => {}
                Transport::ShutdownWrite if shut => {}
                Transport::ShutdownWrite => {
                    shut = true;
                    self.shutdown_write();
                }
                Transport::Close => {
                    drop(self.writing());
                    return Ok(());
                }
                Transport::Abort => return Ok(()),
            }
            let now = self.clock.now();
            let due = self.lock().poll_timeout(now);
            let wait = due.map_or(LOOK, |due| due.since(now).clamp(Duration::from_millis(1), LOOK));
            match read_within(&self.stream, Some(wait), &mut buffer)? {
                None => {}
                Some(0) => self.lock().receive_eof(),
                Some(len) => self.receive(&mut buffer[..len], on_event)?,
            }
        }
    }

    fn receive(&self, mut input: &mut [u8], on_event: &mut impl FnMut(&mut M, Event<'_>)) -> io::Result<()> {
        let mut answered = 0;
        loop {
            let mut connection = self.lock();
            // A fault has queued its Close; the loop writes it and the transport says what follows.
            let Ok(Some(event)) = connection.receive(&mut input) else { return Ok(()) };
            let before = connection.queued();
            on_event(&mut connection, event);
            answered += connection.queued().saturating_sub(before);
            drop(connection);
            if answered > BATCH {
                // Whoever does not read what it asked for is not asked for more.
                drop(self.writing());
                self.flush()?;
                answered = 0;
            }
        }
    }

    /// Writes what is queued, unless another thread does.
    fn flush(&self) -> io::Result<()> {
        // Asked again behind the lock: what was queued just before it was let go is nobody else's.
        while self.lock().queued() > 0 {
            let Ok(_writing) = self.writing.try_lock() else { return Ok(()) };
            loop {
                let run = self.lock().take(BATCH);
                if run.is_empty() {
                    break;
                }
                if let Err(error) = (&self.stream).write_all(&run) {
                    self.lost.store(true, Ordering::Relaxed);
                    // The reading thread may not have noticed.
                    let _ = self.stream.shutdown(Shutdown::Both);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Behind what is written. The peer may be gone already.
    fn shutdown_write(&self) {
        let _writing = self.writing();
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn transport(&self) -> Transport {
        self.lock().transport()
    }

    fn lock(&self) -> MutexGuard<'_, M> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the thread that writes.
    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
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
