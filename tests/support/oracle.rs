//! A receiver written for reading: it looks at the whole input at once, byte by byte, and keeps what it likes.

use sockless::{Limits, ProtocolError as Fault, Role};

use super::subject::Seen;

/// What an endpoint sees of this input, and what it holds against it.
pub fn judge(role: Role, limits: &Limits, wire: &[u8]) -> (Vec<Seen>, Option<Fault>) {
    let mut seen = Vec::new();
    let fault = read(role, limits, wire, &mut seen).err();
    (seen, fault)
}

/// RFC 6455 §5 in the order of its bytes. Stops silently where the input does.
fn read(role: Role, limits: &Limits, wire: &[u8], seen: &mut Vec<Seen>) -> Result<(), Fault> {
    let mut at = 0;
    let mut message: Option<(u8, Vec<u8>)> = None;
    let (mut announced, mut fragments) = (0u128, 0u64);
    loop {
        let Some(first) = wire.get(at) else { return Ok(()) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
        if !matches!(opcode, 0 | 1 | 2 | 8 | 9 | 10) {
            return Err(Fault::ReservedOpcode);
        }
        if first & 0x70 != 0 {
            return Err(Fault::ReservedBits);
        }
        let control = opcode >= 8;
        if control && !fin {
            return Err(Fault::FragmentedControl);
        }
        if opcode == 0 && message.is_none() {
            return Err(Fault::UnexpectedContinuation);
        }
        if !control && opcode != 0 && message.is_some() {
            return Err(Fault::InterleavedMessage);
        }

        let Some(second) = wire.get(at + 1) else { return Ok(()) };
        if control && second & 0x7f > 125 {
            return Err(Fault::ControlTooLong);
        }
        // No code fits in one byte.
        if opcode == 8 && second & 0x7f == 1 {
            return Err(Fault::TruncatedCloseCode);
        }
        match role {
            Role::Server if second & 0x80 == 0 => return Err(Fault::UnmaskedFrame),
            Role::Client if second & 0x80 != 0 => return Err(Fault::MaskedFrame),
            _ => {}
        }
        at += 2;
        let len_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let there: Vec<u8> = wire[at..].iter().copied().take(len_bytes).collect();
        if len_bytes == 8 && there.first().is_some_and(|top| *top >= 0x80) {
            return Err(Fault::LengthTopBit);
        }
        if len_bytes == 8 && there.len() >= 6 && there[..6].iter().all(|byte| *byte == 0) {
            return Err(Fault::LengthNotShortest);
        }
        if there.len() < len_bytes {
            return Ok(());
        }
        let len = match len_bytes {
            0 => u128::from(second & 0x7f),
            _ => there.iter().fold(0, |len, byte| len << 8 | u128::from(*byte)),
        };
        if len_bytes == 2 && len < 126 {
            return Err(Fault::LengthNotShortest);
        }
        at += len_bytes;
        if !control {
            if opcode != 0 {
                (announced, fragments) = (0, 0);
            }
            if len > u128::from(limits.frame) {
                return Err(Fault::FrameTooBig);
            }
            announced += len;
            if announced > u128::from(limits.message) {
                return Err(Fault::MessageTooBig);
            }
            fragments += 1;
            if fragments > u64::from(limits.fragments) {
                return Err(Fault::TooManyFragments);
            }
        }
        let mut key = [0; 4];
        if role == Role::Server {
            let Some(there) = wire.get(at..at + 4) else { return Ok(()) };
            key.copy_from_slice(there);
            at += 4;
        }

        let payload: Vec<u8> = wire[at..]
            .iter()
            .take(usize::try_from(len).unwrap_or(usize::MAX))
            .enumerate()
            .map(|(i, byte)| byte ^ key[i % 4])
            .collect();
        let whole = payload.len() as u128 == len;
        at += payload.len();
        if control {
            if !whole {
                return Ok(());
            }
            match opcode {
                9 => seen.push(Seen::Ping(payload)),
                10 => seen.push(Seen::Pong(payload)),
                _ => {
                    seen.push(close(&payload)?);
                    return Ok(());
                }
            }
            continue;
        }
        let (kind, data) = message.get_or_insert((opcode, Vec::new()));
        data.extend(payload);
        if *kind == 1 {
            match std::str::from_utf8(data) {
                Err(fault) if fault.error_len().is_some() || fin && whole => return Err(Fault::InvalidUtf8),
                _ => {}
            }
        }
        if !whole {
            return Ok(());
        }
        if fin {
            let (kind, data) = message.take().unwrap();
            seen.push(match kind {
                1 => Seen::Text(String::from_utf8(data).unwrap()),
                _ => Seen::Binary(data),
            });
        }
    }
}

/// RFC 6455 §5.5.1, §7.4.
fn close(payload: &[u8]) -> Result<Seen, Fault> {
    if payload.is_empty() {
        return Ok(Seen::Close(None, String::new()));
    }
    let code = u16::from(payload[0]) << 8 | u16::from(payload[1]);
    let reserved = [1004, 1005, 1006, 1015].contains(&code);
    if reserved || !(1000..5000).contains(&code) || (1016..3000).contains(&code) {
        return Err(Fault::InvalidCloseCode);
    }
    let reason = String::from_utf8(payload[2..].to_vec()).map_err(|_| Fault::InvalidCloseReason)?;
    Ok(Seen::Close(Some(code), reason))
}
