//! The properties of the dialects before RFC 6455. Each takes bytes that an engine chose and panics if it does not
//! hold.

use arbitrary::{Result, Unstructured};
use bytes::Buf;
use sockless::handshake::{OriginPolicy, Refusal, ResponseError, ServerHandshake};
use sockless::hixie::{
    Acceptance, ClientHandshake, ClientRequest, Connection, Dialect, InvalidText, Outcome, Upgrade, upgrade,
};
use sockless::{
    CloseCode, Config, Delivery, End, Event, Keys, Limits, Moment, ProtocolError, Role, SendError, Transport,
    Uri,
};

use super::generate;

/// All of them.
pub fn all(data: &[u8]) {
    cuts_do_not_matter(data);
    the_oracle_agrees(data);
    any_order_of_calls(data);
    requests_are_judged_whatever_the_cuts(data);
    responses_are_judged_whatever_the_cuts(data);
}

/// Events, replies and faults do not depend on how the input was cut.
pub fn cuts_do_not_matter(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((setting, wire)) = input(&mut u) else { return };
    let cuts: Vec<usize> = (0..u.len().min(20)).map_while(|_| u.int_in_range(0..=wire.len()).ok()).collect();
    let whole = trace(&setting, &[&wire]);
    let mut cuts: Vec<usize> = cuts.into_iter().chain([0, wire.len()]).collect();
    cuts.sort_unstable();
    let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &wire[ends[0]..ends[1]]).collect();
    assert_eq!(trace(&setting, &pieces), whole, "cut at {cuts:?}");
    let bytes: Vec<&[u8]> = wire.chunks(1).collect();
    assert_eq!(trace(&setting, &bytes), whole, "byte by byte");
}

/// What comes out is what a receiver written for reading makes of the same bytes.
pub fn the_oracle_agrees(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((setting, wire)) = input(&mut u) else { return };
    let trace = trace(&setting, &[&wire]);
    let judged = judge(&setting, &wire);
    assert_eq!((trace.seen, trace.fault, trace.dropped), judged, "{wire:02x?}");
    // The one thing that is ever answered is the Close of hixie-76.
    let closed = judged.0.last() == Some(&Seen::Close);
    assert_eq!(trace.written, if closed { &b"\xff\0"[..] } else { b"" });
}

/// Whatever is called in whatever order: no panic, and what goes out is what was accepted.
pub fn any_order_of_calls(data: &[u8]) {
    let _ = calls(&mut Unstructured::new(data));
}

