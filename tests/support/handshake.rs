//! The opening handshake over raw bytes, both sides: any bytes, or such as a peer sends, broken now and then. What is
//! accepted is read again: by httparse, and by rules written for reading.

use arbitrary::{Result, Unstructured};
use sockless::handshake::{
    Acceptance, ClientHandshake, ClientRequest, Fields, HandshakeLimits, HttpVersion, Key, Offer,
    OriginPolicy, Outcome, Refusal, ResponseError, ServerHandshake, StatusLine, accept_key,
};
use sockless::{Config, Connection, Keys, Uri};

use super::pieces::feed;
use super::run::Cuts;
use super::subject::drain;

/// Bytes for a server come to the same in any cuts; what it accepts is in order, and so is what it answers.
pub fn server_request(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((limits, policy, seed)) = setting(&mut u) else { return };
    let Ok(sent) = request(&mut u) else { return };
    let ways = ways(&sent, seed);
    let whole = serve(limits, policy, &ways[0]);
    for pieces in &ways[1..] {
        assert_eq!(serve(limits, policy, pieces), whole, "{pieces:?}");
    }
    match whole {
        Served::Waiting => assert!(sent.len() < limits.head, "more is wanted behind the limit"),
        Served::Refused(refusal) => check_refusal(refusal),
        Served::Accepted { head, left, response } => {
            let taken = sent.strip_suffix(&left[..]).expect("what is left is the end");
            check_reading(&head, taken, &limits);
            check_request(&head);
            check_acceptance(&head, &response);
        }
    }
}

/// Bytes for a client come to the same in any cuts; what opens a WebSocket is in order.
pub fn client_response(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((limits, _, seed)) = setting(&mut u) else { return };
    let Ok(sent) = response(&mut u) else { return };
    let ways = ways(&sent, seed);
    let whole = establish(limits, &ways[0]);
    for pieces in &ways[1..] {
        assert_eq!(establish(limits, pieces), whole, "{pieces:?}");
    }
    match whole {
        // The interim ones may be as long as one head is, all together.
        Answered::Waiting => assert!(sent.len() < limits.head * 2, "more is wanted behind the limit"),
        Answered::Failed(_) => {}
        Answered::Refused { head, left } => {
            check_reading(&head, final_head(&sent, &left, &limits), &limits);
            assert!(!head.first.ends_with(" 101"), "{}", head.first);
        }
        Answered::Open { head, left, subprotocol, extensions } => {
            check_reading(&head, final_head(&sent, &left, &limits), &limits);
            check_response(&head, subprotocol, &extensions);
        }
    }
}

/// What the client of [`client_response`] asks for.
const OFFERED: [&str; 2] = ["chat", "superchat"];
const EXTENSIONS: &str = "permessage-deflate; client_max_window_bits, x-other";

fn client(limits: HandshakeLimits) -> ClientHandshake {
    let mut request = ClientRequest::new(Uri::parse("ws://a.example/chat").unwrap());
    request.offer = Offer { subprotocols: &OFFERED, extensions: Some(EXTENSIONS), ..Offer::default() };
    ClientHandshake::new(&request, Keys::from_seed([1; 32]), limits).unwrap()
}

fn setting(u: &mut Unstructured<'_>) -> Result<(HandshakeLimits, OriginPolicy<'static>, u64)> {
    let chosen: u8 = u.arbitrary()?;
    let limits = match chosen & 3 {
        0 => HandshakeLimits { head: 300, line: 40, fields: 7, ..HandshakeLimits::default() },
        _ => HandshakeLimits::default(),
    };
    let policy = if chosen & 4 == 0 { OriginPolicy::SameHost } else { OriginPolicy::Any };
    Ok((limits, policy, u64::from(u.arbitrary::<u16>()?)))
}

const REQUEST: [&str; 5] = [
    "Host: a.example",
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];
const REQUEST_BESIDES: [&str; 16] = [
    "Origin: https://a.example",
    "Origin: https://b.example",
    "Sec-WebSocket-Protocol: chat, superchat",
    "sec-websocket-protocol: other",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Extensions: x; a=\"b\\c\", , y",
    "Content-Length: 0",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: x",
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==",
    "Cookie: a=b; c=\u{e9}",
    " folded",
    "Upgrade: h2c, WebSocket",
    "Empty:",
];
const RESPONSE: [&str; 3] = ["Upgrade: websocket", "Connection: Upgrade", ACCEPT];
/// What answers the key that comes of the seed.
const ACCEPT: &str = "Sec-WebSocket-Accept: rUKeyNiIyL5SQ+vjXTcXV1egxzE=";
const RESPONSE_BESIDES: [&str; 12] = [
    "Sec-WebSocket-Protocol: superchat",
    "Sec-WebSocket-Protocol: other",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Sec-WebSocket-Extensions: x-other; a=\"b\\c\", , permessage-deflate",
    "Sec-WebSocket-Extensions: unknown",
    "Set-Cookie: a=b",
    " folded",
    "\tWebSocket",
    "Connection: keep-alive",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Upgrade: WebSocket",
    "Empty:",
];

