//! The least client: `cargo run --example hello [URL]`, while `echo_server` runs.
//!
//! It sends a text, prints what comes back, closes, and waits for the end. It keeps no deadlines, so that a server which
//! falls silent holds it for ever; the example `client` keeps them, with `blocking/mod.rs`.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use bytes::Buf;
use sockless::handshake::{ClientHandshake, ClientRequest, Outcome};
use sockless::{CloseCode, Config, Event, Keys, Transport, Uri};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or("ws://127.0.0.1:9998/echo".into());
    let uri = Uri::parse(&url)?;
    if uri.is_secure() {
        return Err("wss is for a client with TLS, as that of adapters/tokio".into());
    }
    let mut stream = TcpStream::connect(format!("{}:{}", uri.host(), uri.port()))?;
    let mut handshake = ClientHandshake::new(&ClientRequest::new(uri), Keys::from_os()?, Default::default())?;
    stream.write_all(handshake.request())?;
    let mut buffer = [0; 16 << 10];
    let mut input;
    let established = loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            handshake.receive_eof()?;
        }
        input = &mut buffer[..len];
        match handshake.receive(&mut input)? {
            Some(Outcome::Established(established)) => break established,
            Some(Outcome::Refused(head)) => {
                return Err(format!("the server answered {}", head.status()).into());
            }
            None => {}
        }
    };

    let mut connection = established.open(Config::default());
    connection.text("Hello")?;
    loop {
        // First what came behind the response. A fault of the server's has queued its Close.
        while let Ok(Some(event)) = connection.receive(&mut input) {
            if let Event::Text { text, .. } = event {
                println!("{}", &*text);
                // Refused if a text before did so.
                let _ = connection.close(Some(CloseCode::NORMAL), "");
            }
        }
        while connection.queued() > 0 {
            let written = stream.write(connection.output().chunk())?;
            connection.output().advance(written);
        }
        match connection.transport() {
            Transport::Keep => {}
            Transport::ShutdownWrite => drop(stream.shutdown(Shutdown::Write)),
            Transport::Close | Transport::Abort => break,
        }
        // A reset is an end like any other.
        let len = stream.read(&mut buffer).unwrap_or(0);
        if len == 0 {
            connection.receive_eof();
        }
        input = &mut buffer[..len];
    }
    match connection.end() {
        Some(end) if end.was_clean => Ok(()),
        end => Err(format!("not a clean end: {end:?}").into()),
    }
}
