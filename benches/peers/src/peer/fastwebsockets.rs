//! fastwebsockets: its `WebSocket` over the stream in memory; text and fragments through its `FragmentCollector`,
//! which judges UTF-8. It writes every frame by itself. Its handshake is hyper's.

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};

use crate::Run;
use crate::rows::{Row, Work};
use crate::stream::at_once;

pub fn build(row: &Row) -> Option<Run> {
    let (stream, tap) = row.stream();
    let (messages, payload) = (row.messages, row.payload());
    let role = if row.work == Work::Masked { Role::Client } else { Role::Server };
    let mut socket = WebSocket::after_handshake(stream, role);
    socket.set_max_message_size(usize::MAX);
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments if row.is_text() || row.work == Work::Fragments => {
            let mut socket = FragmentCollector::new(socket);
            Box::new(move |seen| {
                at_once(async {
                    for _ in 0..messages {
                        let frame = socket.read_frame().await.expect("no fault");
                        assert!(matches!(frame.opcode, OpCode::Text | OpCode::Binary));
                        seen.see(&frame.payload);
                    }
                });
            })
        }
        Work::Receive(_) | Work::Parts | Work::Fragments => Box::new(move |seen| {
            at_once(async {
                for _ in 0..messages {
                    let frame = socket.read_frame().await.expect("no fault");
                    seen.see(&frame.payload);
                }
            });
        }),
        Work::Echo => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for _ in 0..messages {
                        let frame = socket.read_frame().await.expect("no fault");
                        // As it came it would go out with the client's key.
                        let frame = Frame::binary(frame.payload);
                        socket.write_frame(frame).await.expect("no fault");
                    }
                });
            });
        }),
        Work::Send | Work::Shared | Work::Masked => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for _ in 0..messages {
                        let frame = Frame::binary(Payload::Borrowed(&payload));
                        socket.write_frame(frame).await.expect("no fault");
                    }
                });
            });
        }),
        Work::Handshake | Work::Inflate(_) | Work::Compress(_) => return None,
    })
}
