//! What is measured. Every workload looks at what it got before anything is timed or counted.

use std::hint::black_box;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use sockless::handshake::{Acceptance, OriginPolicy, ServerHandshake};
use sockless::{Config, Connection, Delivery, Event, Keys, Limits};

use crate::wire::{self, Kind, READ};

pub struct Workload {
    pub name: String,
    /// How many messages one run is.
    pub messages: usize,
    pub run: Box<dyn FnMut()>,
}

/// Output is taken away when this much is there, or nothing more is to be sent.
const BATCH: usize = 16 << 10;

pub fn all() -> Vec<Workload> {
    names().iter().filter_map(|name| named(name)).collect()
}

fn names() -> Vec<String> {
    let mut names = Vec::new();
    for kind in ["binary", "ascii", "cjk"] {
        names.extend(["16", "125", "1k", "16k"].map(|size| format!("receive-{kind}/{size}")));
    }
    names.extend(
        ["receive-torn/16k", "receive-torn/1m", "receive-parts/1m", "receive-single/16"].map(String::from),
    );
    names.extend(["16", "125", "1k", "16k"].map(|size| format!("send-copied/{size}")));
    names.extend(["1k", "16k", "1m"].map(|size| format!("send-shared/{size}")));
    names.extend(["16", "125", "1k", "16k"].map(|size| format!("send-masked/{size}")));
    names.extend(["16", "125", "1k", "16k"].map(|size| format!("echo/{size}")));
    names.extend(["fragments/1m", "handshake/525"].map(String::from));
    names
}

pub fn named(name: &str) -> Option<Workload> {
    let (what, size) = name.split_once('/')?;
    let size = match size.strip_suffix('k') {
        Some(size) => size.parse::<usize>().ok()? << 10,
        None if size == "1m" => 1 << 20,
        None => size.parse().ok()?,
    };
    // A frame of 16 KiB lies whole in its read.
    let read = if size == READ { READ + 8 } else { READ };
    let (messages, run) = match what {
        "receive-binary" => receive(Kind::Binary, size, read, Delivery::Messages),
        "receive-ascii" => receive(Kind::Ascii, size, read, Delivery::Messages),
        "receive-cjk" => receive(Kind::Cjk, size, read, Delivery::Messages),
        "receive-parts" => receive(Kind::Binary, size, READ, Delivery::Parts),
        "receive-single" => receive(Kind::Binary, size, size + 6, Delivery::Messages),
        "receive-torn" => receive(Kind::Binary, size, READ, Delivery::Messages),
        "send-copied" => send(Connection::server(config()), size),
        "send-masked" => send(Connection::client(config(), Keys::from_seed([7; 32])), size),
        "send-shared" => send_shared(size),
        "echo" => echo(size, read),
        "fragments" => fragments(size),
        "handshake" => handshake(size),
        _ => return None,
    };
    Some(Workload { name: name.into(), messages, run })
}

type Run = (usize, Box<dyn FnMut()>);

fn config() -> Config {
    Config::default().limits(Limits::UNLIMITED)
}

fn receive(kind: Kind, size: usize, read: usize, delivery: Delivery) -> Run {
    let messages = wire::count(size);
    let expected = wire::payload(kind, size);
    let wire = wire::messages(kind, size, messages);
    let mut connection = Connection::server(config().delivery(delivery));
    let mut buffer = vec![0; read];
    let mut got = Vec::new();
    feed(&mut connection, &wire, &mut buffer, |data, _| got.extend_from_slice(data));
    assert!(got == expected.repeat(messages));
    let run = move || {
        let mut ended = 0;
        feed(&mut connection, &wire, &mut buffer, |data, last| {
            black_box(data);
            ended += usize::from(last);
        });
        assert_eq!(ended, messages);
    };
    (messages, Box::new(run))
}

/// Receives the wire in reads of the buffer's size.
#[inline]
fn feed(connection: &mut Connection, wire: &[u8], buffer: &mut [u8], mut seen: impl FnMut(&[u8], bool)) {
    for read in wire.chunks(buffer.len()) {
        let mut input = &mut buffer[..read.len()];
        input.copy_from_slice(read);
        while let Some(event) = connection.receive(&mut input).expect("no fault") {
            match event {
                Event::Binary { data, last, .. } => seen(&data, last),
                Event::Text { text, last, .. } => seen(text.as_bytes(), last),
                _ => {}
            }
        }
    }
}

