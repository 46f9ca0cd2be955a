//! Heads of HTTP/1.1 messages in a fixed slice: nothing is copied, nothing is kept.

use sockless::handshake::{HttpVersion, RequestLine, StatusLine};

/// How long the head at the front of `bytes` is, its empty line included, once it is whole.
pub fn length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}

/// The request in a whole head; `None` if it is malformed.
pub fn request(head: &[u8]) -> Option<(RequestLine<'_>, Fields<'_>)> {
    let (line, fields) = split(head)?;
    let mut parts = line.split(|&byte| byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next()?, version(parts.next()?)?);
    let whole = parts.next().is_none() && is_token(method) && !target.is_empty();
    whole.then_some((RequestLine { method, target, version }, fields))
}

/// The response in a whole head; `None` if it is malformed.
pub fn response(head: &[u8]) -> Option<(StatusLine, Fields<'_>)> {
    let (line, fields) = split(head)?;
    let (start, rest) = line.split_first_chunk::<8>()?;
    let (digits, reason) = rest.strip_prefix(b" ")?.split_first_chunk::<3>()?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(reason, [] | [b' ', ..]) {
        return None;
    }
    let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    Some((StatusLine { version: version(start)?, status }, fields))
}

/// The fields of a head, in order.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (line, rest) = line(self.rest)?;
        self.rest = rest;
        field(line)
    }
}

/// The first line, and the fields once all of them were found in order.
fn split(head: &[u8]) -> Option<(&[u8], Fields<'_>)> {
    let (first, rest) = line(head)?;
    let mut left = rest;
    loop {
        match line(left)? {
            ([], _) => return Some((first, Fields { rest })),
            (next, further) => {
                field(next)?;
                left = further;
            }
        }
    }
}

/// The next line without its end, and what follows.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|end| end == b"\r\n")?;
    Some((bytes.get(..end)?, bytes.get(end + 2..)?))
}

/// Name and value of a line; a folded one has no name.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (line.get(..colon)?, trim(line.get(colon + 1..)?));
    let visible = value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    (is_token(name) && visible).then_some((name, value))
}

/// Without the blanks around it, and nothing else: a line feed by itself is no blank (RFC 9112 §2.2).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn is_token(bytes: &[u8]) -> bool {
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_token_byte)
}

fn version(text: &[u8]) -> Option<HttpVersion> {
    match text {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            Some(HttpVersion { major: major - b'0', minor: minor - b'0' })
        }
        _ => None,
    }
}
