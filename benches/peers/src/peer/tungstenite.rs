//! tungstenite: its blocking `WebSocket` over the stream in memory.

use bytes::Bytes;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::batch;
use crate::Run;
use crate::rows::{Row, Work};

pub fn build(row: &Row) -> Option<Run> {
    let (stream, tap) = row.stream();
    let messages = row.messages;
    let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
    let socket = |role| WebSocket::from_raw_socket(stream.clone(), role, Some(config));
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => {
            let mut socket = socket(Role::Server);
            Box::new(move |seen| {
                for _ in 0..messages {
                    loop {
                        match socket.read().expect("no fault") {
                            Message::Binary(data) => break seen.see(&data),
                            Message::Text(text) => break seen.see(text.as_bytes()),
                            _ => {}
                        }
                    }
                }
            })
        }
        Work::Echo => {
            let (mut socket, batch) = (socket(Role::Server), batch(row.size));
            Box::new(move |seen| {
                tap.watch(seen, || {
                    for index in 0..messages {
                        let message = socket.read().expect("no fault");
                        socket.write(message).expect("room");
                        if index % batch == batch - 1 {
                            socket.flush().expect("no fault");
                        }
                    }
                    socket.flush().expect("no fault");
                });
            })
        }
        Work::Send | Work::Shared | Work::Masked => {
            let role = if row.work == Work::Masked { Role::Client } else { Role::Server };
            let (mut socket, batch) = (socket(role), batch(row.size));
            let payload = Bytes::from(row.payload());
            Box::new(move |seen| {
                tap.watch(seen, || {
                    for index in 0..messages {
                        socket.write(Message::Binary(payload.clone())).expect("room");
                        if index % batch == batch - 1 {
                            socket.flush().expect("no fault");
                        }
                    }
                    socket.flush().expect("no fault");
                });
            })
        }
        Work::Handshake => Box::new(move |seen| {
            tap.watch(seen, || drop(tungstenite::accept(stream.clone()).expect("a WebSocket")));
        }),
        Work::Inflate(_) | Work::Compress(_) => return None,
    })
}
