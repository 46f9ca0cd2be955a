//! What comes behind a fault, and what is left of it (RFC 6455 §7.1.7).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use heap::Heap;
use sockless::{Config, Connection, Decoder, Keys, Limits, ProtocolError, Role, SendError, Transport};
use support::figure::Figure;
use support::hostile::{header, ignore, in_words, pour};
use support::subject::{KINDS, ROLES, Subject, connection, drain, frames, from_peer};
use support::wire::Frame;

/// One of each kind of fault, as the peer of this role commits it, behind the beginning of a text.
fn faults(role: Role) -> Vec<(Vec<u8>, ProtocolError)> {
    let frame = |head, payload: &[u8]| from_peer(role, head, payload);
    let wrong_mask = match role {
        Role::Server => (b"\x80\x01x".to_vec(), ProtocolError::UnmaskedFrame),
        Role::Client => (b"\x80\x81\0\0\0\0x".to_vec(), ProtocolError::MaskedFrame),
    };
    let masked = u8::from(role == Role::Server) << 7;
    vec![
        (frame(0x83, b""), ProtocolError::ReservedOpcode),
        (frame(0x8f, b""), ProtocolError::ReservedOpcode),
        (frame(0xc0, b"x"), ProtocolError::ReservedBits),
        (frame(0x90, b"x"), ProtocolError::ReservedBits),
        (frame(0x09, b""), ProtocolError::FragmentedControl),
        (frame(0x89, &[0; 126]), ProtocolError::ControlTooLong),
        (frame(0x81, b"x"), ProtocolError::InterleavedMessage),
        (wrong_mask.0, wrong_mask.1),
        (vec![0x80, masked | 126, 0, 5, 0, 0, 0, 0], ProtocolError::LengthNotShortest),
        (vec![0x80, masked | 127, 0x80, 0, 0, 0, 0, 0, 0, 0], ProtocolError::LengthTopBit),
        (header(role, 0x80, 1 << 40), ProtocolError::FrameTooBig),
        (frame(0x80, b"\xff"), ProtocolError::InvalidUtf8),
        (frame(0x80, b"\xe2\x82"), ProtocolError::InvalidUtf8),
        (frame(0x88, b"\x03"), ProtocolError::TruncatedCloseCode),
        (frame(0x88, &1005_u16.to_be_bytes()), ProtocolError::InvalidCloseCode),
        (frame(0x88, b"\x03\xe8\xff"), ProtocolError::InvalidCloseReason),
    ]
}

#[test]
fn reading_on_behind_any_fault_gives_the_same_fault_and_no_event() {
    let mut figure = Figure::new("frames behind any fault", 0, "events");
    for role in ROLES {
        for (wire, fault) in faults(role) {
            for kind in KINDS {
                let mut subject = Subject::new(kind, role, Config::default());
                subject.feed(&from_peer(role, 0x01, b"begun "));
                subject.feed(&wire);
                assert_eq!(subject.error.map(|(fault, _)| fault), Some(fault), "{kind:?} {role:?}");
                let events = subject.events.len();
                let answer = subject.take_frames();
                assert_eq!(answer, [Frame::close(Some(fault.close_code().value()))]);
                for next in
                    [from_peer(role, 0x80, b"end"), from_peer(role, 0x89, b"?"), from_peer(role, 0x88, b"")]
                {
                    subject.feed(&next);
                }
                assert_eq!(events, 0, "no event before it");
                figure.saw(subject.events.len(), &in_words(&answer));
                assert_eq!(subject.take_frames(), [], "and no second answer");
                assert_eq!(subject.transport(), Transport::ShutdownWrite);
                assert_eq!(subject.text("x"), Err(SendError::Closed));
            }
        }
    }
    figure.tell();
}

