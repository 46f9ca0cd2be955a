//! Hostile fields: what a request or a response may not say (RFC 6455 §4, RFC 9110).
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use std::cell::Cell;

use sockless::handshake::{
    Acceptance, HandshakeLimits, HttpVersion, Origin, OriginPolicy, Outcome, Refusal, Request, RequestLine,
    ResponseError, ServerHandshake,
};
use support::figure::Figure;
use support::opening::{Field, judge, judge_fields, judge_response, request, response};

/// The status that is answered.
fn status(judged: Result<(), Refusal>) -> String {
    judged.map_or_else(|refusal| refusal.status(), |()| 101).to_string()
}

#[test]
fn a_field_that_is_missing_or_there_twice_is_a_refusal_and_too_many_are_no_way_to_hide_one() {
    let valid = request(&[]);
    let lines: Vec<&str> = core::str::from_utf8(&valid).unwrap().trim_end().split("\r\n").collect();
    let mut figure = Figure::new("a field missing, empty, or there twice", 0, "requests accepted");
    for at in 1..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        let judged = judge(format!("{}\r\n\r\n", without.join("\r\n")).as_bytes());
        figure.saw(usize::from(judged.is_ok()), &status(judged));
        let mut with_empty = lines.clone();
        let name = format!("{}:", lines[at].split_once(':').unwrap().0);
        with_empty[at] = &name;
        let judged = judge(format!("{}\r\n\r\n", with_empty.join("\r\n")).as_bytes());
        figure.saw(usize::from(judged.is_ok()), &status(judged));
    }
    // The field behind the last one that is allowed is not left out: the request is refused.
    let filled = ["a: b"; 95];
    assert_eq!(judge(&request(&filled)), Ok(()));
    for (before, refusal) in [(95, Refusal::TooManyFields), (94, Refusal::HostRepeated)] {
        let judged = judge(&request(&[&filled[..before], &["Host: b"]].concat()));
        assert_eq!(judged, Err(refusal));
        figure.saw(usize::from(judged.is_ok()), &status(judged));
    }
    figure.tell();
}

#[test]
fn keys_of_any_length_and_of_any_bytes_are_judged_to_the_byte() {
    let mut figure = Figure::new("keys of any length and any bytes", 0, "bytes of heap ever asked for");
    let mut with_key = |key: &[u8]| {
        let (judged, heap) = heap::during(|| judge_fields(&[(b"sec-websocket-key", key)], OriginPolicy::Any));
        figure.saw(heap.asked, &status(judged));
        judged.err()
    };
    for length in 0..100 {
        let right = length == 24;
        let mut key = vec![b'A'; length];
        assert_eq!(with_key(&key), Some(Refusal::KeyInvalid), "{length} characters without padding");
        key.iter_mut().rev().take(2).for_each(|end| *end = b'=');
        assert_eq!(with_key(&key).is_none(), right, "{length}");
    }
    for byte in 0..=255_u8 {
        for at in 0..24 {
            let mut key = *b"AAAAAAAAAAAAAAAAAAAAAA==";
            key[at] = byte;
            let digit = byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
            assert_eq!(
                with_key(&key).is_none(),
                if at < 22 { digit } else { byte == b'=' },
                "{byte} at {at}"
            );
        }
    }
    figure.tell();
}

#[test]
fn names_that_mean_something_to_a_language_mean_nothing_here() {
    let names =
        ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "nil", "None"];
    let mut figure = Figure::new("names that mean something to a language", 0, "of them answered");
    for name in names {
        let sent = request(&[
            &format!("Sec-WebSocket-Protocol: {name}, chat"),
            &format!("Sec-WebSocket-Extensions: {name}; {name}={name}; {name}"),
            &format!("{name}: {name}"),
        ]);
        let mut sent = sent;
        let head =
            ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut sent[..]).unwrap().unwrap();
        let request = head.upgrade(OriginPolicy::Any).unwrap();
        assert!(request.subprotocols().eq([name, "chat"]));
        assert_eq!(request.choose_subprotocol(&["chat"]), Some("chat"));
        let extension = request.extensions().next().unwrap();
        assert_eq!((extension.name(), extension.parameters().count()), (name, 2));
        let response = request.accept(&Acceptance::default()).unwrap();
        let response = String::from_utf8(response).unwrap();
        figure.saw(response.matches(name).count(), response.split(' ').nth(1).unwrap());
    }
    figure.tell();
}

