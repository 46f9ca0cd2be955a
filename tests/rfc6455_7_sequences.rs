//! What happens in which order around the end of a connection (RFC 6455 §5.5.1, §7.1): the sequence vectors.
#![cfg(feature = "alloc")]

mod support;

use serde_json::Value;
use sockless::{Config, Role, Transport};
use support::run::{Cuts, event, frame};
use support::subject::{KINDS, Kind, Subject};
use support::vectors::{bytes, load};
use support::wire::Frame;

#[test]
fn s7_1_every_sequence_vector_holds_on_every_receiver_in_any_cuts() {
    let mut cuts = Cuts(71);
    let mut runs = 0;
    let vectors = load("sequences");
    for vector in &vectors {
        for kind in KINDS {
            for cut in [Cut::Whole, Cut::Bytes, Cut::Random, Cut::Random, Cut::Random] {
                play(vector, kind, cut, &mut cuts);
                runs += 1;
            }
        }
    }
    assert_eq!((vectors.len(), runs), (22, 22 * 4 * 5));
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Bytes,
    Random,
}

fn play(vector: &Value, kind: Kind, cut: Cut, cuts: &mut Cuts) {
    let role = if vector["role"] == "client" { Role::Client } else { Role::Server };
    let mut subject = Subject::new(kind, role, Config::default());
    let steps = vector["input"]["steps"].as_array().expect("steps");
    for (number, step) in steps.iter().enumerate() {
        let context = format!("{} step {number} {kind:?} {cut:?}", vector["id"]);
        let seen = subject.events.len();
        if let Some(wire) = step.get("rx_hex") {
            let wire = bytes(wire);
            let cut = match cut {
                Cut::Whole => vec![],
                Cut::Bytes => (1..wire.len()).collect(),
                Cut::Random => cuts.of(wire.len()),
            };
            subject.feed_cut(&wire, &cut);
        }
        if step["rx_eof"] == true {
            subject.eof();
        }
        if let Some(call) = step["call"].as_str() {
            let answer = match call {
                "close(1000)" => subject.close(Some(1000), ""),
                "close(1001)" => subject.close(Some(1001), ""),
                "send_text('x')" => subject.text("x"),
                _ => panic!("what is {call}?"),
            };
            // A call that may put nothing out is refused.
            let refused = step["call_error"] == true || step["out"] == Value::Array(vec![]);
            assert_eq!(answer.is_err(), refused, "{context}: {answer:?}");
        }
        check(step, &mut subject, seen, &context);
    }
}

fn check(step: &Value, subject: &mut Subject, seen: usize, context: &str) {
    let lists = |one: &str, any_of: &str| match step.get(any_of) {
        // Of what is lawful, ours delivers and answers: the first.
        Some(lists) => lists[0].as_array().expect("a list").clone(),
        None => step.get(one).and_then(Value::as_array).cloned().unwrap_or_default(),
    };
    let (closed, events): (Vec<_>, Vec<_>) =
        lists("events", "events_any_of").into_iter().partition(|event| event["type"] == "closed");
    let events: Vec<_> = events.iter().map(event).collect();
    assert_eq!(subject.events[seen..], events, "{context}");

    let end = subject.end();
    assert_eq!(end.is_some(), !closed.is_empty(), "{context}: {end:?}");
    if let Some(end) = end {
        assert_eq!(Some(u64::from(end.code.value())), closed[0]["code"].as_u64(), "{context}");
        assert_eq!(Some(end.was_clean), closed[0]["clean"].as_bool(), "{context}");
        assert_eq!(subject.end(), None, "{context}: once");
    }

    let out: Vec<Frame> = lists("out", "out_any_of").iter().map(frame).collect();
    assert_eq!(subject.take_frames(), out, "{context}");

    let code = subject.error.map(|(fault, _)| u64::from(fault.close_code().value()));
    assert_eq!(code, step["error"]["close_code"].as_u64(), "{context}");

    match step["transport"].as_str() {
        Some("close") => assert_eq!(subject.transport(), Transport::ShutdownWrite, "{context}"),
        Some("await_peer_close") => assert_eq!(subject.transport(), Transport::Keep, "{context}"),
        None => {}
        Some(other) => panic!("what is {other}?"),
    }
}
