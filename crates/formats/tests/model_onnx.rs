//! ONNX files, honest and lying.

#[path = "model_files/protobuf.rs"]
mod protobuf;
#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::listing::{Elements, Listing};
use lineaprint_formats::model::onnx::read;
use proptest::prelude::*;
use protobuf::{bytes as field, number, varint};
use support::{bytes, check, check_any, elements, expected, mutate};

#[test]
fn files_of_the_reference_writer_have_the_tensors_of_the_reference_reader() {
    for file in expected("onnx") {
        check("onnx", read, &file);
    }
}

#[test]
fn raw_typed_and_external_data_are_the_same_weights() {
    let files = expected("onnx");
    let weights = |name: &str| {
        let file = files.iter().find(|file| file["file"] == name);
        file.map(|file| file["weights"].clone()).expect("is there")
    };
    for other in ["raw.onnx", "unpacked.onnx", "external.onnx"] {
        assert_eq!(weights("typed.onnx"), weights(other));
    }
}

#[test]
fn data_is_held_only_where_it_is_short_and_typed() {
    let kinds = |file: &str| {
        let listing = read(&bytes("onnx", file)).expect("reads");
        let long = listing
            .tensors
            .iter()
            .find(|tensor| tensor.name.starts_with("long"));
        let first = &listing.tensors[0];
        (first.elements.clone(), long.map(|tensor| tensor.elements.clone()))
    };
    assert!(matches!(kinds("typed.onnx").0, Elements::Held(_)));
    assert!(matches!(kinds("raw.onnx").0, Elements::InPlace { .. }));
    assert!(matches!(kinds("external.onnx").0, Elements::External { .. }));
    assert!(matches!(kinds("long.onnx").1, Some(Elements::Decoded(_))));
}

#[test]
fn what_is_no_weight_is_named() {
    let listing = read(&bytes("onnx", "other-parts.onnx")).expect("reads");
    let reason = |name: &str| {
        let part = listing.not_read.iter().find(|part| part.name == name);
        part.map(|part| part.reason.as_str()).expect("is listed")
    };
    assert!(reason("inner").contains("inside a node"));
    assert!(reason("words").contains("texts"));
    assert!(reason("training_info").contains("training"));
    assert!(
        listing.remarks.iter().any(|remark| remark.contains("1 tensors")),
        "{:?}",
        listing.remarks
    );
    let sparse = read(&bytes("onnx", "sparse-elsewhere.onnx")).expect("reads");
    assert!(sparse.incomplete.is_some_and(|why| why.contains("sparse")));
}

fn value<'a>(listing: &'a Listing, key: &str) -> &'a str {
    let pair = listing.metadata.iter().find(|(other, _)| other == key);
    pair.map_or("absent", |(_, value)| value)
}

#[test]
fn metadata_is_text() {
    let listing = read(&bytes("onnx", "typed.onnx")).expect("reads");
    assert_eq!(value(&listing, "ir_version"), "13");
    assert_eq!(value(&listing, "producer_name"), "lineaprint");
    assert_eq!(value(&listing, "opset_import.ai.onnx"), "25");
    assert_eq!(value(&listing, "opset_import.example"), "1");
    let other = read(&bytes("onnx", "other-parts.onnx")).expect("reads");
    assert_eq!(value(&other, "metadata_props.author"), "somebody");
}

/// Return a model whose graph is the given bytes.
fn model(graph: &[u8]) -> Bytes {
    Bytes::from([number(1, 13), field(7, graph)].concat())
}

/// Return a model with one initialiser: the given fields and the name `w`.
fn with_tensor(fields: &[Vec<u8>]) -> Bytes {
    model(&field(5, &[field(8, b"w"), fields.concat()].concat()))
}

fn refusal(file: &Bytes) -> FormatError {
    read(file).expect_err("must be refused")
}

/// Return the elements of the one tensor of a model.
fn data(file: &Bytes) -> Result<Vec<u8>, FormatError> {
    let listing = read(file)?;
    elements(&listing.tensors[0], file, &|_| panic!("not external"))
}

const U8: u64 = 2;
const I8: u64 = 3;
const I64: u64 = 7;
const I4: u64 = 22;

