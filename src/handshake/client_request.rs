use super::fields::is_token;
use super::key::Key;
use super::offer::{Offer, Subprotocols};
use super::origin::Origin;
use super::proposal::check_extensions;
use super::write::{Sink, WriteError, is_reserved, write_into};
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

pub(crate) fn is_reserved_in_request(name: &str) -> bool {
    is_reserved(name) || name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("origin")
}
