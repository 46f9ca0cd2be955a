//! UTF-8 in text messages (RFC 6455 §5.6, §8.1): the vectors, and how text is delivered in parts.
#![allow(clippy::cast_possible_truncation)] // small numbers
#![cfg(feature = "alloc")]

mod support;

use sockless::{Config, Connection, Delivery, Event, ProtocolError, Role, Session, SessionEvent, Utf8};
use support::run::{Cuts, run};
use support::subject::{KINDS, Kind, Seen, Subject, from_peer};
use support::vectors::{bytes, load};

/// Both roles, four receivers, eight cuts.
const RUNS: usize = 192 * 2 * 4 * 8;

#[test]
fn s8_1_every_utf8_vector_holds_on_every_receiver_in_any_cuts() {
    let mut cuts = Cuts(8);
    let vectors = load("utf8");
    let runs: usize = vectors.iter().map(|vector| run(vector, &mut cuts)).sum();
    assert_eq!((vectors.len(), runs), (192, RUNS));
}

#[test]
fn s8_1_the_validator_stops_at_the_first_byte_that_cannot_be_valid() {
    let mut judged = 0;
    for vector in load("utf8").iter().filter(|vector| vector["kind"] == "utf8") {
        let Some(verdict) = vector["expected"].get("utf8") else { continue };
        // A client's input is not masked: behind two bytes of header lies the text.
        let wire = bytes(&vector["input"]["client_rx"]);
        assert_eq!(usize::from(wire[1]), wire.len() - 2, "{}: one short frame", vector["id"]);
        let text = &wire[2..];
        let bad = verdict["earliest_bad_offset"].as_u64().map(|at| at as usize);
        let mut utf8 = Utf8::new();
        let mut stopped = None;
        for (at, byte) in text.iter().enumerate() {
            if utf8.next(&mut &[*byte][..]).is_err() {
                stopped = Some(at);
                break;
            }
        }
        assert_eq!(stopped, bad, "{} byte by byte", vector["id"]);

        let mut utf8 = Utf8::new();
        let (mut rest, mut joined) = (text, String::new());
        let fault = loop {
            match utf8.next(&mut rest) {
                Ok(Some(text)) => joined.push_str(&text),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert_eq!(fault, bad.is_some(), "{} whole", vector["id"]);
        assert!(text.starts_with(joined.as_bytes()), "{}", vector["id"]);
        let incomplete = verdict["incomplete_at_end"] == true;
        if !fault {
            assert_eq!(utf8.is_whole(), !incomplete, "{}", vector["id"]);
            assert_eq!(verdict["valid"] == true, !incomplete, "{}", vector["id"]);
        }
        judged += 1;
    }
    assert_eq!(judged, JUDGED);
}

const JUDGED: usize = 43;

/// Each call's outcome: the text with `first` and `last`, or the fault.
fn calls(connection: &mut Connection, wire: &[u8]) -> Vec<Result<(String, bool, bool), ProtocolError>> {
    let mut wire = wire.to_vec();
    let mut input = &mut wire[..];
    let mut calls = vec![];
    loop {
        match connection.receive(&mut input) {
            Ok(None) => return calls,
            Ok(Some(Event::Text { text, first, last })) => calls.push(Ok((text.to_string(), first, last))),
            Ok(Some(event)) => panic!("{event:?}"),
            Err(fault) => {
                calls.push(Err(fault));
                return calls;
            }
        }
    }
}

fn parts() -> Connection {
    Connection::server(Config::default().delivery(Delivery::Parts))
}

#[test]
fn s8_1_in_parts_the_valid_prefix_comes_before_the_fault() {
    let wire = from_peer(Role::Server, 0x81, b"good\xffbad");
    let fault = Err(ProtocolError::InvalidUtf8);
    assert_eq!(calls(&mut parts(), &wire), [Ok(("good".into(), true, false)), fault.clone()]);

    let mut session = Session::server(&Config::DEFAULT);
    let mut copy = wire.clone();
    let mut input = &mut copy[..];
    match session.receive(&mut input) {
        Ok(Some(SessionEvent::Text { text, first: true, last: false })) => assert_eq!(&*text, "good"),
        other => panic!("{other:?}"),
    }
    assert!(!session.owes(), "the fault is not reported yet");
    assert_eq!(session.receive(&mut input).unwrap_err(), ProtocolError::InvalidUtf8);
    assert!(session.owes());

    // A message that ends inside a character: what is whole comes first, too.
    let wire = from_peer(Role::Server, 0x81, b"good\xe2\x82");
    assert_eq!(calls(&mut parts(), &wire), [Ok(("good".into(), true, false)), fault.clone()]);
    // With nothing valid before it the fault comes at once.
    assert_eq!(calls(&mut parts(), &from_peer(Role::Server, 0x81, b"\xff")), [fault]);
}

#[test]
fn s8_1_the_fault_behind_a_delivered_prefix_comes_with_no_more_input() {
    for kind in [Kind::Parts, Kind::Session] {
        let mut subject = Subject::new(kind, Role::Server, Config::default());
        subject.feed(&from_peer(Role::Server, 0x81, b"good\xff"));
        assert_eq!(subject.partial, Some(Seen::Text("good".into())));
        assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::InvalidUtf8));
    }
}

