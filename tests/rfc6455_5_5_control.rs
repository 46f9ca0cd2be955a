//! Pings and pongs (RFC 6455 §5.5.2, §5.5.3), and where in the output a control frame goes.
#![cfg(feature = "alloc")]

mod support;

use bytes::Buf;
use sockless::{
    Config, Connection, ControlPayload, Event, ProtocolError, Reply, Role, SendError, Signal, Transport,
};
use support::subject::{KINDS, Kind, ROLES, Seen, Subject, connection, drain, frames, from_peer};
use support::wire::Frame;

/// Lets the connection receive these bytes.
fn receive(connection: &mut Connection, mut wire: Vec<u8>) {
    let mut input = &mut wire[..];
    while connection.receive(&mut input).expect("no fault").is_some() {}
}

fn ping(connection: &mut Connection, role: Role, payload: &[u8]) {
    receive(connection, from_peer(role, 0x89, payload));
}

fn opcodes(frames: &[Frame]) -> Vec<u8> {
    frames.iter().map(|frame| frame.opcode).collect()
}

#[test]
fn s5_5_payloads_of_125_bytes_go_and_126_are_refused_with_nothing_queued() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        assert_eq!(connection.ping(&[1; 126]), Err(SendError::ControlTooLong));
        assert_eq!(connection.pong(&[1; 126]), Err(SendError::ControlTooLong));
        assert_eq!(connection.queued(), 0);
        connection.ping(&[1; 125]).unwrap();
        connection.pong(&[2; 125]).unwrap();
        let out = frames(role, &drain(&mut connection));
        assert_eq!(out, [Frame::ping(&[1; 125]), Frame::pong(&[2; 125])]);
    }
    assert_eq!(ControlPayload::new(&[0; 126]), Err(SendError::ControlTooLong));
}

#[test]
fn s5_4_a_ping_between_fragments_is_answered_before_the_message_is_whole() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x02, b"be"));
            subject.feed(&from_peer(role, 0x89, b"there?"));
            assert_eq!(subject.take_frames(), [Frame::pong(b"there?")]);
            subject.feed(&from_peer(role, 0x80, b"gun"));
            assert_eq!(subject.events, [Seen::Ping(b"there?".to_vec()), Seen::Binary(b"begun".to_vec())]);
        }
    }
}

#[test]
fn s5_5_2_pings_behind_our_own_close_are_answered_until_theirs_comes() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.close(Some(1000), "").unwrap();
            subject.feed(&from_peer(role, 0x89, b"1"));
            assert_eq!(subject.ping(b""), Err(SendError::Closed));
            assert_eq!(subject.pong(b"2"), Ok(()), "a manual pong may still go");
            subject.feed(&from_peer(role, 0x88, b""));
            assert_eq!(subject.pong(b"3"), Err(SendError::Closed));
            subject.feed(&from_peer(role, 0x89, b"4"));
            let expected = [Frame::close(Some(1000)), Frame::pong(b"1"), Frame::pong(b"2")];
            assert_eq!(subject.take_frames(), expected, "{role:?} {kind:?}");
        }
    }
}

#[test]
fn s5_5_2_pongs_owed_go_before_the_close_that_answers_or_fails() {
    for role in ROLES {
        for kind in KINDS {
            for (head, code) in [(0x88, None), (0x83, Some(1002))] {
                let mut subject = Subject::new(kind, role, Config::default());
                subject.eager = false;
                let pinged = from_peer(role, 0x89, b"?");
                subject.feed(&[pinged, from_peer(role, head, b"")].concat());
                subject.drain();
                assert_eq!(subject.take_frames(), [Frame::pong(b"?"), Frame::close(code)], "{kind:?}");
            }
        }
    }
}

#[test]
fn s5_5_3_32_pongs_are_kept_in_order_and_beyond_them_the_newest() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        for number in 0..40 {
            ping(&mut connection, role, &[number]);
        }
        let expected: Vec<_> = (0..32).chain([39]).map(|number| Frame::pong(&[number])).collect();
        assert_eq!(frames(role, &drain(&mut connection)), expected);
        ping(&mut connection, role, b"again");
        assert_eq!(frames(role, &drain(&mut connection)), [Frame::pong(b"again")]);

        // With a Close behind them, too.
        for number in 0..40 {
            ping(&mut connection, role, &[number]);
        }
        receive(&mut connection, from_peer(role, 0x88, b""));
        let expected = [&expected[..], &[Frame::close(None)]].concat();
        assert_eq!(frames(role, &drain(&mut connection)), expected);
    }
}

#[test]
fn s5_5_3_a_session_answers_the_newest_ping() {
    let config = Config::default();
    let mut session = sockless::Session::server(&config);
    for number in 0..3 {
        let mut wire = from_peer(Role::Server, 0x89, &[number]);
        let mut input = &mut wire[..];
        while session.receive(&mut input).unwrap().is_some() {}
    }
    let mut out = [0; 131];
    assert_eq!(session.owed(&mut out[..2]), 0, "no room: it stays owed");
    assert!(session.owes());
    let len = session.owed(&mut out);
    assert_eq!(frames(Role::Server, &out[..len]), [Frame::pong(&[2])]);
    assert!(!session.owes());
}

