use alloc::vec::Vec;
use core::fmt;

use super::challenge::key_number;
use super::client_request::{is_reserved, is_subprotocol};
use super::connection::Connection;
use super::dialect::Dialect;
use super::frames::InvalidText;
use super::opening::Opening;
use crate::handshake::{
    self, Fields, HandshakeLimits, Once, OriginPolicy, Refusal, RequestHead, Rules, Seen, Sink, WriteError,
    named, split_target,
};
use crate::{Arc, Authority, Config, ResourceName};

/// Checks a request by the rules of the dialect that it speaks, RFC 6455 among them.
///
/// The policy judges every dialect's origin: hybi sends it as `Sec-WebSocket-Origin` or, in later drafts, as
/// `Origin`. Hixie requests have to have one. A key of hybi may have any length, since those of real clients have.
///
/// # Errors
/// As [`Request::check`](handshake::Request::check), in the same order, but that an absolute target of an older dialect is
/// [`TargetInvalid`](Refusal::TargetInvalid) behind what asks for the upgrade; for the older dialects also
/// [`OriginMissing`](Refusal::OriginMissing), [`OriginsDiffer`](Refusal::OriginsDiffer),
/// [`ChallengeKeyMissing`](Refusal::ChallengeKeyMissing), [`ChallengeKeyRepeated`](Refusal::ChallengeKeyRepeated),
/// [`ChallengeKeyInvalid`](Refusal::ChallengeKeyInvalid).
///
/// ```
/// use sockless::handshake::{OriginPolicy, Refusal, ServerHandshake};
/// use sockless::hixie;
///
/// let mut read = *b"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a.example\r\n\
///     Origin: http://b.example\r\n\r\n";
/// let head = ServerHandshake::new(Default::default()).receive(&mut &mut read[..])?.expect("it is whole");
/// assert_eq!(hixie::upgrade(&head, OriginPolicy::SameHost).err(), Some(Refusal::OriginForbidden));
/// # Ok::<(), Refusal>(())
/// ```
pub fn upgrade<'a>(head: &'a RequestHead, policy: OriginPolicy<'_>) -> Result<Upgrade<'a>, Refusal> {
    match Dialect::of(head) {
        Some(Dialect::Hixie75) => Request::check(head, policy, None).map(Upgrade::Hixie),
        Some(Dialect::Hixie76) => {
            let keys = ["sec-websocket-key1", "sec-websocket-key2"];
            Request::check(head, policy, Some(keys)).map(Upgrade::Hixie)
        }
        Some(Dialect::Hybi) => {
            let mut seen = Seen::gather(head.fields());
            amend_origin(&mut seen, head)?;
            let (line, fields) = (head.line(), head.fields());
            let target = || split_target(line.target);
            seen.request(line.version, line.method, target, fields, policy, &HYBI).map(Upgrade::Rfc6455)
        }
        Some(Dialect::Rfc6455) | None => head.upgrade(policy).map(Upgrade::Rfc6455),
    }
}

/// A request that may open a WebSocket, found in order.
#[derive(Debug)]
pub enum Upgrade<'a> {
    /// It goes on by RFC 6455: a request of its own, or of hybi-07 to -12, which differ in the request alone.
    Rfc6455(handshake::Request<'a, Fields<'a>>),
    /// Hixie-75 or -76.
    Hixie(Request<'a>),
}

/// A request in hixie-75 or hixie-76, found in order (hixie-76 §5.1).
#[derive(Clone, Copy)]
pub struct Request<'a> {
    head: &'a RequestHead,
    resource_name: ResourceName<'a>,
    authority: Authority<'a>,
    origin: &'a [u8],
    /// What the keys of hixie-76 hide.
    numbers: Option<[u32; 2]>,
}

impl<'a> Request<'a> {
    fn check(
        head: &'a RequestHead,
        policy: OriginPolicy<'_>,
        keys: Option<[&'static str; 2]>,
    ) -> Result<Request<'a>, Refusal> {
        let seen = Seen::gather(head.fields());
        let line = head.line();
        let (resource_name, authority) =
            seen.check_upgrade(line.version, line.method, || split_target(line.target))?;
        if !head.target().starts_with('/') {
            return Err(Refusal::TargetInvalid);
        }
        let numbers = match keys {
            Some([key1, key2]) => Some([hidden_number(head, key1)?, hidden_number(head, key2)?]),
            None => None,
        };
        let origin = match seen.negotiation.origin {
            Once::Missing | Once::Value([]) => return Err(Refusal::OriginMissing),
            Once::Repeated => return Err(Refusal::OriginRepeated),
            Once::Value(origin) => origin,
        };
        if !policy.lets_pass(Some(origin), &authority) {
            return Err(Refusal::OriginForbidden);
        }
        Ok(Request { head, resource_name, authority, origin, numbers })
    }

    /// Hixie-75 or hixie-76.
    pub fn dialect(&self) -> Dialect {
        if self.numbers.is_some() { Dialect::Hixie76 } else { Dialect::Hixie75 }
    }

