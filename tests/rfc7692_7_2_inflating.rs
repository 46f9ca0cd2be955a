//! Inflating (RFC 7692 §6.2, §7.2.2): the vectors, other compressors' blocks, limits and faults.
#![cfg(feature = "deflate")]

mod support;

use miniz_oxide::deflate::compress_to_vec;
use sockless::handshake::{Agreed, PermessageDeflate, WindowBits};
use sockless::{
    CloseCode, Config, Connection, DeflatePool, Delivery, Event, Limits, ProtocolError, Role, Signal,
};
use support::figure::Figure;
use support::hostile::in_words;
use support::run::{Cuts, check, config, inputs};
use support::subject::{DEFLATING, Kind, ROLES, Seen, Subject, connection, from_peer};
use support::vectors::{id, load};
use support::wire::Frame;

/// RSV1 and FIN on a text frame, and what else begins a frame here.
const TEXT: u8 = 0xc1;
const BINARY: u8 = 0xc2;

fn agreed() -> Agreed {
    PermessageDeflate::default().agreed()
}

/// What both ends agreed on, as a vector has it.
fn agreed_as(text: &str) -> Agreed {
    let mut agreed = PermessageDeflate::default();
    for parameter in text.split(';').skip(1).map(str::trim) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, "15"));
        let window = WindowBits::new(value.parse().unwrap()).unwrap();
        agreed = match name {
            "server_no_context_takeover" => agreed.server_no_context_takeover(),
            "client_no_context_takeover" => agreed.client_no_context_takeover(),
            "server_max_window_bits" => agreed.server_max_window_bits(window),
            "client_max_window_bits" => agreed.client_max_window_bits(Some(window)),
            _ => panic!("{name}"),
        };
    }
    agreed.agreed()
}

/// What everything that inflates sees of these frames, fed whole, byte by byte and in random cuts.
fn seen(agreed: Agreed, config: Config, frames: &[(u8, &[u8])]) -> (Vec<Seen>, Option<ProtocolError>) {
    let mut cuts = Cuts(7692);
    let mut all: Option<(Vec<Seen>, Option<ProtocolError>)> = None;
    for role in ROLES {
        let wire: Vec<u8> =
            frames.iter().flat_map(|(head, payload)| from_peer(role, *head, payload)).collect();
        let mut ways = vec![vec![], cuts.of(wire.len()), cuts.of(wire.len())];
        if wire.len() < 10_000 {
            ways.push((1..wire.len()).collect());
        }
        for kind in DEFLATING {
            for cut in &ways {
                let mut subject = Subject::deflating(kind, role, config, agreed);
                subject.feed_cut(&wire, cut);
                let this = (subject.events, subject.error.map(|(fault, _)| fault));
                match &all {
                    None => all = Some(this),
                    Some(all) => assert_eq!(*all, this, "{role:?} {kind:?} {cut:?}"),
                }
            }
        }
    }
    all.unwrap()
}

fn text(text: &str) -> Seen {
    Seen::Text(text.into())
}

#[test]
fn s7_2_every_vector_holds_on_everything_that_inflates_in_any_cuts() {
    let mut cuts = Cuts(7692);
    let mut runs = 0;
    for vector in load("deflate") {
        let agreed = agreed_as(vector["input"]["config"]["extensions"].as_str().unwrap());
        for (role, wire, fail_at) in inputs(&vector) {
            let mut ways = vec![vec![], (1..wire.len()).collect()];
            ways.extend((0..6).map(|_| cuts.of(wire.len())));
            for kind in DEFLATING {
                for cut in &ways {
                    let mut subject = Subject::deflating(kind, role, config(&vector), agreed);
                    subject.feed_cut(&wire, cut);
                    let context = format!("{} {role:?} {kind:?} cut at {cut:?}: {subject:?}", id(&vector));
                    // An engine may see a fault before the byte that decides it, but not behind it.
                    let piece_end = |at: usize| cut.iter().find(|&&end| end > at).unwrap_or(&wire.len()) - 1;
                    let at = subject.error.map(|(_, at)| at);
                    assert_eq!(at.is_some(), fail_at.is_some(), "{context}");
                    assert!(at <= fail_at.map(piece_end), "it fails late: {context}");
                    // Valid text before a fault is delivered as a part.
                    if kind == Kind::Parts && id(&vector) == "pmd-bad-utf8" {
                        assert_eq!(subject.partial.take(), Some(text("abc")), "{context}");
                    }
                    check(&vector, &mut subject, &context);
                    runs += 1;
                }
            }
        }
    }
    assert_eq!(runs, 26 * 2 * 4 * 8);
}

