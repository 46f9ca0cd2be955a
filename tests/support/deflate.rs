//! What the tests of permessage-deflate share: another inflater, and the properties with compression on.

use arbitrary::{Result, Unstructured};
use bytes::Buf;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use sockless::handshake::{Agreed, PermessageDeflate, WindowBits};
use sockless::{Config, Connection, DeflatePool, Delivery, Event, FrameHeader, Limits, Prepared, Role};

use super::generate;
use super::properties::{Trace, trace_of};
use super::run::Cuts;
use super::subject::{DEFLATING, Seen, Subject, connection};
use super::wire::{BINARY, CONTINUATION, Frame, PING, TEXT};

/// Somebody else's inflater, with a window of exactly the size that was agreed: what refers further back comes out wrong.
pub struct Reference {
    engine: Box<DecompressorOxide>,
    window: Vec<u8>,
    at: usize,
}

impl Reference {
    pub fn new(window: WindowBits) -> Reference {
        Reference { engine: Box::default(), window: vec![0; window.bytes()], at: 0 }
    }

    /// A message whose payloads, joined, are these, as our compressor makes it: without a final block.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let (output, finals) = self.inflate(payload).unwrap_or_else(|status| panic!("{status:?}"));
        assert_eq!(finals, 0);
        output
    }

    /// A message with any blocks, and the number of those that say that they are the last.
    fn inflate(&mut self, payload: &[u8]) -> std::result::Result<(Vec<u8>, usize), TINFLStatus> {
        const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
        // No block is open that the tail could end: it has none of its own header in it.
        if payload.is_empty() {
            return Ok((vec![], 0));
        }
        let input = [payload, &TAIL].concat();
        let (mut input, mut output, mut finals) = (&input[..], vec![], 0);
        let flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
        loop {
            let (status, read, written) =
                decompress(&mut self.engine, input, &mut self.window, self.at, flags);
            input = &input[read..];
            output.extend_from_slice(&self.window[self.at..self.at + written]);
            self.at = (self.at + written) % self.window.len();
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => break,
                TINFLStatus::Done => {
                    finals += 1;
                    self.engine.init();
                    if input == TAIL {
                        return Ok((output, finals));
                    }
                }
                _ => return Err(status),
            }
        }
        assert!(input.is_empty());
        Ok((output, finals))
    }
}

/// Every combination of windows and takeover.
pub fn agreements() -> impl Iterator<Item = PermessageDeflate> {
    (8..=15).flat_map(|server| (8..=15).map(move |client| (server, client))).flat_map(|(server, client)| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(fresh_server, fresh_client)| {
            let mut agreed = PermessageDeflate::default()
                .server_max_window_bits(WindowBits::new(server).unwrap())
                .client_max_window_bits(WindowBits::new(client));
            agreed.server_no_context_takeover = fresh_server;
            agreed.client_no_context_takeover = fresh_client;
            agreed
        })
    })
}

fn agreed(u: &mut Unstructured<'_>) -> Result<Agreed> {
    let mut agreed = PermessageDeflate::default()
        .server_max_window_bits(WindowBits::new(u.int_in_range(8..=15)?).unwrap())
        .client_max_window_bits(WindowBits::new(u.int_in_range(8..=15)?))
        .threshold(u.int_in_range(0..=20)?)
        .level(u.int_in_range(0..=10)?);
    agreed.server_no_context_takeover = u.arbitrary()?;
    agreed.client_no_context_takeover = u.arbitrary()?;
    Ok(agreed.agreed())
}

/// One of them: the first byte says which.
pub fn one(data: &[u8], peak: Peak<'_>) {
    match data.split_first() {
        Some((0..0x40, data)) => cuts_do_not_matter(data),
        Some((0x40..0x80, data)) => round_trip(data),
        Some((_, data)) => any_payload(data, peak),
        None => {}
    }
}

/// Events, replies and faults do not depend on how the input was cut, nor on who inflates.
pub fn cuts_do_not_matter(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((role, config, agreed, wire)) = input(&mut u) else { return };
    let mut cuts: Vec<usize> =
        (0..u.len().min(20)).map(|_| u.int_in_range(0..=wire.len()).unwrap_or_default()).collect();
    cuts.sort_unstable();
    let bytewise: Vec<usize> = (0..=wire.len()).collect();
    let mut seen: Option<Trace> = None;
    for kind in DEFLATING {
        let trace = |cuts: &[usize]| {
            trace_of(Subject::deflating(kind, role, config, agreed), &wire, cuts, usize::MAX)
        };
        let whole = trace(&[]);
        assert_eq!(trace(&cuts), whole, "{kind:?} cut");
        if wire.len() < 2000 {
            assert_eq!(trace(&bytewise), whole, "{kind:?} byte by byte");
        }
        // What all of them make of it, but for the part of a message that is not whole. The payload that is not whole
        // is made so: of a short one the parts show the faults as they come, the messages at its end.
        let whole = match missing(&wire) {
            0 => whole,
            missing => {
                let wire = [&wire[..], &vec![0; missing]].concat();
                trace_of(Subject::deflating(kind, role, config, agreed), &wire, &[], usize::MAX)
            }
        };
        let whole = Trace { partial: None, ..whole };
        assert_eq!(*seen.get_or_insert_with(|| whole.clone()), whole, "{kind:?}");
    }
}

