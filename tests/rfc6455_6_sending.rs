//! Sending data (RFC 6455 §5.4, §6.1): what is accepted, what is refused, and what goes out.
#![allow(clippy::cast_possible_truncation)] // small numbers
#![cfg(feature = "alloc")]

mod support;

use bytes::{Buf, Bytes};
use sockless::{
    CloseCode, Config, Connection, ControlPayload, Dropped, Event, Keys, Prepared, Refused, Role, SendError,
    Sender, Session,
};
use support::subject::{ROLES, connection, drain, frames, from_peer};
use support::wire::Frame;

fn with(role: Role, config: Config) -> Connection {
    connection(role, config)
}

fn out(role: Role, sender: &mut Sender) -> Vec<Frame> {
    frames(role, &drain(sender))
}

/// Opcode, FIN and payload length of each frame.
fn shapes(frames: &[Frame]) -> Vec<(u8, bool, usize)> {
    frames.iter().map(|frame| (frame.opcode, frame.fin, frame.payload.len())).collect()
}

fn joined(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.payload.clone()).collect()
}

fn error<P>(refused: Refused<P>) -> (SendError, P) {
    (refused.error, refused.payload)
}

#[test]
fn s6_1_each_message_is_one_frame_in_order_with_no_reserved_bit() {
    for role in ROLES {
        let mut connection = with(role, Config::default());
        let large = vec![7; 70_000];
        connection.text("a").unwrap();
        connection.binary(b"bc").unwrap();
        connection.binary(large.clone()).unwrap();
        connection.text(String::from("d")).unwrap();
        connection.binary(Bytes::from_static(b"e")).unwrap();
        connection.text(b"bytes that are text").unwrap();
        let frames = out(role, &mut connection);
        let expected =
            [(1, true, 1), (2, true, 2), (2, true, 70_000), (1, true, 1), (2, true, 1), (1, true, 19)];
        assert_eq!(shapes(&frames), expected);
        assert!(frames.iter().all(|frame| frame.rsv == 0));
        assert_eq!(frames[2].payload, large);
    }
}

#[test]
fn s5_3_a_client_takes_a_fresh_key_for_each_frame_and_the_same_seed_gives_the_same_bytes() {
    let wire = |seed| {
        let mut client = Connection::client(Config::default(), Keys::from_seed([seed; 32]));
        for _ in 0..100 {
            client.binary(b"").unwrap();
        }
        drain(&mut client)
    };
    let first = wire(1);
    assert_eq!((first.len(), &first, wire(2) == first), (600, &wire(1), false));
    let keys: std::collections::HashSet<_> = first.chunks(6).map(|frame| &frame[2..]).collect();
    assert_eq!(keys.len(), 100);
}

#[test]
fn beyond_the_high_water_mark_data_and_pings_are_refused_until_output_was_taken() {
    for role in ROLES {
        let mut connection = with(role, Config::default().high_water(100));
        assert_eq!((connection.config().high_water, connection.has_room()), (100, true));
        connection.binary(&[1; 500]).unwrap();
        let queued = connection.queued();
        assert!(!connection.has_room());
        assert_eq!(connection.binary(b""), Err(SendError::Full));
        assert_eq!(connection.text("x"), Err(SendError::Full));
        assert_eq!(connection.begin_text("x"), Err(SendError::Full));
        assert_eq!(connection.ping(b""), Err(SendError::Full));
        assert_eq!(connection.prepared(&Prepared::binary(b"x")), Err(SendError::Full));
        assert_eq!(connection.queued(), queued);
        assert_eq!(out(role, &mut connection).len(), 1);

        connection.binary(&[2; 10]).unwrap();
        // One byte below the mark: a message of any size, and the queue is full.
        let header = connection.queued() - 10;
        let rest = 99 - connection.queued() - header;
        connection.binary(&vec![3; rest]).unwrap();
        assert_eq!((connection.queued(), connection.has_room()), (99, true));
        connection.binary(&[4; 5000]).unwrap();
        assert_eq!((connection.has_room(), connection.binary(b"")), (false, Err(SendError::Full)));
        // At the mark it is too.
        let len = connection.queued();
        connection.output().advance(len - 100);
        assert_eq!((connection.queued(), connection.has_room()), (100, false));
        connection.output().advance(1);
        assert!(connection.has_room());
        // A Close is no data: it always goes.
        connection.text("").unwrap();
        assert!(!connection.has_room());
        assert_eq!(connection.close(None, ""), Ok(()));
    }
}

