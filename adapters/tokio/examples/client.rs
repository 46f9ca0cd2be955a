//! A client for a terminal: `cargo run -p sockless-tokio --example tokio_client -- ws://127.0.0.1:9998/echo`.
//!
//! Each line of standard input is sent as a text message; `/ping`, `/binary HEX` and `/close CODE REASON` do what they
//! say. Messages are printed, binary ones as `/binary HEX`. Exit status 0 after a clean close, else 1 and the reason.
//! Options: `--protocol NAME`, `--header 'NAME: VALUE'` (both may be repeated), `--origin ORIGIN`. `wss` URLs need the
//! feature `rustls`. With the feature `deflate` it offers compression, and takes `--window-bits N` and
//! `--no-context-takeover`.

mod compression;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::{ClientRequest, Offer};
use sockless_tokio::sockless::{CloseCode, Config, Limits, Uri};
use sockless_tokio::{Dialled, Message, SplitSender, connect_request};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
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

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let subprotocols: Vec<&str> = arguments.protocols.iter().map(String::as_str).collect();
    let fields: Vec<(&str, &str)> =
        arguments.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let request = ClientRequest {
        offer: Offer { subprotocols: &subprotocols, ..Offer::default() },
        origin: arguments.origin.as_deref(),
        fields: &fields,
        ..ClientRequest::new(Uri::parse(&arguments.url)?)
    };
    let config = Config::default().limits(Limits::for_messages(64 << 20)).high_water(64 << 20);
    let socket = connect_request(&request, compression::setup(config)).await?;
    match socket.subprotocol() {
        Some(name) => eprintln!("open protocol {name}"),
        None => eprintln!("open"),
    }

    let (sender, mut receiver) = socket.split();
    tokio::spawn(type_lines(sender, lines()));
    while let Some(message) = receiver.next().await {
        let mut out = io::stdout().lock();
        // A reader that went away is no reason to close.
        let _ = match message {
            Ok(Message::Text(text)) => writeln!(out, "{text}"),
            Ok(Message::Binary(data)) => writeln!(out, "/binary {}", hex(&data)),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => Ok(()),
            Err(error) => return Err(error.into()),
        };
    }
    if let Some(end) = receiver.end() {
        eprintln!("closed {} {}", end.code, end.reason.as_str());
    }
    Ok(())
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
            "--window-bits" => drop(value()?), // read where compression is set up
            "--no-context-takeover" => {}
            _ if word.starts_with("--") => return Err(format!("there is no option {word}").into()),
            _ => arguments.url = word,
        }
    }
    if arguments.url.is_empty() {
        return Err("usage: client [--protocol NAME] [--header 'NAME: VALUE'] [--origin ORIGIN] URL".into());
    }
    Ok(arguments)
}

/// The lines of standard input, from a thread of their own: there is no way to take a terminal's line back.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        for line in lines {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

async fn type_lines(mut socket: SplitSender<Dialled>, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        let sent = match message(&line) {
            Ok(message) => socket.send(message).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            eprintln!("not sent: {error}");
        }
    }
    let _ = socket.close().await;
}

fn message(line: &str) -> Result<Message, Box<dyn Error + Send + Sync>> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match word {
        "/ping" => Message::Ping(rest.to_owned().into()),
        "/binary" => Message::binary(unhex(rest).ok_or("hex digits come in pairs")?),
        "/close" => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            match code {
                "" => Message::Close(None),
                _ => {
                    let code =
                        code.parse().ok().and_then(CloseCode::new).ok_or("this code cannot be sent")?;
                    Message::Close(Some((code, reason.into())))
                }
            }
        }
        _ => Message::text(line),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(byte).collect())?
}
