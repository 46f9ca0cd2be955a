/// What a frame is (RFC 6455 §5.2).
///
/// ```
/// use sockless::Opcode;
///
/// assert_eq!(Opcode::new(0x9), Some(Opcode::Ping));
/// assert_eq!(Opcode::new(0x3), None);
/// assert!(Opcode::Close.is_control());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// The next frame of the message in progress.
    Continuation = 0x0,
    /// The first frame of a text message.
    Text = 0x1,
    /// The first frame of a binary message.
    Binary = 0x2,
    /// The end of the sender's half of the conversation.
    Close = 0x8,
    /// A question whether the peer is there.
    Ping = 0x9,
    /// The answer to a ping, or a sign of life unasked.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode of these four bits; `None` for those that nobody has assigned.
    #[inline]
    pub const fn new(bits: u8) -> Option<Opcode> {
        Some(match bits {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xa => Opcode::Pong,
            _ => return None,
        })
    }

    /// The four bits.
    #[inline]
    pub const fn bits(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xa,
        }
    }

    /// Whether this is a control frame: Close, Ping or Pong.
    #[inline]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// The final bit: this frame ends its message.
pub(crate) const FIN: u8 = 0x80;
/// The first reserved bit, which permessage-deflate claims (RFC 7692 §6).
pub(crate) const RSV1: u8 = 0x40;
/// The reserved bits that nobody has claimed.
pub(crate) const RSV2_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
/// The bit beside the short length that announces a masking key.
pub(crate) const MASKED: u8 = 0x80;
/// The short lengths that announce 2 and 8 bytes of length.
pub(crate) const LEN_16: u8 = 126;
pub(crate) const LEN_64: u8 = 127;

/// A frame header as it stands on the wire, legal or not: for proxies, test tools and fuzzers.
///
/// Nothing is judged here; [`Decoder`](crate::Decoder) does that. A length in a longer form than needed shows in the
/// number of bytes that [`decode`](FrameHeader::decode) says it read.
///
/// ```
/// use sockless::FrameHeader;
///
/// let (header, read) = FrameHeader::decode(b"\x81\x85\x37\xfa\x21\x3d\x7f").unwrap();
/// assert_eq!((header.payload_len, read), (5, 6));
/// assert_eq!(header.masking_key, Some([0x37, 0xfa, 0x21, 0x3d]));
/// assert_eq!(header.encode().as_ref(), b"\x81\x85\x37\xfa\x21\x3d");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// Whether this frame ends its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3, from the highest of three bits down.
    pub rsv: u8,
    /// The four bits of the opcode: [`Opcode::new`] tells what they mean.
    pub opcode: u8,
    /// The key, if the frame says that it is masked.
    pub masking_key: Option<[u8; 4]>,
    /// The bytes of payload that follow the header.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The longest header: two bytes, eight of length, four of key.
    pub const MAX_LEN: usize = 14;

    /// Reads the header at the front of `bytes` and says how long it was; `None` if it is not whole yet.
    pub fn decode(bytes: &[u8]) -> Option<(FrameHeader, usize)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (payload_len, rest) = match second & !MASKED {
            LEN_16 => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*len)), rest)
            }
            LEN_64 => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*len), rest)
            }
            len => (u64::from(len), rest),
        };
        let (masking_key, rest) = match second & MASKED {
            0 => (None, rest),
            _ => rest.split_first_chunk().map(|(key, rest)| (Some(*key), rest))?,
        };
        let header = FrameHeader {
            fin: first & FIN != 0,
            rsv: (first & (RSV1 | RSV2_RSV3)) >> 4,
            opcode: first & OPCODE,
            masking_key,
            payload_len,
        };
        Some((header, bytes.len() - rest.len()))
    }

    /// The header's bytes, with the length in its shortest form (RFC 6455 §5.2).
    ///
    /// Bits of `rsv` and `opcode` that have no place in the header are left out.
    #[inline]
    pub fn encode(&self) -> EncodedHeader {
        let fin = if self.fin { FIN } else { 0 };
        encode_header(fin | (self.rsv & 0x7) << 4 | self.opcode & OPCODE, self.payload_len, self.masking_key)
    }
}

/// The bytes of a masking key.
pub(crate) const KEY_LEN: usize = 4;

/// The bytes of a header without a key.
#[inline]
pub(crate) const fn header_len(payload_len: usize) -> usize {
    match payload_len {
        0..126 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// The header of these first eight bits, with the length in its shortest form.
#[inline]
pub(crate) fn encode_header(head: u8, payload_len: u64, masking_key: Option<[u8; 4]>) -> EncodedHeader {
    let mut header = EncodedHeader { bytes: [0; FrameHeader::MAX_LEN], len: 0 };
    put_header(head, payload_len, masking_key, |bytes| header.push(bytes));
    header
}

/// Hands the bytes of a header to `put`, each time as many as the compiler knows.
#[inline]
pub(crate) fn put_header(
    head: u8,
    payload_len: u64,
    masking_key: Option<[u8; 4]>,
    mut put: impl FnMut(&[u8]),
) {
    let masked = if masking_key.is_some() { MASKED } else { 0 };
    let len = payload_len.to_be_bytes();
    match payload_len {
        0..126 => put(&[head, masked | len[7]]),
        126..=0xffff => put(&[head, masked | LEN_16, len[6], len[7]]),
        _ => {
            put(&[head, masked | LEN_64]);
            put(&len);
        }
    }
    if let Some(key) = masking_key {
        put(&key);
    }
}

/// The bytes of a [`FrameHeader`], 2 to 14 of them.
#[derive(Clone, Copy, Debug)]
pub struct EncodedHeader {
    bytes: [u8; FrameHeader::MAX_LEN],
    len: u8,
}

impl EncodedHeader {
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.len);
        if let Some(room) = self.bytes.get_mut(start..start + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += u8::try_from(bytes.len()).unwrap_or_default();
        }
    }
}

impl AsRef<[u8]> for EncodedHeader {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}
