//! Async over the traits of `futures-io`: smol, async-std, and what else speaks them. The timer is the runtime's.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use futures_io::{AsyncRead, AsyncWrite};
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, ServerHandshake};
use sockless::{Config, Connection, End, Event, Moment, ReadBuffer, Signal, Step, Transport};

use crate::Clock;

/// The bytes read at a time, and those of output from which on nothing more is received until some was taken.
const BATCH: usize = 16 << 10;

/// A WebSocket on `S`, whose deadlines are kept by `T`, such as `smol::Timer`.
///
/// Closing `S` has to end its sending side, as it does with smol's own `TcpStream`. (`Async<TcpStream>` only flushes.)
pub struct Socket<S, T> {
    stream: S,
    connection: Connection,
    buffer: ReadBuffer,
    clock: Clock,
    sleep: fn(Duration) -> T,
    timer: Option<(Moment, Pin<Box<T>>)>,
    shut: bool,
    ended: bool,
    lost: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Future> Socket<S, T> {
    /// A WebSocket whose handshake is done: `rest` is what was read behind it.
    pub fn new(stream: S, connection: Connection, rest: &[u8], sleep: fn(Duration) -> T) -> Socket<S, T> {
        let buffer = ReadBuffer::with_rest(BATCH, rest);
        let clock = Clock::start();
        Socket {
            stream,
            connection,
            buffer,
            clock,
            sleep,
            timer: None,
            shut: false,
            ended: false,
            lost: false,
        }
    }

    /// The protocol's side of it. What is queued here leaves with the next [`next`](Socket::next) or
    /// [`flush`](Socket::flush).
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// What it reads from and writes to.
    pub fn transport(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The next event, lent from the read buffer, and the connection to answer it with; `None` when it is over.
    ///
    /// Cancel safe: all that was read, queued or waited for is in `self`, nothing in the future.
    pub async fn next(&mut self) -> Option<(Event<'_>, &mut Connection)> {
        let step = poll_fn(|cx| self.poll_step(cx)).await?;
        Some((self.buffer.lend(step), &mut self.connection))
    }

    /// Writes everything that is queued, unless the connection ends over it.
    ///
    /// Cancel safe: a later call goes on where this one stopped.
    pub async fn flush(&mut self) {
        poll_fn(|cx| {
            self.poll_time(cx);
            match (self.poll_write(cx), self.connection.transport()) {
                (Poll::Pending, Transport::Keep | Transport::ShutdownWrite) => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }

    /// How it ended: once, when it has.
    pub fn end(&mut self) -> Option<End> {
        self.connection.end()
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        loop {
            // Events first, so that what they cause leaves in one write.
            match self.buffer.step(&mut self.connection) {
                Ok(Some(step)) => return Poll::Ready(Some(step)),
                Ok(None) => {}
                // The fault has queued its Close. What lies behind it in the buffer is thrown away by the next call.
                Err(_) => drop(self.buffer.step(&mut self.connection)),
            }
            self.poll_time(cx);
            let written = self.poll_write(cx).is_ready();
            match self.connection.transport() {
                _ if self.lost => return Poll::Ready(None),
                Transport::Keep => {}
                Transport::Abort => return Poll::Ready(None),
                Transport::ShutdownWrite => {
                    if !self.shut {
                        self.shut = ready!(Pin::new(&mut self.stream).poll_close(cx)).is_ok();
                    }
                }
                Transport::Close => {
                    if !self.shut {
                        // Behind the end no deadline runs, so it is not waited for.
                        let _ = Pin::new(&mut self.stream).poll_close(cx);
                    }
                    return Poll::Ready(None);
                }
            }
            if self.ended {
                // An end can be read again at once, for ever.
                return Poll::Pending;
            }
            if !written && self.connection.queued() > BATCH {
                // Whoever does not read what it asked for is not asked for more, and is not silent for that.
                self.connection.signal(Signal::Heard { message: false });
                return Poll::Pending;
            }
            match ready!(Pin::new(&mut self.stream).poll_read(cx, self.buffer.space())) {
                Ok(0) => {
                    self.ended = true;
                    self.connection.receive_eof();
                }
                Ok(len) => self.buffer.filled(len),
                Err(_) => self.lose(),
            }
        }
    }

    /// Writes as far as the stream takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.connection.queued() > 0 && !self.lost {
            let output = self.connection.output();
            let mut runs = [IoSlice::new(&[]); 16];
            let count = output.chunks_vectored(&mut runs);
            match ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &runs[..count])) {
                Ok(len) if len > 0 => self.connection.output().advance(len),
                _ => self.lose(),
            }
        }
        if !self.lost && ready!(Pin::new(&mut self.stream).poll_flush(cx)).is_err() {
            self.lose();
        }
        Poll::Ready(())
    }

    /// Does what is due, and is woken when something comes due.
    fn poll_time(&mut self, cx: &mut Context<'_>) {
        loop {
            let now = self.clock.now();
            self.connection.handle_timeout(now);
            let Some(due) = self.connection.poll_timeout(now) else { return self.timer = None };
            let timer = match &mut self.timer {
                Some((at, timer)) if *at == due => timer,
                timer => &mut timer.insert((due, Box::pin((self.sleep)(due.since(now))))).1,
            };
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.timer = None;
        }
    }

    fn lose(&mut self) {
        self.lost = true;
        self.connection.receive_eof();
    }
}

/// Reads a request and makes the connection that answers it, or answers with what is wrong with it.
///
/// # Errors
/// Those of the stream.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin, T: Future>(
    mut stream: S,
    policy: OriginPolicy<'_>,
    config: Config,
    sleep: fn(Duration) -> T,
) -> io::Result<Result<Socket<S, T>, Refusal>> {
    let mut handshake = ServerHandshake::new(Default::default());
    let mut buffer = vec![0; 4096];
    let clock = Clock::start();
    let now = clock.now();
    let mut timer = handshake.poll_timeout(now).map(|due| Box::pin(sleep(due.since(now))));
    let result = loop {
        let read = poll_fn(|cx| match Pin::new(&mut stream).poll_read(cx, &mut buffer) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => match &mut timer {
                Some(timer) => timer.as_mut().poll(cx).map(|_| None),
                None => Poll::Pending,
            },
        });
        let len = read.await.transpose()?;
        let mut input = &mut buffer[..len.unwrap_or(0)];
        let received = match len {
            None => Err(Refusal::TimedOut),
            Some(0) => handshake.receive_eof().map(|()| None),
            Some(_) => handshake.receive(&mut input),
        };
        match received {
            Ok(None) => {}
            Ok(Some(head)) => break Ok((head, &*input)),
            Err(refusal) => break Err(refusal),
        }
    };
    let opened = result.and_then(|(head, rest)| {
        let request = head.upgrade(policy)?;
        Ok(request.open(&Acceptance::default(), config).map(|connection| (connection, rest)))
    });
    match opened {
        Ok(opened) => {
            let (connection, rest) = opened.map_err(io::Error::other)?;
            Ok(Ok(Socket::new(stream, connection, rest, sleep)))
        }
        Err(refusal) => {
            let response = refusal.response();
            let mut rest = &response[..];
            while !rest.is_empty() {
                let len = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, rest)).await?;
                rest = rest.get(len.max(1)..).unwrap_or_default();
            }
            poll_fn(|cx| Pin::new(&mut stream).poll_close(cx)).await?;
            // To drop a socket with unread input resets it, and the client loses the answer.
            let mut timer = Box::pin(sleep(Duration::from_secs(1)));
            for _ in 0..64 {
                let read = poll_fn(|cx| match timer.as_mut().poll(cx) {
                    Poll::Ready(_) => Poll::Ready(Ok(0)),
                    Poll::Pending => Pin::new(&mut stream).poll_read(cx, &mut buffer),
                });
                if !read.await.is_ok_and(|len| len > 0) {
                    break;
                }
            }
            Ok(Err(refusal))
        }
    }
}
