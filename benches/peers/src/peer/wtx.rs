//! wtx: its `WebSocket` over the stream in memory; it writes every frame by itself. Its keys come of a small xorshift
//! generator. Its handshake needs a crypto library of its own.

use wtx::collection::Vector;
use wtx::rng::Xorshift64;
use wtx::web_socket::{Frame, OpCode, WebSocket, WebSocketBuffer, WebSocketPayloadOrigin};

use crate::Run;
use crate::rows::{Row, Work};
use crate::stream::at_once;

pub fn build(row: &Row) -> Option<Run> {
    match row.work {
        Work::Handshake | Work::Inflate(_) | Work::Compress(_) => None,
        Work::Masked => Some(over::<true>(row)),
        _ => Some(over::<false>(row)),
    }
}

fn over<const CLIENT: bool>(row: &Row) -> Run {
    let (stream, tap) = row.stream();
    let (messages, mut payload) = (row.messages, row.payload());
    let random = Xorshift64::new(7);
    let mut socket =
        WebSocket::<_, _, _, _, CLIENT>::new((), false, random, stream, WebSocketBuffer::default());
    let mut buffer = Vector::new();
    let (original, masked) = (payload.clone(), row.work == Work::Masked);
    match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => Box::new(move |seen| {
            at_once(async {
                for _ in 0..messages {
                    loop {
                        let frame = socket.read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive).await;
                        let frame = frame.expect("no fault");
                        if matches!(frame.op_code(), OpCode::Text | OpCode::Binary) {
                            break seen.see(frame.payload());
                        }
                    }
                }
            });
        }),
        Work::Echo => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for _ in 0..messages {
                        let frame = socket.read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive).await;
                        let payload = frame.expect("no fault").payload().to_vec();
                        let mut frame = Frame::<_, CLIENT>::new_fin(OpCode::Binary, payload);
                        socket.write_frame(&mut frame).await.expect("no fault");
                    }
                });
            });
        }),
        _ => Box::new(move |seen| {
            tap.watch(seen, || {
                at_once(async {
                    for _ in 0..messages {
                        // A client masks the caller's bytes where they lie.
                        if masked {
                            payload.copy_from_slice(&original);
                        }
                        let mut frame = Frame::<_, CLIENT>::new_fin(OpCode::Binary, &mut payload[..]);
                        socket.write_frame(&mut frame).await.expect("no fault");
                    }
                });
            });
        }),
    }
}
