//! An echo server with a page to try it from: `cargo run --release --example echo_server`.
//!
//! `GET /` is the page, a WebSocket on `/echo` gets every message back. Two threads per connection, blocking sockets.
//! `--listen ADDR` listens elsewhere than on 127.0.0.1:9998. Ctrl-C closes every connection with 1001.

mod blocking;
mod compression;

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use blocking::Socket;
use sockless::handshake::{Acceptance, OriginPolicy, Refusal, RequestHead, Response};
use sockless::{CloseCode, Config, Connection, Event, Limits, Reply, Timeouts};

/// The subprotocols that are spoken here, which all mean the same.
const SUBPROTOCOLS: [&str; 2] = ["echo", "chat"];

const PAGE: &str = include_str!("echo_page.html");

/// How long the writing of a page may take before the peer counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(address("127.0.0.1:9998"))?;
    println!("listening on http://{}/", listener.local_addr()?);
    io::stdout().flush()?;
    let server = Arc::new(Server::default());
    let at_signal = Arc::clone(&server);
    ctrlc::set_handler(move || at_signal.stop()).map_err(io::Error::other)?;
    for stream in listener.incoming() {
        let server = Arc::clone(&server);
        match stream {
            Ok(stream) => drop(std::thread::spawn(move || server.serve(stream))),
            // Out of descriptors, perhaps: those that end give some back.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Ok(())
}

/// The value of `--listen`, or the default.
fn address(default: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--listen");
    arguments.nth(1).unwrap_or_else(|| default.into())
}

/// All connections, to close them.
#[derive(Default)]
struct Server {
    sockets: Mutex<HashMap<u64, Arc<Socket>>>,
    stopping: AtomicBool,
}

impl Server {
    /// Serves one connection to its end. Whatever goes wrong costs this connection alone.
    fn serve(&self, stream: TcpStream) {
        if let Err(error) = self.try_serve(stream) {
            eprintln!("connection lost: {error}");
        }
    }

    fn try_serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let mut buffer = vec![0; 16 << 10];
        let (head, rest) = match blocking::read_request(&stream, &mut buffer)? {
            Ok(request) => request,
            Err(Refusal::EndedEarly) => return Ok(()),
            Err(refusal) => return answer(&stream, &refusal.response()),
        };
        match (head.path(), upgrade(&head)) {
            ("/echo", Ok(connection)) => self.echo(stream, connection, &mut buffer[rest]),
            ("/echo", Err(response)) => answer(&stream, &response),
            ("/", _) => answer(&stream, &page()),
            _ => answer(&stream, &not_found()),
        }
    }

    fn echo(&self, stream: TcpStream, connection: Connection, rest: &mut [u8]) -> io::Result<()> {
        let socket = Arc::new(Socket::new(stream, connection));
        let id = self.enter(&socket);
        let result = socket.run(rest, |connection, event| {
            echo(connection, event);
            if self.stopping.load(Ordering::Relaxed) {
                let _ = connection.close(Some(CloseCode::GOING_AWAY), "");
            }
        });
        self.sockets().remove(&id);
        result.map(drop)
    }

    fn enter(&self, socket: &Arc<Socket>) -> u64 {
        let mut sockets = self.sockets();
        let id = sockets.keys().max().map_or(0, |last| last + 1);
        sockets.insert(id, Arc::clone(socket));
        id
    }

    /// Closes every connection with 1001, waits a while for the peers to agree, and exits.
    fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let sockets: Vec<_> = self.sockets().values().cloned().collect();
        for socket in sockets {
            let _ = socket.call(|connection| connection.close(Some(CloseCode::GOING_AWAY), ""));
        }
        for _ in 0..100 {
            if self.sockets().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        std::process::exit(0);
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Socket>>> {
        self.sockets.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A connection with its response queued, or the response to a request that is none for a WebSocket.
fn upgrade(head: &RequestHead) -> Result<Connection, Vec<u8>> {
    // Anybody may have their own words back, so any origin will do. A server with cookies would say SameHost.
    let request = head.upgrade(OriginPolicy::Any).map_err(Refusal::response)?;
    let subprotocol = request.subprotocols().find(|offered| SUBPROTOCOLS.contains(offered));
    let agreed = compression::choose(request.extensions());
    let answer = agreed.map(|agreed| agreed.answer());
    let acceptance = Acceptance { subprotocol, extensions: answer.as_deref(), ..Acceptance::default() };
    let timeouts = Timeouts { idle: Some(Duration::from_secs(600)), ..Timeouts::default() };
    // A browser shows its page the reason in our Close, so this server repeats it: by hand.
    let config =
        Config::default().limits(Limits::for_messages(64 << 20)).timeouts(timeouts).closes(Reply::Manual);
    match request.open(&acceptance, config) {
        Ok(connection) => Ok(compression::applied(connection, agreed)),
        Err(_) => Err(response(500, &[], b"")),
    }
}

fn echo(connection: &mut Connection, event: Event<'_>) {
    // The queue is not full, as the driver waits for it before. What is refused came behind our Close: nobody waits for it.
    let _ = match event {
        Event::Text { text, .. } => connection.text(text).map_err(Into::into),
        Event::Binary { data, .. } => connection.binary(data).map_err(Into::into),
        Event::Close { code, reason } => {
            connection.close(code, &reason).or_else(|_| connection.close(None, ""))
        }
        Event::Ping(_) | Event::Pong(_) => Ok(()),
    };
}

fn page() -> Vec<u8> {
    let fields = [
        ("Content-Type", "text/html; charset=utf-8"),
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
             connect-src 'self' ws: wss:",
        ),
    ];
    response(200, &fields, PAGE.as_bytes())
}

fn not_found() -> Vec<u8> {
    response(404, &[("Content-Type", "text/plain")], b"there is nothing here; the WebSocket is at /echo\n")
}

fn response(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    Response { status, fields, body }.to_bytes().unwrap_or_default()
}

fn answer(mut stream: &TcpStream, response: &[u8]) -> io::Result<()> {
    stream.write_all(response)?;
    blocking::linger(stream);
    Ok(())
}
