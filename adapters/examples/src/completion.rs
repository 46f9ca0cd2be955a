//! Completion: buffers are handed over with an operation and come back with its result, as with io_uring.
//!
//! The driver is a state machine of its own, without IO: [`Driver::submit`] says what to begin, and
//! [`Driver::completed`] takes what has ended. Whoever has a ring carries the one to the other.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use sockless::{Connection, End, Event, Moment, Signal, Transport};

/// An operation to begin. Each is under way once at most, but for a [`Timeout`](Submission::Timeout), which takes the
/// place of the one before.
#[derive(Debug)]
pub enum Submission {
    /// Read into this buffer.
    Read(Vec<u8>),
    /// Write these bytes, or the first of them.
    Write(Bytes),
    /// Complete at this moment.
    Timeout(Moment),
    /// Shut the sending side down; nothing is awaited of it.
    ShutdownWrite,
    /// Close the socket, and let what is under way complete, with an error if need be. The last submission.
    Close,
}

/// An operation that has ended, with what was lent to it.
#[derive(Debug)]
pub enum Completion {
    /// So many bytes were read into the buffer.
    Read(io::Result<usize>, Vec<u8>),
    /// So many of the bytes were written.
    Write(io::Result<usize>, Bytes),
    /// The moment has come.
    Timeout,
}

/// The bytes of output from which on nothing more is read until some was taken.
const BATCH: usize = 64 << 10;

/// A connection on a socket whose operations complete.
pub struct Driver {
    connection: Connection,
    /// What to read into, while nothing reads.
    buffer: Option<Vec<u8>>,
    /// What was not written by a write that has ended.
    rest: Bytes,
    /// When the write under way has to be over.
    writing: Option<Moment>,
    patience: Duration,
    timeout: Option<Moment>,
    shut: bool,
    /// The peer sends nothing more.
    ended: bool,
    closed: bool,
    lost: bool,
}

impl Driver {
    /// A connection, with a buffer to read into. A write may take so long.
    pub fn new(connection: Connection, buffer: Vec<u8>, patience: Duration) -> Driver {
        Driver {
            connection,
            buffer: Some(buffer),
            rest: Bytes::new(),
            writing: None,
            patience,
            timeout: None,
            shut: false,
            ended: false,
            closed: false,
            lost: false,
        }
    }

    /// The protocol's side of it; [`submit`](Driver::submit) afterwards.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Takes what came behind the handshake; [`submit`](Driver::submit) afterwards.
    pub fn receive(&mut self, mut input: &mut [u8], mut on_event: impl FnMut(&mut Connection, Event<'_>)) {
        // A fault has queued its Close.
        while let Ok(Some(event)) = self.connection.receive(&mut input) {
            on_event(&mut self.connection, event);
        }
    }

    /// Takes what has ended; [`submit`](Driver::submit) afterwards.
    pub fn completed(&mut self, completion: Completion, on_event: impl FnMut(&mut Connection, Event<'_>)) {
        match completion {
            Completion::Read(read, mut buffer) => {
                let len = read.unwrap_or(0).min(buffer.len());
                if len == 0 {
                    self.ended = true;
                    self.connection.receive_eof();
                }
                self.receive(&mut buffer[..len], on_event);
                self.buffer = Some(buffer);
            }
            Completion::Write(written, mut bytes) => {
                self.writing = None;
                match written {
                    Ok(len) if len > 0 => bytes.advance(len.min(bytes.len())),
                    _ => self.lost = true,
                }
                self.rest = bytes;
            }
            Completion::Timeout => self.timeout = None,
        }
    }

    /// Says what to begin.
    pub fn submit(&mut self, now: Moment, mut submit: impl FnMut(Submission)) {
        if self.closed {
            return;
        }
        self.connection.handle_timeout(now);
        if self.lost {
            self.connection.receive_eof();
        }
        let verdict = self.connection.transport();
        let stuck = self.writing.is_some_and(|until| until <= now);
        if self.lost || stuck || verdict == Transport::Abort {
            self.connection.receive_eof();
            self.closed = true;
            return submit(Submission::Close);
        }
        if self.writing.is_none() {
            if self.rest.is_empty() {
                // Owned by the write from now on. One run of bytes is taken without a copy; two would be joined.
                let len = self.connection.output().chunk().len();
                self.rest = self.connection.output().copy_to_bytes(len);
            }
            if !self.rest.is_empty() {
                self.writing = Some(now + self.patience);
                submit(Submission::Write(std::mem::take(&mut self.rest)));
            }
        }
        // For the connection all of it is written; for the transport it is when the write has ended.
        if self.writing.is_none() {
            match verdict {
                Transport::ShutdownWrite if !self.shut => {
                    self.shut = true;
                    submit(Submission::ShutdownWrite);
                }
                Transport::Close => {
                    self.closed = true;
                    return submit(Submission::Close);
                }
                _ => {}
            }
        }
        if self.connection.queued() > BATCH {
            // Whoever does not read what it asked for is not asked for more, and is not silent for that.
            self.connection.signal(Signal::Heard { message: false });
        } else if verdict != Transport::Close && !self.ended {
            // An end could be read again at once, for ever.
            if let Some(buffer) = self.buffer.take() {
                submit(Submission::Read(buffer));
            }
        }
        let due = self.connection.poll_timeout(now).into_iter().chain(self.writing).min();
        // One that fires too early is armed anew then, which costs less than to arm one for each write.
        if let Some(due) = due.filter(|due| self.timeout.is_none_or(|armed| *due < armed)) {
            self.timeout = Some(due);
            submit(Submission::Timeout(due));
        }
    }

    /// How it ended: once, when nothing is under way any more and the socket may be forgotten.
    pub fn end(&mut self) -> Option<End> {
        let over = self.closed && self.buffer.is_some() && self.writing.is_none();
        let mut end = over.then(|| self.connection.end()).flatten()?;
        // It may have been our Close.
        end.was_clean &= self.rest.is_empty();
        Some(end)
    }
}
