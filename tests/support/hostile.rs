//! What a hostile peer pours into a connection, and how that answers.

use core::time::Duration;

use sockless::{Cause, Connection, EndCode, Event, FrameHeader, Moment, ProtocolError, Role, Transport};

use super::subject::{drain, frames};
use super::wire::{self, Frame};

pub const KIB: isize = 1 << 10;

/// Feeds bytes in pieces of this size. Each call takes a byte, or has taken all; so there are no more calls than bytes,
/// and one for each piece. The events go to `each`. Takes nothing from the heap itself.
pub fn pour(
    connection: &mut Connection,
    wire: &[u8],
    size: usize,
    mut each: impl FnMut(&mut Connection, Event<'_>),
) -> Result<usize, ProtocolError> {
    let mut calls = 0;
    let mut buffer = [0; 1000];
    for bytes in wire.chunks(size) {
        let mut input = &mut buffer[..bytes.len()];
        input.copy_from_slice(bytes);
        loop {
            let before = input.len();
            calls += 1;
            match connection.receive(&mut input)? {
                Some(event) => {
                    assert!(input.len() < before, "an event takes a byte at least");
                    each(connection, event);
                }
                None => break assert!(input.is_empty(), "all is taken when more is wanted"),
            }
        }
    }
    Ok(calls)
}

pub fn ignore(_: &mut Connection, _: Event<'_>) {}

/// Feeds the same bytes again and again until they are refused: how many bytes that took.
pub fn endless(connection: &mut Connection, again: &[u8], size: usize) -> (ProtocolError, usize) {
    for times in 1..1 << 20 {
        if let Err(fault) = pour(connection, again, size, ignore) {
            return (fault, times * again.len());
        }
    }
    panic!("it is never refused");
}

/// A header as the peer of `role` sends it.
pub fn header(role: Role, first: u8, payload_len: u64) -> Vec<u8> {
    let masking_key = (role == Role::Server).then_some([0x11, 0x22, 0x33, 0x44]);
    let header =
        FrameHeader { fin: first & 0x80 != 0, rsv: 0, opcode: first & 0xf, masking_key, payload_len };
    header.encode().as_ref().to_vec()
}

/// What went out, of a connection that failed: the one Close with the code. In words.
pub fn failed(connection: &mut Connection, role: Role, fault: ProtocolError) -> String {
    let close = Frame::close(Some(fault.close_code().value()));
    let out = frames(role, &drain(connection));
    assert_eq!(out, [close]);
    assert_eq!(connection.transport(), Transport::ShutdownWrite);
    connection.receive_eof();
    let end = connection.end().expect("an end");
    assert_eq!((end.code, end.was_clean, end.cause), (EndCode::ABNORMAL, false, Cause::Failed(fault)));
    in_words(&out)
}

/// The frames that were answered: how many of each kind, and the code of a Close.
pub fn in_words(out: &[Frame]) -> String {
    let of = |frame: &Frame| match (frame.opcode, &*frame.payload) {
        (wire::PING, _) => "Ping".to_string(),
        (wire::PONG, _) => "Pong".to_string(),
        (wire::CLOSE, [high, low, ..]) => format!("Close {}", u16::from_be_bytes([*high, *low])),
        (wire::CLOSE, _) => "Close without a code".to_string(),
        _ => "data".to_string(),
    };
    let groups = out.chunk_by(|one, next| of(one) == of(next));
    let words = groups.map(|group| match group.len() {
        1 => of(&group[0]),
        many => format!("{many} × {}", of(&group[0])),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

pub fn at(seconds: u64) -> Moment {
    Moment::from(Duration::from_secs(seconds))
}

/// Seconds from the beginning.
pub fn seconds(now: Moment) -> u64 {
    (0..10_000).find(|&seconds| at(seconds) >= now).expect("a moment")
}
