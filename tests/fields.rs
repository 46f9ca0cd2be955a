//! RFC 9110 §5.5, §5.6, RFC 6455 §4.3, §9.1: the grammar of fields, seen through the check of a request.

use sockless::handshake::{HttpVersion, OriginPolicy, Refusal, Request, RequestLine};

type Field<'a> = (&'a [u8], &'a [u8]);

fn check<'a>(own: &'a [Field<'a>]) -> Result<Request<'a, impl Iterator<Item = Field<'a>> + Clone>, Refusal> {
    const FIELDS: [Field<'static>; 5] = [
        (b"Host", b"a"),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"Sec-WebSocket-Version", b"13"),
    ];
    let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
    Request::check(line, FIELDS.iter().chain(own).copied(), OriginPolicy::Any)
}

#[test]
fn s9_1_a_quoted_value_is_shown_unquoted() {
    let extensions = br#"x; a="b\c"; d=e"#;
    let fields: [Field<'_>; 1] = [(b"Sec-WebSocket-Extensions", extensions)];
    let request = check(&fields).unwrap();
    let extension = request.extensions().next().unwrap();
    let shown: Vec<_> = extension.parameters().map(|one| format!("{}={:?}", one.name, one.value)).collect();
    assert_eq!(shown, ["a=Some(bc)", "d=Some(e)"]);
}

#[test]
fn tokens() {
    let token = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for byte in 0..=255 {
        let name = [b'a', byte, b'b'];
        let subprotocol =
            check(&[(b"Sec-WebSocket-Protocol", &name)]).map(|request| request.subprotocols().count());
        match byte {
            b',' => assert_eq!(subprotocol, Ok(2)),
            _ if token.contains(&byte) => assert_eq!(subprotocol, Ok(1), "{byte}"),
            _ => assert_eq!(subprotocol, Err(Refusal::SubprotocolsInvalid), "{byte}"),
        }
        let extension =
            check(&[(b"Sec-WebSocket-Extensions", &name)]).map(|request| request.extensions().count());
        match byte {
            b',' => assert_eq!(extension, Ok(2)),
            b';' => assert_eq!(extension, Ok(1)),
            _ if token.contains(&byte) => assert_eq!(extension, Ok(1), "{byte}"),
            _ => assert_eq!(extension, Err(Refusal::ExtensionsInvalid), "{byte}"),
        }
        let quoted = [b"a; b=\"c", &[byte][..], b"d\""].concat();
        let quoted = check(&[(b"Sec-WebSocket-Extensions", &quoted)]).is_ok();
        // A backslash makes the next character, a d, stand for itself.
        assert_eq!(quoted, token.contains(&byte) || byte == b'\\', "{byte}");
        let escaped = [b"a; b=\"c\\", &[byte][..], b"\""].concat();
        let escaped = check(&[(b"Sec-WebSocket-Extensions", &escaped)]).is_ok();
        assert_eq!(escaped, token.contains(&byte), "{byte}");
    }
}

/// The extensions of one line, written down: name, and parameters with their values.
fn extensions(line: &str) -> Option<Vec<String>> {
    let fields = [(b"sec-websocket-extensions".as_slice(), line.as_bytes())];
    let request = check(&fields).ok()?;
    let shown = |extension: sockless::handshake::Extension<'_>| {
        extension.parameters().fold(extension.name().to_string(), |shown, parameter| match parameter.value {
            Some(value) => format!("{shown};{}={value}", parameter.name),
            None => format!("{shown};{}", parameter.name),
        })
    };
    Some(request.extensions().map(shown).collect())
}

#[test]
fn extension_lists() {
    let valid: [(&str, &[&str]); 10] = [
        ("foo", &["foo"]),
        ("foo, Foo , bar", &["foo", "Foo", "bar"]),
        (",, foo ,\t, bar,", &["foo", "bar"]),
        ("foo; a; b=1; a=2", &["foo;a;b=1;a=2"]),
        ("foo ;\ta = 1 ; b , bar", &["foo;a=1;b", "bar"]),
        ("foo; a = \"1\" , bar", &["foo;a=1", "bar"]),
        ("foo; a=\"1\\0\"", &["foo;a=10"]),
        ("foo; a=\"\\1\\0\"", &["foo;a=10"]),
        ("x;toString=__proto__", &["x;toString=__proto__"]),
        ("foo;a=1;a", &["foo;a=1;a"]),
    ];
    for (line, expected) in valid {
        assert_eq!(extensions(line).unwrap_or_default(), expected, "{line:?}");
    }
    let invalid = [
        "",
        " ",
        ",",
        ";",
        "foo;",
        "foo; ",
        "foo;;a",
        "foo; =",
        "foo; =1",
        "foo; a=",
        "foo; a=,bar",
        "foo; a==1",
        "foo bar",
        "foo; a b",
        "foo; a=1 2",
        "foo=1",
        "\"foo\"",
        "foo; \"a\"=1",
        "foo; a=\"\"",
        "foo; a=\"1",
        "foo; a=\"1\\",
        "foo; a=\"1\\\"",
        "foo; a=\"1 2\"",
        "foo; a=\"1,2\"",
        "foo; a=\"1;2\"",
        "foo; a=\"\\\\\"",
        "foo; a=\"\\\"\"",
        "foo; a=\"1\"2",
        "foo; a=1\"2\"",
        "foo, bar;",
        "foo; a=é",
    ];
    for line in invalid {
        assert_eq!(extensions(line), None, "{line:?}");
    }
}

#[test]
fn values_are_equal_however_they_are_written() {
    let fields: [Field<'_>; 1] =
        [(b"Sec-WebSocket-Extensions", b"x; a=10; b=\"10\"; c=\"1\\0\"; d=\"\\1\\0\"; e=1")];
    let request = check(&fields).unwrap();
    let values: Vec<_> =
        request.extensions().next().unwrap().parameters().map(|it| it.value.unwrap()).collect();
    assert!(values[..4].iter().all(|value| *value == "10" && *value == values[0]), "{values:?}");
    assert!(values[4] != "10" && values[4] != values[0]);
}

#[test]
fn lists_go_over_several_lines() {
    let fields: [Field<'_>; 5] = [
        (b"Sec-WebSocket-Extensions", b"a; x=1,"),
        (b"SEC-WEBSOCKET-PROTOCOL", b"one"),
        (b"sec-websocket-extensions", b""),
        (b"Sec-WebSocket-Extensions", b"b"),
        (b"Sec-WebSocket-Protocol", b",two, three"),
    ];
    let request = check(&fields).unwrap();
    assert!(request.extensions().map(|extension| extension.name()).eq(["a", "b"]));
    assert!(request.subprotocols().eq(["one", "two", "three"]));
    assert_eq!(
        request.choose_subprotocol(&["zero", "three", "one"]),
        Some("three"),
        "the server's preference"
    );
    assert_eq!(request.choose_subprotocol(&["ONE"]), None);
    assert_eq!(
        request.choose_subprotocol(&["one, two", "one,two", ""]),
        None,
        "a name is a token, not a list"
    );
}

#[test]
fn an_unclosed_quote_costs_one_pass() {
    let long = format!("a; b=\"{}", "\\x".repeat(1 << 20));
    assert_eq!(extensions(&long), None);
    let many = "a;b=\"c\",".repeat(1 << 17);
    assert_eq!(extensions(&many).map(|all| all.len()), Some(1 << 17));
}
