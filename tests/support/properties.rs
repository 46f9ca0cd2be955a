//! The properties. Each takes bytes that an engine chose and panics if it does not hold.

use std::collections::VecDeque;

use arbitrary::{Result, Unstructured};
use bytes::{Buf, Bytes};
use sockless::{
    CloseCode, Config, Connection, Delivery, Event, Moment, Prepared, ProtocolError, Receiver, Role,
    SendError, Sender, Signal, Transport,
};

use super::subject::{KINDS, Kind, Seen, Subject, connection};
use super::wire::{self, BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};
use super::{generate, oracle, subject};

/// Events, replies and faults do not depend on how the input was cut.
pub fn cuts_do_not_matter(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((role, config, wire)) = input(&mut u) else { return };
    let Ok(drain) = u.int_in_range(1..=100) else { return };
    // A long wire in more pieces than that shows nothing more and takes seconds.
    let drain = drain.max(wire.len() / 1000);
    let mut cuts: Vec<usize> =
        (0..u.len().min(20)).map(|_| u.int_in_range(0..=wire.len()).unwrap_or_default()).collect();
    cuts.sort_unstable();
    let bytewise: Vec<usize> = (0..=wire.len()).collect();
    for kind in KINDS {
        let whole = trace(kind, role, config, &wire, &[], drain);
        assert_eq!(trace(kind, role, config, &wire, &cuts, drain), whole, "{kind:?} cut");
        if wire.len() < 2000 {
            assert_eq!(trace(kind, role, config, &wire, &bytewise, drain), whole, "{kind:?} byte by byte");
        }
    }
}

/// Everything that can be observed of one that is fed `wire` in pieces that end at `cuts`, its output taken whenever
/// `drain` more bytes were fed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub seen: Vec<Seen>,
    pub partial: Option<Seen>,
    pub fault: Option<ProtocolError>,
    pub written: Vec<u8>,
    pub transport: Transport,
    pub end: Option<sockless::End>,
}

fn trace(kind: Kind, role: Role, config: Config, wire: &[u8], cuts: &[usize], drain: usize) -> Trace {
    trace_of(Subject::new(kind, role, config), wire, cuts, drain)
}

pub fn trace_of(mut subject: Subject, wire: &[u8], cuts: &[usize], drain: usize) -> Trace {
    subject.eager = false;
    let mut start = 0;
    for piece in wire.chunks(drain) {
        let end = start + piece.len();
        let cuts: Vec<usize> =
            cuts.iter().filter(|cut| (start..end).contains(cut)).map(|cut| cut - start).collect();
        subject.feed_cut(piece, &cuts);
        subject.drain();
        start = end;
    }
    let transport = subject.transport();
    subject.eof();
    let end = subject.end();
    assert_eq!(subject.end(), None, "the end is reported once");
    Trace {
        fault: subject.error.map(|(fault, _)| fault),
        written: subject.take_written(),
        seen: subject.events,
        partial: subject.partial,
        transport,
        end,
    }
}

/// Every receiver sees what the oracle sees, holds the same fault against the input, and answers what it has to.
pub fn the_oracle_agrees(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((role, config, wire)) = input(&mut u) else { return };
    let (seen, fault) = oracle::judge(role, &config.limits, &wire);
    for kind in KINDS {
        let mut subject = Subject::new(kind, role, config);
        subject.feed(&wire);
        assert_eq!(subject.events, seen, "{kind:?}");
        assert_eq!(subject.error.map(|(fault, _)| fault), fault, "{kind:?}");
        assert_eq!(subject.take_frames(), answers(role, &seen, fault), "{kind:?}");
        let transport = match (fault, seen.last(), role) {
            (Some(_), _, _) | (None, Some(Seen::Close(..)), Role::Server) => Transport::ShutdownWrite,
            _ => Transport::Keep,
        };
        assert_eq!(subject.transport(), transport, "{kind:?}");
    }
}

