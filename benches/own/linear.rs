//! How cost grows with the work: `plot,series,x,nanoseconds` a line, to be drawn by `scripts/plots`.

use std::hint::black_box;
use std::time::Instant;

use bytes::Buf;
use sockless::handshake::{HandshakeLimits, ServerHandshake};
use sockless::{Config, Connection, Delivery, Event, Keys, Limits};

use crate::wire::{self, Kind, READ};

pub fn print() {
    for exponent in (10..=26).step_by(2) {
        bytes(1 << exponent);
    }
    for exponent in (0..=16).step_by(2) {
        fragments(1 << exponent);
    }
    for exponent in 10..=18 {
        handshake(1 << exponent);
    }
}

fn line(plot: &str, series: &str, x: usize, run: impl FnMut()) {
    println!("{plot},{series},{x},{:.0}", nanoseconds(run));
}

/// The fastest of nine: the one that was disturbed the least. Each runs for half a millisecond at least.
fn nanoseconds(mut run: impl FnMut()) -> f64 {
    run();
    let start = Instant::now();
    run();
    let runs = (500_000 / start.elapsed().as_nanos().max(1)) as usize + 1;
    let times = (0..9).map(|_| {
        let start = Instant::now();
        (0..runs).for_each(|_| run());
        start.elapsed().as_nanos() as f64 / runs as f64
    });
    times.fold(f64::INFINITY, f64::min)
}

fn config(delivery: Delivery) -> Config {
    Config::default().limits(Limits::UNLIMITED).delivery(delivery).high_water(usize::MAX).fragment(usize::MAX)
}

fn receive(connection: &mut Connection, wire: &[u8], buffer: &mut [u8]) {
    for read in wire.chunks(buffer.len()) {
        let mut input = &mut buffer[..read.len()];
        input.copy_from_slice(read);
        while let Some(event) = connection.receive(&mut input).expect("no fault") {
            match event {
                Event::Binary { data, .. } => drop(black_box(&data[..])),
                Event::Text { text, .. } => drop(black_box(&text[..])),
                _ => {}
            }
        }
    }
}

/// One message of so many bytes.
fn bytes(size: usize) {
    let mut buffer = vec![0; READ];
    for (series, kind, delivery) in [
        ("binary in parts", Kind::Binary, Delivery::Parts),
        ("binary whole", Kind::Binary, Delivery::Messages),
        ("ASCII in parts", Kind::Ascii, Delivery::Parts),
        ("Chinese in parts", Kind::Cjk, Delivery::Parts),
    ] {
        let wire = wire::messages(kind, size, 1);
        let mut connection = Connection::server(config(delivery));
        line("bytes", series, size, || receive(&mut connection, &wire, &mut buffer));
    }
    let payload = wire::payload(Kind::Binary, size);
    let mut connection = Connection::client(config(Delivery::Messages), Keys::from_seed([7; 32]));
    line("bytes", "sent masked", size, || {
        connection.binary(black_box(&payload)).expect("room");
        let queued = connection.queued();
        connection.output().advance(queued);
    });
}

/// A message of 16 bytes in each of so many fragments.
fn fragments(count: usize) {
    let wire = wire::fragmented(16 * count, count, false);
    let mut buffer = vec![0; READ];
    for (series, delivery) in [("in parts", Delivery::Parts), ("whole", Delivery::Messages)] {
        let mut connection = Connection::server(config(delivery));
        line("fragments", series, count, || receive(&mut connection, &wire, &mut buffer));
    }
}

/// A head of so many bytes, in fields of 64, cut to pieces.
fn handshake(size: usize) {
    let field = format!("X-Padding: {:-<51}\r\n", "");
    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    while head.len() + field.len() + 2 <= size {
        head.extend(field.as_bytes());
    }
    head.extend(b"\r\n");
    let limits = HandshakeLimits { head: 1 << 20, fields: 1 << 16, ..HandshakeLimits::default() };
    for (series, piece) in [("whole", usize::MAX), ("in 16s", 16), ("byte by byte", 1)] {
        let mut bytes = head.clone();
        line("handshake", series, head.len(), || {
            let mut handshake = ServerHandshake::new(limits);
            let mut found = None;
            for mut input in bytes.chunks_mut(piece.min(size)) {
                found = handshake.receive(&mut input).expect("no fault");
            }
            assert!(black_box(found).is_some());
        });
    }
}