/// A request, or any bytes.
fn request(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if u.arbitrary()? {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let first = [
        "GET /chat?room=1 HTTP/1.1",
        "GET http://b.example:81 HTTP/1.1",
        "GET / HTTP/1.2",
        "POST / HTTP/1.1",
    ];
    let first = first[if u.ratio(3, 4)? { 0 } else { u.choose_index(first.len())? }];
    let mut sent = b"\r\n".repeat(if u.ratio(1, 8)? { u.int_in_range(0..=5)? } else { 0 });
    sent.extend(lines(u, first, &REQUEST, &REQUEST_BESIDES)?);
    broken(u, sent)
}

/// Interim responses and the final one, or any bytes.
fn response(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let first =
        ["HTTP/1.1 101 Switching Protocols", "HTTP/1.1 101", "HTTP/1.1 403 Forbidden", "HTTP/1.0 101 x"];
    if u.arbitrary()? {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let mut sent = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(match u.int_in_range(0..=9)? {
        many @ 8..=9 => many,
        few => few / 4,
    });
    let first = first[if u.ratio(3, 4)? { 0 } else { u.choose_index(first.len())? }];
    sent.extend(lines(u, first, &RESPONSE, &RESPONSE_BESIDES)?);
    broken(u, sent)
}

/// A head with what is needed in some order, rarely without it, and something besides.
fn lines(u: &mut Unstructured<'_>, first: &str, needed: &[&str], besides: &[&str]) -> Result<Vec<u8>> {
    let mut lines = needed.to_vec();
    for _ in 0..u.int_in_range(0..=3)? {
        let line = *u.choose(besides)?;
        lines.insert(u.int_in_range(0..=lines.len())?, line);
    }
    if u.ratio(1, 8)? {
        lines.remove(u.choose_index(lines.len())?);
    }
    if u.ratio(1, 8)? {
        lines.push(*u.choose(needed)?);
    }
    let lines = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>();
    Ok(format!("{first}\r\n{lines}\r\n").into_bytes())
}

/// With bytes behind it, and bytes put in, taken out or changed.
fn broken(u: &mut Unstructured<'_>, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    bytes.extend_from_slice(b"\x81\x80\0\0\0\0frames");
    for _ in 0..u.int_in_range(0..=5)? / 3 {
        let at = u.choose_index(bytes.len())?;
        match u.int_in_range(0..=3)? {
            0 => bytes[at] ^= 1u8 << u.int_in_range(0..=7)?,
            1 => bytes.insert(at, *u.choose(b"\r\n \t,:\"\0a1\x7f\xe9")?),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
        if bytes.is_empty() {
            break;
        }
    }
    Ok(bytes)
}

/// The bytes whole, byte by byte, and in two other cuts.
fn ways(bytes: &[u8], seed: u64) -> Vec<Vec<Vec<u8>>> {
    let mut cuts = Cuts(seed);
    let mut ways = vec![vec![bytes.to_vec()], bytes.chunks(1).map(<[u8]>::to_vec).collect()];
    for _ in 0..2 {
        let ends: Vec<usize> = [vec![0], cuts.of(bytes.len()), vec![bytes.len()]].concat();
        ways.push(ends.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect());
    }
    ways
}

/// What a head says: of its first line what it is judged by, and its fields.
#[derive(Clone, Debug, PartialEq)]
struct Head {
    first: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Head {
    fn new(first: String, fields: Fields<'_>) -> Head {
        Head { first, fields: fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect() }
    }

    /// The values of the fields of this name.
    fn all(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| &value[..]).collect()
    }

    /// The members of all lists in the fields of this name, those of nothing left out.
    fn members(&self, name: &str) -> Vec<&[u8]> {
        let values = self.all(name);
        let members = values.iter().flat_map(|value| value.split(|byte| *byte == b','));
        members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).collect()
    }

    /// Whether one of the members is this, in any case.
    fn lists(&self, name: &str, wanted: &str) -> bool {
        self.members(name).iter().any(|member| member.eq_ignore_ascii_case(wanted.as_bytes()))
    }
}

fn version(version: HttpVersion) -> String {
    format!("HTTP/{}.{}", version.major, version.minor)
}

/// What a server makes of its input.
#[derive(Debug, PartialEq)]
enum Served {
    Waiting,
    Refused(Refusal),
    Accepted { head: Head, left: Vec<u8>, response: Vec<u8> },
}

fn serve(limits: HandshakeLimits, policy: OriginPolicy<'_>, pieces: &[Vec<u8>]) -> Served {
    let mut handshake = ServerHandshake::new(limits);
    let fed = feed(pieces, |input| handshake.receive(input));
    let head = match fed.result {
        Ok(None) => {
            assert_eq!(handshake.receive_eof(), Err(Refusal::EndedEarly));
            return Served::Waiting;
        }
        Err(refusal) => {
            assert_eq!(handshake.receive(&mut &mut b"GET ".to_owned()[..]).err(), Some(refusal), "for good");
            return Served::Refused(refusal);
        }
        Ok(Some(head)) => head,
    };
    assert_eq!(head_is_all(|input| handshake.receive(input)), Ok(()));
    let request = match head.upgrade(policy) {
        Err(refusal) => return Served::Refused(refusal),
        Ok(request) => request,
    };
    let extensions = request.extensions().last().map(|offer| offer.name().to_owned());
    let acceptance = Acceptance {
        subprotocol: request.subprotocols().last(),
        extensions: extensions.as_deref(),
        fields: &[("Server", "a"), ("Set-Cookie", "b=c")],
    };
    let response = request.accept(&acceptance).expect("what was offered can be accepted");
    let mut opened = request.open(&acceptance, Config::default()).expect("and opened");
    assert_eq!(drain(&mut opened), response);
    receive(opened, &fed.left);
    let first = format!("{} {} {}", head.method(), head.target(), version(head.version()));
    Served::Accepted { head: Head::new(first, head.fields()), left: fed.left, response }
}

/// What a client makes of its input.
#[derive(Debug, PartialEq)]
enum Answered {
    Waiting,
    Failed(ResponseError),
    Refused { head: Head, left: Vec<u8> },
    Open { head: Head, left: Vec<u8>, subprotocol: Option<String>, extensions: Vec<String> },
}

fn establish(limits: HandshakeLimits, pieces: &[Vec<u8>]) -> Answered {
    let mut handshake = client(limits);
    let fed = feed(pieces, |input| handshake.receive(input));
    let outcome = match fed.result {
        Ok(None) => {
            assert_eq!(handshake.receive_eof(), Err(ResponseError::EndedEarly));
            return Answered::Waiting;
        }
        Err(error) => {
            assert_eq!(handshake.receive(&mut &mut b"HTTP".to_owned()[..]).err(), Some(error), "for good");
            return Answered::Failed(error);
        }
        Ok(Some(outcome)) => outcome,
    };
    assert_eq!(head_is_all(|input| handshake.receive(input)), Ok(()));
    let head = match &outcome {
        Outcome::Established(established) => established.head(),
        Outcome::Refused(head) => head,
    };
    let head = Head::new(format!("{} {}", version(head.version()), head.status()), head.fields());
    let left = fed.left;
    match outcome {
        Outcome::Refused(_) => Answered::Refused { head, left },
        Outcome::Established(established) => {
            let subprotocol = established.subprotocol().map(str::to_owned);
            let extensions = established.extensions().map(|extension| extension.name().to_owned()).collect();
            receive(established.open(Config::default()), &left);
            Answered::Open { head, left, subprotocol, extensions }
        }
    }
}

/// Behind the head a machine takes nothing.
fn head_is_all<T, E>(
    receive: impl FnOnce(&mut &mut [u8]) -> std::result::Result<Option<T>, E>,
) -> std::result::Result<(), E> {
    let mut behind = *b"frames";
    let mut input = &mut behind[..];
    assert!(receive(&mut input)?.is_none() && input == b"frames");
    Ok(())
}

fn receive(mut connection: Connection, wire: &[u8]) {
    let mut wire = wire.to_vec();
    let mut input = &mut wire[..];
    while let Ok(Some(_)) = connection.receive(&mut input) {}
}

/// The last of the heads that were taken; those before it were interim ones, eight at most.
fn final_head<'s>(sent: &'s [u8], left: &[u8], limits: &HandshakeLimits) -> &'s [u8] {
    let taken = sent.strip_suffix(left).expect("what is left is the end");
    let mut rest = taken;
    for skipped in 0..=8 {
        let end = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the end of a head") + 4;
        if end == rest.len() {
            assert!(taken.len() - end <= limits.head, "interim responses over the limit");
            return rest;
        }
        let status = &rest[9..12];
        assert!(status[0] == b'1' && status != b"101", "{skipped} were skipped, then a final one");
        rest = &rest[end..];
    }
    panic!("more interim responses than eight");
}