#[test]
fn bytes_beyond_ascii_are_a_value_and_nothing_breaks_on_them() {
    let mut figure = Figure::new("bytes beyond ASCII in our fields", 0, "requests accepted");
    for field in
        ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
    {
        for value in [&b"\xff"[..], b"chat\xc3\xa9", b"\xf0\x9f\x98\x80", b"\x80, chat"] {
            let sent = request(&[]);
            let line = [field.as_bytes(), b": ", value, b"\r\n\r\n"].concat();
            let judged = judge(&[&sent[..sent.len() - 2], &line].concat());
            figure.saw(usize::from(judged.is_ok()), &status(judged));
            assert_eq!(judged.err().map(Refusal::status), Some(400), "{field}");
        }
    }
    for field in ["Cookie", "User-Agent", "X"] {
        let line = [field.as_bytes(), b": \xff\x80\r\n\r\n"].concat();
        let sent = request(&[]);
        assert_eq!(judge(&[&sent[..sent.len() - 2], &line].concat()), Ok(()), "{field}");
    }
    figure.tell();
}

#[test]
fn tokens_of_any_bytes_are_judged_to_the_byte() {
    let mut figure = Figure::new("tokens of any bytes", 0, "bytes of heap ever asked for");
    let mut judged = |name: &[u8], value: &[u8]| {
        let (judged, heap) = heap::during(|| judge_fields(&[(name, value)], OriginPolicy::Any));
        figure.saw(heap.asked, &status(judged));
        judged.err()
    };
    for byte in 0..=255_u8 {
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        for at in 0..=4 {
            let text = [&b"chat"[..at], &[byte], &b"chat"[at..]].concat();
            let refused = judged(b"sec-websocket-protocol", &text);
            // Blanks at either end and a comma anywhere are the list's.
            let blank = (byte == b' ' || byte == b'\t') && (at == 0 || at == 4);
            let lawful = token || blank || byte == b',';
            assert_eq!(refused, (!lawful).then_some(Refusal::SubprotocolsInvalid), "{byte} at {at}");
            let refused = judged(b"sec-websocket-extensions", &text);
            let parameter = byte == b';' && (1..4).contains(&at);
            assert_eq!(refused.is_none(), lawful || parameter, "{byte} at {at}: {refused:?}");
        }
    }
    for count in [64, 65, 10_000] {
        let list: String = (0..count).map(|n| format!("p{n},")).collect();
        let refused = judged(b"sec-websocket-protocol", list.as_bytes());
        assert_eq!(refused, (count > 64).then_some(Refusal::TooManySubprotocols), "{count}");
    }
    figure.tell();
}

#[test]
fn any_host_is_accepted_or_refused_and_nothing_else() {
    let mut figure = Figure::new("a Host with any byte in any place", 0, "bytes of heap ever asked for");
    let mut judged = |host: &[u8]| {
        let (judged, heap) = heap::during(|| judge_fields(&[(b"host", host)], OriginPolicy::SameHost));
        figure.saw(heap.asked, &status(judged));
        judged
    };
    let mut accepted = 0;
    for host in [&b"a"[..], b"a:1", b"[::1]", b"[::1]:1", b"%41", b"[v1.a]"] {
        for at in 0..=host.len() {
            for byte in 0..=255_u8 {
                let changed = [&host[..at], &[byte], &host[at..]].concat();
                match judged(&changed) {
                    Ok(()) => accepted += 1,
                    Err(refusal) => assert_eq!(refusal, Refusal::HostInvalid, "{}", changed.escape_ascii()),
                }
            }
        }
    }
    assert!(accepted > 500, "{accepted}");
    for host in [&b""[..], b":", b"[", b"]", b"[]", b"%", b"%4", b"a:99999", b"a:", b"\xff", b"a b", b"a@b"] {
        assert_eq!(judged(host).is_ok(), host == b"a:", "{}", host.escape_ascii());
    }
    figure.tell();
}

