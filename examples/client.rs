//! A client for a terminal: `cargo run --example client -- ws://127.0.0.1:9998/echo`.
//!
//! Each line of standard input is sent as a text message; `/ping`, `/binary HEX` and `/close CODE REASON` do what they
//! say. Messages are printed, binary ones as `/binary HEX`. Exit status 0 after a clean close, else 1 and the reason.
//! Options: `--protocol NAME`, `--header 'NAME: VALUE'` (both may be repeated), `--origin ORIGIN`.

mod blocking;
mod compression;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;

use blocking::Socket;
use sockless::handshake::{ClientHandshake, ClientRequest, Offer, Outcome};
use sockless::{CloseCode, Config, Connection, Event, Keys, Limits, SendError, Uri};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Arguments {
    url: String,
    protocols: Vec<String>,
    fields: Vec<(String, String)>,
    origin: Option<String>,
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let uri = Uri::parse(&arguments.url)?;
    if uri.is_secure() {
        return Err("wss needs a TLS library, which this example goes without".into());
    }
    let subprotocols: Vec<&str> = arguments.protocols.iter().map(String::as_str).collect();
    let fields: Vec<(&str, &str)> =
        arguments.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let extensions = compression::offer();
    let request = ClientRequest {
        offer: Offer { subprotocols: &subprotocols, extensions: extensions.as_deref(), ..Offer::default() },
        origin: arguments.origin.as_deref(),
        fields: &fields,
        ..ClientRequest::new(uri)
    };
    let handshake = ClientHandshake::new(&request, Keys::from_os()?, Default::default())?;

    let stream = TcpStream::connect(format!("{}:{}", uri.host(), uri.port()))?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 << 10];
    let (outcome, rest) = blocking::open(&stream, handshake, &mut buffer)?;
    let established = match outcome {
        Outcome::Established(established) => established,
        Outcome::Refused(head) => return Err(blocking::refused(&head).into()),
    };
    match established.subprotocol() {
        Some(name) => eprintln!("open protocol {name}"),
        None => eprintln!("open"),
    }
    let config = Config::default().limits(Limits::for_messages(64 << 20)).high_water(64 << 20);
    let agreed = compression::agreed(&established)?;
    let connection = compression::applied(established.open(config), agreed);
    converse(Socket::new(stream, connection), &mut buffer[rest])
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} takes a value"));
        match &*word {
            "--protocol" => arguments.protocols.push(value()?),
            "--origin" => arguments.origin = Some(value()?),
            "--header" => {
                let field = value()?;
                let (name, value) =
                    field.split_once(':').ok_or("a header has a name, a colon and a value")?;
                arguments.fields.push((name.into(), value.trim().into()));
            }
            _ if word.starts_with("--") => return Err(format!("there is no option {word}").into()),
            _ => arguments.url = word,
        }
    }
    if arguments.url.is_empty() {
        return Err("usage: client [--protocol NAME] [--header 'NAME: VALUE'] [--origin ORIGIN] URL".into());
    }
    Ok(arguments)
}

/// Sends what is typed and prints what comes, to the end of the connection.
fn converse(socket: Socket, rest: &mut [u8]) -> Result<(), Box<dyn Error>> {
    let socket = Arc::new(socket);
    let typing = Arc::clone(&socket);
    // The thread is left behind when the connection ends first: there is no way to take a terminal's line back.
    std::thread::spawn(move || type_lines(&typing));
    let end = socket.run(rest, |_, event| {
        let mut out = io::stdout().lock();
        // A reader that went away is no reason to close.
        let _ = match event {
            Event::Text { text, .. } => writeln!(out, "{}", &*text),
            Event::Binary { data, .. } => writeln!(out, "/binary {}", hex(&data)),
            Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => Ok(()),
        };
    })?;
    eprintln!("closed {} {}", end.code, end.reason.as_str());
    match end.was_clean {
        true => Ok(()),
        false => Err(end.cause.to_string().into()),
    }
}

fn type_lines(socket: &Socket) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match socket.with(|connection| command(connection, &line)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("not sent: {error}"),
            Err(_) => return,
        }
    }
    let _ = socket.with(|connection| connection.close(Some(CloseCode::NORMAL), ""));
}

fn command(connection: &mut Connection, line: &str) -> Result<(), Box<dyn Error>> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "/ping" => connection.ping(rest.as_bytes())?,
        "/binary" => {
            let data = unhex(rest).ok_or("hex digits come in pairs")?;
            connection.binary(data).map_err(SendError::from)?;
        }
        "/close" => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let code = match code {
                "" => None,
                _ => Some(code.parse().ok().and_then(CloseCode::new).ok_or("this code cannot be sent")?),
            };
            connection.close(code, reason)?;
        }
        _ => connection.text(line)?,
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(byte).collect())?
}
