//! The bytes that the benchmarks receive: made here once, so that every library is given the same.

use std::fmt::Write;

/// The read buffer of every harness: what a driver shares between its connections.
pub const READ: usize = 16 << 10;

/// What a payload is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Binary,
    Ascii,
    Cjk,
}

/// A payload of `size` bytes. Chinese text has one to two ASCII letters at its end to come out even.
pub fn payload(kind: Kind, size: usize) -> Vec<u8> {
    match kind {
        Kind::Binary => (0..size).map(|at| (at * 7 + 3) as u8).collect(),
        Kind::Ascii => b"the quick brown fox jumps over it. ".iter().copied().cycle().take(size).collect(),
        Kind::Cjk => {
            let mut text: String =
                "天地玄黃宇宙洪荒日月盈昃辰宿列張".chars().cycle().take(size / 3).collect();
            text.push_str(&"ab"[..size % 3]);
            text.into()
        }
    }
}

/// One frame with the masking key of a client if there is one, with its length in the shortest form.
pub fn frame(wire: &mut Vec<u8>, head: u8, key: Option<[u8; 4]>, payload: &[u8]) {
    let masked = if key.is_some() { 0x80 } else { 0 };
    wire.push(head);
    match payload.len() {
        len @ 0..126 => wire.push(masked | len as u8),
        len @ 126..=0xffff => {
            wire.push(masked | 126);
            wire.extend((len as u16).to_be_bytes());
        }
        len => {
            wire.push(masked | 127);
            wire.extend((len as u64).to_be_bytes());
        }
    }
    wire.extend(key.into_iter().flatten());
    let key = key.unwrap_or_default();
    wire.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// The key of a client's `index`th frame.
pub fn key(index: usize) -> [u8; 4] {
    (index as u32 + 1).wrapping_mul(0x9e37_79b9).to_le_bytes()
}

/// As many whole messages as a client sends in a row.
pub fn messages(kind: Kind, size: usize, count: usize) -> Vec<u8> {
    let payload = payload(kind, size);
    let head = if kind == Kind::Binary { 0x82 } else { 0x81 };
    let mut wire = Vec::new();
    for index in 0..count {
        frame(&mut wire, head, Some(key(index)), &payload);
    }
    wire
}

/// One binary message of `size` bytes in `fragments` frames, with a ping behind each if wanted.
pub fn fragmented(size: usize, fragments: usize, pings: bool) -> Vec<u8> {
    let payload = payload(Kind::Binary, size);
    let mut wire = Vec::new();
    let mut pieces: Vec<_> = payload.chunks(size.div_ceil(fragments).max(1)).collect();
    pieces.resize(fragments, &[]);
    for (index, piece) in pieces.into_iter().enumerate() {
        let fin = if index + 1 == fragments { 0x80 } else { 0 };
        let opcode = if index == 0 { 2 } else { 0 };
        frame(&mut wire, fin | opcode, Some(key(index)), piece);
        if pings && index + 1 < fragments {
            frame(&mut wire, 0x89, Some(key(index)), b"still there?");
        }
    }
    wire
}

/// How many messages of a size make a workload: about 256 KiB, which a second-level cache holds beside the buffers.
pub fn count(size: usize) -> usize {
    ((256 << 10) / (size + 8)).max(1)
}

/// A browser's request: 14 fields, 525 bytes.
pub fn request() -> Vec<u8> {
    let mut request = String::from(
        "GET /chat?room=7 HTTP/1.1\r\n\
         Host: server.example.com\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         Accept: */*\r\n\
         Accept-Language: en-US,en;q=0.5\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Origin: http://server.example.com\r\n\
         Sec-WebSocket-Protocol: chat\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Connection: keep-alive, Upgrade\r\n\
         Pragma: no-cache\r\n\
         Cache-Control: no-cache\r\n\
         Upgrade: websocket\r\n",
    );
    let cookie = 525 - request.len() - "Cookie: id=\r\n\r\n".len();
    let _ = write!(request, "Cookie: id={:x>cookie$}\r\n\r\n", "");
    assert_eq!(request.len(), 525);
    request.into()
}