#[test]
fn the_check_goes_over_the_fields_a_fixed_number_of_times() {
    let seen = Cell::new(0_usize);
    let many: Vec<(&[u8], &[u8])> = vec![
        (b"host", b"a"),
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-version", b"13"),
    ];
    let mut figure = Figure::new("up to 2,000 fields", 4, "looks at a field");
    for more in [10, 100, 1000] {
        let mut fields = many.clone();
        fields.extend(
            [(&b"connection"[..], &b"a, b"[..]), (b"sec-websocket-extensions", b"a; b")].repeat(more),
        );
        fields.extend([(&b"sec-websocket-protocol"[..], &b"p"[..]), (b"sec-websocket-protocol", b"q")]);
        seen.set(0);
        let counted = fields.iter().copied().inspect(|_| seen.set(seen.get() + 1));
        let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
        let request = Request::check(line, counted, OriginPolicy::Any).unwrap();
        figure.saw(seen.replace(0).div_ceil(fields.len()), "101");
        assert_eq!(request.extensions().count(), more);
        assert_eq!(seen.get(), fields.len(), "a list is one pass");
    }
    figure.tell();
}

#[test]
fn a_field_of_megabytes_that_is_almost_a_list_is_judged_in_one_pass() {
    // With a step for each pair of bytes these would not end.
    let many = 1 << 21;
    let long = [
        format!("a; b=\"{}", "\\x".repeat(many)),
        format!("a{}", "; b".repeat(many) + ";"),
        format!("{}a b", " \t".repeat(many)),
        format!("a{}b", " ".repeat(many)),
        format!("a{}{}", ";b".repeat(many / 2), " ".repeat(many)) + ";",
        ",".repeat(many) + ";",
    ];
    let mut figure = Figure::new("megabytes that are almost a list", 0, "bytes of heap ever asked for");
    let mut judged = |name: &str, value: &str| {
        let field: Field<'_> = (name.as_bytes(), value.as_bytes());
        let (judged, heap) = heap::during(|| judge_fields(&[field], OriginPolicy::Any));
        figure.saw(heap.asked, &status(judged));
        judged.err()
    };
    for value in long {
        assert_eq!(judged("sec-websocket-extensions", &value), Some(Refusal::ExtensionsInvalid));
    }
    for (name, value, refusal) in [
        ("connection", "upgrad,".repeat(many), Refusal::ConnectionUpgradeMissing),
        ("upgrade", "websocke, ".repeat(many), Refusal::UpgradeMissing),
        ("sec-websocket-protocol", "a,".repeat(many), Refusal::SubprotocolRepeated),
        (
            "sec-websocket-protocol",
            (0..many / 8).map(|n| format!("p{n},")).collect(),
            Refusal::TooManySubprotocols,
        ),
    ] {
        let refused = judged(name, &value);
        // Of endless repetitions the bound is what shows first.
        let bounded = [Some(refusal), Some(Refusal::TooManySubprotocols)];
        assert!(bounded.contains(&refused), "{name}: {refused:?}");
    }
    figure.tell();
}

#[test]
fn an_origin_that_only_looks_like_one_of_the_list_is_refused_with_403() {
    let listed =
        [Origin::parse("https://dashboard.corp").unwrap(), Origin::parse("http://[::1]:8080").unwrap()];
    let judged = |origin: &str| {
        let mut sent = request(&[&format!("Origin: {origin}")]);
        let head =
            ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut sent[..]).unwrap().unwrap();
        head.upgrade(OriginPolicy::List(&listed)).map(|_| ())
    };
    for same in ["https://dashboard.corp", "HTTPS://Dashboard.CORP:443", "http://[::1]:8080"] {
        assert_eq!(judged(same), Ok(()), "{same}");
    }
    let others = [
        "https://dashboard.corp.attacker.com",
        "https://attackerdashboard.corp",
        "https://attacker.com/dashboard.corp",
        "https://attacker.com?https://dashboard.corp",
        "https://dashboard.corp@attacker.com",
        "https://dashboard.corp:443@attacker.com",
        "https://dashboard.corp, https://attacker.com",
        "https://attacker.com https://dashboard.corp",
        "https://dashboard.corp:8443",
        "http://dashboard.corp",
        "https://dashboard.corp.",
        "https://dashboard.corp/",
        "https://dashboard.corp#",
        "https:dashboard.corp",
        "//dashboard.corp",
        "dashboard.corp",
        "null",
        "",
    ];
    let mut figure = Figure::new("origins that look like one of the list", 0, "requests accepted");
    for other in others {
        assert_eq!(judged(other), Err(Refusal::OriginForbidden), "{other}");
        figure.saw(usize::from(judged(other).is_ok()), &status(judged(other)));
    }
    figure.tell();
    assert!(Refusal::OriginForbidden.response().starts_with(b"HTTP/1.1 403 "));
}