#[test]
fn s6_without_negotiation_rsv1_is_a_fault() {
    for role in ROLES {
        for kind in support::subject::KINDS {
            let mut subject = Subject::new(kind, role, Config::default());
            subject.feed(&from_peer(role, TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00"));
            assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::ReservedBits));
        }
    }
}

#[test]
fn s7_2_3_4_after_a_final_block_the_window_goes_on() {
    const FINAL: &[u8] = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    // A fresh message behind it, which an engine that stays stopped would make empty.
    let fresh: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let back: &[u8] = b"\xf2\x00\x11\x00\x00";
    let hello = || text("Hello");
    let frames = [(TEXT, FINAL), (TEXT, fresh), (TEXT, FINAL), (TEXT, back), (TEXT, back)];
    let expected = vec![hello(); 5];
    assert_eq!(seen(agreed(), Config::default(), &frames), (expected, None));
    // Without the byte behind the final block, which not everybody sends.
    let (cut, _) = FINAL.split_at(7);
    let frames = [(TEXT, cut), (TEXT, back), (TEXT, cut), (TEXT, fresh)];
    assert_eq!(seen(agreed(), Config::default(), &frames), (vec![hello(); 4], None));
    // Two in one message, the second one referring back over the first one's end; and a stored one.
    let twice = [cut, b"\xf3\x00\x11\x00\x00"].concat();
    let stored = b"\x01\x05\x00\xfa\xffHello\x00";
    let frames = [(TEXT, &twice[..]), (TEXT, stored), (TEXT, back)];
    assert_eq!(
        seen(agreed(), Config::default(), &frames),
        (vec![text("HelloHello"), hello(), hello()], None)
    );
    // A final block that has the tail for its end.
    let (events, fault) = seen(agreed(), Config::default(), &[(TEXT, b"\x01"), (TEXT, fresh)]);
    assert_eq!((&events[..], fault), (&[text(""), hello()][..], None));
    let mut figure = Figure::new("messages behind a final block", 0, "messages lost");
    figure.saw(2 - events.len(), "no fault");
    figure.tell();
}

#[test]
fn s7_2_3_4_after_a_final_block_the_whole_window_is_there() {
    // Longer than the window, so that the ring has turned.
    let noise: Vec<u8> = {
        let mut random = Cuts(1);
        (0..50_000).map(|_| random.next() as u8).collect()
    };
    let stored = |last: u8, data: &[u8]| {
        let mut blocks: Vec<u8> = data
            .chunks(60_000)
            .flat_map(|chunk| {
                let len = (chunk.len() as u16).to_le_bytes();
                [&[last][..], &len, &[!len[0], !len[1]], chunk].concat()
            })
            .collect();
        blocks.push(0);
        blocks
    };
    // A fixed block: a match of 258 at distance 32768, made by hand: length code 285, distance code 29 and 13 ones.
    let far = b"\x1b\xbd\xff\x1f\x00";
    let limits = Config::default().limits(Limits::for_messages(100_000));
    let (events, fault) = seen(agreed(), limits, &[(BINARY, &stored(1, &noise)[..]), (BINARY, far)]);
    assert_eq!(events.first(), Some(&Seen::Binary(noise.clone())));
    assert_eq!(fault, None, "{far:x?}");
    let start = 50_000 - 32_768;
    assert_eq!(events[1], Seen::Binary(noise[start..start + 258].to_vec()));

    // A message between them begins at the ring's front, before its end is reached: the window is in two places.
    let (long, short) = noise.split_at(49_000);
    let frames = [(BINARY, &stored(0, long)[..]), (BINARY, &stored(1, short)[..]), (BINARY, far)];
    let (events, fault) = seen(agreed(), limits, &frames);
    let expected = [long, short, &noise[start..start + 258]].map(|data| Seen::Binary(data.to_vec()));
    assert_eq!((events, fault), (expected.to_vec(), None));
}

