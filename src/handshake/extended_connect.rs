use super::client_request::{ClientRequest, is_reserved_in_request};
use super::fields::{is_target, is_token_byte, is_value, trim};
use super::offer::{Offer, Opened, Subprotocols};
use super::origin::OriginPolicy;
use super::proposal::{Acceptance, Negotiation, Once, Proposal};
use super::refusal::Refusal;
use super::request::parse_authority;
use super::response_error::ResponseError;
use super::write::{WriteError, check_field, is_reserved};
use crate::uri::{ResourceName, Uri};
use core::fmt;
use core::ops::Deref;

/// A request that may open a WebSocket on a stream of HTTP/2 or HTTP/3 (RFC 8441 §4, §5; RFC 9220 §3).
///
/// It derefs to the [`Proposal`] in it, whose fields include the pseudo-fields. There is no key; the stream's data are
/// frames as on any connection, the client's masked.
///
/// ```
/// use sockless::handshake::{Acceptance, ConnectRequest, OriginPolicy};
///
/// let fields = [
///     (":method", "CONNECT"),
///     (":protocol", "websocket"),
///     (":scheme", "https"),
///     (":path", "/chat"),
///     (":authority", "a.example"),
///     ("origin", "https://a.example"),
///     ("sec-websocket-version", "13"),
/// ];
/// let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
/// let request = ConnectRequest::check(fields, OriginPolicy::SameHost).expect("in order");
/// let acceptance = Acceptance::default();
/// let answer: Vec<_> = request.acceptance_fields(&acceptance)?.collect();
/// assert_eq!(answer, [(":status", "200")]);
/// # Ok::<(), sockless::handshake::WriteError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ConnectRequest<'a, F> {
    proposal: Proposal<'a, F>,
}

impl<'a, F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone> ConnectRequest<'a, F> {
    /// Checks a request over its fields, in order, pseudo-fields first.
    ///
    /// Malformed fields are found before anything is refused.
    pub fn check(fields: F, policy: OriginPolicy<'_>) -> Result<ConnectRequest<'a, F>, ConnectFault> {
        let mut pseudo = [Once::Missing; 5];
        let mut host = Once::Missing;
        let mut negotiation = Negotiation::NONE;
        for_each(fields.clone(), |name, value| {
            let place = PSEUDO_FIELDS.iter().position(|known| known.as_bytes() == name);
            if let Some(place) = place.and_then(|at| pseudo.get_mut(at)) {
                place.add(value);
                return Ok(());
            }
            match name {
                [b':', ..] => return Err(MalformedFields::PseudoFieldUnknown),
                b"host" => host.add(value),
                b"origin" => negotiation.origin.add(trim(value)),
                b"sec-websocket-version" => negotiation.version.add(trim(value)),
                b"sec-websocket-protocol" => negotiation.subprotocols.add(value),
                b"sec-websocket-extensions" => negotiation.extensions.add(value),
                _ => {}
            }
            Ok(())
        })?;
        if pseudo.iter().any(|field| matches!(field, Once::Repeated)) {
            return Err(MalformedFields::PseudoFieldRepeated.into());
        }
        let [method, protocol, scheme, path, authority] = pseudo.map(|field| match field {
            Once::Value(value) => Some(value),
            Once::Missing | Once::Repeated => None,
        });
        let protocol = protocol.ok_or(ConnectFault::NotExtended)?;
        if method != Some(b"CONNECT") {
            return Err(MalformedFields::MethodNotConnect.into());
        }
        let scheme = scheme.ok_or(MalformedFields::SchemeMissing)?;
        let path = path.ok_or(MalformedFields::PathMissing)?;
        let authority = authority.ok_or(MalformedFields::AuthorityMissing)?;
        // RFC 9113 §8.3.1, RFC 9114 §4.3.1: there need be none, but one that says something else is an attempt.
        if !matches!(host, Once::Missing) && !host.is_some_and(|host| host.eq_ignore_ascii_case(authority)) {
            return Err(MalformedFields::HostDiffers.into());
        }
        if !protocol.eq_ignore_ascii_case(b"websocket") {
            return Err(Refusal::ProtocolUnsupported.into());
        }
        if scheme != b"https" && scheme != b"http" {
            return Err(Refusal::TargetInvalid.into());
        }
        let authority = parse_authority(authority)?;
        negotiation.check_version(&[13])?;
        let proposal = negotiation.finish(parse_path(path)?, authority, fields, policy)?;
        Ok(ConnectRequest { proposal })
    }

    /// The fields of the response that opens the WebSocket: `:status` 200 first, names in lower case.
    pub fn acceptance_fields<'r>(
        &self,
        acceptance: &Acceptance<'r>,
    ) -> Result<impl Iterator<Item = (&'r str, &'r str)> + Clone + use<'r, F>, WriteError> {
        self.check_acceptance(acceptance)?;
        acceptance
            .fields
            .iter()
            .try_for_each(|(name, value)| check_stream_field(name, value, is_reserved))?;
        let status = core::iter::once((":status", "200"));
        let subprotocol = acceptance.subprotocol.map(|name| ("sec-websocket-protocol", name));
        let extensions = acceptance.extensions.map(|answer| ("sec-websocket-extensions", answer));
        Ok(status.chain(subprotocol).chain(extensions).chain(acceptance.fields.iter().copied()))
    }
}

