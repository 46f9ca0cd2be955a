//! What a peer comes to, in the words of the table.

use sockless::Role;

use crate::peers::{End, Event, Peer};
use crate::rule::{FRAGMENT, Kind, Rule};
use crate::seen::Seen;
use crate::stream::Stream;

/// One byte a read where little is sent, so that nothing depends on what lies in the same read.
const BYTE: usize = 1;
const READ: usize = 16 << 10;

struct Ran {
    events: Vec<Event>,
    end: End,
    /// The code of the Close that was written last.
    code: Option<u16>,
    rounds: usize,
}

/// The word of the table, and what the peer said.
pub fn verdict(peer: &Peer, rule: &Rule) -> (String, String) {
    let wire = [&rule.good[..], &rule.bad].concat();
    let good = run(peer, rule.role, rule.good.clone(), (0, 0), BYTE);
    let (first, waits) = (good.events.first(), matches!(good.end, End::Waits));
    assert!(waits && first.is_some_and(|event| event.is("good")), "what is good is not delivered");
    let ran = match rule.kind {
        Kind::Endless { again, rounds } => run(peer, rule.role, wire, (again, rounds), READ),
        _ => run(peer, rule.role, wire, (0, 0), BYTE),
    };
    let events = &ran.events[good.events.len()..];
    let said = match &ran.end {
        End::Fault(said) => said.clone(),
        End::Closed => "closed".into(),
        End::Waits => "waits".into(),
    };
    (word(peer, rule, &ran, events), said)
}

fn word(peer: &Peer, rule: &Rule, ran: &Ran, events: &[Event]) -> String {
    let delivered = events.iter().any(|event| matches!(event, Event::Message(_) | Event::Fragment));
    if let Kind::Allowed(text) = rule.kind {
        let whole = events.iter().any(|event| event.is(text) || matches!(event, Event::Fragment));
        return if whole && ran.fault().is_none() { "passes" } else { "fails" }.into();
    }
    if delivered || ran.fault().is_none() && !events.is_empty() && rule.kind != Kind::Closed {
        return if peer.leaves.contains(&rule.name) { "not looked at" } else { "let through" }.into();
    }
    let refused = match ran.fault() {
        Some(Some(code)) => format!("refused, {code}"),
        Some(None) => "refused".into(),
        None => String::new(),
    };
    match rule.kind {
        Kind::Closed => "discarded".into(),
        _ if refused.is_empty() => match (&ran.end, rule.kind) {
            (End::Waits, Kind::Endless { .. }) => format!("takes {} MiB", ran.fragments()),
            (End::Waits, _) => "waits".into(),
            _ => "let through".into(),
        },
        Kind::Early(len) => {
            let wire = [&rule.good[..], &rule.bad[..len]].concat();
            let at_once = run(peer, rule.role, wire, (0, 0), BYTE).fault().is_some();
            refused + if at_once { ", at once" } else { ", at the end" }
        }
        Kind::Endless { .. } => format!("{refused}, at {} MiB", ran.fragments()),
        _ => refused,
    }
}

fn run(peer: &Peer, role: Role, wire: Vec<u8>, (again, rounds): (usize, usize), read: usize) -> Ran {
    let (stream, tap) = Stream::new(wire, again, rounds, read);
    let (mut events, mut end, mut seen) = (Vec::new(), End::Waits, Seen::everything());
    tap.watch(&mut seen, || end = (peer.drive)(stream, role, &mut events));
    Ran { events, end, code: close_code(seen.bytes()), rounds: tap.rounds() }
}

impl Ran {
    /// An error, or a Close that says that there is a fault; with its code, if it was written.
    fn fault(&self) -> Option<Option<u16>> {
        let code = self.code.filter(|code| [1002, 1003, 1007, 1008, 1009, 1011].contains(code));
        let closed = self.events.iter().any(|event| matches!(event, Event::Close));
        (code.is_some() || matches!(self.end, End::Fault(_)) && !closed).then_some(code)
    }

    /// MiB of the fragments that were read, to the nearest.
    fn fragments(&self) -> usize {
        ((self.rounds + 1) * FRAGMENT + (1 << 19)) >> 20
    }
}

fn close_code(mut written: &[u8]) -> Option<u16> {
    let mut code = None;
    // Nobody writes anything long here.
    while let [head, short @ ..] = written {
        let (len, masked) = (usize::from(short[0] & 0x7f), short[0] & 0x80 != 0);
        assert!(len < 126, "a long frame");
        let (key, rest) = short[1..].split_at(if masked { 4 } else { 0 });
        if let (8, [high, low, ..]) = (head & 0xf, &rest[..len]) {
            let key = key.first_chunk::<2>().copied().unwrap_or_default();
            code = Some(u16::from_be_bytes([high ^ key[0], low ^ key[1]]));
        }
        written = &rest[len..];
    }
    code
}
