//! Frames and closing in the dialects before RFC 6455: hixie-76 §4.2, §4.3, §5.3, §5.4, §6, and hixie-75.
#![cfg(feature = "hixie")]

mod support;

use std::time::Duration;

use bytes::Buf;
use serde_json::Value;
use sockless::hixie::{Connection, Dialect, InvalidText};
use sockless::{
    Cause, CloseCode, Config, Deadline, Delivery, EndCode, Event, Limits, Moment, ProtocolError, Refused,
    Reply, SendError, Timeouts, Transport,
};
use support::pieces::cuts;
use support::vectors::{bytes, id, load};

fn server(config: Config) -> Connection {
    Connection::server(Dialect::Hixie76, config, InvalidText::Replace)
}

fn client(config: Config) -> Connection {
    Connection::client(Dialect::Hixie76, config)
}

fn written(connection: &mut Connection) -> Vec<u8> {
    let len = connection.queued();
    connection.output().copy_to_bytes(len).into()
}

/// The texts and the Close that come of this input; texts in parts are put together.
fn receive(connection: &mut Connection, pieces: &[Vec<u8>]) -> (Vec<String>, Result<(), ProtocolError>) {
    let (mut seen, mut text) = (Vec::new(), String::new());
    for piece in pieces {
        let mut piece = piece.clone();
        let mut input = &mut piece[..];
        loop {
            match connection.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(Event::Text { text: part, first, last })) => {
                    assert_eq!(first, text.is_empty() || text == "…", "first: {part:?}");
                    if first {
                        text.clear();
                    }
                    text.push_str(&part);
                    if last {
                        seen.push(std::mem::take(&mut text));
                    } else if text.is_empty() {
                        text.push('…');
                    }
                }
                Ok(Some(Event::Close { code: None, reason })) if reason.is_empty() => {
                    seen.push("CLOSE".into())
                }
                Ok(Some(event)) => panic!("{event:?}"),
                Err(fault) => return (seen, Err(fault)),
            }
        }
        assert!(input.is_empty());
    }
    (seen, Ok(()))
}

fn received(connection: &mut Connection, wire: &[u8]) -> Vec<String> {
    let (seen, result) = receive(connection, &[wire.to_vec()]);
    assert_eq!(result, Ok(()));
    seen
}

#[test]
fn s4_2_frame_vectors() {
    let rows = load("hixie");
    let rows: Vec<_> = rows.iter().filter(|row| row["kind"] == "hixie76-frames").collect();
    assert_eq!(rows.len(), 17);
    for row in rows {
        let wire = bytes(&row["input"]);
        let events: Vec<String> = row["expected"]["events"].as_array().unwrap().iter().map(seen).collect();
        for way in cuts(&wire) {
            for delivery in [Delivery::Messages, Delivery::Parts] {
                for make in [server, client] {
                    let mut connection = make(Config::default().delivery(delivery));
                    let (seen, result) = receive(&mut connection, &way);
                    assert_eq!(seen, events, "{} {delivery:?} {way:02x?}", id(row));
                    assert_eq!(
                        Some(connection.dropped()),
                        row["expected"]["error_flags"].as_u64(),
                        "{}",
                        id(row)
                    );
                    let wanted = row["expected"].get("error").map(|_| ProtocolError::FrameTooBig);
                    assert_eq!(result.err(), wanted, "{}", id(row));
                }
            }
        }
    }
}

fn seen(event: &Value) -> String {
    match event["type"].as_str() {
        Some("text") => event["text"].as_str().unwrap().into(),
        Some("close") => "CLOSE".into(),
        _ => panic!("{event}"),
    }
}

#[test]
fn s4_2_encode_vectors() {
    let rows = load("hixie");
    let rows: Vec<_> = rows.iter().filter(|row| row["kind"] == "hixie76-encode").collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        for make in [server, client] {
            let mut connection = make(Config::default());
            match row["input"]["text"].as_str() {
                Some(text) => connection.text(text).unwrap(),
                None => connection.close(None, "").unwrap(),
            }
            assert_eq!(written(&mut connection), bytes(&row["expected"]), "{}", id(row));
        }
    }
}

