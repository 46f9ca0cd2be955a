//! This crate and its peers, each with its defaults over the stream in memory, read until it fails, ends or waits.

use std::future::pending;
use std::io::{ErrorKind, Read};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use sockless::{Config, Connection, Keys, Role};
use tokio::io::BufReader;

use crate::stream::Stream;

pub struct Peer {
    pub name: &'static str,
    pub drive: fn(Stream, Role, &mut Vec<Event>) -> End,
    /// What its documentation leaves to the caller.
    pub leaves: &'static [&'static str],
}

pub enum Event {
    Message(Vec<u8>),
    Fragment,
    /// A ping or a pong.
    Control,
    Close,
}

pub enum End {
    Fault(String),
    Closed,
    Waits,
}

impl Event {
    pub fn is(&self, text: &str) -> bool {
        matches!(self, Event::Message(message) if message == text.as_bytes())
    }

    fn message(payload: impl AsRef<[u8]>) -> Event {
        Event::Message(payload.as_ref().to_vec())
    }
}

const TEXTS: [&str; 2] = ["a text that is not UTF-8", "the same, in the first of two fragments"];

pub const PEERS: [Peer; 10] = [
    Peer { name: "sockless", drive: sockless, leaves: &[] },
    Peer { name: "tungstenite", drive: tungstenite, leaves: &[] },
    Peer { name: "fastwebsockets", drive: fastwebsockets, leaves: &[] },
    Peer { name: "tokio-websockets", drive: tokio_websockets, leaves: &[] },
    // `Options::check_utf8` is off by default.
    Peer { name: "yawc", drive: yawc, leaves: &TEXTS },
    Peer { name: "sockudo-ws", drive: sockudo, leaves: &[] },
    // Its example judges text by itself.
    Peer { name: "soketto", drive: soketto, leaves: &TEXTS },
    Peer { name: "wtx", drive: wtx, leaves: &[] },
    // `Event::Data` is a frame, its payload bytes.
    Peer { name: "web-socket", drive: web_socket, leaves: &[TEXTS[0], TEXTS[1], "fragments without end"] },
    // `Message::Text` says so.
    Peer { name: "ratchet_rs", drive: ratchet, leaves: &TEXTS },
];

fn sockless(mut stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use sockless::Event as Of;
    let mut connection = match role {
        Role::Server => Connection::server(Config::default()),
        Role::Client => Connection::client(Config::default(), Keys::from_seed([7; 32])),
    };
    let mut buffer = vec![0; 16 << 10];
    let mut ended = None;
    while ended.is_none() {
        let Ok(len) = stream.read(&mut buffer) else { return End::Waits };
        let mut input = &mut buffer[..len];
        ended = loop {
            events.push(match connection.receive(&mut input) {
                Ok(Some(Of::Text { text, .. })) => Event::message(text.as_bytes()),
                Ok(Some(Of::Binary { data, .. })) => Event::message(&*data),
                Ok(Some(Of::Close { .. })) => Event::Close,
                Ok(Some(_)) => Event::Control,
                Ok(None) => break None,
                Err(error) => break Some(End::Fault(error.to_string())),
            });
        };
        while connection.queued() > 0 {
            let written = std::io::Write::write(&mut stream, connection.output().chunk()).expect("memory");
            connection.output().advance(written);
        }
    }
    ended.unwrap_or(End::Waits)
}

fn tungstenite(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use tungstenite::{Error, Message, WebSocket, protocol};
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let mut socket = WebSocket::from_raw_socket(stream, role, None);
    read(events, async || match socket.read() {
        Ok(Message::Text(text)) => Ok(Event::message(text)),
        Ok(Message::Binary(data)) => Ok(Event::message(data)),
        Ok(Message::Close(_)) => Ok(Event::Close),
        Ok(_) => Ok(Event::Control),
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => pending().await,
        Err(Error::ConnectionClosed) => Err(End::Closed),
        Err(error) => Err(fault(error)),
    })
}

fn fastwebsockets(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use fastwebsockets::{FragmentCollector, OpCode, WebSocket, WebSocketError};
    let role = match role {
        Role::Server => fastwebsockets::Role::Server,
        Role::Client => fastwebsockets::Role::Client,
    };
    let mut socket = FragmentCollector::new(WebSocket::after_handshake(stream, role));
    read(events, async || match socket.read_frame().await {
        Ok(frame) => Ok(match frame.opcode {
            OpCode::Text | OpCode::Binary => Event::message(&*frame.payload),
            OpCode::Close => Event::Close,
            OpCode::Continuation => Event::Fragment,
            OpCode::Ping | OpCode::Pong => Event::Control,
        }),
        Err(WebSocketError::ConnectionClosed) => Err(End::Closed),
        Err(error) => Err(fault(error)),
    })
}

fn tokio_websockets(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    let mut socket = match role {
        Role::Server => tokio_websockets::ServerBuilder::new().serve(stream),
        Role::Client => tokio_websockets::ClientBuilder::new().take_over(stream),
    };
    read(events, async || match socket.next().await {
        Some(Ok(message)) if message.is_close() => Ok(Event::Close),
        Some(Ok(message)) if message.is_text() || message.is_binary() => {
            Ok(Event::message(&**message.as_payload()))
        }
        Some(Ok(_)) => Ok(Event::Control),
        Some(Err(error)) => Err(fault(error)),
        None => Err(End::Closed),
    })
}

