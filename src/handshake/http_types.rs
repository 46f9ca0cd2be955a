use super::client_request::ClientRequest;
use super::fields::is_target;
use super::key::{Key, accept_key};
use super::offer::{Offer, Opened, StatusLine};
use super::origin::OriginPolicy;
use super::proposal::Acceptance;
use super::refusal::Refusal;
use super::request::{HttpVersion, Request, Rules, Seen};
use super::response_error::ResponseError;
use super::write::{WriteError, check_field, is_reserved};
use crate::uri::{Authority, ResourceName};
use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{StatusCode, Version, request, response};
use alloc::string::ToString;
use core::fmt;

impl<'a> Request<'a, HeaderFields<'a>> {
    /// Checks a request that a server has parsed already: [`Request::check`] (feature `http`).
    ///
    /// Answer with [`Request::to_http`] or [`Refusal::to_http`]; once the server has handed its connection over, go on
    /// with [`Connection::server`](crate::Connection::server).
    ///
    /// ```
    /// use sockless::handshake::{Acceptance, OriginPolicy, Request};
    ///
    /// let (parts, _body) = http::Request::get("/chat")
    ///     .header("Host", "a.example")
    ///     .header("Upgrade", "websocket")
    ///     .header("Connection", "Upgrade")
    ///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    ///     .header("Sec-WebSocket-Version", "13")
    ///     .body(())?
    ///     .into_parts();
    /// let request = Request::check_http(&parts, OriginPolicy::SameHost)?;
    /// let response = request.to_http(&Acceptance::default())?;
    /// assert_eq!(response.status(), 101);
    /// assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_http(
        parts: &'a request::Parts,
        policy: OriginPolicy<'_>,
    ) -> Result<Request<'a, HeaderFields<'a>>, Refusal> {
        let fields = HeaderFields::new(&parts.headers);
        let target = || {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            if !is_target(path.as_bytes()) {
                return Err(Refusal::TargetInvalid);
            }
            let authority = match (parts.uri.scheme_str(), parts.uri.authority()) {
                (None, None) if path.starts_with('/') => None,
                (Some("http" | "https"), Some(authority)) => {
                    Some(Authority::parse(authority.as_str()).map_err(|_| Refusal::TargetInvalid)?)
                }
                _ => return Err(Refusal::TargetInvalid),
            };
            Ok((authority, ResourceName::split(path)))
        };
        let method = parts.method.as_str().as_bytes();
        let seen = Seen::gather(fields.clone());
        seen.request(http_version(parts.version), method, target, fields, policy, &Rules::RFC_6455)
    }
}

impl<'a, F: Iterator<Item = (&'a [u8], &'a [u8])> + Clone> Request<'a, F> {
    /// The response that opens the WebSocket, for a server that writes it itself (feature `http`).
    ///
    /// # Errors
    /// As [`Request::write_acceptance`].
    pub fn to_http(&self, acceptance: &Acceptance<'_>) -> Result<::http::Response<()>, WriteError> {
        self.check_acceptance(acceptance)?;
        let mut response = ::http::Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let fields = response.headers_mut();
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(header::SEC_WEBSOCKET_ACCEPT, value(&accept_key(self.key()))?);
        if let Some(subprotocol) = acceptance.subprotocol {
            fields.insert(header::SEC_WEBSOCKET_PROTOCOL, value(subprotocol.as_bytes())?);
        }
        if let Some(extensions) = acceptance.extensions {
            fields.insert(header::SEC_WEBSOCKET_EXTENSIONS, value(extensions.as_bytes())?);
        }
        append(fields, acceptance.fields, is_reserved)?;
        Ok(response)
    }
}

impl Refusal {
    /// The response that refuses, for a server that writes it itself (feature `http`).
    pub fn to_http(self) -> ::http::Response<()> {
        let mut response = ::http::Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let fields = response.headers_mut();
        if self.status() == 426 {
            // Who sends Upgrade names it in Connection (RFC 9110 §7.8).
            fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        for (name, value) in self.fields() {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                fields.insert(name, HeaderValue::from_static(value));
            }
        }
        response
    }
}

