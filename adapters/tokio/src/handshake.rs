use std::future::poll_fn;
use std::io;
use std::time::Duration;

use sockless::handshake::{
    Acceptance, ClientHandshake, ClientRequest, HandshakeLimits, Offer, OriginPolicy, Outcome, Refusal,
    RequestHead, Response, ServerHandshake, WriteError,
};
use sockless::{Keys, Moment};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::setup::applied;
use crate::{Error, Setup, WebSocketStream};

/// Accepts a WebSocket for any path, with no subprotocol and the default configuration.
///
/// # Errors
/// [`Error::Refused`] after the client was told so, [`Error::Io`].
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    policy: OriginPolicy<'_>,
) -> Result<WebSocketStream<S>, Error> {
    Incoming::read(stream).await?.accept(policy, &Acceptance::default(), Setup::default()).await
}

/// A request that was read and not yet answered.
#[derive(Debug)]
pub struct Incoming<S> {
    stream: S,
    head: RequestHead,
    rest: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// Reads the head of a request, within the default limits of size and time.
    ///
    /// # Errors
    /// [`Error::Refused`] after the client was told so, [`Error::Io`].
    pub async fn read(stream: S) -> Result<Incoming<S>, Error> {
        Incoming::read_within(stream, HandshakeLimits::default()).await
    }

    /// As [`Incoming::read`], within these limits.
    ///
    /// # Errors
    /// As [`Incoming::read`].
    pub async fn read_within(mut stream: S, limits: HandshakeLimits) -> Result<Incoming<S>, Error> {
        let mut handshake = ServerHandshake::new(limits);
        let clock = Instant::now();
        let mut buffer = vec![0; 4096];
        loop {
            let due = handshake.poll_timeout(Moment::from(clock.elapsed()));
            let refusal = match read_by(&mut stream, &mut buffer, clock, due).await? {
                Some(mut input) => {
                    let ended = input.is_empty();
                    match handshake.receive(&mut input) {
                        Ok(Some(head)) => return Ok(Incoming { rest: input.to_vec(), stream, head }),
                        Ok(None) if ended => handshake.receive_eof().err(),
                        Ok(None) => None,
                        Err(refusal) => Some(refusal),
                    }
                }
                None => handshake.handle_timeout(Moment::from(clock.elapsed())).err(),
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

    /// The subprotocols that the client offers, its favourite first; none if the request is none for a WebSocket.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        let request = self.head.upgrade(OriginPolicy::Defer).ok();
        request.into_iter().flat_map(|request| request.subprotocols())
    }

    /// The first of `supported` that the client offers: the server's preference decides.
    pub fn choose_subprotocol<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        supported.iter().copied().find(|name| self.subprotocols().any(|offered| offered == *name))
    }

    /// Answers with a WebSocket: with the subprotocol chosen and fields added. A [`Config`](sockless::Config) will do
    /// for the setup.
    ///
    /// # Errors
    /// [`Error::Refused`] after the client was told so, [`Error::Write`] if the acceptance cannot be sent, or has
    /// extensions in it: what is there of them is the setup's.
    pub async fn accept(
        self,
        policy: OriginPolicy<'_>,
        acceptance: &Acceptance<'_>,
        setup: impl Into<Setup>,
    ) -> Result<WebSocketStream<S>, Error> {
        if acceptance.extensions.is_some() {
            return Err(WriteError::Extensions.into());
        }
        let request = match self.head.upgrade(policy) {
            Ok(request) => request,
            Err(refusal) => return Err(refuse(self.stream, refusal).await),
        };
        let setup = setup.into();
        let agreed = setup.answer(request.extensions());
        let answer = agreed.map(|agreed| agreed.answer());
        let acceptance = Acceptance { extensions: answer.as_deref(), ..*acceptance };
        let connection = applied(request.open(&acceptance, setup.into_config())?, agreed);
        let mut socket = WebSocketStream::from_upgraded(self.stream, connection, &self.rest);
        poll_fn(|cx| socket.poll_flushed(cx)).await?;
        Ok(socket)
    }

    /// Answers with something else: a page, a redirection, a refusal of the application's own. Waits a moment for the
    /// client to have read it.
    ///
    /// # Errors
    /// [`Error::Write`] if the response cannot be sent, [`Error::Io`].
    pub async fn respond(mut self, response: &Response<'_>) -> Result<(), Error> {
        let response = response.to_bytes()?;
        let answer = async {
            self.stream.write_all(&response).await?;
            linger(self.stream).await
        };
        Ok(tokio::time::timeout(RESPONSE, answer)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?)
    }
}

async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, refusal: Refusal) -> Error {
    if refusal != Refusal::EndedEarly {
        // A client that does not read its refusal is not waited for either.
        let answer = async {
            stream.write_all(&refusal.response()).await?;
            linger(stream).await
        };
        let _ = tokio::time::timeout(LINGER, answer).await;
    }
    Error::Refused(refusal)
}

