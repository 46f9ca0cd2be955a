use alloc::string::{String, ToString};

use md5::{Digest, Md5};

use crate::Keys;

/// The sixteen bytes by which a server shows that it has read the two keys and the eight bytes behind the head
/// (hixie-76 §5.2); `None` if one of the keys is none.
///
/// A key is a number, its digits with blanks and other characters among them, that the count of the blanks divides.
///
/// ```
/// use sockless::hixie::challenge_answer;
///
/// let answer = challenge_answer(b"4 @1  46546xW%0l 1 5", b"12998 5 Y3 1  .P00", *b"^n:ds[4U");
/// assert_eq!(answer.as_ref(), Some(b"8jKS'y:G*Co,Wxa-"));
/// assert_eq!(challenge_answer(b"without blanks: 0", b"1x", [0; 8]), None);
/// ```
pub fn challenge_answer(key1: &[u8], key2: &[u8], key3: [u8; 8]) -> Option<[u8; 16]> {
    Some(answer([key_number(key1)?, key_number(key2)?], key3))
}

/// The digest of both numbers and the eight bytes.
pub(super) fn answer(numbers: [u32; 2], key3: [u8; 8]) -> [u8; 16] {
    let mut hash = Md5::new();
    for number in numbers {
        hash.update(number.to_be_bytes());
    }
    hash.update(key3);
    hash.finalize().into()
}

/// The number that a key hides: what its digits say, divided by the count of its blanks.
pub(super) fn key_number(key: &[u8]) -> Option<u32> {
    let (mut digits, mut blanks) = (None, 0);
    for &byte in key {
        match byte {
            b'0'..=b'9' => {
                let number: u32 = digits.unwrap_or(0);
                digits = Some(number.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?);
            }
            b' ' => blanks += 1,
            _ => {}
        }
    }
    let (number, blanks) = (digits?, Some(blanks).filter(|&blanks| blanks > 0)?);
    (number % blanks == 0).then_some(number / blanks)
}

/// A key and the number that it hides (hixie-76 §4.1, steps 16 to 22).
pub(super) fn draw_key(keys: &mut Keys) -> (String, u32) {
    let blanks = 1 + below(keys, 12);
    let number = below(keys, u64::from(u32::MAX) / blanks + 1);
    let mut key = (number * blanks).to_string();
    for _ in 0..1 + below(keys, 12) {
        // Visible, and no digit: 0x21 to 0x2f, 0x3a to 0x7e.
        let character = match u8::try_from(below(keys, 84)).unwrap_or(0) {
            low @ 0..15 => 0x21 + low,
            high => 0x3a + (high - 15),
        };
        let end = key.len();
        key.insert(place(keys, 0, end), character.into());
    }
    for _ in 0..blanks {
        // Neither the first nor the last: blanks there would be lost on the way.
        let last = key.len() - 1;
        key.insert(place(keys, 1, last), ' ');
    }
    (key, u32::try_from(number).unwrap_or(u32::MAX))
}

/// A number below `bound`, which is 2³² at most.
pub(super) fn below(keys: &mut Keys, bound: u64) -> u64 {
    (u64::from(u32::from_le_bytes(keys.masking_key())) * bound) >> 32
}

/// A place from `first` to `last`.
fn place(keys: &mut Keys, first: usize, last: usize) -> usize {
    let places = u64::try_from(last - first).unwrap_or(0) + 1;
    first + usize::try_from(below(keys, places)).unwrap_or(0)
}
