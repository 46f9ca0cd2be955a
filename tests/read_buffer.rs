//! `ReadBuffer`: a driver that returns events from a loop over its own buffer, on stable Rust.
#![allow(clippy::cast_possible_truncation)] // small numbers
#![cfg(feature = "alloc")]

mod support;

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use sockless::{Config, Connection, Delivery, Event, ProtocolError, ReadBuffer, Role};
use support::run::Cuts;
use support::subject::{Seen, drain, frames, from_peer};

/// Runs a future that is woken by nobody: it is polled until it is ready.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// A toy socket: gives its bytes in random pieces, and is not ready every other time.
struct Reader {
    bytes: Vec<u8>,
    cuts: Cuts,
    ready: bool,
}

struct Read<'a>(&'a mut Reader, &'a mut [u8]);

impl Future for Read<'_> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<usize> {
        let Read(reader, into) = self.get_mut();
        reader.ready = !reader.ready;
        if !reader.ready {
            return Poll::Pending;
        }
        assert!(!into.is_empty(), "a read into nothing looks like the end");
        let len = (1 + reader.cuts.next() as usize % 7).min(into.len()).min(reader.bytes.len());
        into[..len].copy_from_slice(&reader.bytes[..len]);
        reader.bytes.drain(..len);
        Poll::Ready(len)
    }
}

struct Driver {
    connection: Connection,
    buffer: ReadBuffer,
    reader: Reader,
}

impl Driver {
    fn new(delivery: Delivery, buffer: ReadBuffer, bytes: Vec<u8>, seed: u64) -> Driver {
        let connection = Connection::server(Config::default().delivery(delivery));
        Driver { connection, buffer, reader: Reader { bytes, cuts: Cuts(seed), ready: false } }
    }

    /// What the borrow checker refuses without `step` and `lend`.
    async fn next_ref(&mut self) -> Result<Option<Event<'_>>, ProtocolError> {
        loop {
            if let Some(step) = self.buffer.step(&mut self.connection)? {
                return Ok(Some(self.buffer.lend(step)));
            }
            match Read(&mut self.reader, self.buffer.space()).await {
                0 => {
                    self.connection.receive_eof();
                    return Ok(None);
                }
                len => self.buffer.filled(len),
            }
        }
    }

    async fn all(&mut self) -> (Vec<Seen>, Option<ProtocolError>) {
        let mut events: Vec<Seen> = vec![];
        let mut whole = true;
        loop {
            let event = match self.next_ref().await {
                Ok(Some(event)) => event,
                Ok(None) => return (events, None),
                Err(fault) => return (events, Some(fault)),
            };
            let joins = !whole;
            let (seen, last) = match event {
                Event::Text { text, last, .. } => (Seen::Text(text.into_string()), last),
                Event::Binary { data, last, .. } => (Seen::Binary(data.into_vec()), last),
                Event::Ping(data) => (Seen::Ping(data.into_vec()), true),
                Event::Pong(data) => (Seen::Pong(data.into_vec()), true),
                Event::Close { code, reason } => {
                    (Seen::Close(code.map(|code| code.value()), reason.into_string()), true)
                }
            };
            whole = last;
            match (joins, events.last_mut(), seen) {
                (true, Some(Seen::Text(earlier)), Seen::Text(text)) => earlier.push_str(&text),
                (true, Some(Seen::Binary(earlier)), Seen::Binary(data)) => earlier.extend(data),
                (_, _, seen) => events.push(seen),
            }
        }
    }
}

fn wire() -> Vec<u8> {
    [
        from_peer(Role::Server, 0x81, "zwölf Boxkämpfer 🥊".as_bytes()),
        from_peer(Role::Server, 0x89, b"?"),
        from_peer(Role::Server, 0x82, &[5; 300]),
        from_peer(Role::Server, 0x81, b""),
        from_peer(Role::Server, 0x8a, b""),
        from_peer(Role::Server, 0x01, b"in "),
        from_peer(Role::Server, 0x80, b"two"),
        from_peer(Role::Server, 0x88, b"\x03\xe8bye"),
    ]
    .concat()
}

fn events() -> Vec<Seen> {
    vec![
        Seen::Text("zwölf Boxkämpfer 🥊".into()),
        Seen::Ping(b"?".to_vec()),
        Seen::Binary(vec![5; 300]),
        Seen::Text(String::new()),
        Seen::Pong(vec![]),
        Seen::Text("in two".into()),
        Seen::Close(Some(1000), "bye".into()),
    ]
}