/// Bytes for a server come to the same whatever the cuts: a refusal, a wait, or a connection whose response has no
/// line that it was not meant to have.
pub fn requests_are_judged_whatever_the_cuts(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(request) = request(&mut u) else { return };
    let whole = serve(&[&request]);
    assert_eq!(serve(&request.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
    if let Ok(Some((response, _))) = whole {
        let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the end of the head");
        let lines = response[..end].split(|&byte| byte == b'\n').count();
        assert!((5..=6).contains(&lines), "{}", String::from_utf8_lossy(&response));
        assert!(matches!(response.len() - end - 4, 0 | 16));
    }
}

/// Bytes for a client come to the same whatever the cuts.
pub fn responses_are_judged_whatever_the_cuts(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(hixie75) = u.arbitrary() else { return };
    let Ok(response) = response(&mut u, hixie75) else { return };
    let whole = establish(hixie75, &[&response]);
    assert_eq!(establish(hixie75, &response.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
}

#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Text(String),
    Close,
}

/// How a connection is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    role: Role,
    dialect: Dialect,
    pub config: Config,
    invalid: InvalidText,
}

impl Setting {
    pub fn open(&self) -> Connection {
        match self.role {
            Role::Server => Connection::server(self.dialect, self.config, self.invalid),
            Role::Client => Connection::client(self.dialect, self.config),
        }
    }

    fn refuses(&self) -> bool {
        self.role == Role::Server && self.invalid == InvalidText::Refuse
    }
}

fn setting(u: &mut Unstructured<'_>) -> Result<Setting> {
    let limits = match u.int_in_range(0..=3)? {
        0 => Limits::for_messages(9),
        1 => Limits { message: 300, frame: 200, fragments: 6 },
        2 => Limits::default(),
        _ => Limits::UNLIMITED,
    };
    let delivery = if u.arbitrary()? { Delivery::Parts } else { Delivery::Messages };
    Ok(Setting {
        role: generate::role(u)?,
        dialect: if u.ratio(1, 3)? { Dialect::Hixie75 } else { Dialect::Hixie76 },
        config: Config::default().limits(limits).delivery(delivery),
        invalid: if u.arbitrary()? { InvalidText::Refuse } else { InvalidText::Replace },
    })
}

/// A setting, and frames in a lawful order for the most part, cut off anywhere, broken now and then.
pub fn input(u: &mut Unstructured<'_>) -> Result<(Setting, Vec<u8>)> {
    let setting = setting(u)?;
    let mut wire = Vec::new();
    for _ in 0..u.int_in_range(0..=16)? {
        frame(u, &mut wire)?;
        if u.is_empty() {
            break;
        }
    }
    if u.ratio(1, 4)? {
        wire.truncate(u.int_in_range(0..=wire.len())?);
    }
    Ok((setting, wire))
}

fn frame(u: &mut Unstructured<'_>, wire: &mut Vec<u8>) -> Result<()> {
    match u.int_in_range(0..=11)? {
        0..=6 => {
            wire.push(0);
            wire.extend(generate::text(u)?);
            wire.push(0xff);
        }
        7 => {
            wire.push(u.int_in_range(1..=0x7f)?);
            wire.extend(generate::payload(u)?);
            wire.push(0xff);
        }
        8 | 9 => {
            wire.push(u.int_in_range(0x80..=0xff)?);
            let payload = generate::payload(u)?;
            wire.extend(std::iter::repeat_n(0x80, u.int_in_range(0..=3)?));
            let digits =
                [payload.len() >> 14 & 0x7f | 0x80, payload.len() >> 7 & 0x7f | 0x80, payload.len() & 0x7f];
            wire.extend(digits.map(|digit| digit as u8));
            wire.extend(payload);
        }
        10 if u.ratio(1, 3)? => wire.extend([0xff, 0]),
        _ => {
            let junk = u.int_in_range(0..=24)?;
            wire.extend_from_slice(u.bytes(junk.min(u.len()))?);
        }
    }
    Ok(())
}

/// Everything that can be observed.
#[derive(Debug, PartialEq)]
struct Trace {
    seen: Vec<Seen>,
    partial: String,
    fault: Option<ProtocolError>,
    dropped: u64,
    written: Vec<u8>,
    transport: Transport,
    end: Option<End>,
}

fn trace(setting: &Setting, pieces: &[&[u8]]) -> Trace {
    let mut connection = setting.open();
    let mut reader = Reader::default();
    for piece in pieces {
        reader.read(&mut connection, piece);
    }
    let written = drain(&mut connection);
    let transport = connection.transport();
    connection.receive_eof();
    let end = connection.end();
    assert_eq!(connection.end(), None, "the end is reported once");
    let Reader { seen, partial, fault, .. } = reader;
    Trace { seen, partial, fault, dropped: connection.dropped(), written, transport, end }
}

#[derive(Default)]
struct Reader {
    seen: Vec<Seen>,
    partial: String,
    begun: bool,
    fault: Option<ProtocolError>,
}

impl Reader {
    fn read(&mut self, connection: &mut Connection, piece: &[u8]) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match connection.receive(&mut input) {
                Ok(None) => break assert!(self.fault.is_none(), "a fault sticks"),
                Ok(Some(Event::Text { text, first, last })) => {
                    assert_eq!(first, !self.begun, "the first part is marked");
                    self.partial.push_str(&text);
                    self.begun = !last;
                    if last {
                        self.seen.push(Seen::Text(std::mem::take(&mut self.partial)));
                    }
                }
                Ok(Some(Event::Close { .. })) => self.seen.push(Seen::Close),
                Ok(Some(event)) => panic!("{event:?}"),
                Err(fault) => {
                    assert_eq!(*self.fault.get_or_insert(fault), fault, "a fault sticks");
                    if input.is_empty() {
                        break;
                    }
                }
            }
        }
        assert!(input.is_empty(), "all was taken");
    }
}

fn drain(connection: &mut Connection) -> Vec<u8> {
    let len = connection.queued();
    connection.output().copy_to_bytes(len).into()
}

