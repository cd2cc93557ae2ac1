//! Shard indexes, honest and lying.

use lineaprint_formats::model::safetensors::shards::{check, parse};

fn index(map: &str) -> String {
    format!(r#"{{"metadata":{{"total_size":8}},"weight_map":{map}}}"#)
}

#[test]
fn index_lists_each_shard_once() {
    let index = parse(index(r#"{"b":"2.safetensors","a":"1.safetensors","c":"1.safetensors"}"#).as_bytes())
        .expect("reads");
    assert_eq!(index.shards(), ["1.safetensors", "2.safetensors"]);
    let mut pairs = [
        ("c", "1.safetensors"),
        ("a", "1.safetensors"),
        ("b", "2.safetensors"),
    ];
    check(&index, &mut pairs).expect("fits");
}

#[test]
fn shard_names_that_leave_the_folder_are_refused() {
    for name in [
        "../x",
        "/etc/passwd",
        "a/b",
        "..",
        ".",
        "",
        "a\\\\b",
        "C:x",
        "a\\u0000b",
    ] {
        let error = parse(index(&format!(r#"{{"a":"{name}"}}"#)).as_bytes()).expect_err(name);
        assert!(error.message.contains("plain file name"), "{name}: {error}");
    }
}

#[test]
fn malformed_indexes_are_refused() {
    let cases = [
        ("", "not JSON"),
        ("[]", "not JSON"),
        ("{}", "no weight_map"),
        (r#"{"weight_map":{}}"#, "empty"),
        (r#"{"weight_map":{"a":1}}"#, "names to files"),
        (r#"{"weight_map":{"a":"x","a":"y"}}"#, "twice"),
        (r#"{"weight_map":{"a":"x"},"weight_map":{"a":"y"}}"#, "twice"),
    ];
    for (json, expected) in cases {
        let error = parse(json.as_bytes()).expect_err(json);
        assert!(error.to_string().contains(expected), "{json}: {error}");
    }
}

/// The content of the shards, and the tensor and the words of the refusal.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn mismatched_index_is_refused() {
    let index = parse(index(r#"{"a":"1","b":"2"}"#).as_bytes()).expect("reads");
    let cases: [Case; 5] = [
        (&[("a", "1")], "b", "does not hold it"),
        (&[("a", "1"), ("b", "1")], "b", "not in the shard"),
        (&[("a", "1"), ("b", "2"), ("c", "2")], "c", "not in the index"),
        (&[("a", "1"), ("aa", "1"), ("b", "2")], "aa", "not in the index"),
        (&[("a", "1"), ("a", "2"), ("b", "2")], "a", "two shards"),
    ];
    for (pairs, tensor, expected) in cases {
        let error = check(&index, &mut pairs.to_vec()).expect_err(expected);
        assert_eq!(error.tensor.as_deref(), Some(tensor), "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
}