#[test]
fn a_refused_payload_comes_back_as_it_was() {
    let mut connection = with(Role::Server, Config::default().high_water(10));
    connection.text("0123456789").unwrap();
    let vec = vec![1, 2, 3];
    let pointer = vec.as_ptr();
    let (why, back) = error(connection.binary(vec).unwrap_err());
    assert_eq!((why, &back[..], back.as_ptr()), (SendError::Full, &[1, 2, 3][..], pointer));
    let (why, back) = error(connection.text(String::from("text")).unwrap_err());
    assert_eq!((why, &*back), (SendError::Full, "text"));
    let (why, back) = error(connection.binary(Bytes::from_static(b"bytes")).unwrap_err());
    assert_eq!((why, &back[..]), (SendError::Full, &b"bytes"[..]));
    let (why, back) = error(connection.more(vec![9]).unwrap_err());
    assert_eq!((why, &back[..]), (SendError::NotBegun, &[9][..]));

    let mut wire = from_peer(Role::Server, 0x81, b"what was received");
    let mut input = &mut wire[..];
    let Ok(Some(Event::Text { text, .. })) = connection.receive(&mut input) else { panic!("no event") };
    let (why, back) = error(connection.text(text).unwrap_err());
    assert_eq!((why, &*back, back.is_lent()), (SendError::Full, "what was received", true));

    let mut wire = from_peer(Role::Server, 0x82, b"echo");
    let mut input = &mut wire[..];
    let Ok(Some(Event::Binary { data, .. })) = connection.receive(&mut input) else { panic!("no event") };
    let (why, back) = error(connection.binary(data).unwrap_err());
    assert_eq!((why, &back[..], back.is_lent()), (SendError::Full, &b"echo"[..], true));
    assert_eq!(out(Role::Server, &mut connection).len(), 1);
    connection.binary(back).unwrap();
    assert_eq!(joined(&out(Role::Server, &mut connection)), b"echo");
}

#[test]
fn s5_4_fragments_carry_the_opcode_first_and_fin_last() {
    for role in ROLES {
        let mut connection = with(role, Config::default());
        connection.begin_text("a").unwrap();
        connection.more("").unwrap();
        connection.more(vec![b'b'; 2000]).unwrap();
        connection.finish("").unwrap();
        connection.begin_binary(b"").unwrap();
        connection.finish(b"\xff").unwrap();
        let frames = out(role, &mut connection);
        let text = [(1, false, 1), (0, false, 0), (0, false, 2000), (0, true, 0)];
        assert_eq!(shapes(&frames), [&text[..], &[(2, false, 0), (0, true, 1)]].concat());
    }
}

#[test]
fn s5_4_between_fragments_only_control_frames_are_accepted() {
    for role in ROLES {
        let mut connection = with(role, Config::default());
        assert_eq!(connection.more("x"), Err(SendError::NotBegun));
        assert_eq!(connection.finish("x"), Err(SendError::NotBegun));
        connection.begin_text("a").unwrap();
        assert_eq!(connection.text("x"), Err(SendError::Unfinished));
        assert_eq!(connection.binary(b"x"), Err(SendError::Unfinished));
        assert_eq!(connection.begin_text("x"), Err(SendError::Unfinished));
        assert_eq!(connection.begin_binary(b"x"), Err(SendError::Unfinished));
        assert_eq!(connection.prepared(&Prepared::binary(b"x")), Err(SendError::Unfinished));
        assert!(connection.has_room(), "for a fragment");
        // RFC 6455 §5.6: a fragment of text is text here, so that a fault shows where it was made.
        assert_eq!(connection.more(b"\xff"), Err(SendError::NotUtf8));
        assert_eq!(connection.finish(b"\xff"), Err(SendError::NotUtf8));
        assert_eq!(shapes(&out(role, &mut connection)), [(1, false, 1)]);
        connection.ping(b"?").unwrap();
        connection.pong(b"!").unwrap();
        connection.finish("b").unwrap();
        assert_eq!(connection.finish("x"), Err(SendError::NotBegun));
        connection.begin_binary(b"x").unwrap();
        connection.close(Some(CloseCode::NORMAL), "").unwrap();
        assert_eq!(connection.more(b"x"), Err(SendError::Closed));
        assert_eq!(connection.finish(b"x"), Err(SendError::Closed));
        let expected = [(9, true, 1), (10, true, 1), (0, true, 1), (2, false, 1), (8, true, 2)];
        assert_eq!(shapes(&out(role, &mut connection)), expected);
    }
}

