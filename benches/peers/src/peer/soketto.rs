//! soketto: its `Connection` over the stream in memory.

use soketto::connection::Builder;
use soketto::handshake::Server;
use soketto::handshake::server::Response;
use soketto::{Data, Mode};

use super::batch;
use crate::Run;
use crate::rows::{Row, Work};
use crate::stream::at_once;

pub fn build(row: &Row) -> Option<Run> {
    let (stream, tap) = row.stream();
    let (messages, batch, payload) = (row.messages, batch(row.size), row.payload());
    let mode = if row.work == Work::Masked { Mode::Client } else { Mode::Server };
    if row.work == Work::Handshake {
        return Some(Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    let mut server = Server::new(stream.clone());
                    let key = server.receive_request().await.expect("a WebSocket").key();
                    server.send_response(&Response::Accept { key, protocol: None }).await.expect("no fault");
                });
            });
        }));
    }
    let mut builder = Builder::new(stream, mode);
    builder.set_max_message_size(1 << 30);
    builder.set_max_frame_size(1 << 30);
    let (mut sender, mut receiver) = builder.finish();
    let mut message = Vec::new();
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => Box::new(move |seen| {
            at_once(async {
                for _ in 0..messages {
                    message.clear();
                    match receiver.receive_data(&mut message).await.expect("no fault") {
                        Data::Text(_) => drop(std::str::from_utf8(&message).expect("UTF-8")),
                        Data::Binary(_) => {}
                    }
                    seen.see(&message);
                }
            });
        }),
        Work::Echo => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for index in 0..messages {
                        message.clear();
                        receiver.receive_data(&mut message).await.expect("no fault");
                        sender.send_binary_mut(&mut message).await.expect("no fault");
                        if index % batch == batch - 1 {
                            sender.flush().await.expect("no fault");
                        }
                    }
                    sender.flush().await.expect("no fault");
                });
            });
        }),
        Work::Inflate(_) | Work::Compress(_) => return None,
        _ => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for index in 0..messages {
                        sender.send_binary(&payload).await.expect("no fault");
                        if index % batch == batch - 1 {
                            sender.flush().await.expect("no fault");
                        }
                    }
                    sender.flush().await.expect("no fault");
                });
            });
        }),
    })
}
