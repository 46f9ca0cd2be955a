use super::extension::{Extension, are_valid, extensions, members};
use super::fields::{is_token, list, named, token, trim, version};
use super::origin::OriginPolicy;
use super::refusal::Refusal;
use super::write::WriteError;
use crate::uri::{Authority, ResourceName};
use core::fmt;

/// What a client proposes in a request that may open a WebSocket, over HTTP/1.1 or as an extended CONNECT.
///
/// All of it has been checked; `F` is the list of fields that it was checked over.
#[derive(Clone, Copy)]
pub struct Proposal<'a, F> {
    pub(super) resource_name: ResourceName<'a>,
    pub(super) authority: Authority<'a>,
    pub(super) origin: Option<&'a [u8]>,
    subprotocols: Once<'a>,
    pub(super) fields: F,
}

impl<'a, F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone> Proposal<'a, F> {
    /// The path and the query asked for.
    pub const fn resource_name(&self) -> ResourceName<'a> {
        self.resource_name
    }

    /// The host, and the port if one is written, that the request is for: of an absolute target, or of Host
    /// (RFC 9112 §3.2.2).
    pub const fn authority(&self) -> Authority<'a> {
        self.authority
    }

    /// The Origin as it was sent; [`super::Origin::parse`] takes it apart.
    pub const fn origin(&self) -> Option<&'a [u8]> {
        self.origin
    }

    /// All fields of the request.
    pub fn fields(&self) -> F {
        self.fields.clone()
    }

    /// The subprotocols offered, the client's favourite first; all different, compared with case.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a, F> {
        named(self.fields(), "sec-websocket-protocol").flat_map(list).filter_map(token)
    }

    /// Whether [`Proposal::subprotocols`] has it; for the one that most clients offer, without a pass over all fields.
    fn offers(&self, subprotocol: &str) -> bool {
        match self.subprotocols {
            Once::Missing => false,
            Once::Value(only) if is_token(only) => only == subprotocol.as_bytes(),
            Once::Value(_) | Once::Repeated => self.subprotocols().any(|offered| offered == subprotocol),
        }
    }

    /// The first of `supported` that the client offers: the server's preference decides.
    pub fn choose_subprotocol<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        supported.iter().copied().find(|name| self.offers(name))
    }

    /// The extensions offered, the client's favourite first, over all lines.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + Clone + use<'a, F> {
        extensions(self.fields())
    }

    /// Subprotocol and extensions are among those offered.
    pub(super) fn check_acceptance(&self, acceptance: &Acceptance<'_>) -> Result<(), WriteError> {
        if let Some(subprotocol) = acceptance.subprotocol {
            if !self.offers(subprotocol) {
                return Err(WriteError::SubprotocolNotOffered);
            }
        }
        if let Some(answer) = acceptance.extensions {
            check_extensions(answer)?;
            let offered = |name: &str| self.extensions().any(|offer| offer.name() == name);
            if !members(answer.as_bytes()).flatten().all(|extension| offered(extension.name())) {
                return Err(WriteError::ExtensionNotOffered);
            }
        }
        Ok(())
    }
}

impl<F> fmt::Debug for Proposal<'_, F> {
    /// Path and authority; neither query nor fields, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal")
            .field("path", &self.resource_name.path())
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// What a server accepts of a proposal.
///
/// ```
/// use sockless::handshake::{Acceptance, HttpVersion, OriginPolicy, Request, RequestLine};
///
/// let line = RequestLine { method: b"GET", target: b"/chat?room=1", version: HttpVersion::HTTP_11 };
/// let fields = [
///     ("Host", "a.example"),
///     ("Upgrade", "websocket"),
///     ("Connection", "Upgrade"),
///     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
///     ("Sec-WebSocket-Version", "13"),
///     ("Sec-WebSocket-Protocol", "chat.v1, chat.v2"),
/// ];
/// let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
/// let request = Request::check(line, fields, OriginPolicy::SameHost)?;
/// assert_eq!(request.resource_name().query(), Some("room=1"));
///
/// let acceptance = Acceptance {
///     subprotocol: request.choose_subprotocol(&["chat.v2", "chat.v1"]), // the server's favourite first
///     fields: &[("Set-Cookie", "seen=1")],
///     ..Acceptance::default()
/// };
/// let mut response = [0; 256];
/// let length = request.write_acceptance(&acceptance, &mut response)?;
/// assert!(response[..length].windows(7).any(|text| text == b"chat.v2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Acceptance<'a> {
    /// One of the subprotocols offered, or none.
    pub subprotocol: Option<&'a str>,
    /// The answer to the extensions offered, as the field's value; `None` leaves the field out. Each extension's own
    /// negotiation makes its part of this text.
    pub extensions: Option<&'a str>,
    /// Fields of the application's own, cookies for example; none that belongs to the handshake.
    pub fields: &'a [(&'a str, &'a str)],
}

impl fmt::Debug for Acceptance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptance")
            .field("subprotocol", &self.subprotocol)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}