/// The frames that answer what was seen: each ping, in order, up to a Close; then one Close.
fn answers(role: Role, seen: &[Seen], fault: Option<ProtocolError>) -> Vec<Frame> {
    let pongs = seen.iter().filter_map(|seen| match seen {
        Seen::Ping(payload) => Some(Frame::pong(payload)),
        _ => None,
    });
    let close = match (fault, seen.last()) {
        (Some(fault), _) => Some(Frame::close(Some(fault.close_code().value()))),
        // 1010 is for clients.
        (None, Some(Seen::Close(Some(1010), _))) if role == Role::Server => Some(Frame::close(None)),
        (None, Some(Seen::Close(code, _))) => Some(Frame::close(*code)),
        _ => None,
    };
    let frames: Vec<Frame> = pongs.chain(close).collect();
    assert!(frames.len() < 32, "the bound on pongs has a test of its own");
    frames
}

fn input(u: &mut Unstructured<'_>) -> Result<(Role, Config, Vec<u8>)> {
    let role = generate::role(u)?;
    let config = generate::config(u)?;
    let wire = generate::wire(u, role)?;
    Ok((role, config, wire))
}

/// Whatever is called in whatever order: no panic, what was shown is what goes out, what goes out is valid for the
/// peer and complete, and nothing follows the end.
pub fn any_order_of_calls(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = calls(&mut u);
}

fn calls(u: &mut Unstructured<'_>) -> Result<()> {
    let role = generate::role(u)?;
    let config = generate::config(u)?
        .fragment(*u.choose(&[7, 1000, 1 << 20])?)
        .high_water(*u.choose(&[100, 5000, 1 << 20])?)
        .delivery(if u.arbitrary()? { Delivery::Parts } else { Delivery::Messages });
    let mut connection = connection(role, config);
    let mut caller = Caller::default();
    let (mut now, mut due) = (Moment::ORIGIN, None);
    while !u.is_empty() {
        match u.int_in_range(0..=19)? {
            0..=2 => {
                let mut wire = generate::wire(u, role)?;
                let mut input = &mut wire[..];
                while let Ok(Some(_)) = connection.receive(&mut input) {}
            }
            3 if u.ratio(1, 8)? => connection.receive_eof(),
            4..=6 => caller.whole(&mut connection, u)?,
            7 => caller.begin(&mut connection, u)?,
            8 => caller.go_on(&mut connection, u)?,
            9 => drop(connection.ping(&generate::control(u)?)),
            10 => drop(connection.pong(&generate::control(u)?)),
            11 if u.ratio(1, 4)? => {
                let code = CloseCode::new(u.int_in_range(990..=1020)?);
                caller.closed |= connection.close(code, if u.arbitrary()? { "bye" } else { "" }).is_ok();
            }
            12 if u.ratio(1, 4)? => {
                let dropped = connection.close_now(Some(CloseCode::GOING_AWAY), "now");
                caller.dropped |= dropped.is_ok_and(|dropped| dropped.frames > 0);
            }
            13 => {
                if connection.timeout_stands() {
                    let asked = connection.poll_timeout(now);
                    assert!(asked.is_none_or(|asked| due.is_some_and(|due| asked >= due)), "it stood");
                }
                now = now + std::time::Duration::from_secs(u.int_in_range(0..=60)?);
                connection.handle_timeout(now);
                due = connection.poll_timeout(now);
                assert!(due.is_none_or(|due| due > now), "nothing due is left");
            }
            14 => connection.release(),
            15 => drop(connection.end()),
            _ => caller.write(&mut connection, u)?,
        }
    }
    caller.finish(connection, role);
    Ok(())
}

/// What a caller did, and what it may expect on the wire for it.
#[derive(Default)]
struct Caller {
    accepted: Vec<Seen>,
    open: Option<Seen>,
    written: Vec<u8>,
    closed: bool,
    /// It was told that nothing more is accepted.
    refused: bool,
    dropped: bool,
}

