//! Flax files, honest and lying.

#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::flax::{read, recognise};
use lineaprint_formats::model::listing::Elements;
use proptest::prelude::*;
use support::{check, check_any, elements, expected, mutate};

fn refusal(bytes: &[u8]) -> FormatError {
    read(&Bytes::copy_from_slice(bytes)).expect_err("must be refused")
}

/// Return the MessagePack text of at most 31 bytes.
fn text(value: &str) -> Vec<u8> {
    let mut bytes = vec![0xa0 | u8::try_from(value.len()).expect("short")];
    bytes.extend(value.as_bytes());
    bytes
}

/// Return an extension value that holds `content`.
fn extension(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc9];
    bytes.extend(u32::try_from(content.len()).expect("short").to_be_bytes());
    bytes.push(kind);
    bytes.extend(content);
    bytes
}

/// Return an array as Flax writes it, of value axis.
fn array(length: u8, dtype: &str, content: &[u8]) -> Vec<u8> {
    let mut inside = vec![0x93, 0x91, length];
    inside.extend(text(dtype));
    inside.extend([0xc4, u8::try_from(content.len()).expect("short")]);
    inside.extend(content);
    extension(1, &inside)
}

/// Return a map of the given pairs.
fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0x80 | u8::try_from(pairs.len()).expect("short")];
    for (key, value) in pairs {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}

fn file(name: &str) -> Bytes {
    support::bytes("flax", name)
}

#[test]
fn files_of_flax_read_as_flax_reads_them() {
    for wanted in expected("flax") {
        assert!(recognise(&file(wanted["file"].as_str().expect("has a name"))));
        check("flax", read, &wanted);
    }
}

#[test]
fn arrays_stay_where_they_lie() {
    let bytes = file("model.msgpack");
    let listing = read(&bytes).expect("reads");
    assert!(
        listing
            .tensors
            .iter()
            .all(|tensor| matches!(tensor.elements, Elements::InPlace { .. }))
    );
}

#[test]
fn an_unknown_type_is_listed_and_leaves_no_weights() {
    let listing = read(&file("int4.msgpack")).expect("reads");
    assert_eq!(listing.tensors.len(), 1);
    assert!(listing.incomplete.expect("is incomplete").contains("int4"));
    let text = read(&Bytes::from(map(&[("a", array(1, "str32", b"abcd"))]))).expect("reads");
    assert_eq!((text.incomplete, text.not_read.len()), (None, 1));
}

#[test]
fn a_name_that_comes_twice_is_refused() {
    let value = array(1, "int8", b"x");
    assert_eq!(
        refusal(&map(&[("a", value.clone()), ("a", value.clone())]))
            .tensor
            .as_deref(),
        Some("a")
    );
    // Of a number and an array with value key, the last wins for Flax.
    assert!(
        refusal(&map(&[("a", value.clone()), ("a", vec![1])]))
            .message
            .contains("twice")
    );
    let nested = map(&[("a.b", value.clone()), ("a", map(&[("b", value)]))]);
    assert_eq!(refusal(&nested).tensor.as_deref(), Some("a.b"));
}

#[test]
fn a_depth_bomb_is_refused() {
    let mut maps: Vec<u8> = [0x81, 0xa1, b'a'].repeat(100_000);
    maps.push(0xc0);
    assert!(refusal(&maps).message.contains("nested too deep"));
    let mut lists = map(&[("a", vec![])]);
    lists.extend([0x91].repeat(100_000));
    lists.push(0xc0);
    assert!(refusal(&lists).message.contains("nested too deep"));
}

#[test]
fn huge_lengths_are_refused() {
    let huge: [&[u8]; 8] = [
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0xa1, b'a', 0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0xa1, b'a', 0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0xa1, b'a', 0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0xa1, b'a', 0xc9, 0xff, 0xff, 0xff, 0xff, 1],
        &[0x81, 0xdb, 0xff, 0xff, 0xff, 0xff],
        // An array whose shape has 2^32 - 1 axes, and value whose bytes pass the end of its value.
        &[
            0x81, 0xa1, b'a', 0xd7, 1, 0x93, 0xdd, 0xff, 0xff, 0xff, 0xff, 0, 0,
        ],
        &[
            0x82, 0xa1, b'a', 0xd7, 1, 0x93, 0x91, 2, 0xa2, b'i', b'8', 0xc4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    ];
    for bytes in huge {
        let error = refusal(bytes);
        assert!(!error.is_internal, "{error}");
    }
}

