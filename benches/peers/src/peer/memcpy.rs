//! The copies alone, of the wire into the buffer; or, where messages are compressed, the engine alone.

use std::hint::black_box;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::Run;
use crate::deflate;
use crate::rows::{Row, Work};
use crate::seen::Seen;

pub fn build(row: &Row) -> Option<Run> {
    let (bytes, read) = match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => (row.wire(), row.read),
        Work::Inflate(level) => {
            let texts = row.texts();
            let payloads = deflate::payloads(&texts, level);
            let (mut engine, mut text) = (Decompress::new(false), Vec::with_capacity(row.size + 1));
            return Some(Box::new(move |seen| {
                for payload in &payloads {
                    text.clear();
                    engine.decompress_vec(payload, &mut text, FlushDecompress::Sync).expect("DEFLATE");
                    seen.see(&text);
                }
            }));
        }
        Work::Compress(level) => {
            let texts = row.texts();
            let mut engine = Compress::new(Compression::new(level.into()), false);
            let mut payload = Vec::with_capacity(2 * row.size + 64);
            return Some(Box::new(move |seen| {
                for text in &texts {
                    payload.clear();
                    engine.compress_vec(text.as_bytes(), &mut payload, FlushCompress::Sync).expect("room");
                    if !seen.keeps() {
                        seen.see(&payload);
                    }
                }
                if seen.keeps() {
                    seen.see(&deflate::messages(&texts, level));
                }
            }));
        }
        _ => return None,
    };
    let row = row.clone();
    let mut buffer = vec![0; read];
    Some(Box::new(move |seen: &mut Seen| {
        for chunk in bytes.chunks(read) {
            buffer[..chunk.len()].copy_from_slice(chunk);
            black_box(&mut buffer[..chunk.len()]);
        }
        if seen.keeps() {
            seen.see(&row.payload().repeat(row.messages));
        }
    }))
}
