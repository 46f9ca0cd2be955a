//! tokio-websockets: its `WebSocketStream` over the stream in memory. Keys of the `rand` feature.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Config, Limits, Message, ServerBuilder};

use super::{BATCH, batch};
use crate::Run;
use crate::rows::{Row, Work};
use crate::stream::at_once;

pub fn build(row: &Row) -> Option<Run> {
    let (stream, tap) = row.stream();
    let (messages, batch) = (row.messages, batch(row.size));
    let config = Config::default().flush_threshold(BATCH);
    let server = ServerBuilder::new().config(config).limits(Limits::unlimited());
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => {
            let mut socket = server.serve(stream);
            Box::new(move |seen| {
                at_once(async {
                    for _ in 0..messages {
                        loop {
                            let message = socket.next().await.expect("a message").expect("no fault");
                            if let Some(text) = message.as_text() {
                                break seen.see(text.as_bytes());
                            } else if message.is_binary() {
                                break seen.see(message.as_payload());
                            }
                        }
                    }
                });
            })
        }
        Work::Echo => {
            let mut socket = server.serve(stream);
            Box::new(move |seen| {
                tap.watch(seen, || {
                    at_once(async {
                        for index in 0..messages {
                            let message = socket.next().await.expect("a message").expect("no fault");
                            socket.feed(message).await.expect("no fault");
                            if index % batch == batch - 1 {
                                socket.flush().await.expect("no fault");
                            }
                        }
                        socket.flush().await.expect("no fault");
                    });
                });
            })
        }
        Work::Send | Work::Shared | Work::Masked => {
            let mut socket = if row.work == Work::Masked {
                ClientBuilder::new().config(config).take_over(stream)
            } else {
                server.serve(stream)
            };
            let payload = Bytes::from(row.payload());
            Box::new(move |seen| {
                tap.watch(seen, || {
                    at_once(async {
                        for index in 0..messages {
                            socket.feed(Message::binary(payload.clone())).await.expect("no fault");
                            if index % batch == batch - 1 {
                                socket.flush().await.expect("no fault");
                            }
                        }
                        socket.flush().await.expect("no fault");
                    });
                });
            })
        }
        Work::Handshake => Box::new(move |seen| {
            tap.watch(seen, || drop(at_once(server.accept(stream.clone())).expect("a WebSocket")));
        }),
        Work::Inflate(_) | Work::Compress(_) => return None,
    })
}
