//! What tungstenite makes of the same bytes. Where the two disagree there is a reason, named by a [`Class`] and explained
//! in `docs/lessons.md`; anything else panics.

use std::io::{Read, Result as IoResult, Write};

use arbitrary::{Result, Unstructured};
use sockless::{Limits, ProtocolError as Fault, Role};
use tungstenite::error::{CapacityError, ProtocolError as Rule};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use super::support::frame_header::{Before, Unfinished, broken, header_len, payload_len};
use super::support::generate;
use super::support::subject::{Kind, Seen, Subject};

/// Why the two come to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// As a client they take what follows a Close for a fault.
    BehindClose,
    /// They give a Close with a code that must not stand in one, and put 1002 in its place.
    CloseCode,
    /// They do not count fragments.
    Fragments,
    /// They judge a frame when it is whole, or its header is; here it is judged at the first byte that can tell.
    JudgedLater,
    /// They take a length in a longer form than it needs, of a control frame too.
    LongerLength,
    /// The frame breaks two rules, and they name the other one.
    OtherRuleFirst,
    /// They take 1014, which was assigned later than the RFC, for a code that must not stand in a Close.
    UnknownCode,
}

impl Class {
    #[allow(dead_code)] // for the tests
    pub const ALL: [Class; 7] = [
        Class::BehindClose,
        Class::CloseCode,
        Class::Fragments,
        Class::JudgedLater,
        Class::LongerLength,
        Class::OtherRuleFirst,
        Class::UnknownCode,
    ];
}

/// Bytes for both: the same events, and a fault in the same frame for the same rule, but for the classes.
pub fn differential(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((role, limits, wire)) = input(&mut u) else { return };
    compare(role, limits, &wire);
}

fn input(u: &mut Unstructured<'_>) -> Result<(Role, Limits, Vec<u8>)> {
    let role = generate::role(u)?;
    let limits = match generate::config(u)?.limits {
        // Without a limit they reserve whatever is announced.
        Limits::UNLIMITED => Limits::default(),
        limits => limits,
    };
    let wire = if u.arbitrary()? { u.bytes(u.len())?.to_vec() } else { generate::wire(u, role)? };
    Ok((role, limits, wire))
}

/// Panics if they disagree for no reason that is known.
pub fn compare(role: Role, limits: Limits, wire: &[u8]) -> Option<Class> {
    let (seen, fault) = ours(role, limits, wire);
    let (their_seen, error) = theirs(role, limits, wire);
    let fault = fault.map(|fault| (fault, shortest(wire, |part| ours(role, limits, part).1.is_some())));
    let error = error.map(|error| (error, shortest(wire, |part| theirs(role, limits, part).1.is_some())));
    let context = || {
        format!(
            "{role:?} {limits:?} {wire:02x?}\n ours: {seen:?} {fault:?}\n theirs: {their_seen:?} {error:?}"
        )
    };
    let Some((fault, at)) = fault else {
        let closed = matches!(seen.last(), Some(Seen::Close(..)));
        let refused = matches!(seen.last(), Some(Seen::Close(Some(1014), _)));
        let agreed = if refused { refused_close(&seen[..seen.len() - 1]) } else { seen.clone() };
        assert_eq!(their_seen, agreed, "{}", context());
        // Closed, they report whatever is left in another way than before.
        assert!(error.is_none() || closed && role == Role::Client, "{}", context());
        return match error {
            _ if refused => Some(Class::UnknownCode),
            Some(_) => Some(Class::BehindClose),
            None => None,
        };
    };
    let frame = Framed::at(role, limits, wire, at);
    // A fault of theirs in that frame, or none if it never was whole.
    let in_frame = match &error {
        Some((error, their_at)) => (*their_at < frame.end).then_some(Some((error, *their_at))),
        None => (frame.end > wire.len()).then_some(None),
    };
    match in_frame {
        Some(None) => {
            assert_eq!(their_seen, seen, "{}", context());
            Some(Class::JudgedLater)
        }
        Some(Some((error, their_at))) => {
            assert_eq!(their_seen, seen, "{}", context());
            assert!(at <= their_at, "they know earlier: {}", context());
            match (frame.breaks(error), faults(error).contains(&fault)) {
                (true, true) if at == their_at => None,
                (true, true) => Some(Class::JudgedLater),
                (true, false) => Some(Class::OtherRuleFirst),
                (false, _) => panic!("no rule that the frame breaks: {}", context()),
            }
        }
        None => match fault {
            Fault::LengthNotShortest => Some(Class::LongerLength),
            Fault::ControlTooLong if frame.payload.len() <= 125 => Some(Class::LongerLength),
            Fault::TooManyFragments => Some(Class::Fragments),
            Fault::InvalidCloseCode => {
                assert_eq!(their_seen, refused_close(&seen), "{}", context());
                Some(Class::CloseCode)
            }
            _ => panic!("they let it pass: {}", context()),
        },
    }
}

/// What they make of a Close with a code that they do not let stand.
fn refused_close(before: &[Seen]) -> Vec<Seen> {
    [before, &[Seen::Close(Some(1002), "Protocol violation".to_owned())]].concat()
}

/// The index of the byte that decides: it ends the shortest beginning of which this holds.
fn shortest(wire: &[u8], holds: impl Fn(&[u8]) -> bool) -> usize {
    let (mut without, mut with) = (0, wire.len());
    while with - without > 1 {
        let middle = (without + with) / 2;
        match holds(&wire[..middle]) {
            true => with = middle,
            false => without = middle,
        }
    }
    without
}

