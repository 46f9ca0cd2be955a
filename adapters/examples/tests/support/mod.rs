//! A client that asks for everything a driver has to do.

use std::io::{Read, Write};

use bytes::Buf;
use sockless::handshake::{ClientHandshake, ClientRequest, Outcome};
use sockless::{CloseCode, Config, Connection, End, Event, Keys, Uri};

/// A WebSocket over a blocking stream, after the handshake.
pub struct Client<S> {
    pub stream: S,
    pub connection: Connection,
    buffer: Vec<u8>,
}

impl<S: Read + Write> Client<S> {
    /// Opens a WebSocket. The server sends nothing by itself.
    pub fn open(mut stream: S) -> Client<S> {
        let request = ClientRequest::new(Uri::parse("ws://localhost/echo").unwrap());
        let keys = Keys::from_seed([9; 32]);
        let mut handshake = ClientHandshake::new(&request, keys, Default::default()).unwrap();
        stream.write_all(handshake.request()).unwrap();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let len = stream.read(&mut buffer).unwrap();
            assert!(len > 0, "ended during the handshake");
            match handshake.receive(&mut &mut buffer[..len]).unwrap() {
                Some(Outcome::Established(established)) => {
                    return Client { stream, connection: established.open(Config::default()), buffer };
                }
                Some(Outcome::Refused(head)) => panic!("{head:?}"),
                None => {}
            }
        }
    }

    pub fn write(&mut self) {
        while self.connection.queued() > 0 {
            let len = self.stream.write(self.connection.output().chunk()).unwrap();
            self.connection.output().advance(len);
        }
        self.stream.flush().unwrap();
    }

    /// Reads until so many messages came back, or the end.
    pub fn read(&mut self, count: usize) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        while messages.len() < count {
            let len = self.stream.read(&mut self.buffer).unwrap_or(0);
            if len == 0 {
                self.connection.receive_eof();
                break;
            }
            let mut input = &mut self.buffer[..len];
            while let Some(event) = self.connection.receive(&mut input).unwrap() {
                match event {
                    Event::Text { text, .. } => messages.push(text.into_string().into_bytes()),
                    Event::Binary { data, .. } | Event::Pong(data) => messages.push(data.into_vec()),
                    Event::Ping(_) | Event::Close { .. } => {}
                }
            }
        }
        messages
    }

    /// Closes and gives the end, with both sides of the transport ended.
    pub fn close(&mut self) -> End {
        self.connection.close(Some(CloseCode::NORMAL), "done").unwrap();
        self.write();
        assert!(self.read(usize::MAX).is_empty());
        self.connection.end().unwrap()
    }
}

/// Short and long messages, many at once, a ping, and a closing handshake.
pub fn exercise<S: Read + Write>(stream: S) {
    let mut client = Client::open(stream);
    let long = vec![7; 200_000];
    client.connection.text("hello").unwrap();
    client.connection.binary(&long[..]).unwrap();
    client.connection.ping(b"there?").unwrap();
    for _ in 0..100 {
        client.connection.text("again").unwrap();
    }
    client.write();
    let back = client.read(103);
    assert_eq!(back.len(), 103);
    assert!(back.contains(&b"hello".to_vec()) && back.contains(&long) && back.contains(&b"there?".to_vec()));
    let end = client.close();
    assert!(end.was_clean, "{end:?}");
    assert_eq!(end.code, CloseCode::NORMAL.into());
}