impl Caller {
    fn whole(&mut self, connection: &mut Sender, u: &mut Unstructured<'_>) -> Result<()> {
        let data = generate::payload(u)?;
        let room = connection.has_room();
        let (sent, seen) = match u.int_in_range(0..=4)? {
            0 => (connection.binary(&data), Seen::Binary(data)),
            1 => (connection.binary(data.clone()).map_err(SendError::from), Seen::Binary(data)),
            2 => {
                let sent = connection.binary(Bytes::from(data.clone())).map_err(|back| {
                    assert_eq!(back.payload, data);
                    back.error
                });
                (sent, Seen::Binary(data))
            }
            3 => (connection.prepared(&Prepared::binary(&data)), Seen::Binary(data)),
            _ => {
                let text = String::from_utf8_lossy(&generate::text(u)?).into_owned();
                (connection.text(&text), Seen::Text(text))
            }
        };
        match sent {
            Ok(()) => {
                assert!(room && self.open.is_none() && !self.closed);
                self.accepted.push(seen);
            }
            Err(SendError::Full) => assert!(!room),
            Err(SendError::Unfinished) => assert!(self.open.is_some()),
            Err(error) => {
                assert_eq!(error, SendError::Closed);
                self.refused = true;
            }
        }
        Ok(())
    }

    fn begin(&mut self, connection: &mut Sender, u: &mut Unstructured<'_>) -> Result<()> {
        let data = generate::payload(u)?;
        if connection.begin_binary(&data).is_ok() {
            assert!(self.open.is_none() && !self.closed);
            self.open = Some(Seen::Binary(data));
        }
        Ok(())
    }

    fn go_on(&mut self, connection: &mut Sender, u: &mut Unstructured<'_>) -> Result<()> {
        let data = generate::payload(u)?;
        let last: bool = u.arbitrary()?;
        let result = if last { connection.finish(&data) } else { connection.more(&data) };
        match (&result, &mut self.open) {
            (Ok(()), Some(Seen::Binary(open))) => {
                open.extend(&data);
                if last {
                    self.accepted.extend(self.open.take());
                }
            }
            (Ok(()), open) => panic!("accepted a fragment of {open:?}"),
            (Err(SendError::NotBegun), None) | (Err(_), _) => {}
        }
        Ok(())
    }

    /// Looks at the output, perhaps does something in between, and takes some of what was shown.
    fn write(&mut self, connection: &mut Connection, u: &mut Unstructured<'_>) -> Result<()> {
        let shown = match u.int_in_range(0..=2)? {
            0 => connection.output().chunk().to_vec(),
            1 => {
                let output = connection.output();
                let mut slices = [std::io::IoSlice::new(&[]); 4];
                let count = output.chunks_vectored(&mut slices);
                slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
            }
            _ => {
                let len = u.int_in_range(0..=connection.queued())?;
                self.written.extend(connection.output().copy_to_bytes(len));
                return Ok(());
            }
        };
        if u.arbitrary()? {
            let _ = connection.ping(b"in between");
            let _ = connection.pong(b"in between");
            if u.ratio(1, 8)? {
                let dropped = connection.close_now(Some(CloseCode::GOING_AWAY), "in between");
                self.dropped |= dropped.is_ok_and(|dropped| dropped.frames > 0);
            }
        }
        let len = u.int_in_range(0..=shown.len())?;
        let again = connection.output().chunk().to_vec();
        let common = again.len().min(shown.len());
        assert_eq!(again[..common], shown[..common], "what was shown has changed");
        connection.output().advance(len);
        self.written.extend_from_slice(&shown[..len]);
        Ok(())
    }

