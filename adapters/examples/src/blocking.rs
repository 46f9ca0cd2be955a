//! Blocking: one thread per connection, over anything that reads and writes with a timeout.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::time::Duration;

use bytes::Buf;
use rustls::{ConnectionCommon, SideData, StreamOwned};
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, ServerHandshake};
use sockless::{Config, Connection, End, Event, Moment, Signal, Transport};

use crate::Clock;

/// What is driven here: a read or a write that takes too long fails with `WouldBlock` or `TimedOut`.
pub trait Blocking: Read + Write {
    /// How long a read or a write may take from now on; `None` is for ever.
    ///
    /// # Errors
    /// Those of the socket.
    fn set_timeout(&mut self, wait: Option<Duration>) -> io::Result<()>;

    /// Ends our side, and keeps reading.
    ///
    /// # Errors
    /// Those of the socket.
    fn shutdown_write(&mut self) -> io::Result<()>;
}

impl Blocking for TcpStream {
    fn set_timeout(&mut self, wait: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(wait)?;
        self.set_write_timeout(wait)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// TLS over it: our side ends with a `close_notify`, and then as TCP ends it.
impl<C, D> Blocking for StreamOwned<C, TcpStream>
where
    C: std::ops::DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
{
    fn set_timeout(&mut self, wait: Option<Duration>) -> io::Result<()> {
        self.sock.set_timeout(wait)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown_write()
    }
}

/// The bytes of output beyond which a batch of events is written before the next is received.
const BATCH: usize = 64 << 10;

/// Drives a connection to its end. `rest` is where in `buffer` lies what came behind the handshake.
///
/// # Errors
/// Only what keeps a driver from working: that the transport failed is an [`End`].
pub fn drive<S: Blocking>(
    stream: &mut S,
    connection: &mut Connection,
    buffer: &mut [u8],
    rest: Range<usize>,
    on_event: impl FnMut(&mut Connection, Event<'_>),
) -> io::Result<End> {
    if drive_on(stream, connection, buffer, rest, on_event).is_err() {
        // A reset, or a write that failed, is an end like any other.
        connection.receive_eof();
    }
    if connection.transport() == Transport::Close {
        let _ = stream.shutdown_write();
    }
    connection.end().ok_or_else(|| io::Error::other("somebody took the end"))
}

fn drive_on<S: Blocking>(
    stream: &mut S,
    connection: &mut Connection,
    buffer: &mut [u8],
    rest: Range<usize>,
    mut on_event: impl FnMut(&mut Connection, Event<'_>),
) -> io::Result<()> {
    let clock = Clock::start();
    let mut shut = false;
    let mut read = rest;
    loop {
        let mut input = &mut buffer[read];
        // A fault has queued its Close, which is written below.
        while let Ok(Some(event)) = connection.receive(&mut input) {
            on_event(connection, event);
            if connection.queued() > BATCH {
                write(stream, connection, clock)?;
            }
        }
        connection.handle_timeout(clock.now());
        write(stream, connection, clock)?;
        match connection.transport() {
            Transport::Keep => {}
            Transport::ShutdownWrite => {
                if !shut {
                    // A peer that is gone already shows when it is read.
                    let _ = stream.shutdown_write();
                    shut = true;
                }
            }
            Transport::Close | Transport::Abort => return Ok(()),
        }
        stream.set_timeout(wait(connection, clock.now()))?;
        read = match stream.read(buffer) {
            Ok(0) => {
                connection.receive_eof();
                0..0
            }
            Ok(len) => 0..len,
            Err(error) if is_late(&error) => 0..0,
            Err(error) => return Err(error),
        };
    }
}

/// Writes everything that is queued, or finds that this has become pointless.
fn write<S: Blocking>(stream: &mut S, connection: &mut Connection, clock: Clock) -> io::Result<()> {
    while connection.queued() > 0 && connection.transport() == Transport::Keep {
        stream.set_timeout(wait(connection, clock.now()))?;
        let output = connection.output();
        let mut runs = [IoSlice::new(&[]); 16];
        let count = output.chunks_vectored(&mut runs);
        match stream.write_vectored(&runs[..count]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => connection.output().advance(len),
            Err(error) if is_late(&error) => {
                // Nobody reads meanwhile, so silence says nothing of the peer.
                connection.signal(Signal::Heard { message: false });
                connection.handle_timeout(clock.now());
            }
            Err(error) => return Err(error),
        }
    }
    match stream.flush() {
        Err(error) if !is_late(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Until the connection has something to do.
fn wait(connection: &mut Connection, now: Moment) -> Option<Duration> {
    connection.poll_timeout(now).map(|due| until(due, now))
}

/// A socket takes no timeout of zero.
fn until(due: Moment, now: Moment) -> Duration {
    due.since(now).max(Duration::from_millis(1))
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Reads a request and makes the connection that answers it, or answers with what is wrong with it. The range is where
/// in `buffer` lies what came behind the request.
///
/// # Errors
/// Those of the socket.
pub fn accept<S: Blocking>(
    stream: &mut S,
    buffer: &mut [u8],
    policy: OriginPolicy<'_>,
    config: Config,
) -> io::Result<Result<(Connection, Range<usize>), Refusal>> {
    let clock = Clock::start();
    let mut handshake = ServerHandshake::new(Default::default());
    let result = loop {
        let now = clock.now();
        if let Err(refusal) = handshake.handle_timeout(now) {
            break Err(refusal);
        }
        stream.set_timeout(handshake.poll_timeout(now).map(|due| until(due, now)))?;
        let received = match stream.read(buffer) {
            Ok(0) => handshake.receive_eof().map(|()| None),
            Ok(len) => {
                let mut input = &mut buffer[..len];
                handshake.receive(&mut input).map(|head| head.map(|head| (head, len - input.len()..len)))
            }
            Err(error) if is_late(&error) => continue,
            Err(error) => return Err(error),
        };
        match received {
            Ok(None) => {}
            Ok(Some(received)) => break Ok(received),
            Err(refusal) => break Err(refusal),
        }
    };
    let opened = result.and_then(|(head, rest)| {
        let request = head.upgrade(policy)?;
        // An acceptance without anything in it can always be written.
        Ok(request.open(&Acceptance::default(), config).map(|connection| (connection, rest)))
    });
    match opened {
        Ok(opened) => opened.map(Ok).map_err(io::Error::other),
        Err(refusal) => {
            stream.write_all(&refusal.response())?;
            stream.shutdown_write()?;
            linger(stream, buffer)?;
            Ok(Err(refusal))
        }
    }
}

/// Lets a client that was refused read why: to close a socket with unread input resets it, and the answer is lost.
fn linger<S: Blocking>(stream: &mut S, buffer: &mut [u8]) -> io::Result<()> {
    let clock = Clock::start();
    let until = clock.now() + Duration::from_secs(1);
    while clock.now() < until {
        stream.set_timeout(Some(until.since(clock.now()).max(Duration::from_millis(1))))?;
        if !stream.read(buffer).is_ok_and(|len| len > 0) {
            break;
        }
    }
    Ok(())
}
