//! Peers of every kind come and go, and no file descriptor is left behind. A program of its own: it counts all of them.

mod support;

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use sockless::Config;
use sockless::handshake::OriginPolicy;
use sockless_drivers::{blocking, echo, futures, readiness};
use support::{Client, exercise};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Good and bad ones, one after the other.
fn peers(connect: impl Fn() -> TcpStream) {
    for _ in 0..5 {
        exercise(connect());
        // Gone before and in the middle of the request, behind it, and with an answer that is never read.
        drop(connect());
        connect().write_all(b"GET / HT").unwrap();
        connect().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        drop(Client::open(connect()));
        let mut client = Client::open(connect());
        client.connection.binary(vec![0; 300_000]).unwrap();
        client.write();
        drop(client);
        // Half closed behind a fault.
        let mut client = Client::open(connect());
        client.stream.write_all(b"\xff\xff\xff\xff").unwrap();
        client.stream.shutdown(Shutdown::Write).unwrap();
        client.read(1);
    }
}

#[test]
fn no_socket_is_left_behind() {
    if !std::path::Path::new("/proc/self/fd").exists() {
        return;
    }
    let serve_blocking = |mut stream: TcpStream| {
        let mut buffer = vec![0; 4096];
        let policy = OriginPolicy::Any;
        if let Ok(Ok((mut connection, rest))) =
            blocking::accept(&mut stream, &mut buffer, policy, Config::default())
        {
            blocking::drive(&mut stream, &mut connection, &mut buffer, rest, echo).unwrap();
        }
    };
    let serve_futures = |stream: TcpStream| {
        smol::block_on(async {
            let stream = smol::net::TcpStream::try_from(stream).unwrap();
            let accepted = futures::accept(stream, OriginPolicy::Any, Config::default(), smol::Timer::after);
            if let Ok(Ok(mut socket)) = accepted.await {
                while let Some((event, connection)) = socket.next().await {
                    echo(connection, event);
                }
            }
        });
    };
    // What the runtime opens once is there before anything is counted.
    smol::block_on(smol::Timer::after(Duration::from_millis(1)));
    for serve in [serve_blocking as fn(TcpStream), serve_futures] {
        let before = descriptors();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = thread::spawn(move || {
            let servers: Vec<_> = (0..35)
                .map(|_| {
                    let stream = listener.accept().unwrap().0;
                    thread::spawn(move || serve(stream))
                })
                .collect();
            servers.into_iter().for_each(|server| server.join().unwrap());
        });
        peers(|| TcpStream::connect(address).unwrap());
        acceptor.join().unwrap();
        assert_eq!(descriptors(), before);
    }

    let before = descriptors();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut server = readiness::Server::new(listener).unwrap();
        let mut quiet = 0;
        while quiet < 3 {
            server.turn(Duration::from_millis(300), |_, connection, event| echo(connection, event)).unwrap();
            quiet = if server.clients() == 0 { quiet + 1 } else { 0 };
        }
        server.clients()
    });
    peers(|| TcpStream::connect(address).unwrap());
    assert_eq!(server.join().unwrap(), 0);
    assert_eq!(descriptors(), before);
}
