//! The echo server that the Autobahn suite tests: `--listen ADDR`, by default 127.0.0.1:9001.

mod compression;

use std::io::Write;

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::{Acceptance, OriginPolicy};
use sockless_tokio::sockless::{Config, Limits};
use sockless_tokio::{Error, Incoming};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listen = std::env::args().skip_while(|argument| argument != "--listen").nth(1);
    let listener = TcpListener::bind(listen.as_deref().unwrap_or("127.0.0.1:9001")).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    // The suite sends up to 16 MiB, and 4 MiB in 65,536 fragments.
    let config = Config::default().limits(Limits::for_messages(32 << 20));
    let incoming = Incoming::read(stream).await?;
    let mut socket =
        incoming.accept(OriginPolicy::Any, &Acceptance::default(), compression::setup(config)).await?;
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_data() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
