//! The driver of the examples, `examples/blocking`, between real sockets (RFC 6455 §7.1).
#![cfg(feature = "std")]

#[path = "../examples/blocking/mod.rs"]
mod blocking;

use std::io::{self, Write};
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

fn client_on(stream: TcpStream, config: Config) -> Socket {
    Socket::new(stream, Connection::client(config, Keys::from_seed([1; 32])))
}

fn pair(config: Config) -> (Socket, Socket) {
    let (client, server) = streams();
    (client_on(client, config), Socket::new(server, Connection::server(config)))
}

fn queue_messages(socket: &Socket, count: usize) {
    socket.call(|connection| (0..count).for_each(|_| connection.binary(vec![7; MESSAGE]).unwrap()));
}

/// What this thread has used, in hundredths of a second: nothing where that cannot be known.
fn processor_time() -> u64 {
    let Ok(stat) = std::fs::read_to_string("/proc/thread-self/stat") else { return 0 };
    // Behind the name, which may hold anything: the user's and the system's are the twelfth and the next.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
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
    let (client, server) = pair(config);
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
    let (client, server) = pair(Config::default());
    let begun = Instant::now();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let waited = (0..MESSAGES).all(|_| {
                client.with(|connection| connection.binary(vec![7; MESSAGE]).unwrap());
                client.call(|connection| connection.has_room())
            });
            client.with(|connection| connection.close(Some(CloseCode::NORMAL), "").unwrap());
            waited
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
        assert!(sender.join().unwrap(), "who has sent waits for room");
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
        let (client, mut server) = streams();
        if !writable {
            client.shutdown(Shutdown::Write).unwrap();
        }
        server.write_all(b"\x88\x00").unwrap();
        drop(server);
        let end = client_on(client, Config::default()).run(&mut [], |_, _| {}).unwrap();
        assert_eq!((end.code, end.was_clean), (EndCode::NO_STATUS, writable));
    }
}

#[test]
fn s7_1_4_a_peer_that_sends_nothing_more_is_sent_what_waits() {
    let (client, mut server) = streams();
    let client = client_on(client, Config::default().high_water(2 * MESSAGES * MESSAGE));
    queue_messages(&client, MESSAGES);
    server.write_all(b"\x88\x00").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    thread::scope(|scope| {
        let read = scope.spawn(move || {
            thread::sleep(Duration::from_secs(1));
            io::copy(&mut server, &mut io::sink()).unwrap()
        });
        let before = processor_time();
        let end = client.run(&mut [], |_, _| {}).unwrap();
        assert!(end.was_clean, "{end:?}");
        // An end that was read is there to be read again.
        let spent = processor_time() - before;
        assert!(spent < 40, "{spent} hundredths of a second of waiting were work");
        // A message's head and key are fourteen bytes, a Close without a body is six.
        assert_eq!(read.join().unwrap(), (MESSAGES * (14 + MESSAGE) + 6) as u64);
    });
}

#[test]
fn s7_1_7_a_peer_that_cannot_be_written_to_is_not_listened_to_for_ever() {
    let (client, mut server) = streams();
    client.shutdown(Shutdown::Write).unwrap();
    thread::scope(|scope| {
        let ping = [&b"\x89\x64"[..], &[0; 100]].concat();
        scope.spawn(move || while server.write_all(&ping).is_ok() {});
        let client = client_on(client, Config::default());
        let begun = Instant::now();
        // It sends faster than it is listened to.
        let end = client.run(&mut [], |_, _| thread::sleep(Duration::from_millis(1)));
        assert!(!end.unwrap().was_clean);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn s7_1_5_a_peer_that_goes_is_an_end() {
    let (client, server) = streams();
    drop(server);
    let end = client_on(client, Config::default()).run(&mut [], |_, _| {}).unwrap();
    assert_eq!((end.cause, end.was_clean), (Cause::TransportEnded, false));
}

#[test]
fn a_callback_that_panics_leaves_no_thread_behind() {
    // The thread that writes waits for something to write, and for a peer that does not read.
    for queued in [0, MESSAGES] {
        let (client, mut server) = streams();
        let client = client_on(client, Config::default().high_water(2 * MESSAGES * MESSAGE));
        queue_messages(&client, queued);
        server.write_all(b"\x8a\x00").unwrap();
        let begun = Instant::now();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            client.run(&mut [], |_, _| panic!("in a callback"))
        }));
        assert!(run.is_err());
        assert!(begun.elapsed() < Duration::from_secs(5), "{queued}: {:?}", begun.elapsed());
    }
}
