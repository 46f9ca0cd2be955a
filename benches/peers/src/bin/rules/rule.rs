//! What is tried: good bytes, and behind them bytes that a rule forbids.

use sockless::Role;

use crate::wire;

/// A fragment of the message without an end, and how many of them there are: 640 MiB.
pub const FRAGMENT: usize = 64 << 10;
const FRAGMENTS: usize = 10 << 10;

pub struct Rule {
    pub name: &'static str,
    /// Of RFC 6455.
    pub section: &'static str,
    /// What this crate has to come to, in the words of the table.
    pub expected: &'static str,
    /// Who receives.
    pub role: Role,
    pub good: Vec<u8>,
    pub bad: Vec<u8>,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Forbidden: to be refused.
    Forbidden,
    /// The same, and so many bytes can tell.
    Early(usize),
    /// A Close and a message behind it, which shall not be delivered.
    Closed,
    /// Allowed: this message comes.
    Allowed(&'static str),
    /// A frame that is never whole.
    Announced,
    /// What lies behind so many bytes comes again and again.
    Endless { again: usize, rounds: usize },
}

impl Kind {
    /// Whether the RFC says what is right. It leaves limits to the implementation (section 10.4).
    pub fn is_rule(self) -> bool {
        !matches!(self, Kind::Announced | Kind::Endless { .. })
    }
}

pub fn rules() -> Vec<Rule> {
    let first_bad = client(0x01, b"caf\xff");
    let unmasked = |payload: &[u8]| frame(0x82, None, payload);
    let first = client(0x02, &[b'x'; FRAGMENT]);
    vec![
        forbidden("a client's frame is not masked", "5.1", unmasked(b"bad")),
        Rule {
            role: Role::Client,
            good: unmasked(b"good"),
            bad: [client(0x82, b"bad"), unmasked(b"behind")].concat(),
            ..forbidden("a server's frame is masked", "5.1", Vec::new())
        },
        forbidden("RSV1 without an extension", "5.2", client(0xc2, b"bad")),
        forbidden("RSV2 without an extension", "5.2", client(0xa2, b"bad")),
        forbidden("RSV3 without an extension", "5.2", client(0x92, b"bad")),
        forbidden("opcode 3", "5.2", client(0x83, b"bad")),
        forbidden("opcode 11", "5.2", client(0x8b, b"bad")),
        forbidden("a 16-bit length for 5 bytes", "5.2", long(&[126, 0, 5])),
        forbidden("a 64-bit length for 5 bytes", "5.2", long(&[127, 0, 0, 0, 0, 0, 0, 0, 5])),
        forbidden("a 64-bit length with its top bit", "5.2", long(&[127, 0x80, 0, 0, 0, 0, 0, 0, 5])),
        forbidden("a continuation of nothing", "5.4", client(0x80, b"bad")),
        Rule {
            good: [client(0x82, b"good"), client(0x02, b"un")].concat(),
            ..forbidden("a message inside another", "5.4", client(0x82, b"bad"))
        },
        forbidden("a ping in fragments", "5.5", client(0x09, b"bad")),
        forbidden("a ping of 126 bytes", "5.5", client(0x89, &[b'x'; 126])),
        forbidden("a Close of one byte", "5.5.1", client(0x88, &[3])),
        Rule {
            expected: "refused, 1007",
            ..forbidden("a Close whose reason is not UTF-8", "5.5.1", client(0x88, b"\x03\xe8caf\xff"))
        },
        Rule {
            expected: "discarded",
            kind: Kind::Closed,
            ..forbidden("a message behind the Close", "1.4", client(0x88, &[3, 0xe8]))
        },
        forbidden("a Close with 1005", "7.4.1", client(0x88, &1005u16.to_be_bytes())),
        forbidden("a Close with 999", "7.4.2", client(0x88, &999u16.to_be_bytes())),
        forbidden("a Close with 0", "7.4.2", client(0x88, &[0, 0])),
        Rule {
            expected: "refused, 1007",
            ..forbidden("a text that is not UTF-8", "8.1", client(0x81, b"caf\xff"))
        },
        Rule {
            expected: "refused, 1007, at once",
            kind: Kind::Early(first_bad.len()),
            ..forbidden(
                "the same, in the first of two fragments",
                "8.1",
                [first_bad, client(0x80, b"bad")].concat(),
            )
        },
        Rule {
            expected: "passes",
            kind: Kind::Allowed("é"),
            bad: [client(0x01, b"\xc3"), client(0x80, b"\xa9")].concat(),
            ..forbidden("a character cut between fragments is allowed", "8.1", Vec::new())
        },
        Rule {
            expected: "refused, 1009",
            kind: Kind::Announced,
            bad: [&[0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0][..], &wire::key(0), &[0; 16]].concat(),
            ..forbidden("2^62 bytes announced", "10.4", Vec::new())
        },
        Rule {
            expected: "refused, 1009, at 1 MiB",
            kind: Kind::Endless { again: client(0x82, b"good").len() + first.len(), rounds: FRAGMENTS },
            bad: [first, client(0x00, &[b'x'; FRAGMENT])].concat(),
            ..forbidden("fragments without end", "10.4", Vec::new())
        },
    ]
}

/// What a server has to refuse with 1002; a good message on either side of it.
fn forbidden(name: &'static str, section: &'static str, bad: Vec<u8>) -> Rule {
    let (good, bad) = (client(0x82, b"good"), [bad, client(0x82, b"behind")].concat());
    Rule { name, section, expected: "refused, 1002", role: Role::Server, good, bad, kind: Kind::Forbidden }
}

fn client(head: u8, payload: &[u8]) -> Vec<u8> {
    frame(head, Some(wire::key(0)), payload)
}

fn frame(head: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::frame(&mut frame, head, key, payload);
    frame
}

/// Five bytes behind a length of another form.
fn long(length: &[u8]) -> Vec<u8> {
    let mut frame = client(0x82, b"bytes");
    frame.splice(1..2, length.iter().copied());
    frame[1] |= 0x80;
    frame
}
