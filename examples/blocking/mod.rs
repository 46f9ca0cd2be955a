//! A driver over blocking sockets, as the examples use it: one thread reads, any thread may send.

#![allow(dead_code, unreachable_pub)] // each example uses its part of it

mod machine;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use machine::Machine;
use sockless::handshake::{
    ClientHandshake, Outcome, Refusal, RequestHead, ResponseError, ResponseHead, ServerHandshake,
};
use sockless::{Connection, End, Event, Moment, Transport};

/// Output beyond which a batch of events is written before the next one is received.
const BATCH: usize = 64 << 10;

/// A connection on a socket. The lock is held while something is called or written, never while it is read.
pub struct Socket<M = Connection> {
    stream: TcpStream,
    connection: Mutex<M>,
    clock: Clock,
}

impl<M: Machine> Socket<M> {
    pub fn new(stream: TcpStream, connection: M) -> Socket<M> {
        Socket { stream, connection: Mutex::new(connection), clock: Clock::default() }
    }

    /// Reads until the connection is over and says how it ended. `rest` is what came behind the handshake.
    pub fn run(&self, rest: &mut [u8], mut on_event: impl FnMut(&mut M, Event<'_>)) -> io::Result<End> {
        let mut buffer = vec![0; 16 << 10];
        self.receive(rest, &mut on_event)?;
        let mut shut = false;
        loop {
            let wait = {
                let mut connection = self.lock();
                let now = self.clock.now();
                connection.handle_timeout(now);
                self.flush(&mut connection)?;
                match connection.transport() {
                    Transport::Keep => {}
                    Transport::ShutdownWrite if shut => {}
                    Transport::ShutdownWrite => {
                        shut = true;
                        // The peer may be gone already.
                        let _ = self.stream.shutdown(Shutdown::Write);
                    }
                    Transport::Close | Transport::Abort => {
                        let _ = self.stream.shutdown(Shutdown::Both);
                        return connection.end().ok_or_else(|| io::Error::other("the end was taken"));
                    }
                }
                connection.poll_timeout(now).map(|due| due.since(now).max(Duration::from_millis(1)))
            };
            match read_within(&self.stream, wait, &mut buffer) {
                Ok(None) => {}
                // A reset is an end like any other.
                Ok(Some(0)) | Err(_) => self.lock().receive_eof(),
                Ok(Some(len)) => self.receive(&mut buffer[..len], &mut on_event)?,
            }
        }
    }

    /// Calls the connection from any thread and writes what comes of it.
    pub fn with<T>(&self, call: impl FnOnce(&mut M) -> T) -> io::Result<T> {
        let mut connection = self.lock();
        let result = call(&mut connection);
        self.flush(&mut connection)?;
        if connection.transport() == Transport::ShutdownWrite {
            // The reading thread sleeps until the peer answers that.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        Ok(result)
    }

    /// As [`Socket::with`], unless another thread is at it.
    pub fn try_with<T>(&self, call: impl FnOnce(&mut M) -> T) -> Option<io::Result<T>> {
        let mut connection = self.connection.try_lock().ok()?;
        let result = call(&mut connection);
        Some(self.flush(&mut connection).map(|()| result))
    }

    fn receive(&self, mut input: &mut [u8], on_event: &mut impl FnMut(&mut M, Event<'_>)) -> io::Result<()> {
        let mut connection = self.lock();
        // A fault has queued its Close; the loop writes it and the transport says what follows.
        while let Ok(Some(event)) = connection.receive(&mut input) {
            on_event(&mut connection, event);
            if connection.queued() > BATCH {
                self.flush(&mut connection)?;
            }
        }
        Ok(())
    }

    fn flush(&self, connection: &mut M) -> io::Result<()> {
        while connection.queued() > 0 {
            match connection.output(|slices| (&self.stream).write_vectored(slices)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => connection.advance(len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, M> {
        self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
