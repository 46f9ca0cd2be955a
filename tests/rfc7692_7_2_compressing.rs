//! Compressing (RFC 7692 §6.1, §7.2.1), judged by another inflater whose window is no larger than agreed.
#![cfg(feature = "deflate")]

mod support;

use bytes::Bytes;
use sockless::handshake::{Agreed, PermessageDeflate, WindowBits};
use sockless::{Config, Connection, DeflatePool, Prepared, Role, SendError};
use support::deflate::{Reference, agreements};
use support::figure::Figure;
use support::run::Cuts;
use support::subject::{ROLES, connection, drain, frames};
use support::vectors::{bytes, load};
use support::wire::{BINARY, CONTINUATION, Frame, TEXT};

fn agreed() -> PermessageDeflate {
    PermessageDeflate::default().threshold(0)
}

fn deflating(role: Role, agreed: Agreed) -> Connection {
    connection(role, Config::default().high_water(1 << 26)).with_deflate(agreed)
}

/// The payload of the one frame that was sent, which is a compressed text.
fn sent(connection: &mut Connection, role: Role) -> Vec<u8> {
    let frames = frames(role, &drain(connection));
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((frame.fin, frame.rsv, frame.opcode), (true, 4, TEXT));
    frame.payload.clone()
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Cuts(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

#[test]
fn s7_2_1_the_vectors() {
    for vector in load("deflate_encode") {
        let expected = &vector["expected"];
        if let Some(message) = vector["input"].get("message_hex") {
            let mut connection = deflating(Role::Server, agreed().agreed());
            let message = String::from_utf8(bytes(message)).unwrap();
            connection.text(&message).unwrap();
            let payload = sent(&mut connection, Role::Server);
            match expected.get("payload_hex") {
                Some(expected) => assert_eq!(payload, bytes(expected)),
                None => assert_eq!(Reference::new(WindowBits::MAX).message(&payload), message.as_bytes()),
            }
        } else {
            // What the compressor made of "Hello" loses its last four bytes.
            let mut connection = deflating(Role::Client, agreed().agreed());
            connection.text("Hello").unwrap();
            assert_eq!(sent(&mut connection, Role::Client), bytes(&expected["payload_hex"]));
        }
    }
}

#[test]
fn s7_2_1_the_window_is_kept_or_emptied_as_agreed() {
    for role in ROLES {
        for (agreed, kept) in [
            (agreed(), true),
            (agreed().client_no_context_takeover(), role == Role::Server),
            (agreed().server_no_context_takeover(), role == Role::Client),
            (agreed().no_context_takeover(), false),
        ] {
            let mut connection = deflating(role, agreed.agreed());
            let mut payloads = vec![];
            for _ in 0..2 {
                connection.text("Hello").unwrap();
                payloads.push(sent(&mut connection, role));
            }
            let again: &[u8] = if kept { b"\xf2\x00\x11\x00\x00" } else { b"\xf2\x48\xcd\xc9\xc9\x07\x00" };
            assert_eq!(payloads, [b"\xf2\x48\xcd\xc9\xc9\x07\x00", again], "{role:?} {agreed:?}");
            // A new compressor is always allowed.
            connection.release();
            connection.text("Hello").unwrap();
            assert_eq!(sent(&mut connection, role), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        }
    }
}

/// Repetitions at all distances around those that the windows allow.
fn tempting() -> Vec<Vec<u8>> {
    let mut messages = vec![];
    for bits in 8..=15 {
        let window = 1usize << bits;
        for distance in [window - 250, window - 1, window, window + 1, window + 6] {
            let block = noise(distance.max(4), distance as u64);
            messages.push([&block[..], &block, &block].concat());
        }
        // The same a little at a time: the next message looks back into the last.
        let block = noise(window - 3, bits);
        messages.extend(block.chunks(100).chain(block.chunks(99)).map(<[u8]>::to_vec));
    }
    messages
}

#[test]
fn s7_2_1_no_match_reaches_back_further_than_agreed() {
    let messages: Vec<Vec<u8>> = tempting()
        .into_iter()
        .map(|mut message| {
            message.iter_mut().for_each(|byte| *byte &= 0x7f);
            message
        })
        .collect();
    let mut figure =
        Figure::new("windows of 8 to 15 bits, kept to by the peer", 0, "messages that do not inflate");
    // The strategies of the engine: stored, quick, fast, medium, slow.
    let levels = [0, 1, 2, 3, 6, 8, 9].map(|level| (Role::Server, level));
    for (role, level) in levels.into_iter().chain([(Role::Client, 6)]) {
        for bits in 8..=15 {
            let window = WindowBits::new(bits).unwrap();
            // The other end may use all.
            let agreed = match role {
                Role::Server => agreed().server_max_window_bits(window),
                Role::Client => agreed().client_max_window_bits(Some(window)),
            };
            let mut connection = deflating(role, agreed.level(level).agreed());
            let mut peer = Reference::new(window);
            for message in &messages {
                connection.text(std::str::from_utf8(message).unwrap()).unwrap();
                let payload = sent(&mut connection, role);
                let wrong = usize::from(peer.message(&payload) != *message);
                figure.saw(wrong, "as it was sent");
                assert!(wrong == 0, "{role:?}, {bits} bits, level {level}");
            }
        }
    }
    figure.tell();
}

#[test]
fn s7_2_1_the_whole_window_is_used() {
    let block = noise(1 << 14, 5);
    let twice = |distance: usize| [&block[..distance], &block[..distance]].concat();
    for bits in 9..=15 {
        let agreed = agreed().server_max_window_bits(WindowBits::new(bits).unwrap()).agreed();
        let mut connection = deflating(Role::Server, agreed);
        // zlib and its kin keep 262 bytes of a window to themselves.
        let distance = ((1usize << bits) - 262).min(block.len());
        connection.binary(&twice(distance)).unwrap();
        assert!(connection.queued() < distance + distance / 4 + 50, "{bits} bits: {}", connection.queued());
    }
}

#[test]
fn every_agreement_round_trips_both_ways() {
    let messages: Vec<String> =
        (0..9).map(|i| format!("{{\"id\":{i},\"name\":\"somebody\"}}").repeat(i * i * i + 1)).collect();
    let mut pool = DeflatePool::new(1);
    // Compressing is slow without optimisation: one in three, so that each window and each takeover is there.
    for agreed in agreements().step_by(3) {
        for pooled in [false, true] {
            let agreed = agreed.agreed();
            let mut ends = ROLES.map(|role| deflating(role, agreed));
            for message in &messages {
                for from in [0, 1] {
                    let [a, b] = &mut ends;
                    let (end, peer) = if from == 0 { (a, b) } else { (b, a) };
                    match pooled {
                        true => end.with_pool(&mut pool).text(message),
                        false => end.text(message),
                    }
                    .unwrap();
                    let mut wire = drain(end);
                    let mut input = &mut wire[..];
                    let event = match pooled {
                        true => peer.receive_with(&mut input, &mut pool),
                        false => peer.receive(&mut input),
                    };
                    let Ok(Some(sockless::Event::Text { text, .. })) = event else { panic!("{event:?}") };
                    assert!(*text == **message, "{agreed:?}");
                }
            }
        }
    }
}

#[test]
fn s6_1_short_messages_and_those_that_are_told_so_go_uncompressed() {
    let mut connection = deflating(Role::Server, PermessageDeflate::default().threshold(10).agreed());
    connection.text("123456789").unwrap();
    connection.text("1234567890").unwrap();
    connection.binary(b"").unwrap();
    connection.uncompressed().text(&"secret".repeat(100)).unwrap();
    connection.uncompressed().begin_text("secret").unwrap();
    connection.more(&"x".repeat(1000)).unwrap();
    connection.uncompressed().finish("").unwrap();
    connection.begin_text("1").unwrap();
    connection.finish("").unwrap();
    let marks: Vec<_> =
        frames(Role::Server, &drain(&mut connection)).iter().map(|f| (f.rsv, f.opcode)).collect();
    let (plain, more) = ((0, TEXT), (0, CONTINUATION));
    assert_eq!(marks, [plain, (4, TEXT), (0, BINARY), plain, plain, more, more, (4, TEXT), more]);
}

#[test]
fn s7_2_1_fragments_are_a_stream_whose_tail_alone_is_cut_off() {
    for role in ROLES {
        let mut connection = deflating(role, agreed().agreed());
        let mut peer = Reference::new(WindowBits::MAX);
        for (fragments, whole) in [
            (vec!["Hello, ", "Hello, ", "Hello"], "Hello, Hello, Hello"),
            (vec!["Hello", ""], "Hello"),
            (vec!["", ""], ""),
            (vec!["", "", "Hello", "", ""], "Hello"),
        ] {
            let (last, fragments) = fragments.split_last().unwrap();
            let mut fragments = fragments.iter();
            connection.begin_text(*fragments.next().unwrap()).unwrap();
            for fragment in fragments {
                connection.more(*fragment).unwrap();
                connection.ping(b"between").unwrap();
            }
            connection.finish(*last).unwrap();
            assert_eq!(connection.finish(""), Err(SendError::NotBegun));
            let frames = frames(role, &drain(&mut connection));
            let data: Vec<&Frame> = frames.iter().filter(|frame| frame.opcode <= BINARY).collect();
            assert!(data.iter().enumerate().all(|(at, frame)| frame.rsv == if at == 0 { 4 } else { 0 }));
            let control = frames.iter().filter(|frame| frame.opcode > BINARY);
            assert!(control.into_iter().all(|frame| frame.rsv == 0 && frame.payload == b"between"));
            let payload: Vec<u8> = data.iter().flat_map(|frame| frame.payload.clone()).collect();
            assert_eq!(peer.message(&payload), whole.as_bytes());
            assert!(!payload.is_empty(), "an empty payload is no DEFLATE");
        }
    }
}

#[test]
fn s6_1_long_messages_are_cut_with_rsv1_on_the_first_frame_alone() {
    let data = noise(10_000, 3);
    for role in ROLES {
        for payload in [Bytes::from(data.clone()), Bytes::from(vec![b'a'; 100_000])] {
            let config = Config::default().fragment(2000).high_water(1 << 24);
            let mut connection = connection(role, config).with_deflate(agreed().agreed());
            connection.binary(payload.clone()).unwrap();
            let frames = frames(role, &drain(&mut connection));
            let marks: Vec<_> = frames.iter().map(|frame| (frame.rsv, frame.opcode, frame.fin)).collect();
            let first = (4, BINARY, marks.len() == 1);
            assert_eq!(marks[0], first);
            let last = marks.len() - 1;
            assert!(
                marks.iter().enumerate().skip(1).all(|(at, mark)| *mark == (0, CONTINUATION, at == last))
            );
            assert!(frames.iter().all(|frame| frame.payload.len() <= 2000));
            let joined: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
            assert!(Reference::new(WindowBits::MAX).message(&joined) == payload);
        }
    }
}

#[test]
fn a_prepared_message_is_compressed_once_for_all() {
    let bits = |bits| WindowBits::new(bits).unwrap();
    let news = "to all and sundry ".repeat(200);
    let prepared = Prepared::text(&news).unwrap().deflated(bits(10), 9);
    let plain = connection(Role::Server, Config::default());
    let (mut compressed, mut others) = (vec![], vec![]);
    for (mut connection, fits) in [
        (plain, false),
        (deflating(Role::Server, agreed().server_max_window_bits(bits(9)).agreed()), false),
        (deflating(Role::Server, agreed().server_max_window_bits(bits(10)).agreed()), true),
        (deflating(Role::Server, agreed().agreed()), true),
        (deflating(Role::Server, agreed().no_context_takeover().agreed()), true),
    ] {
        connection.prepared(&prepared).unwrap();
        let wire = drain(&mut connection);
        if fits { compressed.push(wire) } else { others.push(wire) }
    }
    assert!(
        compressed.iter().all(|wire| *wire == compressed[0] && wire.len() < 200),
        "{}",
        compressed[0].len()
    );
    assert!(others.iter().all(|wire| *wire == others[0] && wire.len() == news.len() + 4));
    let [frame] = &frames(Role::Server, &compressed[0])[..] else { panic!() };
    assert_eq!((frame.fin, frame.rsv, frame.opcode), (true, 4, TEXT));
    assert_eq!(Reference::new(bits(10)).message(&frame.payload), news.as_bytes());
}

#[test]
fn behind_a_prepared_message_the_window_begins_anew() {
    for role in ROLES {
        let mut connection = deflating(role, agreed().agreed());
        let mut peer = Reference::new(WindowBits::MAX);
        let prepared = Prepared::text("prepared ".repeat(50)).unwrap().deflated(WindowBits::MAX, 6);
        for text in ["Hello, hello", "Hello, hello again", "Hello, hello at last"] {
            connection.text(text).unwrap();
            assert_eq!(peer.message(&sent(&mut connection, role)), text.as_bytes());
            connection.prepared(&prepared).unwrap();
            assert_eq!(peer.message(&sent(&mut connection, role)), "prepared ".repeat(50).as_bytes());
        }
    }
}

#[test]
fn one_pool_serves_connections_of_all_kinds() {
    let mut pool = DeflatePool::new(1);
    let kinds = [agreed(), agreed().no_context_takeover(), agreed().no_context_takeover().level(1)];
    let small = agreed().no_context_takeover().server_max_window_bits(WindowBits::new(9).unwrap());
    let mut connections: Vec<_> = kinds
        .into_iter()
        .chain([small])
        .cycle()
        .take(12)
        .map(|agreed| {
            let window = agreed.agreed().server_max_window_bits();
            (deflating(Role::Server, agreed.agreed()), Reference::new(window))
        })
        .collect();
    for round in 0..5 {
        for (at, (connection, peer)) in connections.iter_mut().enumerate() {
            let text = format!("message {round} of {at} ").repeat(100);
            // One after the other begins, then all of them end.
            connection.with_pool(&mut pool).begin_text(&text).unwrap();
            if at % 3 == 0 {
                connection.with_pool(&mut pool).finish("end").unwrap();
                let payloads =
                    frames(Role::Server, &drain(connection)).into_iter().flat_map(|frame| frame.payload);
                assert_eq!(peer.message(&payloads.collect::<Vec<u8>>()), (text + "end").as_bytes());
            }
        }
        for (at, (connection, peer)) in connections.iter_mut().enumerate().filter(|(at, _)| at % 3 != 0) {
            connection.with_pool(&mut pool).finish("end").unwrap();
            let text = format!("message {round} of {at} ").repeat(100) + "end";
            let payloads =
                frames(Role::Server, &drain(connection)).into_iter().flat_map(|frame| frame.payload);
            assert_eq!(peer.message(&payloads.collect::<Vec<u8>>()), text.as_bytes());
        }
    }
}

#[test]
fn a_pool_changes_nothing_where_no_compression_was_agreed_on() {
    for role in ROLES {
        let mut pool = DeflatePool::new(1);
        let [mut plain, mut pooled] = [(), ()].map(|()| connection(role, Config::default()));
        let text = "all work and no play ".repeat(100);
        plain.text(&text).unwrap();
        pooled.with_pool(&mut pool).text(&text).unwrap();
        plain.text("again").unwrap();
        pooled.uncompressed().text("again").unwrap();
        assert_eq!(drain(&mut plain), drain(&mut pooled));
    }
}
