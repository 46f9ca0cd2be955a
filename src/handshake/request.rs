use super::fields::{is_name, is_target, list, lists, trim};
use super::key::{accept_key, is_key};
use super::origin::OriginPolicy;
use super::proposal::{Acceptance, Negotiation, Once, Proposal};
use super::refusal::Refusal;
use super::write::{Sink, WriteError, is_reserved, write_into};
use crate::uri::{Authority, ResourceName, split_once};
use core::fmt;
use core::ops::Deref;
#[cfg(feature = "alloc")]
use {
    crate::{Arc, Config, Connection},
    alloc::vec::Vec,
};

/// A version of HTTP; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpVersion {
    /// The digit before the point.
    pub major: u8,
    /// The digit behind it.
    pub minor: u8,
}

impl HttpVersion {
    /// HTTP/1.1.
    pub const HTTP_11: HttpVersion = HttpVersion { major: 1, minor: 1 };

    /// HTTP/1.1 or a higher minor version of the same protocol.
    pub(crate) fn can_upgrade(self) -> bool {
        self.major == 1 && self.minor >= 1
    }
}

/// The first line of an HTTP/1.1 request, in pieces.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The target, as it was sent.
    pub target: &'a [u8],
    /// The version of HTTP.
    pub version: HttpVersion,
}

/// A request that may open a WebSocket (RFC 6455 §4.2.1), found in order in every respect.
///
/// It derefs to the [`Proposal`] in it.
///
/// ```
/// use sockless::handshake::{Acceptance, HttpVersion, OriginPolicy, Request, RequestLine};
///
/// let line = RequestLine { method: b"GET", target: b"/chat", version: HttpVersion::HTTP_11 };
/// let fields = [
///     ("Host", "server.example.com"),
///     ("Upgrade", "websocket"),
///     ("Connection", "keep-alive, Upgrade"),
///     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
///     ("Sec-WebSocket-Version", "13"),
/// ];
/// let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
/// let request = Request::check(line, fields, OriginPolicy::SameHost)?;
/// assert_eq!(request.resource_name().path(), "/chat");
///
/// let mut buffer = [0; 256];
/// let length = request.write_acceptance(&Acceptance::default(), &mut buffer)?;
/// assert!(buffer[..length].starts_with(b"HTTP/1.1 101 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Request<'a, F> {
    proposal: Proposal<'a, F>,
    key: &'a [u8],
}

impl<'a, F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone> Request<'a, F> {
    /// Checks a request over any list of fields, names in any case.
    ///
    /// The fields have been parsed: what a value may be made of is checked where a rule of the handshake asks for it.
    /// The first fault in the order of [`Refusal`]'s variants, from `HttpVersionUnsupported` on, is the one reported.
    pub fn check(
        line: RequestLine<'a>,
        fields: F,
        policy: OriginPolicy<'_>,
    ) -> Result<Request<'a, F>, Refusal> {
        let target = || split_target(line.target);
        let seen = Seen::gather(fields.clone());
        seen.request(line.version, line.method, target, fields, policy, &Rules::RFC_6455)
    }

    #[cfg(feature = "http")]
    pub(super) fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Writes the response that opens the WebSocket, and says how long it is: frames may follow it at once.
    pub fn write_acceptance(
        &self,
        acceptance: &Acceptance<'_>,
        buffer: &mut [u8],
    ) -> Result<usize, WriteError> {
        write_into(buffer, |sink| self.put_acceptance(acceptance, sink))
    }

    /// The response that opens the WebSocket: frames may follow it at once.
    #[cfg(feature = "alloc")]
    pub fn accept(&self, acceptance: &Acceptance<'_>) -> Result<Vec<u8>, WriteError> {
        let mut response = Vec::with_capacity(256);
        self.put_acceptance(acceptance, &mut response)?;
        Ok(response)
    }

    /// The connection, with the response that opens it queued: frames may be sent at once.
    #[cfg(feature = "alloc")]
    pub fn open(
        &self,
        acceptance: &Acceptance<'_>,
        config: impl Into<Arc<Config>>,
    ) -> Result<Connection, WriteError> {
        Ok(Connection::answered(config.into(), self.accept(acceptance)?))
    }

    fn put_acceptance(&self, acceptance: &Acceptance<'_>, sink: &mut impl Sink) -> Result<(), WriteError> {
        self.check_acceptance(acceptance)?;
        sink.put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        sink.put(b"Sec-WebSocket-Accept: ");
        sink.put(&accept_key(self.key));
        sink.put(b"\r\n");
        if let Some(subprotocol) = acceptance.subprotocol {
            sink.field("Sec-WebSocket-Protocol", subprotocol);
        }
        if let Some(extensions) = acceptance.extensions {
            sink.field("Sec-WebSocket-Extensions", extensions);
        }
        sink.fields(acceptance.fields, is_reserved)?;
        sink.put(b"\r\n");
        Ok(())
    }
}

