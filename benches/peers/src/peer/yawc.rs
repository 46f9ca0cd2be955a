//! yawc: its `WebSocket` over the stream in memory where messages are compressed, else its codec alone, which neither judges UTF-8 nor puts fragments together; text is judged here, with simdutf8.
//! Its handshake is hyper's.

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_util::codec::{Decoder as _, Encoder as _};
use yawc::codec::{Codec, Decoder, Encoder};
use yawc::frame::Frame;
use yawc::{CompressionLevel, Options, Role, WebSocket};

use super::{BATCH, batch};
use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;
use crate::stream::{Stream, Tap, at_once};

pub fn build(row: &Row) -> Option<Run> {
    let codec = |role: Role| Codec::from((Decoder::new(role, usize::MAX), Encoder::new(role)));
    let (wire, read, text) = (row.wire(), row.read, row.is_text());
    let (messages, payload) = (row.messages, Bytes::from(row.payload()));
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    Some(match row.work {
        Work::Receive(_) | Work::Parts => {
            let mut codec = codec(Role::Server);
            Box::new(move |seen| {
                for read in wire.chunks(read) {
                    input.extend_from_slice(read);
                    while let Some(frame) = codec.decode(&mut input).expect("no fault") {
                        if text {
                            simdutf8::basic::from_utf8(frame.payload()).expect("UTF-8");
                        }
                        seen.see(frame.payload());
                    }
                }
            })
        }
        Work::Echo => {
            let mut codec = codec(Role::Server);
            Box::new(move |seen| {
                for read in wire.chunks(read) {
                    input.extend_from_slice(read);
                    while let Some(frame) = codec.decode(&mut input).expect("no fault") {
                        codec.encode(Frame::binary(frame.into_payload()), &mut output).expect("no fault");
                    }
                    flush(&mut output, seen);
                }
            })
        }
        Work::Send | Work::Shared | Work::Masked => {
            let mut codec = codec(if row.work == Work::Masked { Role::Client } else { Role::Server });
            Box::new(move |seen| {
                for _ in 0..messages {
                    codec.encode(Frame::binary(payload.clone()), &mut output).expect("no fault");
                    if output.len() >= BATCH {
                        flush(&mut output, seen);
                    }
                }
                flush(&mut output, seen);
            })
        }
        Work::Inflate(level) => {
            let (mut socket, _) = socket(row, level);
            Box::new(move |seen| {
                at_once(async {
                    for _ in 0..messages {
                        seen.see(socket.next_frame().await.expect("no fault").payload());
                    }
                });
            })
        }
        Work::Compress(level) => {
            let (mut socket, tap) = socket(row, level);
            let texts: Vec<Bytes> = row.texts().into_iter().map(Bytes::from).collect();
            // So many wait as with the others, compressed to a fourth or so.
            let batch = 4 * batch(row.size);
            Box::new(move |seen| {
                tap.watch(seen, || {
                    at_once(async {
                        for (index, text) in texts.iter().enumerate() {
                            socket.feed(Frame::text(text.clone())).await.expect("no fault");
                            if index % batch == batch - 1 {
                                socket.flush().await.expect("no fault");
                            }
                        }
                        socket.flush().await.expect("no fault");
                    });
                });
            })
        }
        Work::Fragments | Work::Handshake => return None,
    })
}

/// A whole connection, as only that compresses.
fn socket(row: &Row, level: u8) -> (WebSocket<Stream>, Tap) {
    let (stream, tap) = row.stream();
    let options = Options::default()
        .with_compression_level(CompressionLevel::new(level.into()))
        .with_limits(1 << 30, 1 << 30)
        .with_utf8();
    let extension = Some("permessage-deflate");
    let socket = WebSocket::from_stream_with_extensions(stream, Role::Server, extension, options);
    (socket.expect("an extension"), tap)
}

fn flush(output: &mut BytesMut, seen: &mut Seen) {
    seen.see(output);
    output.clear();
}
