//! Models of TensorFlow.js, honest and lying.

#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::listing::{Elements, Listing};
use lineaprint_formats::model::tfjs::{Manifest, listing, parse, recognise};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use support::{bytes, elements, expected};

/// List a model of `vectors/models/tfjs`, whose weights are files of its folder.
fn list(folder: &str, manifest: &Manifest) -> Result<Listing, FormatError> {
    listing(manifest, &mut |path| {
        Ok(Arc::new(bytes("tfjs", &format!("{folder}/{path}"))))
    })
}

/// List a manifest whose files all are `data`.
fn list_bytes(manifest: &Value, data: &'static [u8]) -> Result<Listing, FormatError> {
    let manifest = parse(manifest.to_string().as_bytes())?;
    listing(&manifest, &mut |_| Ok(Arc::new(Bytes::from_static(data))))
}

fn with_group(paths: &[&str], weights: &[Value]) -> Value {
    json!({"weightsManifest": [{"paths": paths, "weights": weights}]})
}

fn refusal(manifest: &Value) -> FormatError {
    list_bytes(manifest, b"12345678").expect_err("must be refused")
}

#[test]
fn weights_are_read_from_one_file_or_several() {
    for wanted in expected("tfjs") {
        let file = wanted["file"].as_str().expect("has a name");
        let folder = file.split('/').next().expect("has a folder");
        let json = bytes("tfjs", file);
        assert!(recognise(&json));
        let listing = list(folder, &parse(&json).expect("is a model"))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut matching: Vec<Value> = Vec::new();
        for tensor in &listing.tensors {
            let other = |path: &str| bytes("tfjs", &format!("{folder}/{path}"));
            let data = elements(tensor, &Bytes::new(), &other).expect("can be read");
            let digest = blake3::hash(&data).to_hex().to_string();
            matching.push(json!({"name": tensor.name, "dtype": tensor.dtype.name(), "shape": tensor.shape, "blake3": digest}));
        }
        matching.sort_by_key(|tensor| tensor["name"].as_str().map(str::to_owned));
        assert_eq!(Value::Array(matching), wanted["tensors"], "{file}");
        let not_read: Vec<_> = listing.not_read.iter().map(|part| part.name.clone()).collect();
        assert_eq!(json!(not_read), wanted["notRead"], "{file}");
    }
}

#[test]
fn a_weight_in_one_file_is_a_span_of_it() {
    let manifest = parse(&bytes("tfjs", "plain/model.json")).expect("is a model");
    let listing = list("plain", &manifest).expect("reads");
    assert!(
        listing
            .tensors
            .iter()
            .all(|tensor| matches!(tensor.elements, Elements::External { .. }))
    );
    let topology = listing.metadata.iter().find(|(key, _)| key == "modelTopology");
    assert_eq!(topology.expect("is there").1, r#"{ "class_name": "Sequential" }"#);
    assert!(
        listing
            .metadata
            .contains(&("format".to_owned(), "layers-model".to_owned()))
    );
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let paths = [
        "../a",
        "/a",
        "a/../b",
        "",
        "a//b",
        "a\\b",
        "c:a",
        "https://host/a",
        "./a",
        "a\0",
        "a?b",
    ];
    for path in paths {
        let error = refusal(&with_group(&[path], &[]));
        assert!(error.message.contains("below the folder"), "{path:?}: {error}");
    }
    assert!(refusal(&with_group(&["a", "a"], &[])).message.contains("twice"));
}

#[test]
fn names_and_keys_that_come_twice_are_refused() {
    let weight = json!({"name": "a", "shape": [1], "dtype": "int32"});
    assert_eq!(
        refusal(&with_group(&["f"], &[weight.clone(), weight]))
            .tensor
            .as_deref(),
        Some("a")
    );
    for text in [
        r#"{"weightsManifest": [], "weightsManifest": []}"#,
        r#"{"weightsManifest": [{"paths": [], "paths": [], "weights": []}]}"#,
        r#"{"weightsManifest": [{"paths": [], "weights": [{"name": "a", "name": "b", "shape": [], "dtype": "bool"}]}]}"#,
        r#"{"weightsManifest": [{"paths": [], "weights": [{"name": "a", "shape": [], "dtype": "float32",
            "quantization": {"dtype": "uint8", "scale": 1, "scale": 2, "min": 0}}]}]}"#,
    ] {
        let error = parse(text.as_bytes()).expect_err("must be refused");
        assert!(error.message.contains("twice"), "{error}");
    }
    // The parameter of a quantised weight cannot stand for another weight.
    let quantised = json!({"name": "a", "shape": [4], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 1, "min": 0}});
    let other = json!({"name": "a.float32.scale", "shape": [1], "dtype": "float32"});
    assert_eq!(
        refusal(&with_group(&["f"], &[quantised, other]))
            .tensor
            .as_deref(),
        Some("a.float32.scale")
    );
}

