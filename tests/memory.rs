//! What a connection weighs: sizes, and the heap under a counting allocator.

#[path = "support/heap.rs"]
mod heap;

use std::sync::Arc;

use bytes::Buf;
use heap::{during, held};
use sockless::{Config, Connection, Decoder, Event, Keys, Moment, ProtocolError, Signal, Timeouts};

/// Bounds for pointers of 64 bits; with smaller ones all is smaller.
#[test]
fn sizes() {
    let sizes = [
        ("Connection", size_of::<Connection>(), 128),
        ("Decoder", size_of::<Decoder>(), 64),
        ("Option<Event>", size_of::<Option<Event<'_>>>(), 32),
        ("Result<Option<Event>, ProtocolError>", size_of::<Result<Option<Event<'_>>, ProtocolError>>(), 32),
        ("ProtocolError", size_of::<ProtocolError>(), 1),
        ("Signal", size_of::<Signal>(), 136),
    ];
    for (name, size, most) in sizes {
        println!("{name}: {size} bytes");
        assert!(size <= most, "{name} has {size} bytes, more than {most}");
    }
}

/// Feeds and drains a server's connection: a whole message, a torn one, a torn ping, a fragmented send.
fn traffic(connection: &mut Connection) {
    let mut written = Vec::new();
    for read in [&b"\x82\x83\0\0\0\0abc"[..], b"\x81\x85\0\0\0\0He", b"llo\x89\x84\0\0", b"\0\0pi", b"ng"] {
        let mut read = read.to_vec();
        let mut input = &mut read[..];
        while let Some(event) = connection.receive(&mut input).unwrap() {
            match event {
                Event::Text { text, .. } => connection.text(text).unwrap(),
                Event::Binary { data, .. } => connection.binary(data).unwrap(),
                _ => {}
            }
        }
    }
    connection.begin_text("a").unwrap();
    connection.finish(vec![b'b'; 5000]).unwrap();
    while connection.queued() > 0 {
        let mut output = connection.output();
        written.extend_from_slice(output.chunk());
        let len = output.chunk().len();
        output.advance(len);
    }
    // The pong goes before data that nobody has seen.
    assert!(written.starts_with(b"\x8a\x04ping\x82\x03abc\x81\x05Hello\x01\x01a\x80\x7e"));
}

#[test]
fn an_idle_connection_owns_no_heap() {
    let config = Arc::new(Config::default());
    let before = held();
    let mut connection = Connection::server(Arc::clone(&config));
    assert_eq!(held() - before, 0, "a new one");
    traffic(&mut connection);
    connection.poll_timeout(Moment::ORIGIN);
    connection.release();
    assert_eq!(held() - before, 0, "after traffic, a torn ping and a release");
    println!("idle server connection: {} bytes, {} on the heap", size_of::<Connection>(), held() - before);
}

#[cfg(feature = "hixie")]
#[test]
fn an_idle_connection_of_an_older_dialect_owns_no_heap() {
    use sockless::hixie::{Connection, Dialect, InvalidText};
    let config = Arc::new(Config::default());
    let before = held();
    let mut connection = Connection::server(Dialect::Hixie76, Arc::clone(&config), InvalidText::Replace);
    assert_eq!(held() - before, 0, "a new one");
    connection.text("there").unwrap();
    connection.release();
    assert_eq!(connection.output().chunk(), b"\0there\xff", "what is queued is kept");
    connection.output().advance(7);
    connection.release();
    assert_eq!(held() - before, 0, "after traffic and a release");
}

#[test]
fn silence_releases_the_queue() {
    let config = Arc::new(Config::default());
    let before = held();
    let mut connection = Connection::server(Arc::clone(&config));
    traffic(&mut connection);
    let busy = held() - before;
    let silent = connection.poll_timeout(Moment::ORIGIN).unwrap();
    connection.handle_timeout(silent);
    assert_eq!(connection.output().chunk(), b"\x89\0", "a ping");
    connection.output().advance(2);
    assert!(held() - before < busy, "{} bytes of {busy} are still held", held() - before);
}

#[test]
fn an_empty_queue_keeps_64_kib_at_most() {
    // The longest header is reserved with each payload.
    for (len, kept) in [(100, true), ((64 << 10) - 14, true), ((64 << 10) - 13, false), (1 << 20, false)] {
        let mut connection = Connection::server(Config::default());
        let payload = vec![1; len];
        let mut send = || {
            let asked = during(|| connection.binary(payload.as_slice()).unwrap()).1.asked;
            connection.output().advance(usize::MAX);
            asked
        };
        assert!(send() > 0);
        assert_eq!(send() == 0, kept, "{len}");
    }
}

#[test]
fn a_clients_heap_is_its_keys() {
    let config = Arc::new(Config::default().timeouts(Timeouts::NONE));
    let before = held();
    let connection = Connection::client(Arc::clone(&config), Keys::from_seed([1; 32]));
    let keys = held() - before;
    assert_eq!(keys, size_of::<Keys>() as isize);
    drop(connection);
    assert_eq!(held(), before);
}

#[test]
fn nothing_is_left_behind() {
    let before = held();
    let mut connection = Connection::server(Config::default());
    traffic(&mut connection);
    connection.text(vec![b'x'; 10_000].as_slice()).unwrap();
    drop(connection);
    assert_eq!(held(), before);
}