/// How many bytes the payload of the last frame lacks; none if it is longer than 16 bits can say.
fn missing(mut bytes: &[u8]) -> usize {
    while let Some((header, header_len)) = FrameHeader::decode(bytes) {
        let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
        let payload = &bytes[header_len..];
        match payload.get(len..) {
            Some(rest) => bytes = rest,
            None if len > 0xffff => return 0,
            None => return len - payload.len(),
        }
    }
    0
}

/// Measures the most that is on the heap while something is done.
pub type Peak<'p> = &'p dyn Fn(&mut dyn FnMut()) -> isize;

/// Any bytes as the payloads of two compressed messages, in any cuts: what is given is what another inflater makes of
/// them, and the heap never has more than the limit, a window, a part and 64 KiB.
pub fn any_payload(data: &[u8], peak: Peak<'_>) {
    let mut u = Unstructured::new(data);
    let Ok(AnyPayload { role, limit, agreed, text, payloads, seed }) = AnyPayload::arbitrary(&mut u) else {
        return;
    };
    let config = Config::default().limits(Limits::for_messages(limit));
    let mut cuts = Cuts(seed);
    let mut wire = vec![];
    for payload in &payloads {
        for frame in fragments(payload, &cuts.of(payload.len()), if text { TEXT } else { BINARY }) {
            wire.extend(
                Frame { key: (role == Role::Server).then_some([0x37, 0xfa, 0x21, 0x3d]), ..frame }.encode(),
            );
        }
    }
    let cuts = cuts.of(wire.len());
    for kind in DEFLATING {
        let trace = |cuts: &[usize]| {
            trace_of(Subject::deflating(kind, role, config, agreed), &wire, cuts, usize::MAX)
        };
        let whole = trace(&[]);
        assert_eq!(trace(&cuts), whole, "{kind:?} cut at {cuts:?}");
        assert_eq!(whole.fault.is_none(), whole.seen.len() == payloads.len(), "{kind:?}");
        let (window, fresh) = match role {
            Role::Server => (agreed.client_max_window_bits(), agreed.client_no_context_takeover()),
            Role::Client => (agreed.server_max_window_bits(), agreed.server_no_context_takeover()),
        };
        let mut reference = Reference::new(window);
        for (seen, payload) in whole.seen.iter().zip(&payloads) {
            let data = match seen {
                Seen::Text(text) => text.as_bytes(),
                Seen::Binary(data) => data,
                other => panic!("{other:?} of a message"),
            };
            assert!(data.len() as u64 <= limit, "{} bytes", data.len());
            if fresh {
                reference = Reference::new(window);
            }
            let judged = reference.inflate(payload).map(|(data, _)| data);
            assert!(
                judged.as_deref() == Ok(data),
                "{kind:?}: {data:02x?}, not {judged:02x?} of {payload:02x?}"
            );
        }
    }
    for delivery in [Delivery::Messages, Delivery::Parts] {
        let mut wire = wire.clone();
        let most = peak(&mut || {
            let mut connection = connection(role, config.delivery(delivery)).with_deflate(agreed);
            let (len, mut input, mut at) = (wire.len(), &mut wire[..], 0);
            for end in cuts.iter().copied().chain([len]) {
                let (mut piece, rest) = input.split_at_mut(end - at);
                (input, at) = (rest, end);
                while let Ok(Some(_)) = connection.receive(&mut piece) {}
            }
        });
        let allowed = limit as isize + (32 << 10) + (32 << 10) + (64 << 10);
        assert!(most <= allowed, "{most} of {allowed} for {limit}, {delivery:?}");
    }
}

struct AnyPayload {
    role: Role,
    limit: u64,
    agreed: Agreed,
    text: bool,
    payloads: Vec<Vec<u8>>,
    seed: u64,
}

