//! What the application hands in for a handshake, from whomever it got it (RFC 9112 §2.2, RFC 3986).
#![cfg(feature = "alloc")]

mod support;

use sockless::handshake::{
    Acceptance, ClientRequest, HandshakeLimits, Key, Offer, OriginPolicy, ProxyRequest, Response,
    ServerHandshake, WriteError,
};
use sockless::{Uri, UriError};
use support::figure::Figure;
use support::opening::request;

#[test]
fn no_text_that_is_handed_in_ends_a_line_on_the_way_out() {
    let uri = Uri::parse("ws://a.example/").unwrap();
    let key = Key::from_nonce([0; 16]);
    let mut asked = request(&["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: foo"]);
    let head =
        ServerHandshake::new(HandshakeLimits::default()).receive(&mut &mut asked[..]).unwrap().unwrap();
    let server = head.upgrade(OriginPolicy::Any).unwrap();
    let lines = |out: &[u8]| {
        assert!(out.ends_with(b"\r\n\r\n"));
        let text: Vec<u8> = out.to_vec();
        let breaks = text.windows(2).filter(|pair| pair == b"\r\n").count();
        let single = text.iter().filter(|byte| b"\r\n".contains(byte)).count();
        assert!(single == 2 * breaks && !text.contains(&0), "{}", text.escape_ascii());
        breaks
    };
    let plain = lines(&ClientRequest::new(uri).to_bytes(&key).unwrap());
    let plain_answer = lines(&server.accept(&Acceptance::default()).unwrap());
    let mut figure = Figure::new("line ends in what is handed in", 0, "lines that were not meant");
    let mut written = 0;
    for ending in
        ["\r\nX: y", "\n", "\r", "\0", "\r\n\r\nGET / HTTP/1.1", "\u{b}", "\u{7f}", "\u{1}", "\r\n ", "z"]
    {
        for text in [ending.to_string(), format!("a{ending}"), format!("{ending}a"), format!("a{ending}b")] {
            let text = &*text;
            let base = ClientRequest::new(uri);
            let offer = Offer::default();
            let requests = [
                ClientRequest { fields: &[("X", text)], ..base },
                ClientRequest { fields: &[(text, "x")], ..base },
                ClientRequest { origin: Some(text), ..base },
                ClientRequest { offer: Offer { subprotocols: &[text], ..offer }, ..base },
                ClientRequest { offer: Offer { subprotocols: &["a", text], ..offer }, ..base },
                ClientRequest { offer: Offer { extensions: Some(text), ..offer }, ..base },
            ];
            for request in requests {
                let out = match request.to_bytes(&key) {
                    Ok(out) => out,
                    Err(error) => {
                        figure.saw(0, &format!("{error:?}"));
                        continue;
                    }
                };
                assert!(!ending.contains(char::is_control), "{text:?} was written");
                figure.saw(lines(&out) - (plain + 1), "written in one line");
                written += 1;
            }
            let acceptances = [
                Acceptance { fields: &[("X", text)], ..Acceptance::default() },
                Acceptance { fields: &[(text, "x")], ..Acceptance::default() },
                Acceptance { subprotocol: Some(text), ..Acceptance::default() },
                Acceptance { extensions: Some(text), ..Acceptance::default() },
            ];
            for acceptance in acceptances {
                let Ok(out) = server.accept(&acceptance) else { continue };
                assert!(!ending.contains(char::is_control), "{text:?} was written");
                figure.saw(lines(&out) - (plain_answer + 1), "written in one line");
                written += 1;
            }
            let location = [("Location", text)];
            let redirection = Response { status: 302, fields: &location, body: b"" };
            let tunnel = ProxyRequest { uri, fields: &location };
            let outs = [redirection.to_bytes(), tunnel.to_bytes()];
            assert!(outs.iter().all(|out| out.is_ok() != ending.contains(char::is_control)), "{text:?}");
            outs.iter().flatten().for_each(|out| written += usize::from(lines(out) > 0));
            for uri in [format!("ws://a{text}.example/"), format!("ws://a/{text}"), format!("ws://a/?{text}")]
            {
                assert_eq!(Uri::parse(&uri).is_ok(), !ending.contains(char::is_control), "{uri:?}");
            }
        }
    }
    assert!(written > 20, "{written}");
    figure.tell();
}

#[test]
fn a_uri_is_sent_as_it_is_meant_or_refused() {
    let line = |uri: &str| {
        let request = ClientRequest::new(Uri::parse(uri)?).to_bytes(&Key::from_nonce([0; 16])).unwrap();
        Ok(String::from_utf8(request).unwrap().lines().next().unwrap().to_string())
    };
    assert_eq!(line("ws://example.com?x=1").as_deref(), Ok("GET /?x=1 HTTP/1.1"));
    assert_eq!(line("WS://example.com/").as_deref(), Ok("GET / HTTP/1.1"));
    let mut figure = Figure::new("URIs that others read leniently", 0, "requests written");
    for (uri, error) in [
        ("ws://example.com:65536/", UriError::Port),
        ("ws://example.com:80a/", UriError::Port),
        ("ws://example.com:-1/", UriError::Port),
        ("ws://example.com:+1/", UriError::Port),
        ("ws://example.com:0/", UriError::Port),
        ("ws://example.com: 80/", UriError::Port),
        ("ws://example.com/a b", UriError::Character),
        ("wss://good.example\\@evil.example/", UriError::UserInformation),
    ] {
        let written: Result<String, UriError> = line(uri);
        assert_eq!(written, Err(error), "{uri}");
        figure.saw(usize::from(written.is_ok()), &format!("UriError::{:?}", written.unwrap_err()));
    }
    figure.tell();
    // The host to verify a certificate by is the host of the request.
    let uri = Uri::parse("wss://Good.example:444/@evil.example").unwrap();
    assert_eq!(
        (uri.host().to_string(), uri.host_header().to_string()),
        ("good.example".into(), "good.example:444".into())
    );
    assert_eq!(Uri::parse("wss://good.example@evil.example/").unwrap().host(), "evil.example");
}

#[test]
fn what_is_written_does_not_fit_or_is_whole_and_holds_nothing_of_the_buffer() {
    let mut buffer = [0xaa; 300];
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    let length = request.write(&Key::from_nonce([1; 16]), &mut buffer).unwrap();
    assert!(buffer[length..].iter().all(|&byte| byte == 0xaa));
    let mut figure = Figure::new("a request in a used buffer", 0, "bytes of the buffer in it");
    let left = buffer[..length].iter().filter(|&&byte| byte == 0xaa).count();
    let mut small = [0xaa; 300];
    let needed = request.write(&Key::from_nonce([1; 16]), &mut small[..length - 1]);
    assert_eq!(needed, Err(WriteError::BufferTooSmall { needed: length }));
    figure.saw(left, "BufferTooSmall, or whole");
    figure.tell();
}
