//! Reads the model files in `vectors/models`, and compares what a reader finds with what the reference found.
#![allow(dead_code, reason = "each test file uses a part of it")]

#[path = "../any_bytes/listing.rs"]
mod invariants;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::listing::{Elements, Listing, Tensor};
use serde_json::Value;
use std::path::PathBuf;

/// A reader of a format.
pub type Read = fn(&dyn Input) -> Result<Listing, FormatError>;

/// Return the path of a file of a format.
pub fn path(format: &str, file: &str) -> PathBuf {
    let folder = format!("{}/../../vectors/models/{format}", env!("CARGO_MANIFEST_DIR"));
    PathBuf::from(folder).join(file)
}

/// Return the bytes of a file of a format.
pub fn bytes(format: &str, file: &str) -> Bytes {
    let path = path(format, file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Bytes::from(bytes)
}

/// Return what the reference found in each file of a format.
pub fn expected(format: &str) -> Vec<Value> {
    let list: Value = serde_json::from_slice(&bytes(format, "expected.json")).expect("is JSON");
    let files = list["files"].as_array().expect("has files").clone();
    assert!(!files.is_empty());
    files
}

/// Return the elements of a tensor. `file` reads another file of the model.
pub fn elements(
    tensor: &Tensor,
    input: &dyn Input,
    file: &dyn Fn(&str) -> Bytes,
) -> Result<Vec<u8>, FormatError> {
    let between = |input: &dyn Input, start: u64, end: u64| {
        let length = usize::try_from(end - start).expect("small");
        input.read(start, length).map(|bytes| bytes.to_vec())
    };
    match &tensor.elements {
        Elements::InPlace { start, end } => between(input, *start, *end),
        Elements::External { path, start, end } => {
            let other = file(path);
            between(&other, *start, end.unwrap_or(other.length()))
        }
        Elements::Held(bytes) => Ok(bytes.to_vec()),
        Elements::Decoded(decode) => {
            let mut all = Vec::new();
            decode.decode(input, &mut |piece| {
                all.extend_from_slice(piece);
                Ok(())
            })?;
            assert_eq!(decode.length(), all.len() as u64, "{}", tensor.name);
            Ok(all)
        }
    }
}

/// Check that a file has exactly the expected tensors, with their types, shapes and bits.
pub fn check(format: &str, read: Read, wanted: &Value) -> Listing {
    let file = wanted["file"].as_str().expect("has a name");
    let input = bytes(format, file);
    let listing = read(&input).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut received: Vec<_> = listing
        .tensors
        .iter()
        .map(|tensor| {
            let data = elements(tensor, &input, &|other| bytes(format, other))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            let digest = blake3::hash(&data).to_hex().to_string();
            serde_json::json!({
                "name": tensor.name, "dtype": tensor.dtype.name(), "shape": tensor.shape, "blake3": digest
            })
        })
        .collect();
    received.sort_by_key(|tensor| tensor["name"].as_str().map(str::to_owned));
    assert_eq!(Value::Array(received), wanted["tensors"], "{file}");
    let not_read: Vec<&str> = listing.not_read.iter().map(|part| part.name.as_str()).collect();
    let wanted_not_read = wanted.get("notRead").cloned().unwrap_or(serde_json::json!([]));
    assert_eq!(serde_json::json!(not_read), wanted_not_read, "{file}");
    assert_eq!(
        listing.incomplete.is_some(),
        wanted["weights"].is_null(),
        "{file}"
    );
    listing
}

/// Read a file, and check what must hold of every listing, whatever the bytes. See [`invariants`].
pub fn check_any(read: Read, input: &Bytes) -> Result<Listing, FormatError> {
    let listing = read(input)?;
    invariants::check(&listing, input);
    Ok(listing)
}

/// Check every prefix of a file, and every byte of it changed to a few others: an answer, never a panic.
pub fn mutate(read: Read, file: &Bytes, step: usize) {
    for end in (0..file.len()).step_by(step) {
        drop(check_any(read, &file.slice(..end)));
    }
    let mut changed = file.to_vec();
    for at in (0..changed.len()).step_by(step) {
        let before = changed[at];
        for to in [
            0,
            1,
            0x7f,
            0x80,
            0xff,
            before ^ 1,
            before ^ 0x10,
            before.wrapping_add(1),
        ] {
            changed[at] = to;
            drop(check_any(read, &Bytes::copy_from_slice(&changed)));
        }
        changed[at] = before;
    }
}
