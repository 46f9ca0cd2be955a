use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt;
use sha1::block_api::compress;
use sha1::{Digest, Sha1};

/// A client's `Sec-WebSocket-Key`: sixteen random bytes in base64 (RFC 6455 §4.1).
///
/// ```
/// use sockless::handshake::Key;
///
/// let key = Key::from_nonce(*b"the sample nonce");
/// assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(&key.accept(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 24]);

impl Key {
    /// The key of this nonce, which must be fresh and random for every connection.
    pub fn from_nonce(nonce: [u8; 16]) -> Key {
        Key(encode(&nonce))
    }

    /// The key as it is sent.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The `Sec-WebSocket-Accept` that proves that a server has read this key.
    pub fn accept(&self) -> [u8; 28] {
        accept_key(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
///
/// It is made from the key's text as it was received, which is not decoded.
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    match key.try_into() {
        Ok(key) => encode(&hash(key)),
        Err(_) => encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize()),
    }
}

const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// SHA-1 of a key of the right length and the GUID, padded here: a fifth faster than bytes of any number.
fn hash(key: &[u8; 24]) -> [u8; 20] {
    const BITS: u64 = 60 * 8;
    let mut blocks = [[0; 64]; 2];
    let [first, second] = &mut blocks;
    let (text, padding) = first.split_at_mut(60);
    let (start, end) = text.split_at_mut(24);
    start.copy_from_slice(key);
    end.copy_from_slice(GUID);
    padding.copy_from_slice(&[0x80, 0, 0, 0]);
    second.split_at_mut(56).1.copy_from_slice(&BITS.to_be_bytes());
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    compress(&mut state, &blocks);
    let mut hash = [0; 20];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

/// Whether this is base64 of sixteen bytes; the four bits of padding may have any value, as in the RFC's own sample.
pub(super) fn is_key(text: &[u8]) -> bool {
    let Some((digits, b"==")) = text.split_first_chunk::<22>() else { return false };
    // No early exit, so that many bytes are looked at at once.
    digits
        .iter()
        .fold(true, |valid, byte| valid & (byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/')))
}

fn encode<const LENGTH: usize>(bytes: &[u8]) -> [u8; LENGTH] {
    let mut text = [0; LENGTH];
    let encoded = STANDARD.encode_slice(bytes, &mut text);
    debug_assert_eq!(encoded, Ok(LENGTH));
    text
}
