//! One connection on a terminal: what is typed is sent, what comes is printed.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

use sockless::{CloseCode, Config, Connection, Event, Limits, SendError};

use crate::blocking::Socket;

/// Exit status 0, or 1 and the reason.
pub fn status(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

pub fn config() -> Config {
    Config::default().limits(Limits::for_messages(64 << 20)).high_water(64 << 20)
}

pub fn opened(subprotocol: Option<&str>) {
    match subprotocol {
        Some(name) => eprintln!("open protocol {name}"),
        None => eprintln!("open"),
    }
}

/// Sends what is typed and prints what comes, to the end of the connection.
pub fn converse(socket: Socket, rest: &mut [u8]) -> Result<(), Box<dyn Error>> {
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
    let mut within = false;
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if let Err(error) = socket.with(|connection| command(connection, &line, &mut within)) {
            eprintln!("not sent: {error}");
        }
    }
    let _ = socket.with(|connection| connection.close(Some(CloseCode::NORMAL), ""));
}

/// Does what a line says. `within` is whether a message in fragments has begun.
fn command(connection: &mut Connection, line: &str, within: &mut bool) -> Result<(), Box<dyn Error>> {
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
        "/part" => {
            match *within {
                true => connection.more(rest)?,
                false => connection.begin_text(rest)?,
            }
            *within = true;
        }
        "/last" => {
            connection.finish(rest)?;
            *within = false;
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
