//! RFC 6455 §4.1, RFC 9112 §4, §6.3, §7.1: a client and the response it receives.

#![cfg(feature = "alloc")]

mod support;

use core::time::Duration;
use serde_json::Value;
use sockless::handshake::{
    Body, BodyCollector, BodyFraming, ClientHandshake, ClientRequest, HandshakeLimits, HttpVersion, Key,
    Offer, Outcome, ResponseError, StatusLine,
};
use sockless::{Keys, Moment, Uri};
use support::pieces::{Fed, cuts, feed};
use support::vectors::{bytes, id, load, strings};

/// A handshake whose requests and responses are those of the vectors: only its key is its own.
fn handshake(offer: Offer<'_>) -> ClientHandshake {
    let request = ClientRequest { offer, ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap()) };
    ClientHandshake::new(&request, Keys::from_seed([7; 32]), HandshakeLimits::default()).unwrap()
}

fn accept() -> String {
    String::from_utf8(Key::from_nonce(Keys::from_seed([7; 32]).nonce()).accept().to_vec()).unwrap()
}

/// The key that the vectors' responses accept.
const VECTOR_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The response with our key's accept value, where the vectors' key's stands in it in any case.
fn for_our_key(response: &[u8]) -> Vec<u8> {
    let (from, to) = (VECTOR_ACCEPT.as_bytes(), accept());
    let swapped: Vec<u8> =
        to.bytes().map(|byte| byte ^ if byte.is_ascii_alphabetic() { 0x20 } else { 0 }).collect();
    let mut response = response.to_vec();
    for at in 0..response.len().saturating_sub(from.len()) {
        let place = &mut response[at..at + from.len()];
        if place == from {
            place.copy_from_slice(to.as_bytes());
        } else if place.eq_ignore_ascii_case(from) {
            place.copy_from_slice(&swapped);
        }
    }
    response
}

/// A response of this first line, with these fields on top of those that make a valid one; `-Name` leaves one out.
fn response(line: &str, changes: &[&str]) -> Vec<u8> {
    let mut fields = vec![
        "Upgrade: websocket".to_string(),
        "Connection: Upgrade".into(),
        format!("Sec-WebSocket-Accept: {}", accept()),
    ];
    for change in changes {
        match change.strip_prefix('-') {
            Some(name) => fields.retain(|field| !field.starts_with(&format!("{name}:"))),
            None => fields.push((*change).into()),
        }
    }
    format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n")).into_bytes()
}

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols";

fn run(offer: Offer<'_>, response: &[u8]) -> Vec<Fed<Outcome, ResponseError>> {
    let run = |pieces: Vec<Vec<u8>>| {
        let mut handshake = handshake(offer);
        feed(&pieces, |input| handshake.receive(input))
    };
    cuts(response).into_iter().map(run).collect()
}

/// The error, the same however the response is cut.
fn error(offer: Offer<'_>, response: &[u8]) -> Option<ResponseError> {
    let errors: Vec<_> = run(offer, response)
        .into_iter()
        .map(|fed| match fed.result {
            Ok(Some(Outcome::Established(_))) => None,
            Ok(Some(Outcome::Refused(head))) => Some(ResponseError::Status(head.status())),
            Ok(None) => panic!("the response is whole"),
            Err(error) => Some(error),
        })
        .collect();
    assert!(errors.windows(2).all(|pair| pair[0] == pair[1]), "{errors:?}");
    errors[0]
}

#[test]
fn vectors() {
    for row in load("responses") {
        let asked = &row["input"]["request"];
        assert_eq!(asked["key"], "dGhlIHNhbXBsZSBub25jZQ==", "{}", id(&row));
        let subprotocols = strings(&asked["subprotocols"]);
        let offer = Offer {
            subprotocols: &subprotocols,
            extensions: asked["extensions"].as_str(),
            require_subprotocol: false,
        };
        for fed in run(offer, &for_our_key(&bytes(&row["input"]))) {
            vector(&row, fed);
        }
    }
}

