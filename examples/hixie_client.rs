//! A client for servers from before RFC 6455: `cargo run --example hixie_client --features hixie -- ws://HOST:PORT/`.
//!
//! Each line of standard input is sent as a text message, messages are printed, the end of input closes. Speaks
//! hixie-76, with `--hixie-75` hixie-75. `--origin ORIGIN` and `--protocol NAME` go into the request. Exit status 0
//! after an end in good order, else 1 and the reason. Insecure, as these dialects are.

mod blocking;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;

use blocking::{Clock, Socket};
use sockless::hixie::{ClientHandshake, ClientRequest, Connection, Dialect, Outcome};
use sockless::{Cause, Config, End, Event, Keys, Limits, Uri};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut url, mut origin, mut subprotocol, mut hixie75) = (None, None, None, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match &*word {
            "--hixie-75" => hixie75 = true,
            "--origin" => origin = words.next(),
            "--protocol" => subprotocol = words.next(),
            _ => url = Some(word),
        }
    }
    let url = url.ok_or("usage: hixie_client [--hixie-75] [--origin ORIGIN] [--protocol NAME] URL")?;
    let uri = Uri::parse(&url)?;
    if uri.is_secure() {
        return Err("wss needs a TLS library, which this example goes without".into());
    }
    let origin = origin.unwrap_or_else(|| format!("http://{}", uri.host_header()));
    let request = ClientRequest { subprotocol: subprotocol.as_deref(), ..ClientRequest::new(uri, &origin) };
    let handshake = match hixie75 {
        true => ClientHandshake::hixie75(&request, Default::default())?,
        false => ClientHandshake::hixie76(&request, &mut Keys::from_os()?, Default::default())?,
    };
    let stream = TcpStream::connect(format!("{}:{}", uri.host(), uri.port()))?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 << 10];
    let (connection, rest) = open(&stream, handshake, &mut buffer)?;
    eprintln!("open");
    converse(Socket::new(stream, connection), &mut buffer[rest])
}

/// Sends the request and reads the response. What came behind it lies in `buffer` at the range given.
fn open(
    mut stream: &TcpStream,
    mut handshake: ClientHandshake,
    buffer: &mut [u8],
) -> Result<(Connection, std::ops::Range<usize>), Box<dyn Error>> {
    let clock = Clock::default();
    stream.write_all(handshake.request())?;
    loop {
        let now = clock.now();
        handshake.handle_timeout(now)?;
        let wait = handshake.poll_timeout(now).map(|due| due.since(now));
        let Some(len) = blocking::read_within(stream, wait, buffer)? else { continue };
        if len == 0 {
            handshake.receive_eof()?;
        }
        let mut input = &mut buffer[..len];
        match handshake.receive(&mut input)? {
            None => {}
            Some(Outcome::Refused(head)) => return Err(blocking::refused(&head).into()),
            Some(Outcome::Established(established)) => {
                let rest = len - input.len()..len;
                let config = Config::default().limits(Limits::for_messages(64 << 20)).high_water(64 << 20);
                return Ok((established.open(config), rest));
            }
        }
    }
}

/// Sends what is typed and prints what comes, to the end of the connection.
fn converse(socket: Socket<Connection>, rest: &mut [u8]) -> Result<(), Box<dyn Error>> {
    let socket = Arc::new(socket);
    let typing = Arc::clone(&socket);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if let Err(error) = typing.with(|connection| connection.text(line)) {
                eprintln!("not sent: {error}");
            }
        }
        let _ = typing.with(|connection| connection.close(None, ""));
    });
    let end = socket.run(rest, |_, event| {
        if let Event::Text { text, .. } = event {
            // A reader that went away is no reason to close.
            let _ = writeln!(io::stdout().lock(), "{}", &*text);
        }
    })?;
    let dialect = socket.call(|connection| connection.dialect());
    eprintln!("closed: {}", end.cause);
    if is_orderly(dialect, &end) { Ok(()) } else { Err(end.cause.to_string().into()) }
}

/// Hixie-75 knows no better end than that of the transport.
fn is_orderly(dialect: Dialect, end: &End) -> bool {
    match dialect {
        Dialect::Hixie75 => matches!(end.cause, Cause::ClosedHere | Cause::TransportEnded),
        _ => end.was_clean,
    }
}
