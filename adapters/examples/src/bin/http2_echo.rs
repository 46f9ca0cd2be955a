//! A page over HTTP/2, and an echo on `/echo` by extended CONNECT: `--listen 127.0.0.1:9444`.

use std::io::Write;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request, Response};
use sockless::handshake::{ConnectFault, OriginPolicy};
use sockless::{CloseCode, Config, Event, Limits, SendError};
use sockless_drivers::http2::AcceptError;
use sockless_drivers::{certificate, echo, http2};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

type Error = Box<dyn std::error::Error + Send + Sync>;

const PAGE: &str = include_str!("http2_echo.html");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (_, tls) = certificate::self_signed(&["h2"])?;
    let acceptor = TlsAcceptor::from(tls);
    let listener = TcpListener::bind(sockless_drivers::address("127.0.0.1:9444")).await?;
    println!("listening on https://localhost:{}/", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, acceptor).await {
                println!("lost: {error}");
            }
        });
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let mut builder = h2::server::Builder::new();
    // SETTINGS_ENABLE_CONNECT_PROTOCOL: without it no client tries.
    builder.enable_connect_protocol().max_concurrent_streams(100);
    let mut http2 = builder.handshake::<_, Bytes>(stream).await?;
    while let Some(request) = http2.accept().await {
        let (request, respond) = request?;
        tokio::spawn(async move {
            let stream = respond.stream_id();
            let outcome = answer(request, respond).await.unwrap_or_else(|error| format!("lost: {error}"));
            println!("stream {}: {outcome}", stream.as_u32());
        });
    }
    Ok(())
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<String, Error> {
    if request.method() != Method::CONNECT {
        return page(&request, respond);
    }
    // A CONNECT for a tunnel has no path.
    if !["", "/echo"].contains(&request.uri().path()) {
        respond.send_response(Response::builder().status(404).body(())?, true)?;
        return Ok("no such path".into());
    }
    // No answer is refused: the driver stops reading where much is queued.
    let config = Config::default().limits(Limits::for_messages(64 << 20)).high_water(usize::MAX);
    let mut socket = match http2::accept(request, &mut respond, OriginPolicy::Any, config) {
        Ok(socket) => socket,
        Err(AcceptError::Connect(ConnectFault::NotExtended)) => {
            respond.send_reset(Reason::CONNECT_ERROR);
            return Ok("no tunnels here".into());
        }
        Err(error) => return Ok(format!("refused: {error}")),
    };
    println!("stream {}: WebSocket open", respond.stream_id().as_u32());
    let end = socket.drive(|connection, event| match event {
        // How a server ends it, for those who try this out.
        Event::Text { text, .. } if &*text == "close me" => {
            let _: Result<(), SendError> = connection.close(Some(CloseCode::GOING_AWAY), "as you wish");
        }
        event => echo(connection, event),
    });
    let end = end.await.ok_or("no end")?;
    Ok(format!("WebSocket ended, {} {}", end.code, end.cause))
}

fn page(request: &Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<String, Error> {
    let (status, page) = if request.uri().path() == "/" { (200, PAGE) } else { (404, "") };
    let response =
        Response::builder().status(status).header("content-type", "text/html; charset=utf-8").header(
            "content-security-policy",
            "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'",
        );
    respond.send_response(response.body(())?, false)?.send_data(page.into(), true)?;
    Ok(format!("{} {} {status}", request.method(), request.uri().path()))
}
