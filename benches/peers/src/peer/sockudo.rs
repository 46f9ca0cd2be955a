//! sockudo-ws: its sans-IO `Protocol`, and the functions of its handshake.

use bytes::{Bytes, BytesMut};
use sockudo_ws::DeflateConfig;
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::{CompressedProtocol, Message, Protocol, Role};

use super::BATCH;
use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;

pub fn build(row: &Row) -> Option<Run> {
    const MOST: usize = 1 << 30;
    let (wire, read, payload) = (row.wire(), row.read, Bytes::from(row.payload()));
    let count = row.messages;
    let role = if row.work == Work::Masked { Role::Client } else { Role::Server };
    let mut protocol = Protocol::new(role, MOST, MOST);
    let (mut input, mut output, mut messages) = (BytesMut::new(), BytesMut::new(), Vec::new());
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => Box::new(move |seen| {
            for read in wire.chunks(read) {
                input.extend_from_slice(read);
                protocol.process_into(&mut input, &mut messages).expect("no fault");
                for message in messages.drain(..) {
                    if !message.is_control() {
                        seen.see(message.as_bytes());
                    }
                }
            }
        }),
        Work::Echo => Box::new(move |seen| {
            for read in wire.chunks(read) {
                input.extend_from_slice(read);
                protocol.process_into(&mut input, &mut messages).expect("no fault");
                for message in messages.drain(..) {
                    protocol.encode_message(&message, &mut output).expect("no fault");
                }
                flush(&mut output, seen);
            }
        }),
        Work::Send | Work::Shared | Work::Masked => Box::new(move |seen| {
            for _ in 0..count {
                protocol.encode_message(&Message::Binary(payload.clone()), &mut output).expect("no fault");
                if output.len() >= BATCH {
                    flush(&mut output, seen);
                }
            }
            flush(&mut output, seen);
        }),
        Work::Inflate(level) => {
            let mut protocol = CompressedProtocol::server(MOST, MOST, deflate(level));
            Box::new(move |seen| {
                for read in wire.chunks(read) {
                    input.extend_from_slice(read);
                    protocol.process_into(&mut input, &mut messages).expect("no fault");
                    for message in messages.drain(..) {
                        seen.see(message.as_bytes());
                    }
                }
            })
        }
        Work::Compress(level) => {
            let mut protocol = CompressedProtocol::server(MOST, MOST, deflate(level));
            let texts: Vec<Message> = row.texts().into_iter().map(Message::text).collect();
            Box::new(move |seen| {
                for text in &texts {
                    protocol.encode_message(text, &mut output).expect("no fault");
                    if output.len() >= BATCH {
                        flush(&mut output, seen);
                    }
                }
                flush(&mut output, seen);
            })
        }
        Work::Handshake => Box::new(move |seen| {
            input.clear();
            input.extend_from_slice(&wire);
            let (request, _) = parse_request(&input).expect("no fault").expect("a whole head");
            seen.see(&build_response(&generate_accept_key(request.key), None, None));
        }),
    })
}

fn deflate(level: u8) -> DeflateConfig {
    DeflateConfig { compression_level: level.into(), ..DeflateConfig::default() }
}

fn flush(output: &mut BytesMut, seen: &mut Seen) {
    seen.see(output);
    output.clear();
}
