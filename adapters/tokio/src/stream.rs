mod drive;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use sockless::handshake::ResponseHead;
use sockless::{CloseCode, Connection, End, Event, SendError, Step, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use crate::pool::Place;
use crate::{Error, Message, SplitReceiver, SplitSender};

/// A WebSocket over anything that reads and writes.
///
/// As a `Stream` it gives [`Message`]s until the connection is over; an end that was not clean is one last error.
/// [`next_ref`](WebSocketStream::next_ref) lends the event instead, without a copy. As a `Sink` it takes messages:
/// `send` writes at once, `feed` leaves them queued until the next flush or until there is nothing more to receive.
///
/// Nothing is written and no deadline is kept while nobody polls: a connection has to be read. What a read brings is
/// given before anything is written, so that the answers to it leave together; so do its pongs. A transport that takes
/// more than it can pass on, such as TLS above a socket that is full, has
/// [`Timeouts::output`](sockless::Timeouts::output) for each 4 KiB of it, behind the peer's end
/// [`Timeouts::close`](sockless::Timeouts::close) for all of it, and is lost then: `TimedOut`.
#[derive(Debug)]
pub struct WebSocketStream<S> {
    stream: S,
    connection: Connection,
    place: Place,
    clock: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The bytes written that may be with the transport still.
    unflushed: usize,
    flush_by: Option<Pin<Box<Sleep>>>,
    shut: bool,
    /// Nothing more is read.
    ended: bool,
    /// Behind a loss: nothing was there to read when it was last tried.
    drained: bool,
    /// Nothing more is written.
    lost: Option<io::Error>,
    end: Option<Box<End>>,
    /// Whoever receives knows of the end.
    told: bool,
    response: Option<Box<ResponseHead>>,
}

impl<S> WebSocketStream<S> {
    /// A WebSocket whose handshake somebody else has done: `rest` is what was read behind it.
    pub fn from_upgraded(stream: S, connection: Connection, rest: &[u8]) -> WebSocketStream<S> {
        WebSocketStream {
            stream,
            connection,
            place: Place::with_rest(rest),
            clock: Instant::now(),
            sleep: None,
            unflushed: 0,
            flush_by: None,
            shut: false,
            ended: false,
            drained: false,
            lost: None,
            end: None,
            told: false,
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

    /// What one half does to it that the other has to see.
    pub(crate) fn standing(&self) -> (Transport, bool) {
        (self.connection.transport(), self.lost.is_some())
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
    ///
    /// Nothing is read while more than [`Config::high_water`](sockless::Config::high_water) waits to be written: two ends
    /// that send each other a message of more than that at the same time wait for each other, until the output deadline.
    pub fn split(self) -> (SplitSender<S>, SplitReceiver<S>) {
        crate::split::split(self)
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

    /// Closes with 1000 unless a Close was sent, and waits for the end. What still comes is thrown away.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let socket = self.get_mut();
        let _ = socket.connection.close(Some(CloseCode::NORMAL), "");
        socket.poll_over(cx)
    }
}