impl<'a, F> Deref for Request<'a, F> {
    type Target = Proposal<'a, F>;

    fn deref(&self) -> &Proposal<'a, F> {
        &self.proposal
    }
}

impl<F> fmt::Debug for Request<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.proposal).finish()
    }
}

/// What the versions of the protocol differ in.
pub(crate) struct Rules {
    /// The versions, as numbers.
    pub(crate) versions: &'static [u8],
    /// Whether this is a key.
    pub(crate) is_key: fn(&[u8]) -> bool,
}

impl Rules {
    pub(crate) const RFC_6455: Rules = Rules { versions: &[13], is_key };
}

/// What the one pass over the fields has found.
pub(crate) struct Seen<'a> {
    host: Once<'a>,
    content_length: bool,
    content_length_valid: bool,
    transfer_coding: bool,
    transfer_coding_known: bool,
    upgrade: bool,
    connection: bool,
    key: Once<'a>,
    pub(crate) negotiation: Negotiation<'a>,
}

impl<'a> Seen<'a> {
    pub(crate) fn gather(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Seen<'a> {
        let mut seen = Seen {
            host: Once::Missing,
            content_length: false,
            content_length_valid: true,
            transfer_coding: false,
            transfer_coding_known: true,
            upgrade: false,
            connection: false,
            key: Once::Missing,
            negotiation: Negotiation::NONE,
        };
        for (name, value) in fields {
            // The length tells most names apart before a byte is compared.
            let is = |usual: &str| is_name(name, usual);
            match name.len() {
                4 if is("Host") => seen.host.add(trim(value)),
                6 if is("Origin") => seen.negotiation.origin.add(trim(value)),
                7 if is("Upgrade") => seen.upgrade |= lists(value, "websocket"),
                10 if is("Connection") => seen.connection |= lists(value, "Upgrade"),
                14 if is("Content-Length") => seen.add_content_length(trim(value)),
                17 if is("Sec-WebSocket-Key") => seen.key.add(trim(value)),
                17 if is("Transfer-Encoding") => {
                    seen.transfer_coding = true;
                    seen.transfer_coding_known &= list(value).all(is_known_coding);
                }
                21 if is("Sec-WebSocket-Version") => seen.negotiation.version.add(trim(value)),
                22 if is("Sec-WebSocket-Protocol") => seen.negotiation.subprotocols.add(value),
                24 if is("Sec-WebSocket-Extensions") => seen.negotiation.extensions.add(value),
                _ => {}
            }
        }
        seen
    }

