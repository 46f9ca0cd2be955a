#![no_main]

#[path = "../../tests/support/held.rs"]
mod held;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| support::deflate::one(data, &|act| held::peak(act)));
