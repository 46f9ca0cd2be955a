//! An echo server for every dialect on one port: `cargo run --example hixie_echo --features hixie`.
//!
//! RFC 6455, hybi-07 to -12, hixie-76 and hixie-75, told apart by the head of the request. Insecure, as the older ones
//! are; for trying old clients. `--listen ADDR` listens elsewhere than on 127.0.0.1:9997.

mod blocking;

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use blocking::{Clock, Socket};
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, RequestHead};
use sockless::hixie::{self, Dialect, Opening, Upgrade};
use sockless::{CloseCode, Config, Event, Limits, Reply, SendError};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--listen");
    let listener = TcpListener::bind(arguments.nth(1).unwrap_or_else(|| "127.0.0.1:9997".into()))?;
    println!("listening on ws://{}/", listener.local_addr()?);
    io::stdout().flush()?;
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => drop(std::thread::spawn(move || {
                if let Err(error) = serve(stream) {
                    eprintln!("connection lost: {error}");
                }
            })),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Ok(())
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut buffer = vec![0; 16 << 10];
    let (head, rest) = match blocking::read_request(&stream, &mut buffer)? {
        Ok(request) => request,
        Err(refusal) => return refuse(&stream, refusal),
    };
    // Anybody may have their own words back, so any origin will do.
    match hixie::upgrade(&head, OriginPolicy::Any) {
        Ok(Upgrade::Rfc6455(request)) => {
            report(&head);
            let connection = request.open(&Acceptance::default(), config()).map_err(io::Error::other)?;
            let socket = Socket::new(stream, connection);
            socket.run(&mut buffer[rest], |connection, event| {
                // What is refused came behind our Close: nobody waits for it.
                let _: Result<(), SendError> = match event {
                    Event::Text { text, .. } => connection.text(text).map_err(Into::into),
                    Event::Binary { data, .. } => connection.binary(data).map_err(Into::into),
                    Event::Close { code, reason } => {
                        close(code, &reason, |code, reason| connection.close(code, reason))
                    }
                    Event::Ping(_) | Event::Pong(_) => Ok(()),
                };
            })?;
        }
        Ok(Upgrade::Hixie(request)) => {
            report(&head);
            let accepted = hixie::Acceptance {
                subprotocol: request.subprotocols().next(),
                ..hixie::Acceptance::default()
            };
            let opening = request.open(&accepted, config(), Default::default()).map_err(io::Error::other)?;
            let (connection, rest) = match open(&stream, opening, &mut buffer, rest)? {
                Ok(opened) => opened,
                Err(refusal) => return refuse(&stream, refusal),
            };
            let socket = Socket::new(stream, connection);
            socket.run(&mut buffer[rest], |connection, event| {
                let _: Result<(), SendError> = match event {
                    Event::Text { text, .. } => connection.text(text).map_err(Into::into),
                    Event::Close { code, reason } => {
                        close(code, &reason, |code, reason| connection.close(code, reason))
                    }
                    _ => Ok(()),
                };
            })?;
        }
        Err(refusal) => refuse(&stream, refusal)?,
    }
    Ok(())
}

fn config() -> Config {
    Config::default().limits(Limits::for_messages(64 << 20)).closes(Reply::Manual)
}

/// Says on standard output who speaks what.
fn report(head: &RequestHead) {
    let dialect = match Dialect::of(head) {
        Some(Dialect::Hixie75) => "hixie-75",
        Some(Dialect::Hixie76) => "hixie-76",
        Some(Dialect::Hybi) => "hybi",
        Some(Dialect::Rfc6455) | None => "rfc6455",
    };
    println!("{dialect} {}", head.path());
}

/// Repeats the peer's code and reason, or leaves them out where they may not be repeated.
fn close(
    code: Option<CloseCode>,
    reason: &str,
    mut send: impl FnMut(Option<CloseCode>, &str) -> Result<(), SendError>,
) -> Result<(), SendError> {
    send(code, reason).or_else(|_| send(None, ""))
}

/// Reads what belongs to the request behind its head; of that, `rest` came with the head.
fn open(
    stream: &TcpStream,
    mut opening: Opening,
    buffer: &mut [u8],
    mut rest: std::ops::Range<usize>,
) -> io::Result<Result<(hixie::Connection, std::ops::Range<usize>), Refusal>> {
    let clock = Clock::default();
    loop {
        let end = rest.end;
        let mut input = &mut buffer[rest];
        match opening.receive(&mut input) {
            Ok(None) => {}
            Ok(Some(connection)) => {
                let left = end - input.len()..end;
                return Ok(Ok((connection, left)));
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
        let now = clock.now();
        if let Err(refusal) = opening.handle_timeout(now) {
            return Ok(Err(refusal));
        }
        let wait = opening.poll_timeout(now).map(|due| due.since(now));
        rest = match blocking::read_within(stream, wait, buffer)? {
            Some(0) => return Ok(Err(opening.receive_eof().err().unwrap_or(Refusal::EndedEarly))),
            len => 0..len.unwrap_or(0),
        };
    }
}

fn refuse(mut stream: &TcpStream, refusal: Refusal) -> io::Result<()> {
    println!("refused: {refusal}");
    if refusal != Refusal::EndedEarly {
        stream.write_all(&refusal.response())?;
        blocking::linger(stream);
    }
    Ok(())
}
