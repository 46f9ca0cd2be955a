use super::{UriError, check, is_name};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host and, where one is written, a port (RFC 3986 §3.2, without user information).
///
/// Two authorities are equal if their hosts are and both write the same port, or none: which port stands behind none
/// depends on a scheme that an authority does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    host: Host<'a>,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Takes `text` apart; a colon with nothing behind it is no port.
    #[inline] // since `split` returns in registers, an `Authority` in memory, slow to copy
    pub fn parse(text: &'a str) -> Result<Authority<'a>, UriError> {
        let (end, port) = split(text)?;
        Ok(Authority { host: Host(text.get(..end).unwrap_or_default()), port })
    }

    /// The host.
    pub const fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port, if one is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// A host: a name, an IPv4 address, or an IPv6 address in its brackets.
///
/// Compares without case and displays in lower case; [`Host::as_str`] has it as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a>(&'a str);

impl<'a> Host<'a> {
    /// The host as it was written.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The address, if the host is one and no name: nothing is left to resolve.
    ///
    /// ```
    /// use sockless::Uri;
    ///
    /// assert_eq!(Uri::parse("ws://[::1]/")?.host().address(), Some("::1".parse().unwrap()));
    /// assert_eq!(Uri::parse("ws://localhost/")?.host().address(), None);
    /// # Ok::<(), sockless::UriError>(())
    /// ```
    pub fn address(&self) -> Option<IpAddr> {
        match bracketed(self.0) {
            Some(literal) => literal.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => self.0.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Host<'_>) -> bool {
        self.0 == other.0 || self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Host<'_> {}

impl PartialEq<str> for Host<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl PartialEq<&str> for Host<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.chars().try_for_each(|character| f.write_char(character.to_ascii_lowercase()))
    }
}

/// Where the host ends, and the port.
fn split(text: &str) -> Result<(usize, Option<u16>), UriError> {
    // Most hosts are names without a percent escape, found and checked in one pass.
    let plain = text.bytes().position(|byte| !is_name(byte)).unwrap_or(text.len());
    let (host, rest) = match text.split_at(plain) {
        (host, rest) if !host.is_empty() && (rest.is_empty() || rest.starts_with(':')) => (host, rest),
        _ => split_host(text)?,
    };
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(digits) => Some(parse_port(digits)?),
        None if rest.is_empty() => None,
        None => return Err(UriError::Address),
    };
    Ok((host.len(), port))
}

fn split_host(text: &str) -> Result<(&str, &str), UriError> {
    let end = if text.starts_with('[') {
        text.find(']').ok_or(UriError::Address)? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(end);
    check_host(host)?;
    Ok((host, rest))
}

fn check_host(host: &str) -> Result<(), UriError> {
    if host.is_empty() {
        return Err(UriError::HostMissing);
    }
    let Some(literal) = bracketed(host) else {
        return match check(host, is_name) {
            Err(UriError::Character) => Err(UriError::Host),
            other => other,
        };
    };
    if literal.parse::<Ipv6Addr>().is_ok() || is_future_address(literal) {
        Ok(())
    } else {
        Err(UriError::Address)
    }
}

fn bracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// `IPvFuture` (RFC 3986 §3.2.2).
fn is_future_address(literal: &str) -> bool {
    let Some((version, address)) = literal.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let hexadecimal = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal && !address.is_empty() && address.bytes().all(|byte| byte == b':' || is_name(byte))
}

fn parse_port(digits: &str) -> Result<u16, UriError> {
    // `u16::from_str` also takes a plus sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    digits.parse().map_err(|_| UriError::Port)
}