/// The lengths of the vectors, as those of frames that are skipped.
#[test]
fn s4_2_length_vectors() {
    let rows = load("hixie");
    let rows: Vec<_> = rows.iter().filter(|row| row["kind"] == "hixie76-length").collect();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let length = row["input"]["length"].as_u64().unwrap();
        let wire =
            [vec![0x80], bytes(&row["expected"]), vec![b'x'; length as usize], b"\0ok\xff".to_vec()].concat();
        for way in cuts(&wire) {
            let mut connection = server(Config::default().limits(Limits::for_messages(length.max(2))));
            assert_eq!(receive(&mut connection, &way), (vec!["ok".into()], Ok(())), "{}", id(row));
            assert_eq!(connection.dropped(), 1);
        }
        if length > 0 {
            let mut connection = server(Config::default().limits(Limits::for_messages(length - 1)));
            assert_eq!(receive(&mut connection, &[wire]).1, Err(ProtocolError::FrameTooBig), "{}", id(row));
        }
    }
}

#[test]
fn s4_2_a_length_beyond_64_bits_is_over_any_limit() {
    let mut connection = client(Config::default().limits(Limits::UNLIMITED));
    // 2⁶³ and more in nine digits fit, ten do not.
    assert_eq!(receive(&mut connection, &[[&[0x80][..], &[0xff; 9]].concat()]), (vec![], Ok(())));
    assert_eq!(receive(&mut connection, &[vec![0x7f]]), (vec![], Err(ProtocolError::FrameTooBig)));
    assert_eq!(
        receive(&mut connection, &[b"\0late\xff".to_vec()]).1,
        Err(ProtocolError::FrameTooBig),
        "it sticks"
    );
}

#[test]
fn limits_hold_to_the_byte() {
    let limits = Limits::for_messages(5);
    for delivery in [Delivery::Messages, Delivery::Parts] {
        let config = Config::default().limits(limits).delivery(delivery);
        for (wire, wanted) in [
            (&b"\0Hello\xff"[..], Ok("Hello")),
            (b"\0Hello!", Err(ProtocolError::MessageTooBig)),
            // What is replaced counts as what replaces it.
            (b"\0ab\x80\xff", Ok("ab\u{fffd}")),
            (b"\0abc\x80\xff", Err(ProtocolError::MessageTooBig)),
            (b"\0ab\xe2\x82\xff", Err(ProtocolError::MessageTooBig)),
            // So do frames that are dropped.
            (b"\x01Hello\xff\0x\xff", Ok("x")),
            (b"\x01Hello!", Err(ProtocolError::MessageTooBig)),
            (b"\x80\x05Hello\0x\xff", Ok("x")),
            (b"\x80\x06", Err(ProtocolError::FrameTooBig)),
        ] {
            for way in cuts(wire) {
                let (seen, result) = receive(&mut server(config), &way);
                let seen = result.map(|()| seen.concat());
                assert_eq!(seen, wanted.map(str::to_owned), "{wire:02x?} {way:02x?}");
            }
        }
    }
}

/// A client replaces (§4.3), a server may refuse (§5.4).
#[test]
fn s5_4_text_that_is_not_utf_8() {
    for wire in [
        &b"\0a\x80b\xff"[..],
        b"\0\xe2\x82\xff",
        b"\0\xe2\x82b\xff",
        b"\0\xf0\x80\x80\x80\xff",
        b"\0\xed\xa0\x80\xff",
    ] {
        let replaced = String::from_utf8_lossy(&wire[1..wire.len() - 1]).into_owned();
        for way in cuts(wire) {
            for delivery in [Delivery::Messages, Delivery::Parts] {
                let config = Config::default().delivery(delivery);
                for make in [server, client] {
                    let (seen, result) = receive(&mut make(config), &way);
                    assert_eq!((seen, result), (vec![replaced.clone()], Ok(())), "{way:02x?}");
                }
                let mut strict = Connection::server(Dialect::Hixie76, config, InvalidText::Refuse);
                assert_eq!(
                    receive(&mut strict, &way),
                    (vec![], Err(ProtocolError::InvalidUtf8)),
                    "{way:02x?}"
                );
            }
        }
    }
}

