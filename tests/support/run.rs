//! Runs a receiving vector on every subject, in every kind of cut.

use serde_json::Value;
use sockless::{Config, Limits, Role};

use super::subject::{KINDS, ROLES, Seen, Subject};
use super::vectors::bytes;
use super::wire::Frame;

/// Cuts from a fixed seed (SplitMix64).
pub struct Cuts(pub u64);

impl Cuts {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Some places in `0..len`, in order, possibly twice the same: an empty input is one, too.
    pub fn of(&mut self, len: usize) -> Vec<usize> {
        let mut cuts: Vec<_> =
            (0..self.next() % 7).map(|_| (self.next() % (len as u64 + 1)) as usize).collect();
        cuts.sort_unstable();
        cuts
    }
}

/// The input for each role that the vector has, with the index of the byte that decides its failure.
pub fn inputs(vector: &Value) -> Vec<(Role, Vec<u8>, Option<usize>)> {
    let named = |role| match role {
        Role::Client => ("client_rx", "fail_at_client"),
        Role::Server => ("server_rx", "fail_at_server"),
    };
    let there = ROLES.into_iter().filter(|&role| vector["input"].get(named(role).0).is_some());
    let inputs: Vec<_> = there
        .map(|role| {
            let (rx, fail_at) = named(role);
            let fail_at = vector["expected"]["error"][fail_at].as_u64().map(|at| at as usize);
            (role, bytes(&vector["input"][rx]), fail_at)
        })
        .collect();
    assert!(!inputs.is_empty(), "{}: no input", vector["id"]);
    inputs
}

pub fn config(vector: &Value) -> Config {
    let limits = vector["input"]["config"]["max_message"].as_u64();
    Config::default().limits(limits.map_or(Limits::default(), Limits::for_messages))
}

/// Runs one vector and says how many runs that were.
pub fn run(vector: &Value, cuts: &mut Cuts) -> usize {
    let mut runs = 0;
    for (role, wire, fail_at) in inputs(vector) {
        let byte_by_byte: Vec<_> = (1..wire.len()).collect();
        let mut ways = vec![vec![], byte_by_byte];
        ways.extend((0..6).map(|_| cuts.of(wire.len())));
        for kind in KINDS {
            for cut in &ways {
                let mut subject = Subject::new(kind, role, config(vector));
                subject.feed_cut(&wire, cut);
                // The fault shows in the piece that has the byte which decides it: neither later nor earlier.
                let piece_end = |at: usize| cut.iter().find(|&&end| end > at).unwrap_or(&wire.len()) - 1;
                let at = subject.error.map(|(_, at)| at);
                let context = format!("{} {role:?} {kind:?} cut at {cut:?}: {subject:?}", vector["id"]);
                assert_eq!(at, fail_at.map(piece_end), "where it fails: {context}");
                check(vector, &mut subject, &context);
                runs += 1;
            }
        }
    }
    runs
}

/// What the subject got, reported and wrote is what the vector expects.
pub fn check(vector: &Value, subject: &mut Subject, context: &str) {
    let expected = &vector["expected"];
    let events: Vec<_> = expected["events"].as_array().expect("events").iter().map(event).collect();
    assert_eq!(subject.events, events, "events: {context}");

    let mut out: Vec<_> = expected["out"].as_array().expect("out").iter().map(frame).collect();
    let error = &expected["error"];
    assert_eq!(subject.error.is_some(), !error.is_null(), "error: {context}");
    if let Some((fault, _)) = subject.error {
        assert_eq!(Some(u64::from(fault.close_code().value())), error["close_code"].as_u64(), "{context}");
        out.push(Frame::close(Some(fault.close_code().value())));
    }
    // RFC 6455 §7.4.1: a server does not send 1010, so it answers one without a code.
    if vector["id"] == "cc-1010" && subject.role == Role::Server {
        out = vec![Frame::close(None)];
    }
    assert_eq!(subject.take_frames(), out, "output: {context}");
}

pub fn event(event: &Value) -> Seen {
    let data = |key: &str| match event.get(key) {
        Some(digits) => bytes(digits),
        None => bytes(&event["fill"]).repeat(event["len"].as_u64().expect("len") as usize),
    };
    let text = |bytes| String::from_utf8(bytes).expect("text is UTF-8");
    match event["type"].as_str() {
        Some("text") => Seen::Text(text(data("utf8_hex"))),
        Some("binary") => Seen::Binary(data("hex")),
        Some("ping") => Seen::Ping(data("hex")),
        Some("pong") => Seen::Pong(data("hex")),
        Some("close") => {
            let code = event["code"].as_u64().expect("a code") as u16;
            // 1005 says that none came (RFC 6455 §7.1.5).
            let code = (code != 1005).then_some(code);
            Seen::Close(code, event["reason"].as_str().expect("a reason").to_owned())
        }
        _ => panic!("an unknown event: {event}"),
    }
}

pub fn frame(frame: &Value) -> Frame {
    match frame["opcode"].as_str() {
        Some("pong") => Frame::pong(&bytes(&frame["payload_hex"])),
        Some("close") => Frame::close(frame["code"].as_u64().map(|code| code as u16)),
        _ => panic!("an unknown frame: {frame}"),
    }
}
