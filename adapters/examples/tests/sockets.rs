//! The drivers that need sockets, each against the same client.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection, StreamOwned};
use sockless::handshake::{OriginPolicy, Refusal};
use sockless::{Cause, Config, Deadline, End, Event, Prepared, ProtocolError, Timeouts};
use sockless_drivers::{blocking, certificate, echo, futures, readiness};
use support::{Client, exercise};

/// Both ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Serves one connection with each of the drivers for one connection, and gives its end.
type Serve = fn(TcpStream, Config) -> Result<End, Refusal>;

fn serve_blocking(mut stream: TcpStream, config: Config) -> Result<End, Refusal> {
    let mut buffer = vec![0; 4096];
    let (mut connection, rest) =
        blocking::accept(&mut stream, &mut buffer, OriginPolicy::Any, config).unwrap()?;
    Ok(blocking::drive(&mut stream, &mut connection, &mut buffer, rest, echo).unwrap())
}

fn serve_futures(stream: TcpStream, config: Config) -> Result<End, Refusal> {
    smol::block_on(async {
        let stream = smol::net::TcpStream::try_from(stream).unwrap();
        let mut socket =
            futures::accept(stream, OriginPolicy::Any, config, smol::Timer::after).await.unwrap()?;
        while let Some((event, connection)) = socket.next().await {
            echo(connection, event);
        }
        Ok(socket.end().unwrap())
    })
}

const DRIVERS: [Serve; 2] = [serve_blocking, serve_futures];

#[test]
fn everything_comes_back_and_is_closed_in_good_order() {
    for serve in DRIVERS {
        let (near, far) = pair();
        let server = thread::spawn(move || serve(far, Config::default()));
        exercise(near);
        assert!(server.join().unwrap().unwrap().was_clean);
    }
}

#[test]
fn a_fault_is_told_to_the_peer_before_the_connection_ends() {
    for serve in DRIVERS {
        let (near, far) = pair();
        let server = thread::spawn(move || serve(far, Config::default()));
        let mut client = Client::open(near);
        // A frame without a mask, and much behind it that nobody reads any more.
        client.stream.write_all(b"\x81\x05Hello").unwrap();
        client.stream.write_all(&[0; 100_000]).unwrap();
        let mut answer = Vec::new();
        client.stream.shutdown(Shutdown::Write).unwrap();
        client.stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"\x88\x02\x03\xea");
        let end = server.join().unwrap().unwrap();
        assert_eq!(end.cause, Cause::Failed(ProtocolError::UnmaskedFrame));
    }
}

#[test]
fn a_peer_that_is_silent_is_pinged_and_given_up() {
    let timeouts = Timeouts {
        ping_interval: Some(Duration::from_millis(50)),
        pong: Some(Duration::from_millis(50)),
        ..Timeouts::NONE
    };
    for serve in DRIVERS {
        let (near, far) = pair();
        let server = thread::spawn(move || serve(far, Config::default().timeouts(timeouts)));
        let mut client = Client::open(near);
        let mut ping = [0; 2];
        client.stream.read_exact(&mut ping).unwrap();
        assert_eq!(&ping, b"\x89\0");
        assert_eq!(server.join().unwrap().unwrap().cause, Cause::TimedOut(Deadline::Pong));
    }
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let timeouts = Timeouts { output: Some(Duration::from_millis(300)), ..Timeouts::NONE };
    for serve in DRIVERS {
        let (near, far) = pair();
        let server = thread::spawn(move || serve(far, Config::default().timeouts(timeouts)));
        let mut client = Client::open(near);
        // More than the sockets hold; it never reads what comes back. At some point nothing more is taken of it.
        client.stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        for _ in 0..200 {
            client.connection.binary(vec![0; 100_000]).unwrap();
            let mut output = client.connection.output();
            let bytes = bytes::Buf::copy_to_bytes(&mut output, 200_000);
            if client.stream.write_all(&bytes).is_err() {
                break;
            }
        }
        assert_eq!(server.join().unwrap().unwrap().cause, Cause::TimedOut(Deadline::Output));
    }
}

#[test]
fn what_is_no_request_is_answered() {
    for serve in DRIVERS {
        let (mut near, far) = pair();
        let server = thread::spawn(move || serve(far, Config::default()));
        near.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = String::new();
        near.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert_eq!(server.join().unwrap().unwrap_err(), Refusal::UpgradeMissing);
    }
}

#[test]
fn one_thread_and_one_buffer_serve_many() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut server = readiness::Server::new(listener).unwrap();
        let mut most = 0;
        while most == 0 || server.clients() > 0 {
            server.turn(Duration::from_secs(10), |_, connection, event| echo(connection, event)).unwrap();
            most = most.max(server.clients());
        }
        most
    });
    let clients: Vec<_> = (0..20).map(|_| Client::open(TcpStream::connect(address).unwrap())).collect();
    let threads: Vec<_> =
        (0..5).map(|_| thread::spawn(move || exercise(TcpStream::connect(address).unwrap()))).collect();
    for client in threads {
        client.join().unwrap();
    }
    for mut client in clients {
        client.connection.text("still there?").unwrap();
        client.write();
        assert_eq!(client.read(1), [b"still there?"]);
        assert!(client.close().was_clean);
    }
    assert!(server.join().unwrap() >= 20);
}

#[test]
fn what_one_says_reaches_those_that_are_quiet() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut server = readiness::Server::new(listener).unwrap();
        let (mut members, mut said) = (vec![], vec![]);
        while members.is_empty() || server.clients() > 0 {
            server
                .turn(Duration::from_secs(10), |token, _, event| match event {
                    Event::Text { text, .. } if &*text == "here" => members.push(token),
                    Event::Text { text, .. } => said.push(Prepared::text(&*text).unwrap()),
                    _ => {}
                })
                .unwrap();
            for message in said.drain(..) {
                for &member in &members {
                    server.with(member, |connection| connection.prepared(&message).unwrap()).unwrap();
                }
            }
        }
    });
    let mut clients: Vec<_> = (0..3)
        .map(|_| {
            let mut client = Client::open(TcpStream::connect(address).unwrap());
            client.connection.text("here").unwrap();
            client.write();
            client
        })
        .collect();
    // Each is a member when its ping is answered.
    for client in &mut clients {
        client.connection.ping(b"").unwrap();
        client.write();
        assert_eq!(client.read(1), [b""]);
    }
    clients[0].connection.text("hello").unwrap();
    clients[0].write();
    for client in &mut clients {
        assert_eq!(client.read(1), [b"hello"]);
    }
    for mut client in clients {
        assert!(client.close().was_clean);
    }
    server.join().unwrap();
}

#[test]
fn tls_is_a_transport_as_any_other() {
    let (certificate, tls) = certificate::self_signed(&[]).unwrap();
    let (near, far) = pair();
    let server = thread::spawn(move || {
        let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), far);
        let mut buffer = vec![0; 4096];
        let policy = OriginPolicy::Any;
        let (mut connection, rest) =
            blocking::accept(&mut stream, &mut buffer, policy, Config::default()).unwrap().unwrap();
        blocking::drive(&mut stream, &mut connection, &mut buffer, rest, echo).unwrap()
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    exercise(StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), near));
    assert!(server.join().unwrap().was_clean);
}