#[test]
fn what_lies_whole_in_the_input_is_lent() {
    let mut connection = server(Config::default());
    let mut wire = b"\0Hello\xff\0torn".to_vec();
    let mut input = &mut wire[..];
    assert!(matches!(connection.receive(&mut input), Ok(Some(Event::Text { text, .. })) if text.is_lent()));
    assert!(matches!(connection.receive(&mut input), Ok(None)));
    let mut rest = *b"!\xff";
    let mut input = &mut rest[..];
    let event = connection.receive(&mut input).unwrap().unwrap();
    assert!(matches!(event, Event::Text { text, .. } if !text.is_lent() && &*text == "torn!"));
}

#[test]
fn s4_2_there_is_text_alone() {
    let mut connection = server(Config::default());
    assert_eq!(connection.binary(b"..."), Err(SendError::NotInDialect));
    let Err(Refused { error, payload }) = connection.binary(vec![1, 2]) else { panic!("sent") };
    assert_eq!((error, payload), (SendError::NotInDialect, vec![1, 2]));
    assert_eq!(connection.ping(b""), Err(SendError::NotInDialect));
    assert_eq!(connection.pong(b""), Err(SendError::NotInDialect));
    assert_eq!(connection.text(b"\xff"), Err(SendError::NotUtf8));
    assert_eq!(connection.queued(), 0);
    assert!(connection.has_room());
    connection.text(b"as bytes").unwrap();
    assert_eq!(written(&mut connection), b"\0as bytes\xff");
}

#[test]
fn output_is_bounded_and_in_order() {
    let mut connection = server(Config::default().high_water(20));
    connection.text("x".repeat(100).as_str()).expect("below the mark any size is taken");
    assert!(!connection.has_room());
    assert_eq!(connection.text("y"), Err(SendError::Full));
    let shown = connection.output().chunk().to_vec();
    assert_eq!(shown.len(), 102);
    connection.output().advance(100);
    connection.text("y").unwrap();
    assert_eq!(connection.output().chunk(), b"x\xff\0y\xff");
    for _ in 0..10_000 {
        connection.output().advance(1);
        let _ = connection.text("z");
    }
    let rest = written(&mut connection);
    assert!(rest.len() <= 22 && rest.ends_with(b"\0z\xff"), "{rest:02x?}");
    connection.release();
    assert_eq!(connection.queued(), 0);
}

#[test]
fn s4_2_the_closing_handshake() {
    // Whoever begins: both frames, and it is clean.
    for make in [server, client] {
        let mut connection = make(Config::default());
        connection.text("last").unwrap();
        connection.close(Some(CloseCode::NORMAL), "bye").unwrap();
        assert_eq!(connection.text("late"), Err(SendError::Closed));
        assert_eq!(connection.close(None, ""), Err(SendError::Closed));
        assert_eq!(written(&mut connection), b"\0last\xff\xff\0");
        assert_eq!(connection.transport(), Transport::Keep);
        assert_eq!(received(&mut connection, b"\0still\xff\xff\0\0ignored\xff"), ["still", "CLOSE"]);
        assert_eq!(connection.queued(), 0);
        connection.receive_eof();
        assert_eq!(connection.transport(), Transport::Close);
        let end = connection.end().unwrap();
        assert_eq!((end.code, end.was_clean, end.cause), (EndCode::NO_STATUS, true, Cause::ClosedHere));
        assert_eq!(connection.end(), None);

        let mut connection = make(Config::default());
        assert_eq!(received(&mut connection, b"\xff\0"), ["CLOSE"]);
        assert_eq!(written(&mut connection), b"\xff\0");
        connection.receive_eof();
        assert_eq!(connection.end().map(|end| (end.was_clean, end.cause)), Some((true, Cause::ClosedByPeer)));
    }
    let mut connection = server(Config::default());
    received(&mut connection, b"\xff\0");
    written(&mut connection);
    assert_eq!(connection.transport(), Transport::ShutdownWrite, "the server ends the transport");
}

#[test]
fn s4_2_a_close_may_be_answered_by_hand() {
    let mut connection = server(Config::default().closes(Reply::Manual));
    assert_eq!(received(&mut connection, b"\xff\0"), ["CLOSE"]);
    connection.text("before it").unwrap();
    connection.close(None, "").unwrap();
    assert_eq!(written(&mut connection), b"\0before it\xff\xff\0");
}

