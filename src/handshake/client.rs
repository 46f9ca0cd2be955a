use super::extension::{Extension, are_valid, extensions, members};
use super::fields::{is_token, lists, named, token, trim};
use super::key::Key;
use super::origin::Origin;
use super::output::{Sink, WriteError, is_reserved, write_into};
use super::proposal::{Once, check_extensions};
use super::response_error::ResponseError;
use super::server::HttpVersion;
use crate::uri::Uri;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

/// The request by which a client opens a WebSocket (RFC 6455 §4.1).
///
/// ```
/// use sockless::Uri;
/// use sockless::handshake::{ClientRequest, Key};
///
/// let request = ClientRequest::new(Uri::parse("ws://server.example.com/chat")?);
/// let key = Key::from_nonce([7; 16]); // sixteen random bytes
/// let mut buffer = [0; 512];
/// let length = request.write(&key, &mut buffer)?;
/// assert!(buffer[..length].starts_with(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// Where to connect to and what to ask for.
    pub uri: Uri<'a>,
    /// What the server may choose from.
    pub offer: Offer<'a>,
    /// The origin; only what acts for a page has one.
    pub origin: Option<&'a str>,
    /// Fields of the application's own, credentials for example. None that the handshake writes itself.
    pub fields: &'a [(&'a str, &'a str)],
}

impl<'a> ClientRequest<'a> {
    /// A request for this URI that offers nothing.
    pub fn new(uri: Uri<'a>) -> ClientRequest<'a> {
        ClientRequest { uri, offer: Offer::default(), origin: None, fields: &[] }
    }

    /// Writes the request and says how long it is. Nothing may follow it before the response has been checked.
    pub fn write(&self, key: &Key, buffer: &mut [u8]) -> Result<usize, WriteError> {
        write_into(buffer, |sink| self.put(key, sink))
    }

    /// The request. Nothing may follow it before the response has been checked.
    #[cfg(feature = "alloc")]
    pub fn to_bytes(&self, key: &Key) -> Result<Vec<u8>, WriteError> {
        let mut request = Vec::with_capacity(256);
        self.put(key, &mut request)?;
        Ok(request)
    }

    fn put(&self, key: &Key, sink: &mut impl Sink) -> Result<(), WriteError> {
        self.check()?;
        sink.put(b"GET ");
        sink.show(self.uri.resource_name());
        sink.put(b" HTTP/1.1\r\nHost: ");
        sink.show(self.uri.host_header());
        sink.put(b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        sink.field("Sec-WebSocket-Key", key.as_str());
        sink.field("Sec-WebSocket-Version", "13");
        if !self.offer.subprotocols.is_empty() {
            sink.put(b"Sec-WebSocket-Protocol: ");
            sink.show(Subprotocols(self.offer.subprotocols));
            sink.put(b"\r\n");
        }
        if let Some(extensions) = self.offer.extensions {
            sink.field("Sec-WebSocket-Extensions", extensions);
        }
        if let Some(origin) = self.origin {
            sink.field("Origin", origin);
        }
        sink.fields(self.fields, is_reserved_in_request)?;
        sink.put(b"\r\n");
        Ok(())
    }

    /// Everything but the fields of the application's own.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        let subprotocols = self.offer.subprotocols;
        for (at, name) in subprotocols.iter().enumerate() {
            if !is_token(name.as_bytes()) {
                return Err(WriteError::Subprotocol);
            }
            if subprotocols.iter().take(at).any(|earlier| earlier == name) {
                return Err(WriteError::SubprotocolRepeated);
            }
        }
        self.offer.extensions.map_or(Ok(()), check_extensions)?;
        match self.origin.map(Origin::parse) {
            Some(Err(_)) => Err(WriteError::Origin),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ClientRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("host", &self.uri.host())
            .field("offer", &self.offer)
            .finish_non_exhaustive()
    }
}

/// What a client lets the server choose from, against which the server's choice is checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// Subprotocols, the favourite first: tokens, all different.
    pub subprotocols: &'a [&'a str],
    /// Fail, as browsers do, if subprotocols are offered and the server takes none.
    pub require_subprotocol: bool,
    /// The value of `Sec-WebSocket-Extensions`: each extension's own negotiation makes its part of this text.
    pub extensions: Option<&'a str>,
}

