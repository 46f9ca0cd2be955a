use super::write::{Sink, WriteError, is_reserved, write_into};
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// A response that opens no WebSocket: a refusal of the application's own, a redirection, or a page.
///
/// Written with `Connection: close` and the body's `Content-Length`. A 426 has its Upgrade and its version with it, a
/// 405 its Allow (GET, unless `fields` has another). The fields of framing and those of the handshake are refused.
///
/// ```
/// use sockless::handshake::Response;
///
/// let login = Response { status: 302, fields: &[("Location", "/login")], body: b"" };
/// let mut buffer = [0; 128];
/// let length = login.write(&mut buffer)?;
/// assert!(buffer[..length].starts_with(b"HTTP/1.1 302 Found\r\n"));
/// # Ok::<(), sockless::handshake::WriteError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// The status, 200 to 599.
    pub status: u16,
    /// Fields of the application's own.
    pub fields: &'a [(&'a str, &'a str)],
    /// The body; empty for 204, 205 and 304.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Writes the whole response and says how long it is.
    pub fn write(&self, buffer: &mut [u8]) -> Result<usize, WriteError> {
        self.check()?;
        write_into(buffer, |sink| self.put_all(sink))
    }

    /// The whole response.
    #[cfg(feature = "alloc")]
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        self.check()?;
        let mut response = Vec::with_capacity(256 + self.body.len());
        self.put_all(&mut response)?;
        Ok(response)
    }

    fn check(&self) -> Result<(), WriteError> {
        if !(200..=599).contains(&self.status) {
            return Err(WriteError::Status);
        }
        if !self.body.is_empty() && matches!(self.status, 204 | 205 | 304) {
            return Err(WriteError::BodyForbidden);
        }
        self.fields.iter().try_for_each(|(name, value)| super::write::check_field(name, value, is_reserved))
    }

    fn put_all(&self, sink: &mut impl Sink) -> Result<(), WriteError> {
        let allowed = self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("allow"));
        let required = if self.status == 405 && allowed { &[] } else { required_fields(self.status) };
        self.put(required, sink);
        Ok(())
    }

    /// Everything, fields unchecked.
    pub(super) fn put(&self, required: &[(&str, &str)], sink: &mut impl Sink) {
        sink.put(b"HTTP/1.1 ");
        sink.show(self.status);
        sink.put(b" ");
        sink.put(reason(self.status).as_bytes());
        sink.put(b"\r\n");
        // Who sends Upgrade names it in Connection (RFC 9110 §7.8).
        sink.field("Connection", if self.status == 426 { "Upgrade, close" } else { "close" });
        required.iter().chain(self.fields).for_each(|(name, value)| sink.field(name, value));
        if !matches!(self.status, 204 | 304) {
            sink.put(b"Content-Length: ");
            sink.show(self.body.len());
            sink.put(b"\r\n");
        }
        sink.put(b"\r\n");
        sink.put(self.body);
    }
}

impl core::fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The fields without which a status may not be sent (RFC 9110 §15.5.6, §15.5.22, RFC 6455 §4.4).
pub(super) const fn required_fields(status: u16) -> &'static [(&'static str, &'static str)] {
    match status {
        405 => &[("Allow", "GET")],
        426 => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
        _ => &[],
    }
}

/// The customary phrase; a blank before it is written even if there is none.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        205 => "Reset Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        511 => "Network Authentication Required",
        _ => "",
    }
}