#[test]
fn an_async_driver_returns_borrowed_events_from_its_own_buffer() {
    for delivery in [Delivery::Messages, Delivery::Parts] {
        for capacity in [0, 1, 2, 5, 64, 4096] {
            for seed in 0..20 {
                let mut driver = Driver::new(delivery, ReadBuffer::new(capacity), wire(), seed);
                let (seen, fault) = block_on(driver.all());
                assert_eq!((seen, fault), (events(), None), "{delivery:?} {capacity} {seed}");
                let opcodes: Vec<_> = frames(Role::Server, &drain(&mut driver.connection));
                assert_eq!(opcodes.iter().map(|frame| frame.opcode).collect::<Vec<_>>(), [10, 8]);
                assert!(driver.connection.end().is_some_and(|end| end.was_clean));
            }
        }
    }
}

#[test]
fn what_came_behind_the_handshake_comes_first() {
    let wire = wire();
    for at in [0, 1, 30, wire.len()] {
        let (rest, later) = wire.split_at(at);
        let buffer = ReadBuffer::with_rest(8, rest);
        let mut driver = Driver::new(Delivery::Messages, buffer, later.to_vec(), 1);
        assert_eq!(block_on(driver.all()), (events(), None), "{at}");
    }
}

#[test]
fn a_fault_comes_behind_the_events_before_it_and_sticks() {
    let bytes = [from_peer(Role::Server, 0x81, b"good"), from_peer(Role::Server, 0x83, b"")].concat();
    let mut driver = Driver::new(Delivery::Messages, ReadBuffer::new(64), bytes, 1);
    let expected = (vec![Seen::Text("good".into())], Some(ProtocolError::ReservedOpcode));
    assert_eq!(block_on(driver.all()), expected);
    assert_eq!(block_on(driver.all()), (vec![], Some(ProtocolError::ReservedOpcode)));
}

#[test]
fn an_event_that_lies_in_the_buffer_is_lent_and_may_be_changed() {
    let mut buffer = ReadBuffer::with_rest(64, &from_peer(Role::Server, 0x82, b"abc"));
    let mut connection = Connection::server(Config::default());
    let step = buffer.step(&mut connection).unwrap().expect("a step");
    let Event::Binary { mut data, first: true, last: true } = buffer.lend(step) else { panic!("no data") };
    assert!(data.is_lent());
    data.reverse();
    connection.binary(data).unwrap();
    assert_eq!(drain(&mut connection), b"\x82\x03cba");
    assert!(buffer.step(&mut connection).unwrap().is_none());
    assert_eq!(buffer.space().len(), 64, "all of it once everything was decoded");
}

#[test]
fn more_than_there_was_space_for_counts_as_all() {
    let mut buffer = ReadBuffer::new(4);
    buffer.space().copy_from_slice(&from_peer(Role::Client, 0x82, b"ab"));
    buffer.filled(usize::MAX);
    assert!(buffer.space().is_empty());
    let mut connection = support::subject::connection(Role::Client, Config::default());
    let step = buffer.step(&mut connection).unwrap().expect("a step");
    assert!(matches!(buffer.lend(step), Event::Binary { data, .. } if *data == *b"ab"));
}

#[test]
fn there_is_space_behind_a_fault() {
    let mut connection = Connection::server(Config::default());
    let mut buffer = ReadBuffer::new(16);
    // An unmasked frame, and more behind it than is looked at.
    buffer.space().copy_from_slice(&[0x01; 16]);
    buffer.filled(16);
    assert_eq!(buffer.step(&mut connection).unwrap_err(), ProtocolError::UnmaskedFrame);
    assert_eq!(buffer.space().len(), 16, "to read on until the peer ends");
}

#[cfg(feature = "deflate")]
#[test]
fn a_step_with_a_pool_inflates_with_what_the_pool_has() {
    use sockless::DeflatePool;
    use sockless::handshake::PermessageDeflate;
    let agreed = PermessageDeflate::default().no_context_takeover().agreed();
    for (inflaters, expected) in [(1, None), (0, Some(ProtocolError::InflatersExhausted))] {
        let mut connection = Connection::server(Config::default()).with_deflate(agreed);
        // "Hello", compressed.
        let wire = b"\xc1\x87\x37\xfa\x21\x3d\xc5\xb2\xec\xf4\xfe\xfd\x21";
        let mut buffer = ReadBuffer::with_rest(100, wire);
        let mut pool = DeflatePool::new(inflaters);
        match buffer.step_with(&mut connection, &mut pool) {
            Ok(Some(step)) => {
                assert!(matches!(buffer.lend(step), Event::Text { text, .. } if &*text == "Hello"));
                assert!(matches!(buffer.step_with(&mut connection, &mut pool), Ok(None)));
                assert_eq!(expected, None);
            }
            Ok(None) => panic!("nothing"),
            Err(fault) => assert_eq!(Some(fault), expected),
        }
    }
}
