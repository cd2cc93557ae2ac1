//! Flax files, honest and lying.

#[path = "models/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::flax::{looks_like, read};
use lineaprint_formats::model::listing::{Elements, Listing};
use proptest::prelude::*;
use support::{check, elements, expected, file};

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

/// Return an array as Flax writes it, of one axis.
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

#[test]
fn files_of_flax_read_as_flax_reads_them() {
    let expected = expected("flax");
    assert_eq!(expected.len(), 5);
    for (name, tensors) in &expected {
        let bytes = file(&format!("flax/{name}"));
        assert!(looks_like(&bytes));
        let listing = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(listing.incomplete, None);
        check(name, &bytes, &listing, tensors);
    }
}

#[test]
fn values_that_are_no_arrays_are_listed() {
    let bytes = file("flax/mixed.msgpack");
    let listing = read(&bytes).expect("reads");
    let mut names: Vec<_> = listing.not_read.iter().map(|part| part.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["complex", "count", "name", "negative", "nothing", "rate"]);
}

#[test]
fn arrays_stay_where_they_lie() {
    let bytes = file("flax/model.msgpack");
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
    let listing = read(&file("flax/int4.msgpack")).expect("reads");
    assert_eq!(listing.tensors.len(), 1);
    assert!(listing.incomplete.expect("is incomplete").contains("int4"));
    let text = read(&Bytes::from(map(&[("a", array(1, "str32", b"abcd"))]))).expect("reads");
    assert_eq!((text.incomplete, text.not_read.len()), (None, 1));
}

#[test]
fn a_name_that_comes_twice_is_refused() {
    let one = array(1, "int8", b"x");
    assert_eq!(
        refusal(&map(&[("a", one.clone()), ("a", one.clone())]))
            .tensor
            .as_deref(),
        Some("a")
    );
    // Of a number and an array with one key, the last wins for Flax.
    assert!(
        refusal(&map(&[("a", one.clone()), ("a", vec![1])]))
            .message
            .contains("twice")
    );
    let nested = map(&[("a.b", one.clone()), ("a", map(&[("b", one)]))]);
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
        // An array whose shape has 2^32 - 1 axes, and one whose bytes pass the end of its value.
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
    assert_eq!(
        elements(&input, &listing.tensors[0].elements).expect("decodes"),
        b"abc"
    );
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
    assert!(refusal(&[0x81, 0xa1, 0xff, 1]).message.contains(r"\xff"));
    assert!(refusal(&[0x81, 0xa1, b'a', 0xc1]).message.contains("begins no"));
    assert!(!looks_like(b"\x89HDF"));
    assert!(!looks_like(b"\x81"));
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

fn mutated(name: &str, edits: &[(usize, u8)], cut: usize) -> Option<Listing> {
    let mut bytes = file(&format!("flax/{name}")).to_vec();
    for (at, value) in edits {
        let length = bytes.len();
        bytes[at % length] = *value;
    }
    bytes.truncate(bytes.len() - cut % 8);
    let input = Bytes::from(bytes);
    let listing = read(&input).ok()?;
    for tensor in &listing.tensors {
        elements(&input, &tensor.elements).expect("a listed tensor can be read");
    }
    Some(listing)
}

proptest! {
    #[test]
    fn mutated_files_are_read_or_refused(
        file in 0..4_usize,
        edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8),
        cut in 0..64_usize,
    ) {
        let names = ["model.msgpack", "mixed.msgpack", "chunked.msgpack", "dtypes.msgpack"];
        mutated(names[file], &edits, if cut < 8 { cut } else { 0 });
    }
}