    /// All that went out, judged as the peer would.
    fn finish(mut self, mut connection: Connection, role: Role) {
        self.written.extend(subject::drain(&mut connection));
        let limits = sockless::Limits::UNLIMITED;
        let (seen, fault) = oracle::judge(role.peer(), &limits, &self.written);
        assert_eq!(fault, None);
        let frames = wire::decode(&self.written);
        if let Some(close) = frames.iter().position(|frame| frame.opcode == CLOSE) {
            let behind = &frames[close + 1..];
            assert!(behind.iter().all(|frame| frame.opcode == PONG), "only pongs follow a Close");
        } else if self.refused {
            assert!(
                matches!(connection.transport(), Transport::Close | Transport::Abort),
                "refused for nothing"
            );
        }
        let messages: Vec<Seen> =
            seen.into_iter().filter(|seen| matches!(seen, Seen::Text(_) | Seen::Binary(_))).collect();
        assert!(self.accepted.starts_with(&messages), "other messages than were accepted");
        assert!(self.dropped || messages.len() == self.accepted.len(), "accepted messages are missing");
        assert!(
            frames
                .iter()
                .all(|frame| matches!(frame.opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG))
        );
        connection.receive_eof();
        assert!(connection.text("x").is_err() && connection.ping(b"").is_err());
        assert_eq!(connection.queued(), 0, "something was queued behind the end");
    }
}

/// What one end sends is what the other receives, whatever the cuts, the partial writes, and the delays between the
/// halves of an end; and both end clean with the same code.
pub fn round_trip(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = conversation(&mut u);
}

fn conversation(u: &mut Unstructured<'_>) -> Result<()> {
    let mut ends = [Role::Client, Role::Server].map(|role| End::new(role, u));
    let first = usize::from(u.arbitrary::<bool>()?);
    while !u.is_empty() {
        let side = usize::from(u.arbitrary::<bool>()?);
        let [end, peer] = match &mut ends {
            [a, b] if side == 0 => [a, b],
            [a, b] => [b, a],
        };
        match u.int_in_range(0..=9)? {
            0..=2 => end.send(u)?,
            3 => drop(end.sender().ping(&generate::control(u)?)),
            4..=5 => end.write_to(peer, u.int_in_range(0..=300)?),
            6..=7 => end.read(u.int_in_range(0..=300)?),
            8 => end.deliver(1),
            _ => end.deliver(usize::MAX),
        }
    }
    for end in &mut ends {
        if let Some(open) = end.open.take() {
            end.sender().finish(b"").unwrap();
            end.sent.push(open);
        }
    }
    ends[first].sender().close(Some(CloseCode::NORMAL), "done").unwrap();
    let [client, server] = &mut ends;
    for _ in 0..3 {
        client.write_to(server, usize::MAX);
        server.read(usize::MAX);
        server.deliver(usize::MAX);
        server.write_to(client, usize::MAX);
        client.read(usize::MAX);
        client.deliver(usize::MAX);
    }
    assert_eq!(client.got, server.sent, "client to server");
    assert_eq!(server.got, client.sent, "server to client");
    assert_eq!(server.sender().transport(), Transport::ShutdownWrite);
    assert_eq!(client.sender().transport(), Transport::Keep);
    for end in [client, server] {
        end.eof();
        let report = end.sender().end().expect("an end");
        assert!(report.was_clean, "{report:?}");
        assert_eq!(report.code, CloseCode::NORMAL.into());
    }
    Ok(())
}

/// One end of a conversation, whole or in halves.
struct End {
    halves: Halves,
    inbox: Vec<u8>,
    sent: Vec<Seen>,
    open: Option<Seen>,
    got: Vec<Seen>,
    partial: Option<Seen>,
}

enum Halves {
    Whole(Box<Connection>),
    Apart(Box<(Receiver, Sender, VecDeque<Signal>)>),
}