fn vector(row: &Value, fed: Fed<Outcome, ResponseError>) {
    let (id, expected) = (id(row), &row["expected"]);
    let outcome = match fed.result {
        Ok(None) => "incomplete",
        Err(_) => "fail",
        Ok(Some(Outcome::Established(established))) => {
            assert_eq!(established.subprotocol(), expected["subprotocol"].as_str(), "{id}");
            assert_eq!(
                established.extensions().next().map(|extension| extension.name()),
                expected["extensions"].as_str()
            );
            let head = established.head();
            let cookies: Vec<&[u8]> =
                head.fields().filter(|(name, _)| name == b"Set-Cookie").map(|(_, value)| value).collect();
            let wanted: Vec<&[u8]> = strings(expected.get("set_cookie").unwrap_or(&Value::Null))
                .iter()
                .map(|text| text.as_bytes())
                .collect();
            assert_eq!(cookies, wanted, "{id}");
            let left = expected.get("leftover_hex").map_or(Vec::new(), bytes);
            assert_eq!(fed.left, left, "{id}");
            "established"
        }
        Ok(Some(Outcome::Refused(head))) => {
            assert_eq!(Some(u64::from(head.status())), expected["status"].as_u64(), "{id}");
            let versions: Vec<Value> = head.websocket_versions().map(Value::from).collect();
            assert_eq!(
                &Value::Array(versions),
                expected.get("server_versions").unwrap_or(&Value::Array(vec![])),
                "{id}"
            );
            assert_eq!(
                collect(head.body_framing(), 100, &fed.left).0.bytes,
                bytes(&expected["body_hex"]),
                "{id}"
            );
            "http_status"
        }
    };
    assert_eq!(outcome, expected["outcome"], "{id}");
}

/// The body, the same however it is cut, and what stays behind it.
fn collect(framing: BodyFraming, cap: usize, input: &[u8]) -> (Body, Vec<u8>) {
    let mut bodies = cuts(input).into_iter().map(|pieces| {
        let mut collector = BodyCollector::new(framing, cap);
        let fed = feed(&pieces, |input| Ok::<_, ()>(collector.receive(input)));
        (fed.result.unwrap().unwrap_or_else(|| collector.receive_eof()), fed.left)
    });
    let first = bodies.next().unwrap();
    bodies.for_each(|other| assert_eq!(other, first));
    first
}

#[test]
fn the_response_is_held_to_the_request() {
    let none = Offer::default();
    let two = Offer { subprotocols: &["chat", "superchat"], ..none };
    let required = Offer { require_subprotocol: true, ..two };
    let foo = Offer { extensions: Some("foo; a=1, bar"), ..none };
    let wrong = "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let cases: [(Offer<'_>, &[&str], Option<ResponseError>); 29] = [
        (none, &[], None),
        (none, &["-Upgrade"], Some(ResponseError::UpgradeMissing)),
        (none, &["Upgrade: websocket"], Some(ResponseError::UpgradeInvalid)),
        (none, &["-Upgrade", "Upgrade: websocket, websocket"], Some(ResponseError::UpgradeInvalid)),
        (none, &["-Upgrade", "UPGRADE: WebSocket"], None),
        (none, &["-Connection"], Some(ResponseError::ConnectionUpgradeMissing)),
        // Names that are as long as those that are looked for.
        (none, &["Expires: 0"], None),
        (none, &["-Connection", "Set-Cookie: upgrade"], Some(ResponseError::ConnectionUpgradeMissing)),
        (none, &["-Connection", "Connection: close"], Some(ResponseError::ConnectionUpgradeMissing)),
        (none, &["-Connection", "Connection: keep-alive", "Connection: x, UPGRADE"], None),
        (none, &["-Sec-WebSocket-Accept"], Some(ResponseError::AcceptMissing)),
        (none, &["-Sec-WebSocket-Accept", wrong], Some(ResponseError::AcceptWrong)),
        (none, &["-Sec-WebSocket-Accept", "Sec-WebSocket-Accept: "], Some(ResponseError::AcceptWrong)),
        (none, &[wrong], Some(ResponseError::AcceptRepeated)),
        (none, &["Sec-WebSocket-Protocol: chat"], Some(ResponseError::SubprotocolNotOffered)),
        (two, &["Sec-WebSocket-Protocol: superchat"], None),
        (two, &["Sec-WebSocket-Protocol: chat, superchat"], Some(ResponseError::SubprotocolInvalid)),
        (two, &["Sec-WebSocket-Protocol:"], Some(ResponseError::SubprotocolInvalid)),
        (two, &["Sec-WebSocket-Protocol: CHAT"], Some(ResponseError::SubprotocolNotOffered)),
        (
            two,
            &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"],
            Some(ResponseError::SubprotocolRepeated),
        ),
        (two, &[], None),
        (required, &[], Some(ResponseError::SubprotocolMissing)),
        (required, &["Sec-WebSocket-Protocol: chat"], None),
        (Offer { require_subprotocol: true, ..none }, &[], None),
        (none, &["Sec-WebSocket-Extensions: foo"], Some(ResponseError::ExtensionNotOffered)),
        (foo, &["Sec-WebSocket-Extensions: bar", "Sec-WebSocket-Extensions: foo; b"], None),
        (foo, &["Sec-WebSocket-Extensions: Foo"], Some(ResponseError::ExtensionNotOffered)),
        (foo, &["Sec-WebSocket-Extensions: foo;"], Some(ResponseError::ExtensionsInvalid)),
        (foo, &["Sec-WebSocket-Extensions:"], Some(ResponseError::ExtensionsInvalid)),
    ];
    for (offer, changes, expected) in cases {
        assert_eq!(error(offer, &response(SWITCHING, changes)), expected, "{offer:?} {changes:?}");
    }
    let fed =
        run(foo, &response(SWITCHING, &["Sec-WebSocket-Extensions: bar, foo; b=\"c\\d\""])).pop().unwrap();
    let Ok(Some(Outcome::Established(established))) = fed.result else { panic!("{fed:?}") };
    assert_eq!(
        established.extensions().map(|extension| extension.name()).collect::<Vec<_>>(),
        ["bar", "foo"]
    );
    let value = established.extensions().last().unwrap().parameters().next().unwrap().value.unwrap();
    assert_eq!(value, "cd");
}