#[test]
fn s7_2_3_4_behind_a_final_block_there_is_the_agreed_window_and_no_more() {
    // A final stored block, then a match of 258 at distance 32768 as above, in one message.
    let stored = [&b"\x01\x00\x80\xff\x7f"[..], &[b'a'; 1 << 15]].concat();
    let payload = [&stored[..], b"\x1b\xbd\xff\x1f\x00"].concat();
    for bits in 8..=15 {
        let window = WindowBits::new(bits).unwrap();
        let agreed = PermessageDeflate::default()
            .server_max_window_bits(window)
            .client_max_window_bits(Some(window))
            .no_context_takeover()
            .agreed();
        let expected = match bits {
            15 => (vec![Seen::Binary(vec![b'a'; (1 << 15) + 258])], None),
            _ => (vec![], Some(ProtocolError::CorruptDeflate)),
        };
        assert!(seen(agreed, Config::default(), &[(BINARY, &payload)]) == expected, "{bits}");
    }
}

#[test]
fn s7_2_a_payload_of_no_bytes_is_an_empty_message_and_harmless() {
    let hello: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let back: &[u8] = b"\xf2\x00\x11\x00\x00";
    let frames =
        [(TEXT, &b""[..]), (TEXT, hello), (TEXT, b""), (BINARY, b""), (TEXT, back), (0x41, b""), (0x80, b"")];
    let empty = || text("");
    let expected = vec![empty(), text("Hello"), empty(), Seen::Binary(vec![]), text("Hello"), empty()];
    assert_eq!(seen(agreed(), Config::default(), &frames), (expected, None));
}

#[test]
fn s6_1_control_frames_between_the_fragments_of_a_compressed_message() {
    let frames: [(u8, &[u8]); 8] = [
        (0x41, b"\xf2\x48"),
        (0x89, b"1"),
        (0x00, b"\xcd"),
        (0x89, b"2"),
        (0x8a, b""),
        (0x00, b"\xc9\xc9"),
        (0x89, b"3"),
        (0x80, b"\x07\x00"),
    ];
    let ping = |n: &[u8]| Seen::Ping(n.to_vec());
    let expected = vec![ping(b"1"), ping(b"2"), Seen::Pong(vec![]), ping(b"3"), text("Hello")];
    let (events, fault) = seen(agreed(), Config::default(), &frames);
    assert_eq!((&events, fault), (&expected, None));
    let mut figure = Figure::new("pings inside a compressed message", 0, "events lost");
    figure.saw(expected.len() - events.len(), "no fault");
    figure.tell();
    // And still its continuation must not have RSV1, nor an uncompressed one's.
    for first in [0x41, 0x01] {
        let frames: [(u8, &[u8]); 3] = [(first, b"\x00"), (0x89, b""), (0xc0, b"")];
        assert_eq!(seen(agreed(), Config::default(), &frames).1, Some(ProtocolError::CompressedContinuation));
    }
}

#[test]
fn s6_2_compressed_and_uncompressed_messages_in_turn() {
    let hello: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let frames: [(u8, &[u8]); 7] = [
        (0x81, b"plain"),
        (TEXT, hello),
        (0x01, b"pl"),
        (0x80, b"ain"),
        (TEXT, b"\xf2\x00\x11\x00\x00"),
        (0x82, b""),
        (TEXT, b"\x00"),
    ];
    let expected =
        vec![text("plain"), text("Hello"), text("plain"), text("Hello"), Seen::Binary(vec![]), text("")];
    assert_eq!(seen(agreed(), Config::default(), &frames), (expected, None));
}