#[test]
fn s5_4_large_messages_are_cut_into_frames_of_the_set_size() {
    for role in ROLES {
        for most in [10, 2000] {
            let mut connection = with(role, Config::default().fragment(most));
            let data: Vec<u8> = (0..most * 2 + 5).map(|i| (i % 251) as u8).collect();
            connection.binary(&data[..most]).unwrap();
            connection.binary(data.clone()).unwrap();
            connection.binary(&data).unwrap();
            connection.begin_binary(&data[..most + 1]).unwrap();
            connection.finish(data[..most * 2].to_vec()).unwrap();
            let frames = out(role, &mut connection);
            let cut = [(2, false, most), (0, false, most), (0, true, 5)];
            let fragments = [(2, false, most), (0, false, 1), (0, false, most), (0, true, most)];
            let expected = [&[(2, true, most)], &cut[..], &cut, &fragments].concat();
            assert_eq!(shapes(&frames), expected, "{role:?}");
            assert_eq!((joined(&frames[1..4]), joined(&frames[4..7])), (data.clone(), data.clone()));
        }
        let mut connection = with(role, Config::default().fragment(0));
        connection.text("ab").unwrap();
        assert_eq!(shapes(&out(role, &mut connection)), [(1, false, 1), (0, true, 1)], "zero counts as one");
    }
}

#[test]
fn a_prepared_message_is_the_frame_that_the_call_would_have_made() {
    for role in ROLES {
        for len in [0, 5, 125, 126, 1023, 1024, 65_535, 65_536] {
            let text = "t".repeat(len);
            let mut connection = with(role, Config::default());
            connection.prepared(&Prepared::text(&text).unwrap()).unwrap();
            connection.text(&text).unwrap();
            connection.prepared(&Prepared::binary(text.as_bytes())).unwrap();
            let frames = out(role, &mut connection);
            assert_eq!(frames[0], Frame::text(&text));
            assert_eq!(frames[0], frames[1]);
            assert_eq!((frames[2].opcode, frames[2].payload.as_slice()), (2, text.as_bytes()));
        }
    }
    assert_eq!(Prepared::text(b"\xff").unwrap_err(), SendError::NotUtf8);
    assert!(Prepared::text(b"text").is_ok());
}

#[test]
fn close_now_takes_back_what_nobody_has_seen_and_says_how_much() {
    for role in ROLES {
        let mask = if role == Role::Client { 4 } else { 0 };
        let mut connection = with(role, Config::default());
        connection.text("first").unwrap();
        connection.binary(vec![0; 2000]).unwrap();
        connection.ping(b"").unwrap();
        let dropped = connection.close_now(Some(CloseCode::GOING_AWAY), "").unwrap();
        // The ping went before both and is kept: it takes the place of nothing.
        assert_eq!(dropped, Dropped { frames: 2, bytes: 2 + mask + 5 + 4 + mask + 2000 });
        assert_eq!(shapes(&out(role, &mut connection)), [(9, true, 0), (8, true, 2)]);
        assert_eq!(connection.close_now(None, ""), Err(SendError::Closed));

        let mut connection = with(role, Config::default());
        connection.text("first").unwrap();
        bytes::Buf::advance(&mut connection.output(), 3);
        connection.text("second").unwrap();
        let refused = connection.close_now(None, "no code");
        assert_eq!(refused, Err(SendError::ReasonWithoutCode));
        let dropped = connection.close_now(None, "").unwrap();
        assert_eq!(dropped, Dropped { frames: 1, bytes: 2 + mask + 6 }, "what was begun is finished");
        assert_eq!(connection.queued(), 2 + mask + 5 - 3 + 2 + mask);
    }
}