#[test]
fn s4_2_an_unanswered_close_runs_out() {
    let mut connection = client(Config::default());
    connection.close(None, "").unwrap();
    written(&mut connection);
    let due = connection.poll_timeout(Moment::ORIGIN).unwrap();
    connection.handle_timeout(due);
    assert_eq!(connection.transport(), Transport::Abort);
    assert_eq!(connection.end().map(|end| end.cause), Some(Cause::TimedOut(Deadline::Close)));
}

#[test]
fn s4_2_a_transport_that_the_server_does_not_end_is_closed() {
    let mut connection = client(Config::default());
    received(&mut connection, b"\xff\0");
    written(&mut connection);
    assert_eq!(connection.transport(), Transport::Keep, "the server ends the transport");
    let due = connection.poll_timeout(Moment::ORIGIN).unwrap();
    connection.handle_timeout(due);
    assert_eq!(connection.transport(), Transport::Close);
    assert_eq!(connection.end().map(|end| (end.was_clean, end.cause)), Some((true, Cause::ClosedByPeer)));
}

#[test]
fn hixie_75_has_no_closing_handshake() {
    for role in ["server", "client"] {
        let make = || match role {
            "server" => Connection::server(Dialect::Hixie75, Config::default(), InvalidText::Replace),
            _ => Connection::client(Dialect::Hixie75, Config::default()),
        };
        let mut connection = make();
        assert_eq!(received(&mut connection, b"\xff\0\0a\xff"), ["a"]);
        assert_eq!(connection.dropped(), 1);
        connection.text("last").unwrap();
        connection.close(None, "").unwrap();
        assert_eq!(connection.text("late"), Err(SendError::Closed));
        assert_eq!(connection.transport(), Transport::Keep, "first what is queued");
        assert_eq!(written(&mut connection), b"\0last\xff");
        assert_eq!(connection.transport(), Transport::ShutdownWrite);
        connection.receive_eof();
        assert_eq!(connection.transport(), Transport::Close);
        let end = connection.end().unwrap();
        assert_eq!((end.code, end.was_clean, end.cause), (EndCode::ABNORMAL, false, Cause::ClosedHere));

        let mut connection = make();
        connection.receive_eof();
        assert_eq!(connection.end().map(|end| end.cause), Some(Cause::TransportEnded));
    }
}

/// §6: to fail is to end the transport.
#[test]
fn s6_a_fault_ends_the_transport() {
    for make in [server, client] {
        let mut connection = make(Config::default().limits(Limits::for_messages(3)));
        assert_eq!(
            receive(&mut connection, &[b"\0abc\xff\0abcd\xff".to_vec()]).1,
            Err(ProtocolError::MessageTooBig)
        );
        assert_eq!(connection.queued(), 0, "no closing frame");
        assert_eq!(connection.text("x"), Err(SendError::Closed));
        assert_eq!(connection.transport(), Transport::ShutdownWrite);
        connection.receive_eof();
        let end = connection.end().unwrap();
        assert_eq!((end.was_clean, end.cause), (false, Cause::Failed(ProtocolError::MessageTooBig)));
    }
}

#[test]
fn deadlines_without_pings() {
    // The default pings after 20 s: nothing is asked of a peer that could not answer.
    let mut connection = server(Config::default());
    assert_eq!(connection.poll_timeout(Moment::ORIGIN), None);
    connection.handle_timeout(Moment::ORIGIN + Duration::from_secs(3600));
    assert_eq!((connection.queued(), connection.transport()), (0, Transport::Keep));

    let timeouts = Timeouts { idle: Some(Duration::from_secs(60)), ..Timeouts::DEFAULT };
    let mut connection = server(Config::default().timeouts(timeouts));
    let due = connection.poll_timeout(Moment::ORIGIN).unwrap();
    connection.handle_timeout(due);
    assert_eq!(written(&mut connection), b"\xff\0");

    let mut connection = server(Config::default());
    connection.text("nobody takes it").unwrap();
    let due = connection.poll_timeout(Moment::ORIGIN).unwrap();
    connection.handle_timeout(due);
    assert_eq!(connection.transport(), Transport::Abort);
    assert_eq!(connection.end().map(|end| end.cause), Some(Cause::TimedOut(Deadline::Output)));
}