#[test]
fn what_others_let_through_in_a_request_is_refused() {
    let changed = |from: &str, to: &str| {
        let sent = String::from_utf8(request(&[])).unwrap();
        assert!(sent.contains(from));
        judge(sent.replacen(from, to, 1).as_bytes())
    };
    let refused = [
        ("Sec-WebSocket-Version: 13\r\n", "", Refusal::VersionMissing),
        ("HTTP/1.1", "HTTP/1.0", Refusal::HttpVersionUnsupported),
        ("Host: server.example.com\r\n", "", Refusal::HostMissing),
        ("Host: server.example.com\r\n", "Host: a\r\nHost: a\r\n", Refusal::HostRepeated),
        ("/chat", "*", Refusal::TargetInvalid),
        ("/chat", "/chat#fragment", Refusal::TargetInvalid),
        (": 13", ": +13", Refusal::VersionInvalid),
        (": 13", ": 013", Refusal::VersionInvalid),
        (": 13", ": 13.0", Refusal::VersionInvalid),
        ("GET", "POST", Refusal::MethodNotAllowed),
    ];
    let mut figure = Figure::new("requests that others let through", 0, "requests accepted");
    for (from, to, refusal) in refused {
        let judged = changed(from, to);
        assert_eq!(judged, Err(refusal), "{to}");
        figure.saw(usize::from(judged.is_ok()), &status(judged));
    }
    figure.tell();
    for lines in ["Connection: keep-alive\r\nConnection: Upgrade", "Connection: keep-alive, Upgrade"] {
        assert_eq!(changed("Connection: Upgrade", lines), Ok(()), "{lines}");
    }
}

#[test]
fn what_others_let_through_in_a_response_is_refused() {
    let changed = |from: &str, to: &str| {
        let sent = String::from_utf8(response(&[])).unwrap();
        assert!(sent.contains(from));
        judge_response(sent.replacen(from, to, 1).as_bytes()).map(|outcome| match outcome {
            Outcome::Established(_) => 101,
            Outcome::Refused(head) => head.status(),
        })
    };
    let mut figure = Figure::new("responses that others let through", 0, "responses accepted");
    let unasked = "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate";
    let malformed = "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate;";
    for (from, to, error) in [
        (" 101 ", " 0101 ", ResponseError::StatusLineMalformed),
        (" 101 ", " 101", ResponseError::StatusLineMalformed),
        ("Upgrade: websocket", unasked, ResponseError::ExtensionNotOffered),
        ("Upgrade: websocket", malformed, ResponseError::ExtensionsInvalid),
        ("HTTP/1.1 101", "HTTP/1.0 101", ResponseError::HttpVersionUnsupported),
    ] {
        let judged = changed(from, to);
        assert_eq!(judged, Err(error), "{to}");
        figure.saw(usize::from(judged.is_ok()), &format!("{:?}", judged.unwrap_err()));
    }
    figure.tell();
    // What others refuse is lawful, and what others take for the last word is not.
    assert_eq!(changed("Connection: Upgrade", "Connection: keep-alive, Upgrade"), Ok(101));
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"] {
        assert_eq!(changed("HTTP/1.1 101", &format!("{interim}HTTP/1.1 101")), Ok(101));
    }
    // A refusal is told by its status, whatever the version of HTTP.
    assert_eq!(changed("HTTP/1.1 101", "HTTP/1.0 503"), Ok(503));
}
