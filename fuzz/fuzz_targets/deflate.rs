#![no_main]

#[path = "../../tests/support/heap.rs"]
mod heap;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    support::deflate::one(data, &|act| heap::during(act).1.peak_in_place);
});
