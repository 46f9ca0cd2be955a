//! The test vectors of `tests/data`.

use serde_json::Value;

/// All vectors of one file.
pub fn load(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/data/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The bytes of `{"hex": …}` or `{"parts": [{"hex": …, "repeat": …}]}`.
pub fn bytes(value: &Value) -> Vec<u8> {
    match value["parts"].as_array() {
        Some(parts) => parts
            .iter()
            .flat_map(|part| unhex(&part["hex"]).repeat(part["repeat"].as_u64().unwrap_or(1) as usize))
            .collect(),
        None => unhex(&value["hex"]),
    }
}

fn unhex(value: &Value) -> Vec<u8> {
    let hex = value.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}