#[test]
fn s8_1_a_character_cut_by_the_input_is_a_part_of_its_own() {
    let mut connection = parts();
    let wire = from_peer(Role::Server, 0x81, "ab\u{20ac}cd".as_bytes());
    let (front, back) = wire.split_at(6 + 4);
    assert_eq!(calls(&mut connection, front), [Ok(("ab".into(), true, false))]);
    let expected = [Ok(("\u{20ac}".into(), false, false)), Ok(("cd".into(), false, true))];
    assert_eq!(calls(&mut connection, back), expected);
}

#[test]
fn s5_6_a_character_may_be_cut_by_fragments_and_by_a_ping() {
    for kind in KINDS {
        let mut subject = Subject::new(kind, Role::Server, Config::default());
        for (head, payload) in
            [(0x01, &b"\xf0\x9f"[..]), (0x89, b"?"), (0x00, b""), (0x00, b"\x98"), (0x80, b"\x80")]
        {
            subject.feed(&from_peer(Role::Server, head, payload));
        }
        assert_eq!(subject.events, [Seen::Ping(b"?".to_vec()), Seen::Text("\u{1f600}".into())], "{kind:?}");
        assert_eq!(subject.error, None);
    }
}

#[test]
fn s8_1_text_that_ends_inside_a_character_fails_at_its_last_frame() {
    for kind in KINDS {
        let mut subject = Subject::new(kind, Role::Server, Config::default());
        subject.feed(&from_peer(Role::Server, 0x01, b"a\xc3"));
        assert_eq!(subject.error, None, "{kind:?}");
        subject.feed(&from_peer(Role::Server, 0x80, b""));
        assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::InvalidUtf8), "{kind:?}");
        assert_eq!(subject.events, []);
    }
}

#[test]
fn s8_1_whole_text_is_lent_and_joined_text_is_given() {
    let mut connection = Connection::server(Config::default());
    for (cut, lent) in [(0, true), (6, true), (7, false)] {
        let wire = from_peer(Role::Server, 0x81, b"text");
        let (front, back) = wire.split_at(cut);
        assert_eq!(calls(&mut connection, front), []);
        let mut back = back.to_vec();
        match connection.receive(&mut &mut back[..]) {
            Ok(Some(Event::Text { text, .. })) => {
                assert_eq!((&*text, text.is_lent()), ("text", lent));
                let pointer = text.as_ptr();
                // A given one is not copied to be kept.
                let kept = text.into_bytes();
                assert_eq!((&kept[..], kept.as_ptr() == pointer), (&b"text"[..], !lent));
            }
            other => panic!("{other:?}"),
        }
    }
}
