//! A stream of HTTP/2, opened by an extended CONNECT (RFC 8441), both roles.
//!
//! HTTP/2 has done the framing of a transport: what goes in DATA frames are the WebSocket's bytes, in any cuts.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use sockless::handshake::{
    Acceptance, ClientRequest, ConnectFault, ConnectRequest, OriginPolicy, ResponseError,
};
use sockless::{Config, Connection, End, Event, Keys, Moment, Signal, Transport};
use tokio::time::{Instant, Sleep};

/// The bytes of output from which on nothing more is received until the peer took some.
const BATCH: usize = 64 << 10;

/// A WebSocket on a stream.
pub struct Stream {
    connection: Connection,
    send: SendStream<Bytes>,
    receive: RecvStream,
    clock: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    shut: bool,
    ended: bool,
    lost: bool,
}

/// Answers an extended CONNECT: with 200 and the WebSocket, with the status of a refusal, or with a stream error.
///
/// # Errors
/// Why there is no WebSocket. After [`ConnectFault::NotExtended`] nothing was answered: the request is an ordinary one.
pub fn accept(
    request: Request<RecvStream>,
    respond: &mut h2::server::SendResponse<Bytes>,
    policy: OriginPolicy<'_>,
    config: Config,
) -> Result<Stream, AcceptError> {
    let (head, receive) = request.into_parts();
    let fields = request_fields(&head);
    match ConnectRequest::check(fields.iter().copied(), policy) {
        Ok(request) => {
            let mut response = Response::builder();
            // An acceptance without anything in it can always be written.
            for (name, value) in request.acceptance_fields(&Acceptance::default()).into_iter().flatten() {
                response = match name {
                    ":status" => response.status(value),
                    _ => response.header(name, value),
                };
            }
            let response = response.body(()).map_err(AcceptError::Response)?;
            let send = respond.send_response(response, false).map_err(AcceptError::Http2)?;
            Ok(Stream::new(Connection::server(config), send, receive))
        }
        Err(fault) => {
            match fault {
                ConnectFault::Refused(refusal) => {
                    let mut response = Response::builder().status(refusal.stream_status());
                    for (name, value) in refusal.stream_fields() {
                        response = response.header(*name, *value);
                    }
                    let response = response.body(()).map_err(AcceptError::Response)?;
                    respond.send_response(response, true).map_err(AcceptError::Http2)?;
                }
                ConnectFault::Malformed(_) => respond.send_reset(Reason::PROTOCOL_ERROR),
                _ => {}
            }
            Err(AcceptError::Connect(fault))
        }
    }
}

/// The fields of a request as they were on the wire, pseudo-fields first.
fn request_fields(head: &http::request::Parts) -> Vec<(&[u8], &[u8])> {
    let pseudo = [
        (":method", Some(head.method.as_str())),
        (":protocol", head.extensions.get::<Protocol>().map(Protocol::as_str)),
        (":scheme", head.uri.scheme_str()),
        (":authority", head.uri.authority().map(|authority| authority.as_str())),
        (":path", head.uri.path_and_query().map(|path| path.as_str())),
    ];
    let pseudo = pseudo.into_iter().filter_map(|(name, value)| Some((name.as_bytes(), value?.as_bytes())));
    pseudo.chain(fields(&head.headers)).collect()
}

fn fields(headers: &http::HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}

/// Opens a WebSocket by an extended CONNECT. The server's settings have to allow it.
///
/// # Errors
/// Why there is no WebSocket.
pub async fn connect(
    mut http2: h2::client::SendRequest<Bytes>,
    request: &ClientRequest<'_>,
    keys: Keys,
    config: Config,
) -> Result<Stream, ConnectError> {
    if !http2.is_extended_connect_protocol_enabled() {
        return Err(ConnectError::NotOffered);
    }
    let mut uri = http::uri::Builder::new();
    let mut head = Request::builder();
    for (name, value) in request.stream_fields().map_err(ConnectError::Write)? {
        let value = value.to_string();
        match name {
            ":method" => head = head.method(&*value),
            ":protocol" => head = head.extension(Protocol::from(&*value)),
            ":scheme" => uri = uri.scheme(&*value),
            ":authority" => uri = uri.authority(value),
            ":path" => uri = uri.path_and_query(value),
            _ => head = head.header(name, value),
        }
    }
    let head = head.uri(uri.build().map_err(ConnectError::Request)?);
    let head = head.body(()).map_err(ConnectError::Request)?;
    let (response, send) = http2.send_request(head, false).map_err(ConnectError::Http2)?;
    let response = response.await.map_err(ConnectError::Http2)?;
    let status = response.status();
    let status = [(&b":status"[..], status.as_str().as_bytes())].into_iter();
    let fields: Vec<_> = status.chain(fields(response.headers())).collect();
    request.offer.check_stream(fields.iter().copied()).map_err(ConnectError::Response)?;
    Ok(Stream::new(Connection::client(config, keys), send, response.into_body()))
}