#[test]
fn a_session_writes_whole_frames_or_nothing() {
    let config = Config::default();
    for role in ROLES {
        let mut keys = support::subject::keys();
        let mut session = match role {
            Role::Server => Session::server(&config),
            Role::Client => Session::client(&config, &mut keys),
        };
        let mut out = [0; 64];
        let len = session.frame_len(5);
        assert_eq!(len, if role == Role::Client { 11 } else { 7 });
        assert_eq!(session.text("hello", &mut out[..len - 1]), Err(SendError::Full));
        assert_eq!(out, [0; 64]);
        assert_eq!(session.text("hello", &mut out[..len]), Ok(len));
        assert_eq!(frames(role, &out[..len]), [Frame::text("hello")]);
        let ping = ControlPayload::new(b"p").unwrap();
        assert_eq!(session.ping(&ping, &mut []), Err(SendError::Full));
        let len = session.ping(&ping, &mut out).unwrap();
        assert_eq!(frames(role, &out[..len]), [Frame::ping(b"p")]);
        assert_eq!(session.more(b"x", &mut out), Err(SendError::NotBegun));
        assert_eq!(session.begin_text("h", &mut []), Err(SendError::Full));
        let mut wire = vec![];
        let len = session.begin_text("h", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        assert_eq!(session.binary(b"x", &mut out), Err(SendError::Unfinished));
        assert_eq!(session.more(b"\xff", &mut out), Err(SendError::NotUtf8));
        assert_eq!(session.finish(b"i", &mut []), Err(SendError::Full));
        let len = session.finish(b"i", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        assert_eq!(shapes(&frames(role, &wire)), [(1, false, 1), (0, true, 1)]);
        let mut wire = vec![];
        assert_eq!(session.begin_binary(b"\xff", &mut []), Err(SendError::Full));
        let len = session.begin_binary(b"\xff", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        assert_eq!(session.begin_binary(b"", &mut out), Err(SendError::Unfinished));
        let len = session.finish(b"\xfe", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        assert_eq!(shapes(&frames(role, &wire)), [(2, false, 1), (0, true, 1)]);
        assert_eq!(joined(&frames(role, &wire)), b"\xff\xfe");
        assert_eq!(session.close(None, "", &mut []), Err(SendError::Full));
        let len = session.close(None, "", &mut out).unwrap();
        assert_eq!(frames(role, &out[..len]), [Frame::close(None)]);
        assert_eq!(session.binary(b"x", &mut out), Err(SendError::Closed));
    }
}

#[test]
fn s5_2_a_session_knows_the_bytes_of_a_frame_at_every_form_of_length() {
    let config = Config::default();
    for role in ROLES {
        let mut keys = support::subject::keys();
        let mut session = match role {
            Role::Server => Session::server(&config),
            Role::Client => Session::client(&config, &mut keys),
        };
        for (payload_len, header) in
            [(0, 2), (125, 2), (126, 4), (127, 4), (0xfffe, 4), (0xffff, 4), (0x1_0000, 10)]
        {
            let len = header + payload_len + if role == Role::Client { 4 } else { 0 };
            assert_eq!(session.frame_len(payload_len), len);
            let data: Vec<u8> = (0..payload_len).map(|at| at.to_le_bytes()[0]).collect();
            let mut out = vec![0; len];
            assert_eq!(session.binary(&data, &mut out[..len - 1]), Err(SendError::Full));
            assert_eq!(session.binary(&data, &mut out), Ok(len));
            assert_eq!(frames(role, &out), [Frame::new(2, &data)]);
        }
        // More than there is memory for: no overflow.
        assert_eq!(session.frame_len(usize::MAX), usize::MAX);
    }
}

#[test]
fn s5_4_s5_5_a_session_writes_fragments_pings_and_pongs_of_the_callers() {
    let config = Config::default();
    for role in ROLES {
        let mut keys = support::subject::keys();
        let mut session = match role {
            Role::Server => Session::server(&config),
            Role::Client => Session::client(&config, &mut keys),
        };
        let payload = ControlPayload::new(b"there?").unwrap();
        let (mut out, mut wire) = ([0; 64], vec![]);
        let len = session.begin_binary(b"\xff", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        // Control frames may stand between fragments.
        let len = session.ping(&payload, &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        let len = session.pong(&payload, &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        let len = session.more(b"\xfe", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        let len = session.finish(b"\xfd", &mut out).unwrap();
        wire.extend_from_slice(&out[..len]);
        let wanted = [
            Frame::new(2, b"\xff").unfinished(),
            Frame::ping(b"there?"),
            Frame::pong(b"there?"),
            Frame::new(0, b"\xfe").unfinished(),
            Frame::new(0, b"\xfd"),
        ];
        assert_eq!(frames(role, &wire), wanted);
        assert_eq!(session.ping(&payload, &mut out[..len]), Err(SendError::Full));
    }
}

#[test]
fn s5_4_fragments_of_no_bytes_count_as_of_one_and_an_empty_message_is_a_frame() {
    for role in ROLES {
        let mut connection = with(role, Config::default().fragment(0));
        connection.binary(&b""[..]).unwrap();
        connection.binary(&b"ab"[..]).unwrap();
        assert_eq!(shapes(&out(role, &mut connection)), [(2, true, 0), (2, false, 1), (0, true, 1)]);
    }
}
