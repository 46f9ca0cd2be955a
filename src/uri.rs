mod authority;

use core::fmt;

pub use authority::{Authority, Host};

use crate::octets::Octets;

/// A `ws` or `wss` URI, taken apart (RFC 6455 §3).
///
/// The scheme and the host compare without case, user information is checked and dropped, an empty port means the
/// scheme's own, and a fragment does not exist. Nothing is repaired: a character that RFC 3986 does not allow where it
/// stands is an error, so whatever comes out can be written into a request as it is.
///
/// ```
/// use sockless::Uri;
///
/// let uri = Uri::parse("wss://Example.com?room=1")?;
/// assert!(uri.is_secure());
/// assert_eq!(uri.host(), "example.com");
/// assert_eq!(uri.port(), 443);
/// assert_eq!(uri.resource_name().to_string(), "/?room=1");
/// # Ok::<(), sockless::UriError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    secure: bool,
    host: Host<'a>,
    port: u16,
    resource_name: ResourceName<'a>,
}

impl<'a> Uri<'a> {
    /// Takes `text` apart.
    ///
    /// Each error names the first part, from the left, that breaks the grammar, but that a fragment is looked for before
    /// path and query. Port 0 is refused with the other ports that nobody can listen on.
    pub fn parse(text: &'a str) -> Result<Uri<'a>, UriError> {
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let secure = scheme.eq_ignore_ascii_case("wss");
        if !secure && !scheme.eq_ignore_ascii_case("ws") {
            return Err(UriError::Scheme);
        }
        let rest = rest.strip_prefix("//").ok_or(UriError::Slashes)?;
        let (authority, resource) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority = match authority.split_once('@') {
            Some((user, authority)) => {
                check(user, |byte| byte == b':' || is_name(byte)).map_err(|_| UriError::UserInformation)?;
                authority
            }
            None => authority,
        };
        let authority = Authority::parse(authority)?;
        let port = match authority.port() {
            Some(0) => return Err(UriError::Port),
            Some(port) => port,
            None => default_port(secure),
        };
        Ok(Uri { secure, host: authority.host(), port, resource_name: ResourceName::parse(resource)? })
    }

    /// Whether the connection goes through TLS: the scheme is `wss`.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to connect to, and to name and verify in TLS.
    ///
    /// Written with the port it is what `TcpStream::connect` takes; a pair of host and port is not, since an IPv6 address
    /// has its brackets here.
    ///
    /// ```
    /// use std::net::ToSocketAddrs;
    /// use sockless::Uri;
    ///
    /// let uri = Uri::parse("ws://[::1]:9998/echo")?;
    /// let address = format!("{}:{}", uri.host(), uri.port());
    /// assert_eq!(address.to_socket_addrs()?.next(), Some("[::1]:9998".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port to connect to: the URI's own, or else 80 for `ws` and 443 for `wss`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What the request asks for: path and query.
    pub const fn resource_name(&self) -> ResourceName<'a> {
        self.resource_name
    }

    /// The value of the `Host` field: host, and the port unless it is the scheme's own (RFC 6455 §4.1).
    pub fn host_header(&self) -> impl fmt::Display + Clone + use<'a> {
        HostHeader { host: self.host, port: (self.port != default_port(self.secure)).then_some(self.port) }
    }
}

impl fmt::Display for Uri<'_> {
    /// The URI put together again, without user information and without the default port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.host_header(), self.resource_name)
    }
}

/// Path and query of a request: the `/resource name/` of RFC 6455 §3.
///
/// Displays as it is sent: an empty path as `/`, an empty query without its question mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResourceName<'a> {
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> ResourceName<'a> {
    /// The path, percent escapes as written, `/` if there is none.
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The query without its question mark, `None` if there is none or it is empty.
    pub const fn query(&self) -> Option<&'a str> {
        self.query
    }

    fn parse(text: &'a str) -> Result<ResourceName<'a>, UriError> {
        if text.contains('#') {
            return Err(UriError::Fragment);
        }
        let name = ResourceName::split(text);
        check(name.path, |byte| byte == b'/' || is_path(byte))?;
        check(name.query.unwrap_or(""), |byte| matches!(byte, b'/' | b'?') || is_path(byte))?;
        Ok(name)
    }

    /// The pieces of a text that has been checked.
    #[inline]
    pub(crate) fn split(text: &'a str) -> ResourceName<'a> {
        let (path, query) = split_once(text, b'?').unwrap_or((text, ""));
        // RFC 3986 §6.2.3: the same name, so that equal ones are.
        let path = if path.is_empty() { "/" } else { path };
        ResourceName { path, query: (!query.is_empty()).then_some(query) }
    }
}

impl fmt::Display for ResourceName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())?;
        match self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// Why a text is not a WebSocket URI, or not an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UriError {
    /// The scheme is missing, or neither `ws` nor `wss`.
    Scheme,
    /// No two slashes follow the scheme.
    Slashes,
    /// The user information before the `@` has characters that may not stand there.
    UserInformation,
    /// There is no host.
    HostMissing,
    /// The host has characters that may not stand in a name.
    Host,
    /// What stands between brackets is no IPv6 address and no later version's, or a bracket is missing.
    Address,
    /// The port is not a decimal number from 1 to 65535.
    Port,
    /// There is a fragment, if only an empty one.
    Fragment,
    /// A percent sign without two hexadecimal digits behind it.
    PercentEscape,
    /// A control, a blank, a byte beyond ASCII or another character that must be percent-escaped.
    Character,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UriError::Scheme => "the scheme is neither ws nor wss",
            UriError::Slashes => "no two slashes behind the scheme",
            UriError::UserInformation => "invalid user information",
            UriError::HostMissing => "no host",
            UriError::Host => "invalid host name",
            UriError::Address => "invalid address between brackets",
            UriError::Port => "invalid port",
            UriError::Fragment => "a WebSocket URI has no fragment",
            UriError::PercentEscape => "incomplete percent escape",
            UriError::Character => "a character that must be percent-escaped",
        })
    }
}

impl core::error::Error for UriError {}

#[derive(Clone)]
struct HostHeader<'a> {
    host: Host<'a>,
    port: Option<u16>,
}

impl fmt::Display for HostHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// `pchar` without its percent escapes (RFC 3986 §3.3).
fn is_path(byte: u8) -> bool {
    matches!(byte, b':' | b'@') || is_name(byte)
}

/// `unreserved` and `sub-delims` (RFC 3986 §2.2, §2.3).
fn is_name(byte: u8) -> bool {
    NAME.contains(byte)
}

static NAME: Octets = Octets::alphanumeric_and(b"-._~!$&'()*+,;=");

/// What is before and behind an ASCII character: in texts as short as these, faster than the library's searcher.
pub(crate) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Every character is allowed or part of a percent escape.
fn check(text: &str, allowed: impl Fn(u8) -> bool) -> Result<(), UriError> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let escape = [bytes.next(), bytes.next()];
            if !escape.iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())) {
                return Err(UriError::PercentEscape);
            }
        } else if !allowed(byte) {
            return Err(UriError::Character);
        }
    }
    Ok(())
}