    /// The resource and the host, if the request asks for an upgrade to WebSocket of whatever version. The target is taken
    /// apart when it is its turn.
    #[inline]
    pub(crate) fn check_upgrade(
        &self,
        version: HttpVersion,
        method: &[u8],
        target: impl FnOnce() -> Result<(Option<Authority<'a>>, ResourceName<'a>), Refusal>,
    ) -> Result<(ResourceName<'a>, Authority<'a>), Refusal> {
        if !version.can_upgrade() {
            return Err(Refusal::HttpVersionUnsupported);
        }
        if method != b"GET" {
            return Err(Refusal::MethodNotAllowed);
        }
        let (target_authority, resource_name) = target()?;
        let host = match self.host {
            Once::Missing => return Err(Refusal::HostMissing),
            Once::Repeated => return Err(Refusal::HostRepeated),
            Once::Value(host) => parse_authority(host)?,
        };
        self.check_body()?;
        if !self.upgrade {
            return Err(Refusal::UpgradeMissing);
        }
        if !self.connection {
            return Err(Refusal::ConnectionUpgradeMissing);
        }
        Ok((resource_name, target_authority.unwrap_or(host)))
    }

    /// The request, if it is in order by these rules.
    #[inline]
    pub(crate) fn request<F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone>(
        self,
        version: HttpVersion,
        method: &[u8],
        target: impl FnOnce() -> Result<(Option<Authority<'a>>, ResourceName<'a>), Refusal>,
        fields: F,
        policy: OriginPolicy<'_>,
        rules: &Rules,
    ) -> Result<Request<'a, F>, Refusal> {
        let (resource_name, authority) = self.check_upgrade(version, method, target)?;
        self.negotiation.check_version(rules.versions)?;
        let key = match self.key {
            Once::Missing => return Err(Refusal::KeyMissing),
            Once::Repeated => return Err(Refusal::KeyRepeated),
            Once::Value(key) if !(rules.is_key)(key) => return Err(Refusal::KeyInvalid),
            Once::Value(key) => key,
        };
        // Not `finish`: a result as large as a proposal is slow to copy.
        self.negotiation.check(&authority, &fields, policy)?;
        Ok(Request { proposal: self.negotiation.proposal(resource_name, authority, fields), key })
    }

    fn add_content_length(&mut self, value: &[u8]) {
        self.content_length_valid &= !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        self.content_length |= value.iter().any(|&digit| digit != b'0');
    }

    fn check_body(&self) -> Result<(), Refusal> {
        if !self.content_length_valid {
            return Err(Refusal::ContentLengthInvalid);
        }
        // Length and coding together are a smuggler's request (RFC 9112 §6.1), whatever the coding.
        if self.content_length || (self.transfer_coding && self.transfer_coding_known) {
            return Err(Refusal::BodyAnnounced);
        }
        if self.transfer_coding { Err(Refusal::TransferCodingUnknown) } else { Ok(()) }
    }
}

/// The codings of the registry; their parameters do not exist.
fn is_known_coding(coding: &[u8]) -> bool {
    let known = ["chunked", "gzip", "deflate", "compress", "x-gzip", "x-compress", "identity"];
    known.iter().any(|name| coding.eq_ignore_ascii_case(name.as_bytes()))
}

/// The authority of an absolute target, and the resource name (RFC 9112 §3.2).
///
/// Percent escapes and the characters that browsers leave unescaped are not judged: they are the application's.
pub(crate) fn split_target(target: &[u8]) -> Result<(Option<Authority<'_>>, ResourceName<'_>), Refusal> {
    if !is_target(target) {
        return Err(Refusal::TargetInvalid);
    }
    let target = core::str::from_utf8(target).map_err(|_| Refusal::TargetInvalid)?;
    if target.starts_with('/') {
        return Ok((None, ResourceName::split(target)));
    }
    let (scheme, rest) = split_once(target, b':').ok_or(Refusal::TargetInvalid)?;
    let rest = rest.strip_prefix("//").ok_or(Refusal::TargetInvalid)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Refusal::TargetInvalid);
    }
    let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = Authority::parse(authority).map_err(|_| Refusal::TargetInvalid)?;
    Ok((Some(authority), ResourceName::split(resource)))
}

pub(super) fn parse_authority(value: &[u8]) -> Result<Authority<'_>, Refusal> {
    let text = core::str::from_utf8(value).map_err(|_| Refusal::HostInvalid)?;
    Authority::parse(text).map_err(|_| Refusal::HostInvalid)
}