#[test]
fn status_lines() {
    let cases = [
        ("HTTP/1.1 101", None),
        ("HTTP/1.9 101 caf\u{e9}", None),
        ("HTTP/1.0 101 X", Some(ResponseError::HttpVersionUnsupported)),
        ("HTTP/2.0 101 X", Some(ResponseError::HttpVersionUnsupported)),
        // The status is judged before the version.
        ("HTTP/1.0 503 Busy", Some(ResponseError::Status(503))),
        ("HTTP/1.1 999 ", Some(ResponseError::Status(999))),
        ("HTTP/1.1 099 X", Some(ResponseError::StatusLineMalformed)),
        ("HTTP/1.1 1010 X", Some(ResponseError::StatusLineMalformed)),
        ("HTTP/1.1  101 X", Some(ResponseError::StatusLineMalformed)),
        ("HTTP/1.1 101\tX", Some(ResponseError::StatusLineMalformed)),
        ("HTTP/1.1 101 a\u{0}b", Some(ResponseError::StatusLineMalformed)),
        ("\r\nHTTP/1.1 101 X", Some(ResponseError::StatusLineMalformed)),
        ("SSH-2.0-OpenSSH_9.6", Some(ResponseError::StatusLineMalformed)),
    ];
    for (line, expected) in cases {
        assert_eq!(error(Offer::default(), &response(line, &[])), expected, "{line:?}");
    }
    let long = format!("HTTP/1.1 101 {}", "a".repeat(8200));
    assert_eq!(error(Offer::default(), &response(&long, &[])), Some(ResponseError::StatusLineTooLong));
    let large = format!("X: {}", "a".repeat(17000));
    assert_eq!(error(Offer::default(), &response(SWITCHING, &[&large])), Some(ResponseError::HeadTooLarge));
    assert_eq!(error(Offer::default(), &response(SWITCHING, &["a: b"; 97])), None);
    assert_eq!(
        error(Offer::default(), &response(SWITCHING, &["a: b"; 98])),
        Some(ResponseError::TooManyFields)
    );
}

#[test]
fn folded_fields_are_unfolded() {
    let folded =
        response(SWITCHING, &["-Connection", "Connection: keep-alive,\r\n \tUpgrade", "X: a\r\n  b\r\n\tc"]);
    for fed in run(Offer::default(), &folded) {
        let Ok(Some(Outcome::Established(established))) = fed.result else { panic!("{fed:?}") };
        let value = established.head().field("x").unwrap();
        assert_eq!(value.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty()).count(), 3);
        assert!(!value.iter().any(|byte| b"\r\n".contains(byte)));
    }
    for fields in ["X: a\n b", "X: a\r b", "X: a\x00b", "X : a"] {
        assert_eq!(
            error(Offer::default(), &response(SWITCHING, &[fields])),
            Some(ResponseError::HeadMalformed)
        );
    }
    let first = [SWITCHING, "\r\n X: a\r\n\r\n"].concat();
    assert_eq!(error(Offer::default(), first.as_bytes()), Some(ResponseError::HeadMalformed));
}