#[test]
fn a_decoder_alone_sticks_to_its_fault_and_reserves_nothing() {
    let mut figure = Figure::new("any fault, in a decoder alone", 0, "bytes of heap");
    for role in ROLES {
        for (wire, fault) in faults(role) {
            // What is inside a text or a Close is not the decoder's to judge.
            let inside = [
                ProtocolError::InvalidUtf8,
                ProtocolError::InvalidCloseCode,
                ProtocolError::InvalidCloseReason,
            ];
            if inside.contains(&fault) {
                continue;
            }
            let mut wire = [from_peer(role, 0x01, b"begun"), wire].concat();
            let mut decoder = Decoder::new(role, Limits::default());
            let ((), heap) = heap::during(|| {
                let mut input = &mut wire[..];
                let first = loop {
                    match decoder.decode(&mut input) {
                        Ok(chunk) => assert!(chunk.is_some(), "the fault comes with these bytes"),
                        Err(fault) => break fault,
                    }
                };
                assert_eq!(first, fault);
            });
            assert_eq!(heap, Heap::default());
            figure.saw(heap.peak, "the same fault again");
            let mut valid = from_peer(role, 0x80, b"end");
            assert_eq!(decoder.decode(&mut &mut valid[..]).err(), Some(fault));
        }
    }
    figure.tell();
}

#[test]
fn a_fault_a_close_and_the_end_free_what_was_put_together() {
    let mut figure = Figure::new("50,000 bytes begun, then an end", 0, "bytes of heap left behind");
    for role in ROLES {
        let config = std::sync::Arc::new(Config::default());
        let begun =
            [from_peer(role, 0x01, &[b'x'; 50_000]), from_peer(role, 0x89, b"torn ping")[..5].to_vec()];
        for ending in ["fault", "close", "end"] {
            let mut connection = match role {
                Role::Server => Connection::server(config.clone()),
                Role::Client => Connection::client(config.clone(), Keys::from_seed([1; 32])),
            };
            let mut out = Vec::with_capacity(64);
            let ((), heap) = heap::during(|| {
                let begun = if ending == "end" { begun.concat() } else { begun[0].clone() };
                pour(&mut connection, &begun, 1000, ignore).unwrap();
                match ending {
                    "fault" => {
                        assert!(pour(&mut connection, &from_peer(role, 0x83, b""), 64, ignore).is_err())
                    }
                    "close" => {
                        assert!(pour(&mut connection, &from_peer(role, 0x88, b""), 64, ignore).is_ok())
                    }
                    _ => connection.receive_eof(),
                }
                out.extend(drain(&mut connection));
                connection.release();
            });
            assert!(heap.peak >= 50_000, "{ending}: {heap:?}");
            figure.saw(heap.held, &in_words(&frames(role, &out)));
        }
    }
    figure.tell();
}

#[test]
fn what_is_shown_for_a_log_has_no_payload_in_it() {
    let secret = b"secret\n\x1b[2J";
    let spelt = ["secret", "115, 101, 99", "\\x1b", "\n", "240, 159"];
    let mut figure = Figure::new("secrets and control characters in a log", 0, "payloads shown");
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        connection.binary(&secret.repeat(2)).unwrap();
        connection.binary(secret.repeat(1000)).unwrap();
        let mut shown = vec![];
        let wire = [
            from_peer(role, 0x82, secret),
            from_peer(role, 0x89, secret),
            from_peer(role, 0x02, secret),
            from_peer(role, 0x80, secret)[..9].to_vec(),
        ];
        pour(&mut connection, &wire.concat(), 1000, |_, event| shown.push(format!("{event:?}"))).unwrap();
        shown.push(format!("{connection:?}"));
        connection.binary(secret.repeat(200_000)).unwrap();
        shown.push(format!("{:?}", connection.binary(secret.repeat(200_000)).unwrap_err()));
        let mut torn =
            support::subject::connection(role, Config::default().delivery(sockless::Delivery::Parts));
        pour(&mut torn, &from_peer(role, 0x01, b"\xf0\x9f\x98"), 1000, |_, _| {}).unwrap();
        shown.push(format!("{torn:?}"));
        let (receiver, sender) = connection.split();
        shown.push(format!("{receiver:?} {sender:?}"));
        let mut decoder = Decoder::new(role, Limits::default());
        let mut wire = from_peer(role, 0x82, secret);
        shown.push(format!("{:?}", decoder.decode(&mut &mut wire[..])));
        assert!(shown.len() >= 6, "{shown:?}");
        let told = shown.iter().filter(|shown| spelt.iter().any(|spelt| shown.contains(spelt)));
        figure.saw(told.count(), "lengths only");
    }
    figure.tell();
}