    /// The path and the query asked for.
    pub fn resource_name(&self) -> ResourceName<'a> {
        self.resource_name
    }

    /// The host, and the port if one is written, that the request is for.
    pub fn authority(&self) -> Authority<'a> {
        self.authority
    }

    /// The Origin as it was sent; [`Origin::parse`](handshake::Origin::parse) takes it apart. Not all old clients
    /// sent a real one.
    pub fn origin(&self) -> &'a [u8] {
        self.origin
    }

    /// All fields of the request.
    pub fn fields(&self) -> Fields<'a> {
        self.head.fields()
    }

    /// The subprotocols asked for, the client's favourite first: names of visible ASCII (hixie-76 §4.1, §5.1).
    pub fn subprotocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let name = if self.numbers.is_some() { "sec-websocket-protocol" } else { "websocket-protocol" };
        let names = named(self.fields(), name).flat_map(|value| value.split(|&byte| byte == b' '));
        names.filter_map(|name| core::str::from_utf8(name).ok()).filter(|name| is_subprotocol(name))
    }

    /// Accepts the request: the opening, which in hixie-76 waits for eight bytes still, and then gives the connection
    /// with the response queued. Of `limits` it is the time that counts, from the opening's own beginning.
    ///
    /// # Errors
    /// [`SubprotocolNotOffered`](WriteError::SubprotocolNotOffered), [`FieldName`](WriteError::FieldName),
    /// [`FieldValue`](WriteError::FieldValue), [`FieldReserved`](WriteError::FieldReserved): nothing that is handed in
    /// can end a line or a field that it was not meant to end.
    pub fn open(
        &self,
        acceptance: &Acceptance<'_>,
        config: impl Into<Arc<Config>>,
        limits: HandshakeLimits,
    ) -> Result<Opening, WriteError> {
        let response = self.response(acceptance)?;
        let connection = Connection::server(self.dialect(), config, acceptance.invalid_text);
        Ok(Opening::new(response, self.numbers, connection, limits.time))
    }

    /// The response, up to its digest.
    fn response(&self, acceptance: &Acceptance<'_>) -> Result<Vec<u8>, WriteError> {
        // Old clients compared the first three lines byte by byte; each draft has its own phrase.
        let (phrase, prefix) = match self.numbers {
            Some(_) => ("WebSocket Protocol Handshake", "Sec-WebSocket-"),
            None => ("Web Socket Protocol Handshake", "WebSocket-"),
        };
        let mut response = Vec::with_capacity(256);
        response.show(format_args!("HTTP/1.1 101 {phrase}\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"));
        response.show(format_args!("{prefix}Origin: "));
        // It came in a field, so it has nothing in it that could end one.
        response.put(self.origin);
        response.show(format_args!(
            "\r\n{prefix}Location: {}://{}{}\r\n",
            acceptance.scheme,
            self.authority,
            self.head.target()
        ));
        if let Some(subprotocol) = acceptance.subprotocol {
            if !self.subprotocols().any(|offered| offered == subprotocol) {
                return Err(WriteError::SubprotocolNotOffered);
            }
            response.show(format_args!("{prefix}Protocol: {subprotocol}\r\n"));
        }
        response.fields(acceptance.fields, is_reserved)?;
        response.put(b"\r\n");
        Ok(response)
    }
}

impl fmt::Debug for Request<'_> {
    /// Dialect, path and authority; neither query nor fields, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("dialect", &self.dialect())
            .field("path", &self.resource_name.path())
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// What a server accepts of a request in hixie-75 or hixie-76.
#[derive(Clone, Copy, Default)]
pub struct Acceptance<'a> {
    /// The scheme of the URI that the client used: the response repeats that URI. Default: `ws`.
    pub scheme: Scheme,
    /// One of the subprotocols asked for, or none.
    pub subprotocol: Option<&'a str>,
    /// What becomes of text that is not UTF-8. Default: it is replaced.
    pub invalid_text: InvalidText,
    /// Fields of the application's own, cookies for example; none that belongs to the handshake.
    pub fields: &'a [(&'a str, &'a str)],
}

impl fmt::Debug for Acceptance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptance")
            .field("scheme", &self.scheme)
            .field("subprotocol", &self.subprotocol)
            .field("invalid_text", &self.invalid_text)
            .finish_non_exhaustive()
    }
}

/// The scheme of a WebSocket URI, which a server cannot know from the request: it depends on who took the TLS off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without TLS.
    #[default]
    Ws,
    /// Through TLS.
    Wss,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        })
    }
}

/// Clients of these versions made keys of fifteen bytes, too: the key is text to hash, of whatever length.
const HYBI: Rules = Rules {
    versions: &[7, 8],
    is_key: |key| {
        !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
    },
};

/// Makes one origin of what hybi-07 to -10 call `Sec-WebSocket-Origin` and the later drafts `Origin`.
fn amend_origin<'a>(seen: &mut Seen<'a>, head: &'a RequestHead) -> Result<(), Refusal> {
    let mut older = Once::Missing;
    named(head.fields(), "sec-websocket-origin").for_each(|value| older.add(value));
    let origin = &mut seen.negotiation.origin;
    match (&*origin, older) {
        (_, Once::Missing) => {}
        (Once::Missing, older) => *origin = older,
        (Once::Value(origin), Once::Value(older)) if *origin != older => return Err(Refusal::OriginsDiffer),
        (Once::Value(_), Once::Value(_)) => {}
        (Once::Repeated, _) | (_, Once::Repeated) => return Err(Refusal::OriginRepeated),
    }
    Ok(())
}

/// The number that the key of this field hides.
fn hidden_number(head: &RequestHead, name: &'static str) -> Result<u32, Refusal> {
    let mut values = named(head.fields(), name);
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::ChallengeKeyMissing),
        (Some(_), Some(_)) => Err(Refusal::ChallengeKeyRepeated),
        (Some(key), None) => key_number(key).ok_or(Refusal::ChallengeKeyInvalid),
    }
}
