//! Frames as RFC 6455 §5 has them: the vectors for reading, writing and masking.
#![allow(clippy::cast_possible_truncation)] // small numbers
#![cfg(feature = "alloc")]

mod support;

use serde_json::Value;
use sockless::{Config, Decoder, FrameHeader, Limits, Mask, Opcode, ProtocolError, Role};
use support::run::{Cuts, config, event, inputs, run};
use support::subject::{KINDS, Kind, ROLES, Seen, Subject, from_peer};
use support::vectors::{bytes, load};

#[test]
fn s5_every_frame_vector_holds_on_every_receiver_in_any_cuts() {
    let mut cuts = Cuts(1);
    let vectors = load("frames");
    let runs: usize = vectors.iter().map(|vector| run(vector, &mut cuts)).sum();
    assert_eq!((vectors.len(), runs), (105, FRAME_RUNS));
}

#[test]
fn s5_2_a_length_beyond_32_bits_counts_in_full() {
    for role in ROLES {
        // Four bytes over 4 GiB, masked with zeros. Cut to 32 bits the payload would be four bytes, and a ping behind it.
        let payload = [b"data", &from_peer(role, 0x89, b"ping")[..]].concat();
        let header: &[u8] = match role {
            Role::Server => &[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0],
            Role::Client => &[0x82, 0x7f, 0, 0, 0, 1, 0, 0, 0, 4],
        };
        let wire = [header, &payload].concat();
        for kind in KINDS {
            for cut in [vec![], (1..wire.len()).collect()] {
                let mut subject = Subject::new(kind, role, Config::default().limits(Limits::UNLIMITED));
                subject.feed_cut(&wire, &cut);
                assert_eq!((&subject.events[..], subject.error), (&[][..], None), "{role:?} {kind:?}");
                assert_eq!(subject.take_frames(), []);
                if matches!(kind, Kind::Parts | Kind::Session) {
                    assert_eq!(subject.partial, Some(Seen::Binary(payload.clone())));
                }
            }
        }
    }
}

#[test]
fn s5_every_frame_vector_holds_on_the_decoder_in_any_cuts() {
    let mut cuts = Cuts(2);
    let mut runs = 0;
    for vector in load("frames") {
        for (role, wire, fail_at) in inputs(&vector) {
            // What is inside a text or a reason is not the decoder's to judge, but everything else is.
            let judges_payload = vector["expected"]["error"]["class"] == "utf8";
            let fail_at = if judges_payload { None } else { fail_at };
            for cut in [vec![], (1..wire.len()).collect(), cuts.of(wire.len()), cuts.of(wire.len())] {
                let context = format!("{} {role:?} cut at {cut:?}", vector["id"]);
                let mut frames = Frames::new(Decoder::new(role, config(&vector).limits));
                let error = frames.feed_cut(&wire, &cut);
                let piece_end = |at: usize| cut.iter().find(|&&end| end > at).unwrap_or(&wire.len()) - 1;
                assert_eq!(error.map(|(_, at)| at), fail_at.map(piece_end), "{context}");
                if let Some((fault, _)) = error {
                    let code = vector["expected"]["error"]["close_code"].as_u64();
                    assert_eq!(Some(u64::from(fault.close_code().value())), code, "{context}");
                }
                if !judges_payload {
                    assert_eq!(frames.events, events(&vector), "{context}");
                }
                runs += 1;
            }
        }
    }
    assert_eq!(runs, DECODER_RUNS);
}

/// 96 vectors have both roles, 9 one; each on four receivers in eight cuts.
const FRAME_RUNS: usize = (96 * 2 + 9) * 4 * 8;
const DECODER_RUNS: usize = (96 * 2 + 9) * 4;

fn events(vector: &Value) -> Vec<Seen> {
    let events = vector["expected"]["events"].as_array().expect("events");
    events.iter().map(event).collect()
}

/// Puts messages together from the decoder's chunks, up to a Close.
struct Frames {
    decoder: Decoder,
    events: Vec<Seen>,
    message: Vec<u8>,
    text: bool,
    control: Vec<u8>,
    closed: bool,
}

impl Frames {
    fn new(decoder: Decoder) -> Frames {
        Frames { decoder, events: vec![], message: vec![], text: false, control: vec![], closed: false }
    }

    fn feed_cut(&mut self, wire: &[u8], cuts: &[usize]) -> Option<(ProtocolError, usize)> {
        let mut start = 0;
        for &end in cuts.iter().chain([&wire.len()]) {
            let mut piece = wire[start..end].to_vec();
            let mut input = &mut piece[..];
            start = end;
            while !self.closed {
                let (opcode, fin, last, payload) = match self.decoder.decode(&mut input) {
                    Ok(None) => break,
                    Ok(Some(chunk)) => (chunk.opcode, chunk.fin, chunk.last, chunk.payload.to_vec()),
                    Err(fault) => {
                        assert_eq!(self.decoder.decode(&mut &mut [][..]).unwrap_err(), fault, "it sticks");
                        return Some((fault, end - 1));
                    }
                };
                self.chunk(opcode, fin, last, &payload);
            }
        }
        None
    }