impl ClientRequest<'_> {
    /// The request, its target a path, for a client library that writes it and reads the response (feature `http`).
    ///
    /// Check what comes back with [`Offer::check_http`]; once the library has handed its connection over, go on with
    /// [`Connection::client`](crate::Connection::client).
    ///
    /// # Errors
    /// As [`ClientRequest::write`].
    ///
    /// ```
    /// use sockless::handshake::{ClientRequest, Key};
    /// use sockless::{Keys, Uri};
    ///
    /// let mut keys = Keys::from_seed([7; 32]); // a test; else `Keys::from_os`
    /// let key = Key::from_nonce(keys.nonce());
    /// let request = ClientRequest::new(Uri::parse("ws://a.example/chat?room=1")?);
    /// let sent = request.to_http(&key)?;
    /// assert_eq!((sent.uri().to_string(), &sent.headers()["host"]), ("/chat?room=1".into(), &"a.example".parse()?));
    ///
    /// let (parts, ()) = http::Response::builder()
    ///     .status(101)
    ///     .header("Upgrade", "websocket")
    ///     .header("Connection", "upgrade")
    ///     .header("Sec-WebSocket-Accept", std::str::from_utf8(&key.accept())?)
    ///     .body(())?
    ///     .into_parts();
    /// assert_eq!(request.offer.check_http(&key, &parts)?.subprotocol(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_http(&self, key: &Key) -> Result<::http::Request<()>, WriteError> {
        self.check()?;
        let mut request = ::http::Request::new(());
        *request.uri_mut() = self.uri.resource_name().to_string().parse().map_err(|_| WriteError::Target)?;
        let fields = request.headers_mut();
        fields.insert(header::HOST, value(self.uri.host_header().to_string().as_bytes())?);
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(header::SEC_WEBSOCKET_KEY, value(key.as_str().as_bytes())?);
        fields.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        if !self.offer.subprotocols.is_empty() {
            let list = self.offer.subprotocols.join(", ");
            fields.insert(header::SEC_WEBSOCKET_PROTOCOL, value(list.as_bytes())?);
        }
        if let Some(extensions) = self.offer.extensions {
            fields.insert(header::SEC_WEBSOCKET_EXTENSIONS, value(extensions.as_bytes())?);
        }
        if let Some(origin) = self.origin {
            fields.insert(header::ORIGIN, value(origin.as_bytes())?);
        }
        append(fields, self.fields, super::client_request::is_reserved_in_request)?;
        Ok(request)
    }
}

impl Offer<'_> {
    /// Checks a response that a client library has parsed already: [`Offer::check`] (feature `http`).
    pub fn check_http<'a>(
        &self,
        key: &Key,
        parts: &'a response::Parts,
    ) -> Result<Opened<'a, HeaderFields<'a>>, ResponseError> {
        let line = StatusLine { version: http_version(parts.version), status: parts.status.as_u16() };
        self.check(key, line, HeaderFields::new(&parts.headers))
    }
}

/// The fields of a [`HeaderMap`], as names and values.
pub struct HeaderFields<'a> {
    map: &'a HeaderMap,
    iter: header::Iter<'a, HeaderValue>,
    taken: usize,
}

impl<'a> HeaderFields<'a> {
    /// All of them.
    pub fn new(map: &'a HeaderMap) -> HeaderFields<'a> {
        HeaderFields { map, iter: map.iter(), taken: 0 }
    }
}

impl Clone for HeaderFields<'_> {
    /// The map's own iterator cannot be cloned: a new one is brought to the same place.
    fn clone(&self) -> Self {
        let mut iter = self.map.iter();
        if let Some(last) = self.taken.checked_sub(1) {
            iter.nth(last);
        }
        HeaderFields { map: self.map, iter, taken: self.taken }
    }
}

impl<'a> Iterator for HeaderFields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (name, value) = self.iter.next()?;
        self.taken += 1;
        Some((name.as_str().as_bytes(), value.as_bytes()))
    }
}

impl fmt::Debug for HeaderFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderFields").finish_non_exhaustive()
    }
}

fn http_version(version: Version) -> HttpVersion {
    let (major, minor) = match version {
        Version::HTTP_09 => (0, 9),
        Version::HTTP_10 => (1, 0),
        Version::HTTP_2 => (2, 0),
        Version::HTTP_3 => (3, 0),
        _ => (1, 1),
    };
    HttpVersion { major, minor }
}

fn value(bytes: &[u8]) -> Result<HeaderValue, WriteError> {
    HeaderValue::from_bytes(bytes).map_err(|_| WriteError::FieldValue)
}

fn append(
    fields: &mut HeaderMap,
    own: &[(&str, &str)],
    reserved: fn(&str) -> bool,
) -> Result<(), WriteError> {
    for (name, content) in own {
        check_field(name, content, reserved)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| WriteError::FieldName)?;
        fields.append(name, value(content.as_bytes())?);
    }
    Ok(())
}
