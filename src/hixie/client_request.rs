use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::challenge::{answer, below, draw_key};
use crate::handshake::{Origin, Sink, WriteError, is_reserved_in_request};
use crate::{Keys, Uri};

/// The request by which a client opens a WebSocket in hixie-75 or hixie-76 (hixie-76 §4.1).
///
/// ```
/// use sockless::hixie::{ClientHandshake, ClientRequest};
/// use sockless::{Keys, Uri};
///
/// let request = ClientRequest::new(Uri::parse("ws://example.com/demo")?, "http://example.com");
/// let handshake = ClientHandshake::hixie75(&request, Default::default())?;
/// assert!(handshake.request().starts_with(b"GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// Where to connect to and what to ask for.
    pub uri: Uri<'a>,
    /// The origin, without which these dialects open nothing. It is sent in lower case.
    pub origin: &'a str,
    /// The subprotocol that the server has to agree to: visible ASCII.
    pub subprotocol: Option<&'a str>,
    /// Fields of the application's own, credentials for example. None that the handshake writes itself.
    pub fields: &'a [(&'a str, &'a str)],
}

impl<'a> ClientRequest<'a> {
    /// A request for this URI from this origin.
    pub fn new(uri: Uri<'a>, origin: &'a str) -> ClientRequest<'a> {
        ClientRequest { uri, origin, subprotocol: None, fields: &[] }
    }

    pub(super) fn hixie75(&self) -> Result<Vec<u8>, WriteError> {
        self.check()?;
        // Old servers compared the first three lines byte by byte.
        let mut request = self.beginning();
        request.put(b"Upgrade: WebSocket\r\nConnection: Upgrade\r\n");
        for (name, value) in self.usual("WebSocket-Protocol").into_iter().flatten() {
            request.field(name, &value);
        }
        request.fields(self.fields, is_reserved)?;
        request.put(b"\r\n");
        Ok(request)
    }

    /// The request, and the answer that it asks for.
    pub(super) fn hixie76(&self, keys: &mut Keys) -> Result<(Vec<u8>, [u8; 16]), WriteError> {
        self.check()?;
        let (key1, number1) = draw_key(keys);
        let (key2, number2) = draw_key(keys);
        let mut fields: Vec<(&str, String)> = Vec::with_capacity(7);
        fields.push(("Upgrade", "WebSocket".into()));
        fields.push(("Connection", "Upgrade".into()));
        fields.extend(self.usual("Sec-WebSocket-Protocol").into_iter().flatten());
        fields.push(("Sec-WebSocket-Key1", key1));
        fields.push(("Sec-WebSocket-Key2", key2));
        let mut request = self.beginning();
        // In an order drawn at random: no request can be foretold.
        while !fields.is_empty() {
            let bound = u64::try_from(fields.len()).unwrap_or(u64::MAX);
            let (name, value) = fields.swap_remove(usize::try_from(below(keys, bound)).unwrap_or(0));
            request.field(name, &value);
        }
        request.fields(self.fields, is_reserved)?;
        request.put(b"\r\n");
        let [a, b, c, d] = keys.masking_key();
        let [e, f, g, h] = keys.masking_key();
        let key3 = [a, b, c, d, e, f, g, h];
        request.put(&key3);
        Ok((request, answer([number1, number2], key3)))
    }

    fn beginning(&self) -> Vec<u8> {
        let mut request = Vec::with_capacity(256);
        request.show(format_args!("GET {} HTTP/1.1\r\n", self.uri.resource_name()));
        request
    }

    /// The fields that both drafts have.
    fn usual(&self, protocol: &'static str) -> [Option<(&'static str, String)>; 3] {
        [
            Some(("Host", alloc::format!("{}", self.uri.host_header()))),
            Some(("Origin", self.origin.to_ascii_lowercase())),
            self.subprotocol.map(|subprotocol| (protocol, subprotocol.into())),
        ]
    }

    /// Everything but the fields of the application's own.
    fn check(&self) -> Result<(), WriteError> {
        if Origin::parse(self.origin).is_err() {
            return Err(WriteError::Origin);
        }
        match self.subprotocol {
            Some(subprotocol) if !is_subprotocol(subprotocol) => Err(WriteError::Subprotocol),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ClientRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("host", &self.uri.host())
            .field("subprotocol", &self.subprotocol)
            .finish_non_exhaustive()
    }
}

/// Visible ASCII, and some of it.
pub(super) fn is_subprotocol(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The fields that no caller writes into a request or a response: those of hixie-75 have no `Sec-` before them.
pub(super) fn is_reserved(name: &str) -> bool {
    const PREFIX: &str = "websocket-";
    let prefixed = name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    prefixed || is_reserved_in_request(name)
}