impl Offer<'_> {
    /// Checks a response, `key` being the request's (RFC 6455 §4.1).
    ///
    /// The status is judged first: unless it is 101, the response is ordinary HTTP ([`ResponseError::Status`]),
    /// whatever else it says. Interim responses, 1xx but 101, are to be skipped before.
    pub fn check<'a, F>(&self, key: &Key, line: StatusLine, fields: F) -> Result<Opened<'a, F>, ResponseError>
    where
        F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        if line.status != 101 {
            return Err(ResponseError::Status(line.status));
        }
        if !line.version.can_upgrade() {
            return Err(ResponseError::HttpVersionUnsupported);
        }
        let (mut upgrade, mut connection, mut accept) = (Once::Missing, false, Once::Missing);
        for (name, value) in fields.clone() {
            let is = |lower: &str| name.eq_ignore_ascii_case(lower.as_bytes());
            match name.len() {
                7 if is("upgrade") => upgrade.add(trim(value)),
                10 if is("connection") => connection |= lists(value, "upgrade"),
                20 if is("sec-websocket-accept") => accept.add(trim(value)),
                _ => {}
            }
        }
        match upgrade {
            Once::Missing => return Err(ResponseError::UpgradeMissing),
            Once::Value(value) if value.eq_ignore_ascii_case(b"websocket") => {}
            Once::Value(_) | Once::Repeated => return Err(ResponseError::UpgradeInvalid),
        }
        if !connection {
            return Err(ResponseError::ConnectionUpgradeMissing);
        }
        match accept {
            Once::Missing => return Err(ResponseError::AcceptMissing),
            Once::Repeated => return Err(ResponseError::AcceptRepeated),
            Once::Value(value) if value == key.accept() => {}
            Once::Value(_) => return Err(ResponseError::AcceptWrong),
        }
        self.check_choice(fields)
    }

    /// The choice of subprotocol and extensions.
    pub(super) fn check_choice<'a, F>(&self, fields: F) -> Result<Opened<'a, F>, ResponseError>
    where
        F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        let mut chosen = named(fields.clone(), "sec-websocket-protocol");
        let subprotocol = match (chosen.next(), chosen.next()) {
            (None, _) if self.require_subprotocol && !self.subprotocols.is_empty() => {
                return Err(ResponseError::SubprotocolMissing);
            }
            (None, _) => None,
            (Some(_), Some(_)) => return Err(ResponseError::SubprotocolRepeated),
            (Some(name), None) => {
                let name = token(name).ok_or(ResponseError::SubprotocolInvalid)?;
                if !self.subprotocols.contains(&name) {
                    return Err(ResponseError::SubprotocolNotOffered);
                }
                Some(name)
            }
        };
        let mut answers = named(fields.clone(), "sec-websocket-extensions").peekable();
        if answers.peek().is_some() && !are_valid(answers) {
            return Err(ResponseError::ExtensionsInvalid);
        }
        let offered = |name: &str| {
            let offers = members(self.extensions.unwrap_or("").as_bytes());
            offers.flatten().any(|offer| offer.name() == name)
        };
        if !extensions(fields.clone()).all(|answer| offered(answer.name())) {
            return Err(ResponseError::ExtensionNotOffered);
        }
        Ok(Opened { subprotocol, fields })
    }
}

/// The first line of an HTTP/1.1 response, in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// The version of HTTP.
    pub version: HttpVersion,
    /// The status.
    pub status: u16,
}

/// A checked response: the WebSocket is open.
#[derive(Clone, Copy)]
pub struct Opened<'a, F> {
    subprotocol: Option<&'a str>,
    fields: F,
}

impl<'a, F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone> Opened<'a, F> {
    /// The subprotocol chosen, one of those offered.
    pub const fn subprotocol(&self) -> Option<&'a str> {
        self.subprotocol
    }

    /// The extensions in use, in order of use, each with the name of one that was offered. Whether its parameters
    /// answer the offer is for the extension's own negotiation to say.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + Clone + use<'a, F> {
        extensions(self.fields())
    }

    /// All fields of the response.
    pub fn fields(&self) -> F {
        self.fields.clone()
    }
}

impl<F> fmt::Debug for Opened<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("subprotocol", &self.subprotocol).finish_non_exhaustive()
    }
}

/// A comma list as it is sent.
#[derive(Clone, Copy)]
pub(super) struct Subprotocols<'a>(pub(super) &'a [&'a str]);

impl fmt::Display for Subprotocols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

pub(crate) fn is_reserved_in_request(name: &str) -> bool {
    is_reserved(name) || name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("origin")
}
