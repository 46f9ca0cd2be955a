//! The test vectors of `tests/data`.

use serde_json::Value;

/// The rows of `tests/data/FILE.json`.
pub fn load(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/data/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(!rows.is_empty(), "{path} has no rows");
    rows
}

/// The bytes of an object with `hex`, or with `parts` of `hex` and `repeat`; or of a string in hexadecimal.
pub fn bytes(value: &Value) -> Vec<u8> {
    if let Some(parts) = value.get("parts").and_then(Value::as_array) {
        let part = |part: &Value| {
            bytes(part).repeat(part.get("repeat").map_or(1, |n| n.as_u64().unwrap().try_into().unwrap()))
        };
        return parts.iter().flat_map(part).collect();
    }
    let hex = value.get("hex").unwrap_or(value).as_str().expect("a string in hexadecimal");
    assert!(hex.len() % 2 == 0, "half a byte: {hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A row's name.
pub fn id(row: &Value) -> &str {
    row["id"].as_str().expect("a row has an id")
}

/// The strings of an array; none of anything else.
pub fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}
