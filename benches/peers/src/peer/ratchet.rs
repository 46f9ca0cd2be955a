//! ratchet_rs: its `WebSocket` over the stream in memory behind tokio's `BufReader`, as it reads no byte more than it
//! needs. It writes every frame by itself, header and payload apart, and its keys come of a small generator. It does not
//! judge text: that is done here. Its compression would put zlib in C under every peer of this program: left out.

use bytes::BytesMut;
use ratchet_rs::{Message, NoExt, Role, WebSocket, WebSocketConfig};
use tokio::io::BufReader;

use crate::Run;
use crate::rows::{Row, Work};
use crate::stream::at_once;

pub fn build(row: &Row) -> Option<Run> {
    let (stream, tap) = row.stream();
    let (messages, payload, text) = (row.messages, row.payload(), row.is_text());
    let config = WebSocketConfig { max_message_size: 1 << 30 };
    if row.work == Work::Handshake {
        return Some(Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    let upgrader = ratchet_rs::accept(stream.clone(), config).await.expect("a WebSocket");
                    upgrader.upgrade().await.expect("no fault");
                });
            });
        }));
    }
    let role = if row.work == Work::Masked { Role::Client } else { Role::Server };
    let stream = BufReader::with_capacity(row.read, stream);
    let mut socket = WebSocket::<_, NoExt>::from_upgraded(config, stream, None, BytesMut::new(), role);
    let mut message = BytesMut::new();
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => Box::new(move |seen| {
            at_once(async {
                for _ in 0..messages {
                    message.clear();
                    while !matches!(
                        socket.read(&mut message).await.expect("no fault"),
                        Message::Text | Message::Binary
                    ) {}
                    if text {
                        std::str::from_utf8(&message).expect("UTF-8");
                    }
                    seen.see(&message);
                }
            });
        }),
        Work::Echo => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for _ in 0..messages {
                        message.clear();
                        socket.read(&mut message).await.expect("no fault");
                        socket.write_binary(&message).await.expect("no fault");
                    }
                });
            });
        }),
        Work::Send | Work::Shared | Work::Masked => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for _ in 0..messages {
                        socket.write_binary(&payload).await.expect("no fault");
                    }
                });
            });
        }),
        Work::Handshake | Work::Inflate(_) | Work::Compress(_) => return None,
    })
}