    fn chunk(&mut self, opcode: Opcode, fin: bool, last: bool, payload: &[u8]) {
        if opcode.is_control() {
            self.control.extend_from_slice(payload);
            if last {
                let payload = core::mem::take(&mut self.control);
                self.events.push(match opcode {
                    Opcode::Ping => Seen::Ping(payload),
                    Opcode::Pong => Seen::Pong(payload),
                    _ => {
                        self.closed = true;
                        let (code, reason) = sockless::parse_close(&payload).unwrap_or((None, "a bad one"));
                        Seen::Close(code.map(|code| code.value()), reason.to_owned())
                    }
                });
            }
            return;
        }
        if opcode != Opcode::Continuation {
            self.text = opcode == Opcode::Text;
        }
        self.message.extend_from_slice(payload);
        if last && fin {
            let message = core::mem::take(&mut self.message);
            self.events.push(match self.text {
                true => Seen::Text(String::from_utf8_lossy(&message).into_owned()),
                false => Seen::Binary(message),
            });
        }
    }
}

#[test]
fn s5_2_headers_are_written_in_the_shortest_form_and_read_back() {
    let vectors = load("encode");
    for vector in &vectors {
        let input = &vector["input"];
        let key = input.get("mask_key_hex").map(|key| bytes(key).try_into().expect("four bytes"));
        assert_eq!(key.is_some(), vector["role"] == "client", "{}", vector["id"]);
        let mut payload = input.get("payload_hex").map_or(vec![], bytes);
        let header = FrameHeader {
            fin: input["fin"] == 1,
            rsv: 0,
            opcode: input["opcode"].as_u64().unwrap() as u8,
            masking_key: key,
            payload_len: input["payload_len"].as_u64().unwrap_or(payload.len() as u64),
        };
        let mut wire = header.encode().as_ref().to_vec();
        assert_eq!(FrameHeader::decode(&wire), Some((header, wire.len())), "{}", vector["id"]);
        assert_eq!(FrameHeader::decode(&wire[..wire.len() - 1]), None, "{}", vector["id"]);
        Mask::new(key.unwrap_or_default()).apply(&mut payload);
        wire.extend_from_slice(&payload);
        assert_eq!(wire, bytes(&vector["expected"]["hex"]), "{}", vector["id"]);
    }
    assert_eq!(vectors.len(), 18);
}

#[test]
fn s5_2_every_bit_of_the_first_byte_has_its_place_in_a_header() {
    for first in 0..=u8::MAX {
        let (fin, rsv, opcode) = (first >= 0x80, first / 0x10 % 8, first % 0x10);
        let header = FrameHeader { fin, rsv, opcode, masking_key: None, payload_len: 5 };
        assert_eq!(FrameHeader::decode(&[first, 5]), Some((header, 2)));
        assert_eq!(header.encode().as_ref(), [first, 5]);
        // Bits above the three and the four are left out.
        let wide = FrameHeader { rsv: rsv | 0xf8, opcode: opcode | 0xf0, ..header };
        assert_eq!(wide.encode().as_ref(), [first, 5]);
    }
}

#[test]
fn s5_3_the_mask_is_the_same_in_any_pieces_in_place_and_copied() {
    let vectors = load("mask");
    let mut cuts = Cuts(3);
    for vector in &vectors {
        let key: [u8; 4] = bytes(&vector["input"]["key_hex"]).try_into().expect("four bytes");
        let data = bytes(&vector["input"]["data_hex"]);
        let masked = bytes(&vector["expected"]["hex"]);
        let mut ways: Vec<Vec<usize>> = vec![vec![], (1..data.len()).collect()];
        ways.extend((0..20).map(|_| cuts.of(data.len())));
        if let Some(chunks) = vector["input"]["chunks"].as_array() {
            let mut end = 0;
            ways.push(
                chunks
                    .iter()
                    .map(|len| {
                        end += len.as_u64().unwrap() as usize;
                        end
                    })
                    .collect(),
            );
        }
        for cut in ways {
            let (mut in_place, mut back) = (data.clone(), masked.clone());
            let mut copied = vec![0; data.len()];
            let [mut a, mut b, mut c] = [Mask::new(key); 3];
            let mut start = 0;
            for &end in cut.iter().chain([&data.len()]) {
                a.apply(&mut in_place[start..end]);
                b.copy(&data[start..end], &mut copied[start..end]);
                c.apply(&mut back[start..end]);
                start = end;
            }
            assert_eq!(in_place, masked, "{} cut at {cut:?}", vector["id"]);
            assert_eq!(copied, masked, "{} cut at {cut:?}", vector["id"]);
            assert_eq!(back, data, "its own inverse: {} cut at {cut:?}", vector["id"]);
        }
    }
    assert_eq!(vectors.len(), 5);
}

