//! The other end of `client`: `cargo run --example listener -- 127.0.0.1:9998` waits for one connection, and then is the
//! same terminal, with the same commands and the same exit status.
//!
//! Options: `--protocol NAME`, which may be repeated: a subprotocol to speak. With the feature `deflate` it accepts
//! compression, and takes `--window-bits N` and `--no-context-takeover`.

mod blocking;
mod compression;
mod terminal;

use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::process::ExitCode;

use blocking::Socket;
use sockless::Connection;
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, RequestHead, WriteError};

fn main() -> ExitCode {
    terminal::status(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let (address, protocols) = arguments()?;
    let listener = TcpListener::bind(address)?;
    eprintln!("listening on ws://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; 16 << 10];
        // Who is gone already, or does not want a WebSocket, leaves the place to somebody else.
        let Ok(request) = blocking::read_request(&stream, &mut buffer) else { continue };
        match request.and_then(|(head, rest)| Ok((upgrade(&head, &protocols)?, rest))) {
            Ok((connection, rest)) => {
                return terminal::converse(Socket::new(stream, connection?), &mut buffer[rest]);
            }
            Err(refusal) => {
                let _ = (&stream).write_all(&refusal.response());
                blocking::linger(&stream);
            }
        }
    }
    Ok(())
}

fn arguments() -> Result<(String, Vec<String>), Box<dyn Error>> {
    let (mut address, mut protocols) = (None, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} takes a value"));
        match &*word {
            "--protocol" => protocols.push(value()?),
            "--window-bits" => drop(value()?), // read where compression is set up
            "--no-context-takeover" => {}
            _ if word.starts_with("--") => return Err(format!("there is no option {word}").into()),
            _ => address = Some(word),
        }
    }
    Ok((address.ok_or("usage: listener [--protocol NAME] ADDRESS")?, protocols))
}

/// A connection with its response queued.
fn upgrade(head: &RequestHead, protocols: &[String]) -> Result<Result<Connection, WriteError>, Refusal> {
    // There is nothing here but what is typed, so any origin will do.
    let request = head.upgrade(OriginPolicy::Any)?;
    let subprotocol = request.subprotocols().find(|offered| protocols.iter().any(|known| known == offered));
    let agreed = compression::choose(request.extensions());
    let answer = agreed.map(|agreed| agreed.answer());
    let acceptance = Acceptance { subprotocol, extensions: answer.as_deref(), ..Acceptance::default() };
    terminal::opened(subprotocol);
    let connection = request.open(&acceptance, terminal::config());
    Ok(connection.map(|connection| compression::applied(connection, agreed)))
}
