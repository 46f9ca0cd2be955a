//! Events in, output out, deadlines kept: what a WebSocket does with its transport when it is polled.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use sockless::{Cause, Moment, SendError, Signal, Step, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::WebSocketStream;
use crate::Error;
use crate::pool::READ;

/// What a peer has to take of a transport that buffers, within the time of output.
const PIECE: usize = 4 << 10;

/// The runs of output that go into one write.
const RUNS: usize = 32;

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// What there is to see next.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Step, Error>>> {
        loop {
            if let Poll::Ready(step) = self.poll_transfer(cx) {
                return Poll::Ready(step);
            }
            // Only who waits looks at the time.
            ready!(self.poll_time(cx));
        }
    }

    /// Writes and reads until there is something to see. Events first, so that what they cause leaves in one write.
    fn poll_transfer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Step, Error>>> {
        loop {
            // A fault has queued its Close, and is the cause of the end.
            if let Ok(Some(step)) = self.place.step(&mut self.connection) {
                return Poll::Ready(Some(Ok(step)));
            }
            if self.poll_write(cx).is_ready() {
                if let Some(end) = self.poll_transport(cx) {
                    return end.map(|result| result.err().map(Err));
                }
            } else if self.is_stranded() {
                return Poll::Ready(self.finish().err().map(Err));
            } else if self.ended {
                // An end can be read again at once, for ever.
                return Poll::Pending;
            } else if !self.connection.has_room() && self.connection.queued() > READ {
                // Whoever does not read what it asked for is not asked for more, and is not silent for that.
                self.connection.signal(Signal::Heard { message: false });
                return Poll::Pending;
            }
            if self.poll_read(cx).is_pending() {
                if self.lost.is_none() {
                    return Poll::Pending;
                }
                if !std::mem::replace(&mut self.drained, true) {
                    // It may be the task that has read its share, and not the transport that has no more.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                // What came before the loss has been read, a Close with its reason perhaps.
                self.end_reading();
            }
        }
    }

    /// Reads into the buffer; an end or a loss of the transport is told to the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let buffer = self.place.buffer();
        let mut space = ReadBuf::new(buffer.space());
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut space);
        let len = space.filled().len();
        match read {
            Poll::Ready(Ok(())) if len > 0 => {
                buffer.filled(len);
                self.drained = false;
            }
            Poll::Ready(Ok(())) => self.end_reading(),
            Poll::Ready(Err(error)) => {
                self.lost.get_or_insert(error);
                self.end_reading();
            }
            Poll::Pending => {
                self.place.leave();
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn end_reading(&mut self) {
        self.ended = true;
        self.flush_by = None;
        self.connection.receive_eof();
    }

    /// Writes all that is queued and flushes it: a transport such as TLS takes more than it can pass on.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.lost.is_none() && (self.unflushed > 0 || self.connection.queued() > 0) {
            let done = match self.connection.queued() {
                0 => ready!(self.poll_flush_transport(cx)),
                _ => ready!(self.poll_write_some(cx)),
            };
            self.lost = done.err();
        }
        Poll::Ready(())
    }

    fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let output = self.connection.output();
        let stream = Pin::new(&mut self.stream);
        let chunk = output.chunk();
        // One run costs the system less by itself than as a list of one.
        let written = if chunk.len() == output.remaining() || !stream.is_write_vectored() {
            ready!(stream.poll_write(cx, chunk))?
        } else {
            let mut runs = [io::IoSlice::new(&[]); RUNS];
            let count = output.chunks_vectored(&mut runs);
            ready!(stream.poll_write_vectored(cx, &runs[..count]))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.connection.output().advance(written);
        self.unflushed += written;
        self.flush_by = None;
        Poll::Ready(Ok(()))
    }

    /// To the connection what the transport took is written, and how fast it passes it on is not seen: so it has as long
    /// as output has to move for each piece of it, and behind the end of input, where no deadline runs, as long as a Close.
    fn poll_flush_transport(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) {
            self.flush_by = None;
            if flushed.is_ok() {
                self.unflushed = 0;
            }
            return Poll::Ready(flushed);
        }
        let timeouts = self.connection.config().timeouts;
        let patience = match self.connection.transport() {
            Transport::Close => timeouts.close,
            _ => {
                let pieces = u32::try_from(self.unflushed.div_ceil(PIECE)).unwrap_or(u32::MAX);
                timeouts.output.map(|output| output.saturating_mul(pieces))
            }
        };
        let Some(patience) = patience else { return Poll::Pending };
        let sleep = self.flush_by.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether what is queued, or with the transport, is waited for no more.
    fn is_stranded(&self) -> bool {
        match self.connection.transport() {
            Transport::Abort => true,
            // Before the end of input it is a deadline that said so.
            Transport::Close => self.connection.queued() > 0 || !self.ended,
            Transport::Keep | Transport::ShutdownWrite => false,
        }
    }

    /// Does what the protocol wants done with the transport. `None`: go on reading.
    fn poll_transport(&mut self, cx: &mut Context<'_>) -> Option<Poll<Result<(), Error>>> {
        let verdict = self.connection.transport();
        if self.lost.is_some() {
            // What is queued can never go, so no verdict waits for it; what came is read first.
            return self.ended.then(|| Poll::Ready(self.finish()));
        }
        if verdict == Transport::Keep {
            return None;
        }
        // The peer waits for our side to end, also when nobody drops this one for a while.
        if !self.shut && verdict != Transport::Abort {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            // Behind the end no deadline runs any more.
            if shut.is_pending() && verdict == Transport::ShutdownWrite {
                return Some(Poll::Pending);
            }
            self.shut = true;
        }
        match verdict {
            Transport::Close | Transport::Abort => Some(Poll::Ready(self.finish())),
            _ => None,
        }
    }

    /// Waits for what is due next; ready when something was due and is done.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.connection.timeout_stands() {
            self.set_timer();
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        // A peer that always has more to say uses up the budget of the task, and without one a timer is not asked.
        if !sleep.is_elapsed() {
            ready!(sleep.as_mut().poll(cx));
        }
        let now = self.now();
        self.connection.handle_timeout(now);
        self.set_timer();
        Poll::Ready(())
    }

    fn set_timer(&mut self) {
        let now = self.now();
        let Some(due) = self.connection.poll_timeout(now) else { return self.sleep = None };
        let at = self.clock + due.since(Moment::ORIGIN);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        // This starts it, also when it cannot be polled now.
        sleep.as_mut().reset(at);
    }

    fn now(&self) -> Moment {
        Moment::from(self.clock.elapsed())
    }

    /// The end for whoever receives, with what was wrong about it: once.
    fn finish(&mut self) -> Result<(), Error> {
        let mut wrong = self.failure();
        if std::mem::replace(&mut self.told, true) {
            return Ok(());
        }
        if let (Some(Error::Io(error)), Some(lost)) = (&mut wrong, &mut self.lost) {
            // The first one has a source; a sender makes do with its words.
            std::mem::swap(error, lost);
        }
        wrong.map_or(Ok(()), Err)
    }

    /// What ended the connection or broke the transport, if that was not the closing handshake.
    fn failure(&mut self) -> Option<Error> {
        if let Some(mut end) = self.connection.end() {
            // It may have been our Close.
            end.was_clean &= self.unflushed == 0;
            self.end = Some(Box::new(end));
        }
        match (&self.end, &self.lost) {
            (None, lost) => lost.as_ref().map(again),
            (Some(end), _) if end.was_clean => None,
            (Some(end), Some(lost)) if end.cause == Cause::TransportEnded => Some(again(lost)),
            // What breaks behind a Close or a fault is not what ended it.
            (Some(end), _) => Some(Error::Ended(end.clone())),
        }
    }

    /// Waits for the end, whatever comes before it.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match ready!(self.poll_step(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Room for one more message: what is queued is written as far as it has to be.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.connection.queued() > READ || !self.connection.has_room() {
            ready!(self.poll_written(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is queued, and keeps the deadlines that this begins.
    pub(crate) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_written(cx))?;
        // The deadline of a Close has begun, and the half that reads may be asleep.
        if !self.connection.timeout_stands() {
            while self.poll_time(cx).is_ready() {}
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all that is queued, as long as the deadlines allow: a peer that reads nothing ends whoever only sends.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.poll_write(cx).is_pending() {
            if self.is_stranded() {
                return Poll::Ready(Err(self.failure().unwrap_or(SendError::Closed.into())));
            }
            // Nobody reads meanwhile, so silence says nothing of the peer: that output stays where it is does.
            self.connection.signal(Signal::Heard { message: false });
            ready!(self.poll_time(cx));
        }
        match self.lost {
            None => Poll::Ready(Ok(())),
            Some(_) => Poll::Ready(self.failure().map_or(Ok(()), Err)),
        }
    }
}

fn again(error: &io::Error) -> Error {
    Error::Io(match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    })
}