fn yawc(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use yawc::frame::OpCode;
    use yawc::{Options, WebSocket, WebSocketError};
    let role = match role {
        Role::Server => yawc::Role::Server,
        Role::Client => yawc::Role::Client,
    };
    let mut socket = WebSocket::from_stream(stream, role, Options::default()).expect("no extension");
    read(events, async || match socket.next_frame().await {
        Ok(frame) => Ok(match frame.opcode() {
            OpCode::Text | OpCode::Binary => Event::message(frame.payload()),
            OpCode::Close => Event::Close,
            OpCode::Continuation => Event::Fragment,
            OpCode::Ping | OpCode::Pong => Event::Control,
        }),
        Err(WebSocketError::ConnectionClosed) => Err(End::Closed),
        Err(error) => Err(fault(error)),
    })
}

fn sockudo(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use sockudo_ws::{Config, Message, WebSocketStream};
    let mut socket = match role {
        Role::Server => WebSocketStream::server(stream, Config::default()),
        Role::Client => WebSocketStream::client(stream, Config::default()),
    };
    read(events, async || match socket.next().await {
        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => Ok(Event::message(message.as_bytes())),
        Some(Ok(Message::Close(_))) => Ok(Event::Close),
        Some(Ok(_)) => Ok(Event::Control),
        Some(Err(error)) => Err(fault(error)),
        None => Err(End::Closed),
    })
}

fn soketto(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use soketto::connection::{Builder, Error};
    use soketto::{Incoming, Mode};
    let mode = match role {
        Role::Server => Mode::Server,
        Role::Client => Mode::Client,
    };
    let (_sender, mut receiver) = Builder::new(stream, mode).finish();
    let mut message = Vec::new();
    read(events, async || {
        message.clear();
        match receiver.receive(&mut message).await {
            Ok(Incoming::Data(_)) => {}
            Ok(Incoming::Pong(_)) => return Ok(Event::Control),
            Ok(Incoming::Closed(_)) => return Ok(Event::Close),
            Err(Error::Closed) => return Err(End::Closed),
            Err(error) => return Err(fault(error)),
        }
        Ok(Event::message(&message))
    })
}

fn wtx(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    match role {
        Role::Server => wtx_as::<false>(stream, events),
        Role::Client => wtx_as::<true>(stream, events),
    }
}

fn wtx_as<const CLIENT: bool>(stream: Stream, events: &mut Vec<Event>) -> End {
    use wtx::web_socket::{OpCode, WebSocket, WebSocketBuffer, WebSocketPayloadOrigin};
    let (random, buffer) = (wtx::rng::Xorshift64::from(7), WebSocketBuffer::default());
    let mut socket = WebSocket::<_, _, _, _, CLIENT>::new((), false, random, stream, buffer);
    let mut buffer = wtx::collection::Vector::new();
    read(events, async || match socket.read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive).await {
        Ok(frame) => Ok(match frame.op_code() {
            OpCode::Text | OpCode::Binary => Event::message(frame.payload()),
            OpCode::Close => Event::Close,
            OpCode::Continuation => Event::Fragment,
            OpCode::Ping | OpCode::Pong => Event::Control,
        }),
        Err(error) => Err(fault(format!("{error:?}"))),
    })
}

fn web_socket(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use web_socket::{DataType, Event as Of, WebSocket};
    let stream = BufReader::new(stream);
    let mut socket = match role {
        Role::Server => WebSocket::server(stream),
        Role::Client => WebSocket::client(stream),
    };
    read(events, async || match socket.recv().await {
        Ok(Of::Data { ty: DataType::Complete(_), data }) => Ok(Event::message(data)),
        Ok(Of::Data { .. }) => Ok(Event::Fragment),
        Ok(Of::Close { .. }) => Ok(Event::Close),
        Ok(Of::Ping(_) | Of::Pong(_)) => Ok(Event::Control),
        Ok(Of::Error(error)) => Err(fault(error)),
        Err(error) => Err(fault(error)),
    })
}

fn ratchet(stream: Stream, role: Role, events: &mut Vec<Event>) -> End {
    use ratchet_rs::{Message, NoExt, WebSocket, WebSocketConfig};
    let role = match role {
        Role::Server => ratchet_rs::Role::Server,
        Role::Client => ratchet_rs::Role::Client,
    };
    let (config, stream) = (WebSocketConfig::default(), BufReader::new(stream));
    let mut socket = WebSocket::<_, NoExt>::from_upgraded(config, stream, None, BytesMut::new(), role);
    let mut message = BytesMut::new();
    read(events, async || match socket.read(&mut message).await {
        Ok(Message::Text | Message::Binary) => Ok(Event::Message(message.split().to_vec())),
        Ok(Message::Close(_)) => Ok(Event::Close),
        Ok(_) => Ok(Event::Control),
        Err(error) => Err(fault(error)),
    })
}

fn fault(error: impl ToString) -> End {
    End::Fault(error.to_string())
}

fn read(events: &mut Vec<Event>, mut next: impl AsyncFnMut() -> Result<Event, End>) -> End {
    let all = async {
        loop {
            match next().await {
                Ok(event) => events.push(event),
                Err(end) => return end,
            }
        }
    };
    let end = until_it_waits(all).unwrap_or(End::Waits);
    if let End::Fault(_) = end {
        // Some write their Close only when they are read from once more.
        until_it_waits(next());
    }
    end
}

/// Runs to its end, or until it waits for what does not come.
fn until_it_waits<T>(future: impl Future<Output = T>) -> Option<T> {
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    while woken.0.swap(false, Relaxed) {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(value);
        }
    }
    None
}