#[test]
fn interim_responses_are_skipped_up_to_a_bound() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let after =
        |count: usize, interim: &str| [interim.repeat(count).into_bytes(), response(SWITCHING, &[])].concat();
    for count in 0..=8 {
        assert_eq!(error(Offer::default(), &after(count, interim)), None, "{count}");
    }
    assert_eq!(error(Offer::default(), &after(9, interim)), Some(ResponseError::TooManyInterimResponses));
    let large = format!("HTTP/1.0 100 Continue\r\nX: {}\r\n\r\n", "a".repeat(8000));
    assert_eq!(error(Offer::default(), &after(2, &large)), None);
    assert_eq!(error(Offer::default(), &after(3, &large)), Some(ResponseError::HeadTooLarge));
    // Two that are together as long as a head may be, and a byte more.
    for (len, expected) in [(8192, None), (8193, Some(ResponseError::HeadTooLarge))] {
        let start = "HTTP/1.1 103 \r\nX: ";
        let padding = |len: usize| "a".repeat(len - start.len() - "\r\n\r\n".len());
        let both = format!("{start}{}\r\n\r\n{start}{}\r\n\r\n", padding(8192), padding(len));
        assert_eq!(error(Offer::default(), &after(1, &both)), expected, "{len}");
    }
    // A 101 has no body, whatever it says.
    let mut with_length = response(SWITCHING, &["Content-Length: 2", "Transfer-Encoding: chunked"]);
    with_length.extend_from_slice(b"\x81\x00");
    for fed in run(Offer::default(), &with_length) {
        assert!(matches!(fed.result, Ok(Some(Outcome::Established(_)))));
        assert_eq!(fed.left, b"\x81\x00");
    }
}

#[test]
fn a_refusal_says_how_its_body_is_framed() {
    let framing = |line: &str, fields: &str| {
        let head = format!("HTTP/1.1 {line}\r\n{fields}\r\n");
        let Some(Ok(Some(Outcome::Refused(head)))) =
            run(Offer::default(), head.as_bytes()).pop().map(|fed| fed.result)
        else {
            panic!("{head}")
        };
        head.body_framing()
    };
    assert_eq!(framing("200 OK", ""), BodyFraming::UntilClose);
    assert_eq!(framing("204 None", "Content-Length: 5\r\n"), BodyFraming::None);
    assert_eq!(framing("304 Same", "Content-Length: 5\r\n"), BodyFraming::None);
    assert_eq!(framing("404 Gone", "Content-Length: 5\r\n"), BodyFraming::Length(5));
    assert_eq!(framing("404 Gone", "Content-Length: 5, 5\r\ncontent-length: 5\r\n"), BodyFraming::Length(5));
    assert_eq!(framing("404 Gone", "Content-Length: 5, 6\r\n"), BodyFraming::Faulty);
    assert_eq!(framing("404 Gone", "Content-Length: +5\r\n"), BodyFraming::Faulty);
    assert_eq!(framing("404 Gone", "Content-Length:\r\n"), BodyFraming::Faulty);
    assert_eq!(framing("404 Gone", "Content-Length: 99999999999999999999\r\n"), BodyFraming::Faulty);
    assert_eq!(
        framing("404 Gone", "Content-Length: 5\r\nTransfer-Encoding: x, Chunked\r\n"),
        BodyFraming::Chunked
    );
    assert_eq!(framing("404 Gone", "Transfer-Encoding: chunked, x\r\n"), BodyFraming::UntilClose);

    let fed = run(Offer::default(), b"HTTP/1.0 401 Who are you\r\nWWW-Authenticate: Basic\r\n\r\nwho")
        .pop()
        .unwrap();
    let Ok(Some(Outcome::Refused(head))) = fed.result else { panic!() };
    assert_eq!((head.status(), head.reason()), (401, b"Who are you".as_slice()));
    assert_eq!(head.body_framing(), BodyFraming::UntilClose);
    assert_eq!(head.version(), HttpVersion { major: 1, minor: 0 });
    assert_eq!(head.field("www-authenticate"), Some(b"Basic".as_slice()));
    assert_eq!(fed.left, b"who");
    // RFC 9112 §6.1: HTTP/1.0 has no transfer codings.
    let coded = b"HTTP/1.0 401 Who\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n";
    let Ok(Some(Outcome::Refused(head))) = run(Offer::default(), coded).pop().unwrap().result else {
        panic!()
    };
    assert_eq!(head.body_framing(), BodyFraming::Faulty);
}

