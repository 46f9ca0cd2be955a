//! What a peer may ask for (RFC 6455 §10.4): each limit met exactly passes, and one more is a fault with its code.
#![cfg(feature = "alloc")]

mod support;

use sockless::{Config, FrameHeader, Limits, ProtocolError, Role};
use support::subject::{KINDS, ROLES, Seen, Subject, from_peer};
use support::wire::Frame;

/// Feeds frames to every receiver: the fault that comes of it, with its Close, and the events.
fn outcomes(limits: Limits, sent: &[(u8, usize)]) -> Vec<(Option<ProtocolError>, Vec<Seen>)> {
    let mut outcomes = vec![];
    for role in ROLES {
        let wire: Vec<u8> =
            sent.iter().flat_map(|&(head, len)| from_peer(role, head, &vec![b'x'; len])).collect();
        for kind in KINDS {
            for cuts in [vec![], (1..wire.len()).collect()] {
                let mut subject = Subject::new(kind, role, Config::default().limits(limits));
                subject.feed_cut(&wire, &cuts);
                let fault = subject.error.map(|(fault, _)| fault);
                let closes = subject.take_frames().into_iter().filter(|frame| frame.opcode == 8);
                let expected = fault.map(|fault| Frame::close(Some(fault.close_code().value())));
                assert_eq!(closes.collect::<Vec<_>>(), Vec::from_iter(expected));
                outcomes.push((fault, subject.events));
            }
        }
    }
    outcomes
}

fn all(limits: Limits, sent: &[(u8, usize)], fault: Option<ProtocolError>, events: &[Seen]) {
    let outcomes = outcomes(limits, sent);
    assert_eq!(outcomes.len(), 16);
    for outcome in outcomes {
        assert_eq!(outcome, (fault, events.to_vec()), "{limits:?} {sent:?}");
    }
}

fn binary(len: usize) -> Seen {
    Seen::Binary(vec![b'x'; len])
}

const HUNDRED: Limits = Limits { message: 100, frame: 60, fragments: 4 };

#[test]
fn s10_4_the_sum_of_a_message_is_limited_to_the_byte() {
    all(HUNDRED, &[(0x02, 60), (0x80, 40)], None, &[binary(100)]);
    all(HUNDRED, &[(0x02, 60), (0x80, 41)], Some(ProtocolError::MessageTooBig), &[]);
    all(HUNDRED, &[(0x02, 60), (0x80, 40), (0x82, 60)], None, &[binary(100), binary(60)]);
    assert_eq!(ProtocolError::MessageTooBig.close_code().value(), 1009);
}

#[test]
fn s10_4_a_frame_is_limited_to_the_byte() {
    all(HUNDRED, &[(0x82, 60)], None, &[binary(60)]);
    all(HUNDRED, &[(0x82, 61)], Some(ProtocolError::FrameTooBig), &[]);
    all(HUNDRED, &[(0x82, 1), (0x02, 0), (0x80, 61)], Some(ProtocolError::FrameTooBig), &[binary(1)]);
    all(Limits { message: 0, ..HUNDRED }, &[(0x82, 0)], None, &[binary(0)]);
    all(Limits { message: 0, ..HUNDRED }, &[(0x82, 1)], Some(ProtocolError::MessageTooBig), &[]);
    assert_eq!(ProtocolError::FrameTooBig.close_code().value(), 1009);
}

#[test]
fn s10_4_fragments_are_counted_empty_ones_too() {
    all(HUNDRED, &[(0x02, 0), (0x00, 0), (0x00, 0), (0x80, 0)], None, &[binary(0)]);
    let five = [(0x02, 0), (0x00, 0), (0x00, 0), (0x00, 0), (0x80, 0)];
    all(HUNDRED, &five, Some(ProtocolError::TooManyFragments), &[]);
    // Each message is counted anew.
    let twice = [&five[..3], &[(0x80, 1)], &five[..3], &[(0x80, 2)]].concat();
    all(HUNDRED, &twice, None, &[binary(1), binary(2)]);
    assert_eq!(ProtocolError::TooManyFragments.close_code().value(), 1008);
}

#[test]
fn s10_4_control_frames_are_not_counted_in_any_limit() {
    let ping = || Seen::Ping(vec![b'x'; 125]);
    let sent = [(0x02, 60), (0x89, 125), (0x00, 40), (0x89, 125), (0x00, 0), (0x89, 125), (0x80, 0)];
    all(HUNDRED, &sent, None, &[ping(), ping(), ping(), binary(100)]);
    // A ping after the last byte that is allowed.
    all(HUNDRED, &[(0x02, 60), (0x00, 40), (0x89, 125)], None, &[ping()]);
}

#[test]
fn s10_4_lengths_are_compared_as_64_bits_and_their_sum_does_not_wrap() {
    for role in ROLES {
        let masking_key = (role == Role::Server).then_some([0; 4]);
        let header = |fin, opcode, payload_len| FrameHeader { fin, rsv: 0, opcode, masking_key, payload_len };
        for len in [1 << 32, u64::MAX >> 1] {
            for kind in KINDS {
                let wire = header(true, 2, len).encode();
                let mut subject = Subject::new(kind, role, Config::default());
                subject.feed(wire.as_ref());
                assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::FrameTooBig), "{len}");
                let mut subject = Subject::new(kind, role, Config::default().limits(Limits::UNLIMITED));
                subject.feed(wire.as_ref());
                assert_eq!(subject.error, None, "{len}");
            }
        }
        // 1 + (2^63 - 1) is one too many for this limit, and no overflow.
        let limits = Limits { message: u64::MAX >> 1, ..Limits::UNLIMITED };
        let mut subject = Subject::new(KINDS[0], role, Config::default().limits(limits));
        subject.feed(&from_peer(role, 0x02, b"x"));
        subject.feed(header(true, 0, u64::MAX >> 1).encode().as_ref());
        assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::MessageTooBig));
    }
}

#[test]
fn s10_4_a_limit_is_judged_on_the_header_before_any_payload() {
    for role in ROLES {
        for kind in KINDS {
            let mut subject = Subject::new(kind, role, Config::default().limits(HUNDRED));
            let wire = from_peer(role, 0x82, &[0; 101]);
            subject.feed(&wire[..2]);
            assert_eq!(subject.error, Some((ProtocolError::FrameTooBig, 1)), "{role:?} {kind:?}");
        }
    }
}

#[test]
fn limits_for_messages_leave_room_for_fragments() {
    let fragments = |bytes| Limits::for_messages(bytes).fragments;
    assert_eq!([0, 256 * 1023, 256 * 1024, 256 * 1025].map(fragments), [1024, 1024, 1024, 1025]);
    assert_eq!(fragments(256 * 0xffff_fffe), 0xffff_fffe);
    assert_eq!([256 * 0xffff_ffff, u64::MAX].map(fragments), [u32::MAX; 2]);
}
