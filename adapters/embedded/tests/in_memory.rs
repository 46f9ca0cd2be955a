//! Client and server of the driver without an allocator, over a pipe, and what goes wrong at each.

use std::time::Duration;

use embedded_io::{Read, ReadReady, Write};
use sockless::handshake::{
    Acceptance, ClientRequest, Offer, OriginPolicy, Refusal, Request, Response, ResponseError, WriteError,
};
use sockless::{
    Cause, CloseCode, Config, Deadline, End, Keys, Moment, ProtocolError, SendError, Session, SessionEvent,
    Uri,
};
use sockless_embedded::head::Fields;
use sockless_embedded::{Endpoint, Error, Fifo, Pipe, Turn, echo, head};

type Wire<'a> = Pipe<'a, 1024>;
type Memory = [[u8; 512]; 2];

const CONFIG: Config = Config::DEFAULT;

fn at(seconds: u64) -> Moment {
    Moment::from(Duration::from_secs(seconds))
}

fn slices([input, output]: &mut Memory) -> [&mut [u8]; 2] {
    [input, output]
}

fn nothing(_: &mut Session<'_>, _: SessionEvent<'_>, _: &mut [u8]) -> Result<usize, SendError> {
    Ok(0)
}

/// Both ends of a pipe.
fn ends<'a>(there: &'a Fifo<1024>, back: &'a Fifo<1024>) -> [Wire<'a>; 2] {
    [Pipe { from: back, to: there }, Pipe { from: there, to: back }]
}

fn request() -> ClientRequest<'static> {
    ClientRequest::new(Uri::parse("ws://a.example/chat").unwrap())
}

fn ended(turn: Turn) -> Option<End> {
    match turn {
        Turn::Over(end) => Some(end),
        Turn::Wait(_) => None,
    }
}

#[test]
fn a_handshake_an_echo_a_ping_and_a_close() {
    let (there, back) = (Fifo::new(), Fifo::new());
    let [near, far] = ends(&there, &back);
    let (mut client_memory, mut server_memory) = ([[0; 512]; 2], [[0; 512]; 2]);
    let mut keys = Keys::from_seed([4; 32]);
    let request = request();
    let mut client = Endpoint::client(near, &CONFIG, &request, &mut keys, slices(&mut client_memory));
    let mut server = Endpoint::server(far, &CONFIG, OriginPolicy::SameHost, slices(&mut server_memory));

    assert!(matches!(
        client.send(|session, out| session.text("early", out)),
        Err(Error::Send(SendError::Closed))
    ));
    while !client.is_open() {
        client.turn(at(0), nothing).unwrap();
        server.turn(at(0), echo).unwrap();
    }
    let mut back = Vec::new();
    for text in ["", "hello", "h\u{e9}llo", &"long".repeat(100)] {
        client.send(|session, out| session.text(text, out)).unwrap();
        server.turn(at(1), echo).unwrap();
        back.clear();
        client
            .turn(at(1), |_, event, _| {
                if let SessionEvent::Text { text, .. } = event {
                    back.extend_from_slice(text.as_bytes());
                }
                Ok(0)
            })
            .unwrap();
        assert_eq!(back, text.as_bytes());
    }
    // Silence: both ping, both answer, nothing ends.
    for second in [30, 60, 90, 120] {
        for _ in 0..2 {
            assert!(matches!(client.turn(at(second), nothing).unwrap(), Turn::Wait(Some(_))));
            assert!(matches!(server.turn(at(second), echo).unwrap(), Turn::Wait(Some(_))));
        }
    }
    client.send(|session, out| session.close(Some(CloseCode::NORMAL), "done", out)).unwrap();
    assert!(ended(server.turn(at(121), echo).unwrap()).is_none());
    // The server has ended its side, and so does a client that has seen it.
    let end = ended(client.turn(at(121), nothing).unwrap()).unwrap();
    assert!(end.was_clean);
    embedded_close(&near);
    let end = ended(server.turn(at(122), echo).unwrap()).unwrap();
    assert!(end.was_clean && end.cause == Cause::ClosedByPeer);
}

/// A request, and behind it pongs without an end, a byte at a time.
struct Endless(usize);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