#[test]
fn bodies_are_collected_up_to_a_cap() {
    let cases: [(BodyFraming, usize, &str, &str, bool, &str); 35] = [
        (BodyFraming::None, 9, "next", "", false, "next"),
        (BodyFraming::Length(0), 9, "next", "", false, "next"),
        (BodyFraming::Length(4), 9, "bodynext", "body", false, "next"),
        (BodyFraming::Length(4), 4, "bodynext", "body", false, "next"),
        (BodyFraming::Length(4), 3, "bodynext", "bod", true, "ynext"),
        (BodyFraming::Length(4), 0, "bodynext", "", true, "bodynext"),
        (BodyFraming::Length(9), 9, "body", "body", true, ""),
        (BodyFraming::Length(u64::MAX), 9, "body", "body", true, ""),
        (BodyFraming::UntilClose, 9, "body", "body", false, ""),
        (BodyFraming::UntilClose, 4, "body", "body", false, ""),
        (BodyFraming::UntilClose, 3, "body", "bod", true, "y"),
        (BodyFraming::UntilClose, 9, "", "", false, ""),
        (BodyFraming::Faulty, 9, "", "", true, ""),
        (BodyFraming::Faulty, 9, "body", "", true, "body"),
        (BodyFraming::Chunked, 9, "4\r\nbody\r\n0\r\n\r\nnext", "body", false, "next"),
        (BodyFraming::Chunked, 4, "2\r\nbo\r\n02\r\ndy\r\n000\r\n\r\n", "body", false, ""),
        (BodyFraming::Chunked, 3, "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", "bod", true, "y\r\n0\r\n\r\n"),
        (
            BodyFraming::Chunked,
            99,
            "A\r\n0123456789\r\na;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
            "01234567890123456789",
            false,
            "",
        ),
        (BodyFraming::Chunked, 9, "4 \t;a=\"b\"\r\nbody\r\n0;x\r\n\r\n", "body", false, ""),
        (BodyFraming::Chunked, 9, "4\r\nbody\r\n0\r\n", "body", true, ""),
        (BodyFraming::Chunked, 9, "4\r\nbody", "body", true, ""),
        (BodyFraming::Chunked, 9, "", "", true, ""),
        (BodyFraming::Chunked, 9, "\r\n", "", true, "\n"),
        (BodyFraming::Chunked, 9, "x", "", true, ""),
        (BodyFraming::Chunked, 9, "4\nbody", "", true, "body"),
        (BodyFraming::Chunked, 9, "+4\r\nbody", "", true, "4\r\nbody"),
        (BodyFraming::Chunked, 9, "4\r\nbodyx\r\n", "body", true, "\r\n"),
        (BodyFraming::Chunked, 9, "4\r\nbody\nx", "body", true, "x"),
        (BodyFraming::Chunked, 9, "4;\0\r\nbody", "", true, "\r\nbody"),
        (BodyFraming::Chunked, 9, "4;\x7f\r\nbody", "", true, "\r\nbody"),
        (BodyFraming::Chunked, 9, "0\r\na: \x7f\r\n\r\nnext", "", true, "\r\n\r\nnext"),
        (BodyFraming::Chunked, 99, "10\r\n0123456789abcdef\r\n0\r\n\r\n", "0123456789abcdef", false, ""),
        (BodyFraming::Chunked, 9, "0\r\nX: \0", "", true, ""),
        (BodyFraming::Chunked, 9, "ffffffffffffffff\r\nbody", "body", true, ""),
        (BodyFraming::Chunked, 9, "00000000000000004\r\nbody", "", true, "\r\nbody"),
    ];
    for (framing, cap, input, bytes, truncated, left) in cases {
        let (body, rest) = collect(framing, cap, input.as_bytes());
        assert_eq!(body, Body { bytes: bytes.into(), truncated }, "{framing:?} {cap} {input:?}");
        assert_eq!(rest, left.as_bytes(), "{framing:?} {cap} {input:?}");
    }
    // Eight bytes of body, with an extension of a thousand for each.
    let extended = format!("1;{}\r\nx\r\n", "x".repeat(1000)).repeat(8);
    for endless in
        ["0;".to_string() + &"x".repeat(9000), "0\r\n".to_string() + &"X: y\r\n".repeat(9000), extended]
    {
        let (body, rest) = collect(BodyFraming::Chunked, 9, endless.as_bytes());
        assert!(body.truncated && !rest.is_empty(), "what is skipped is bounded");
    }
    // To the byte: a semicolon, what follows it, and the end of the line.
    for (len, truncated) in [(4094, false), (4095, true)] {
        let (body, _) = collect(BodyFraming::Chunked, 9, format!("0;{}\r\n\r\n", "x".repeat(len)).as_bytes());
        assert_eq!(body.truncated, truncated, "{len}");
    }
}