/// A receiver written for reading: numbers as long as they come, and each prefix of a text judged anew.
fn judge(setting: &Setting, mut wire: &[u8]) -> (Vec<Seen>, Option<ProtocolError>, u64) {
    let limits = &setting.config.limits;
    let most = u128::from(limits.message.min(limits.frame));
    let (mut seen, mut dropped) = (Vec::new(), 0);
    while let [kind, rest @ ..] = wire {
        if *kind < 0x80 {
            dropped += u64::from(*kind > 0);
            let length = rest.iter().position(|&byte| byte == 0xff).unwrap_or(rest.len());
            let (body, rest) = rest.split_at(length);
            let ended = !rest.is_empty();
            let fault = match kind {
                0 => {
                    (1..=length).find_map(|at| text_fault(setting, most, &body[..at], ended && at == length))
                }
                _ => (length as u128 > most).then_some(ProtocolError::MessageTooBig),
            };
            if fault.is_some() {
                return (seen, fault, dropped);
            }
            if ended && *kind == 0 {
                seen.push(Seen::Text(String::from_utf8_lossy(body).into_owned()));
            }
            wire = rest.get(1..).unwrap_or_default();
            continue;
        }
        let digits = rest.iter().position(|&digit| digit < 0x80).map_or(rest.len(), |last| last + 1);
        let mut length = 0;
        for digit in &rest[..digits] {
            length = length * 128 + u128::from(digit & 0x7f);
            if length > u128::from(limits.frame) {
                return (seen, Some(ProtocolError::FrameTooBig), dropped);
            }
        }
        if rest[..digits].last().is_none_or(|&last| last >= 0x80) {
            break;
        }
        if *kind == 0xff && length == 0 && setting.dialect == Dialect::Hixie76 {
            seen.push(Seen::Close);
            break;
        }
        dropped += 1;
        wire = rest.get(digits + length as usize..).unwrap_or_default();
    }
    (seen, None, dropped)
}

/// What is wrong with a text at its last byte, given whether the frame ends behind it.
fn text_fault(setting: &Setting, most: u128, text: &[u8], ended: bool) -> Option<ProtocolError> {
    if text.len() as u128 > most {
        return Some(ProtocolError::MessageTooBig);
    }
    let cut = match std::str::from_utf8(text.utf8_chunks().last().map_or(&[], |chunk| chunk.invalid())) {
        Err(fault) => fault.error_len().is_none() && !ended,
        Ok(_) => false,
    };
    let invalid = text.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count() - usize::from(cut);
    if invalid > 0 && setting.refuses() {
        return Some(ProtocolError::InvalidUtf8);
    }
    ((text.len() + 2 * invalid) as u128 > most).then_some(ProtocolError::MessageTooBig)
}

fn calls(u: &mut Unstructured<'_>) -> Result<()> {
    let mut setting = setting(u)?;
    setting.config = setting.config.high_water(*u.choose(&[0, 100, 1 << 20])?);
    let mut connection = setting.open();
    let (mut accepted, mut written, mut now, mut refused) = (Vec::new(), Vec::new(), Moment::ORIGIN, false);
    while !u.is_empty() {
        match u.int_in_range(0..=12)? {
            0 | 1 => {
                let mut wire = Vec::new();
                frame(u, &mut wire)?;
                let mut input = &mut wire[..];
                while let Ok(Some(_)) = connection.receive(&mut input) {}
            }
            2 if u.ratio(1, 8)? => connection.receive_eof(),
            3..=5 => {
                let text = String::from_utf8_lossy(&generate::text(u)?).into_owned();
                let room = connection.has_room();
                let sent = connection.text(&text);
                match sent {
                    Ok(()) => accepted.push(Seen::Text(text)),
                    Err(SendError::Full) => assert!(!room),
                    Err(error) => {
                        assert_eq!(error, SendError::Closed);
                        refused = true;
                    }
                }
                assert!(room || sent.is_err());
            }
            6 if u.ratio(1, 4)? => drop(connection.close(CloseCode::new(u.int_in_range(990..=1020)?), "")),
            7 => {
                assert_eq!(connection.binary(b"x"), Err(SendError::NotInDialect));
                assert_eq!(connection.ping(b"x"), Err(SendError::NotInDialect));
                assert_eq!(connection.pong(b"x"), Err(SendError::NotInDialect));
            }
            8 => {
                now = now + std::time::Duration::from_secs(u.int_in_range(0..=60)?);
                connection.handle_timeout(now);
                assert!(connection.poll_timeout(now).is_none_or(|due| due > now), "nothing due is left");
            }
            9 => connection.release(),
            10 => drop(connection.end()),
            _ => {
                let shown = connection.output().chunk().to_vec();
                let _ =
                    connection.text("in between").map(|()| accepted.push(Seen::Text("in between".into())));
                assert!(connection.output().chunk().starts_with(&shown), "what was shown has changed");
                let len = u.int_in_range(0..=shown.len())?;
                connection.output().advance(len);
                written.extend_from_slice(&shown[..len]);
            }
        }
    }
    written.extend(drain(&mut connection));
    let peer = Setting { config: Config::default().limits(Limits::UNLIMITED), ..setting };
    let (mut seen, fault, dropped) = judge(&peer, &written);
    assert_eq!((fault, dropped), (None, 0));
    if seen.last() == Some(&Seen::Close) {
        seen.pop();
        assert!(written.ends_with(b"\xff\0"), "nothing follows the Close");
    } else if refused {
        assert_ne!(connection.transport(), Transport::Keep, "refused for nothing");
    }
    assert_eq!(seen, accepted);
    connection.receive_eof();
    assert!(connection.text("x").is_err());
    Ok(())
}

