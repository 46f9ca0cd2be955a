//! web-socket: its `WebSocket` over the stream in memory behind tokio's `BufReader`. It puts no fragments together
//! and has no handshake.

use tokio::io::BufReader;
use web_socket::{Event, Frame, WebSocket};

use crate::Run;
use crate::rows::{Row, Work};
use crate::stream::at_once;

pub fn build(row: &Row) -> Option<Run> {
    let (stream, tap) = row.stream();
    let (messages, payload, text) = (row.messages, row.payload(), row.is_text());
    let stream = BufReader::with_capacity(row.read, stream);
    Some(match row.work {
        Work::Receive(_) | Work::Parts => {
            let mut socket = WebSocket::server(stream);
            Box::new(move |seen| {
                at_once(async {
                    for _ in 0..messages {
                        let Event::Data { data, .. } = socket.recv().await.expect("no fault") else {
                            panic!("a message")
                        };
                        if text {
                            std::str::from_utf8(&data).expect("UTF-8");
                        }
                        seen.see(&data);
                    }
                });
            })
        }
        Work::Echo => {
            let mut socket = WebSocket::server(stream);
            Box::new(move |seen| {
                tap.watch(seen, || {
                    at_once(async {
                        for _ in 0..messages {
                            let Event::Data { data, .. } = socket.recv().await.expect("no fault") else {
                                panic!("a message")
                            };
                            socket.send(&data[..]).await.expect("no fault");
                        }
                    });
                });
            })
        }
        Work::Send | Work::Shared | Work::Masked => {
            let mut socket =
                if row.work == Work::Masked { WebSocket::client(stream) } else { WebSocket::server(stream) };
            Box::new(move |seen| {
                tap.watch(seen, || {
                    at_once(async {
                        for _ in 0..messages {
                            let frame = Frame { fin: true, opcode: 2, data: &payload };
                            socket.send_raw(frame).await.expect("no fault");
                        }
                    });
                });
            })
        }
        Work::Fragments | Work::Handshake | Work::Inflate(_) | Work::Compress(_) => return None,
    })
}
