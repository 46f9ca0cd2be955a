//! Echo servers to compare with, each on one thread: `serve NAME ADDR`.
//!
//! * `bare`: epoll without a library: headers rewritten and payloads unmasked, no rule checked
//! * `bare-tokio`: the same bytes rewritten in a tokio task
//! * `sockless-tokio`, `fastwebsockets`, `tokio-websockets`, `tokio-tungstenite`: a task for each connection, as their examples have it

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use base64::Engine;
use mio::{Events, Interest, Poll, Token};
use sha1::{Digest, Sha1};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, address] = &arguments[..] else { panic!("serve NAME ADDR") };
    let address: SocketAddr = address.parse().expect("an address");
    match name.as_str() {
        "bare" => bare(address).expect("a server"),
        name => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(asynchronous(name, address)),
    }
}

/// The answer to a request that is all there, believed; none to a connection that ended at once.
fn accept(request: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(request);
    let key = text.split("\r\n").find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = base64::engine::general_purpose::STANDARD.encode(hash);
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Some(head.into())
}

/// Echoes all whole frames of `input` into `output` and says how many bytes those were.
fn echo(input: &[u8], output: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while let Some(&[head, second]) = input.get(at..at + 2) {
        let rest = &input[at + 2..];
        let (len, extended) = match second & 0x7f {
            126 if rest.len() >= 2 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), 2),
            127 if rest.len() >= 8 => {
                (u64::from_be_bytes(rest[..8].try_into().expect("eight bytes")) as usize, 8)
            }
            126 | 127 => break,
            len => (usize::from(len), 0),
        };
        let Some(frame) = rest.get(extended..extended + 4 + len) else { break };
        let (key, payload) = frame.split_at(4);
        let key = u32::from_ne_bytes(key.try_into().expect("four bytes"));
        output.extend([head, second & 0x7f]);
        output.extend_from_slice(&rest[..extended]);
        let start = output.len();
        output.extend_from_slice(payload);
        let mut words = output[start..].chunks_exact_mut(4);
        for word in &mut words {
            let unmasked = u32::from_ne_bytes((&*word).try_into().expect("four bytes")) ^ key;
            word.copy_from_slice(&unmasked.to_ne_bytes());
        }
        for (byte, key) in words.into_remainder().iter_mut().zip(key.to_ne_bytes()) {
            *byte ^= key;
        }
        at += 2 + extended + 4 + len;
    }
    at
}

struct Peer {
    stream: mio::net::TcpStream,
    open: bool,
    /// A frame that did not come whole.
    rest: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

fn bare(address: SocketAddr) -> io::Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    let mut poll = Poll::new()?;
    let mut listener = mio::net::TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening");
    let mut events = Events::with_capacity(1024);
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let (mut buffer, mut output) = (vec![0; 64 << 10], Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let token = Token(peers.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                    stream.set_nodelay(true)?;
                    peers.push(Some(Peer { stream, open: false, rest: Vec::new(), unsent: Vec::new() }));
                }
            } else {
                let slot = &mut peers[event.token().0];
                if let Some(peer) = slot {
                    if event.is_writable() && !peer.unsent.is_empty() {
                        let unsent = std::mem::take(&mut peer.unsent);
                        peer.send(&unsent);
                    }
                    if event.is_readable() && !peer.serve(&mut buffer, &mut output) {
                        *slot = None;
                    }
                }
            }
        }
    }
}

