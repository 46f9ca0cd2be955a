//! Frame headers: read for reading, every rule by itself and in no order, and held against what the crate makes of them.

use arbitrary::{Result, Unstructured};
use sockless::{Decoder, FrameHeader, Limits, ProtocolError as Fault, Role};

use super::generate;
use super::wire::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};

/// Any bytes, read as a header where any may stand.
pub fn frame_header(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(before) = Before::arbitrary(&mut u) else { return };
    let bytes = u.take_rest();
    reads_what_stands_there(bytes);
    judges_by_the_rules(&before, bytes);
}

/// What was read before the header.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub role: Role,
    pub limits: Limits,
    /// An extension claims the first reserved bit.
    pub rsv1: bool,
    pub message: Option<Unfinished>,
}

/// A message that is not whole.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished {
    pub announced: u64,
    pub frames: u32,
    pub compressed: bool,
}

/// The rules that this beginning of a header breaks, each with the index of the byte that decides it.
pub fn broken(before: &Before, bytes: &[u8]) -> Vec<(Fault, usize)> {
    let mut broken = vec![];
    let mut rule = |fault, at, is_broken: bool| {
        if is_broken {
            broken.push((fault, at));
        }
    };
    let Some(first) = bytes.first() else { return broken };
    let (fin, rsv1, rsv23, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x30 != 0, first & 15);
    let (control, message) = (opcode >= 8, before.message);
    rule(Fault::ReservedOpcode, 0, ![CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].contains(&opcode));
    rule(Fault::ReservedBits, 0, rsv23 || rsv1 && !before.rsv1);
    rule(Fault::CompressedControl, 0, rsv1 && before.rsv1 && control);
    rule(Fault::CompressedContinuation, 0, rsv1 && before.rsv1 && opcode == CONTINUATION);
    rule(Fault::FragmentedControl, 0, control && !fin);
    rule(Fault::UnexpectedContinuation, 0, opcode == CONTINUATION && message.is_none());
    rule(Fault::InterleavedMessage, 0, [TEXT, BINARY].contains(&opcode) && message.is_some());

    let Some(second) = bytes.get(1) else { return broken };
    let (masked, short) = (second & 0x80 != 0, second & 0x7f);
    rule(Fault::UnmaskedFrame, 1, before.role == Role::Server && !masked);
    rule(Fault::MaskedFrame, 1, before.role == Role::Client && masked);
    rule(Fault::ControlTooLong, 1, control && short > 125);
    // No code fits in one byte.
    rule(Fault::TruncatedCloseCode, 1, opcode == CLOSE && short == 1);

    let field = bytes[2..].get(..length_bytes(*second));
    rule(Fault::LengthTopBit, 2, short == 127 && bytes.get(2).is_some_and(|top| *top >= 0x80));
    rule(Fault::LengthNotShortest, 7, short == 127 && bytes.get(2..8) == Some(&[0; 6]));
    let Some(field) = field else { return broken };
    rule(Fault::LengthNotShortest, 3, short == 126 && field[0] == 0 && field[1] < 126);

    let (at, len) = (1 + field.len(), u128::from(announced(*second, field)));
    let earlier = message.filter(|_| opcode == CONTINUATION);
    let compressed = earlier.map_or(rsv1 && before.rsv1, |message| message.compressed);
    // What is inflated is counted by itself: its frames may be an eighth longer, and 64 bytes.
    let most = |limit: u64| u128::from(limit) + if compressed { u128::from(limit) / 8 + 64 } else { 0 };
    let sum = len + earlier.map_or(0, |message| u128::from(message.announced));
    let frames = 1 + earlier.map_or(0, |message| message.frames);
    rule(Fault::FrameTooBig, at, !control && len > most(before.limits.frame));
    rule(Fault::MessageTooBig, at, !control && sum > most(before.limits.message));
    rule(Fault::TooManyFragments, at, !control && frames > before.limits.fragments);
    broken
}

/// The length of the header that begins with these bytes; two are enough to tell.
pub fn header_len(bytes: &[u8]) -> Option<usize> {
    let second = bytes.get(1)?;
    Some(2 + length_bytes(*second) + usize::from(second >> 7) * 4)
}

/// The bytes of payload that a header which is there as far as its length announces.
pub fn payload_len(bytes: &[u8]) -> Option<u64> {
    let second = bytes.get(1)?;
    Some(announced(*second, bytes[2..].get(..length_bytes(*second))?))
}

