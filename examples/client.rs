//! A client for a terminal: `cargo run --example client -- ws://127.0.0.1:9998/echo`.
//!
//! Each line of standard input is sent as a text message; `/ping`, `/binary HEX` and `/close CODE REASON` do what they
//! say, `/part TEXT` sends a fragment and `/last TEXT` ends its message. Messages are printed, binary ones as
//! `/binary HEX`. Exit status 0 after a clean close, else 1 and the reason. `listener` is such a terminal's other end.
//! Options: `--protocol NAME`, `--header 'NAME: VALUE'` (both may be repeated), `--origin ORIGIN`. With the feature
//! `deflate` it offers compression, and takes `--window-bits N` and `--no-context-takeover`.

mod blocking;
mod compression;
mod terminal;

use std::error::Error;
use std::net::TcpStream;
use std::process::ExitCode;

use blocking::Socket;
use sockless::handshake::{ClientHandshake, ClientRequest, Offer, Outcome};
use sockless::{Keys, Uri};

fn main() -> ExitCode {
    terminal::status(run())
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
    let agreed = compression::agreed(&established)?;
    terminal::opened(established.subprotocol());
    let connection = compression::applied(established.open(terminal::config()), agreed);
    terminal::converse(Socket::new(stream, connection), &mut buffer[rest])
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
