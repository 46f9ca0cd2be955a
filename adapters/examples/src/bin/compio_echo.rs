//! An echo server on compio, which reads and writes by io_uring where there is one: `--listen 127.0.0.1:9101`.

use std::future::Future;
use std::io::{self, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use compio::BufResult;
use compio::io::{AsyncRead, AsyncWrite};
use compio::net::{TcpListener, TcpStream};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use sockless::handshake::{Acceptance, OriginPolicy, ServerHandshake};
use sockless::{Config, Connection, End, Limits};
use sockless_drivers::completion::{Completion, Driver, Submission};
use sockless_drivers::{Clock, echo};

/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a timer that is not armed waits for: a year.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long a request may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    compio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(sockless_drivers::address("127.0.0.1:9101")).await?;
        println!("listening on ws://{}/", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            compio::runtime::spawn(async move {
                match compio::time::timeout(HANDSHAKE, accept(&stream)).await {
                    Ok(Ok(Some((connection, buffer, mut rest)))) => {
                        let mut driver = Driver::new(connection, buffer, PATIENCE);
                        driver.receive(&mut rest, echo);
                        match run(&stream, driver).await {
                            Some(end) => println!("{} {}", end.code, end.cause),
                            None => println!("no end"),
                        }
                    }
                    Ok(Ok(None)) => println!("refused"),
                    Ok(Err(error)) => println!("lost: {error}"),
                    Err(_) => println!("refused: no request in time"),
                }
            })
            .detach();
        }
    })
}

/// Carries operations to the ring, and completions back.
async fn run(stream: &TcpStream, mut driver: Driver) -> Option<End> {
    let clock = Clock::start();
    let mut under_way = FuturesUnordered::<Pin<Box<dyn Future<Output = Completion> + '_>>>::new();
    let mut timer = Box::pin(compio::time::sleep(NEVER));
    loop {
        let now = clock.now();
        let mut shutdown = None;
        driver.submit(now, |submission| match submission {
            Submission::Read(buffer) => under_way.push(Box::pin(read(stream, buffer))),
            Submission::Write(bytes) => under_way.push(Box::pin(write(stream, bytes))),
            Submission::Timeout(due) => timer.set(compio::time::sleep(due.since(now))),
            Submission::ShutdownWrite => shutdown = Some(Shutdown::Write),
            // What is under way completes then.
            Submission::Close => shutdown = Some(Shutdown::Both),
        });
        if let Some(how) = shutdown {
            let _ = socket2::SockRef::from(stream).shutdown(how);
        }
        if let Some(end) = driver.end() {
            return Some(end);
        }
        let completion = match select(under_way.next(), timer.as_mut()).await {
            Either::Left((completion, _)) => completion?,
            Either::Right(_) => {
                timer.set(compio::time::sleep(NEVER));
                Completion::Timeout
            }
        };
        driver.completed(completion, echo);
    }
}

async fn read(mut stream: &TcpStream, buffer: Vec<u8>) -> Completion {
    let BufResult(read, buffer) = stream.read(buffer).await;
    Completion::Read(read, buffer)
}

async fn write(mut stream: &TcpStream, bytes: Bytes) -> Completion {
    let BufResult(written, bytes) = stream.write(bytes).await;
    Completion::Write(written, bytes)
}

/// A connection with its response queued, a buffer to read into, and what came behind the request.
async fn accept(mut stream: &TcpStream) -> io::Result<Option<(Connection, Vec<u8>, Vec<u8>)>> {
    // No answer is refused: the driver stops reading where much is queued.
    let config = Config::default().limits(Limits::for_messages(64 << 20)).high_water(usize::MAX);
    let mut handshake = ServerHandshake::new(Default::default());
    let mut buffer = vec![0; 16 << 10];
    loop {
        let BufResult(read, back) = stream.read(buffer).await;
        let len = read?;
        buffer = back;
        let mut input = &mut buffer[..len];
        let head = match len {
            0 => return Ok(None),
            _ => handshake.receive(&mut input),
        };
        let opened = match &head {
            Ok(None) => continue,
            Ok(Some(head)) => head.upgrade(OriginPolicy::Any),
            Err(refusal) => Err(*refusal),
        };
        return match opened {
            Ok(request) => {
                let connection = request.open(&Acceptance::default(), config).map_err(io::Error::other)?;
                let rest = input.to_vec();
                Ok(Some((connection, buffer, rest)))
            }
            Err(refusal) => {
                let BufResult(written, _) = stream.write(refusal.response()).await;
                written.map(|_| None)
            }
        };
    }
}
