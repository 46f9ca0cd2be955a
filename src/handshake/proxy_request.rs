use super::write::{Sink, WriteError, is_reserved, write_into};
use crate::uri::Uri;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

/// A client's request to an HTTP proxy for a tunnel to the host of a URI (RFC 6455 §4.1, RFC 9110 §9.3.6).
///
/// Any 2xx opens the tunnel at the end of its head, whatever that says about a body; every other status is a refusal.
/// In the tunnel the handshake starts from the beginning, with TLS if the URI is secure.
///
/// ```
/// use sockless::Uri;
/// use sockless::handshake::ProxyRequest;
///
/// let request = ProxyRequest { uri: Uri::parse("wss://example.com/chat")?, fields: &[] };
/// let mut buffer = [0; 128];
/// let length = request.write(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ProxyRequest<'a> {
    /// Where the tunnel is to lead.
    pub uri: Uri<'a>,
    /// Fields for the proxy: `Proxy-Authorization`, if it asks for one.
    pub fields: &'a [(&'a str, &'a str)],
}

impl ProxyRequest<'_> {
    /// Writes the request and says how long it is.
    pub fn write(&self, buffer: &mut [u8]) -> Result<usize, WriteError> {
        write_into(buffer, |sink| self.put(sink))
    }

    /// The request.
    #[cfg(feature = "alloc")]
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let mut request = Vec::with_capacity(128);
        self.put(&mut request)?;
        Ok(request)
    }

    fn put(&self, sink: &mut impl Sink) -> Result<(), WriteError> {
        let (host, port) = (self.uri.host(), self.uri.port());
        sink.show(format_args!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
        sink.fields(self.fields, |name| is_reserved(name) || name.eq_ignore_ascii_case("host"))?;
        sink.put(b"\r\n");
        Ok(())
    }
}

impl fmt::Debug for ProxyRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyRequest")
            .field("host", &self.uri.host())
            .field("port", &self.uri.port())
            .finish_non_exhaustive()
    }
}