#[test]
fn s7_2_2_the_tail_may_complete_a_final_block() {
    // A stored block with Hello, then the first byte of a final one, whose length is the tail.
    let frames: [(u8, &[u8]); 2] =
        [(TEXT, b"\x00\x05\x00\xfa\xffHello\x01"), (TEXT, b"\xf2\x00\x11\x00\x00")];
    assert_eq!(seen(agreed(), Config::default(), &frames), (vec![text("Hello"), text("Hello")], None));
}

#[test]
fn s7_2_2_the_tail_has_no_output() {
    // Bytes stored, behind them Hello and the first bits of a literal or the head of a stored block, which the tail
    // completes: near the end of the room there is for output, none is left to say whether the message ends there.
    let torn: [&[u8]; 2] = [b"\xf2\x48\xcd\xc9\xc9\x67", b"\xf2\x48\xcd\xc9\xc9\x07\x00\x04\x00\xfb\xff"];
    for (room, torn) in
        [8_u16 << 10, 16 << 10, 32 << 10].into_iter().flat_map(|room| torn.map(|torn| (room, torn)))
    {
        for stored in room - 10..room - 4 {
            let [low, high] = stored.to_le_bytes();
            let mut payload = vec![0, low, high, !low, !high];
            payload.resize(5 + usize::from(stored), b'a');
            payload.extend_from_slice(torn);
            let frames = [(TEXT, &payload[..])];
            let (events, error) = seen(agreed(), Config::default(), &frames);
            assert_eq!((events, error), (vec![], Some(ProtocolError::CorruptDeflate)), "{stored}");

            let wire = from_peer(Role::Server, TEXT, &payload);
            for cuts in [vec![], (1..wire.len()).collect()] {
                let mut subject = Subject::deflating(Kind::Parts, Role::Server, Config::default(), agreed());
                subject.feed_cut(&wire, &cuts);
                let before = "a".repeat(usize::from(stored)) + "Hello";
                assert!(subject.partial == Some(text(&before)), "{stored}");
            }
        }
    }
}

#[test]
fn s7_2_2_what_does_not_inflate_is_a_fault_that_sticks() {
    let faults: [&[u8]; 9] = [
        b"\x07",                                         // the block type that does not exist
        b"\xff\xff\xff",                                 // the same
        b"\x00\x05\x00\xfa\xfeHello",                    // a stored length that is not its own complement
        b"\xf2\x00\x11\x00\x00",                         // refers to before the beginning
        b"\xf2\x48\xcd\xc9",                             // cut off: the tail would end it, two bytes early
        b"\xf2\x48\xcd\xc9\xc9\x07",                     // the same without a byte at all
        b"\xf3\x48\xcd\xc9\xc9\x07",                     // a final block that the tail's first byte ends
        b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", // the tail was not taken off
        b"\x00\x05\x00\xfa\xffHel",                      // a stored block that is not whole
    ];
    let mut figure = Figure::new("what is no DEFLATE", 0, "messages made of it");
    for fault in faults {
        for head in [TEXT, BINARY] {
            let (events, error) = seen(agreed(), Config::default(), &[(0x89, b"x"), (head, fault)]);
            assert_eq!(error, Some(ProtocolError::CorruptDeflate), "{fault:x?}");
            assert_eq!(events, [Seen::Ping(b"x".to_vec())], "{fault:x?}");
            figure.saw(events.len() - 1, &format!("Close {}", error.unwrap().close_code().value()));
        }
    }
    figure.tell();
    assert_eq!(ProtocolError::CorruptDeflate.close_code(), CloseCode::INVALID_DATA);
    let mut subject = Subject::deflating(Kind::Messages, Role::Server, Config::default(), agreed());
    subject.feed(&from_peer(Role::Server, TEXT, b"\x07"));
    subject.feed(&from_peer(Role::Server, 0x81, b"more"));
    assert_eq!(subject.events, []);
    assert_eq!(subject.take_frames(), [Frame::close(Some(1007))]);
}

