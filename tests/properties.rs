//! The properties of `support`, run by proptest and over the corpora.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::{frame_header, handshake, properties, utf8};

/// Bytes for a generator to choose by.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..600), vec(0u8..8, 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_do_not_matter(data in choices()) {
        properties::cuts_do_not_matter(&data);
    }

    #[test]
    fn the_oracle_agrees(data in choices()) {
        properties::the_oracle_agrees(&data);
    }

    #[test]
    fn any_order_of_calls(data in choices()) {
        properties::any_order_of_calls(&data);
    }

    #[test]
    fn round_trip(data in choices()) {
        properties::round_trip(&data);
    }

    #[test]
    fn frame_header(data in choices()) {
        frame_header::frame_header(&data);
    }

    #[test]
    fn utf8(data in choices()) {
        utf8::utf8(&data);
    }

    #[test]
    fn server_request(data in choices()) {
        handshake::server_request(&data);
    }

    #[test]
    fn client_response(data in choices()) {
        handshake::client_response(&data);
    }
}

/// What the fuzzer found worth keeping, on a stable compiler.
fn replay(target: &str, property: impl Fn(&[u8])) {
    let corpus = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(&corpus).expect(&corpus).collect();
    assert!(!files.is_empty(), "{corpus} is empty");
    for file in files {
        property(&std::fs::read(file.unwrap().path()).unwrap());
    }
}

#[test]
fn the_corpora_hold() {
    replay("cuts_do_not_matter", properties::cuts_do_not_matter);
    replay("the_oracle_agrees", properties::the_oracle_agrees);
    replay("any_order_of_calls", properties::any_order_of_calls);
    replay("round_trip", properties::round_trip);
    replay("frame_header", frame_header::frame_header);
    replay("utf8", utf8::utf8);
    replay("server_request", handshake::server_request);
    replay("client_response", handshake::client_response);
}

#[cfg(feature = "deflate")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_do_not_matter_to_compressed_messages(data in choices()) {
        support::deflate::cuts_do_not_matter(&data);
    }

    #[test]
    fn compressed_round_trip(data in choices()) {
        support::deflate::round_trip(&data);
    }
}