impl embedded_io::ErrorType for Endless {
    type Error = core::convert::Infallible;
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let pong = b"\x8a\x80\0\0\0\0";
        buffer[0] = *REQUEST.get(self.0).unwrap_or(&pong[self.0.wrapping_sub(REQUEST.len()) % 6]);
        self.0 += 1;
        Ok(1)
    }
}

impl embedded_io::ReadReady for Endless {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl sockless_embedded::Wire for Endless {
    fn shutdown_write(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn a_peer_that_is_never_silent_leaves_the_program_its_time() {
    let mut memory = [[0; 512]; 2];
    let mut server = Endpoint::server(Endless(0), &CONFIG, OriginPolicy::Any, slices(&mut memory));
    let mut pongs = 0;
    for turn in 1..=60 {
        let wait = server.turn(at(0), |_, event, _| {
            pongs += usize::from(matches!(event, SessionEvent::Pong(_)));
            Ok(0)
        });
        assert!(matches!(wait, Ok(Turn::Wait(Some(now))) if now == at(0)), "{turn}: {wait:?}");
    }
    assert_eq!(pongs, 60 * 16 / 6);
}

/// Gives a request and a Close, and is gone.
struct Gone<'a>(&'a [u8]);

impl embedded_io::ErrorType for Gone<'_> {
    type Error = embedded_io::ErrorKind;
}

impl Read for Gone<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        Ok(self.0.read(buffer).unwrap())
    }
}

impl embedded_io::ReadReady for Gone<'_> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        if self.0.is_empty() { Err(embedded_io::ErrorKind::ConnectionReset) } else { Ok(true) }
    }
}

impl Write for Gone<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl sockless_embedded::Wire for Gone<'_> {
    fn shutdown_write(&mut self) -> Result<(), Self::Error> {
        Err(embedded_io::ErrorKind::NotConnected)
    }
}

#[test]
fn s7_1_4_a_peer_that_goes_behind_its_close_is_a_clean_end() {
    let wire = [REQUEST, b"\x88\x80\0\0\0\0"].concat();
    let mut memory = [[0; 512]; 2];
    let mut server = Endpoint::server(Gone(&wire), &CONFIG, OriginPolicy::Any, slices(&mut memory));
    let end = ended(server.turn(at(0), echo).unwrap()).expect("an end");
    assert!(end.was_clean, "{end:?}");
}

/// What closing the transport does to the other end.
fn embedded_close(wire: &Wire<'_>) {
    let mut wire = *wire;
    sockless_embedded::Wire::shutdown_write(&mut wire).unwrap();
}

/// What a server answers to these bytes, and what it says itself.
fn server_of(bytes: &[u8], seconds: u64) -> (String, Result<Turn, Error<core::convert::Infallible>>) {
    let (there, back) = (Fifo::new(), Fifo::new());
    let [mut near, far] = ends(&there, &back);
    let mut memory = [[0; 512]; 2];
    let mut server = Endpoint::server(far, &CONFIG, OriginPolicy::Any, slices(&mut memory));
    near.write_all(bytes).unwrap();
    let first = server.turn(at(0), echo);
    let turn = if first.is_ok() { server.turn(at(seconds), echo) } else { first };
    let mut answer = vec![0; 1024];
    let len = near.read(&mut answer).unwrap();
    (String::from_utf8_lossy(&answer[..len]).into_owned(), turn)
}

#[test]
fn requests_that_are_refused() {
    let long = [b"GET / HTTP/1.1\r\nHost: a\r\nx: ".to_vec(), vec![b'x'; 600]].concat();
    let cases: [(&[u8], u64, Refusal); 6] = [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, Refusal::UpgradeMissing),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 0, Refusal::HeadMalformed),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0, Refusal::HeadMalformed),
        (b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 0, Refusal::HeadMalformed),
        (b"GET / HTTP/1.1\r\nHo", 11, Refusal::TimedOut),
        (&long, 0, Refusal::HeadTooLarge),
    ];
    for (bytes, seconds, refusal) in cases {
        let (answer, turn) = server_of(bytes, seconds);
        assert!(answer.starts_with(&format!("HTTP/1.1 {} ", refusal.status())), "{refusal:?}: {answer}");
        assert!(matches!(turn, Err(Error::Refused(found)) if found == refusal), "{refusal:?}: {turn:?}");
    }
}

