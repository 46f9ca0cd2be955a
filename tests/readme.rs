//! What the README says of defaults is what they are, and its loop goes from the first byte to a clean end.
#![cfg(feature = "std")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Buf;
use sockless::handshake::HandshakeLimits;
use sockless::{
    Cause, CloseCode, Config, Connection, End, Event, Limits, ProtocolError, Role, Timeouts, Transport,
};
use support::subject::from_peer;

const README: &str = include_str!("../README.md");

fn echo(mut stream: TcpStream, mut connection: Connection) -> Option<End> {
    let mut buffer = [0; 16 << 10];
    while write(&mut stream, &mut connection).is_ok() {
        match connection.transport() {
            Transport::Keep => {}
            Transport::ShutdownWrite => drop(stream.shutdown(Shutdown::Write)),
            Transport::Close | Transport::Abort => break,
        }
        // A reset is an end like any other.
        let mut input = match stream.read(&mut buffer) {
            Ok(0) | Err(_) => {
                connection.receive_eof();
                continue;
            }
            Ok(len) => &mut buffer[..len],
        };
        // A fault has queued its Close, and is the cause of the end.
        while let Ok(Some(event)) = connection.receive(&mut input) {
            match event {
                // Refused only behind our own Close, where nobody waits for it.
                Event::Text { text, .. } => drop(connection.text(text)),
                Event::Binary { data, .. } => drop(connection.binary(data)),
                _ => {} // pings and closes are answered already
            }
            if !connection.has_room() && write(&mut stream, &mut connection).is_err() {
                break;
            }
        }
    }
    connection.receive_eof();
    connection.end()
}

fn write(stream: &mut TcpStream, connection: &mut Connection) -> std::io::Result<()> {
    while connection.queued() > 0 {
        let written = stream.write(connection.output().chunk())?;
        connection.output().advance(written);
    }
    Ok(())
}

#[test]
fn the_loop_is_this_one() {
    let this = include_str!("readme.rs");
    let (_, listing) = README.split_once("```rust\nuse ").expect("a listing");
    let (_, listing) = listing.split_once("\n\nfn echo").expect("a function");
    let (listing, _) = listing.split_once("```").expect("its end");
    assert!(
        this.contains(&format!("\n\nfn echo{listing}")),
        "tests/readme.rs has another loop than README.md"
    );
}

/// A peer of the loop.
fn served(connection: Connection) -> (TcpStream, JoinHandle<End>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    // The server ends its side first (RFC 6455 §7.1.1): who waits for ours would wait for ever.
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (peer, std::thread::spawn(|| echo(stream, connection).expect("an end")))
}

/// What the loop answers to these bytes until it ends its side, and the end it reports.
fn played(wire: &[u8]) -> (Vec<u8>, End) {
    let (mut peer, server) = served(Connection::server(Config::default()));
    peer.write_all(wire).unwrap();
    let mut answer = vec![];
    peer.read_to_end(&mut answer).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    (answer, server.join().unwrap())
}

#[test]
fn the_loop_answers_a_ping_and_a_message_and_closes() {
    let peers = |first, payload: &[u8]| from_peer(Role::Server, first, payload);
    // All in one read: the pong waits before the message, which is as long as the limit allows.
    let longest = vec![7; 1 << 20];
    let wire = [peers(0x89, b"?"), peers(0x82, &longest), peers(0x81, b"x"), peers(0x88, &[0x03, 0xe8])];
    let (answer, end) = played(&wire.concat());
    let expected =
        [b"\x8a\x01?\x82\x7f\0\0\0\0\0\x10\0\0".to_vec(), longest, b"\x81\x01x\x88\x02\x03\xe8".to_vec()];
    assert!(answer == expected.concat(), "{} bytes: {:02x?}", answer.len(), &answer[..answer.len().min(40)]);
    assert_eq!((end.was_clean, end.code), (true, CloseCode::NORMAL.into()));
}

#[test]
fn the_loop_ends_after_a_fault() {
    // RFC 6455 §5.1: a client masks.
    let (answer, end) = played(b"\x81\x01x");
    assert_eq!(answer, b"\x88\x02\x03\xea");
    assert_eq!((end.was_clean, end.cause), (false, Cause::Failed(ProtocolError::UnmaskedFrame)));
}

#[test]
fn the_loop_reads_on_behind_its_own_close() {
    let mut connection = Connection::server(Config::default());
    connection.close(Some(CloseCode::GOING_AWAY), "").unwrap();
    let (mut peer, server) = served(connection);
    let wire =
        [from_peer(Role::Server, 0x81, b"it crossed"), from_peer(Role::Server, 0x88, &[0x03, 0xe9])].concat();
    peer.write_all(&wire).unwrap();
    let mut answer = vec![];
    peer.read_to_end(&mut answer).unwrap();
    drop(peer);
    let end = server.join().unwrap();
    assert_eq!(answer, b"\x88\x02\x03\xe9");
    assert_eq!((end.was_clean, end.code), (true, CloseCode::GOING_AWAY.into()));
}

#[test]
fn the_loop_ends_with_a_reset() {
    for (wire, clean) in
        [(from_peer(Role::Server, 0x88, &[0x03, 0xe8]), true), (from_peer(Role::Server, 0x89, b""), false)]
    {
        let (mut peer, server) = served(Connection::server(Config::default()));
        peer.write_all(&wire).unwrap();
        assert_eq!(peer.peek(&mut [0]).unwrap(), 1, "the answer");
        // What is closed with unread input resets.
        drop(peer);
        assert_eq!(server.join().unwrap().was_clean, clean);
    }
}

#[test]
fn the_table_of_limits_is_what_the_defaults_are() {
    let limits = Limits::default();
    assert_eq!(limits.frame, limits.message);
    let timeouts = Timeouts::default();
    assert_eq!(timeouts.idle, None);
    let seconds = |time: Option<core::time::Duration>| format!("{} s", time.expect("a deadline").as_secs());
    let handshake = HandshakeLimits::default();
    for row in [
        format!("| message, frame | {} MiB |", limits.message >> 20),
        format!(
            "| fragments in a message | {} (one for each {} bytes of the limit) |",
            limits.fragments,
            limits.message / u64::from(limits.fragments)
        ),
        format!("| output queued before `Full` | {} MiB |", Config::default().high_water >> 20),
        format!(
            "| ping after silence; answer to it | {}; {} |",
            seconds(timeouts.ping_interval),
            seconds(timeouts.pong)
        ),
        format!(
            "| output that does not move; closing | {}; {} |",
            seconds(timeouts.output),
            seconds(timeouts.close)
        ),
        format!(
            "| handshake: head, first line, fields, time | {} KiB, {} KiB, {}, {} |",
            handshake.head >> 10,
            handshake.line >> 10,
            handshake.fields,
            seconds(Some(handshake.time))
        ),
    ] {
        assert!(README.contains(&row), "not in README.md: {row}");
    }
}
