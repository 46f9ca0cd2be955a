use std::io;
use std::pin::Pin;
#[cfg(feature = "rustls")]
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sockless::Uri;
use sockless::handshake::ClientRequest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
#[cfg(feature = "rustls")]
use {
    tokio_rustls::TlsConnector,
    tokio_rustls::client::TlsStream,
    tokio_rustls::rustls::{ClientConfig, pki_types::ServerName},
};

use crate::{Error, Setup, WebSocketStream, connect_with};

/// Connects to a `ws` URI over TCP, and to a `wss` URI through TLS with the feature `rustls`. Each step has its time: TCP
/// and TLS 30 s each, the answer 10 s.
///
/// # Errors
/// [`Error::Uri`], [`Error::Io`] also where TLS fails, [`Error::Status`] if the server answers with another status
/// than 101, [`Error::Response`] if its answer breaks a rule.
pub async fn connect(uri: &str) -> Result<WebSocketStream<Dialled>, Error> {
    connect_request(&ClientRequest::new(Uri::parse(uri)?), Setup::default()).await
}

/// Connects to the host that the request is for: with subprotocols, an origin, fields and a setup, for which a
/// [`Config`](sockless::Config) will do.
///
/// # Errors
/// As [`connect_with`].
pub async fn connect_request(
    request: &ClientRequest<'_>,
    setup: impl Into<Setup>,
) -> Result<WebSocketStream<Dialled>, Error> {
    #[cfg(feature = "rustls")]
    if request.uri.is_secure() {
        return connect_tls(request, setup, crate::tls_config()?).await;
    }
    if request.uri.is_secure() {
        let message = "wss needs the feature rustls, or a TLS stream of one's own for connect_with";
        return Err(io::Error::new(io::ErrorKind::Unsupported, message).into());
    }
    connect_with(Dialled(Kind::Plain(dial(&request.uri).await?)), request, setup).await
}

/// As [`connect_request`], through TLS by this configuration: with certificate authorities of one's own, say.
///
/// # Errors
/// As [`connect_request`].
#[cfg(feature = "rustls")]
pub async fn connect_tls(
    request: &ClientRequest<'_>,
    setup: impl Into<Setup>,
    tls: Arc<ClientConfig>,
) -> Result<WebSocketStream<Dialled>, Error> {
    let stream = encrypt(dial(&request.uri).await?, &request.uri, tls).await?;
    connect_with(Dialled(Kind::Tls(Box::new(stream))), request, setup).await
}

/// As [`connect_with`], through TLS by this configuration, that of [`tls_config`](crate::tls_config) for one: through a
/// proxy, say.
///
/// # Errors
/// As [`connect_with`].
#[cfg(feature = "rustls")]
pub async fn connect_tls_with<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: &ClientRequest<'_>,
    setup: impl Into<Setup>,
    tls: Arc<ClientConfig>,
) -> Result<WebSocketStream<TlsStream<S>>, Error> {
    connect_with(encrypt(stream, &request.uri, tls).await?, request, setup).await
}

/// How long each of the steps to a stream may take: a server that says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

async fn dial(uri: &Uri<'_>) -> io::Result<TcpStream> {
    let address = format!("{}:{}", uri.host(), uri.port());
    let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(feature = "rustls")]
async fn encrypt<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    uri: &Uri<'_>,
    tls: Arc<ClientConfig>,
) -> io::Result<TlsStream<S>> {
    // An address in brackets is an address to TLS too.
    let host = uri.host().to_string();
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    timeout(PATIENCE, TlsConnector::from(tls).connect(name, stream)).await?
}

/// What [`connect`] reads from and writes to: TCP, or TLS over it.
#[derive(Debug)]
pub struct Dialled(Kind);

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    #[cfg(feature = "rustls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialled {
    /// The TCP stream, of TLS the one below it.
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Plain(stream) => stream,
            #[cfg(feature = "rustls")]
            Kind::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// Calls the same on either kind of stream.
macro_rules! either {
    ($dialled:expr, $stream:ident => $call:expr) => {
        match &mut $dialled.get_mut().0 {
            Kind::Plain($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            #[cfg(feature = "rustls")]
            Kind::Tls($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
        }
    };
}

impl AsyncRead for Dialled {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Dialled {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        runs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, runs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Plain(stream) => stream.is_write_vectored(),
            #[cfg(feature = "rustls")]
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}