impl Stream {
    fn new(connection: Connection, send: SendStream<Bytes>, receive: RecvStream) -> Stream {
        let clock = Instant::now();
        Stream { connection, send, receive, clock, sleep: None, shut: false, ended: false, lost: false }
    }

    /// The protocol's side of it. What is queued here leaves when it is driven.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Drives it to its end. Cancel safe: a later call goes on.
    pub async fn drive(&mut self, mut on_event: impl FnMut(&mut Connection, Event<'_>)) -> Option<End> {
        poll_fn(|cx| self.poll_over(cx, &mut on_event)).await;
        self.connection.end()
    }

    fn poll_over(
        &mut self,
        cx: &mut Context<'_>,
        on_event: &mut impl FnMut(&mut Connection, Event<'_>),
    ) -> Poll<()> {
        loop {
            self.poll_time(cx);
            self.poll_write(cx);
            if self.over() {
                return Poll::Ready(());
            }
            if self.ended {
                // An end can be read again at once, for ever.
                return Poll::Pending;
            }
            if self.connection.queued() > BATCH {
                // Whoever does not read what it asked for is not asked for more, and is not silent for that.
                self.connection.signal(Signal::Heard { message: false });
                return Poll::Pending;
            }
            match ready!(self.receive.poll_data(cx)) {
                Some(Ok(data)) => {
                    // The window that it took is given back once it was dealt with.
                    let len = data.len();
                    let mut data = BytesMut::from(data);
                    let mut input = &mut data[..];
                    while let Ok(Some(event)) = self.connection.receive(&mut input) {
                        on_event(&mut self.connection, event);
                    }
                    let _ = self.receive.flow_control().release_capacity(len);
                }
                // END_STREAM, or RST_STREAM and everything else that ends a stream.
                None => {
                    self.ended = true;
                    self.connection.receive_eof();
                }
                Some(Err(_)) => self.lose(),
            }
        }
    }

    /// Sends as much of what is queued as the peer's window allows.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        while self.connection.queued() > 0 && !self.lost {
            self.send.reserve_capacity(self.connection.queued().min(BATCH));
            let room = match self.send.capacity() {
                0 => match self.send.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(room))) => room,
                    Poll::Ready(_) => return self.lose(),
                    Poll::Pending => return,
                },
                room => room,
            };
            // One run of bytes is taken without a copy; two would be joined.
            let len = self.connection.output().chunk().len().min(room);
            let data = self.connection.output().copy_to_bytes(len);
            if self.send.send_data(data, false).is_err() {
                self.lose();
            }
        }
        if !self.lost && !self.shut && self.send.poll_reset(cx).is_ready() {
            self.lose();
        }
    }

    /// Does with the stream what is to be done with a transport, and says whether it is over.
    fn over(&mut self) -> bool {
        let verdict = self.connection.transport();
        if matches!(verdict, Transport::ShutdownWrite | Transport::Close) && !self.shut && !self.lost {
            self.shut = true;
            let _ = self.send.send_data(Bytes::new(), true); // END_STREAM
        }
        if verdict == Transport::Abort {
            self.send.send_reset(Reason::CANCEL); // RST_STREAM
        }
        self.lost || matches!(verdict, Transport::Close | Transport::Abort)
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) {
        loop {
            let now = Moment::from(self.clock.elapsed());
            self.connection.handle_timeout(now);
            let Some(due) = self.connection.poll_timeout(now) else { return self.sleep = None };
            let at = self.clock + due.since(Moment::ORIGIN);
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return;
            }
        }
    }

    fn lose(&mut self) {
        self.lost = true;
        self.connection.receive_eof();
    }
}

/// Why an extended CONNECT opened no WebSocket here.
#[derive(Debug)]
pub enum AcceptError {
    /// What is wrong with the request.
    Connect(ConnectFault),
    /// The stream is gone.
    Http2(h2::Error),
    /// The response could not be put together.
    Response(http::Error),
}

/// Why there is no WebSocket at the other side.
#[derive(Debug)]
pub enum ConnectError {
    /// The server's settings lack `SETTINGS_ENABLE_CONNECT_PROTOCOL`.
    NotOffered,
    /// What was asked for cannot be sent.
    Write(sockless::handshake::WriteError),
    /// The request could not be put together.
    Request(http::Error),
    /// What is wrong with the response.
    Response(ResponseError),
    /// The stream is gone.
    Http2(h2::Error),
}

impl std::fmt::Display for AcceptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AcceptError::Connect(fault) => fault.fmt(f),
            AcceptError::Http2(error) => error.fmt(f),
            AcceptError::Response(error) => error.fmt(f),
        }
    }
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConnectError::NotOffered => f.write_str("the server offers no extended CONNECT"),
            ConnectError::Write(error) => error.fmt(f),
            ConnectError::Request(error) => error.fmt(f),
            ConnectError::Response(error) => error.fmt(f),
            ConnectError::Http2(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AcceptError {}

impl std::error::Error for ConnectError {}