#[test]
fn errors_and_outcomes_are_final() {
    let mut refused = handshake(Offer::default());
    let mut wrong = response(SWITCHING, &["-Upgrade"]);
    assert_eq!(refused.receive(&mut &mut wrong[..]).err(), Some(ResponseError::UpgradeMissing));
    assert_eq!(
        refused.receive(&mut &mut response(SWITCHING, &[])[..]).err(),
        Some(ResponseError::UpgradeMissing)
    );
    assert_eq!(refused.receive_eof(), Err(ResponseError::UpgradeMissing));

    let mut early = handshake(Offer::default());
    assert!(early.receive(&mut &mut b"HTTP/1.1 1".to_vec()[..]).unwrap().is_none());
    assert_eq!(early.receive_eof(), Err(ResponseError::EndedEarly));
    assert_eq!(early.receive(&mut &mut response(SWITCHING, &[])[..]).err(), Some(ResponseError::EndedEarly));

    let mut established = handshake(Offer::default());
    assert!(established.receive(&mut &mut response(SWITCHING, &[])[..]).unwrap().is_some());
    let mut frames = response(SWITCHING, &[]);
    let mut input = &mut frames[..];
    assert!(established.receive(&mut input).unwrap().is_none());
    assert_eq!(input, response(SWITCHING, &[]), "nothing is taken behind the outcome");
    assert_eq!(established.receive_eof(), Ok(()));
}

#[test]
fn the_deadline() {
    let at = |seconds| Moment::from(Duration::from_secs(seconds));
    let mut late = handshake(Offer::default());
    assert_eq!(late.poll_timeout(at(1)), Some(at(11)));
    assert_eq!(late.poll_timeout(at(10)), Some(at(11)));
    assert_eq!(late.handle_timeout(at(10)), Ok(()));
    assert_eq!(late.handle_timeout(at(12)), Err(ResponseError::TimedOut));
    assert_eq!(late.poll_timeout(at(12)), None);
    assert_eq!(late.receive(&mut &mut response(SWITCHING, &[])[..]).err(), Some(ResponseError::TimedOut));
}

#[test]
fn the_check_serves_any_list_of_fields() {
    let key = Key::from_nonce(*b"the sample nonce");
    let line = StatusLine { version: HttpVersion::HTTP_11, status: 101 };
    let fields = [
        ("connection", "upgrade"),
        ("upgrade", " WEBSOCKET "),
        ("sec-websocket-accept", VECTOR_ACCEPT),
        ("sec-websocket-protocol", "b"),
    ];
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let offer = Offer { subprotocols: &["a", "b"], ..Offer::default() };
    assert_eq!(offer.check(&key, line, fields.clone()).unwrap().subprotocol(), Some("b"));
    let interim = StatusLine { status: 100, ..line };
    assert_eq!(offer.check(&key, interim, fields).err(), Some(ResponseError::Status(100)));
}

#[test]
fn a_changed_byte_means_the_same_in_every_cut() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let valid = [interim, response(SWITCHING, &["X: a\r\n b", "Y: "]), b"\x81\x00".to_vec()].concat();
    let outcome = |pieces: &[Vec<u8>]| {
        let mut handshake = handshake(Offer::default());
        let fed = feed(pieces, |input| handshake.receive(input));
        match fed.result {
            Ok(Some(Outcome::Established(established))) => {
                let fields = established
                    .head()
                    .fields()
                    .map(|(name, value)| (name.to_vec(), value.to_vec()))
                    .collect();
                (Some(Ok((101, fields))), fed.left)
            }
            Ok(Some(Outcome::Refused(head))) => (Some(Ok((head.status(), Vec::new()))), fed.left),
            Ok(None) => (None, fed.left),
            Err(error) => (Some(Err(error)), Vec::new()),
        }
    };
    for at in 0..valid.len() {
        for byte in *b"\0\t\n\r :4a/\x7f\xff" {
            let mut changed = valid.clone();
            changed[at] = byte;
            let ways = cuts(&changed);
            let whole = outcome(&ways[0]);
            for way in &ways[1..4] {
                assert_eq!(outcome(way), whole, "{:?}", changed.escape_ascii().to_string());
            }
        }
    }
}