fn ours(role: Role, limits: Limits, wire: &[u8]) -> (Vec<Seen>, Option<Fault>) {
    let mut subject = Subject::new(Kind::Messages, role, sockless::Config::default().limits(limits));
    subject.feed(wire);
    (subject.events, subject.error.map(|(fault, _)| fault))
}

fn theirs(role: Role, limits: Limits, wire: &[u8]) -> (Vec<Seen>, Option<Error>) {
    let size = |limit: u64| Some(usize::try_from(limit).expect("a limit"));
    let config = WebSocketConfig::default()
        .read_buffer_size(1 << 10)
        .write_buffer_size(0)
        .max_frame_size(size(limits.frame))
        .max_message_size(size(limits.message));
    let role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let mut socket = WebSocket::from_raw_socket(Transport(wire), role, Some(config));
    let mut seen = vec![];
    loop {
        seen.push(match socket.read() {
            Ok(Message::Text(text)) => Seen::Text(text.to_string()),
            Ok(Message::Binary(data)) => Seen::Binary(data.to_vec()),
            Ok(Message::Ping(payload)) => Seen::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Seen::Pong(payload.to_vec()),
            Ok(Message::Close(None)) => Seen::Close(None, String::new()),
            Ok(Message::Close(Some(close))) => Seen::Close(Some(close.code.into()), close.reason.to_string()),
            Ok(Message::Frame(frame)) => panic!("{frame:?}"),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return (seen, None),
            Err(Error::ConnectionClosed) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        });
    }
}

/// These bytes, then nothing yet; what is written is lost.
struct Transport<'w>(&'w [u8]);

impl Read for Transport<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Transport<'_> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

/// A frame at fault.
struct Framed {
    limits: Limits,
    /// The rules that its header breaks.
    broken: Vec<Fault>,
    opcode: u8,
    announced: u64,
    /// Unmasked, as far as it is there.
    payload: Vec<u8>,
    /// The index behind it; the largest there is if that is not known.
    end: usize,
}

impl Framed {
    /// The frame of the byte `at`, behind frames that break no rule.
    fn at(role: Role, limits: Limits, wire: &[u8], at: usize) -> Framed {
        let mut before = Before { role, limits, rsv1: false, message: None };
        let mut start = 0;
        loop {
            let frame = &wire[start..];
            let header = header_len(frame).filter(|len| *len <= frame.len());
            let announced = payload_len(frame);
            let end = match (header_len(frame), announced.map(usize::try_from)) {
                (Some(header), Some(Ok(len))) => start.saturating_add(header).saturating_add(len),
                _ => usize::MAX,
            };
            let announced = announced.unwrap_or(0);
            if at < end {
                let payload =
                    &frame[header.unwrap_or(frame.len())..end.saturating_sub(start).min(frame.len())];
                let key = match header {
                    Some(header) if frame[1] >= 0x80 => &frame[header - 4..header],
                    _ => &[0; 4],
                };
                let broken = broken(&before, &frame[..header.unwrap_or(frame.len())]);
                return Framed {
                    limits,
                    broken: broken.into_iter().map(|(fault, _)| fault).collect(),
                    opcode: frame[0] & 15,
                    announced,
                    payload: payload.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect(),
                    end,
                };
            }
            let earlier = before.message.map_or((0, 0), |message| (message.announced, message.frames));
            if frame[0] & 15 < 8 {
                before.message = (frame[0] < 0x80).then_some(Unfinished {
                    announced: earlier.0 + announced,
                    frames: earlier.1 + 1,
                    compressed: false,
                });
            }
            start = end;
        }
    }

    /// Whether it breaks the rule that they name.
    fn breaks(&self, error: &Error) -> bool {
        let in_header = faults(error).iter().any(|fault| self.broken.contains(fault));
        match error {
            // They limit control frames too, to what data frames may have.
            Error::Capacity(_) => in_header || self.announced > self.limits.frame,
            Error::Utf8(_) if self.opcode == 8 => std::str::from_utf8(&self.payload[2..]).is_err(),
            // Here the rule goes by the short length.
            Error::Protocol(Rule::InvalidCloseSequence) => self.opcode == 8 && self.announced == 1,
            // Whether the text up to here is at fault is for ours to say.
            Error::Utf8(_) => true,
            _ => in_header,
        }
    }
}

/// What we call what they name.
fn faults(error: &Error) -> &'static [Fault] {
    match error {
        Error::Protocol(Rule::InvalidOpcode(_)) => &[Fault::ReservedOpcode],
        Error::Protocol(Rule::NonZeroReservedBits) => &[Fault::ReservedBits],
        Error::Protocol(Rule::UnmaskedFrameFromClient) => &[Fault::UnmaskedFrame],
        Error::Protocol(Rule::MaskedFrameFromServer) => &[Fault::MaskedFrame],
        Error::Protocol(Rule::FragmentedControlFrame) => &[Fault::FragmentedControl],
        Error::Protocol(Rule::ControlFrameTooBig) => &[Fault::ControlTooLong],
        Error::Protocol(Rule::UnexpectedContinueFrame) => &[Fault::UnexpectedContinuation],
        Error::Protocol(Rule::ExpectedFragment(_)) => &[Fault::InterleavedMessage],
        Error::Protocol(Rule::InvalidCloseSequence) => &[Fault::TruncatedCloseCode],
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            &[Fault::FrameTooBig, Fault::MessageTooBig, Fault::LengthTopBit]
        }
        Error::Utf8(_) => &[Fault::InvalidUtf8, Fault::InvalidCloseReason],
        _ => &[],
    }
}