#[test]
fn bits_after_the_last_element_do_not_count() {
    // Three elements of 4 bits; the upper half of the second byte belongs to none.
    let dirty = [number(1, 3), number(2, I4)].concat();
    assert_eq!(
        data(&with_tensor(&[dirty.clone(), field(9, &[0x21, 0xf3])])),
        Ok(vec![0x21, 0x03])
    );
    let typed = field(5, &[varint(0x21), varint(0xf3)].concat());
    assert_eq!(data(&with_tensor(&[dirty, typed])), Ok(vec![0x21, 0x03]));
}

#[test]
fn elements_beyond_their_type_are_refused() {
    let of = |kind: u64, value: u64| {
        data(&with_tensor(&[
            number(1, 1),
            number(2, kind),
            field(5, &varint(value)),
        ]))
    };
    assert_eq!(of(U8, 255), Ok(vec![255]));
    assert_eq!(of(I8, u64::MAX), Ok(vec![255]));
    assert!(of(U8, 256).is_err());
    assert!(of(U8, u64::MAX).is_err());
    assert!(of(I8, 128).is_err());
    assert!(of(10, 65_536).is_err());
    assert!(of(6, 1 << 31).is_err());
}

#[test]
fn data_twice_is_refused() {
    let head = [number(1, 1), number(2, U8)].concat();
    let (raw, typed) = (field(9, &[1]), field(5, &[1]));
    let external = [
        number(14, 1),
        field(13, &[field(1, b"location"), field(2, b"w.bin")].concat()),
    ]
    .concat();
    for data in [
        [raw.clone(), typed.clone()],
        [raw.clone(), raw.clone()],
        [raw, external.clone()],
        [typed.clone(), external],
        [typed, field(7, &[1])],
    ] {
        refusal(&with_tensor(&[head.clone(), data.concat()]));
    }
}

#[test]
fn data_that_does_not_fit_the_shape_is_refused() {
    for (kind, data) in [
        (U8, field(9, &[1])),
        (U8, field(9, &[1, 2, 3])),
        (U8, field(5, &[1])),
        (U8, field(5, &[1, 2, 3])),
        (U8, field(7, &[1, 2])),
        (1, field(4, &[0; 7])),
        (U8, vec![]),
    ] {
        refusal(&with_tensor(&[number(1, 2), number(2, kind), data]));
    }
}

#[test]
fn dimensions_that_overflow_are_refused() {
    let shapes: [&[u64]; 5] = [
        &[u64::MAX],
        &[1 << 53],
        &[1 << 40, 1 << 40],
        &[1 << 50, 1 << 14, 0],
        &[1; 65],
    ];
    for shape in shapes {
        let shape = shape.iter().flat_map(|length| number(1, *length)).collect();
        let error = refusal(&with_tensor(&[shape, number(2, I64), field(9, &[0; 8])]));
        assert!(
            error.message.contains("dimension") || error.message.contains("overflow"),
            "{error}"
        );
    }
}

#[test]
fn external_paths_that_escape_are_refused() {
    let at = |path: &[u8], more: &[u8]| {
        let location = field(13, &[field(1, b"location"), field(2, path)].concat());
        let head = [number(1, 1), number(2, U8), number(14, 1)].concat();
        read(&with_tensor(&[head, location, more.to_vec()]))
    };
    for path in [
        "/etc/passwd",
        "..",
        "../w",
        "a/../../w",
        "a/..",
        "..\\w",
        "a\\..\\w",
        "\\\\server\\w",
        "C:w",
        "C:\\w",
        "",
        "a/",
        "w\0",
    ] {
        let error = at(path.as_bytes(), &[]).expect_err(path);
        assert_eq!(error.tensor.as_deref(), Some("w"), "{path:?}: {error}");
    }
    for path in ["w.bin", "data/w.bin", "./w.bin", "..w", "a..b/w"] {
        at(path.as_bytes(), &[]).expect(path);
    }
    let entry = |key: &[u8], value: &[u8]| field(13, &[field(1, key), field(2, value)].concat());
    for (key, value) in [
        ("offset", "-1"),
        ("offset", "18446744073709551615"),
        ("offset", "0x10"),
        ("offset", ""),
        ("length", "2"),
        ("length", "99999999999999999999"),
        ("location", "other"),
    ] {
        let error = at(b"w.bin", &entry(key.as_bytes(), value.as_bytes())).expect_err(value);
        assert_eq!(error.tensor.as_deref(), Some("w"), "{key} {value}: {error}");
    }
    assert!(
        read(&with_tensor(&[number(1, 1), number(2, U8), number(14, 1)])).is_err(),
        "no location"
    );
    assert!(
        read(&with_tensor(&[
            number(1, 1),
            number(2, U8),
            number(14, 2),
            field(9, &[1])
        ]))
        .is_err()
    );
}

