use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use futures_core::Stream;
use futures_sink::Sink;
use sockless::handshake::ResponseHead;
use sockless::{Cause, CloseCode, Connection, End, Event, Moment, SendError, Signal, Step, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::pool::{Place, READ};
use crate::{Error, Message, SplitReceiver, SplitSender};

/// A WebSocket over anything that reads and writes.
///
/// As a `Stream` it gives [`Message`]s until the connection is over; an end that was not clean is one last error.
/// [`next_ref`](WebSocketStream::next_ref) lends the event instead, without a copy. As a `Sink` it takes messages:
/// `send` writes at once, `feed` leaves them queued until the next flush or until there is nothing more to receive.
///
/// Nothing is written and no deadline is kept while nobody polls: a connection has to be read.
#[derive(Debug)]
pub struct WebSocketStream<S> {
    stream: S,
    connection: Connection,
    place: Place,
    clock: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    shut: bool,
    lost: Option<io::Error>,
    end: Option<Box<End>>,
    response: Option<Box<ResponseHead>>,
}

/// The runs of output that go into one write.
const RUNS: usize = 32;

impl<S> WebSocketStream<S> {
    /// A WebSocket whose handshake somebody else has done: `rest` is what was read behind it.
    pub fn from_upgraded(stream: S, connection: Connection, rest: &[u8]) -> WebSocketStream<S> {
        WebSocketStream {
            stream,
            connection,
            place: Place::with_rest(rest),
            clock: Instant::now(),
            sleep: None,
            shut: false,
            lost: None,
            end: None,
            response: None,
        }
    }

    /// At a client: the server's response, with its cookies.
    pub(crate) fn answered(mut self, response: Box<ResponseHead>) -> WebSocketStream<S> {
        self.response = Some(response);
        self
    }

    /// At a client that connected here: the response that opened the WebSocket, with any cookies.
    pub fn response(&self) -> Option<&ResponseHead> {
        self.response.as_deref()
    }

    /// At a client that connected here: the subprotocol that the server chose. A server knows what it chose.
    pub fn subprotocol(&self) -> Option<&str> {
        std::str::from_utf8(self.response()?.field("sec-websocket-protocol")?).ok()
    }

    /// The protocol's side of it: to send in fragments, prepared messages and the rest. What is queued there is
    /// written by the next flush.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// How the connection ended, once it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_deref()
    }

    /// What it reads from and writes to.
    pub fn transport(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// The next event, lent from the read buffer. `None`: the connection is over and was closed in good order.
    ///
    /// Cancel safe: dropping the future loses no event.
    pub async fn next_ref(&mut self) -> Option<Result<Event<'_>, Error>> {
        match poll_fn(|cx| self.poll_step(cx)).await {
            Some(Ok(step)) => Some(Ok(self.place.buffer().lend(step))),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        }
    }

    /// The next event, lent from the read buffer, and the connection beside it, to answer without a copy. What is queued
    /// there leaves when there is nothing more to receive, or with the next flush.
    ///
    /// Cancel safe: dropping the future loses no event.
    pub async fn next_event(&mut self) -> Option<Result<(Event<'_>, &mut Connection), Error>> {
        match poll_fn(|cx| self.poll_step(cx)).await {
            Some(Ok(step)) => Some(Ok((self.place.buffer().lend(step), &mut self.connection))),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        }
    }

    /// Closes with this code and reason, and waits for the end. What still comes is thrown away.
    ///
    /// Cancel safe: a later call goes on waiting.
    ///
    /// # Errors
    /// [`Error::Send`] if the code may not be sent, and what made the end not a clean one.
    pub async fn close(&mut self, frame: Option<(CloseCode, &str)>) -> Result<(), Error> {
        let (code, reason) = frame.map_or((None, ""), |(code, reason)| (Some(code), reason));
        match self.connection.close(code, reason) {
            Ok(()) | Err(SendError::Closed) => {}
            Err(error) => return Err(error.into()),
        }
        poll_fn(|cx| self.poll_over(cx)).await
    }

    /// Two halves for two tasks. The receiving half answers pings and closes; it has to be polled.
    pub fn split(self) -> (SplitSender<S>, SplitReceiver<S>) {
        crate::split::split(self)
    }

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
            let written = self.poll_write(cx);
            if written.is_ready() {
                if let Some(end) = self.poll_transport(cx) {
                    return end.map(|result| result.err().map(Err));
                }
            } else if matches!(self.connection.transport(), Transport::Abort | Transport::Close) {
                return Poll::Ready(self.finish().err().map(Err));
            } else if !self.connection.has_room() && self.connection.queued() > READ {
                // Whoever does not read what it asked for is not asked for more.
                return Poll::Pending;
            }
            ready!(self.poll_read(cx));
        }
    }

    /// Reads into the buffer; an end or a loss of the transport is told to the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let buffer = self.place.buffer();
        let mut space = ReadBuf::new(buffer.space());
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut space);
        let len = space.filled().len();
        match read {
            Poll::Ready(Ok(())) if len > 0 => buffer.filled(len),
            Poll::Ready(Ok(())) => self.connection.receive_eof(),
            Poll::Ready(Err(error)) => self.lose(error),
            Poll::Pending => {
                self.place.leave();
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Writes all that is queued.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.connection.queued() > 0 && self.lost.is_none() {
            match ready!(self.poll_write_some(cx)) {
                Ok(0) => self.lose(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.connection.output().advance(len),
                Err(error) => self.lose(error),
            }
        }
        Poll::Ready(())
    }

    fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let output = self.connection.output();
        let stream = Pin::new(&mut self.stream);
        let chunk = output.chunk();
        // One run costs the system less by itself than as a list of one.
        if chunk.len() == output.remaining() || !stream.is_write_vectored() {
            return stream.poll_write(cx, chunk);
        }
        let mut runs = [io::IoSlice::new(&[]); RUNS];
        let count = output.chunks_vectored(&mut runs);
        stream.poll_write_vectored(cx, &runs[..count])
    }

    /// Does what the protocol wants done with the transport. `None`: go on reading.
    fn poll_transport(&mut self, cx: &mut Context<'_>) -> Option<Poll<Result<(), Error>>> {
        let verdict = self.connection.transport();
        if self.lost.is_some() {
            // What is queued still can never go, so no verdict waits for it.
            return Some(Poll::Ready(self.finish()));
        }
        if verdict == Transport::Keep {
            return None;
        }
        // The peer waits for our side to end, also when nobody drops this one for a while.
        if !self.shut && verdict != Transport::Abort {
            if Pin::new(&mut self.stream).poll_shutdown(cx).is_pending() {
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

    /// The end, with what was wrong about it.
    fn finish(&mut self) -> Result<(), Error> {
        if let Some(end) = self.connection.end() {
            self.end = Some(Box::new(end));
            // What breaks behind the closing handshake, or behind a fault, is not what ended it.
            let lost = self.lost.take().filter(|_| end.cause == Cause::TransportEnded);
            if let Some(error) = lost {
                return Err(Error::Io(error));
            }
            if !end.was_clean {
                return Err(Error::Ended(Box::new(end)));
            }
        }
        Ok(())
    }

    fn lose(&mut self, error: io::Error) {
        self.lost.get_or_insert(error);
        self.connection.receive_eof();
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

    /// Writes what is queued and flushes the transport.
    pub(crate) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_written(cx))?;
        // The deadline of a Close has begun, and the half that reads may be asleep.
        if !self.connection.timeout_stands() {
            while self.poll_time(cx).is_ready() {}
        }
        Pin::new(&mut self.stream).poll_flush(cx).map_err(Error::from)
    }

    /// Writes all that is queued, as long as the deadlines allow: a peer that reads nothing ends whoever only sends.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.poll_write(cx).is_pending() {
            if self.connection.transport() == Transport::Abort {
                return Poll::Ready(self.finish().and(Err(SendError::Closed.into())));
            }
            // Nobody reads meanwhile, so silence says nothing of the peer: that output stays where it is does.
            self.connection.signal(Signal::Heard { message: false });
            ready!(self.poll_time(cx));
        }
        Poll::Ready(self.lost.take().map_or(Ok(()), |error| Err(error.into())))
    }

    /// Queues a message.
    pub(crate) fn queue(&mut self, message: Message) -> Result<(), Error> {
        match message {
            Message::Text(text) => self.connection.text(text).map_err(SendError::from)?,
            Message::Binary(data) => self.connection.binary(data).map_err(SendError::from)?,
            Message::Ping(data) => self.connection.ping(&data)?,
            Message::Pong(data) => self.connection.pong(&data)?,
            Message::Close(None) => self.connection.close(None, "")?,
            Message::Close(Some((code, reason))) => self.connection.close(Some(code), &reason)?,
        }
        Ok(())
    }

    pub(crate) fn lend(&mut self, step: Step) -> Message {
        self.place.buffer().lend(step).into()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocketStream<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let socket = self.get_mut();
        let step = ready!(socket.poll_step(cx));
        Poll::Ready(step.map(|step| step.map(|step| socket.lend(step))))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocketStream<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.get_mut().queue(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_flushed(cx)
    }

    /// Closes with 1000 unless a Close was sent, and waits for the end.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let socket = self.get_mut();
        let _ = socket.connection.close(Some(CloseCode::NORMAL), "");
        socket.poll_over(cx)
    }
}
