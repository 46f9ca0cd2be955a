//! Input made from bytes that an engine chose: proptest, libFuzzer or a corpus file.

use arbitrary::{Result, Unstructured};
use sockless::{Config, Limits, Role};

use super::wire::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};

pub fn role(u: &mut Unstructured<'_>) -> Result<Role> {
    Ok(if u.arbitrary()? { Role::Server } else { Role::Client })
}

/// Limits small enough to be met, or none.
pub fn config(u: &mut Unstructured<'_>) -> Result<Config> {
    let limits = match u.int_in_range(0..=2)? {
        0 => Limits { message: 300, frame: 200, fragments: 6 },
        1 => Limits::default(),
        _ => Limits::UNLIMITED,
    };
    Ok(Config::default().limits(limits))
}

/// What a peer of `role` sends: frames in a lawful order for the most part, cut off anywhere, broken now and then.
pub fn wire(u: &mut Unstructured<'_>, role: Role) -> Result<Vec<u8>> {
    let mut wire = Vec::new();
    let mut open = false;
    for _ in 0..u.int_in_range(0..=24)? {
        if u.ratio(1, 24)? {
            let junk = u.int_in_range(0..=12)?;
            wire.extend_from_slice(u.bytes(junk.min(u.len()))?);
            continue;
        }
        let mut frame = frame(u, &mut open)?;
        if role == Role::Server {
            frame.key = Some(u.arbitrary()?);
        }
        if u.ratio(1, 32)? {
            frame.rsv = u.int_in_range(0..=7)?;
        }
        let mut bytes = frame.encode();
        if u.ratio(1, 32)? {
            let at = u.choose_index(bytes.len())?;
            bytes[at] ^= 1u8 << u.int_in_range(0..=7)?;
        }
        wire.extend(bytes);
        if u.is_empty() {
            break;
        }
    }
    if u.ratio(1, 4)? {
        wire.truncate(u.int_in_range(0..=wire.len())?);
    }
    Ok(wire)
}

fn frame(u: &mut Unstructured<'_>, open: &mut bool) -> Result<Frame> {
    let fin = u.ratio(2, 3)?;
    Ok(match u.int_in_range(0..=15)? {
        0..=1 => Frame::new(PING, &control(u)?),
        2 => Frame::new(PONG, &control(u)?),
        3 => Frame::new(CLOSE, &close(u)?),
        4..=9 => {
            let opcode = if std::mem::replace(open, !fin) { CONTINUATION } else { TEXT };
            Frame { fin, ..Frame::new(opcode, &text(u)?) }
        }
        _ => {
            let opcode = if std::mem::replace(open, !fin) { CONTINUATION } else { BINARY };
            let payload = payload(u)?;
            Frame { fin, ..Frame::new(opcode, &payload) }
        }
    })
}

/// Text in pieces that may end inside a character, rarely broken.
pub fn text(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    const PIECES: [&[u8]; 12] = [
        b"",
        b"a",
        b"hello, world",
        "\u{e9}".as_bytes(),
        "\u{20ac}".as_bytes(),
        "\u{1f600}".as_bytes(),
        b"\xe2",
        b"\x82\xac",
        b"\xf0\x9f",
        b"\x98\x80",
        b"\xc3",
        b"\xa9",
    ];
    let mut text = Vec::new();
    for _ in 0..u.int_in_range(0..=6)? {
        match u.int_in_range(0..=40)? {
            0 => text.push(u.arbitrary()?),
            1 => text.extend([b'x'; 150]),
            // Mostly pieces that are whole by themselves.
            2..=6 => text.extend_from_slice(u.choose(&PIECES)?),
            _ => text.extend_from_slice(u.choose(&PIECES[..6])?),
        }
    }
    Ok(text)
}

/// Bytes of a length that the header cares about.
pub fn payload(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = match u.int_in_range(0..=19)? {
        0 => *u.choose(&[65535, 65536, 70000])?,
        1..=3 => *u.choose(&[125, 126, 127, 200, 201, 300])?,
        _ => u.int_in_range(0..=20)?,
    };
    let fill: u8 = u.arbitrary()?;
    Ok((0..len).map(|i: usize| fill.wrapping_add(i as u8)).collect())
}

pub fn control(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = u.int_in_range(0..=125)?;
    Ok(vec![u.arbitrary()?; len])
}

fn close(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let code: u16 = match u.int_in_range(0..=3)? {
        0 => return Ok(Vec::new()),
        1 => u.arbitrary()?,
        _ => *u.choose(&[1000, 1001, 1005, 1010, 1015, 3000, 4999, 5000])?,
    };
    let mut payload = code.to_be_bytes().to_vec();
    let reason = text(u)?;
    payload.extend(reason.iter().take(123));
    Ok(payload)
}
