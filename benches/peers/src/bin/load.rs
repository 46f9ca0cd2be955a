//! A load generator: every connection sends DEPTH messages in one write, waits for their echoes, looks at every byte
//! of them, and sends again.
//!
//! `load ADDR [--connections N] [--size BYTES] [--depth N] [--seconds S | --echoes N] [--server PID]`
//!
//! Prints echoes per second, and with `--server` the processor time of the server per echo, and the bytes of its memory
//! for each connection behind the first, before the first message.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use process::{processor_time, resident};

#[path = "../process.rs"]
mod process;
#[path = "../../../own/wire.rs"]
#[allow(dead_code)]
mod wire;

const REQUEST: &[u8] =
    b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);

struct Options {
    address: SocketAddr,
    connections: usize,
    size: usize,
    depth: usize,
    seconds: f64,
    echoes: usize,
    server: Option<u32>,
}

struct Client {
    stream: TcpStream,
    /// How much of the batch was written, and how much of its echo was read.
    written: usize,
    read: usize,
    batches: usize,
}

fn main() {
    let options = options();
    let payload = wire::payload(wire::Kind::Binary, options.size);
    let (mut batch, mut echo) = (Vec::new(), Vec::new());
    for index in 0..options.depth {
        wire::frame(&mut batch, 0x82, Some(wire::key(index)), &payload);
        wire::frame(&mut echo, 0x82, None, &payload);
    }
    let mut poll = Poll::new().expect("a poll");
    // The first makes the server make what it makes once.
    let mut clients = vec![connect(options.address)];
    let empty = options.server.map(resident);
    clients.extend((1..options.connections).map(|_| connect(options.address)));
    let full = options.server.map(resident);
    for (index, client) in clients.iter_mut().enumerate() {
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut client.stream, Token(index), interest).expect("a place");
        client.send(&batch);
    }

    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 256 << 10];
    let begin = Instant::now();
    let mut start = (begin, processor_time(options.server));
    let (mut warm, mut batches) = (options.echoes > 0, 0);
    // Each connection's share of what is to be echoed.
    let most = match options.echoes {
        0 => usize::MAX,
        echoes => echoes / options.depth / options.connections,
    };
    let mut busy = options.connections;
    loop {
        poll.poll(&mut events, Some(Duration::from_secs(10))).expect("events");
        assert!(!events.is_empty(), "the server has stopped");
        for event in &events {
            let client = &mut clients[event.token().0];
            if client.batches == most {
                continue;
            }
            if event.is_writable() {
                client.send(&batch);
            }
            while event.is_readable() && client.receive(&mut buffer, &echo) {
                batches += 1;
                client.batches += 1;
                if client.batches == most {
                    busy -= 1;
                    break;
                }
                client.send(&batch);
            }
        }
        let elapsed = start.0.elapsed();
        if !warm && elapsed > WARM_UP {
            (warm, batches, start) = (true, 0, (Instant::now(), processor_time(options.server)));
        } else if busy == 0 || options.echoes == 0 && warm && elapsed.as_secs_f64() > options.seconds {
            break;
        }
    }

    let (echoes, elapsed) = (batches * options.depth, start.0.elapsed());
    print!("{echoes} echoes, {:.0} per second", echoes as f64 / elapsed.as_secs_f64());
    if let (Some(now), Some(before)) = (processor_time(options.server), start.1) {
        print!(", {:.0} ns of the server's time per echo", (now - before) as f64 / echoes as f64);
    }
    if let (Some(full), Some(empty)) = (full, empty) {
        let each = (full as f64 - empty as f64) / (options.connections - 1).max(1) as f64;
        print!(", {each:.0} bytes of the server's memory per idle connection");
    }
    println!();
}

fn options() -> Options {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().and_then(|address| address.parse().ok()).expect("ADDR");
    let mut options =
        Options { address, connections: 10, size: 20, depth: 1, seconds: 2.0, echoes: 0, server: None };
    while let Some(flag) = arguments.next() {
        let value = arguments.next().expect("a value");
        let number = || value.parse().expect("a number");
        match flag.as_str() {
            "--connections" => options.connections = number(),
            "--size" => options.size = number(),
            "--depth" => options.depth = number(),
            "--echoes" => options.echoes = number(),
            "--seconds" => options.seconds = value.parse().expect("seconds"),
            "--server" => options.server = Some(value.parse().expect("a process")),
            _ => panic!("{flag}?"),
        }
    }
    options
}

/// Connects and shakes hands.
fn connect(address: SocketAddr) -> Client {
    let mut stream = std::net::TcpStream::connect(address).expect("a server");
    stream.set_nodelay(true).expect("a socket");
    stream.write_all(REQUEST).expect("a server that reads");
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        let mut buffer = [0; 512];
        let len = stream.read(&mut buffer).expect("a response");
        assert!(len > 0, "the server closed the connection");
        response.extend_from_slice(&buffer[..len]);
    }
    assert!(response.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&response));
    stream.set_nonblocking(true).expect("a socket");
    Client { stream: TcpStream::from_std(stream), written: 0, read: 0, batches: 0 }
}

impl Client {
    fn send(&mut self, batch: &[u8]) {
        while self.written < batch.len() {
            match self.stream.write(&batch[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads until there is no more, or the whole batch has come back.
    fn receive(&mut self, buffer: &mut [u8], echo: &[u8]) -> bool {
        loop {
            let most = buffer.len().min(echo.len() - self.read);
            match self.stream.read(&mut buffer[..most]) {
                Ok(0) => panic!("the server closed the connection"),
                Ok(len) => {
                    assert!(buffer[..len] == echo[self.read..self.read + len], "not what was sent");
                    self.read += len;
                    if self.read == echo.len() {
                        (self.read, self.written) = (0, 0);
                        return true;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
