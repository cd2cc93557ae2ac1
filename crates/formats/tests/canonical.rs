//! The fast canonical form of JSON against slow and obvious ways, and against the vectors.

use lineaprint_formats::text::canonical::canonical;
use proptest::prelude::*;
use serde_json::Value;

fn text(document: &str) -> Option<String> {
    canonical(document.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
}

#[test]
fn vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/canonical-json.json");
    let file = std::fs::read_to_string(path).expect("reads");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    let mut tried = [0; 3];
    for case in cases {
        let expected = case["canonical"].as_str();
        if let Some(document) = case["text"].as_str() {
            assert_eq!(text(document).as_deref(), expected, "{}", case["name"]);
            tried[usize::from(expected.is_some())] += 1;
        } else if let Some(bits) = case["bits"].as_str() {
            let value = f64::from_bits(u64::from_str_radix(bits, 16).expect("hexadecimal"));
            if value.is_finite() {
                assert_eq!(text(&format!("{value:?}")).as_deref(), expected, "{bits}");
                assert_eq!(text(&format!("{value:.800e}")).as_deref(), expected, "{bits}");
                tried[2] += 1;
            }
        }
    }
    assert!(tried.iter().all(|count| *count > 5), "{tried:?}");
}

#[test]
fn invalid_documents_are_refused() {
    for document in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "nulll",
        "[1 2]",
        "\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\u{feff}1",
        "1e400",
        "-1e400",
        "{\"a\":1,\"\\u0061\":2}",
        "{1:2}",
        "{\"a\" 1}",
        "-Inf",
        "\u{a0}1",
    ] {
        assert_eq!(text(document), None, "{document:?}");
    }
    assert_eq!(canonical(b"\"\xff\""), None);
    assert_eq!(canonical(b"\"\xed\xa0\x80\""), None, "a surrogate in UTF-8");
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(text(&nested(513)).is_some());
    assert_eq!(text(&nested(514)), None);
    assert_eq!(text(&"[".repeat(1_000_000)), None);
}

#[test]
fn keys_are_sorted_by_utf16() {
    assert_eq!(
        text("{\"\u{ff61}\":1,\"\u{1f600}\":2,\"\u{d7ff}\":3,\"\u{e000}\":4,\"a\":5,\"\":6,\"aa\":7}")
            .as_deref(),
        Some("{\"\":6,\"a\":5,\"aa\":7,\"\u{d7ff}\":3,\"\u{1f600}\":2,\"\u{e000}\":4,\"\u{ff61}\":1}")
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        // Doubles have a test of their own: serde_json does not read all of them to the last digit.
        (-(1_i64 << 53)..1 << 53).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn check_order(value: &Value, written: &str) {
    if let Value::Object(members) = value {
        let mut keys: Vec<&String> = members.keys().collect();
        keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<u16>>());
        let mut at = 0;
        for key in keys {
            let quoted = serde_json::to_string(key).expect("writes");
            at += written[at..].find(&format!("{quoted}:")).expect("in order");
        }
    }
}

proptest! {
    #[test]
    fn canonical_text_is_equal_and_stable(value in any_json(), pretty in any::<bool>()) {
        let document = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        }
        .expect("writes");
        let written = text(&document).expect("is JSON");
        let read: Value = serde_json::from_str(&written).expect("is JSON");
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(text(&written), Some(written.clone()));
        check_order(&value, &written);
    }

    #[test]
    fn doubles_have_the_shortest_digits(value in any::<f64>(), digits in 0_usize..30) {
        prop_assume!(value.is_finite());
        let written = text(&format!("{value:e}")).expect("is JSON");
        let read: f64 = written.parse().expect("a number");
        // Equal to the bit, except zero, which has no sign in JSON.
        let expected = if value.abs() > 0.0 { value } else { 0.0 };
        prop_assert_eq!(read.to_bits(), expected.to_bits());
        let significant = |text: &str| {
            let digits: String = text.split(['e', 'E']).take(1).flat_map(str::chars).filter(char::is_ascii_digit).collect();
            digits.trim_matches('0').len()
        };
        prop_assert_eq!(significant(&written), significant(&format!("{value:e}")), "{}", written);
        // However it was written.
        let rounded = format!("{value:.digits$e}");
        let again: f64 = rounded.parse().expect("a number");
        if again.is_finite() {
            prop_assert_eq!(text(&rounded), text(&format!("{again:?}")));
        }
    }

    #[test]
    fn accepted_documents_are_accepted_by_serde(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "a", "\\", "1", "-", ".", "e", " ", "null", "tru", "0", "\\u0061", "\u{e9}",
    ]), 0..9)) {
        let document = pieces.concat();
        // Equal keys are the one thing that serde takes and we refuse.
        if text(&document).is_some() {
            prop_assert!(serde_json::from_str::<Value>(&document).is_ok(), "{}", document);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        canonical(&bytes);
    }
}
