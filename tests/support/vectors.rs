//! The test vectors in `tests/data`.

use serde_json::Value;

/// The vectors of `tests/data/FILE.json`.
pub fn load(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/data/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The bytes of `{hex}` or `{parts: [{hex, repeat}]}`.
pub fn bytes(value: &Value) -> Vec<u8> {
    match value["parts"].as_array() {
        Some(parts) => parts
            .iter()
            .flat_map(|part| hex(&part["hex"]).repeat(part["repeat"].as_u64().unwrap_or(1) as usize))
            .collect(),
        None => hex(&value["hex"]),
    }
}

/// The bytes of a string of hex digits.
pub fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap_or_else(|| panic!("not a string of hex digits: {value}"));
    assert_eq!(digits.len() % 2, 0, "an odd number of hex digits");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hex digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}