/// The head is what was taken, as two others read it, and within the limits.
fn check_reading(head: &Head, taken: &[u8], limits: &HandshakeLimits) {
    assert!(taken.len() <= limits.head, "{} bytes", taken.len());
    let mut text = taken;
    while let Some(rest) = text.strip_prefix(b"\r\n") {
        text = rest;
    }
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let [first, fields @ .., b"\r\n"] = &lines[..] else { panic!("no head: {lines:?}") };
    assert!(first.len() <= limits.line && fields.len() <= limits.fields, "{lines:?}");
    let first = first.strip_suffix(b"\r\n").expect("a whole line end");
    // Of a status line the reason may be anything.
    let first_text = String::from_utf8_lossy(first);
    assert!(
        first_text == head.first
            || first_text.starts_with(&format!("{} ", head.first)) && first.starts_with(b"HTTP")
    );

    let mut read: Vec<(Vec<u8>, Vec<u8>)> = vec![];
    for line in fields {
        let line = line.strip_suffix(b"\r\n").expect("a whole line end");
        if let ([b' ' | b'\t', ..], Some((_, value)), true) =
            (line, read.last_mut(), first.starts_with(b"HTTP"))
        {
            value.extend([b"  ", line].concat());
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').expect("a name");
        read.push((line[..colon].to_vec(), line[colon + 1..].to_vec()));
    }
    for (_, value) in &mut read {
        *value = value.trim_ascii().to_vec();
    }
    assert_eq!(head.fields, read, "{}", String::from_utf8_lossy(taken));
    assert_eq!(*head, read_by_httparse(taken), "{}", String::from_utf8_lossy(taken));
}

/// The head as httparse reads it, which knows no versions but 1.0 and 1.1: a higher one is read as 1.1 and put back.
fn read_by_httparse(taken: &[u8]) -> Head {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let line = taken.iter().position(|byte| byte.is_ascii_graphic()).expect("a first line");
    let mut bytes = taken.to_vec();
    let (first, fields) = if taken.starts_with(b"HTTP/") {
        bytes[5..8].copy_from_slice(b"1.1");
        let mut response = httparse::Response::new(&mut fields);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let read = config.parse_response(&mut response, &bytes).expect("a response");
        assert_eq!(read, httparse::Status::Complete(taken.len()));
        (format!("{} {}", String::from_utf8_lossy(&taken[..8]), response.code.unwrap()), response.headers)
    } else {
        let end = line + taken[line..].iter().position(|byte| *byte == b'\r').expect("its end");
        let minor = std::mem::replace(&mut bytes[end - 1], b'1');
        let mut request = httparse::Request::new(&mut fields);
        let read = request.parse(&bytes).expect("a request");
        assert_eq!(read, httparse::Status::Complete(taken.len()));
        let (method, target) = (request.method.unwrap(), request.path.unwrap());
        (format!("{method} {target} HTTP/1.{}", char::from(minor)), request.headers)
    };
    let unfolded = |value: &[u8]| -> Vec<u8> {
        value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
    };
    let fields = fields
        .iter()
        .map(|field| (field.name.as_bytes().to_vec(), unfolded(field.value).trim_ascii().to_vec()));
    Head { first, fields: fields.collect() }
}

/// RFC 6455 §4.2.1, RFC 9112 §3.2, §6.
fn check_request(head: &Head) {
    let mut words = head.first.split(' ');
    assert_eq!(words.next(), Some("GET"));
    let target = words.next().unwrap();
    let absolute = ["http://", "https://"]
        .iter()
        .any(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    assert!((target.starts_with('/') || absolute) && !target.contains('#'), "{target}");
    let minor = words.next().and_then(|version| version.strip_prefix("HTTP/1.")).expect("HTTP/1.x");
    assert!(minor.len() == 1 && minor != "0" && words.next().is_none());
    assert_eq!(head.all("host").len(), 1);
    assert!(head.lists("upgrade", "websocket") && head.lists("connection", "upgrade"));
    assert_eq!(head.all("sec-websocket-version"), [b"13"]);
    let [key] = head.all("sec-websocket-key")[..] else { panic!("one key") };
    assert!(key.len() == 24 && nonce(key).is_some(), "{key:?}");
    assert!(
        head.all("content-length")
            .iter()
            .all(|length| !length.is_empty() && length.iter().all(|&d| d == b'0'))
    );
    assert!(head.all("transfer-encoding").is_empty());
    assert!(head.all("origin").len() <= 1);
    let mut subprotocols = head.members("sec-websocket-protocol");
    let offered = subprotocols.len();
    assert_eq!(offered == 0, head.all("sec-websocket-protocol").is_empty());
    subprotocols.sort_unstable();
    subprotocols.dedup();
    assert!(subprotocols.len() == offered && offered <= 64, "all are different");
}

/// The sixteen bytes of a key, whatever its last bits are.
fn nonce(key: &[u8]) -> Option<[u8; 16]> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut number = 0u128;
    let digits = key.strip_suffix(b"==")?;
    for (at, digit) in digits.iter().enumerate() {
        let value = DIGITS.iter().position(|known| known == digit)? as u128;
        // The last digit has two bits of the nonce and four of nothing.
        number = if at == 21 { number << 2 | value >> 4 } else { number << 6 | value };
    }
    (digits.len() == 22).then(|| number.to_be_bytes())
}

/// The response to a request in order opens a WebSocket at a client that asked for all that the request offers.
fn check_acceptance(request: &Head, response: &[u8]) {
    let head = read_by_httparse(response);
    assert_eq!(head.first, "HTTP/1.1 101");
    let key = request.all("sec-websocket-key")[0];
    assert_eq!(head.all("sec-websocket-accept"), [accept_key(key)]);
    let key = match nonce(key).map(Key::from_nonce) {
        Some(canonical) if canonical.as_str().as_bytes() == key => canonical,
        // No client of ours writes such a key.
        _ => return,
    };
    let text = |members: &[&[u8]]| String::from_utf8(members.join(&b", "[..])).expect("tokens");
    let subprotocols: Vec<String> =
        request.members("sec-websocket-protocol").iter().map(|name| text(&[name])).collect();
    let subprotocols: Vec<&str> = subprotocols.iter().map(|name| &**name).collect();
    let extensions = text(&request.members("sec-websocket-extensions"));
    let offer = Offer {
        subprotocols: &subprotocols,
        require_subprotocol: true,
        extensions: Some(&extensions).filter(|text| !text.is_empty()).map(|text| &**text),
    };
    let line = StatusLine { version: HttpVersion::HTTP_11, status: 101 };
    let fields = head.fields.iter().map(|(name, value)| (&name[..], &value[..]));
    let opened = offer.check(&key, line, fields).expect("our own client opens it");
    assert_eq!(opened.subprotocol(), subprotocols.last().copied());
    assert_eq!(opened.extensions().count(), usize::from(!extensions.is_empty()));
    assert_eq!(head.all("server"), [b"a"]);
}

/// A refusal is answered with a whole response that no client takes for an open WebSocket.
fn check_refusal(refusal: Refusal) {
    let response = refusal.response();
    let head = read_by_httparse(&response);
    assert_eq!(head.first, format!("HTTP/1.1 {}", refusal.status()));
    assert!(head.lists("connection", "close"));
    assert_eq!(head.all("content-length"), [b"0"]);
    let Answered::Refused { head: read, left } = establish(HandshakeLimits::default(), &[response]) else {
        panic!("{refusal:?} is answered with no refusal")
    };
    assert!(read == head && left.is_empty());
}

/// RFC 6455 §4.1: what a response that opens a WebSocket says.
fn check_response(head: &Head, subprotocol: Option<String>, extensions: &[String]) {
    assert!(head.first.starts_with("HTTP/1.") && !head.first.starts_with("HTTP/1.0"));
    assert!(head.first.ends_with(" 101"), "{}", head.first);
    assert!(matches!(head.all("upgrade")[..], [value] if value.eq_ignore_ascii_case(b"websocket")));
    assert!(head.lists("connection", "upgrade"));
    assert_eq!(head.all("sec-websocket-accept"), [ACCEPT.split_once(": ").unwrap().1.as_bytes()]);
    let chosen = head.all("sec-websocket-protocol");
    assert_eq!(chosen, subprotocol.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert!(subprotocol.is_none_or(|name| OFFERED.contains(&&*name)));
    // No comma and no semicolon is in a quoted value, for that has to be a token.
    let names: Vec<&[u8]> = head
        .members("sec-websocket-extensions")
        .iter()
        .map(|member| member.split(|byte| *byte == b';').next().unwrap().trim_ascii())
        .collect();
    assert_eq!(names, extensions.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert!(extensions.iter().all(|name| ["permessage-deflate", "x-other"].contains(&&**name)));
}