#[test]
fn s5_5_what_a_session_owes_fits_in_131_bytes_and_less_room_takes_none_of_it() {
    let config = Config::default();
    for (role, least) in [(Role::Server, 127), (Role::Client, 131)] {
        let mut keys = support::subject::keys();
        let mut session = match role {
            Role::Server => sockless::Session::server(&config),
            Role::Client => sockless::Session::client(&config, &mut keys),
        };
        let mut wire = from_peer(role, 0x89, &[7; 125]);
        assert!(session.receive(&mut &mut wire[..]).unwrap().is_some());
        let mut out = [0; 131];
        assert_eq!((session.owed(&mut out[..least - 1]), session.owes()), (0, true));
        assert_eq!((session.owed(&mut out), session.owes()), (least, false));
        assert_eq!(frames(role, &out[..least]), [Frame::pong(&[7; 125])]);
    }
}

#[test]
fn s5_5_2_manual_pongs_are_the_applications() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default().pongs(Reply::Manual));
            subject.feed(&from_peer(role, 0x89, b"?"));
            assert_eq!(subject.events, [Seen::Ping(b"?".to_vec())]);
            assert_eq!(subject.take_frames(), []);
            subject.pong(b"!").unwrap();
            assert_eq!(subject.take_frames(), [Frame::pong(b"!")]);
        }
    }
}

#[test]
fn s5_5_2_a_pong_goes_before_data_that_nobody_has_seen() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        connection.text("a").unwrap();
        connection.binary(vec![0; 2000]).unwrap();
        ping(&mut connection, role, b"1");
        connection.ping(b"ours").unwrap();
        ping(&mut connection, role, b"2");
        let out = frames(role, &drain(&mut connection));
        assert_eq!(opcodes(&out), [10, 9, 10, 1, 2]);
        assert_eq!((&*out[0].payload, &*out[2].payload), (&b"1"[..], &b"2"[..]));
    }
}

#[test]
fn bytes_that_were_shown_are_pinned_and_a_pong_goes_in_at_the_next_frame_boundary() {
    for role in ROLES {
        let mut connection = connection(role, Config::default().fragment(2000));
        connection.binary(vec![7; 5000]).unwrap();
        let shown = connection.output().chunk().to_vec();
        // A server shows the first header alone, a client's frames lie together.
        let server = role == Role::Server;
        assert_eq!(shown.len(), if server { 4 } else { 5000 + 3 * 8 });
        ping(&mut connection, role, b"?");
        assert!(connection.output().chunk().starts_with(&shown), "nothing before it, nothing in between");
        let expected = if server { [2, 10, 0, 0] } else { [2, 0, 0, 10] };
        assert_eq!(opcodes(&frames(role, &drain(&mut connection))), expected);

        // Begun is begun, shown or not.
        connection.binary(vec![7; 5000]).unwrap();
        let first = connection.output().copy_to_bytes(1);
        ping(&mut connection, role, b"?");
        let wire = [first.to_vec(), drain(&mut connection)].concat();
        assert_eq!(opcodes(&frames(role, &wire)), [2, 10, 0, 0]);
    }
}

#[test]
#[cfg(feature = "std")]
fn vectored_chunks_are_pinned_as_many_as_were_shown() {
    let mut connection = connection(Role::Server, Config::default().fragment(2000));
    connection.binary(vec![7; 6000]).unwrap();
    let mut slices = [std::io::IoSlice::new(&[]); 3];
    let output = connection.output();
    assert_eq!(output.chunks_vectored(&mut slices), 3);
    assert_eq!(slices.map(|slice| slice.len()), [4, 2000, 4]);
    ping(&mut connection, Role::Server, b"?");
    assert_eq!(opcodes(&frames(Role::Server, &drain(&mut connection))), [2, 0, 10, 0]);
}

#[test]
fn the_receiving_half_says_what_the_sending_half_owes_and_whether_to_wake_the_writer() {
    for role in ROLES {
        let (mut receiver, mut sender) = connection(role, Config::default()).split();
        let mut signals = vec![];
        for wire in [
            from_peer(role, 0x81, b"text"),
            from_peer(role, 0x8a, b"pong"),
            from_peer(role, 0x89, b"ping"),
            from_peer(role, 0x82, b"cut")[..3].to_vec(),
        ] {
            let mut wire = wire;
            let received = receiver.receive(&mut &mut wire[..]);
            let signal = received.signal.expect("a signal");
            signals.push((signal, sender.signal(signal)));
        }
        let payload = ControlPayload::new(b"ping").unwrap();
        let expected = [
            (Signal::Heard { message: true }, false),
            (Signal::Heard { message: false }, false),
            (Signal::Ping(payload), true),
            (Signal::Heard { message: false }, false),
        ];
        assert_eq!(signals, expected);
        assert!(receiver.receive(&mut &mut [][..]).signal.is_none());
        assert!(sender.signal(Signal::Failed(ProtocolError::ReservedBits)));
        assert_eq!(opcodes(&frames(role, &drain(&mut sender))), [10, 8]);
        assert!(!sender.signal(Signal::Failed(ProtocolError::ReservedBits)), "once");
        assert!(sender.signal(receiver.receive_eof()));
    }
}