fn send(mut connection: Connection, size: usize) -> Run {
    let messages = wire::count(size);
    let payload = wire::payload(Kind::Binary, size);
    let run = move || {
        for _ in 0..messages {
            connection.binary(black_box(&payload)).expect("room");
            if connection.queued() >= BATCH {
                flush(&mut connection);
            }
        }
        flush(&mut connection);
    };
    (messages, Box::new(run))
}

fn send_shared(size: usize) -> Run {
    const MESSAGES: usize = 256;
    let payload = Bytes::from(wire::payload(Kind::Binary, size));
    let mut connection = Connection::server(config().high_water(usize::MAX).fragment(usize::MAX));
    let run = move || {
        for _ in 0..MESSAGES / 16 {
            for _ in 0..16 {
                connection.binary(black_box(&payload).clone()).expect("room");
            }
            while connection.queued() > 0 {
                let mut slices = [IoSlice::new(&[]); 32];
                let output = connection.output();
                let count = output.chunks_vectored(&mut slices);
                let written = black_box(&slices[..count]).iter().map(|slice| slice.len()).sum();
                connection.output().advance(written);
            }
        }
    };
    (MESSAGES, Box::new(run))
}

/// Looks at the output and lets it go.
#[inline]
fn flush(connection: &mut Connection) {
    while connection.queued() > 0 {
        let written = black_box(connection.output().chunk()).len();
        connection.output().advance(written);
    }
}

fn echo(size: usize, read: usize) -> Run {
    let messages = wire::count(size);
    let wire = wire::messages(Kind::Binary, size, messages);
    let mut expected = Vec::new();
    for _ in 0..messages {
        wire::frame(&mut expected, 0x82, None, &wire::payload(Kind::Binary, size));
    }
    let mut connection = Connection::server(config());
    let mut buffer = vec![0; read];
    let mut got = Vec::new();
    echo_all(&mut connection, &wire, &mut buffer, |output| got.extend_from_slice(output));
    assert!(got == expected);
    let run = move || {
        echo_all(&mut connection, &wire, &mut buffer, |output| {
            black_box(output);
        });
    };
    (messages, Box::new(run))
}

/// Receives the wire, sends every message back, and hands the output over at the end of each read.
#[inline]
fn echo_all(connection: &mut Connection, wire: &[u8], buffer: &mut [u8], mut write: impl FnMut(&[u8])) {
    for read in wire.chunks(buffer.len()) {
        let mut input = &mut buffer[..read.len()];
        input.copy_from_slice(read);
        while let Some(event) = connection.receive(&mut input).expect("no fault") {
            if let Event::Binary { data, .. } = event {
                assert!(connection.binary(data).is_ok());
            }
        }
        while connection.queued() > 0 {
            let output = connection.output();
            write(output.chunk());
            let written = output.chunk().len();
            connection.output().advance(written);
        }
    }
}

/// One message in 64 fragments with pings between them, in parts.
fn fragments(size: usize) -> Run {
    let wire = wire::fragmented(size, 64, true);
    let mut connection = Connection::server(config().delivery(Delivery::Parts));
    let mut buffer = vec![0; READ];
    let mut got = Vec::new();
    feed(&mut connection, &wire, &mut buffer, |data, _| got.extend_from_slice(data));
    assert!(got == wire::payload(Kind::Binary, size));
    flush(&mut connection);
    let run = move || {
        for read in wire.chunks(READ) {
            feed(&mut connection, read, &mut buffer, |data, _| {
                black_box(data);
            });
            flush(&mut connection);
        }
    };
    (1, Box::new(run))
}

/// A request read, judged and answered.
fn handshake(size: usize) -> Run {
    let request = wire::request();
    assert_eq!(request.len(), size);
    let mut buffer = vec![0; READ];
    let mut answer = move || {
        let mut input = &mut buffer[..request.len()];
        input.copy_from_slice(&request);
        let mut handshake = ServerHandshake::new(Default::default());
        let head = handshake.receive(&mut input).expect("no fault").expect("a whole head");
        let request = head.upgrade(OriginPolicy::SameHost).expect("a WebSocket");
        let subprotocol = request.choose_subprotocol(&["chat"]);
        request.accept(&Acceptance { subprotocol, ..Acceptance::default() }).expect("an answer")
    };
    let text = String::from_utf8(answer()).expect("text");
    assert!(text.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    (1, Box::new(move || drop(black_box(answer()))))
}