impl End {
    fn new(role: Role, u: &mut Unstructured<'_>) -> End {
        let delivery = if u.arbitrary().unwrap_or_default() { Delivery::Parts } else { Delivery::Messages };
        let fragment = *u.choose(&[10, 2000, 1 << 20]).unwrap_or(&1000);
        let limits = sockless::Limits::UNLIMITED;
        let config =
            Config::default().delivery(delivery).fragment(fragment).limits(limits).high_water(1 << 24);
        let connection = connection(role, config);
        let halves = match u.arbitrary().unwrap_or_default() {
            true => Halves::Whole(Box::new(connection)),
            false => {
                let (receiver, sender) = connection.split();
                Halves::Apart(Box::new((receiver, sender, VecDeque::new())))
            }
        };
        End { halves, inbox: Vec::new(), sent: Vec::new(), open: None, got: Vec::new(), partial: None }
    }

    fn sender(&mut self) -> &mut Sender {
        match &mut self.halves {
            Halves::Whole(connection) => connection,
            Halves::Apart(halves) => &mut halves.1,
        }
    }

    fn send(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let data = generate::payload(u)?;
        match self.open.take() {
            Some(Seen::Binary(mut open)) => {
                open.extend(&data);
                if u.arbitrary()? {
                    self.sender().finish(data).unwrap();
                    self.sent.push(Seen::Binary(open));
                } else {
                    self.sender().more(&data).unwrap();
                    self.open = Some(Seen::Binary(open));
                }
            }
            _ if u.ratio(1, 4)? => {
                self.sender().begin_binary(&data).unwrap();
                self.open = Some(Seen::Binary(data));
            }
            _ if u.arbitrary()? => {
                let text = String::from_utf8_lossy(&generate::text(u)?).into_owned();
                self.sender().text(text.clone()).unwrap();
                self.sent.push(Seen::Text(text));
            }
            _ => {
                self.sender().binary(data.clone()).unwrap();
                self.sent.push(Seen::Binary(data));
            }
        }
        Ok(())
    }

    fn write_to(&mut self, peer: &mut End, most: usize) {
        let mut output = self.sender().output();
        let mut left = most;
        while left > 0 && output.has_remaining() {
            let run = output.chunk();
            let len = run.len().min(left);
            peer.inbox.extend_from_slice(&run[..len]);
            output.advance(len);
            left -= len;
        }
    }

    fn read(&mut self, most: usize) {
        let most = most.min(self.inbox.len());
        let mut bytes: Vec<u8> = self.inbox.drain(..most).collect();
        let mut input = &mut bytes[..];
        loop {
            let event = match &mut self.halves {
                Halves::Whole(connection) => connection.receive(&mut input),
                Halves::Apart(halves) => {
                    let received = halves.0.receive(&mut input);
                    halves.2.extend(received.signal);
                    received.event
                }
            };
            let (message, first, last) = match event.expect("a valid peer") {
                None => break,
                Some(Event::Text { text, first, last }) => (Seen::Text(text.into_string()), first, last),
                Some(Event::Binary { data, first, last }) => (Seen::Binary(data.into_vec()), first, last),
                Some(_) => continue,
            };
            let message = match (self.partial.take(), message) {
                (None, message) if first => message,
                (Some(Seen::Text(text)), Seen::Text(more)) if !first => Seen::Text(text + &more),
                (Some(Seen::Binary(mut data)), Seen::Binary(more)) if !first => {
                    data.extend(more);
                    Seen::Binary(data)
                }
                (open, message) => panic!("{message:?} in {open:?}"),
            };
            match last {
                true => self.got.push(message),
                false => self.partial = Some(message),
            }
        }
    }

    /// Hands signals over that were held back.
    fn deliver(&mut self, most: usize) {
        if let Halves::Apart(halves) = &mut self.halves {
            let (_, sender, signals) = &mut **halves;
            for signal in signals.drain(..most.min(signals.len())) {
                sender.signal(signal);
            }
        }
    }

    fn eof(&mut self) {
        match &mut self.halves {
            Halves::Whole(connection) => connection.receive_eof(),
            Halves::Apart(halves) => {
                let (receiver, sender, _) = &mut **halves;
                sender.signal(receiver.receive_eof());
            }
        }
    }
}