/// RFC 6455 §7.1.1: the client waits for the server to end the transport, and the task that does sleeps.
#[test]
fn s7_1_1_the_writer_is_woken_to_end_the_transport() {
    for (role, wire, verdict) in [
        (Role::Server, from_peer(Role::Server, 0x88, b""), Transport::ShutdownWrite),
        (Role::Server, from_peer(Role::Server, 0x83, b""), Transport::ShutdownWrite),
        (Role::Client, from_peer(Role::Client, 0x83, b""), Transport::ShutdownWrite),
    ] {
        let (mut receiver, mut sender) = connection(role, Config::default()).split();
        sender.close(None, "").unwrap();
        assert_eq!(frames(role, &drain(&mut sender)), [Frame::close(None)]);
        assert_eq!(sender.transport(), Transport::Keep);
        let mut wire = wire;
        let received = receiver.receive(&mut &mut wire[..]);
        assert!(sender.signal(received.signal.expect("a signal")));
        assert_eq!((sender.transport(), sender.queued()), (verdict, 0));
    }
}

#[test]
fn an_event_is_held_while_its_answer_is_queued() {
    let mut connection = connection(Role::Server, Config::default());
    let mut wire = [from_peer(Role::Server, 0x81, b"one"), from_peer(Role::Server, 0x81, b"two")].concat();
    let mut input = &mut wire[..];
    let first = connection.receive(&mut input).unwrap().expect("an event");
    let second = connection.receive(&mut input).unwrap().expect("an event");
    connection.text("in between").unwrap();
    for event in [second, first] {
        let Event::Text { text, .. } = event else { panic!("{event:?}") };
        connection.text(text).unwrap();
    }
    let expected = ["in between", "two", "one"].map(Frame::text);
    assert_eq!(frames(Role::Server, &drain(&mut connection)), expected);
}

#[test]
fn s5_5_3_an_unasked_pong_is_an_event_and_owes_nothing() {
    for role in ROLES {
        for kind in [Kind::Messages, Kind::Parts, Kind::Session, Kind::Split] {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, 0x8a, b"unasked"));
            assert_eq!(subject.events, [Seen::Pong(b"unasked".to_vec())]);
            assert_eq!(subject.take_frames(), []);
        }
    }
}

#[test]
fn s5_5_3_there_is_room_for_32_pongs_again_once_the_earlier_ones_went_out() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        for number in 0..32 {
            ping(&mut connection, role, &[number]);
        }
        connection.text("behind them").unwrap();
        let pong = if role == Role::Client { 7 } else { 3 };
        let mut wire = connection.output().copy_to_bytes(31 * pong).to_vec();
        // One still waits: the next are too many.
        ping(&mut connection, role, b"too");
        ping(&mut connection, role, b"many");
        wire.extend(connection.output().copy_to_bytes(pong));
        for number in 32..63 {
            ping(&mut connection, role, &[number]);
        }
        wire.extend(drain(&mut connection));
        let frames = frames(role, &wire);
        let pongs = frames.iter().filter(|frame| frame.opcode == 10).map(|frame| frame.payload.clone());
        let expected = (0..32).map(|number| vec![number]).chain([b"many".to_vec()]);
        let expected = expected.chain((32..63).map(|number| vec![number]));
        assert_eq!(pongs.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        assert_eq!(frames.iter().filter(|frame| frame.opcode == 1).count(), 1);
    }
}

#[test]
fn s7_1_5_the_first_close_that_is_signalled_is_the_one_that_counts() {
    for role in ROLES {
        let (_, mut sender) = connection(role, Config::default()).split();
        let close = |code, reason: &str| {
            let (mut receiver, _) = connection(role, Config::default()).split();
            let mut wire = from_peer(role, 0x88, &[&u16::to_be_bytes(code)[..], reason.as_bytes()].concat());
            receiver.receive(&mut &mut wire[..]).signal.expect("a signal")
        };
        assert!(sender.signal(close(1001, "first")));
        assert!(!sender.signal(close(3000, "second")));
        assert!(sender.signal(Signal::Eof));
        assert_eq!(frames(role, &drain(&mut sender)), [Frame::close(Some(1001))]);
        let end = sender.end().expect("an end");
        assert_eq!((end.code.value(), end.reason.as_str(), end.was_clean), (1001, "first", true));
    }
}
