use super::fields::{is_token, is_value, named, version};
use super::offer::StatusLine;
use super::origin::OriginPolicy;
use super::refusal::Refusal;
use super::request::{HttpVersion, Request, RequestLine};
use crate::uri::split_once;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// The head of an HTTP/1.1 request, which may or may not ask for a WebSocket.
///
/// ```
/// use sockless::handshake::{Acceptance, OriginPolicy, Refusal, Response, ServerHandshake};
///
/// let mut handshake = ServerHandshake::new(Default::default());
/// let mut bytes = *b"GET /health HTTP/1.1\r\nHost: a.example\r\n\r\n";
/// let head = handshake.receive(&mut &mut bytes[..])?.expect("a whole head");
/// let response = match (head.path(), head.upgrade(OriginPolicy::SameHost)) {
///     (_, Ok(request)) => request.accept(&Acceptance::default())?,
///     ("/health", Err(Refusal::UpgradeMissing)) => Response { status: 200, fields: &[], body: b"well" }.to_bytes()?,
///     (_, Err(refusal)) => refusal.response(),
/// };
/// assert!(response.ends_with(b"\r\n\r\nwell"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RequestHead(pub(super) Head<RequestLineSpan>);

impl RequestHead {
    /// The method, a token.
    pub fn method(&self) -> &str {
        self.0.text(0..self.0.line.method)
    }

    /// The target as it was sent, visible ASCII.
    pub fn target(&self) -> &str {
        self.0.text(self.0.line.method + 1..self.0.line.target)
    }

    /// The target up to its query: the path, if the target is not an absolute one.
    pub fn path(&self) -> &str {
        split_once(self.target(), b'?').map_or(self.target(), |(path, _)| path)
    }

    /// The version of HTTP.
    pub fn version(&self) -> HttpVersion {
        self.0.line.version
    }

    /// All fields, in order: names as they were sent, values without outer blanks.
    pub fn fields(&self) -> Fields<'_> {
        self.0.fields()
    }

    /// The first field of this name, in any case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.0.field(name)
    }

    /// Checks whether the request may open a WebSocket: [`Request::check`].
    pub fn upgrade(&self, policy: OriginPolicy<'_>) -> Result<Request<'_, Fields<'_>>, Refusal> {
        Request::check(self.line(), self.fields(), policy)
    }

    pub(crate) fn line(&self) -> RequestLine<'_> {
        let Head { bytes, line, .. } = &self.0;
        RequestLine {
            method: bytes.get(..line.method).unwrap_or_default(),
            target: bytes.get(line.method + 1..line.target).unwrap_or_default(),
            version: line.version,
        }
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// The head of an HTTP/1.1 response.
#[derive(Clone)]
pub struct ResponseHead(pub(super) Head<StatusLineSpan>);

impl ResponseHead {
    /// The status.
    pub fn status(&self) -> u16 {
        self.0.line.status
    }

    /// The reason phrase; servers need not send a truthful one, nor one at all.
    pub fn reason(&self) -> &[u8] {
        self.0.bytes.get(self.0.line.reason.clone()).unwrap_or_default()
    }

    /// The version of HTTP.
    pub fn version(&self) -> HttpVersion {
        self.0.line.version
    }

    /// All fields, in order and none joined: names as they were sent, values without outer blanks.
    pub fn fields(&self) -> Fields<'_> {
        self.0.fields()
    }

    /// The first field of this name, in any case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.0.field(name)
    }

    /// The WebSocket versions that the server names, in a 426 for example (RFC 6455 §4.4).
    pub fn websocket_versions(&self) -> impl Iterator<Item = u8> {
        named(self.fields(), "sec-websocket-version").flat_map(super::fields::list).filter_map(version)
    }

    pub(super) fn line(&self) -> StatusLine {
        StatusLine { version: self.version(), status: self.status() }
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// The fields of a head, as names and values.
#[derive(Clone)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    spans: core::slice::Iter<'a, Span>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let span = self.spans.next()?;
        Some((self.bytes.get(span.name.clone())?, self.bytes.get(span.value.clone())?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

/// A head as it was sent, and where its parts are.
#[derive(Clone)]
pub(super) struct Head<L> {
    pub(super) bytes: Vec<u8>,
    pub(super) line: L,
    pub(super) spans: Vec<Span>,
}

impl<L> Head<L> {
    fn fields(&self) -> Fields<'_> {
        Fields { bytes: &self.bytes, spans: self.spans.iter() }
    }

    fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields().find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    fn text(&self, range: Range<usize>) -> &str {
        self.bytes.get(range).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Where a field is.
#[derive(Clone)]
pub(super) struct Span {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The first line of a head.
pub(super) trait StartLine: Clone {
    /// Empty lines before it that are skipped (RFC 9112 §2.2).
    const EMPTY_LINES: usize;
    /// Whether folded fields are unfolded (RFC 9112 §5.2) or an error.
    const UNFOLDS: bool;

    /// Reads the line, which comes with its end.
    fn parse(line: &[u8]) -> Option<Self>;
}

/// Where the parts of a request line end, and its version.
#[derive(Clone)]
pub(super) struct RequestLineSpan {
    method: usize,
    target: usize,
    version: HttpVersion,
}

impl StartLine for RequestLineSpan {
    const EMPTY_LINES: usize = 4;
    const UNFOLDS: bool = false;

    fn parse(line: &[u8]) -> Option<RequestLineSpan> {
        let line = line.strip_suffix(b"\r\n")?;
        let method = line.iter().position(|&byte| byte == b' ')?;
        let (target_and_blank, version) = line.split_last_chunk::<8>()?;
        let target = target_and_blank.strip_suffix(b" ")?.len();
        let visible = line.get(method + 1..target)?;
        let valid = is_token(line.get(..method)?)
            && !visible.is_empty()
            && visible.iter().fold(true, |valid, byte| valid & byte.is_ascii_graphic());
        valid.then_some(RequestLineSpan { method, target, version: parse_version(version)? })
    }
}

/// What a status line says.
#[derive(Clone)]
pub(super) struct StatusLineSpan {
    version: HttpVersion,
    status: u16,
    reason: Range<usize>,
}

impl StartLine for StatusLineSpan {
    const EMPTY_LINES: usize = 0;
    const UNFOLDS: bool = true;

    fn parse(line: &[u8]) -> Option<StatusLineSpan> {
        let line = line.strip_suffix(b"\r\n")?;
        let (version, rest) = line.split_first_chunk::<8>()?;
        let (digits, rest) = rest.strip_prefix(b" ")?.split_first_chunk::<3>()?;
        // The blank behind the digits is missing from some servers.
        if !matches!(rest, [] | [b' ', ..]) || !is_value(rest) || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        let reason = (line.len() - rest.len() + 1).min(line.len())..line.len();
        (status >= 100).then_some(StatusLineSpan { version: parse_version(version)?, status, reason })
    }
}

fn parse_version(text: &[u8; 8]) -> Option<HttpVersion> {
    match text {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            Some(HttpVersion { major: major - b'0', minor: minor - b'0' })
        }
        _ => None,
    }
}
