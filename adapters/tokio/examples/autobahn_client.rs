//! The echo client that the Autobahn suite tests: `--url ws://127.0.0.1:9002` and `--agent NAME`.

mod compression;

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::ClientRequest;
use sockless_tokio::sockless::{Config, Limits, Uri};
use sockless_tokio::{Dialled, Error, Message, WebSocketStream, connect_request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = option("--url").unwrap_or_else(|| "ws://127.0.0.1:9002".into());
    let agent = option("--agent").unwrap_or_else(|| "sockless-tokio".into());
    let mut cases = 0;
    let mut socket = open(&format!("{url}/getCaseCount")).await?;
    while let Some(message) = socket.next().await.transpose()? {
        if let Message::Text(text) = message {
            cases = text.parse().unwrap_or_default();
        }
    }
    for case in 1..=cases {
        // How a case ends is for the suite to judge.
        let _ = echo(&format!("{url}/runCase?case={case}&agent={agent}")).await;
    }
    open(&format!("{url}/updateReports?agent={agent}")).await?.close(None).await?;
    println!("{cases} cases");
    Ok(())
}

fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// The suite sends up to 16 MiB, and 4 MiB in 65,536 fragments.
async fn open(url: &str) -> Result<WebSocketStream<Dialled>, Error> {
    let config = Config::default().limits(Limits::for_messages(32 << 20));
    connect_request(&ClientRequest::new(Uri::parse(url)?), compression::setup(config)).await
}

async fn echo(url: &str) -> Result<(), Error> {
    let mut socket = open(url).await?;
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_data() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
