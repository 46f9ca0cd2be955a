//! Negotiation of permessage-deflate (RFC 7692 §5, §7.1), both sides, through the handshakes themselves.

mod support;

use sockless::Uri;
use sockless::handshake::{
    Acceptance, Agreed, ClientRequest, DeflateFault, HttpVersion, Key, Offer, OriginPolicy,
    PermessageDeflate, Refusal, Request, RequestLine, ResponseError, StatusLine, WindowBits,
};
use support::vectors::{id, load};

fn bits(value: u8) -> WindowBits {
    WindowBits::new(value).expect("8 to 15")
}

/// What a server with this policy answers to the value of the field.
fn answer(policy: PermessageDeflate, offer: &str) -> Result<Option<Agreed>, Refusal> {
    let fields = [
        ("Host", "a.example"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Extensions", offer),
    ];
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let line = RequestLine { method: b"GET", target: b"/", version: HttpVersion::HTTP_11 };
    let request = Request::check(line, fields, OriginPolicy::Any)?;
    let agreed = policy.answer(request.extensions());
    let text = agreed.map(|agreed| agreed.answer());
    let acceptance = Acceptance { extensions: text.as_deref(), ..Acceptance::default() };
    request.write_acceptance(&acceptance, &mut [0; 512]).expect("an answer that may be sent");
    Ok(agreed)
}

fn answer_text(policy: PermessageDeflate, offer: &str) -> Option<String> {
    answer(policy, offer).expect("a good request").map(|agreed| agreed.answer().to_string())
}

/// What a client that made these offers makes of the value of the field.
fn check(
    offers: &[PermessageDeflate],
    response: &str,
) -> Result<Result<Option<Agreed>, DeflateFault>, ResponseError> {
    let texts: Vec<String> = offers.iter().map(|offer| offer.offer().to_string()).collect();
    let text = texts.join(", ");
    let offer = Offer { extensions: Some(&text), ..Offer::default() };
    let request = ClientRequest { offer, ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap()) };
    let key = Key::from_nonce([7; 16]);
    request.write(&key, &mut [0; 1024]).expect("an offer that may be sent");
    let accept = key.accept();
    let fields = [
        (&b"Upgrade"[..], &b"websocket"[..]),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", &accept[..]),
        (b"Sec-WebSocket-Extensions", response.as_bytes()),
    ];
    let line = StatusLine { version: HttpVersion::HTTP_11, status: 101 };
    let opened = offer.check(&key, line, fields.iter().copied())?;
    let checked = PermessageDeflate::check_any(offers, opened.extensions());
    if let [offer] = offers {
        assert_eq!(offer.check(opened.extensions()), checked, "{response} for {text}");
    }
    Ok(checked)
}

/// A policy that says what this offer of a vector says.
fn offering(text: &str) -> PermessageDeflate {
    let mut offer = PermessageDeflate::default().client_max_window_bits(None);
    for parameter in text.split(';').skip(1).map(str::trim) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, "15"));
        let value = bits(value.parse().unwrap());
        offer = match name {
            "server_no_context_takeover" => offer.server_no_context_takeover(),
            "client_no_context_takeover" => offer.client_no_context_takeover(),
            "server_max_window_bits" => offer.server_max_window_bits(value),
            _ => offer.client_max_window_bits(Some(value)),
        };
    }
    assert_eq!(&*offer.offer(), text);
    offer
}

#[test]
fn s7_1_every_offer_of_the_vectors_is_answered_as_it_should_be() {
    for vector in load("deflate_offers") {
        let (id, expected) = (id(&vector), &vector["expected"]);
        let wanted = vector["input"]["server_config"]["client_max_window_bits"].as_u64();
        let policy = match wanted {
            Some(wanted) => PermessageDeflate::default().client_max_window_bits(Some(bits(wanted as u8))),
            None => PermessageDeflate::default(),
        };
        let answered = answer(policy, vector["input"]["offer"].as_str().unwrap());
        if expected["malformed"] == true {
            let refusal = answered.expect_err(id);
            assert_eq!(Some(u64::from(refusal.status())), expected["reject_status"][0].as_u64(), "{id}");
            continue;
        }
        let text = answered.unwrap().map(|agreed| agreed.answer().to_string());
        // The first of its offers has a window that this server can do with.
        if id == "pmdn-s-fallback-rfc" {
            assert_eq!(text.as_deref(), Some("permessage-deflate; server_max_window_bits=10"));
            continue;
        }
        let lawful = expected["response_any_of"].as_array().unwrap();
        assert!(lawful.iter().any(|lawful| lawful.as_str() == text.as_deref()), "{id}: {text:?}");
        assert!(
            text.is_some() || lawful.len() == 1 || id == "pmdn-s-empty-elements",
            "{id}: needlessly declined"
        );
    }
}

