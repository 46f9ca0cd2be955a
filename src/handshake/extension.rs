use super::fields::{is_token_byte, named};
use core::fmt;

/// One extension of a `Sec-WebSocket-Extensions` field: offered by a client or answered by a server (RFC 6455 §9.1).
///
/// Names of extensions and parameters compare exactly, with case.
///
/// ```
/// use sockless::handshake::{HttpVersion, OriginPolicy, Request, RequestLine};
///
/// let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
/// let fields = [
///     ("Host", "a.example"),
///     ("Upgrade", "websocket"),
///     ("Connection", "Upgrade"),
///     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
///     ("Sec-WebSocket-Version", "13"),
///     ("Sec-WebSocket-Extensions", "x-shout; volume=\"11\"; echo"),
/// ];
/// let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
/// let request = Request::check(line, fields, OriginPolicy::Any)?;
/// let extension = request.extensions().next().expect("one");
/// let mut parameters = extension.parameters();
/// let volume = parameters.next().and_then(|parameter| parameter.value).expect("a value");
/// assert_eq!((extension.name(), volume.bytes().collect::<Vec<_>>()), ("x-shout", b"11".to_vec()));
/// assert_eq!(parameters.next().map(|parameter| parameter.name), Some("echo"));
/// # Ok::<(), sockless::handshake::Refusal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    name: &'a str,
    parameters: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The extension's name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Its parameters, in order, repeated ones included.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + Clone + use<'a> {
        let mut rest = self.parameters;
        core::iter::from_fn(move || take_parameter(&mut rest))
    }
}

/// One parameter of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// What stands behind the equals sign, if there is one.
    pub value: Option<ParameterValue<'a>>,
}

/// The value of a parameter: a token, however it was written.
///
/// `10`, `"10"` and `"1\0"` are the same value.
#[derive(Clone, Copy)]
pub struct ParameterValue<'a>(&'a [u8]);

impl<'a> ParameterValue<'a> {
    /// The bytes of the value without quotes and escapes, all of them ASCII.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        // A backslash is no token character, so each one that is left is an escape.
        self.0.iter().copied().filter(|&byte| byte != b'\\')
    }
}

impl PartialEq for ParameterValue<'_> {
    fn eq(&self, other: &ParameterValue<'_>) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for ParameterValue<'_> {}

impl PartialEq<&str> for ParameterValue<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl fmt::Display for ParameterValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.bytes().try_for_each(|byte| f.write_char(char::from(byte)))
    }
}

impl fmt::Debug for ParameterValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The extensions of all `Sec-WebSocket-Extensions` fields, which have been checked.
pub(super) fn extensions<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
) -> impl Iterator<Item = Extension<'a>> + Clone {
    named(fields, "sec-websocket-extensions").flat_map(members).map_while(Result::ok)
}

/// Whether these values, taken together, are a list of at least one extension (RFC 6455 §4.3).
pub(super) fn are_valid<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut members = values.flat_map(members).peekable();
    members.peek().is_some() && members.all(|member| member.is_ok())
}

/// The extensions of one value; an error is the last item.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = Result<Extension<'_>, Invalid>> + Clone {
    let mut rest = value;
    core::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', tail @ ..] = rest {
            rest = tail;
        }
        if rest.is_empty() {
            return None;
        }
        let extension = take_extension(&mut rest);
        if extension.is_none() {
            rest = &[];
        }
        Some(extension.ok_or(Invalid))
    })
}

/// A member breaks the grammar.
#[derive(Clone, Copy)]
pub(super) struct Invalid;

fn take_extension<'a>(rest: &mut &'a [u8]) -> Option<Extension<'a>> {
    let name = take_token(rest)?;
    let start = *rest;
    // Not `trim`, which would look for blanks at the end for each parameter.
    while after_blanks(rest).starts_with(b";") {
        take_parameter(rest)?;
    }
    let parameters = start.get(..start.len() - rest.len())?;
    skip_blanks(rest);
    matches!(rest, [] | [b',', ..]).then_some(Extension { name, parameters })
}

fn after_blanks(mut rest: &[u8]) -> &[u8] {
    skip_blanks(&mut rest);
    rest
}

/// A semicolon, a name and perhaps a value.
fn take_parameter<'a>(rest: &mut &'a [u8]) -> Option<Parameter<'a>> {
    skip_blanks(rest);
    take(rest, b';')?;
    skip_blanks(rest);
    let name = take_token(rest)?;
    let mut ahead = after_blanks(rest);
    if take(&mut ahead, b'=').is_none() {
        return Some(Parameter { name, value: None });
    }
    skip_blanks(&mut ahead);
    let value = match take(&mut ahead, b'"') {
        Some(()) => take_quoted(&mut ahead)?,
        None => take_token(&mut ahead)?.as_bytes(),
    };
    *rest = ahead;
    Some(Parameter { name, value: Some(ParameterValue(value)) })
}

/// The inside of a quoted string that is a token once its escapes are undone.
fn take_quoted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let start = *rest;
    while !rest.starts_with(b"\"") {
        let _ = take(rest, b'\\');
        let (&byte, tail) = rest.split_first()?;
        if !is_token_byte(byte) {
            return None;
        }
        *rest = tail;
    }
    let inside = start.get(..start.len() - rest.len())?;
    take(rest, b'"')?;
    (!inside.is_empty()).then_some(inside)
}

fn take_token<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(rest.len());
    let (token, tail) = rest.split_at(end);
    *rest = tail;
    core::str::from_utf8(token).ok().filter(|token| !token.is_empty())
}

fn take(rest: &mut &[u8], byte: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[byte])?;
    Some(())
}

fn skip_blanks(rest: &mut &[u8]) {
    while let [b' ' | b'\t', tail @ ..] = rest {
        *rest = tail;
    }
}
