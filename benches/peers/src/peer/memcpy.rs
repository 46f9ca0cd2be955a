//! The copies alone: of the wire into the buffer, of the payload into the output.

use std::hint::black_box;

use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;

pub fn build(row: &Row) -> Option<Run> {
    let (bytes, read) = match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => (row.wire(), row.read),
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
