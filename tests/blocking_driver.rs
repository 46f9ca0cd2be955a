//! The driver of the examples, `examples/blocking`, between real sockets (RFC 6455 §7.1).
#![cfg(feature = "std")]

#[path = "../examples/blocking/mod.rs"]
mod blocking;

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use blocking::Socket;
use sockless::{Cause, CloseCode, Config, Connection, EndCode, Event, Keys, Transport};

/// More than two sockets hold between them.
const MESSAGES: usize = 40;
const MESSAGE: usize = 1 << 20;

fn streams() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn connections(config: Config) -> (Connection, Connection) {
    (Connection::client(config, Keys::from_seed([1; 32])), Connection::server(config))
}

/// Sends all of it at the first event, in the thread that reads, and closes when all of the peer's has come.
fn exchange(socket: &Socket) -> sockless::End {
    let (mut sent, mut received) = (false, 0);
    let end = socket.run(&mut [], |connection, event| {
        if !std::mem::replace(&mut sent, true) {
            for _ in 0..MESSAGES {
                connection.binary(vec![7; MESSAGE]).unwrap();
            }
        }
        if let Event::Binary { data, .. } = event {
            received += data.len();
            if received == MESSAGES * MESSAGE {
                // The other's may come first.
                let _ = connection.close(Some(CloseCode::NORMAL), "");
            }
        }
    });
    assert_eq!(received, MESSAGES * MESSAGE);
    end.unwrap()
}

#[test]
fn s7_1_two_ends_that_send_at_once_do_not_wait_for_each_other() {
    let config = Config::default().high_water(2 * MESSAGES * MESSAGE);
    let ((client, server), (at_client, at_server)) = (streams(), connections(config));
    let (client, server) = (Socket::new(client, at_client), Socket::new(server, at_server));
    client.call(|connection| connection.ping(b"").unwrap());
    server.call(|connection| connection.ping(b"").unwrap());
    thread::scope(|scope| {
        let other = scope.spawn(|| exchange(&server));
        let ends = [exchange(&client), other.join().unwrap()];
        assert!(ends.iter().all(|end| end.was_clean), "{ends:?}");
    });
}

#[test]
fn s7_1_who_sends_from_another_thread_waits_for_room_and_the_end_is_told_at_once() {
    let ((client, server), (at_client, at_server)) = (streams(), connections(Config::default()));
    let (client, server) = (Socket::new(client, at_client), Socket::new(server, at_server));
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..MESSAGES {
                client.with(|connection| connection.binary(vec![7; MESSAGE]).unwrap());
                assert!(client.call(|connection| connection.has_room()), "who has sent waits for room");
            }
            client.with(|connection| connection.close(Some(CloseCode::NORMAL), "").unwrap());
        });
        let other = scope.spawn(|| {
            let mut received = 0;
            let end = server.run(&mut [], |_, event| {
                if let Event::Binary { data, .. } = event {
                    received += data.len();
                }
            });
            (end.unwrap(), received)
        });
        let end = client.run(&mut [], |_, _| {}).unwrap();
        assert!(end.was_clean, "{end:?}");
        let (end, received) = other.join().unwrap();
        assert!(end.was_clean, "{end:?}");
        assert_eq!(received, MESSAGES * MESSAGE);
    });
    assert!(begun.elapsed() < Duration::from_secs(20), "nobody waited for a deadline");
    assert_eq!(client.call(|connection| connection.transport()), Transport::Close);
}

#[test]
fn s7_1_4_an_end_whose_close_was_not_written_is_not_clean() {
    for writable in [true, false] {
        let ((client, mut server), (at_client, _)) = (streams(), connections(Config::default()));
        if !writable {
            client.shutdown(Shutdown::Write).unwrap();
        }
        server.write_all(b"\x88\x00").unwrap();
        drop(server);
        let end = Socket::new(client, at_client).run(&mut [], |_, _| {}).unwrap();
        assert_eq!((end.code, end.was_clean), (EndCode::NO_STATUS, writable));
    }
}

#[test]
fn s7_1_7_a_peer_that_cannot_be_written_to_is_not_listened_to_for_ever() {
    let ((client, mut server), (at_client, _)) = (streams(), connections(Config::default()));
    client.shutdown(Shutdown::Write).unwrap();
    thread::scope(|scope| {
        let ping = [&b"\x89\x64"[..], &[0; 100]].concat();
        scope.spawn(move || while server.write_all(&ping).is_ok() {});
        let client = Socket::new(client, at_client);
        let begun = Instant::now();
        // It sends faster than it is listened to.
        let end = client.run(&mut [], |_, _| thread::sleep(Duration::from_millis(1)));
        assert!(!end.unwrap().was_clean);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn s7_1_5_a_peer_that_goes_is_an_end() {
    let ((client, server), (at_client, _)) = (streams(), connections(Config::default()));
    drop(server);
    let end = Socket::new(client, at_client).run(&mut [], |_, _| {}).unwrap();
    assert_eq!((end.cause, end.was_clean), (Cause::TransportEnded, false));
}

#[test]
fn a_callback_that_panics_leaves_no_thread_behind() {
    let ((client, mut server), (at_client, _)) = (streams(), connections(Config::default()));
    server.write_all(b"\x89\x00").unwrap();
    let client = Socket::new(client, at_client);
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        client.run(&mut [], |_, _| panic!("in a callback"))
    }));
    assert!(run.is_err());
}