/// A task may move to another core.
#[test]
fn an_end_is_as_mobile_as_its_wire() {
    const fn holds<T: Send>() {}
    struct Moved;
    holds::<Endpoint<'_, Moved>>();
}

#[test]
fn a_server_looks_at_the_path_and_chooses_a_subprotocol() {
    let answer = |request: &Request<'_, Fields<'_>>| match request.resource_name().path() {
        "/chat" => Ok(Acceptance {
            subprotocol: request.choose_subprotocol(&["v2", "v1"]),
            fields: &[("X-Name", "hall")],
            ..Acceptance::default()
        }),
        _ => Err(Response { status: 404, fields: &[], body: b"nothing here" }),
    };
    for (uri, offered, chosen) in [
        ("ws://a.example/chat", &["v1", "v2"][..], Some(Some("v2"))),
        ("ws://a.example/chat?from=here", &["v1"], Some(Some("v1"))),
        ("ws://a.example/chat", &["v3"], Some(None)),
        ("ws://a.example/chat", &[], Some(None)),
        ("ws://a.example/", &["v1"], None),
    ] {
        let (there, back) = (Fifo::new(), Fifo::new());
        let [near, far] = ends(&there, &back);
        let (mut client_memory, mut server_memory) = ([[0; 512]; 2], [[0; 512]; 2]);
        let mut keys = Keys::from_seed([4; 32]);
        let offer = Offer { subprotocols: offered, ..Offer::default() };
        let request = ClientRequest { offer, ..ClientRequest::new(Uri::parse(uri).unwrap()) };
        let mut client = Endpoint::client(near, &CONFIG, &request, &mut keys, slices(&mut client_memory));
        let policy = OriginPolicy::SameHost;
        let mut server = Endpoint::server_with(far, &CONFIG, policy, &answer, slices(&mut server_memory));
        client.turn(at(0), nothing).unwrap();
        let answered = server.turn(at(0), echo);
        let opened = client.turn(at(0), nothing);
        match chosen {
            Some(subprotocol) => {
                assert!(answered.is_ok() && opened.is_ok() && server.is_open() && client.is_open(), "{uri}");
                assert_eq!((server.subprotocol(), client.subprotocol()), (subprotocol, subprotocol), "{uri}");
            }
            None => {
                assert!(matches!(answered, Err(Error::Answered(404))), "{answered:?}");
                assert!(matches!(opened, Err(Error::Response(ResponseError::Status(404)))), "{opened:?}");
            }
        }
    }
}

