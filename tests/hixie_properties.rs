//! The properties of `support/hixie.rs`, run by proptest and over the corpus.
#![cfg(feature = "hixie")]

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::hixie;

/// Bytes for a generator to choose by.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..400), vec(0u8..8, 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_do_not_matter(data in choices()) {
        hixie::cuts_do_not_matter(&data);
    }

    #[test]
    fn the_oracle_agrees(data in choices()) {
        hixie::the_oracle_agrees(&data);
    }

    #[test]
    fn any_order_of_calls(data in choices()) {
        hixie::any_order_of_calls(&data);
    }

    #[test]
    fn requests_are_judged_whatever_the_cuts(data in choices()) {
        hixie::requests_are_judged_whatever_the_cuts(&data);
    }

    #[test]
    fn responses_are_judged_whatever_the_cuts(data in choices()) {
        hixie::responses_are_judged_whatever_the_cuts(&data);
    }
}

/// What the fuzzer found worth keeping, on a stable compiler.
#[test]
fn the_corpus_holds() {
    let corpus = format!("{}/fuzz/corpus/hixie", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(&corpus).expect(&corpus).collect();
    assert!(!files.is_empty(), "{corpus} is empty");
    for file in files {
        hixie::all(&std::fs::read(file.unwrap().path()).unwrap());
    }
}