/// How long a response may take to be read.
const RESPONSE: Duration = Duration::from_secs(30);

/// How long the end of a refused client is waited for.
const LINGER: Duration = Duration::from_secs(1);

/// Ends our side and throws away what still comes: a socket that is closed with input unread is reset, and the client
/// may lose the response.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<()> {
    stream.shutdown().await?;
    // On the heap: else every connection's future has room for it to its end.
    let mut rest = vec![0; 1024];
    let drain = async {
        // A bound in bytes too, for a client that goes on and on.
        for _ in 0..256 {
            if !stream.read(&mut rest).await.is_ok_and(|len| len > 0) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
    Ok(())
}

/// Opens a WebSocket over a stream that is connected already, by a proxy, say. It is taken as it is: for a `wss` request it
/// has to be TLS, as [`connect_tls_with`](crate::connect_tls_with) makes it of any stream.
///
/// # Errors
/// As [`connect`](crate::connect), and [`Error::Write`] if the request cannot be sent, or asks for extensions: what is
/// there of them is the setup's. [`Error::Deflate`] if the server's answer to that is none.
pub async fn connect_with<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    request: &ClientRequest<'_>,
    setup: impl Into<Setup>,
) -> Result<WebSocketStream<S>, Error> {
    if request.offer.extensions.is_some() {
        return Err(WriteError::Extensions.into());
    }
    let setup = setup.into();
    let extensions = setup.offer();
    let offer = Offer { extensions: extensions.as_deref(), ..request.offer };
    let request = ClientRequest { offer, ..*request };
    let mut handshake = ClientHandshake::new(&request, Keys::from_os()?, Default::default())?;
    let clock = Instant::now();
    let ask = async {
        stream.write_all(handshake.request()).await?;
        stream.flush().await
    };
    tokio::time::timeout(RESPONSE, ask).await.map_err(io::Error::from)??;
    let mut buffer = vec![0; 4096];
    loop {
        let due = handshake.poll_timeout(Moment::from(clock.elapsed()));
        let Some(mut input) = read_by(&mut stream, &mut buffer, clock, due).await? else {
            handshake.handle_timeout(Moment::from(clock.elapsed()))?;
            continue;
        };
        if input.is_empty() {
            handshake.receive_eof()?;
        }
        match handshake.receive(&mut input)? {
            None => {}
            Some(Outcome::Refused(head)) => return Err(Error::Status(Box::new(head))),
            Some(Outcome::Established(established)) => {
                let agreed = setup.agreed(&established)?;
                let response = Box::new(established.head().clone());
                let connection = applied(established.open(setup.into_config()), agreed);
                return Ok(WebSocketStream::from_upgraded(stream, connection, input).answered(response));
            }
        }
    }
}

/// What was read before `due`, a moment of `clock`; `None` if that came first.
async fn read_by<'b, S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &'b mut [u8],
    clock: Instant,
    due: Option<Moment>,
) -> io::Result<Option<&'b mut [u8]>> {
    let read = stream.read(buffer);
    let len = match due {
        Some(due) => tokio::time::timeout_at(clock + due.since(Moment::ORIGIN), read).await,
        None => Ok(read.await),
    };
    match len {
        Ok(len) => Ok(Some(&mut buffer[..len?])),
        Err(_) => Ok(None),
    }
}