impl AnyPayload {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<AnyPayload> {
        let (role, agreed) = (generate::role(u)?, agreed(u)?);
        let limit = *u.choose(&[1000, 16 << 10, 40_000])?;
        let (text, seed) = (u.arbitrary()?, u64::from(u.arbitrary::<u16>()?));
        // The first message is of no use to the second without context takeover, and of any length.
        let first = u.int_in_range(0..=u.len())?;
        let payloads = vec![u.bytes(first.min(u.len()))?.to_vec(), u.bytes(u.len())?.to_vec()];
        Ok(AnyPayload { role, limit, agreed, text, payloads, seed })
    }
}

/// The frames of one compressed message.
fn fragments(payload: &[u8], cuts: &[usize], opcode: u8) -> Vec<Frame> {
    let ends: Vec<usize> = [&[0], cuts, &[payload.len()]].concat();
    let pieces: Vec<&[u8]> = ends.windows(2).map(|ends| &payload[ends[0]..ends[1]]).collect();
    let frame = |(at, piece): (usize, &&[u8])| Frame {
        fin: at + 1 == pieces.len(),
        rsv: u8::from(at == 0) * 4,
        ..Frame::new(if at == 0 { opcode } else { CONTINUATION }, piece)
    };
    pieces.iter().enumerate().map(frame).collect()
}

fn input(u: &mut Unstructured<'_>) -> Result<(Role, Config, Agreed, Vec<u8>)> {
    let (role, config, agreed) = (generate::role(u)?, generate::config(u)?, agreed(u)?);
    let mut wire = vec![];
    for _ in 0..u.int_in_range(0..=12)? {
        if u.ratio(1, 4)? {
            wire.extend(generate::wire(u, role)?);
            continue;
        }
        let mut frames = message(u)?;
        for frame in &mut frames {
            if role == Role::Server {
                frame.key = Some(u.arbitrary()?);
            }
        }
        wire.extend(frames.iter().flat_map(Frame::encode));
        if u.ratio(1, 16)? && !wire.is_empty() {
            let at = u.choose_index(wire.len())?;
            wire[at] ^= 1u8 << u.int_in_range(0..=7)?;
        }
    }
    Ok((role, config, agreed, wire))
}

/// A compressed message in fragments, pings in between; now and then it is broken.
fn message(u: &mut Unstructured<'_>) -> Result<Vec<Frame>> {
    let text: bool = u.arbitrary()?;
    let data = match u.int_in_range(0..=5)? {
        0 => vec![u.arbitrary()?; u.int_in_range(0..=100_000)?],
        1..=2 if !text => generate::payload(u)?,
        _ => generate::text(u)?,
    };
    let mut payload = miniz_oxide::deflate::compress_to_vec(&data, u.int_in_range(0..=10)?);
    match u.int_in_range(0..=9)? {
        0 => payload = b"\xf2\x00\x11\x00\x00".to_vec(), // five bytes from five back
        1 => payload = u.bytes(u.len().min(9))?.to_vec(),
        2 => payload.clear(),
        3 => {} // without the byte behind the final block
        _ => payload.push(0),
    }
    let mut frames = vec![];
    let mut rest = &payload[..];
    let mut opcode = if text { TEXT } else { BINARY };
    while u.ratio(1, 3)? && frames.len() < 6 {
        let (piece, more) = rest.split_at(u.int_in_range(0..=rest.len())?);
        frames.push(Frame {
            fin: false,
            rsv: u8::from(opcode != CONTINUATION) * 4,
            ..Frame::new(opcode, piece)
        });
        (rest, opcode) = (more, CONTINUATION);
        if u.arbitrary()? {
            frames.push(Frame::new(PING, &generate::control(u)?));
        }
    }
    frames.push(Frame { rsv: u8::from(opcode != CONTINUATION) * 4, ..Frame::new(opcode, rest) });
    Ok(frames)
}

/// What one end sends is what the other receives: compressed or not, whole, in fragments or prepared, with a pool or
/// without, whatever is released in between.
pub fn round_trip(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = conversation(&mut u);
}

fn conversation(u: &mut Unstructured<'_>) -> Result<()> {
    let agreed = agreed(u)?;
    let mut ends = [Role::Client, Role::Server].map(|role| End::new(role, agreed, u));
    let mut pool = DeflatePool::new(2);
    while !u.is_empty() {
        let [end, peer] = match &mut ends {
            [a, b] if u.arbitrary()? => [a, b],
            [a, b] => [b, a],
        };
        match u.int_in_range(0..=9)? {
            0..=4 => end.send(&mut pool, u)?,
            5 => drop(end.connection.ping(&generate::control(u)?)),
            6 => end.connection.release(),
            7 => pool.release(),
            _ => end.write_to(peer, u.int_in_range(0..=3000)?, &mut pool),
        }
    }
    for end in &mut ends {
        if let Some(open) = end.open.take() {
            end.connection.finish(b"").unwrap();
            end.sent.push(open);
        }
    }
    let [client, server] = &mut ends;
    for _ in 0..2 {
        client.write_to(server, usize::MAX, &mut pool);
        server.write_to(client, usize::MAX, &mut pool);
    }
    assert!(server.got == client.sent, "client to server");
    assert!(client.got == server.sent, "server to client");
    Ok(())
}

