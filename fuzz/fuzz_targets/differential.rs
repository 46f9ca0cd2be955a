#![no_main]

#[path = "../differential.rs"]
mod differential;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| differential::differential(data));
