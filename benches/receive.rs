//! What receiving costs a server: masked binary messages in reads of 16 KiB, copied in once each as a kernel would.
//!
//! `cargo bench --bench receive` prints nanoseconds per message, the median of 15 rounds. With `SIZE N` behind `--`
//! it receives N messages of SIZE bytes once, for an instruction counter.

use std::hint::black_box;
use std::time::Instant;

use sockless::{Config, Connection, Event, FrameHeader, Limits, Mask, Opcode};

const READ: usize = 16 << 10;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if let [size, messages] = numbers[..] {
        let wire = wire(size, messages.min(1000));
        let mut received = 0;
        while received < messages {
            received += receive(&wire, size);
        }
        println!("{received} messages of {size} bytes");
        return;
    }
    for size in [16, 125, 1 << 10, 16 << 10] {
        let messages = (4 << 20) / (size + 8);
        let wire = wire(size, messages);
        receive(&wire, size);
        let mut rounds: Vec<f64> = (0..15)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(receive(&wire, size), messages);
                start.elapsed().as_nanos() as f64 / messages as f64
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        println!("receive binary {size:>6} bytes: {:8.1} ns a message", rounds[rounds.len() / 2]);
    }
}

/// Messages as a client sends them.
fn wire(size: usize, messages: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for message in 0..messages {
        let key = (message as u32).wrapping_mul(0x9e37_79b9).to_le_bytes();
        let header = FrameHeader {
            fin: true,
            rsv: 0,
            opcode: Opcode::Binary.bits(),
            masking_key: Some(key),
            payload_len: size as u64,
        };
        wire.extend_from_slice(header.encode().as_ref());
        let start = wire.len();
        wire.resize(start + size, message as u8);
        Mask::new(key).apply(&mut wire[start..]);
    }
    wire
}

/// Receives them all and says how many there were.
fn receive(wire: &[u8], size: usize) -> usize {
    let mut connection = Connection::server(Config::default().limits(Limits::UNLIMITED));
    let mut buffer = vec![0; READ];
    let mut messages = 0;
    for read in wire.chunks(READ) {
        let mut input = &mut buffer[..read.len()];
        input.copy_from_slice(read);
        while let Some(event) = connection.receive(&mut input).unwrap() {
            if let Event::Binary { data, .. } = event {
                assert_eq!(data.len(), size);
                black_box(&*data);
                messages += 1;
            }
        }
    }
    messages
}
