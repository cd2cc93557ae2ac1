//! Readers of the vectors of `vectors/*.json`, which a reference in Python made.
#![allow(dead_code, reason = "each test file uses a part of it")]

use lineaprint_digest::sample::{Layout, Plan};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use serde_json::Value;
use std::fmt::Write as _;

/// Both hash functions.
pub const BOTH: [Algorithm; 2] = [Algorithm::Blake3, Algorithm::Sha256];

/// Return the cases of a vector file.
pub fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../../vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut file: Value = serde_json::from_str(&text).expect("a vector file is JSON");
    let cases = file["cases"].as_array_mut().map(std::mem::take);
    let cases = cases.expect("a vector file has cases");
    assert!(!cases.is_empty());
    cases
}

/// Return a value that must be text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} should be text"))
}

/// Return a value that must be an array.
pub fn array(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} should be an array"))
}

/// Read the dimensions of a shape.
pub fn shape(value: &Value) -> Vec<u64> {
    array(value)
        .iter()
        .map(|length| length.as_u64().expect("a dimension is a whole number"))
        .collect()
}

/// Return bytes that a vector describes: painted, as text, or in base64.
pub fn content(value: &Value) -> Vec<u8> {
    if let Some(length) = value["painted"].as_u64() {
        return (0..=250)
            .cycle()
            .take(usize::try_from(length).expect("small"))
            .collect();
    }
    match value["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64(text(&value["base64"])),
    }
}

/// Decode base64.
pub fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            .iter()
            .position(|known| *known == byte)
            .expect("a digit of base64")
    };
    let mut bytes = Vec::new();
    let mut bits = 0;
    let mut held = 0_usize;
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        held = (held << 6) | digit(byte);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).expect("eight bits"));
        }
    }
    bytes
}

/// Return lower-case digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

/// Return the bytes of lower-case digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    let bytes = (0..digits.len()).step_by(2);
    bytes
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex"))
        .collect()
}

/// Return the plain digest of bytes.
pub fn content_digest(bytes: &[u8], algorithm: Algorithm) -> Hash {
    let digests = Digests::of(bytes, Algorithms::BOTH);
    digests.get(algorithm).expect("both were asked for")
}

/// Return the bytes that a plan reads, and their layout.
pub fn read_sample(plan: &Plan, bytes: &[u8], width: u64) -> (Vec<u8>, Layout) {
    let layout = Layout::new(plan, bytes.len() as u64, width);
    let mut stream = Vec::new();
    while (stream.len() as u64) < layout.bytes_read() {
        let (start, length) = layout.locate(stream.len() as u64);
        let start = usize::try_from(start).expect("small");
        stream.extend_from_slice(&bytes[start..start + usize::try_from(length).expect("small")]);
    }
    (stream, layout)
}
