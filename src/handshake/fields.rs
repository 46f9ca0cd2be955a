//! The grammar that all handshake fields share (RFC 9110 §5.5, §5.6).

use crate::octets::Octets;

/// A nonempty run of `tchar` (RFC 9110 §5.6.2).
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN.contains(byte)
}

/// No control but the tab (RFC 9110 §5.5); bytes beyond ASCII are opaque.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// Without the optional blanks around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The nonempty members of a comma list without quoted strings (RFC 9110 §5.6.1).
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|&byte| byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// Whether a member of the list is this token, in any case.
pub(crate) fn lists(value: &[u8], token: &str) -> bool {
    let is = |member: &[u8]| is_name(member, token);
    is(value) || list(value).any(is)
}

/// Whether this is the name, in any case; most are spelt as expected.
#[inline]
pub(super) fn is_name(bytes: &[u8], expected: &str) -> bool {
    bytes.len() == expected.len()
        && (bytes == expected.as_bytes() || bytes.eq_ignore_ascii_case(expected.as_bytes()))
}

/// Visible ASCII without the mark of a fragment, of which there is none in a request (RFC 9112 §3.2).
pub(super) fn is_target(bytes: &[u8]) -> bool {
    // No early exit, so that many bytes are looked at at once.
    bytes.iter().fold(true, |valid, &byte| valid & byte.is_ascii_graphic() & (byte != b'#'))
}

/// The text of a value that is one token.
pub(super) fn token(value: &[u8]) -> Option<&str> {
    is_token(value).then(|| core::str::from_utf8(value).ok()).flatten()
}

/// A `version`: 0 to 255 in decimal without leading zeros (RFC 6455 §4.3).
pub(super) fn version(value: &[u8]) -> Option<u8> {
    match value {
        [b'0'] => Some(0),
        // `u8::from_str` takes a plus sign and leading zeros, too.
        [b'1'..=b'9', ..] => core::str::from_utf8(value).ok()?.parse().ok(),
        _ => None,
    }
}

/// The fields of this name, in any case, their values without outer blanks.
pub(crate) fn named<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> + Clone {
    fields.filter(|(field, _)| is_name(field, name)).map(|(_, value)| trim(value))
}

static TOKEN: Octets = Octets::alphanumeric_and(b"!#$%&'*+-.^_`|~");
