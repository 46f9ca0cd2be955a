//! A `wss` echo server with a thread for each connection: `--listen 127.0.0.1:9443`.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sockless::handshake::OriginPolicy;
use sockless::{Config, Limits};
use sockless_drivers::{blocking, certificate, echo};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let (_, tls) = certificate::self_signed(&["http/1.1"])?;
    let listener = TcpListener::bind(sockless_drivers::address("127.0.0.1:9443"))?;
    println!("listening on wss://{}/", listener.local_addr()?);
    std::io::stdout().flush()?;
    for stream in listener.incoming() {
        let tls = Arc::clone(&tls);
        std::thread::spawn(move || match stream.map_err(Error::from).and_then(|stream| serve(stream, tls)) {
            Ok(outcome) => println!("{outcome}"),
            Err(error) => println!("lost: {error}"),
        });
    }
    Ok(())
}

fn serve(stream: TcpStream, tls: Arc<ServerConfig>) -> Result<String, Error> {
    stream.set_nodelay(true)?;
    let mut stream = StreamOwned::new(ServerConnection::new(tls)?, stream);
    let mut buffer = vec![0; 16 << 10];
    let config = Config::default().limits(Limits::for_messages(64 << 20));
    Ok(match blocking::accept(&mut stream, &mut buffer, OriginPolicy::Any, config)? {
        Ok((mut connection, rest)) => {
            let end = blocking::drive(&mut stream, &mut connection, &mut buffer, rest, echo)?;
            format!("{} {}", end.code, end.cause)
        }
        Err(refusal) => format!("refused: {refusal}"),
    })
}
