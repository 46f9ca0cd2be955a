//! Peers that mean ill, or went away: each costs its own connection, and leaves no task and no socket behind.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::{Acceptance, HandshakeLimits, OriginPolicy};
use sockless_tokio::sockless::{Cause, Config, Deadline, ProtocolError, Timeouts};
use sockless_tokio::{Dialled, Error, Incoming, Message, WebSocketStream, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const SOON: Duration = Duration::from_secs(1);

/// Peers of each kind.
const MANY: usize = 20;

/// An echo server with short deadlines, and how each of its connections ended.
async fn server() -> (std::net::SocketAddr, mpsc::UnboundedReceiver<Result<(), Error>>) {
    // With little room in the system, so that a peer that does not read is soon noticed.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1024).unwrap();
    let address = listener.local_addr().unwrap();
    let (ends, ended) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let ends = ends.clone();
            tokio::spawn(async move { ends.send(echo(stream).await) });
        }
    });
    (address, ended)
}

async fn echo(stream: TcpStream) -> Result<(), Error> {
    let limits = HandshakeLimits { time: SOON, ..HandshakeLimits::default() };
    let incoming = Incoming::read_within(stream, limits).await?;
    let timeouts = Timeouts {
        ping_interval: Some(SOON),
        pong: Some(SOON),
        idle: None,
        output: Some(SOON),
        close: Some(SOON),
    };
    let config = Config::default().timeouts(timeouts);
    let mut socket = incoming.accept(OriginPolicy::Any, &Acceptance::default(), config).await?;
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_data() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn opened(address: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = [0; 129];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101") && answer.ends_with(b"\r\n\r\n"));
    stream
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// A server with one that behaves, and the descriptors and tasks that this takes.
struct Trial {
    address: std::net::SocketAddr,
    ended: mpsc::UnboundedReceiver<Result<(), Error>>,
    witness: tokio::task::JoinHandle<()>,
    before: (usize, usize),
}

impl Trial {
    async fn begin() -> Trial {
        let (address, ended) = server().await;
        let witness = tokio::spawn(behave(connect(&format!("ws://{address}/")).await.unwrap()));
        Trial { address, ended, witness, before: (descriptors(), tasks()) }
    }

    /// Runs many peers of a kind at once, checks the end that each one's connection came to, and that all is as before.
    async fn all<F>(
        &mut self,
        peer: impl Fn(std::net::SocketAddr) -> F,
        right: impl Fn(&Result<(), Error>) -> bool,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let peers: Vec<_> = (0..MANY).map(|_| tokio::spawn(peer(self.address))).collect();
        for _ in 0..MANY {
            let end = tokio::time::timeout(Duration::from_secs(20), self.ended.recv()).await;
            let end = end.expect("an end").unwrap();
            assert!(right(&end), "{end:?}");
        }
        for peer in peers {
            peer.abort();
            let _ = peer.await;
        }
        let started = Instant::now();
        while (descriptors(), tasks()) != self.before && started.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((descriptors(), tasks()), self.before, "descriptors and tasks");
        assert!(!self.witness.is_finished(), "somebody else was served all the while");
    }
}

/// One that behaves.
async fn behave(mut witness: WebSocketStream<Dialled>) {
    loop {
        witness.send(Message::text("still there")).await.unwrap();
        while witness.next().await.unwrap().unwrap() != Message::text("still there") {}
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn forever() {
    std::future::pending().await
}

// One test, since the descriptors are the process's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_peers_leave_nothing_behind() {
    let mut trial = Trial::begin().await;
    // Never finishes its handshake.
    trial
        .all(
            async |address| {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&REQUEST[..40]).await.unwrap();
                forever().await
            },
            |end| matches!(end, Err(Error::Refused(_))),
        )
        .await;
    // Goes away in the middle of its handshake.
    trial
        .all(
            async |address| {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&REQUEST[..40]).await.unwrap();
            },
            |end| matches!(end, Err(Error::Refused(_) | Error::Io(_))),
        )
        .await;
    // Resets an open connection.
    trial
        .all(
            async |address| {
                let stream = opened(address).await;
                stream.set_zero_linger().unwrap();
            },
            |end| matches!(end, Err(Error::Io(_))),
        )
        .await;
    // Ends its side without a Close, and holds the other open.
    trial
        .all(
            async |address| {
                let mut stream = opened(address).await;
                stream.shutdown().await.unwrap();
                forever().await
            },
            |end| matches!(end, Err(Error::Ended(end)) if end.code.value() == 1006),
        )
        .await;
    // Says nothing, answers no ping.
    trial
        .all(
            async |address| {
                let _stream = opened(address).await;
                forever().await
            },
            |end| matches!(end, Err(Error::Ended(end)) if end.cause == Cause::TimedOut(Deadline::Pong)),
        )
        .await;
    // Has much to say and reads none of the answers.
    trial
        .all(
            async |address| {
                let mut stream = opened(address).await;
                let mut frame = vec![0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0];
                frame.resize(8 + 0xffff, 7);
                while stream.write_all(&frame).await.is_ok() {}
                forever().await
            },
            |end| matches!(end, Err(Error::Ended(end)) if end.cause == Cause::TimedOut(Deadline::Output)),
        )
        .await;
    // Floods with pings and reads none of the pongs.
    trial
        .all(
            async |address| {
                let mut stream = opened(address).await;
                let mut ping = vec![0x89, 0x80 | 125, 0, 0, 0, 0];
                ping.resize(6 + 125, 7);
                let pings = ping.repeat(100);
                while stream.write_all(&pings).await.is_ok() {}
                forever().await
            },
            |end| matches!(end, Err(Error::Ended(end)) if end.cause == Cause::TimedOut(Deadline::Output)),
        )
        .await;
    // Breaks a rule, and never reads why nor ends.
    trial.all(
        async |address| {
            let mut stream = opened(address).await;
            stream.write_all(b"\x81\x02hi").await.unwrap();
            forever().await
        },
        |end| {
            matches!(end, Err(Error::Ended(end)) if end.cause == Cause::Failed(ProtocolError::UnmaskedFrame))
        },
    )
    .await;
}