#[test]
fn a_shape_that_overflows_or_lies_is_refused() {
    let mut inside = vec![0x93, 0x93];
    for _ in 0..3 {
        inside.extend([0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    }
    inside.extend(text("int8"));
    inside.extend([0xc4, 0]);
    let error = refusal(&map(&[("a", extension(1, &inside))]));
    assert!(error.message.contains("overflows"), "{error}");
    let error = refusal(&map(&[("a", array(2, "int32", b"abc"))]));
    assert!(error.message.contains("do not fit"), "{error}");
}

#[test]
fn cut_arrays_that_lie_are_refused() {
    let mark = "__msgpack_chunked_array__";
    let cut = |shape: Vec<u8>, chunks: Vec<u8>| {
        map(&[(
            "a",
            map(&[(mark, vec![0xc3]), ("shape", shape), ("chunks", chunks)]),
        )])
    };
    let honest = cut(
        map(&[("0", vec![3])]),
        map(&[("0", array(2, "int8", b"ab")), ("1", array(1, "int8", b"c"))]),
    );
    let input = Bytes::from(honest);
    let listing = read(&input).expect("reads");
    let matching = elements(&listing.tensors[0], &input, &|_| Bytes::new());
    assert_eq!(matching.expect("decodes"), b"abc");
    let lies = [
        cut(map(&[("0", vec![4])]), map(&[("0", array(2, "int8", b"ab"))])),
        cut(map(&[("0", vec![2])]), map(&[("1", array(2, "int8", b"ab"))])),
        cut(
            map(&[("0", vec![3])]),
            map(&[("0", array(2, "int8", b"ab")), ("1", array(1, "uint8", b"c"))]),
        ),
        cut(map(&[("0", vec![3])]), map(&[("0", array(2, "int8", b"abc"))])),
        cut(map(&[]), map(&[])),
        map(&[("a", map(&[("x", vec![1]), (mark, vec![0xc3])]))]),
    ];
    for lie in lies {
        refusal(&lie);
    }
}

#[test]
fn other_files_are_refused() {
    assert!(refusal(b"\x01").message.contains("root"));
    assert!(
        refusal(&[map(&[("a", vec![1])]), vec![0]].concat())
            .message
            .contains("follow")
    );
    // Keys that are numbers, and a key that is not UTF-8.
    assert!(refusal(&[0x81, 1, 1]).message.contains("key"));
    assert!(refusal(&[0x81, 0xa1, 0xff, 1]).to_string().contains(r"\xff"));
    assert!(refusal(&[0x81, 0xa1, b'a', 0xc1]).message.contains("begins no"));
    assert!(!recognise(b"\x89HDF"));
    assert!(!recognise(b"\x81"));
}

#[test]
fn many_names_use_bounded_memory() {
    // A long prefix, and very many short names below it.
    let count = 200_000_u32;
    let mut bytes = vec![0x81, 0xda, 0xff, 0x00];
    bytes.extend([b'p'].repeat(0xff00));
    bytes.push(0xdf);
    bytes.extend(count.to_be_bytes());
    for index in 0..count {
        bytes.extend(text(&index.to_string()));
        bytes.extend(array(1, "int8", b"x"));
    }
    assert!(refusal(&bytes).message.contains("memory"));
}

#[test]
fn every_prefix_and_every_changed_byte_gets_an_answer() {
    for name in [
        "model.msgpack",
        "mixed.msgpack",
        "chunked.msgpack",
        "dtypes.msgpack",
    ] {
        mutate(read, &file(name), 1);
    }
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(
        name in prop::sample::select(vec!["model.msgpack", "mixed.msgpack", "chunked.msgpack", "dtypes.msgpack"]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = file(name).to_vec();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        drop(check_any(read, &Bytes::from(bytes)));
    }
}