/// A peer would be right to use what was negotiated, and be called wrong.
#[test]
fn extensions_that_nobody_applies_are_not_negotiated() {
    let (there, back) = (Fifo::new(), Fifo::new());
    let [mut near, far] = ends(&there, &back);
    let mut memory = [[0; 512]; 2];
    let answer = |_: &Request<'_, Fields<'_>>| {
        Ok(Acceptance { extensions: Some("permessage-deflate"), ..Acceptance::default() })
    };
    let mut server = Endpoint::server_with(far, &CONFIG, OriginPolicy::Any, &answer, slices(&mut memory));
    let asked = REQUEST.strip_suffix(b"\r\n").unwrap();
    near.write_all(&[asked, b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"].concat()).unwrap();
    assert!(matches!(server.turn(at(0), echo), Err(Error::Write(WriteError::Extensions))));
    assert!(!near.read_ready().unwrap(), "nothing was said");

    let (there, back) = (Fifo::new(), Fifo::new());
    let [near, mut far] = ends(&there, &back);
    let mut memory = [[0; 512]; 2];
    let mut keys = Keys::from_seed([4; 32]);
    let offer = Offer { extensions: Some("permessage-deflate"), ..Offer::default() };
    let request = ClientRequest { offer, ..request() };
    let mut client = Endpoint::client(near, &CONFIG, &request, &mut keys, slices(&mut memory));
    assert!(matches!(client.turn(at(0), nothing), Err(Error::Write(WriteError::Extensions))));
    assert!(!far.read_ready().unwrap(), "nothing was said");
}

#[test]
fn a_fault_behind_the_head_is_answered() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n");
    let (answer, turn) = server_of(&[head.as_bytes(), b"\x81\x05Hello"].concat(), 11);
    assert!(
        answer.starts_with("HTTP/1.1 101 ") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n\u{fffd}\u{2}\u{3}\u{fffd}"), "{answer:?}");
    // It waits for the client's end as long as the close deadline says.
    let end = ended(turn.unwrap()).unwrap();
    assert_eq!(end.cause, Cause::Failed(ProtocolError::UnmaskedFrame));
}

#[test]
fn responses_that_open_nothing() {
    let cases: [(&[u8], ResponseError); 4] = [
        (b"HTTP/1.1 403 No\r\n\r\n", ResponseError::Status(403)),
        (b"HTTP/1.1 101\r\nUpgrade: websocket\r\n\r\n", ResponseError::ConnectionUpgradeMissing),
        (b"HTTP/1.1 1o1 x\r\n\r\n", ResponseError::HeadMalformed),
        (b"", ResponseError::TimedOut),
    ];
    for (bytes, error) in cases {
        let (there, back) = (Fifo::new(), Fifo::new());
        let [near, mut far] = ends(&there, &back);
        let (mut memory, mut keys, request) = ([[0; 512]; 2], Keys::from_seed([4; 32]), request());
        let mut client = Endpoint::client(near, &CONFIG, &request, &mut keys, slices(&mut memory));
        client.turn(at(0), nothing).unwrap();
        far.write_all(bytes).unwrap();
        let seconds = if error == ResponseError::TimedOut { 10 } else { 9 };
        let turn = client.turn(at(seconds), nothing);
        assert!(matches!(turn, Err(Error::Response(found)) if found == error), "{error:?}: {turn:?}");
    }
}

#[test]
fn deadlines() {
    let (there, back) = (Fifo::new(), Fifo::new());
    let [mut near, far] = ends(&there, &back);
    let mut memory = [[0; 512]; 2];
    let mut server = Endpoint::server(far, &CONFIG, OriginPolicy::Any, slices(&mut memory));
    let (mut keys, request, mut line) = (Keys::from_seed([4; 32]), request(), [0; 512]);
    let key = sockless::handshake::Key::from_nonce(keys.nonce());
    let len = request.write(&key, &mut line).unwrap();
    near.write_all(&line[..len]).unwrap();
    let Turn::Wait(Some(ping)) = server.turn(at(0), echo).unwrap() else { panic!("no deadline") };
    assert_eq!(ping, at(20));
    let Turn::Wait(Some(pong)) = server.turn(ping, echo).unwrap() else { panic!("no deadline") };
    assert_eq!(pong, at(40));
    let end = ended(server.turn(pong, echo).unwrap()).unwrap();
    assert_eq!(end.cause, Cause::TimedOut(Deadline::Pong));
}

#[test]
fn heads() {
    assert_eq!(head::length(b"a\r\n\r\nb"), Some(5));
    assert_eq!(head::length(b"a\r\n\r"), None);
    let (line, fields) = head::request(b"GET /x HTTP/1.1\r\nA:b\r\nc: \t d e \r\n\r\n").unwrap();
    assert_eq!((line.method, line.target), (&b"GET"[..], &b"/x"[..]));
    assert_eq!(fields.collect::<Vec<_>>(), [(&b"A"[..], &b"b"[..]), (b"c", b"d e")]);
    for bad in [
        "GET / HTTP/1.1 x\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\na: \0\r\n\r\n",
        // Another reader might see a line's end there (RFC 9112 §2.2).
        "GET / HTTP/1.1\r\na:\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\n\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection:\x0cUpgrade\r\n\r\n",
    ] {
        assert!(head::request(bad.as_bytes()).is_none(), "{bad}");
    }
    assert_eq!(head::response(b"HTTP/1.1 101 Switching\r\n\r\n").unwrap().0.status, 101);
}