#[test]
fn s8_1_text_is_judged_as_it_inflates() {
    // A stored block that announces 60,000 bytes, of which the third is a fault, in a frame that is long, or so short
    // that a message is inflated at its end.
    let block = b"\x00\x60\xea\x9f\x15ab\xff";
    for (kind, len) in DEFLATING.into_iter().flat_map(|kind| [(kind, 17 << 10), (kind, (17 << 10) + 1)]) {
        let payload = [&block[..], &vec![0; len - block.len()]].concat();
        let wire = from_peer(Role::Client, TEXT, &payload);
        let mut subject = Subject::deflating(kind, Role::Client, Config::default(), agreed());
        let fault = 4 + block.len() - 1;
        let seen_at = if kind == Kind::Parts || len > 17 << 10 { fault } else { wire.len() - 1 };
        subject.feed_cut(&wire, &[fault, fault + 1, wire.len() - 1]);
        assert_eq!(subject.error, Some((ProtocolError::InvalidUtf8, seen_at)), "{kind:?} {len}");
        let valid = (kind == Kind::Parts).then(|| text("ab"));
        assert_eq!(subject.partial, valid, "{kind:?}");
    }
    // Cut inside a character at the end.
    let (_, fault) = seen(agreed(), Config::default(), &[(TEXT, b"\x00\x01\x00\xfe\xff\xe2\x00")]);
    assert_eq!(fault, Some(ProtocolError::InvalidUtf8));
    // The beginning of a character alone is no part.
    let config = Config::default().delivery(Delivery::Parts);
    let mut connection = Connection::server(config).with_deflate(agreed());
    let mut begun = from_peer(Role::Server, 0x41, b"\x00\x03\x00\xfc\xff\xe2");
    assert!(connection.receive(&mut &mut begun[..]).unwrap().is_none());
    let mut rest = from_peer(Role::Server, 0x80, b"\x82\xac\x00");
    let event = connection.receive(&mut &mut rest[..]).unwrap();
    assert!(matches!(event, Some(Event::Text { text, first: true, last: true }) if &*text == "€"));
}

/// As other compressors write it: flushed, at each level, whatever blocks that makes.
fn deflated(level: u8, data: &[u8]) -> Vec<u8> {
    let mut whole = compress_to_vec(data, level); // ends with a final block
    whole.push(0);
    whole
}

#[test]
fn s7_2_1_blocks_of_another_compressor() {
    let json: String = (0..3000).map(|i| format!("{{\"id\":{i},\"odd\":{}}},\u{20ac}", i % 2 == 1)).collect();
    let mut random = Cuts(3);
    let noise: Vec<u8> = (0..70_000).map(|_| random.next() as u8).collect();
    for level in 0..=10 {
        let frames: [(u8, &[u8]); 4] = [
            (TEXT, &deflated(level, json.as_bytes())),
            (BINARY, &deflated(level, &noise)),
            (BINARY, &deflated(level, b"")),
            (TEXT, &deflated(level, b"a")),
        ];
        let expected = vec![text(&json), Seen::Binary(noise.clone()), Seen::Binary(vec![]), text("a")];
        let (events, fault) = seen(agreed(), Config::default(), &frames);
        assert!(events == expected && fault.is_none(), "level {level}: {fault:?}");
    }
}

