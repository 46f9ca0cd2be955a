//! RFC 6455 §3, §11.1: WebSocket URIs.

mod support;

use sockless::{Authority, Uri, UriError};
use support::vectors::{id, load};

#[test]
fn vectors() {
    for row in load("uri") {
        let (expected, text) = (&row["expected"], row["input"]["uri"].as_str().unwrap());
        let uri = Uri::parse(text);
        assert_eq!(uri.is_ok(), expected["valid"].as_bool().unwrap(), "{}: {uri:?}", id(&row));
        let Ok(uri) = uri else { continue };
        assert_eq!(uri.host().to_string(), expected["host"].as_str().unwrap(), "{}", id(&row));
        assert_eq!(u64::from(uri.port()), expected["port"].as_u64().unwrap(), "{}", id(&row));
        assert_eq!(uri.is_secure(), expected["secure"].as_bool().unwrap(), "{}", id(&row));
        assert_eq!(
            uri.resource_name().to_string(),
            expected["resource_name"].as_str().unwrap(),
            "{}",
            id(&row)
        );
        assert_eq!(uri.host_header().to_string(), expected["host_header"].as_str().unwrap(), "{}", id(&row));
        let again = uri.to_string();
        assert_eq!(Uri::parse(&again).unwrap().to_string(), again, "{}", id(&row));
    }
}

#[test]
fn every_cause_has_its_error() {
    let cases = [
        ("", UriError::Scheme),
        ("http://a/", UriError::Scheme),
        ("wsss://a/", UriError::Scheme),
        (" ws://a/", UriError::Scheme),
        ("ws:/a", UriError::Slashes),
        ("ws:", UriError::Slashes),
        ("ws://", UriError::HostMissing),
        ("ws:///", UriError::HostMissing),
        ("ws://:80/", UriError::HostMissing),
        ("ws://u@/", UriError::HostMissing),
        ("ws://u s@a/", UriError::UserInformation),
        ("ws://a@b@c/", UriError::Host),
        ("ws://a b/", UriError::Host),
        ("ws://a\\b/", UriError::Host),
        ("ws://exämple/", UriError::Host),
        ("ws://a<b/", UriError::Host),
        ("ws://a%2/", UriError::PercentEscape),
        ("ws://[]/", UriError::Address),
        ("ws://[::1/", UriError::Address),
        ("ws://[1.2.3.4]/", UriError::Address),
        ("ws://[::1]x/", UriError::Address),
        ("ws://[:::1]/", UriError::Address),
        ("ws://[fe80::1%25eth0]/", UriError::Address),
        ("ws://[v.x]/", UriError::Address),
        ("ws://[v1.]/", UriError::Address),
        ("ws://[vg.x]/", UriError::Address),
        ("ws://1::2/", UriError::Port),
        ("ws://a:0/", UriError::Port),
        ("ws://a:+80/", UriError::Port),
        ("ws://a: 80/", UriError::Port),
        ("ws://a:65536/", UriError::Port),
        ("ws://a:99999999999999999999999/", UriError::Port),
        ("ws://a/#", UriError::Fragment),
        ("ws://a#b", UriError::Fragment),
        ("ws://a?x#b", UriError::Fragment),
        ("ws://a/%", UriError::PercentEscape),
        ("ws://a/%4", UriError::PercentEscape),
        ("ws://a/?%+1", UriError::PercentEscape),
        ("ws://a/b c", UriError::Character),
        ("ws://a/b\r\nX: y", UriError::Character),
        ("ws://a/?b\0", UriError::Character),
        ("ws://a/\u{7f}", UriError::Character),
        ("ws://a/é", UriError::Character),
        ("ws://a/\"", UriError::Character),
    ];
    for (text, error) in cases {
        assert_eq!(Uri::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn what_is_lawful_passes() {
    for text in [
        "ws://a:65535",
        "ws://a:0080/",
        "ws://[v1F.a:b]/",
        "ws://[::ffff:1.2.3.4]/",
        "ws://a_b.c!/",
        "ws://a/;=@:",
    ] {
        assert!(Uri::parse(text).is_ok(), "{text}");
    }
    assert_eq!(Uri::parse("ws://a:0080/").unwrap().host_header().to_string(), "a");
    let uri = Uri::parse("wss://me:secret@a.example?x/?y").unwrap();
    assert_eq!((uri.resource_name().path(), uri.resource_name().query()), ("/", Some("x/?y")));
    assert!(!format!("{uri} {uri:?}").contains("secret"));
    assert_eq!(Uri::parse("ws://a/%23").unwrap().resource_name().to_string(), "/%23");
}

/// RFC 3986 §6.2.3, RFC 6455 §3
#[test]
fn uris_that_ask_for_the_same_are_equal() {
    let uri = |text| Uri::parse(text).unwrap();
    for (one, other) in [("ws://a", "ws://a/"), ("ws://a", "WS://A:80/?"), ("wss://a?b", "wss://a:443/?b")] {
        assert_eq!(uri(one), uri(other));
    }
    for (one, other) in [("ws://a", "wss://a"), ("ws://a/b", "ws://a/B"), ("ws://a", "ws://a/?b")] {
        assert_ne!(uri(one), uri(other));
    }
}

#[test]
fn hosts_compare_without_case() {
    let authority = Authority::parse("Server.Example:8080").unwrap();
    assert_eq!(authority, Authority::parse("server.EXAMPLE:8080").unwrap());
    assert_ne!(authority, Authority::parse("server.example").unwrap());
    assert_eq!(authority.host(), "sERVER.example");
    assert_ne!(authority.host(), "server.example.");
    assert!(authority.host() == *"server.EXAMPLE" && authority.host() != *"server.example.");
    assert_eq!(authority.host().as_str(), "Server.Example");
    assert_eq!(authority.to_string(), "server.example:8080");
    // The Kelvin sign becomes a k in Unicode, not in ASCII.
    assert!(Authority::parse("\u{212a}").is_err());
}

#[test]
fn addresses_are_told_from_names() {
    let address = |text| Authority::parse(text).unwrap().host().address().map(|address| address.to_string());
    assert_eq!(address("127.0.0.1:80").as_deref(), Some("127.0.0.1"));
    assert_eq!(address("[2001:DB8::1]:80").as_deref(), Some("2001:db8::1"));
    assert_eq!(address("127.0.0.256"), None);
    assert_eq!(address("127.1"), None);
    assert_eq!(address("[v1.a]"), None);
}

/// RFC 3986 §3.3, §3.4: `pchar` and the slash, in the query the question mark, too.
#[test]
fn every_character_of_a_resource_name() {
    for character in (0..128u8).map(char::from) {
        let allowed = character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?".contains(character);
        for uri in [format!("ws://a/x{character}"), format!("ws://a/?x{character}")] {
            assert_eq!(Uri::parse(&uri).is_ok(), allowed, "{uri:?}");
        }
    }
}
