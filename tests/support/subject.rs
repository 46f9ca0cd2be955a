//! One view of everything that receives, so that each test holds for all of it.

use bytes::Buf;
use sockless::{
    CloseCode, Config, Connection, ControlPayload, Data, Delivery, End, Event, Keys, Moment, ProtocolError,
    Receiver, Role, SendError, Sender, Session, SessionEvent, Text, Transport,
};

use super::wire::{self, Frame};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Messages,
    Parts,
    Session,
    Split,
    /// With a pool to inflate and compress with.
    #[cfg(feature = "deflate")]
    Pooled,
}

pub const KINDS: [Kind; 4] = [Kind::Messages, Kind::Parts, Kind::Session, Kind::Split];
#[cfg(feature = "deflate")]
pub const DEFLATING: [Kind; 4] = [Kind::Messages, Kind::Parts, Kind::Split, Kind::Pooled];
pub const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// An event, parts joined into messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

#[derive(Debug)]
enum Machine {
    Whole(Box<Connection>),
    Session(Box<Session<'static>>),
    Split(Box<(Receiver, Sender)>),
    #[cfg(feature = "deflate")]
    Pooled(Box<(Connection, sockless::DeflatePool)>),
}

#[derive(Debug)]
pub struct Subject {
    pub role: Role,
    pub kind: Kind,
    pub events: Vec<Seen>,
    /// The error, and the index of the last byte fed when it was first reported.
    pub error: Option<(ProtocolError, usize)>,
    /// The parts of a message that is not whole, joined.
    pub partial: Option<Seen>,
    /// Whether output is collected as soon as it is there.
    pub eager: bool,
    machine: Machine,
    fed: usize,
    wire: Vec<u8>,
}

/// The keys of every client under test.
pub fn keys() -> Keys {
    Keys::from_seed([0x5a; 32])
}

/// Something that a session borrows, for good. Its address is noted, so that it does not count as a leak.
fn kept<T>(value: T) -> &'static mut T {
    static KEPT: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());
    let value = Box::leak(Box::new(value));
    KEPT.lock().unwrap().push(std::ptr::from_ref(value).addr());
    value
}

/// A connection of this role.
pub fn connection(role: Role, config: Config) -> Connection {
    match role {
        Role::Server => Connection::server(config),
        Role::Client => Connection::client(config, keys()),
    }
}

/// A frame as the peer of `role` sends it.
pub fn from_peer(role: Role, head: u8, payload: &[u8]) -> Vec<u8> {
    let key = (role == Role::Server).then_some([0x37, 0xfa, 0x21, 0x3d]);
    let (fin, rsv, opcode) = (head & 0x80 != 0, head >> 4 & 7, head & 0xf);
    Frame { fin, rsv, opcode, key, payload: payload.to_vec() }.encode()
}

/// The frames in bytes that `role` wrote: whole, and masked if and only if it is a client (RFC 6455 §5.1).
pub fn frames(role: Role, wire: &[u8]) -> Vec<Frame> {
    let unmasked = |frame: Frame| {
        assert_eq!(frame.key.is_some(), role == Role::Client, "the mask bit");
        Frame { key: None, ..frame }
    };
    wire::decode(wire).into_iter().map(unmasked).collect()
}

/// All that waits in a sender's queue.
pub fn drain(sender: &mut Sender) -> Vec<u8> {
    let mut wire = vec![];
    while sender.queued() > 0 {
        let mut output = sender.output();
        let len = output.chunk().len();
        wire.extend_from_slice(output.chunk());
        output.advance(len);
    }
    wire
}

impl Subject {
    pub fn new(kind: Kind, role: Role, config: Config) -> Subject {
        let config = match kind {
            Kind::Parts => config.delivery(Delivery::Parts),
            _ => config,
        };
        if kind != Kind::Session {
            return Subject::over(kind, role, connection(role, config));
        }
        let config = kept(config);
        let session = match role {
            Role::Server => Session::server(config),
            Role::Client => Session::client(config, kept(keys())),
        };
        Subject::of(kind, role, Machine::Session(Box::new(session)))
    }

    /// One whose messages may be compressed; no session can do that.
    #[cfg(feature = "deflate")]
    pub fn deflating(kind: Kind, role: Role, config: Config, agreed: sockless::handshake::Agreed) -> Subject {
        let config = match kind {
            Kind::Parts => config.delivery(Delivery::Parts),
            _ => config,
        };
        Subject::over(kind, role, connection(role, config).with_deflate(agreed))
    }

