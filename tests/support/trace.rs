//! Everything observable of a receiver fed with some input, whichever of the crate's receivers it is.

use bytes::Buf;
use sockless::{
    Config, Connection, Delivery, Event, Keys, ProtocolError, Receiver, Role, Sender, Session, SessionEvent,
    Transport,
};

/// An event, lent or given alike, the parts of a message joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// What came out.
#[derive(Debug, PartialEq, Eq)]
pub struct Trace {
    pub seen: Vec<Seen>,
    /// The part of a message that was not finished, in parts delivery.
    pub rest: Option<Seen>,
    pub fault: Option<ProtocolError>,
    pub written: Vec<u8>,
    pub transport: Transport,
    pub end: String,
}

/// Which receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Messages,
    Parts,
    Split,
    Session,
}

pub const SUBJECTS: [Subject; 4] = [Subject::Messages, Subject::Parts, Subject::Split, Subject::Session];

pub const SEED: [u8; 32] = [7; 32];

pub fn connection(role: Role, config: Config) -> Connection {
    match role {
        Role::Server => Connection::server(config),
        Role::Client => Connection::client(config, Keys::from_seed(SEED)),
    }
}

/// Feeds `wire` cut at `cuts`, takes the output whenever `drain` more bytes were fed, and ends the transport.
pub fn run(subject: Subject, role: Role, config: Config, wire: &[u8], cuts: &[usize], drain: usize) -> Trace {
    let pieces = pieces(wire.len(), cuts, drain);
    match subject {
        Subject::Messages => {
            run_connection(connection(role, config.delivery(Delivery::Messages)), wire, &pieces)
        }
        Subject::Parts => run_connection(connection(role, config.delivery(Delivery::Parts)), wire, &pieces),
        Subject::Split => run_split(connection(role, config).split(), wire, &pieces),
        Subject::Session => run_session(role, &config, wire, &pieces),
    }
}

/// A run of the input, and whether the output is taken behind it.
type Piece = (std::ops::Range<usize>, bool);

fn pieces(len: usize, cuts: &[usize], drain: usize) -> Vec<Piece> {
    let drains = |at: usize| at > 0 && at.is_multiple_of(drain.max(1));
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (len + 1)).chain(1..=len).collect();
    ends.retain(|&at| at == len || drains(at) || cuts.iter().any(|cut| cut % (len + 1) == at));
    ends.sort_unstable();
    ends.dedup();
    let mut start = 0;
    ends.into_iter().map(|end| (std::mem::replace(&mut start, end)..end, drains(end))).collect()
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    open: Option<Seen>,
    fault: Option<ProtocolError>,
    written: Vec<u8>,
}

impl Log {
    fn text(&mut self, text: &str, first: bool, last: bool) {
        let mut open = match (first, self.open.take()) {
            (true, None) => String::new(),
            (false, Some(Seen::Text(open))) => open,
            (first, open) => panic!("first = {first} while {open:?} is open"),
        };
        open.push_str(text);
        self.put(Seen::Text(open), last);
    }

    fn binary(&mut self, data: &[u8], first: bool, last: bool) {
        let mut open = match (first, self.open.take()) {
            (true, None) => Vec::new(),
            (false, Some(Seen::Binary(open))) => open,
            (first, open) => panic!("first = {first} while {open:?} is open"),
        };
        open.extend_from_slice(data);
        self.put(Seen::Binary(open), last);
    }

    fn put(&mut self, message: Seen, last: bool) {
        match last {
            true => self.seen.push(message),
            false => self.open = Some(message),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text { text, first, last } => self.text(&text, first, last),
            Event::Binary { data, first, last } => self.binary(&data, first, last),
            Event::Ping(payload) => self.seen.push(Seen::Ping(payload.to_vec())),
            Event::Pong(payload) => self.seen.push(Seen::Pong(payload.to_vec())),
            Event::Close { code, reason } => {
                self.seen.push(Seen::Close(code.map(|code| code.value()), reason.to_string()));
            }
        }
    }