#[test]
fn files_that_are_too_short_or_too_long_are_refused() {
    let weight = |length: u64| json!({"name": "a", "shape": [length], "dtype": "int32"});
    assert!(list_bytes(&with_group(&["f"], &[weight(2)]), b"12345678").is_ok());
    assert!(
        refusal(&with_group(&["f"], &[weight(3)]))
            .message
            .contains("end before")
    );
    assert!(
        refusal(&with_group(&["f"], &[weight(1)]))
            .message
            .contains("follow")
    );
    assert!(
        refusal(&with_group(&[], &[weight(1)]))
            .message
            .contains("end before")
    );
    assert!(
        refusal(&with_group(&["f"], &[weight(u64::MAX)]))
            .message
            .contains("overflows")
    );
    let huge = json!({"name": "a", "shape": [u64::MAX, u64::MAX], "dtype": "int32"});
    assert!(
        refusal(&with_group(&["f"], &[huge]))
            .message
            .contains("overflows")
    );
}

#[test]
fn texts_that_lie_about_their_length_are_refused() {
    let texts = |length: u64| json!({"name": "a", "shape": [length], "dtype": "string"});
    assert!(list_bytes(&with_group(&["f"], &[texts(2)]), b"\0\0\0\0\0\0\0\0").is_ok());
    assert!(
        refusal(&with_group(&["f"], &[texts(1)]))
            .message
            .contains("end before")
    );
    assert!(
        refusal(&with_group(&["f"], &[texts(1 << 40)]))
            .message
            .contains("too many texts")
    );
}

#[test]
fn unknown_types_are_refused() {
    for weight in [
        json!({"name": "a", "shape": [1], "dtype": "float64"}),
        json!({"name": "a", "shape": [1], "dtype": "bool", "quantization": {"dtype": "uint8", "scale": 1, "min": 0}}),
        json!({"name": "a", "shape": [1], "dtype": "int32", "quantization": {"dtype": "float16"}}),
        json!({"name": "a", "shape": [1], "dtype": "float32", "quantization": {"dtype": "uint4", "scale": 1, "min": 0}}),
        json!({"name": "a", "shape": [1], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 1}}),
    ] {
        assert_eq!(
            refusal(&with_group(&["f"], &[weight])).tensor.as_deref(),
            Some("a")
        );
    }
}

#[test]
fn other_texts_are_refused() {
    for text in [
        &b"\xff"[..],
        b"",
        b"[]",
        b"{}",
        br#"{"weightsManifest": {}}"#,
        br#"{"weightsManifest": [1]}"#,
    ] {
        parse(text).expect_err("must be refused");
    }
    let deep = format!("{{\"weightsManifest\": {}", "[".repeat(1_000_000));
    parse(deep.as_bytes()).expect_err("must be refused");
    let deep = format!(
        "{{\"weightsManifest\": [], \"modelTopology\": {}{}}}",
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    drop(parse(deep.as_bytes()));
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(
        folder in prop::sample::select(vec!["plain", "sharded", "texts", "quantised"]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut json = bytes("tfjs", &format!("{folder}/model.json")).to_vec();
        for (at, value) in edits {
            let at = at.index(json.len());
            json[at] = value;
        }
        let Ok(manifest) = parse(&json) else { return Ok(()) };
        let data: Arc<dyn Input> = Arc::new(Bytes::from_static(&[3, 0, 0, 0, 9, 9, 9, 1, 2, 3, 4, 5, 6]));
        if let Ok(listing) = listing(&manifest, &mut |_| Ok(Arc::clone(&data))) {
            for tensor in &listing.tensors {
                drop(elements(tensor, &Bytes::new(), &|_| Bytes::from_static(&[0; 13])));
            }
        }
    }
}