#[test]
fn s10_4_the_limit_holds_while_inflating() {
    let limits = Config::default().limits(Limits::for_messages(10_000));
    let zeros = |len: usize| deflated(6, &vec![0; len]);
    for (len, fault) in [
        (9_999, None),
        (10_000, None),
        (10_001, Some(ProtocolError::MessageTooBig)),
        (1 << 20, Some(ProtocolError::MessageTooBig)),
    ] {
        let (events, error) = seen(agreed(), limits, &[(BINARY, &zeros(len))]);
        assert_eq!(error, fault, "{len}");
        assert_eq!(events.len(), usize::from(fault.is_none()));
    }
    // The sum over all fragments, and nothing of the message before counts.
    let two = zeros(6_000);
    let (first, second) = two.split_at(two.len() / 2);
    let frames = [(BINARY, &two[..]), (0x42, first), (0x89, b"x"), (0x80, second), (BINARY, &two[..])];
    assert_eq!(seen(agreed(), limits, &frames).0.len(), 4);
    // What does not compress may be as long as the limit.
    let mut random = Cuts(3);
    let noise: Vec<u8> = (0..10_000).map(|_| random.next() as u8).collect();
    assert_eq!(seen(agreed(), limits, &[(BINARY, &deflated(6, &noise))]), (vec![Seen::Binary(noise)], None));
    // But what is announced is held to it, too: an eighth and 64 bytes more than the limit is what compressing may add.
    for (len, fault) in [(10_000 + 1_250 + 64, None), (10_000 + 1_250 + 65, Some(ProtocolError::FrameTooBig))]
    {
        let mut wire = from_peer(Role::Client, BINARY, &vec![0; len]);
        wire.truncate(4);
        let mut subject = Subject::deflating(Kind::Messages, Role::Client, limits, agreed());
        subject.feed(&wire);
        assert_eq!(subject.error.map(|(fault, _)| fault), fault, "{len}");
    }
}

#[test]
fn s10_4_parts_deliver_up_to_the_limit() {
    for cut in [1, 7, 100_000] {
        let limits = Config::default().limits(Limits::for_messages(10_000));
        let mut subject = Subject::deflating(Kind::Parts, Role::Server, limits, agreed());
        let wire = from_peer(Role::Server, BINARY, &deflated(9, &vec![7; 50_000]));
        for piece in wire.chunks(cut) {
            subject.feed(piece);
        }
        assert_eq!(subject.partial, Some(Seen::Binary(vec![7; 10_000])));
        assert_eq!(subject.error.map(|(fault, _)| fault), Some(ProtocolError::MessageTooBig));
    }
}

#[test]
fn parts_are_bounded_and_come_from_an_input_that_is_used_up() {
    let config = Config::default().limits(Limits::for_messages(64 << 20)).delivery(Delivery::Parts);
    let len = 4 << 20;
    let wire = from_peer(Role::Server, BINARY, &deflated(9, &vec![0; len]));
    for piece in [1, wire.len()] {
        let mut connection = Connection::server(config).with_deflate(agreed());
        let (mut total, mut parts, mut without_input, mut over) = (0, 0, 0, false);
        for piece in wire.chunks(piece) {
            let mut piece = piece.to_vec();
            let mut input = &mut piece[..];
            loop {
                let used_up = input.is_empty();
                match connection.receive(&mut input).unwrap() {
                    Some(Event::Binary { data, first, last }) => {
                        assert!(data.len() <= 32 << 10 && !over && first == (parts == 0));
                        total += data.len();
                        parts += 1;
                        over = last;
                        without_input += usize::from(used_up);
                    }
                    Some(event) => panic!("{event:?}"),
                    None => break,
                }
            }
            assert!(input.is_empty());
        }
        assert!(over && total == len, "{total}");
        match piece {
            1 => assert!(without_input > 10, "{without_input}"),
            // The ring is 8 KiB at first, and so are the first parts.
            _ => assert!(parts <= len / (32 << 10) + 3, "{parts}"),
        }
    }
}