/// The bytes of length behind the second byte.
fn length_bytes(second: u8) -> usize {
    match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

fn announced(second: u8, field: &[u8]) -> u64 {
    match field {
        [] => u64::from(second & 0x7f),
        _ => field.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
    }
}

/// A header is read where it is whole and nowhere else, and written as it was read if its length was in the shortest form.
fn reads_what_stands_there(bytes: &[u8]) {
    let read = FrameHeader::decode(bytes);
    let Some(len) = header_len(bytes).filter(|len| *len <= bytes.len()) else {
        assert_eq!(read, None, "{bytes:02x?} is no whole header");
        let more = FrameHeader::decode(&[bytes, &[0; 14]].concat());
        assert!(more.is_some_and(|(_, read)| read > bytes.len()), "{bytes:02x?} begins a header");
        return;
    };
    let (first, second) = (bytes[0], bytes[1]);
    let header = FrameHeader {
        fin: first >> 7 == 1,
        rsv: first >> 4 & 7,
        opcode: first & 15,
        masking_key: bytes[..len].last_chunk().copied().filter(|_| second >> 7 == 1),
        payload_len: payload_len(bytes).unwrap(),
    };
    assert_eq!(read, Some((header, len)), "{bytes:02x?}");
    for part in 0..len {
        assert_eq!(FrameHeader::decode(&bytes[..part]), None, "{part} bytes of {bytes:02x?}");
    }
    let shortest = match header.payload_len {
        0..=125 => 0,
        126..=65535 => 2,
        _ => 8,
    };
    let written = header.encode();
    match length_bytes(second) == shortest {
        true => assert_eq!(written.as_ref(), &bytes[..len]),
        false => {
            assert_eq!(written.as_ref().len(), len - length_bytes(second) + shortest);
            assert_eq!(FrameHeader::decode(written.as_ref()), Some((header, written.as_ref().len())));
        }
    }
}

/// A frame is refused at the byte that decides it, for a rule that it breaks there; one that breaks none is given as it is.
fn judges_by_the_rules(before: &Before, bytes: &[u8]) {
    let header = header_len(bytes).unwrap_or(usize::MAX).min(bytes.len());
    let payload = usize::try_from(payload_len(bytes).unwrap_or(0)).unwrap_or(usize::MAX);
    let frame = &bytes[..header.saturating_add(payload).min(bytes.len())];
    let broken = broken(before, &frame[..header]);
    let first = broken.iter().map(|(_, at)| *at).min();
    for piece_len in [1, 5, frame.len().max(1)] {
        let mut decoder = before.decoder();
        let mut given = None;
        let mut fault = None;
        for (at, piece) in frame.chunks(piece_len).enumerate() {
            match decode(&mut decoder, piece, &mut given) {
                Ok(()) => assert_eq!(fault, None, "a fault that did not stick"),
                Err(new) => assert_eq!(fault.get_or_insert((new, at)).0, new, "another fault"),
            }
        }
        let context = || format!("{frame:02x?} {before:?} {broken:?}, {piece_len} bytes at a time");
        assert_eq!(fault.map(|(_, at)| at), first.map(|at| at / piece_len), "where: {}", context());
        if let Some((fault, _)) = fault {
            assert!(broken.contains(&(fault, first.unwrap())), "{fault:?}: {}", context());
            assert!(fault.section().starts_with("RFC "), "{fault:?} names no section");
            continue;
        }
        let whole = header_len(bytes).is_some_and(|len| len <= bytes.len());
        let starts = whole && (payload == 0 || frame.len() > header);
        assert_eq!(given.is_some(), starts, "{}", context());
        let Some(given) = given else { continue };
        assert_eq!(given, expected(frame, header, payload), "{}", context());
    }
}

/// A frame as its chunks give it.
#[derive(Debug, PartialEq)]
struct Given {
    first: u8,
    payload: Vec<u8>,
    whole: bool,
}

fn decode(decoder: &mut Decoder, piece: &[u8], given: &mut Option<Given>) -> std::result::Result<(), Fault> {
    let mut piece = piece.to_vec();
    let mut input = &mut piece[..];
    while let Some(chunk) = decoder.decode(&mut input)? {
        assert_eq!(chunk.first, given.is_none(), "whether it is the first chunk");
        let first = u8::from(chunk.fin) << 7 | u8::from(chunk.rsv1) << 6 | chunk.opcode.bits();
        let given = given.get_or_insert(Given { first, payload: vec![], whole: false });
        assert!(given.first == first && !given.whole, "a chunk of another frame");
        given.payload.extend_from_slice(chunk.payload);
        given.whole = chunk.last;
    }
    assert!(input.is_empty(), "more is wanted, and not all is taken");
    Ok(())
}

fn expected(frame: &[u8], header: usize, payload: usize) -> Given {
    let key = if frame[1] >> 7 == 1 { &frame[header - 4..header] } else { &[0; 4] };
    let there = &frame[header..];
    let unmasked = there.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
    Given { first: frame[0], payload: unmasked, whole: there.len() == payload }
}

impl Before {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Before> {
        let role = generate::role(u)?;
        let mut limits = generate::config(u)?.limits;
        let rsv1 = u.arbitrary()?;
        let message = match u.arbitrary()? {
            true => Some(Unfinished {
                announced: u.int_in_range(0..=5)?,
                frames: u.int_in_range(1..=3)?,
                compressed: rsv1 && u.arbitrary()?,
            }),
            false => None,
        };
        if u.ratio(1, 4)? {
            limits.fragments = message.map_or(1, |message| message.frames);
        }
        Ok(Before { role, limits, rsv1, message })
    }

    /// A decoder that has read this.
    fn decoder(&self) -> Decoder {
        let mut decoder = Decoder::new(self.role, self.limits);
        if self.rsv1 {
            decoder = decoder.claim_rsv1();
        }
        let Some(message) = self.message else { return decoder };
        let key = (self.role == Role::Server).then_some([1, 2, 3, 4]);
        for at in 0..message.frames {
            let (opcode, len) =
                if at == 0 { (BINARY, message.announced as usize) } else { (CONTINUATION, 0) };
            let rsv = u8::from(message.compressed && at == 0) * 4;
            let mut wire = Frame { fin: false, rsv, opcode, key, payload: vec![7; len] }.encode();
            let mut input = &mut wire[..];
            while decoder.decode(&mut input).expect("what came before is in order").is_some() {}
        }
        decoder
    }
}