#[test]
fn s5_3_payloads_of_all_lengths_are_masked_wherever_they_lie() {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let data: Vec<u8> = (0..5000 + 64).map(|at: u32| (at * 7 + 3).to_le_bytes()[0]).collect();
    let masked = |from: usize, to: usize| -> Vec<u8> {
        data[from..to].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    };
    // They are masked another way from 33 and from 128 bytes on, and from 4096 on where they are copied.
    for len in (0..700).chain(4080..4180).chain([4999, 5000]) {
        for start in [0, 1, 7, 8, 31, 60, 63] {
            let end = start + len;
            let mut place = data.clone();
            Mask::new(key).apply(&mut place[start..end]);
            let wanted = [&data[..start], &masked(start, end), &data[end..]].concat();
            assert!(place == wanted, "{len} bytes at {start}");
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn s5_3_a_client_masks_payloads_of_all_lengths_wherever_they_go() {
    use bytes::Buf;
    let config = sockless::Config::default().fragment(usize::MAX);
    for behind in [0, 1, 60] {
        for len in (0..700).chain(4080..4180).chain([5000]) {
            let mut client = sockless::Connection::client(config, sockless::Keys::from_seed([3; 32]));
            let data: Vec<u8> = (0..len).map(|at: u32| (at * 7 + 3).to_le_bytes()[0]).collect();
            client.binary(&vec![0; behind][..]).unwrap();
            client.binary(&data[..]).unwrap();
            let queued = client.queued();
            let mut wire = client.output().copy_to_bytes(queued).to_vec();
            let mut decoder = Decoder::new(Role::Server, sockless::Limits::default());
            let mut input = &mut wire[6 + behind..];
            let mut back = vec![];
            while let Some(chunk) = decoder.decode(&mut input).unwrap() {
                back.extend_from_slice(chunk.payload);
            }
            assert!(back == data, "{len} bytes behind {behind}");
        }
    }
}

#[test]
fn s5_4_the_decoder_gives_each_frame_its_own_opcode_and_final_bit() {
    let mut decoder = Decoder::new(Role::Client, sockless::Limits::default());
    let mut wire = *b"\x01\x01a\x89\0\0\x01b\x80\x01c\x82\x01d";
    let mut input = &mut wire[..];
    let mut seen = vec![];
    while let Some(chunk) = decoder.decode(&mut input).unwrap() {
        seen.push((chunk.opcode, chunk.fin, chunk.first, chunk.last, chunk.payload.to_vec()));
    }
    let frame = |opcode, fin, payload: &[u8]| (opcode, fin, true, true, payload.to_vec());
    let wanted = [
        frame(Opcode::Text, false, b"a"),
        frame(Opcode::Ping, true, b""),
        frame(Opcode::Continuation, false, b"b"),
        frame(Opcode::Continuation, true, b"c"),
        frame(Opcode::Binary, true, b"d"),
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn s5_2_reserved_bits_are_a_fault_unless_an_extension_claims_rsv1() {
    let decode = |mut decoder: Decoder, wire: &[u8]| {
        let mut wire = wire.to_vec();
        decoder.decode(&mut &mut wire[..]).map(|chunk| chunk.map(|chunk| chunk.rsv1))
    };
    let plain = || Decoder::new(Role::Client, sockless::Limits::default());
    assert_eq!(decode(plain(), b"\xc1\0"), Err(ProtocolError::ReservedBits));
    assert_eq!(decode(plain().claim_rsv1(), b"\xc1\0"), Ok(Some(true)));
    assert_eq!(decode(plain().claim_rsv1(), b"\x81\0"), Ok(Some(false)));
    assert_eq!(decode(plain().claim_rsv1(), b"\xa1\0"), Err(ProtocolError::ReservedBits));
    assert_eq!(decode(plain().claim_rsv1(), b"\x91\0"), Err(ProtocolError::ReservedBits));
    assert_eq!(decode(plain().claim_rsv1(), b"\xc9\0"), Err(ProtocolError::CompressedControl));
    let mut decoder = plain().claim_rsv1();
    let mut wire = *b"\x41\0\xc0\0";
    let mut input = &mut wire[..];
    assert_eq!(decoder.decode(&mut input).map(|chunk| chunk.is_some()), Ok(true));
    assert_eq!(decoder.decode(&mut input).unwrap_err(), ProtocolError::CompressedContinuation);
}