#[test]
fn s5_4_what_a_fragment_inflates_to_comes_before_the_ping_behind_it() {
    let config = Config::default().delivery(Delivery::Parts);
    let len = 1 << 16;
    let payload = deflated(9, &vec![0; len]);
    for at in 1..payload.len() {
        let (begin, rest) = payload.split_at(at);
        let first = from_peer(Role::Server, 0x42, begin);
        let wire = [&first[..], &from_peer(Role::Server, 0x89, b"p"), &from_peer(Role::Server, 0x80, rest)];
        // Bytes before the ping, and in all.
        let counts = |inputs: &[Vec<u8>]| {
            let mut connection = Connection::server(config).with_deflate(agreed());
            let (mut total, mut before) = (0, 0);
            for input in inputs {
                let mut input = input.clone();
                let mut input = &mut input[..];
                while let Some(event) = connection.receive(&mut input).unwrap() {
                    match event {
                        Event::Binary { data, .. } => total += data.len(),
                        Event::Ping(_) => before = total,
                        event => panic!("{event:?}"),
                    }
                }
            }
            (before, total)
        };
        let whole = counts(&[wire.concat()]);
        assert_eq!(
            whole,
            counts(&[first.clone(), wire[1..].concat()]),
            "cut behind the fragment of {at} bytes"
        );
        assert_eq!(whole.1, len);
    }
}

#[test]
fn what_stays_in_the_input_is_untouched() {
    let config = Config::default().limits(Limits::for_messages(64 << 20)).delivery(Delivery::Parts);
    let mut connection = Connection::server(config).with_deflate(agreed());
    let mut random = Cuts(9);
    let data: Vec<u8> = (0..200_000).map(|_| (random.next() % 5) as u8).collect();
    let wire =
        [from_peer(Role::Server, BINARY, &deflated(9, &data)), from_peer(Role::Server, 0x81, b"behind")]
            .concat();
    let mut buffer = wire.clone();
    let mut input = &mut buffer[..];
    let mut received = vec![];
    while let Some(event) = connection.receive(&mut input).unwrap() {
        assert_eq!(*input, wire[wire.len() - input.len()..]);
        if let Event::Binary { data, .. } = event {
            received.extend_from_slice(&data);
        }
    }
    assert!(received == data);
}

#[test]
fn a_pool_has_so_many_inflaters() {
    let agreed = PermessageDeflate::default().no_context_takeover().agreed();
    let mut pool = DeflatePool::new(2);
    let mut connections: Vec<Connection> =
        (0..4).map(|_| Connection::server(Config::default()).with_deflate(agreed)).collect();
    let first = |connection: &mut Connection, pool: &mut DeflatePool| {
        let mut wire = from_peer(Role::Server, 0x41, b"\xf2\x48\xcd");
        connection.receive_with(&mut &mut wire[..], pool).map(|event| event.is_some())
    };
    let [a, b, c, d] = &mut connections[..] else { panic!() };
    let begun = [first(a, &mut pool), first(b, &mut pool), first(c, &mut pool)];
    assert_eq!(begun, [Ok(false), Ok(false), Err(ProtocolError::InflatersExhausted)]);
    assert_eq!(ProtocolError::InflatersExhausted.close_code(), CloseCode::TRY_AGAIN_LATER);
    assert_eq!(first(c, &mut pool), Err(ProtocolError::InflatersExhausted));
    let out = support::wire::decode(&support::subject::drain(c));
    assert_eq!(out, [Frame::close(Some(1013))]);
    let mut figure = Figure::new("compressed messages begun, a pool of two", 2, "inflaters");
    figure.saw(begun.iter().filter(|begun| begun.is_ok()).count(), &in_words(&out));
    figure.tell();
    // Uncompressed messages need none.
    let mut wire = from_peer(Role::Server, 0x81, b"plain");
    assert!(d.receive_with(&mut &mut wire[..], &mut pool).unwrap().is_some());
    // One comes back with its message, one with its connection.
    let mut rest = from_peer(Role::Server, 0x80, b"\xc9\xc9\x07\x00");
    let event = a.receive_with(&mut &mut rest[..], &mut pool).unwrap();
    assert!(matches!(event, Some(Event::Text { text, .. }) if &*text == "Hello"));
    assert_eq!(first(d, &mut pool), Ok(false));
    *b = Connection::server(Config::default()).with_deflate(agreed);
    assert_eq!(first(a, &mut pool), Ok(false));
    assert_eq!(first(b, &mut pool), Err(ProtocolError::InflatersExhausted));
}

