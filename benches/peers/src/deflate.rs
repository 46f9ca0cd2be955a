//! Compressed messages of an engine of their own: what is to be inflated, and the check of what was compressed.

use std::fmt::Write;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::wire;

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Texts of a server, each in one compressed frame.
pub fn messages(texts: &[String], level: u8) -> Vec<u8> {
    frames(texts, level, |_| None)
}

/// The same from a client.
pub fn masked_messages(texts: &[String], level: u8) -> Vec<u8> {
    frames(texts, level, |index| Some(wire::key(index)))
}

fn frames(texts: &[String], level: u8, key: impl Fn(usize) -> Option<[u8; 4]>) -> Vec<u8> {
    let mut wire = Vec::new();
    for (index, payload) in payloads(texts, level).iter().enumerate() {
        let payload = payload.strip_suffix(&TAIL).expect("a flushed block");
        wire::frame(&mut wire, 0xc1, key(index), payload);
    }
    wire
}

/// Texts compressed with takeover, each with its tail.
pub fn payloads(texts: &[String], level: u8) -> Vec<Vec<u8>> {
    let mut engine = Compress::new(Compression::new(level.into()), false);
    let compressed = |text: &String| {
        let mut payload = Vec::with_capacity(2 * text.len() + 64);
        engine.compress_vec(text.as_bytes(), &mut payload, FlushCompress::Sync).expect("room");
        payload
    };
    texts.iter().map(compressed).collect()
}

/// The texts in a server's compressed messages.
pub fn inflated(mut wire: &[u8]) -> Result<Vec<String>, String> {
    let mut engine = Decompress::new(false);
    let (mut texts, mut payload) = (Vec::new(), Vec::new());
    while let [head, short, ..] = *wire {
        let first = if payload.is_empty() { 0x41 } else { 0 };
        if head & 0x7f != first {
            return Err(format!("a head of {head:#x}"));
        }
        let (at, len) = match short {
            0..126 => (2, usize::from(short)),
            126 => (4, wire[2..4].iter().fold(0, |len, byte| len << 8 | usize::from(*byte))),
            127 => (10, wire[2..10].iter().fold(0, |len, byte| len << 8 | usize::from(*byte))),
            _ => return Err("a mask".into()),
        };
        payload.extend_from_slice(wire.get(at..at + len).ok_or("a torn frame")?);
        wire = &wire[at + len..];
        if head & 0x80 != 0 {
            payload.extend(TAIL);
            let mut text = Vec::with_capacity(1 << 20);
            let flush = FlushDecompress::Sync;
            engine.decompress_vec(&payload, &mut text, flush).map_err(|error| error.to_string())?;
            texts.push(String::from_utf8(text).map_err(|error| error.to_string())?);
            payload.clear();
        }
    }
    Ok(texts)
}

/// Records as an interface would send them, `size` bytes in all, different for each `index`.
pub fn json(size: usize, index: usize) -> String {
    let mut state = index as u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = String::from("[");
    while text.len() < size {
        let (id, user, score, cents) = (next(1_000_000), next(5000), next(1000), next(100));
        let (active, tag) = (next(2) == 1, next(20));
        let _ = write!(
            text,
            r#"{{"id":{id},"user":"user{user}","score":{score}.{cents},"active":{active},"tags":["alpha","beta{tag}"]}},"#
        );
    }
    text.truncate(size);
    text
}