    fn over(kind: Kind, role: Role, connection: Connection) -> Subject {
        let machine = match kind {
            Kind::Split => Machine::Split(Box::new(connection.split())),
            #[cfg(feature = "deflate")]
            Kind::Pooled => Machine::Pooled(Box::new((connection, sockless::DeflatePool::new(1)))),
            _ => Machine::Whole(Box::new(connection)),
        };
        Subject::of(kind, role, machine)
    }

    fn of(kind: Kind, role: Role, machine: Machine) -> Subject {
        Subject {
            role,
            kind,
            events: vec![],
            error: None,
            partial: None,
            eager: true,
            machine,
            fed: 0,
            wire: vec![],
        }
    }

    /// Feeds `bytes` in pieces that end at each of `cuts` and at the end.
    pub fn feed_cut(&mut self, bytes: &[u8], cuts: &[usize]) {
        let mut start = 0;
        for &end in cuts.iter().chain([&bytes.len()]) {
            self.feed(&bytes[start..end]);
            start = end;
        }
    }

    /// Feeds these bytes at once.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.fed += bytes.len();
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        loop {
            match self.step(&mut input) {
                Ok(Some(_)) => assert!(self.error.is_none(), "an event behind an error"),
                Ok(None) => {
                    assert!(self.error.is_none(), "an error that did not stick");
                    assert!(input.is_empty(), "Ok(None) with input left");
                    break;
                }
                Err(fault) => {
                    let first = *self.error.get_or_insert((fault, self.fed.saturating_sub(1)));
                    assert_eq!(first.0, fault, "the first error is the one that sticks");
                    break;
                }
            }
        }
        if self.eager {
            self.drain();
        }
    }

    /// One call; its event, if it made one, is among [`Subject::events`] unless it is a part.
    pub fn step(&mut self, input: &mut &mut [u8]) -> Result<Option<()>, ProtocolError> {
        let messages = !matches!(self.kind, Kind::Parts | Kind::Session);
        let taken = match &mut self.machine {
            Machine::Whole(connection) => connection.receive(input)?.map(part),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.receive_with(input, &mut pooled.1)?.map(part),
            Machine::Split(halves) => {
                let received = halves.0.receive(input);
                if let Some(signal) = received.signal {
                    halves.1.signal(signal);
                }
                received.event?.map(part)
            }
            Machine::Session(session) => session.receive(input)?.map(session_part),
        };
        let Some((seen, ends)) = taken else { return Ok(None) };
        if let Some((first, last)) = ends {
            assert_eq!(first, self.partial.is_none(), "`first` says whether a message begins");
            assert!(!messages || first && last, "a message is whole");
        }
        self.join(seen, ends.is_none_or(|(_, last)| last), ends.is_none());
        // A session keeps one pong: it is asked for what it owes after each event.
        if self.eager && self.kind == Kind::Session {
            self.drain();
        }
        Ok(Some(()))
    }

    fn join(&mut self, seen: Seen, last: bool, control: bool) {
        if control {
            return self.events.push(seen);
        }
        let joined = match (self.partial.take(), seen) {
            (None, seen) => seen,
            (Some(Seen::Text(earlier)), Seen::Text(text)) => Seen::Text(earlier + &text),
            (Some(Seen::Binary(mut earlier)), Seen::Binary(data)) => {
                earlier.extend(data);
                Seen::Binary(earlier)
            }
            (earlier, seen) => panic!("{seen:?} does not go on with {earlier:?}"),
        };
        match last {
            true => self.events.push(joined),
            false => self.partial = Some(joined),
        }
    }

    pub fn eof(&mut self) {
        match &mut self.machine {
            Machine::Whole(connection) => connection.receive_eof(),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.receive_eof(),
            Machine::Session(session) => session.receive_eof(),
            Machine::Split(halves) => {
                let signal = halves.0.receive_eof();
                halves.1.signal(signal);
            }
        }
    }

    /// Collects all output that waits.
    pub fn drain(&mut self) {
        match &mut self.machine {
            Machine::Whole(connection) => self.wire.extend(drain(connection)),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => self.wire.extend(drain(&mut pooled.0)),
            Machine::Split(halves) => self.wire.extend(drain(&mut halves.1)),
            Machine::Session(session) => {
                let mut out = [0; 131];
                while session.owes() {
                    let len = session.owed(&mut out);
                    assert!(len > 0, "131 bytes are enough for one frame");
                    self.wire.extend_from_slice(&out[..len]);
                }
            }
        }
    }

    /// The bytes collected since this was last asked.
    pub fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire)
    }

    /// The frames collected since this was last asked.
    pub fn take_frames(&mut self) -> Vec<Frame> {
        frames(self.role, &self.take_written())
    }

    pub fn text(&mut self, text: &str) -> Result<(), SendError> {
        self.send(|sender| sender.text(text), |session, out| session.text(text, out))
    }

    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let payload = ControlPayload::new(payload)?;
        self.send(|sender| sender.ping(&payload), |session, out| session.ping(&payload, out))
    }

    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let payload = ControlPayload::new(payload)?;
        self.send(|sender| sender.pong(&payload), |session, out| session.pong(&payload, out))
    }

    pub fn close(&mut self, code: Option<u16>, reason: &str) -> Result<(), SendError> {
        let code = code.map(|code| CloseCode::new(code).expect("a code that may be sent"));
        self.send(|sender| sender.close(code, reason), |session, out| session.close(code, reason, out))
    }

    fn send(
        &mut self,
        queue: impl Fn(&mut Sender) -> Result<(), SendError>,
        write: impl Fn(&mut Session<'_>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let sent = match &mut self.machine {
            Machine::Whole(connection) => queue(connection),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => queue(&mut pooled.0),
            Machine::Split(halves) => queue(&mut halves.1),
            Machine::Session(session) => {
                let mut out = [0; 4096];
                write(session, &mut out).map(|len| self.wire.extend_from_slice(&out[..len]))
            }
        };
        if self.eager {
            self.drain();
        }
        sent
    }

    pub fn transport(&self) -> Transport {
        match &self.machine {
            Machine::Whole(connection) => connection.transport(),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.transport(),
            Machine::Session(session) => session.transport(),
            Machine::Split(halves) => halves.1.transport(),
        }
    }

    /// Whether output waits.
    pub fn waits(&self) -> bool {
        match &self.machine {
            Machine::Whole(connection) => connection.queued() > 0,
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.queued() > 0,
            Machine::Session(session) => session.owes(),
            Machine::Split(halves) => halves.1.queued() > 0,
        }
    }

    pub fn end(&mut self) -> Option<End> {
        match &mut self.machine {
            Machine::Whole(connection) => connection.end(),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.end(),
            Machine::Session(session) => session.end(),
            Machine::Split(halves) => halves.1.end(),
        }
    }

    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        match &mut self.machine {
            Machine::Whole(connection) => connection.poll_timeout(now),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.poll_timeout(now),
            Machine::Session(session) => session.poll_timeout(now),
            Machine::Split(halves) => halves.1.poll_timeout(now),
        }
    }

    pub fn timeout_stands(&self) -> bool {
        match &self.machine {
            Machine::Whole(connection) => connection.timeout_stands(),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.timeout_stands(),
            Machine::Session(session) => session.timeout_stands(),
            Machine::Split(halves) => halves.1.timeout_stands(),
        }
    }

    pub fn handle_timeout(&mut self, now: Moment) {
        match &mut self.machine {
            Machine::Whole(connection) => connection.handle_timeout(now),
            #[cfg(feature = "deflate")]
            Machine::Pooled(pooled) => pooled.0.handle_timeout(now),
            Machine::Session(session) => session.handle_timeout(now),
            Machine::Split(halves) => halves.1.handle_timeout(now),
        }
        if self.eager {
            self.drain();
        }
    }
}

