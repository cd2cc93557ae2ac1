//! Files written by the formats' own writers, and what their own readers read back.

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::listing::{Elements, Listing};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::PathBuf;

/// Return the bytes of a file of `tests/models`.
pub fn file(name: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name);
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .into()
}

/// Return the elements of a tensor.
pub fn elements(input: &dyn Input, elements: &Elements) -> Result<Vec<u8>, FormatError> {
    match elements {
        Elements::InPlace { start, end } => {
            let length = usize::try_from(end - start).expect("fits");
            Ok(input.read(*start, length)?.to_vec())
        }
        Elements::Held(bytes) => Ok(bytes.to_vec()),
        Elements::Decoded(decode) => {
            let mut all = Vec::new();
            decode.decode(input, &mut |piece| {
                assert!(piece.len() <= 1 << 20, "pieces are at most a mebibyte");
                all.extend_from_slice(piece);
                Ok(())
            })?;
            assert_eq!(all.len() as u64, decode.length());
            Ok(all)
        }
        Elements::External { path, .. } => panic!("{path} is another file"),
    }
}

/// Return what is expected of the files of a folder.
pub fn expected(folder: &str) -> serde_json::Map<String, Value> {
    let text = file(&format!("{folder}/expected.json"));
    serde_json::from_slice(&text).expect("is a JSON object")
}

/// Check the tensors of a listing against what the format's own reader found.
pub fn check(name: &str, input: &dyn Input, listing: &Listing, expected: &Value) {
    let mut found = serde_json::Map::new();
    for tensor in &listing.tensors {
        let bytes = elements(input, &tensor.elements).unwrap_or_else(|error| panic!("{name}: {error}"));
        let product: u64 = tensor.shape.iter().product();
        assert_eq!(
            Some(bytes.len() as u64),
            tensor.dtype.bytes_of(product),
            "{name}: {}",
            tensor.name
        );
        let hex = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("text takes everything");
                hex
            });
        found.insert(
            tensor.name.clone(),
            serde_json::json!({"dtype": tensor.dtype.name(), "shape": tensor.shape, "sha256": hex}),
        );
    }
    assert_eq!(&Value::Object(found), expected, "{name}");
}