impl<'a, F> Deref for ConnectRequest<'a, F> {
    type Target = Proposal<'a, F>;

    fn deref(&self) -> &Proposal<'a, F> {
        &self.proposal
    }
}

impl<F> fmt::Debug for ConnectRequest<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectRequest").field(&self.proposal).finish()
    }
}

impl Refusal {
    /// The status to answer an extended CONNECT with: that of [`Refusal::status`], but 400 for 426, which has to name a
    /// protocol in a field that does not exist there (RFC 9110 §15.5.22, RFC 9113 §8.2).
    pub const fn stream_status(self) -> u16 {
        match self.status() {
            426 => 400,
            status => status,
        }
    }

    /// The fields to answer an extended CONNECT with, besides `:status`.
    pub const fn stream_fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Refusal::VersionMissing
            | Refusal::VersionRepeated
            | Refusal::VersionInvalid
            | Refusal::VersionUnsupported => &[("sec-websocket-version", "13")],
            _ => &[],
        }
    }
}

impl<'a> ClientRequest<'a> {
    /// The fields of an extended CONNECT, pseudo-fields first, names in lower case (RFC 8441 §5).
    ///
    /// It may be sent once the server's settings have `SETTINGS_ENABLE_CONNECT_PROTOCOL` at 1.
    ///
    /// ```
    /// use sockless::Uri;
    /// use sockless::handshake::ClientRequest;
    ///
    /// let request = ClientRequest::new(Uri::parse("wss://example.com/chat")?);
    /// let fields: Vec<_> = request.stream_fields()?.map(|(name, value)| format!("{name} {value}")).collect();
    /// assert_eq!(fields[..3], [":method CONNECT", ":protocol websocket", ":scheme https"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream_fields(
        &self,
    ) -> Result<impl Iterator<Item = (&'a str, impl fmt::Display + use<'a>)> + Clone + use<'a>, WriteError>
    {
        self.check()?;
        self.fields
            .iter()
            .try_for_each(|(name, value)| check_stream_field(name, value, is_reserved_in_request))?;
        let scheme = if self.uri.is_secure() { "https" } else { "http" };
        let subprotocols = self.offer.subprotocols;
        let fields = [
            (":method", Value::Text("CONNECT")),
            (":protocol", Value::Text("websocket")),
            (":scheme", Value::Text(scheme)),
            (":path", Value::Path(self.uri)),
            (":authority", Value::Authority(self.uri)),
            ("sec-websocket-version", Value::Text("13")),
        ];
        let subprotocols = (!subprotocols.is_empty())
            .then_some(("sec-websocket-protocol", Value::List(Subprotocols(subprotocols))));
        let extensions = self.offer.extensions.map(|offer| ("sec-websocket-extensions", Value::Text(offer)));
        let origin = self.origin.map(|origin| ("origin", Value::Text(origin)));
        let own = self.fields.iter().map(|&(name, value)| (name, Value::Text(value)));
        Ok(fields.into_iter().chain(subprotocols).chain(extensions).chain(origin).chain(own))
    }
}

impl Offer<'_> {
    /// Checks the response to an extended CONNECT over its fields, `:status` first: any 2xx opens the WebSocket.
    ///
    /// Interim responses are to be skipped before; 101 does not exist here and is a status as any other.
    pub fn check_stream<'a, F>(&self, fields: F) -> Result<Opened<'a, F>, ResponseError>
    where
        F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        let mut status = Once::Missing;
        let gathered = for_each(fields.clone(), |name, value| {
            match name {
                b":status" => status.add(value),
                [b':', ..] => return Err(MalformedFields::PseudoFieldUnknown),
                _ => {}
            }
            Ok(())
        });
        let status = match (gathered, status) {
            (Ok(()), Once::Value(status)) => {
                parse_status(status).ok_or(ResponseError::StatusLineMalformed)?
            }
            (Ok(()), _) => return Err(ResponseError::StatusLineMalformed),
            (Err(_), _) => return Err(ResponseError::HeadMalformed),
        };
        if !(200..=299).contains(&status) {
            return Err(ResponseError::Status(status));
        }
        self.check_choice(fields)
    }
}

/// Why an extended CONNECT opens no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectFault {
    /// There is no `:protocol`: an ordinary request, or a CONNECT for a tunnel.
    NotExtended,
    /// The fields break the rules of the HTTP version: a stream error, or status 400 (RFC 9113 §8.1.1).
    Malformed(MalformedFields),
    /// The request is refused: [`Refusal::stream_status`] and [`Refusal::stream_fields`] answer it.
    Refused(Refusal),
}

