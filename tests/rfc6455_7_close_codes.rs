//! Close codes and reasons (RFC 6455 §5.5.1, §7.4), received and sent, and the calls that have to be refused.
#![cfg(feature = "alloc")]

mod support;

use sockless::{CloseCode, Config, EndCode, ProtocolError, Role, SendError};
use support::run::{Cuts, run};
use support::subject::{KINDS, ROLES, Seen, Subject, from_peer};
use support::vectors::{bytes, load};
use support::wire::Frame;

/// Both roles, four receivers, eight cuts.
const RUNS: usize = 18 * 2 * 4 * 8;

fn subjects() -> impl Iterator<Item = Subject> {
    ROLES.into_iter().flat_map(|role| KINDS.map(|kind| Subject::new(kind, role, Config::default())))
}

#[test]
fn s7_4_every_close_code_vector_holds_on_every_receiver_in_any_cuts() {
    let mut cuts = Cuts(7);
    let vectors = load("close_codes");
    let runs: usize = vectors.iter().map(|vector| run(vector, &mut cuts)).sum();
    assert_eq!((vectors.len(), runs), (18, RUNS));
}

#[test]
fn s7_4_codes_that_may_be_sent_are_those_that_the_vectors_allow_for_each_role() {
    for vector in load("close_codes") {
        let value: u16 = vector["id"].as_str().unwrap().trim_start_matches("cc-").parse().expect("a code");
        let received_as_valid = vector["expected"]["receive"] == "valid";
        let code = CloseCode::new(value);
        assert_eq!(code.is_some(), received_as_valid, "{value}");
        for role in ROLES {
            let name = if role == Role::Client { "client" } else { "server" };
            let allowed = vector["expected"]["send_allowed"][name].as_bool().expect("a verdict");
            let sent = code.is_some_and(|code| {
                let mut connection = support::subject::connection(role, Config::default());
                connection.close(Some(code), "").is_ok()
            });
            assert_eq!(sent, allowed, "{value} from a {name}");
        }
    }
}

#[test]
fn s7_4_2_every_number_is_in_the_frame_or_not_as_its_range_says() {
    for value in 0..=u16::MAX {
        let may = matches!(value, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(CloseCode::new(value).map(CloseCode::value), may.then_some(value), "{value}");
        let parsed = sockless::parse_close(&value.to_be_bytes()).map(|(code, _)| code.map(CloseCode::value));
        if let Some(code) = CloseCode::new(value) {
            assert_eq!(
                (code.to_string(), EndCode::from(code).to_string()),
                (value.to_string(), value.to_string())
            );
        }
        assert_eq!(parsed, if may { Ok(Some(value)) } else { Err(ProtocolError::InvalidCloseCode) });
    }
}

#[test]
fn s7_4_1_1005_and_1006_only_stand_in_a_report() {
    assert_eq!((EndCode::NO_STATUS.value(), EndCode::ABNORMAL.value()), (1005, 1006));
    assert_eq!([1004, 1005, 1006, 1015].map(CloseCode::new), [None; 4]);
}

#[test]
fn s7_4_1_a_server_neither_sends_1010_nor_repeats_it() {
    for mut subject in subjects() {
        let sent = subject.close(Some(1010), "");
        match subject.role {
            Role::Client => {
                assert_eq!(sent, Ok(()));
                assert_eq!(subject.take_frames(), [Frame::close(Some(1010))]);
            }
            Role::Server => {
                assert_eq!(sent, Err(SendError::CodeForClients));
                assert_eq!(subject.take_frames(), [], "nothing was queued");
                subject.feed(&from_peer(subject.role, 0x88, &1010_u16.to_be_bytes()));
                assert_eq!(subject.take_frames(), [Frame::close(None)]);
            }
        }
    }
}

/// The `api-close-*` and other vectors that are not about subprotocols, by their id.
#[test]
fn s5_5_1_calls_that_break_a_rule_are_refused_and_change_nothing() {
    let mut ran = 0;
    for vector in load("api") {
        let id = vector["id"].as_str().unwrap().to_owned();
        if id.starts_with("api-proto-") {
            continue;
        }
        for mut subject in subjects() {
            let reason =
                vector["input"].get("reason_hex").map(|reason| String::from_utf8(bytes(reason)).unwrap());
            match (id.as_str(), &reason) {
                ("api-close-reason-124", Some(reason)) => {
                    assert_eq!(reason.len(), 124);
                    assert_eq!(subject.close(Some(1000), reason), Err(SendError::ReasonTooLong));
                }
                ("api-close-reason-cut", Some(reason)) => {
                    assert_eq!(subject.close(Some(1000), reason), Err(SendError::ReasonTooLong));
                }
                ("api-close-reason-without-code", Some(reason)) => {
                    assert_eq!(subject.close(None, reason), Err(SendError::ReasonWithoutCode));
                }
                ("api-send-after-close", None) => {
                    assert_eq!(subject.close(Some(1000), ""), Ok(()));
                    assert_eq!(subject.take_frames(), [Frame::close(Some(1000))]);
                    assert_eq!(subject.text("x"), Err(SendError::Closed));
                }
                ("api-second-close", None) => {
                    assert_eq!(subject.close(Some(1000), ""), Ok(()));
                    assert_eq!(subject.close(Some(1001), ""), Err(SendError::Closed));
                    assert_eq!(subject.take_frames(), [Frame::close(Some(1000))]);
                }
                ("api-text-not-utf8", None) => {
                    let mut connection = support::subject::connection(subject.role, Config::default());
                    let bytes = bytes(&vector["input"]["payload_hex"]);
                    assert_eq!(connection.text(&bytes), Err(SendError::NotUtf8));
                    assert_eq!(connection.begin_text(&bytes), Err(SendError::NotUtf8));
                    assert_eq!(connection.queued(), 0);
                    assert_eq!(connection.text("still there"), Ok(()));
                }
                _ => panic!("what is {id}?"),
            }
            assert_eq!(subject.take_frames(), [], "{id}: nothing was queued");
            ran += 1;
        }
    }
    assert_eq!(ran, 6 * 8);
}

#[test]
fn s5_5_1_a_reason_of_123_bytes_goes_and_comes_whole() {
    for mut subject in subjects() {
        let reason = "r".repeat(123);
        assert_eq!(subject.close(Some(3000), &reason), Ok(()));
        let payload = [&3000_u16.to_be_bytes()[..], reason.as_bytes()].concat();
        let sent = subject.take_frames();
        assert_eq!((sent.len(), sent[0].opcode, sent[0].fin, &sent[0].payload), (1, 8, true, &payload));
        subject.feed(&from_peer(subject.role, 0x88, &payload));
        assert_eq!(subject.events, [Seen::Close(Some(3000), reason.clone())]);
        subject.eof();
        let end = subject.end().expect("an end");
        assert_eq!((end.code.value(), end.reason.as_str()), (3000, reason.as_str()));
    }
}

#[test]
fn s7_1_6_the_reason_of_a_close_is_the_first_ones_and_the_answer_repeats_the_code_alone() {
    for mut subject in subjects() {
        subject.feed(&from_peer(subject.role, 0x88, b"\x03\xe9going"));
        subject.feed(&from_peer(subject.role, 0x88, b"\x03\xe8again"));
        assert_eq!(subject.events, [Seen::Close(Some(1001), "going".into())]);
        assert_eq!(subject.take_frames(), [Frame::close(Some(1001))]);
        subject.eof();
        let end = subject.end().expect("an end");
        assert_eq!((end.code.value(), end.reason.as_str(), end.was_clean), (1001, "going", true));
    }
}
