//! Peers that read slowly, or nothing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use sockless::handshake::OriginPolicy;
use sockless::{Cause, Config, Connection, Deadline, End, Timeouts};
use sockless_drivers::{blocking, echo, futures, readiness};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn serve_futures(listener: TcpListener) {
    smol::block_on(async {
        let stream = smol::net::TcpStream::try_from(listener.accept().unwrap().0).unwrap();
        let accepted = futures::accept(stream, OriginPolicy::Any, Config::default(), smol::Timer::after);
        let mut socket = accepted.await.unwrap().unwrap();
        while let Some((event, connection)) = socket.next().await {
            echo(connection, event);
        }
        let end = socket.end().unwrap();
        assert!(end.was_clean, "{end:?}");
    });
}

fn serve_readiness(listener: TcpListener) {
    let mut server = readiness::Server::new(listener).unwrap();
    let mut was_there = false;
    while !was_there || server.clients() > 0 {
        was_there |= server.clients() > 0;
        server.turn(Duration::from_secs(1), |_, connection, event| echo(connection, event)).unwrap();
    }
}

/// Between them the sockets hold a few thousand bytes.
fn sockets() -> io::Result<(TcpListener, TcpStream)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.set_send_buffer_size(4096)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(1)?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.set_recv_buffer_size(4096)?;
    client.connect(&listener.local_addr()?)?;
    Ok((listener.into(), client.into()))
}

/// What a thread has used, in hundredths of a second.
fn processor_time(thread: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("{thread}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// A peer that closes and ends its side: its end can be read again at once, for ever, while the answer waits for room.
/// (The blocking driver writes before it reads on.)
#[test]
fn s5_5_1_the_answer_waits_for_room_without_work() {
    if !std::path::Path::new("/proc/thread-self/stat").exists() {
        return;
    }
    for serve in [serve_futures, serve_readiness] {
        let (listener, mut client) = sockets().unwrap();
        let (say, said) = channel();
        let server = thread::spawn(move || named(&say, || serve(listener)));
        let thread = said.recv().unwrap();

        client.write_all(REQUEST).unwrap();
        let mut response = [0; 129];
        client.read_exact(&mut response).unwrap();
        assert!(response.ends_with(b"\r\n\r\n"));
        // At most 32 pongs wait, so everything is received.
        let mut pings = vec![0x89, 0xfd, 0, 0, 0, 0];
        pings.resize(6 + 125, 7);
        let pings = pings.repeat(1000);
        for _ in 0..20 {
            client.write_all(&pings).unwrap();
        }
        client.write_all(b"\x88\x80\0\0\0\0").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // Until it has received all of that, and is idle.
        let mut used = u64::MAX;
        for look in 0.. {
            let before = std::mem::replace(&mut used, processor_time(&thread));
            if used.abs_diff(before) < 25 {
                break;
            }
            assert!(look < 8, "it works as long as nobody reads");
            thread::sleep(Duration::from_secs(1));
        }
        let mut all = vec![];
        client.read_to_end(&mut all).unwrap();
        assert_eq!(all[all.len() - 2..], *b"\x88\x00");
        server.join().unwrap();
    }
}

/// A ping overtakes what no write was shown.
fn queue(connection: &mut Connection) {
    (0..64).for_each(|_| connection.binary(vec![7; 1 << 13]).unwrap());
}

#[test]
fn s5_5_2_who_reads_slowly_and_answers_pings_is_not_silent() {
    let wait = Some(Duration::from_millis(50));
    let timeouts = Timeouts { ping_interval: wait, pong: wait, ..Timeouts::DEFAULT };
    let config = Config::default().timeouts(timeouts);
    let by_blocking = move |listener: TcpListener| {
        let (mut stream, mut buffer) = (listener.accept().unwrap().0, vec![0; 4096]);
        let accepted = blocking::accept(&mut stream, &mut buffer, OriginPolicy::Any, config);
        let (mut connection, rest) = accepted.unwrap().unwrap();
        queue(&mut connection);
        blocking::drive(&mut stream, &mut connection, &mut buffer, rest, echo).unwrap()
    };
    let by_futures = move |listener: TcpListener| {
        smol::block_on(async {
            let stream = smol::net::TcpStream::try_from(listener.accept().unwrap().0).unwrap();
            let accepted = futures::accept(stream, OriginPolicy::Any, config, smol::Timer::after);
            let mut socket = accepted.await.unwrap().unwrap();
            queue(socket.connection());
            while let Some((event, connection)) = socket.next().await {
                echo(connection, event);
            }
            socket.end().unwrap()
        })
    };
    let servers: [Box<dyn FnOnce(TcpListener) -> End + Send>; 2] =
        [Box::new(by_blocking), Box::new(by_futures)];
    for serve in servers {
        let (listener, mut client) = sockets().unwrap();
        let server = thread::spawn(move || serve(listener));
        client.write_all(REQUEST).unwrap();
        let mut response = [0; 129];
        client.read_exact(&mut response).unwrap();
        let mut part = vec![0; 1 << 13];
        for _ in 0..64 {
            thread::sleep(Duration::from_millis(15));
            client.read_exact(&mut part).unwrap();
            client.write_all(b"\x8a\x80\0\0\0\0").unwrap();
        }
        client.write_all(b"\x88\x80\0\0\0\0").unwrap();
        client.read_to_end(&mut part).unwrap();
        drop(client);
        let end = server.join().unwrap();
        assert!(end.was_clean, "{end:?}");
    }
}

#[test]
fn a_flush_ends_with_the_connection() {
    let wait = Some(Duration::from_millis(50));
    let timeouts = Timeouts { output: wait, ..Timeouts::NONE };
    let (listener, mut client) = sockets().unwrap();
    client.write_all(REQUEST).unwrap();
    let end = smol::block_on(async {
        let stream = smol::net::TcpStream::try_from(listener.accept().unwrap().0).unwrap();
        let config = Config::default().timeouts(timeouts);
        let accepted = futures::accept(stream, OriginPolicy::Any, config, smol::Timer::after);
        let mut socket = accepted.await.unwrap().unwrap();
        socket.connection().binary(vec![7; 1 << 24]).unwrap();
        socket.flush().await;
        assert!(socket.next().await.is_none());
        socket.end().unwrap()
    });
    assert_eq!(end.cause, Cause::TimedOut(Deadline::Output));
}

/// Says which thread this is, as a folder.
fn named(say: &Sender<String>, run: impl FnOnce()) {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    say.send(format!("/proc/{}", thread.display())).unwrap();
    run();
}
