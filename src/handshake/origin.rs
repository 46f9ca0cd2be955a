use crate::uri::{Authority, UriError, split_once};

/// An origin as browsers send it: a scheme, a host and a port, or `null` (RFC 6454 §7).
///
/// Two origins are equal if schemes and hosts are, without case, and the ports with the scheme's default filled in.
/// `null` stands for any number of unrelated origins, so it equals nothing but itself.
///
/// ```
/// use sockless::handshake::Origin;
///
/// assert_eq!(Origin::parse("https://Example.com:443"), Origin::parse("https://example.com"));
/// assert_ne!(Origin::parse("http://example.com"), Origin::parse("https://example.com"));
/// assert!(Origin::parse("https://example.com/path").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// An origin that the browser does not tell.
    Null,
    /// The scheme, and the host with its port.
    Tuple(&'a str, Authority<'a>),
}

impl<'a> Origin<'a> {
    /// Reads one serialised origin; a list, a path or user information is an error.
    pub fn parse(text: &'a str) -> Result<Origin<'a>, UriError> {
        if text == "null" {
            return Ok(Origin::Null);
        }
        let (scheme, rest) = split_once(text, b':').ok_or(UriError::Scheme)?;
        let authority = rest.strip_prefix("//").ok_or(UriError::Scheme)?;
        let alphabetic = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !alphabetic || !scheme.bytes().all(is_allowed) {
            return Err(UriError::Scheme);
        }
        Ok(Origin::Tuple(scheme, Authority::parse(authority)?))
    }

    /// Whether this origin is the host and port that a request was sent to.
    ///
    /// A server does not know which scheme the browser used; where the authority has no port, it is the default of
    /// the origin's own scheme.
    pub fn is_same_host(&self, authority: &Authority<'_>) -> bool {
        match self {
            Origin::Null => false,
            Origin::Tuple(scheme, own) => {
                own == authority
                    || (own.host() == authority.host() && port(scheme, own) == port(scheme, authority))
            }
        }
    }
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Origin<'_>) -> bool {
        match (self, other) {
            (Origin::Null, Origin::Null) => true,
            (Origin::Tuple(scheme, _), Origin::Tuple(other_scheme, authority)) => {
                scheme.eq_ignore_ascii_case(other_scheme) && self.is_same_host(authority)
            }
            _ => false,
        }
    }
}

impl Eq for Origin<'_> {}

/// Whose pages may open a connection: what a server does about the `Origin` field (RFC 6455 §10.2).
///
/// A browser lets any page open a WebSocket to any server and sends that server's cookies along, so a server that
/// knows its users by cookies must judge the origin, and there is no default. Programs that are no browsers send none,
/// or any they like; **an absent origin is let pass by every policy**, since no page can leave it out, and says
/// nothing about who connects. A refused origin is answered with 403.
///
/// | policy | absent | `null` | malformed |
/// | --- | --- | --- | --- |
/// | `Any` | passes | passes | passes |
/// | `List` | passes | passes if listed | refused |
/// | `SameHost` | passes | refused | refused |
/// | `Defer` | passes | passes | passes |
#[derive(Clone, Copy, Debug)]
pub enum OriginPolicy<'a> {
    /// Every page of the web: for services without cookies or other ambient credentials.
    Any,
    /// These origins and no other.
    List(&'a [Origin<'a>]),
    /// The pages of this host: origin and request name the same host and port. The request's authority comes from
    /// the client; check it where names of others may point here.
    SameHost,
    /// None is refused here: whoever accepts the request has looked at its origin.
    Defer,
}

impl OriginPolicy<'_> {
    pub(crate) fn lets_pass(&self, origin: Option<&[u8]>, authority: &Authority<'_>) -> bool {
        let Some(origin) = origin else { return true };
        let parsed = || core::str::from_utf8(origin).ok().and_then(|text| Origin::parse(text).ok());
        match self {
            OriginPolicy::Any | OriginPolicy::Defer => true,
            OriginPolicy::List(origins) => parsed().is_some_and(|origin| origins.contains(&origin)),
            OriginPolicy::SameHost => {
                is_usual(origin, authority) || parsed().is_some_and(|origin| origin.is_same_host(authority))
            }
        }
    }
}

/// Whether this is the same host without anything parsed: both without a port and spelt alike, as most are.
fn is_usual(origin: &[u8], authority: &Authority<'_>) -> bool {
    let host = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    authority.port().is_none() && host == Some(authority.host().as_str().as_bytes())
}

fn port(scheme: &str, authority: &Authority<'_>) -> Option<u16> {
    authority.port().or_else(|| match scheme {
        _ if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss") => Some(443),
        _ if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("ws") => Some(80),
        _ => None,
    })
}
