//! The futures of the `futures-io` driver are dropped at every poll, over a transport that takes and gives little.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use futures_io::{AsyncRead, AsyncWrite};
use sockless::{CloseCode, Config, Connection, Event, Keys, Timeouts};
use sockless_drivers::echo;
use sockless_drivers::futures::Socket;

/// Gives a byte and takes three, and every other time neither.
#[derive(Default)]
struct Trickle {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
    polls: usize,
    closed: bool,
}

impl Trickle {
    fn is_busy(&mut self) -> bool {
        self.polls += 1;
        self.polls % 2 == 1
    }
}

impl AsyncRead for Trickle {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        assert!(!buffer.is_empty(), "a read of nothing looks like an end");
        if self.is_busy() || (self.incoming.is_empty() && !self.closed) {
            return Poll::Pending;
        }
        let byte = self.incoming.pop_front();
        Poll::Ready(Ok(byte.map_or(0, |byte| {
            buffer[0] = byte;
            1
        })))
    }
}

impl AsyncWrite for Trickle {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_busy() {
            return Poll::Pending;
        }
        let len = bytes.len().min(3);
        self.outgoing.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_busy() {
            return Poll::Pending;
        }
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

#[test]
fn nothing_is_lost_or_doubled() {
    let mut client = Connection::client(Config::default(), Keys::from_seed([5; 32]));
    let sent: Vec<String> = (0..200).map(|number| format!("message {number}")).collect();
    for message in &sent {
        client.text(&**message).unwrap();
    }
    client.close(Some(CloseCode::NORMAL), "").unwrap();
    let len = client.queued();
    let mut transport = Trickle::default();
    transport.incoming.extend(client.output().copy_to_bytes(len));

    let server = Connection::server(Config::default().timeouts(Timeouts::NONE));
    let mut socket = Socket::new(transport, server, b"", |_| std::future::pending::<()>());
    let mut cx = Context::from_waker(Waker::noop());
    let mut dropped = 0;
    loop {
        // Each future lives for one poll. Writing and reading take turns.
        if pin!(socket.flush()).poll(&mut cx).is_pending() {
            dropped += 1;
        }
        match pin!(socket.next()).poll(&mut cx) {
            Poll::Pending => dropped += 1,
            Poll::Ready(Some((event, connection))) => echo(connection, event),
            Poll::Ready(None) => break,
        }
        assert!(dropped < 100_000, "never ends");
    }
    assert!(dropped > 1000);
    assert!(socket.end().unwrap().was_clean);

    let mut outgoing = std::mem::take(&mut socket.transport().outgoing);
    let (mut input, mut received) = (&mut outgoing[..], Vec::new());
    while let Some(event) = client.receive(&mut input).unwrap() {
        if let Event::Text { text, .. } = event {
            received.push(text.into_string());
        }
    }
    assert_eq!(received, sent);
}
