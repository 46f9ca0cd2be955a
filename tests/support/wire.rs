//! Frames as values, and an encoder and decoder for them that share no code with the crate.

/// A frame, legal or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub fin: bool,
    pub rsv: u8,
    pub opcode: u8,
    pub key: Option<[u8; 4]>,
    pub payload: Vec<u8>,
}

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

impl Frame {
    pub fn new(opcode: u8, payload: &[u8]) -> Frame {
        Frame { fin: true, rsv: 0, opcode, key: None, payload: payload.to_vec() }
    }

    pub fn text(text: &str) -> Frame {
        Frame::new(TEXT, text.as_bytes())
    }

    pub fn ping(payload: &[u8]) -> Frame {
        Frame::new(PING, payload)
    }

    pub fn pong(payload: &[u8]) -> Frame {
        Frame::new(PONG, payload)
    }

    /// A Close without a reason; `None` without a body.
    pub fn close(code: Option<u16>) -> Frame {
        Frame::new(CLOSE, &code.map_or(vec![], |code| code.to_be_bytes().to_vec()))
    }

    pub fn masked(mut self, key: [u8; 4]) -> Frame {
        self.key = Some(key);
        self
    }

    pub fn unfinished(mut self) -> Frame {
        self.fin = false;
        self
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode];
        let masked = u8::from(self.key.is_some()) << 7;
        match self.payload.len() {
            len @ ..=125 => bytes.push(masked | len as u8),
            len @ ..=65535 => {
                bytes.push(masked | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(masked | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(self.key.into_iter().flatten());
        let key = self.key.unwrap_or_default();
        bytes.extend(self.payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
        bytes
    }
}

/// All frames of `bytes`, which must be whole frames with the shortest lengths.
pub fn decode(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (len, rest) = match second & 0x7f {
            126 => (u16::from_be_bytes(rest[..2].try_into().unwrap()) as usize, &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            len => (len as usize, rest),
        };
        let (key, rest) = match second & 0x80 {
            0 => (None, rest),
            _ => (Some(rest[..4].try_into().unwrap()), &rest[4..]),
        };
        let (payload, rest) = rest.split_at(len);
        let mask: [u8; 4] = key.unwrap_or_default();
        let payload = payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
        let frame = Frame { fin: first & 0x80 != 0, rsv: first >> 4 & 7, opcode: first & 15, key, payload };
        assert_eq!(frame.encode(), bytes[..bytes.len() - rest.len()], "not the shortest form");
        frames.push(frame);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame: {bytes:02x?}");
    frames
}
