//! A handshake and an echo, in a program without std and without an allocator.

#![no_std]
#![no_main]

mod start;

use sockless::handshake::{
    Acceptance, ClientRequest, HttpVersion, Key, OriginPolicy, Request, RequestLine, StatusLine,
};
use sockless::{Config, Keys, Session, SessionEvent, Uri};

static CONFIG: Config = Config::DEFAULT;

#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    start::exit(handshake() == Some(true) && echo() == Some(true))
}

/// The checks of both sides over fields that somebody parsed, and the writers into caller memory.
fn handshake() -> Option<bool> {
    let key = Key::from_nonce(Keys::from_seed([2; 32]).nonce());
    let uri = Uri::parse("ws://a.example/chat").ok()?;
    let client = ClientRequest::new(uri);
    let mut sent = [0; 256];
    let len = client.write(&key, &mut sent).ok()?;
    if !sent[..len].starts_with(b"GET /chat HTTP/1.1\r\nHost: a.example\r\n") {
        return None;
    }
    let version = HttpVersion { major: 1, minor: 1 };
    let line = RequestLine { method: b"GET", target: b"/chat", version };
    let fields = [
        (&b"Host"[..], &b"a.example"[..]),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Key", key.as_str().as_bytes()),
        (b"Sec-WebSocket-Version", b"13"),
    ];
    let request = Request::check(line, fields.into_iter(), OriginPolicy::SameHost).ok()?;
    let mut answer = [0; 256];
    let len = request.write_acceptance(&Acceptance::default(), &mut answer).ok()?;
    if !answer[..len].starts_with(b"HTTP/1.1 101 ") {
        return None;
    }
    let accept = key.accept();
    let fields = [
        (&b"Upgrade"[..], &b"websocket"[..]),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", &accept),
    ];
    client.offer.check(&key, StatusLine { version, status: 101 }, fields.into_iter()).ok()?;
    Some(true)
}

fn echo() -> Option<bool> {
    let mut keys = Keys::from_seed([1; 32]);
    let mut client = Session::client(&CONFIG, &mut keys);
    let mut server = Session::server(&CONFIG);
    let (mut there, mut back) = ([0; 64], [0; 64]);
    let len = client.text("hello", &mut there).ok()?;
    let mut input = &mut there[..len];
    let len = match server.receive(&mut input).ok()?? {
        SessionEvent::Text { text, .. } => server.text(&text, &mut back).ok()?,
        _ => return None,
    };
    let mut input = &mut back[..len];
    match client.receive(&mut input).ok()?? {
        SessionEvent::Text { text, .. } => Some(&*text == "hello"),
        _ => None,
    }
}