struct End {
    connection: Connection,
    pooled: bool,
    sent: Vec<Seen>,
    open: Option<Seen>,
    got: Vec<Seen>,
    partial: Option<Seen>,
}

impl End {
    fn new(role: Role, agreed: Agreed, u: &mut Unstructured<'_>) -> End {
        let delivery = if u.arbitrary().unwrap_or_default() { Delivery::Parts } else { Delivery::Messages };
        let fragment = *u.choose(&[10, 2000, 1 << 20]).unwrap_or(&1000);
        let config = Config::default().delivery(delivery).fragment(fragment).limits(Limits::UNLIMITED);
        End {
            connection: connection(role, config.high_water(1 << 24)).with_deflate(agreed),
            pooled: u.arbitrary().unwrap_or_default(),
            sent: vec![],
            open: None,
            got: vec![],
            partial: None,
        }
    }

    fn send(&mut self, pool: &mut DeflatePool, u: &mut Unstructured<'_>) -> Result<()> {
        let data = match u.arbitrary()? {
            true => generate::payload(u)?,
            false => format!("{{\"id\":{},\"on\":true}}", u.int_in_range(0..=99)?)
                .repeat(u.int_in_range(0..=200)?)
                .into(),
        };
        let connection = &mut self.connection;
        if let Some(Seen::Binary(mut open)) = self.open.take() {
            open.extend(&data);
            let last = u.arbitrary()?;
            match (last, self.pooled) {
                (false, false) => connection.more(&data),
                (false, true) => connection.with_pool(pool).more(&data),
                (true, false) => connection.finish(&data),
                (true, true) => connection.with_pool(pool).finish(&data),
            }
            .unwrap();
            match last {
                true => self.sent.push(Seen::Binary(open)),
                false => self.open = Some(Seen::Binary(open)),
            }
            return Ok(());
        }
        match u.int_in_range(0..=9)? {
            0..=1 => {
                let sent = match self.pooled {
                    true => connection.with_pool(pool).begin_binary(&data),
                    false => connection.begin_binary(&data),
                };
                sent.unwrap();
                self.open = Some(Seen::Binary(data));
                return Ok(());
            }
            2 => connection.uncompressed().binary(&data).unwrap(),
            3 => {
                connection.uncompressed().begin_binary(&data).unwrap();
                self.open = Some(Seen::Binary(data));
                return Ok(());
            }
            4 => {
                let window = WindowBits::new(u.int_in_range(8..=15)?).unwrap();
                let prepared = Prepared::binary(&data).deflated(window, u.int_in_range(0..=9)?);
                connection.prepared(&prepared).unwrap();
            }
            5 => {
                let text = String::from_utf8_lossy(&data).into_owned();
                connection.text(text.clone()).unwrap();
                self.sent.push(Seen::Text(text));
                return Ok(());
            }
            _ if self.pooled => connection.with_pool(pool).binary(&data).unwrap(),
            _ => connection.binary(data.clone()).unwrap(),
        }
        self.sent.push(Seen::Binary(data));
        Ok(())
    }

    fn write_to(&mut self, peer: &mut End, most: usize, pool: &mut DeflatePool) {
        let len = most.min(self.connection.queued());
        let mut wire = self.connection.output().copy_to_bytes(len).to_vec();
        let mut input = &mut wire[..];
        loop {
            let event = match peer.pooled {
                true => peer.connection.receive_with(&mut input, pool),
                false => peer.connection.receive(&mut input),
            };
            let (message, first, last) = match event.expect("a valid peer") {
                None => break,
                Some(Event::Text { text, first, last }) => (Seen::Text(text.into_string()), first, last),
                Some(Event::Binary { data, first, last }) => (Seen::Binary(data.into_vec()), first, last),
                Some(_) => continue,
            };
            let message = match (peer.partial.take(), message) {
                (None, message) if first => message,
                (Some(Seen::Text(text)), Seen::Text(more)) if !first => Seen::Text(text + &more),
                (Some(Seen::Binary(data)), Seen::Binary(more)) if !first => {
                    Seen::Binary([data, more].concat())
                }
                (open, message) => panic!("{message:?} in {open:?}"),
            };
            match last {
                true => peer.got.push(message),
                false => peer.partial = Some(message),
            }
        }
        assert!(input.is_empty());
    }
}