/// A request in one of the dialects, broken now and then.
fn request(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let fields: [&[u8]; 12] = [
        b"Host: a.example\r\n",
        b"Upgrade: WebSocket\r\n",
        b"Connection: Upgrade\r\n",
        b"Origin: http://a.example\r\n",
        b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n",
        b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n",
        b"WebSocket-Protocol: a b\r\n",
        b"Sec-WebSocket-Protocol: a\r\n",
        b"Sec-WebSocket-Origin: http://a.example\r\n",
        b"Sec-WebSocket-Version: 8\r\n",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"Cookie: a\r\n",
    ];
    let mut request = b"GET /a?b HTTP/1.1\r\n".to_vec();
    let chosen: u16 = u.arbitrary()?;
    for (at, field) in fields.iter().enumerate() {
        // The first four are needed by all.
        if at < 4 && !u.ratio(1, 16)? || at >= 4 && chosen >> at & 1 == 1 {
            request.extend_from_slice(field);
        }
    }
    request.extend_from_slice(b"\r\n");
    broken(u, request, b"^n:ds[4U\0Hello\xff")
}

/// A response to the request of [`establish`], broken now and then.
fn response(u: &mut Unstructured<'_>, hixie75: bool) -> Result<Vec<u8>> {
    let (_, request) = handshake(hixie75);
    let (response, rest) = match serve(&[&request]) {
        Ok(Some(served)) => served,
        other => panic!("{other:?}"),
    };
    assert!(rest.is_empty());
    broken(u, response, b"\0Hello\xff")
}

fn broken(u: &mut Unstructured<'_>, mut bytes: Vec<u8>, rest: &[u8]) -> Result<Vec<u8>> {
    bytes.extend_from_slice(rest);
    for _ in 0..u.int_in_range(0..=2)? {
        let at = u.choose_index(bytes.len())?;
        bytes[at] ^= 1u8 << u.int_in_range(0..=7)?;
    }
    if u.ratio(1, 4)? {
        bytes.truncate(u.int_in_range(0..=bytes.len())?);
    }
    Ok(bytes)
}

/// A response, and what is left behind its request.
type Served = (Vec<u8>, Vec<u8>);

/// What an opening over raw bytes comes to.
fn serve(pieces: &[&[u8]]) -> std::result::Result<Option<Served>, Refusal> {
    let mut handshake = ServerHandshake::new(Default::default());
    let mut opening = None;
    for (at, piece) in pieces.iter().enumerate() {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        if opening.is_none() {
            let Some(head) = handshake.receive(&mut input)? else { continue };
            match upgrade(&head, OriginPolicy::SameHost)? {
                Upgrade::Hixie(request) => {
                    let opened = request.open(&Acceptance::default(), Config::default(), Default::default());
                    opening = Some(opened.expect("nothing is handed in"));
                }
                Upgrade::Rfc6455(_) => return Ok(None),
            }
        }
        if let Some(mut connection) =
            opening.as_mut().and_then(|opening| opening.receive(&mut input).unwrap())
        {
            return Ok(Some((drain(&mut connection), [&*input, &pieces[at + 1..].concat()].concat())));
        }
    }
    Ok(None)
}

fn handshake(hixie75: bool) -> (ClientHandshake, Vec<u8>) {
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap(), "http://a.example");
    let handshake = match hixie75 {
        true => ClientHandshake::hixie75(&request, Default::default()),
        false => ClientHandshake::hixie76(&request, &mut Keys::from_seed([1; 32]), Default::default()),
    };
    let handshake = handshake.expect("a request that can be sent");
    let request = handshake.request().to_vec();
    (handshake, request)
}

/// How a client's handshake over raw bytes comes out: open or refused, and what is left.
fn establish(hixie75: bool, pieces: &[&[u8]]) -> std::result::Result<Option<(bool, Vec<u8>)>, ResponseError> {
    let (mut handshake, _) = handshake(hixie75);
    for (at, piece) in pieces.iter().enumerate() {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        if let Some(outcome) = handshake.receive(&mut input)? {
            let open = matches!(outcome, Outcome::Established(_));
            return Ok(Some((open, [&*input, &pieces[at + 1..].concat()].concat())));
        }
    }
    Ok(None)
}