#[test]
fn duplicate_names_are_refused() {
    let tensor = field(
        5,
        &[number(1, 1), number(2, U8), field(9, &[1]), field(8, b"w")].concat(),
    );
    assert!(
        refusal(&model(&[tensor.clone(), tensor.clone()].concat()))
            .message
            .contains("two initialisers")
    );
    let sparse = field(15, &field(1, &field(8, b"w")));
    assert!(
        refusal(&model(&[tensor, sparse].concat()))
            .message
            .contains("two initialisers")
    );
    refusal(&model(&field(
        5,
        &[number(1, 1), number(2, U8), field(9, &[1])].concat(),
    )));
}

#[test]
fn names_that_are_not_text_are_refused() {
    let error = refusal(&model(&field(5, &[number(2, U8), field(8, b"\xffw")].concat())));
    assert_eq!(error.received.as_deref(), Some(r#""\xffw""#));
    refusal(&model(&field(5, &field(8, &vec![b'n'; 65_536]))));
}

#[test]
fn fields_that_appear_twice_are_refused() {
    let graph = field(7, &[]);
    refusal(&Bytes::from(
        [number(1, 13), graph.clone(), graph.clone()].concat(),
    ));
    refusal(&Bytes::from(
        [number(1, 13), number(1, 12), graph.clone()].concat(),
    ));
    refusal(&Bytes::from(
        [number(1, 13), field(2, b"a"), field(2, b"b"), graph].concat(),
    ));
    refusal(&with_tensor(&[
        number(1, 1),
        number(2, U8),
        number(2, I8),
        field(9, &[1]),
    ]));
}

#[test]
fn numbers_of_more_than_64_bits_are_refused() {
    for bytes in [vec![0xff; 11], [vec![0xff; 9], vec![2]].concat(), vec![0x80; 400]] {
        refusal(&Bytes::from([vec![8], bytes, field(7, &[])].concat()));
    }
}

#[test]
fn lengths_beyond_the_message_are_refused() {
    // The length of the tensor ends within the file, and beyond the graph.
    let inner = [vec![0x2a], varint(50), vec![0; 4]].concat();
    let file = [number(1, 13), field(7, &inner), field(2, &[0; 100])].concat();
    assert!(refusal(&Bytes::from(file)).message.contains("beyond its message"));
    for length in [1 << 31, 1 << 40, u64::MAX] {
        refusal(&Bytes::from(
            [number(1, 13), vec![0x3a], varint(length), vec![0; 8]].concat(),
        ));
    }
}

#[test]
fn groups_and_impossible_fields_are_refused() {
    for tag in [3_u64, 4, 6, 7, 0, 8 << 29, 1 << 40] {
        refusal(&Bytes::from([varint(tag), vec![0; 20], field(7, &[])].concat()));
    }
}

#[test]
fn nested_graphs_have_a_depth() {
    // A graph with a node with an attribute with a graph with …
    let nested = |depth: usize| {
        let mut graph = Vec::new();
        for _ in 0..depth {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        model(&graph)
    };
    read(&nested(32)).expect("reads");
    assert!(refusal(&nested(33)).message.contains("deep"));
    assert!(refusal(&nested(3000)).message.contains("deep"));
}

#[test]
fn types_that_are_not_known_are_listed_and_the_listing_incomplete() {
    for kind in [27, 99, u64::MAX] {
        let listing = read(&with_tensor(&[number(1, 1), number(2, kind), field(9, &[1])])).expect("reads");
        assert_eq!(
            (listing.tensors.len(), listing.not_read[0].name.as_str()),
            (0, "w")
        );
        assert!(listing.incomplete.is_some());
    }
}

#[test]
fn files_that_are_no_models_are_refused() {
    for file in [
        &b""[..],
        b"\x08\x0d",
        b"not an ONNX file at all",
        b"\x3a\0",
        b"PK\x03\x04",
    ] {
        refusal(&Bytes::from_static(file));
    }
}

#[test]
fn sparse_tensors_that_lie_are_refused() {
    let sparse = |indices: &[u64], shape: &[u64], dense: &[u64], more: Vec<u8>| {
        let dims = |field, shape: &[u64]| {
            shape
                .iter()
                .flat_map(|length| number(field, *length))
                .collect::<Vec<_>>()
        };
        let values = [field(8, b"s"), number(1, 2), number(2, U8), field(9, &[5, 6])].concat();
        let raw: Vec<u8> = indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let indices = [dims(1, shape), number(2, I64), field(9, &raw)].concat();
        let body = [field(1, &values), field(2, &indices), dims(3, dense), more].concat();
        data(&model(&field(15, &body)))
    };
    assert_eq!(sparse(&[1, 2], &[2], &[4], vec![]), Ok(vec![0, 5, 6, 0]));
    assert_eq!(
        sparse(&[0, 1, 1, 0], &[2, 2], &[2, 2], vec![]),
        Ok(vec![0, 5, 6, 0])
    );
    for (indices, shape, dense) in [
        (&[2, 1][..], &[2][..], &[4][..]),
        (&[1, 1], &[2], &[4]),
        (&[1, 4], &[2], &[4]),
        (&[1, u64::MAX], &[2], &[4]),
        (&[0, 1, 0, 2], &[2, 2], &[2, 2]),
        (&[0, 1, 2, 0], &[2, 2], &[2, 2]),
        (&[1], &[1], &[4]),
        (&[1, 2], &[1, 2], &[4]),
        (&[1, 2], &[2], &[1 << 40, 1 << 40]),
        (&[1, 2], &[2], &[u64::MAX]),
        (&[], &[2, 0], &[]),
    ] {
        sparse(indices, shape, dense, vec![]).expect_err("must be refused");
    }
    assert!(
        sparse(&[1, 2], &[2], &[4], field(1, &[])).is_err(),
        "values twice"
    );
}

#[test]
fn many_empty_tensors_have_a_limit() {
    let tensor = |name: &str| {
        field(
            5,
            &[number(1, 0), number(2, U8), field(8, name.as_bytes())].concat(),
        )
    };
    let many = |count: u32| {
        model(
            &(0..count)
                .flat_map(|name| tensor(&name.to_string()))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(read(&many(10_000)).expect("reads").tensors.len(), 10_000);
    assert!(refusal(&many(300_000)).message.contains("too many tensors"));
}

#[test]
fn many_other_parts_are_counted() {
    let inner = field(5, &field(8, b"i")).repeat(5000);
    let listing = read(&model(&field(1, &field(5, &field(6, &inner))))).expect("reads");
    assert_eq!(listing.not_read.len(), 1000);
    assert!(
        listing
            .remarks
            .iter()
            .any(|remark| remark.contains("4000 further")),
        "{:?}",
        listing.remarks
    );
}

#[test]
fn every_prefix_and_changed_byte_is_an_answer() {
    mutate(read, &bytes("onnx", "other-parts.onnx"), 1);
    mutate(read, &bytes("onnx", "typed.onnx"), 1);
    mutate(read, &bytes("onnx", "external.onnx"), 3);
}

proptest! {
    /// Change several bytes of a file at once: an answer, never a panic, and nothing outside the file.
    #[test]
    fn mutated_files_never_panic(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), which in 0_usize..4) {
        let name = ["typed.onnx", "raw.onnx", "unpacked.onnx", "sparse.onnx"][which];
        let mut file = bytes("onnx", name).to_vec();
        for (at, to) in changes {
            let at = at % file.len();
            file[at] = to;
        }
        drop(check_any(read, &Bytes::from(file)));
    }

    /// Read any bytes.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(check_any(read, &Bytes::from(bytes)));
    }
}
