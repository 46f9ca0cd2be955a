use std::future::poll_fn;
use std::sync::Arc;

use sockless::handshake::{
    Acceptance, ClientHandshake, ClientRequest, OriginPolicy, Outcome, Refusal, RequestHead, Response,
    ServerHandshake,
};
use sockless::{Config, Keys, Moment, Uri};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::{Error, WebSocketStream};

/// Accepts a WebSocket for any path, with no subprotocol and the default configuration.
///
/// # Errors
/// [`Error::Refused`] after the client was told so, [`Error::Io`].
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    policy: OriginPolicy<'_>,
) -> Result<WebSocketStream<S>, Error> {
    Incoming::read(stream).await?.accept(policy, &Acceptance::default(), Config::default()).await
}

/// A request that was read and not yet answered.
#[derive(Debug)]
pub struct Incoming<S> {
    stream: S,
    head: RequestHead,
    rest: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// Reads the head of a request, within the time that the handshake's limits give.
    ///
    /// # Errors
    /// [`Error::Refused`] after the client was told so, [`Error::Io`].
    pub async fn read(mut stream: S) -> Result<Incoming<S>, Error> {
        let mut handshake = ServerHandshake::new(Default::default());
        let clock = Instant::now();
        let mut buffer = vec![0; 4096];
        loop {
            let due = handshake.poll_timeout(Moment::from(clock.elapsed()));
            let read = stream.read(&mut buffer);
            let len = match due {
                Some(due) => tokio::time::timeout_at(clock + due.since(Moment::ORIGIN), read).await,
                None => Ok(read.await),
            };
            let refusal = match len {
                Ok(len) => {
                    let mut input = &mut buffer[..len?];
                    let ended = input.is_empty();
                    match handshake.receive(&mut input) {
                        Ok(Some(head)) => return Ok(Incoming { rest: input.to_vec(), stream, head }),
                        Ok(None) if ended => handshake.receive_eof().err(),
                        Ok(None) => None,
                        Err(refusal) => Some(refusal),
                    }
                }
                Err(_) => handshake.handle_timeout(Moment::from(clock.elapsed())).err(),
            };
            if let Some(refusal) = refusal {
                return Err(refuse(stream, refusal).await);
            }
        }
    }

    /// The head of the request: method, target, fields.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Answers with a WebSocket.
    ///
    /// # Errors
    /// [`Error::Refused`] after the client was told so, [`Error::Write`] if the acceptance cannot be sent.
    pub async fn accept(
        self,
        policy: OriginPolicy<'_>,
        acceptance: &Acceptance<'_>,
        config: impl Into<Arc<Config>>,
    ) -> Result<WebSocketStream<S>, Error> {
        let request = match self.head.upgrade(policy) {
            Ok(request) => request,
            Err(refusal) => return Err(refuse(self.stream, refusal).await),
        };
        let connection = request.open(acceptance, config)?;
        let mut socket = WebSocketStream::from_upgraded(self.stream, connection, &self.rest);
        poll_fn(|cx| socket.poll_flushed(cx)).await?;
        Ok(socket)
    }

    /// Answers with something else: a page, a redirection, a refusal of the application's own.
    ///
    /// # Errors
    /// [`Error::Write`] if the response cannot be sent, [`Error::Io`].
    pub async fn respond(mut self, response: &Response<'_>) -> Result<(), Error> {
        self.stream.write_all(&response.to_bytes()?).await?;
        Ok(self.stream.shutdown().await?)
    }
}

async fn refuse<S: AsyncWrite + Unpin>(mut stream: S, refusal: Refusal) -> Error {
    if refusal != Refusal::EndedEarly && stream.write_all(&refusal.response()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
    Error::Refused(refusal)
}

/// Connects to a `ws` URI over TCP.
///
/// # Errors
/// [`Error::Uri`], [`Error::Io`], [`Error::Status`] if the server answers with another status than 101,
/// [`Error::Response`] if its answer breaks a rule.
pub async fn connect(uri: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    let uri = Uri::parse(uri)?;
    if uri.is_secure() {
        let message = "wss needs a TLS stream: see connect_with";
        return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, message).into());
    }
    let stream = TcpStream::connect(format!("{}:{}", uri.host(), uri.port())).await?;
    stream.set_nodelay(true)?;
    connect_with(stream, &ClientRequest::new(uri), Config::default()).await
}

/// Opens a WebSocket over a stream that is connected already, through TLS for `wss`.
///
/// # Errors
/// As [`connect`], and [`Error::Write`] if the request cannot be sent.
pub async fn connect_with<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    request: &ClientRequest<'_>,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocketStream<S>, Error> {
    let mut handshake = ClientHandshake::new(request, Keys::from_os()?, Default::default())?;
    stream.write_all(handshake.request()).await?;
    stream.flush().await?;
    let clock = Instant::now();
    let mut buffer = vec![0; 4096];
    loop {
        let due = handshake.poll_timeout(Moment::from(clock.elapsed()));
        let read = stream.read(&mut buffer);
        let len = match due {
            Some(due) => tokio::time::timeout_at(clock + due.since(Moment::ORIGIN), read).await,
            None => Ok(read.await),
        };
        let Ok(len) = len else {
            handshake.handle_timeout(Moment::from(clock.elapsed()))?;
            continue;
        };
        let mut input = &mut buffer[..len?];
        if input.is_empty() {
            handshake.receive_eof()?;
        }
        match handshake.receive(&mut input)? {
            None => {}
            Some(Outcome::Refused(head)) => return Err(Error::Status(Box::new(head))),
            Some(Outcome::Established(established)) => {
                return Ok(WebSocketStream::from_upgraded(stream, established.open(config), input));
            }
        }
    }
}
