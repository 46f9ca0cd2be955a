//! An echo server with a page to try it from: `cargo run --release -p sockless-tokio --example tokio_echo_server`.
//!
//! `GET /` is the page, a WebSocket on `/echo` gets every message back. One task per connection.
//! `--listen ADDR` listens elsewhere than on 127.0.0.1:9998. Ctrl-C closes every connection with 1001; `SIGTERM` with
//! 1012, for clients that come back to another server. `--tls CERTIFICATE KEY`, two PEM files, speaks `wss`; `--ping
//! SECONDS` pings after that much silence and waits as long for an answer. With the feature `deflate` it compresses for
//! who offers that, and takes `--window-bits N` and `--no-context-takeover`.

mod compression;

use std::io::{self, Write};
use std::time::Duration;

use futures_util::SinkExt;
use sockless_tokio::sockless::handshake::{Acceptance, OriginPolicy, Response};
use sockless_tokio::sockless::{CloseCode, Config, Event, Limits, Reply, SendError, Timeouts};
use sockless_tokio::{Error, Incoming, WebSocketStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The subprotocols that are spoken here, which all mean the same.
const SUBPROTOCOLS: [&str; 2] = ["echo", "chat"];

const PAGE: &str = include_str!("../../../examples/echo_page.html");

/// Output beyond which a batch of answers is written before the next event is taken.
const BATCH: usize = 64 << 10;

/// How long the clients have to agree to the end.
const DRAIN: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> io::Result<()> {
    let tls = tls()?;
    let listener = TcpListener::bind(option("--listen").as_deref().unwrap_or("127.0.0.1:9998")).await?;
    println!("listening on http{}://{}/", if tls.is_some() { "s" } else { "" }, listener.local_addr()?);
    io::stdout().flush()?;
    // What every connection is told to close with. Each holds a receiver: when all are gone, all have ended.
    let (stop, stopping) = watch::channel(None);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let code = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve_tcp(stream, tls.clone(), stopping.clone()))),
                // Out of descriptors, perhaps: those that end give some back.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            _ = interrupt.recv() => break CloseCode::GOING_AWAY,
            _ = terminate.recv() => break CloseCode::SERVICE_RESTART,
        }
    };
    // Nobody shall come here any more, while the others leave.
    drop(listener);
    drop(stopping);
    stop.send_replace(Some(code));
    let _ = tokio::time::timeout(DRAIN, stop.closed()).await;
    Ok(())
}

/// The value of an option.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

type Stopping = watch::Receiver<Option<CloseCode>>;

/// Serves one connection to its end. Whatever goes wrong costs this connection alone.
async fn serve_tcp(stream: TcpStream, tls: Option<Tls>, stopping: Stopping) {
    let _ = stream.set_nodelay(true);
    let served = match tls {
        None => serve(stream, stopping).await,
        Some(tls) => match tokio::time::timeout(Duration::from_secs(10), tls.accept(stream)).await {
            Ok(Ok(stream)) => serve(stream, stopping).await,
            Ok(Err(error)) => Err(error.into()),
            Err(late) => Err(std::io::Error::from(late).into()),
        },
    };
    if let Err(error) = served {
        eprintln!("connection lost: {error}");
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, stopping: Stopping) -> Result<(), Error> {
    let incoming = Incoming::read(stream).await?;
    match incoming.head().path() {
        "/echo" => {
            let ours = |offered: &str| SUBPROTOCOLS.into_iter().find(|name| *name == offered);
            let acceptance =
                Acceptance { subprotocol: incoming.subprotocols().find_map(ours), ..Acceptance::default() };
            // Anybody may have their own words back, so any origin will do. A server with cookies would say SameHost.
            let setup = compression::setup(config());
            echo(incoming.accept(OriginPolicy::Any, &acceptance, setup).await?, stopping).await
        }
        "/" => incoming.respond(&page()).await,
        _ => {
            let body = b"there is nothing here; the WebSocket is at /echo\n";
            let fields = &[("Content-Type", "text/plain")];
            incoming.respond(&Response { status: 404, fields, body }).await
        }
    }
}

/// A browser shows its page the reason in our Close, so this server repeats it: by hand.
fn config() -> Config {
    let mut timeouts = Timeouts { idle: Some(Duration::from_secs(600)), ..Timeouts::default() };
    if let Some(seconds) = option("--ping").and_then(|seconds| seconds.parse().ok()) {
        timeouts.ping_interval = Some(Duration::from_secs(seconds));
        timeouts.pong = timeouts.ping_interval;
    }
    Config::default().limits(Limits::for_messages(64 << 20)).timeouts(timeouts).closes(Reply::Manual)
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    mut stopping: Stopping,
) -> Result<(), Error> {
    let mut told = false;
    loop {
        let code = tokio::select! {
            more = answer_one(&mut socket) => match more? {
                true => continue,
                false => return Ok(()),
            },
            code = stopping.wait_for(Option::is_some), if !told => code.ok().and_then(|code| *code),
        };
        told = true;
        let _ = socket.connection().close(code.or(Some(CloseCode::GOING_AWAY)), "");
    }
}

/// Queues the answer to one event: it leaves when there is nothing more to read, or is enough for a write. Says whether
/// there was one. Cancelling it loses nothing.
async fn answer_one<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> Result<bool, Error> {
    let Some((event, connection)) = socket.next_event().await.transpose()? else { return Ok(false) };
    // The queue is not full, as it is flushed below. What is refused came behind our Close: nobody waits for it.
    let _ = match event {
        Event::Text { text, .. } => connection.text(text).map_err(SendError::from),
        Event::Binary { data, .. } => connection.binary(data).map_err(SendError::from),
        Event::Close { code, reason } => {
            connection.close(code, &reason).or_else(|_| connection.close(None, ""))
        }
        Event::Ping(_) | Event::Pong(_) => Ok(()),
    };
    if connection.queued() > BATCH {
        socket.flush().await?;
    }
    Ok(true)
}

fn page() -> Response<'static> {
    let fields = &[
        ("Content-Type", "text/html; charset=utf-8"),
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
             connect-src 'self' ws: wss:",
        ),
    ];
    Response { status: 200, fields, body: PAGE.as_bytes() }
}

#[cfg(feature = "rustls")]
type Tls = sockless_tokio::tokio_rustls::TlsAcceptor;

/// The certificate and key that `--tls` names.
#[cfg(feature = "rustls")]
fn tls() -> io::Result<Option<Tls>> {
    use sockless_tokio::tokio_rustls::rustls::crypto::ring::default_provider;
    use sockless_tokio::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    use sockless_tokio::tokio_rustls::rustls::server::ServerConfig;

    let mut files = std::env::args().skip_while(|argument| argument != "--tls").skip(1);
    let (Some(certificate), Some(key)) = (files.next(), files.next()) else { return Ok(None) };
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(io::Error::other)?;
    Ok(Some(std::sync::Arc::new(config).into()))
}

#[cfg(not(feature = "rustls"))]
#[derive(Clone)]
enum Tls {}

#[cfg(not(feature = "rustls"))]
impl Tls {
    async fn accept(self, _: TcpStream) -> io::Result<TcpStream> {
        match self {}
    }
}

#[cfg(not(feature = "rustls"))]
fn tls() -> io::Result<Option<Tls>> {
    match option("--tls") {
        Some(_) => Err(io::Error::other("--tls needs the feature rustls")),
        None => Ok(None),
    }
}