impl From<MalformedFields> for ConnectFault {
    fn from(fault: MalformedFields) -> ConnectFault {
        ConnectFault::Malformed(fault)
    }
}

impl From<Refusal> for ConnectFault {
    fn from(refusal: Refusal) -> ConnectFault {
        ConnectFault::Refused(refusal)
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectFault::NotExtended => f.write_str("not an extended CONNECT"),
            ConnectFault::Malformed(fault) => fault.fmt(f),
            ConnectFault::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl core::error::Error for ConnectFault {}

/// How the fields of a request are malformed (RFC 9113 §8.2, §8.3; RFC 8441 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MalformedFields {
    /// A name is not a token in lower case.
    Name,
    /// A value has a control character in it, or blanks around it.
    Value,
    /// A field that belongs to an HTTP/1.1 connection.
    ConnectionSpecific,
    /// A pseudo-field behind other fields.
    PseudoFieldLate,
    /// A pseudo-field that does not exist here.
    PseudoFieldUnknown,
    /// A pseudo-field twice.
    PseudoFieldRepeated,
    /// A `:protocol` with another method than CONNECT.
    MethodNotConnect,
    /// No `:scheme`.
    SchemeMissing,
    /// No `:path`.
    PathMissing,
    /// No `:authority`.
    AuthorityMissing,
    /// A `host` that is not what `:authority` is, or two.
    HostDiffers,
}

impl fmt::Display for MalformedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MalformedFields::Name => "a field name that is not a token in lower case",
            MalformedFields::Value => "an invalid field value",
            MalformedFields::ConnectionSpecific => "a field that belongs to an HTTP/1.1 connection",
            MalformedFields::PseudoFieldLate => "a pseudo-field behind other fields",
            MalformedFields::PseudoFieldUnknown => "an unknown pseudo-field",
            MalformedFields::PseudoFieldRepeated => "a pseudo-field twice",
            MalformedFields::MethodNotConnect => ":protocol without CONNECT",
            MalformedFields::SchemeMissing => "no :scheme",
            MalformedFields::PathMissing => "no :path",
            MalformedFields::AuthorityMissing => "no :authority",
            MalformedFields::HostDiffers => "a host that differs from :authority",
        })
    }
}

impl core::error::Error for MalformedFields {}

const PSEUDO_FIELDS: [&str; 5] = [":method", ":protocol", ":scheme", ":path", ":authority"];

/// A value that has to be put together.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Path(Uri<'a>),
    Authority(Uri<'a>),
    List(Subprotocols<'a>),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Path(uri) => uri.resource_name().fmt(f),
            Value::Authority(uri) => uri.host_header().fmt(f),
            Value::List(list) => list.fmt(f),
        }
    }
}

/// Hands over each field, once it has been found in order by itself and in its place.
fn for_each<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    mut take: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), MalformedFields>,
) -> Result<(), MalformedFields> {
    let mut regular = false;
    for (name, value) in fields {
        let token = name.strip_prefix(b":").unwrap_or(name);
        if token.is_empty() || !token.iter().all(|&byte| is_token_byte(byte) && !byte.is_ascii_uppercase()) {
            return Err(MalformedFields::Name);
        }
        if !is_value(value) || trim(value).len() != value.len() {
            return Err(MalformedFields::Value);
        }
        if is_connection_specific(name, value) {
            return Err(MalformedFields::ConnectionSpecific);
        }
        if !name.starts_with(b":") {
            regular = true;
        } else if regular {
            return Err(MalformedFields::PseudoFieldLate);
        }
        take(name, value)?;
    }
    Ok(())
}

fn is_connection_specific(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"connection" | b"upgrade" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" => true,
        b"te" => value != b"trailers",
        _ => false,
    }
}

fn check_stream_field(name: &str, value: &str, reserved: fn(&str) -> bool) -> Result<(), WriteError> {
    check_field(name, value, reserved)?;
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(WriteError::FieldName);
    }
    if trim(value.as_bytes()).len() != value.len() {
        return Err(WriteError::FieldValue);
    }
    if is_connection_specific(name.as_bytes(), value.as_bytes()) {
        return Err(WriteError::FieldReserved);
    }
    Ok(())
}

fn parse_path(path: &[u8]) -> Result<ResourceName<'_>, Refusal> {
    if !path.starts_with(b"/") || !is_target(path) {
        return Err(Refusal::TargetInvalid);
    }
    core::str::from_utf8(path).map(ResourceName::split).map_err(|_| Refusal::TargetInvalid)
}

fn parse_status(status: &[u8]) -> Option<u16> {
    let digits = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
    digits.then(|| core::str::from_utf8(status).ok()?.parse().ok()).flatten()
}