/// The text is a list of at least one extension, and as one is sent: what has to be read besides, empty members and
/// blanks beside an equals sign, is not to be sent (RFC 9110 §5.6.1, §5.6.3).
pub(super) fn check_extensions(text: &str) -> Result<(), WriteError> {
    let full = text.split(',').all(|member| !trim(member.as_bytes()).is_empty());
    // RFC 9113 §8.2: no field of a stream has blanks around it.
    let full = full && trim(text.as_bytes()).len() == text.len();
    let tight = [" =", "\t=", "= ", "=\t"].iter().all(|blanks| !text.contains(blanks));
    let valid = full && tight && are_valid(core::iter::once(text.as_bytes()));
    if valid { Ok(()) } else { Err(WriteError::Extensions) }
}

/// A field that may be there once.
#[derive(Clone, Copy)]
pub(crate) enum Once<'a> {
    Missing,
    Value(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    pub(crate) fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Once::Missing => Once::Value(value),
            Once::Value(_) | Once::Repeated => Once::Repeated,
        };
    }

    pub(super) fn is_some_and(self, holds: impl FnOnce(&'a [u8]) -> bool) -> bool {
        self.value().is_some_and(holds)
    }

    fn value(self) -> Option<&'a [u8]> {
        match self {
            Once::Value(value) => Some(value),
            Once::Missing | Once::Repeated => None,
        }
    }
}

/// The fields that mean the same over every version of HTTP, gathered in the one pass.
pub(crate) struct Negotiation<'a> {
    pub(crate) origin: Once<'a>,
    pub(crate) version: Once<'a>,
    pub(crate) subprotocols: Once<'a>,
    pub(crate) extensions: Once<'a>,
}

impl<'a> Negotiation<'a> {
    pub(super) const NONE: Negotiation<'a> = Negotiation {
        origin: Once::Missing,
        version: Once::Missing,
        subprotocols: Once::Missing,
        extensions: Once::Missing,
    };

    /// The version is one of these.
    pub(super) fn check_version(&self, supported: &[u8]) -> Result<(), Refusal> {
        match self.version {
            Once::Missing => Err(Refusal::VersionMissing),
            Once::Repeated => Err(Refusal::VersionRepeated),
            Once::Value(b"13") if *supported == [13] => Ok(()),
            Once::Value(value) => match version(value) {
                Some(version) if supported.contains(&version) => Ok(()),
                Some(_) => Err(Refusal::VersionUnsupported),
                None => Err(Refusal::VersionInvalid),
            },
        }
    }

    /// What is proposed, once subprotocols, extensions and origin are found in order.
    pub(super) fn finish<F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone>(
        self,
        resource_name: ResourceName<'a>,
        authority: Authority<'a>,
        fields: F,
        policy: OriginPolicy<'_>,
    ) -> Result<Proposal<'a, F>, Refusal> {
        self.check(&authority, &fields, policy)?;
        Ok(self.proposal(resource_name, authority, fields))
    }

    /// What is proposed; it has been checked.
    pub(super) fn proposal<F>(
        self,
        resource_name: ResourceName<'a>,
        authority: Authority<'a>,
        fields: F,
    ) -> Proposal<'a, F> {
        let (subprotocols, origin) = (self.subprotocols, self.origin.value());
        Proposal { resource_name, authority, origin, subprotocols, fields }
    }

    /// Whether subprotocols, extensions and origin are in order.
    pub(super) fn check<F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone>(
        &self,
        authority: &Authority<'_>,
        fields: &F,
        policy: OriginPolicy<'_>,
    ) -> Result<(), Refusal> {
        match self.subprotocols {
            Once::Missing => {}
            // Most clients offer one, which needs no room to compare.
            Once::Value(only) if is_token(only) => {}
            Once::Value(value) => check_subprotocols(list(value))?,
            Once::Repeated => {
                check_subprotocols(named(fields.clone(), "sec-websocket-protocol").flat_map(list))?
            }
        }
        let valid = match self.extensions {
            Once::Missing => true,
            Once::Value(value) => are_valid(core::iter::once(value)),
            Once::Repeated => are_valid(named(fields.clone(), "sec-websocket-extensions")),
        };
        if !valid {
            return Err(Refusal::ExtensionsInvalid);
        }
        if matches!(self.origin, Once::Repeated) {
            return Err(Refusal::OriginRepeated);
        }
        if policy.lets_pass(self.origin.value(), authority) { Ok(()) } else { Err(Refusal::OriginForbidden) }
    }
}

/// At least one token, all different (RFC 6455 §4.1); the bound keeps the comparison of each with each small.
fn check_subprotocols<'a>(mut offered: impl Iterator<Item = &'a [u8]>) -> Result<(), Refusal> {
    let mut seen: [&[u8]; 64] = [&[]; 64];
    let mut count = 0;
    for place in &mut seen {
        let Some(name) = offered.next() else { break };
        if !is_token(name) {
            return Err(Refusal::SubprotocolsInvalid);
        }
        *place = name;
        count += 1;
    }
    let (seen, _) = seen.split_at(count);
    if offered.next().is_some() {
        return Err(Refusal::TooManySubprotocols);
    }
    match seen {
        [] => Err(Refusal::SubprotocolsInvalid),
        _ if (1..count).any(|at| seen.split_at(at).0.iter().any(|earlier| seen.get(at) == Some(earlier))) => {
            Err(Refusal::SubprotocolRepeated)
        }
        _ => Ok(()),
    }
}