#[test]
fn a_window_survives_a_release() {
    for agreed in [agreed(), PermessageDeflate::default().client_max_window_bits(WindowBits::new(9)).agreed()]
    {
        let mut connection = Connection::server(Config::default()).with_deflate(agreed);
        for payload in
            [&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], b"\xf2\x00\x11\x00\x00", b"\xf2\x00\x11\x00\x00"]
        {
            let mut wire = from_peer(Role::Server, TEXT, payload);
            let event = connection.receive(&mut &mut wire[..]).unwrap();
            assert!(matches!(event, Some(Event::Text { text, .. }) if &*text == "Hello"));
            connection.release();
        }
    }
}

#[test]
fn s7_2_the_receiving_half_inflates_with_a_pool() {
    let agreed = PermessageDeflate::default().no_context_takeover().agreed();
    let mut pool = DeflatePool::new(1);
    let halves = |_| Connection::server(Config::default()).with_deflate(agreed).split();
    let [(mut first, _), (mut second, _)] = [0, 1].map(halves);
    let mut begun = from_peer(Role::Server, 0x41, b"\xf2\x48\xcd");
    let received = first.receive_with(&mut &mut begun[..], &mut pool);
    assert!(matches!(received.event, Ok(None)), "{received:?}");
    assert_eq!(received.signal, Some(Signal::Heard { message: false }));
    // The only inflater is out until its message is whole.
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let mut other = from_peer(Role::Server, TEXT, hello);
    let received = second.receive_with(&mut &mut other[..], &mut pool);
    assert_eq!(received.event.err(), Some(ProtocolError::InflatersExhausted));
    assert_eq!(received.signal, Some(Signal::Failed(ProtocolError::InflatersExhausted)));
    let mut rest = from_peer(Role::Server, 0x80, b"\xc9\xc9\x07\x00");
    let received = first.receive_with(&mut &mut rest[..], &mut pool);
    assert!(matches!(received.event, Ok(Some(Event::Text { text, .. })) if &*text == "Hello"));
    let (mut third, _) = halves(2);
    let mut other = from_peer(Role::Server, TEXT, hello);
    let received = third.receive_with(&mut &mut other[..], &mut pool);
    assert!(matches!(received.event, Ok(Some(Event::Text { text, .. })) if &*text == "Hello"));
}

#[test]
fn a_pool_changes_nothing_where_no_compression_was_agreed_on() {
    for role in ROLES {
        let mut pool = DeflatePool::new(0);
        let wire = [from_peer(role, 0x01, b"He"), from_peer(role, 0x89, b"p"), from_peer(role, 0x80, b"llo")];
        let (mut receiver, _) = connection(role, Config::default()).split();
        let mut wire = wire.concat();
        let mut input = &mut wire[..];
        let mut seen = vec![];
        while let Some(event) = receiver.receive_with(&mut input, &mut pool).event.unwrap() {
            seen.push(match event {
                Event::Text { text, first: true, last: true } => text.to_string(),
                Event::Ping(payload) => format!("ping {}", String::from_utf8_lossy(&payload)),
                event => panic!("{event:?}"),
            });
        }
        assert_eq!(seen, ["ping p", "Hello"]);
        // And RSV1 is as much of a fault as without one.
        let mut wire = from_peer(role, TEXT, b"\x00");
        let error = receiver.receive_with(&mut &mut wire[..], &mut pool).event.err();
        assert_eq!(error, Some(ProtocolError::ReservedBits));
    }
}
