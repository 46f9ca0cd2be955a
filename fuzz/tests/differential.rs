//! The comparison with tungstenite on a stable compiler: by proptest, over the corpus, and a vector for each class.

#[path = "../differential.rs"]
mod differential;
#[path = "../../tests/support/mod.rs"]
mod support;

use differential::{Class, compare, differential};
use proptest::collection::vec;
use proptest::prelude::*;
use sockless::{Limits, Role};
use support::vectors::bytes;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_come_to_the_same_but_for_the_classes(
        data in prop_oneof![vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..600), vec(0u8..8, 0..300)],
    ) {
        differential(&data);
    }
}

#[test]
fn the_corpus_holds() {
    let corpus = format!("{}/corpus/differential", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(&corpus).expect(&corpus).collect();
    assert!(!files.is_empty(), "{corpus} is empty");
    for file in files {
        differential(&std::fs::read(file.unwrap().path()).unwrap());
    }
}

/// Each row of the page has a class and vectors, as a client receives them under these limits.
#[test]
fn the_page_explains_each_class_with_vectors_that_show_it() {
    let limits = Limits { message: 300, frame: 200, fragments: 6 };
    let page = include_str!("../../docs/lessons.md");
    let (_, section) = page.split_once("\n## Where tungstenite and we disagree\n").expect("the section");
    let rows =
        section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    let mut explained = vec![];
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let quoted = |cell: usize| cells[cell].split('`').skip(1).step_by(2);
        let class = quoted(1).next().expect("a class");
        assert!(quoted(2).next().is_some(), "{class} has no vector");
        for digits in quoted(2).map(|digits| digits.replace(' ', "")) {
            let wire = bytes(&digits.into());
            let shown = compare(Role::Client, limits, &wire);
            assert_eq!(shown.map(|class| format!("{class:?}")).as_deref(), Some(class), "{wire:02x?}");
        }
        assert!(cells[5].contains("§"), "{class} cites no section");
        explained.push(class);
    }
    explained.sort_unstable();
    let classes = Class::ALL.map(|class| format!("{class:?}"));
    assert!(classes.is_sorted() && explained == classes, "{explained:?}");
}

#[test]
fn what_is_in_order_and_what_both_know_at_the_same_byte_is_in_no_class() {
    let limits = Limits { message: 300, frame: 200, fragments: 6 };
    let in_order = &b"\x89\x01x\x01\x01a\x80\x01b\x88\x02\x03\xe8"[..];
    let to_the_limit = [b"\x02\x7e\0\xc8", &[7; 200][..], b"\x80\x64", &[7; 100]].concat();
    let longest_ping = [b"\x89\x7d", &[7; 125][..]].concat();
    for wire in [in_order, &to_the_limit, &longest_ping, b"\x81\x01\xff", b"\x82\x7e\0\xc9"] {
        assert_eq!(compare(Role::Client, limits, wire), None, "{wire:02x?}");
    }
}