type Taken = (Seen, Option<(bool, bool)>);

fn part(event: Event<'_>) -> Taken {
    match event {
        Event::Text { text, first, last } => (seen_text(text), Some((first, last))),
        Event::Binary { data, first, last } => (seen_binary(data), Some((first, last))),
        Event::Ping(payload) => (Seen::Ping(payload.into_vec()), None),
        Event::Pong(payload) => (Seen::Pong(payload.into_vec()), None),
        Event::Close { code, reason } => seen_close(code, &reason),
    }
}

fn session_part(event: SessionEvent<'_>) -> Taken {
    match event {
        SessionEvent::Text { text, first, last } => (seen_text(text), Some((first, last))),
        SessionEvent::Binary { data, first, last } => (seen_binary(data), Some((first, last))),
        SessionEvent::Ping(payload) => (Seen::Ping(payload.to_vec()), None),
        SessionEvent::Pong(payload) => (Seen::Pong(payload.to_vec()), None),
        SessionEvent::Close { code, reason } => seen_close(code, reason.as_str()),
    }
}

fn seen_text(text: Text<'_>) -> Seen {
    Seen::Text(text.into_string())
}

fn seen_binary(data: Data<'_>) -> Seen {
    Seen::Binary(data.into_vec())
}

fn seen_close(code: Option<CloseCode>, reason: &str) -> Taken {
    (Seen::Close(code.map(CloseCode::value), reason.to_owned()), None)
}
