//! The properties of `support/properties.rs`, run by proptest and over the corpus.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::properties;

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
}

#[cfg(feature = "deflate")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_do_not_matter_to_compressed_messages(data in choices()) {
        support::deflate::cuts_do_not_matter(&data);
    }

    #[test]
    fn compressed_round_trip(data in choices()) {
        support::deflate::round_trip(&data);
    }
}
