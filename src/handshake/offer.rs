use super::extension::{Extension, are_valid, extensions, members};
use super::fields::{lists, named, token, trim};
use super::key::Key;
use super::proposal::Once;
use super::request::HttpVersion;
use super::response_error::ResponseError;
use core::fmt;

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