impl Peer {
    /// Reads, echoes and writes until there is no more; whether the connection goes on.
    fn serve(&mut self, buffer: &mut [u8], output: &mut Vec<u8>) -> bool {
        loop {
            let len = match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(len) => len,
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            };
            if !self.open {
                self.open = true;
                match accept(&buffer[..len]) {
                    Some(head) => self.send(&head),
                    None => return false,
                }
            } else {
                output.clear();
                if self.rest.is_empty() {
                    let echoed = echo(&buffer[..len], output);
                    self.rest.extend_from_slice(&buffer[echoed..len]);
                } else {
                    self.rest.extend_from_slice(&buffer[..len]);
                    let echoed = echo(&self.rest, output);
                    self.rest.drain(..echoed);
                }
                self.send(output);
            }
            if len < buffer.len() {
                return true;
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let sent = match bytes {
            [] => 0,
            _ if !self.unsent.is_empty() => 0,
            bytes => self.stream.write(bytes).unwrap_or(0),
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
    }
}

async fn asynchronous(name: &str, address: SocketAddr) {
    let listener = tokio::net::TcpListener::bind(address).await.expect("an address");
    println!("listening");
    // One thread: what a task has need not be sent to another.
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                match name {
                    "bare-tokio" => drop(tokio::task::spawn_local(bare_tokio(stream))),
                    "sockless-tokio" => drop(tokio::task::spawn_local(sockless_tokio(stream))),
                    "fastwebsockets" => drop(tokio::task::spawn_local(fastwebsockets(stream))),
                    "tokio-websockets" => drop(tokio::task::spawn_local(tokio_websockets(stream))),
                    "tokio-tungstenite" => drop(tokio::task::spawn_local(tokio_tungstenite(stream))),
                    name => panic!("{name}?"),
                }
            }
        })
        .await;
}

async fn bare_tokio(mut stream: tokio::net::TcpStream) -> Option<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 64 << 10];
    let len = stream.read(&mut buffer).await.ok()?;
    stream.write_all(&accept(&buffer[..len])?).await.ok()?;
    let (mut end, mut output) = (0, Vec::new());
    loop {
        let len = stream.read(&mut buffer[end..]).await.ok().filter(|len| *len > 0)?;
        end += len;
        output.clear();
        let echoed = echo(&buffer[..end], &mut output);
        buffer.copy_within(echoed..end, 0);
        end -= echoed;
        stream.write_all(&output).await.ok()?;
    }
}

async fn sockless_tokio(stream: tokio::net::TcpStream) -> Option<()> {
    use sockless_tokio::sockless::Event;
    use sockless_tokio::sockless::handshake::OriginPolicy;
    let mut socket = sockless_tokio::accept(stream, OriginPolicy::Any).await.ok()?;
    loop {
        let (event, connection) = socket.next_event().await?.ok()?;
        match event {
            Event::Text { text, .. } => connection.text(text).ok()?,
            Event::Binary { data, .. } => connection.binary(data).ok()?,
            _ => {}
        }
    }
}

/// Its own upgrade is hyper's; the head is answered here and the rest is its `WebSocket`.
async fn fastwebsockets(mut stream: tokio::net::TcpStream) -> Option<()> {
    use fastwebsockets::{FragmentCollector, Frame, OpCode, Role, WebSocket};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 4 << 10];
    let len = stream.read(&mut buffer).await.ok()?;
    stream.write_all(&accept(&buffer[..len])?).await.ok()?;
    drop(buffer);
    let mut socket = FragmentCollector::new(WebSocket::after_handshake(stream, Role::Server));
    loop {
        let frame = socket.read_frame().await.ok()?;
        match frame.opcode {
            OpCode::Text => socket.write_frame(Frame::text(frame.payload)).await.ok()?,
            OpCode::Binary => socket.write_frame(Frame::binary(frame.payload)).await.ok()?,
            OpCode::Close => return None,
            _ => {}
        }
    }
}

async fn tokio_websockets(stream: tokio::net::TcpStream) -> Option<()> {
    use futures_util::{SinkExt, StreamExt};
    let (_, mut socket) = tokio_websockets::ServerBuilder::new().accept(stream).await.ok()?;
    loop {
        let message = socket.next().await?.ok()?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await.ok()?;
        }
    }
}

async fn tokio_tungstenite(stream: tokio::net::TcpStream) -> Option<()> {
    use futures_util::{SinkExt, StreamExt};
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    loop {
        let message = socket.next().await?.ok()?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await.ok()?;
        }
    }
}
