//! This crate.

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use sockless::handshake::{Acceptance, Agreed, OriginPolicy, PermessageDeflate, ServerHandshake};
use sockless::{Config, Connection, Delivery, Event, Keys, Limits};

use super::BATCH;
use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;

pub fn build(row: &Row) -> Option<Run> {
    Some(match row.work {
        Work::Receive(_) => receive(row, Connection::server(config())),
        Work::Parts | Work::Fragments => receive(row, Connection::server(config().delivery(Delivery::Parts))),
        Work::Send => send(row, Connection::server(config())),
        Work::Masked => send(row, Connection::client(config(), Keys::from_seed([7; 32]))),
        Work::Shared => shared(row),
        Work::Echo => echo(row),
        Work::Handshake => handshake(row),
        Work::Inflate(level) => receive(row, Connection::server(config()).with_deflate(agreed(level))),
        Work::Compress(level) => compress(row, level),
    })
}

fn config() -> Config {
    Config::default().limits(Limits::UNLIMITED).high_water(usize::MAX).fragment(usize::MAX)
}

fn agreed(level: u8) -> Agreed {
    PermessageDeflate::default().level(level).agreed()
}

fn receive(row: &Row, mut connection: Connection) -> Run {
    let (wire, mut buffer) = (row.wire(), vec![0; row.read]);
    Box::new(move |seen| {
        for read in wire.chunks(buffer.len()) {
            let mut input = &mut buffer[..read.len()];
            input.copy_from_slice(read);
            while let Some(event) = connection.receive(&mut input).expect("no fault") {
                match event {
                    Event::Binary { data, .. } => seen.see(&data),
                    Event::Text { text, .. } => seen.see(text.as_bytes()),
                    _ => {}
                }
            }
            let pongs = connection.queued();
            connection.output().advance(pongs);
        }
    })
}

fn send(row: &Row, mut connection: Connection) -> Run {
    let (payload, messages) = (row.payload(), row.messages);
    Box::new(move |seen| {
        for _ in 0..messages {
            connection.binary(&payload).expect("room");
            if connection.queued() >= BATCH {
                flush(&mut connection, seen);
            }
        }
        flush(&mut connection, seen);
    })
}

fn compress(row: &Row, level: u8) -> Run {
    let mut connection = Connection::server(config()).with_deflate(agreed(level));
    let texts = row.texts();
    Box::new(move |seen| {
        for text in &texts {
            connection.text(text).expect("room");
            if connection.queued() >= BATCH {
                flush(&mut connection, seen);
            }
        }
        flush(&mut connection, seen);
    })
}

fn shared(row: &Row) -> Run {
    let (payload, messages) = (Bytes::from(row.payload()), row.messages);
    let mut connection = Connection::server(config());
    Box::new(move |seen| {
        for _ in 0..messages / 16 {
            for _ in 0..16 {
                connection.binary(payload.clone()).expect("room");
            }
            let mut slices = [IoSlice::new(&[]); 32];
            let output = connection.output();
            let count = output.chunks_vectored(&mut slices);
            slices[..count].iter().for_each(|slice| seen.see(slice));
            let written = connection.queued();
            connection.output().advance(written);
        }
    })
}

#[inline]
fn flush(connection: &mut Connection, seen: &mut Seen) {
    while connection.queued() > 0 {
        let output = connection.output();
        seen.see(output.chunk());
        let written = output.chunk().len();
        connection.output().advance(written);
    }
}

fn echo(row: &Row) -> Run {
    let mut connection = Connection::server(config());
    let (wire, mut buffer) = (row.wire(), vec![0; row.read]);
    Box::new(move |seen| {
        for read in wire.chunks(buffer.len()) {
            let mut input = &mut buffer[..read.len()];
            input.copy_from_slice(read);
            while let Some(event) = connection.receive(&mut input).expect("no fault") {
                if let Event::Binary { data, .. } = event {
                    assert!(connection.binary(data).is_ok());
                }
            }
            flush(&mut connection, seen);
        }
    })
}

fn handshake(row: &Row) -> Run {
    let (wire, mut buffer) = (row.wire(), vec![0; row.read]);
    Box::new(move |seen| {
        let mut input = &mut buffer[..wire.len()];
        input.copy_from_slice(&wire);
        let mut handshake = ServerHandshake::new(Default::default());
        let head = handshake.receive(&mut input).expect("no fault").expect("a whole head");
        let request = head.upgrade(OriginPolicy::Any).expect("a WebSocket");
        seen.see(&request.accept(&Acceptance::default()).expect("an answer"));
    })
}
