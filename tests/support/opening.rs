//! Opening handshakes for tests: good ones with more on top, and what becomes of any.

use sockless::handshake::{
    ClientHandshake, ClientRequest, HandshakeLimits, HttpVersion, Key, OriginPolicy, Outcome, Refusal,
    Request, RequestLine, ResponseError, ServerHandshake,
};
use sockless::{Keys, Uri};

pub const FIELDS: [&str; 5] = [
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// A valid request with these lines on top.
pub fn request(more: &[&str]) -> Vec<u8> {
    let lines = ["GET /chat HTTP/1.1"].iter().chain(&FIELDS).chain(more);
    lines.flat_map(|line| [*line, "\r\n"]).chain(["\r\n"]).collect::<String>().into_bytes()
}

pub fn client() -> ClientHandshake {
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    ClientHandshake::new(&request, Keys::from_seed([7; 32]), HandshakeLimits::default()).unwrap()
}

/// The response that `client` waits for, with these lines on top.
pub fn response(more: &[&str]) -> Vec<u8> {
    let accept = Key::from_nonce(Keys::from_seed([7; 32]).nonce()).accept();
    let accept = format!("Sec-WebSocket-Accept: {}", core::str::from_utf8(&accept).unwrap());
    let lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", &accept];
    let lines = lines.iter().chain(more);
    lines.flat_map(|line| [*line, "\r\n"]).chain(["\r\n"]).collect::<String>().into_bytes()
}

/// A name and a value.
pub type Field<'a> = (&'a [u8], &'a [u8]);

/// What becomes of a request in one piece.
pub fn judge(request: &[u8]) -> Result<(), Refusal> {
    let mut request = request.to_vec();
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let head = handshake.receive(&mut &mut request[..])?.expect("a whole request");
    head.upgrade(OriginPolicy::Any).map(|_| ())
}

pub fn judge_response(response: &[u8]) -> Result<Outcome, ResponseError> {
    let mut response = response.to_vec();
    Ok(client().receive(&mut &mut response[..])?.expect("a whole response"))
}

/// What becomes of a request whose fields somebody else has parsed: the usual ones, but those that are given.
pub fn judge_fields(given: &[Field<'_>], policy: OriginPolicy<'_>) -> Result<(), Refusal> {
    const USUAL: [Field<'_>; 5] = [
        (b"host", b"a"),
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-version", b"13"),
    ];
    let usual = USUAL.into_iter().filter(|usual| given.iter().all(|field| field.0 != usual.0));
    let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
    Request::check(line, usual.chain(given.iter().copied()), policy).map(|_| ())
}
