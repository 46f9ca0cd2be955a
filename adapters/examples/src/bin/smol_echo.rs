//! An echo server on smol: `--listen 127.0.0.1:9100`.

use std::io::{self, Write};

use smol::Timer;
use smol::net::{TcpListener, TcpStream};
use sockless::handshake::OriginPolicy;
use sockless::{Config, Limits};
use sockless_drivers::{echo, futures};

fn main() -> io::Result<()> {
    smol::block_on(async {
        let listener = TcpListener::bind(sockless_drivers::address("127.0.0.1:9100")).await?;
        println!("listening on ws://{}/", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            smol::spawn(serve(stream)).detach();
        }
    })
}

async fn serve(stream: TcpStream) {
    // No answer is refused: the driver stops reading where much is queued.
    let config = Config::default().limits(Limits::for_messages(64 << 20)).high_water(usize::MAX);
    match futures::accept(stream, OriginPolicy::Any, config, Timer::after).await {
        Ok(Ok(mut socket)) => {
            while let Some((event, connection)) = socket.next().await {
                echo(connection, event);
            }
            if let Some(end) = socket.end() {
                println!("{} {}", end.code, end.cause);
            }
        }
        Ok(Err(refusal)) => println!("refused: {refusal}"),
        Err(error) => println!("lost: {error}"),
    }
}