#[test]
fn s7_1_every_answer_of_the_vectors_is_judged_as_it_should_be() {
    for vector in load("deflate_answers") {
        let (offer, response) = (&vector["input"]["offer"], vector["input"]["response"].as_str().unwrap());
        let offers: Vec<PermessageDeflate> = offer.as_str().map(offering).into_iter().collect();
        let valid = match offers.is_empty() {
            // Nothing was offered: the handshake says so itself.
            true => {
                let key = Key::from_nonce([7; 16]);
                let accept = key.accept();
                let fields = [
                    (&b"Upgrade"[..], &b"websocket"[..]),
                    (b"Connection", b"Upgrade"),
                    (b"Sec-WebSocket-Accept", &accept[..]),
                    (b"Sec-WebSocket-Extensions", response.as_bytes()),
                ];
                let line = StatusLine { version: HttpVersion::HTTP_11, status: 101 };
                Offer::default().check(&key, line, fields.iter().copied()).is_ok()
            }
            false => {
                check(&offers, response).is_ok_and(|checked| checked.is_ok_and(|agreed| agreed.is_some()))
            }
        };
        assert_eq!(valid, vector["expected"]["valid"] == true, "{}", id(&vector));
    }
}

#[test]
fn s7_a_bad_offer_is_declined_alone() {
    let bad = [
        "x",
        "server_max_window_bits",
        "server_max_window_bits=",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=08",
        "server_max_window_bits=05",
        "server_max_window_bits=+10",
        "server_max_window_bits=-10",
        "server_max_window_bits=0xA",
        "server_max_window_bits=1e1",
        "server_max_window_bits=100",
        "server_max_window_bits=10.0",
        "server_max_window_bits=\"010\"",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=09",
        "client_max_window_bits=00",
        "client_max_window_bits; client_max_window_bits=10",
        "client_max_window_bits=10; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover=1",
        "server_no_context_takeover=10",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover=\"true\"",
        "client_no_context_takeover; client_no_context_takeover",
        "Server_no_context_takeover",
        "SERVER_MAX_WINDOW_BITS=10",
        "server_max_window_bits=10; x=y",
    ];
    let policy = PermessageDeflate::default();
    for bad in bad.into_iter().filter(|bad| !bad.ends_with('=')) {
        let alone = format!("permessage-deflate; {bad}");
        assert_eq!(answer_text(policy, &alone), None, "{bad}");
        let with_fallback = format!("{alone}, permessage-deflate; server_max_window_bits=12");
        let expected = "permessage-deflate; server_max_window_bits=12";
        assert_eq!(answer_text(policy, &with_fallback).as_deref(), Some(expected), "{bad}");
        let response = alone.as_str();
        let everything = PermessageDeflate::default();
        assert!(matches!(check(&[everything], response), Ok(Err(_))), "a client took {bad}");
    }
    assert_eq!(answer(policy, "permessage-deflate; server_max_window_bits=").unwrap_err().status(), 400);
    assert_eq!(answer_text(policy, "Permessage-Deflate"), None);
    assert_eq!(answer_text(policy, "permessage-deflate-x, x-webkit-deflate-frame"), None);
}

