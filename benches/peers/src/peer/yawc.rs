//! yawc: its codec alone, which neither judges UTF-8 nor puts fragments together; text is judged here, with simdutf8.
//! Its handshake is hyper's.

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder as _, Encoder as _};
use yawc::Role;
use yawc::codec::{Codec, Decoder, Encoder};
use yawc::frame::Frame;

use super::BATCH;
use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;

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
        Work::Fragments | Work::Handshake => return None,
    })
}

fn flush(output: &mut BytesMut, seen: &mut Seen) {
    seen.see(output);
    output.clear();
}
