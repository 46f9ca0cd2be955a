//! RFC 6455 §4.1, RFC 9110 §9.3.6: a client's way through a proxy.

#![cfg(feature = "alloc")]

mod support;

use std::time::Duration;

use sockless::handshake::{HandshakeLimits, ProxyHandshake, ProxyRequest, ResponseError, Tunnel, WriteError};
use sockless::{Moment, Uri};
use support::pieces::{cuts, feed};
use support::vectors::{bytes, id, load};

fn handshake() -> ProxyHandshake {
    let request = ProxyRequest { uri: Uri::parse("ws://a/").unwrap(), fields: &[] };
    ProxyHandshake::new(&request, HandshakeLimits::default()).unwrap()
}

#[test]
fn vectors() {
    for row in load("proxy_connect") {
        let (input, expected) = (&row["input"], &row["expected"]);
        if let Some(uri) = input["uri"].as_str() {
            let request = ProxyRequest { uri: Uri::parse(uri).unwrap(), fields: &[] };
            let (line, host) =
                (expected["request_line"].as_str().unwrap(), expected["host"].as_str().unwrap());
            let wanted = format!("{line}\r\nHost: {host}\r\n\r\n");
            assert_eq!(request.to_bytes().unwrap(), wanted.as_bytes(), "{}", id(&row));
            continue;
        }
        for pieces in cuts(&bytes(&input["response_hex"])) {
            let mut handshake = handshake();
            let fed = feed(&pieces, |input| handshake.receive(input));
            match fed.result.unwrap().unwrap() {
                Tunnel::Open(_) => {
                    assert_eq!(expected["outcome"], "tunnel", "{}", id(&row));
                    assert_eq!(fed.left, bytes(&expected["leftover_hex"]), "{}", id(&row));
                }
                Tunnel::Refused(head) => {
                    assert_eq!(expected["outcome"], "fail", "{}", id(&row));
                    assert_eq!(
                        u64::from(head.status()),
                        expected["status"].as_u64().unwrap(),
                        "{}",
                        id(&row)
                    );
                }
            }
        }
    }
}

#[test]
fn requests() {
    let uri = Uri::parse("wss://[2001:DB8::1]:9001/x").unwrap();
    let request = ProxyRequest { uri, fields: &[("Proxy-Authorization", "Basic eDp5")] };
    let sent = request.to_bytes().unwrap();
    assert_eq!(
        sent,
        b"CONNECT [2001:db8::1]:9001 HTTP/1.1\r\nHost: [2001:db8::1]:9001\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
    );
    let mut buffer = [0; 256];
    let length = request.write(&mut buffer).unwrap();
    assert_eq!(buffer[..length], sent);
    assert_eq!(request.write(&mut [0; 20]), Err(WriteError::BufferTooSmall { needed: sent.len() }));
    assert!(!format!("{request:?}").contains("eDp5"));
    let refused: [(&str, &str, WriteError); 4] = [
        ("Host", "b", WriteError::FieldReserved),
        ("Content-Length", "1", WriteError::FieldReserved),
        ("X", "a\r\nb", WriteError::FieldValue),
        ("X Y", "a", WriteError::FieldName),
    ];
    for (name, value, error) in refused {
        assert_eq!(ProxyRequest { uri, fields: &[(name, value)] }.to_bytes(), Err(error), "{name}");
    }
}

#[test]
fn answers() {
    let result = |answer: &[u8]| feed(&[answer.to_vec()], |input| handshake().receive(input)).result;
    assert!(matches!(result(b"HTTP/1.0 299 \r\n\r\n"), Ok(Some(Tunnel::Open(_)))));
    assert!(matches!(result(b"HTTP/1.1 300 \r\n\r\n"), Ok(Some(Tunnel::Refused(_)))));
    assert_eq!(result(b"HTTP/1.1 101 \r\n\r\n").err(), Some(ResponseError::Status(101)));
    assert_eq!(result(b"\x05\x00\r\n").err(), Some(ResponseError::StatusLineMalformed));
    let mut early = handshake();
    assert!(early.receive(&mut &mut b"HTTP/1.1 100 \r\n\r\nHTTP".to_vec()[..]).unwrap().is_none());
    assert_eq!(early.receive_eof(), Err(ResponseError::EndedEarly));
}

#[test]
fn the_answer_has_to_come_in_time() {
    let at = |seconds| Moment::from(Duration::from_secs(seconds));
    let mut handshake = handshake();
    assert_eq!(handshake.request(), b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
    assert_eq!(handshake.poll_timeout(at(1)), Some(at(11)));
    assert_eq!(handshake.handle_timeout(at(10)), Ok(()));
    assert!(handshake.receive(&mut &mut b"HTTP/1.1 200 \r\n".to_vec()[..]).unwrap().is_none());
    assert_eq!(handshake.poll_timeout(at(10)), Some(at(11)), "a part of an answer is none");
    assert_eq!(handshake.handle_timeout(at(11)), Err(ResponseError::TimedOut));
    assert_eq!(handshake.poll_timeout(at(11)), None);
    assert_eq!(handshake.handle_timeout(at(10)), Err(ResponseError::TimedOut));
    assert_eq!(handshake.receive_eof(), Err(ResponseError::TimedOut));
    assert_eq!(handshake.receive(&mut &mut b"\r\n".to_vec()[..]).err(), Some(ResponseError::TimedOut));
}