#[test]
fn s7_1_a_server_answers_within_offer_and_policy() {
    let none = PermessageDeflate::default();
    let own =
        |server, client| none.server_max_window_bits(bits(server)).client_max_window_bits(Some(bits(client)));
    for (policy, offer, expected) in [
        (none, "", ""),
        (none, "; server_max_window_bits=8", "; server_max_window_bits=8"),
        (none, "; server_max_window_bits=15", "; server_max_window_bits=15"),
        (none, "; server_max_window_bits=\"10\"", "; server_max_window_bits=10"),
        (none, "; server_max_window_bits=\"1\\0\"", "; server_max_window_bits=10"),
        (none, "; client_max_window_bits", ""),
        (none, "; client_max_window_bits=11", "; client_max_window_bits=11"),
        (none, "; client_max_window_bits=8", "; client_max_window_bits=8"),
        (none, "; server_no_context_takeover", "; server_no_context_takeover"),
        (none, "; client_no_context_takeover", "; client_no_context_takeover"),
        (own(10, 11), "", "; server_max_window_bits=10"),
        (own(10, 11), "; server_max_window_bits=9", "; server_max_window_bits=9"),
        (own(10, 11), "; server_max_window_bits=12", "; server_max_window_bits=10"),
        (own(10, 11), "; client_max_window_bits", "; server_max_window_bits=10; client_max_window_bits=11"),
        (own(15, 11), "; client_max_window_bits=13", "; client_max_window_bits=11"),
        (own(15, 11), "; client_max_window_bits=10", "; client_max_window_bits=10"),
        (own(15, 8), "; client_max_window_bits", "; client_max_window_bits=9"),
        (none.client_max_window_bits(None), "; client_max_window_bits=10", "; client_max_window_bits=10"),
        (none.no_context_takeover(), "", "; server_no_context_takeover; client_no_context_takeover"),
    ] {
        let offer = format!("permessage-deflate{offer}");
        let expected = format!("permessage-deflate{expected}");
        assert_eq!(answer_text(policy, &offer).as_deref(), Some(&*expected), "{offer} with {policy:?}");
    }
    let agreed = answer(own(10, 11), "permessage-deflate; client_max_window_bits").unwrap().unwrap();
    assert_eq!((agreed.server_max_window_bits(), agreed.client_max_window_bits()), (bits(10), bits(11)));
    assert!(!agreed.server_no_context_takeover() && !agreed.client_no_context_takeover());
    // Not offered, so it cannot be set.
    let agreed = answer(own(15, 9), "permessage-deflate").unwrap().unwrap();
    assert_eq!(agreed.client_max_window_bits(), WindowBits::MAX);
}

#[test]
fn s5_the_first_offer_that_will_do_is_taken() {
    let policy = PermessageDeflate::default();
    let offers = "x-first; a=\"b\", permessage-deflate; server_max_window_bits=3, \
                  permessage-deflate; server_max_window_bits=11, permessage-deflate; server_max_window_bits=12";
    assert_eq!(answer_text(policy, offers).as_deref(), Some("permessage-deflate; server_max_window_bits=11"));
}

#[test]
fn s7_1_a_client_takes_what_lies_within_its_offer_and_says_why_not() {
    let plain = PermessageDeflate::default();
    let bare = plain.client_max_window_bits(None);
    let small = plain.server_max_window_bits(bits(10));
    let fresh = plain.server_no_context_takeover();
    let hinted = plain.client_max_window_bits(Some(bits(9)));
    for (offer, response, fault) in [
        (plain, "", None),
        (plain, "; server_no_context_takeover; client_no_context_takeover", None),
        (plain, "; server_max_window_bits=8; client_max_window_bits=8", None),
        (plain, "; server_max_window_bits=15; client_max_window_bits=15", None),
        (plain, "; server_max_window_bits=\"9\"", None),
        (plain, "; client_max_window_bits", Some(DeflateFault::InvalidValue)),
        (plain, "; server_max_window_bits", Some(DeflateFault::InvalidValue)),
        (plain, "; server_max_window_bits=010", Some(DeflateFault::InvalidValue)),
        (plain, "; server_no_context_takeover=1", Some(DeflateFault::InvalidValue)),
        (plain, "; mux", Some(DeflateFault::UnknownParameter)),
        (plain, "; mux=9", Some(DeflateFault::UnknownParameter)),
        (plain, "; mux=some", Some(DeflateFault::UnknownParameter)),
        (
            plain,
            "; server_max_window_bits=9; server_max_window_bits=9",
            Some(DeflateFault::RepeatedParameter),
        ),
        (plain, ", permessage-deflate", Some(DeflateFault::AcceptedTwice)),
        (bare, "; client_max_window_bits=10", Some(DeflateFault::ClientWindowNotOffered)),
        (small, "", Some(DeflateFault::ServerWindowNotConfirmed)),
        (small, "; server_max_window_bits=11", Some(DeflateFault::ServerWindowTooLarge)),
        (small, "; server_max_window_bits=10", None),
        (small, "; server_max_window_bits=8", None),
        (fresh, "", Some(DeflateFault::TakeoverNotConfirmed)),
        (fresh, "; client_no_context_takeover", Some(DeflateFault::TakeoverNotConfirmed)),
        (fresh, "; server_no_context_takeover", None),
        // A hint need not be followed, nor confirmed.
        (hinted, "; client_max_window_bits=12", None),
        (hinted, "", None),
    ] {
        let checked = check(&[offer], &format!("permessage-deflate{response}")).expect("a good response");
        assert_eq!(checked.err(), fault, "{response} for {}", offer.offer());
    }
    let agreed = check(&[hinted], "permessage-deflate; client_max_window_bits=12").unwrap().unwrap().unwrap();
    assert_eq!(agreed.client_max_window_bits(), bits(9));
    assert_eq!(check(&[plain], "x-other"), Err(ResponseError::ExtensionNotOffered));
}