    fn fault(&mut self, fault: ProtocolError) {
        assert_eq!(*self.fault.get_or_insert(fault), fault, "the fault changed");
    }

    fn finish(self, transport: Transport, end: String) -> Trace {
        let Log { seen, open, fault, written } = self;
        Trace { seen, rest: open, fault, written, transport, end }
    }
}

/// Writes all that is queued, in runs as the queue shows them.
pub fn drain(sender: &mut Sender, written: &mut Vec<u8>) {
    let mut output = sender.output();
    while output.has_remaining() {
        let run = output.chunk().to_vec();
        written.extend_from_slice(&run);
        output.advance(run.len());
    }
}

fn run_connection(mut connection: Connection, wire: &[u8], pieces: &[Piece]) -> Trace {
    let mut log = Log::default();
    for (piece, drains) in pieces {
        let mut bytes = wire[piece.clone()].to_vec();
        let mut input = &mut bytes[..];
        loop {
            match connection.receive(&mut input) {
                Ok(Some(event)) => log.event(event),
                Ok(None) => break,
                Err(fault) => {
                    log.fault(fault);
                    break;
                }
            }
        }
        assert!(input.is_empty() || log.fault.is_some(), "input is left");
        if *drains {
            drain(&mut connection, &mut log.written);
        }
    }
    drain(&mut connection, &mut log.written);
    let transport = connection.transport();
    connection.receive_eof();
    let end = format!("{:?}", connection.end());
    assert_eq!(connection.end(), None, "the end is reported once");
    log.finish(transport, end)
}

fn run_split((mut receiver, mut sender): (Receiver, Sender), wire: &[u8], pieces: &[Piece]) -> Trace {
    let mut log = Log::default();
    for (piece, drains) in pieces {
        let mut bytes = wire[piece.clone()].to_vec();
        let mut input = &mut bytes[..];
        loop {
            let received = receiver.receive(&mut input);
            if let Some(signal) = received.signal {
                sender.signal(signal);
            }
            match received.event {
                Ok(Some(event)) => log.event(event),
                Ok(None) => break,
                Err(fault) => {
                    log.fault(fault);
                    break;
                }
            }
        }
        if *drains {
            drain(&mut sender, &mut log.written);
        }
    }
    drain(&mut sender, &mut log.written);
    let transport = sender.transport();
    sender.signal(receiver.receive_eof());
    let end = format!("{:?}", sender.end());
    log.finish(transport, end)
}

fn run_session(role: Role, config: &Config, wire: &[u8], pieces: &[Piece]) -> Trace {
    let mut keys = Keys::from_seed(SEED);
    let mut session = match role {
        Role::Server => Session::server(config),
        Role::Client => Session::client(config, &mut keys),
    };
    let mut log = Log::default();
    let mut out = [0; 1024];
    for (piece, _) in pieces {
        let mut bytes = wire[piece.clone()].to_vec();
        let mut input = &mut bytes[..];
        loop {
            match session.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(SessionEvent::Text { text, first, last })) => log.text(&text, first, last),
                Ok(Some(SessionEvent::Binary { data, first, last })) => log.binary(&data, first, last),
                Ok(Some(SessionEvent::Ping(payload))) => log.seen.push(Seen::Ping(payload.to_vec())),
                Ok(Some(SessionEvent::Pong(payload))) => log.seen.push(Seen::Pong(payload.to_vec())),
                Ok(Some(SessionEvent::Close { code, reason })) => {
                    log.seen.push(Seen::Close(code.map(|code| code.value()), reason.as_str().into()));
                }
                Err(fault) => {
                    log.fault(fault);
                    break;
                }
            }
            let len = session.owed(&mut out);
            log.written.extend_from_slice(&out[..len]);
        }
        let len = session.owed(&mut out);
        log.written.extend_from_slice(&out[..len]);
    }
    let transport = session.transport();
    session.receive_eof();
    let end = format!("{:?}", session.end());
    log.finish(transport, end)
}