#[test]
fn s7_1_a_client_keeps_to_its_own_hints_confirmed_or_not() {
    let hinting =
        PermessageDeflate::default().client_no_context_takeover().client_max_window_bits(Some(bits(9)));
    assert_eq!(&*hinting.offer(), "permessage-deflate; client_no_context_takeover; client_max_window_bits=9");
    let agreed = |response| check(&[hinting], response).unwrap().unwrap().unwrap();
    let without = agreed("permessage-deflate");
    assert!(without.client_no_context_takeover());
    assert_eq!(without.client_max_window_bits(), bits(9));
    let with = agreed("permessage-deflate; client_no_context_takeover; client_max_window_bits=10");
    assert!(with.client_no_context_takeover());
    assert_eq!(with.client_max_window_bits(), bits(9));
    // What is granted is a bound besides.
    assert_eq!(agreed("permessage-deflate; client_max_window_bits=8").client_max_window_bits(), bits(8));
    let silent = PermessageDeflate::default().client_max_window_bits(None);
    let agreed = check(&[silent], "permessage-deflate").unwrap().unwrap().unwrap();
    assert_eq!(
        (agreed.client_no_context_takeover(), agreed.client_max_window_bits()),
        (false, WindowBits::MAX)
    );
}

#[test]
fn s5_a_client_that_made_several_offers_takes_an_answer_to_any() {
    let offers = [
        PermessageDeflate::default().server_max_window_bits(bits(10)).level(1),
        PermessageDeflate::default().client_max_window_bits(None).level(9),
    ];
    let level = |response| Some(check(&offers, response).unwrap().ok()??.level());
    assert_eq!(level("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9"), Some(1));
    assert_eq!(level("permessage-deflate"), Some(9));
    assert_eq!(level("permessage-deflate; client_max_window_bits=9"), None);
}

#[test]
fn s7_1_client_and_server_agree_with_each_other() {
    let takeovers = [false, true];
    let windows = [8, 9, 12, 15].map(bits);
    for (server, client) in windows.into_iter().flat_map(|a| windows.map(|b| (a, b))) {
        for (fresh_server, fresh_client) in takeovers.into_iter().flat_map(|a| takeovers.map(|b| (a, b))) {
            let mut end = PermessageDeflate::default()
                .server_max_window_bits(server)
                .client_max_window_bits(Some(client));
            end.server_no_context_takeover = fresh_server;
            end.client_no_context_takeover = fresh_client;
            for (ours, theirs) in
                [(PermessageDeflate::default(), end), (end, PermessageDeflate::default()), (end, end)]
            {
                let at_server = answer(theirs, &ours.offer()).unwrap().expect("an answer");
                let at_client = check(&[ours], &at_server.answer()).unwrap().unwrap().expect("agreed");
                assert_eq!(at_client.answer(), at_server.answer());
                assert_eq!(at_client, at_server);
                assert_eq!(at_server.server_no_context_takeover(), fresh_server);
                assert_eq!(at_server.server_max_window_bits(), server);
                assert_eq!(at_server.client_no_context_takeover(), fresh_client);
                // Nobody is made to use 8 bits who has not said so.
                let least = if ours == end { bits(8) } else { bits(9) };
                assert_eq!(at_server.client_max_window_bits(), client.max(least));
            }
        }
    }
}

#[test]
fn s7_an_answer_is_shown_as_it_is_sent() {
    let offer = PermessageDeflate::default().client_no_context_takeover().offer();
    assert_eq!(format!("{offer:?}"), format!("{:?}", &*offer));
    assert_ne!(offer, PermessageDeflate::default().offer());
}

#[test]
fn s7_1_2_1_a_window_has_8_to_15_bits() {
    for value in 0..=255 {
        let window = WindowBits::new(value);
        assert_eq!(window.is_some(), (8..=15).contains(&value), "{value}");
        if let Some(window) = window {
            assert_eq!((window.value(), window.bytes()), (value, 1 << value));
            assert_eq!(window.to_string(), value.to_string());
        }
    }
}
