//! GGUF files, honest and lying.

#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::gguf::{Split, read, split};
use lineaprint_formats::model::listing::{Elements, Listing};
use proptest::prelude::*;
use support::{bytes, check, check_any, expected, mutate};

#[test]
fn files_of_the_reference_writer_have_the_tensors_of_the_reference_reader() {
    for file in expected("gguf") {
        check("gguf", read, &file);
    }
}

#[test]
fn byte_order_and_version_do_not_count() {
    let files = expected("gguf");
    let weights = |name: &str| {
        let file = files.iter().find(|file| file["file"] == name);
        file.map(|file| file["weights"].clone()).expect("is there")
    };
    assert_eq!(weights("plain.gguf"), weights("big-endian.gguf"));
    assert_eq!(weights("plain.gguf"), weights("version-2.gguf"));
}

fn value<'a>(listing: &'a Listing, key: &str) -> &'a str {
    let pair = listing.metadata.iter().find(|(other, _)| other == key);
    pair.map_or("absent", |(_, value)| value)
}

#[test]
fn metadata_is_text_and_long_lists_are_counted() {
    for file in ["plain.gguf", "big-endian.gguf"] {
        let listing = read(&bytes("gguf", file)).expect("reads");
        for (key, text) in [
            ("general.architecture", "fixture"),
            ("a.uint8", "200"),
            ("a.int8", "-3"),
            ("a.uint16", "60000"),
            ("a.int16", "-30000"),
            ("a.uint32", "4000000000"),
            ("a.int32", "-7"),
            ("a.uint64", "9223372036854775808"),
            ("a.int64", "-4611686018427387904"),
            ("a.float32", "0.5"),
            ("a.float64", "1e300"),
            ("a.bool", "true"),
            ("a.text", "Grüße\n"),
            ("a.few", "[1, 2, 3]"),
            ("a.texts", r#"["a", "b"]"#),
            ("tokenizer.ggml.tokens", "300 x string, not shown"),
            ("tokenizer.ggml.scores", "300 x float32, not shown"),
        ] {
            assert_eq!(value(&listing, key), text, "{file}: {key}");
        }
        assert!(listing.metadata.is_sorted());
    }
}

#[test]
fn a_tensor_of_an_unknown_type_is_listed_and_the_listing_incomplete() {
    let listing = read(&bytes("gguf", "unknown-type.gguf")).expect("reads");
    assert!(
        listing
            .incomplete
            .as_deref()
            .is_some_and(|why| why.contains("999"))
    );
    let reasons: Vec<&str> = listing.not_read.iter().map(|part| part.reason.as_str()).collect();
    assert!(
        reasons[0].contains("999") && reasons[0].contains("not verified"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("Q4_0_4_4"), "{reasons:?}");
}

#[test]
fn files_of_a_split_model_are_found_by_metadata_and_name() {
    let names = [1, 2, 3].map(|number| format!("split-0000{number}-of-00003.gguf"));
    for (index, name) in names.iter().enumerate() {
        let listing = read(&bytes("gguf", name)).expect("reads");
        let parts = split(name, &listing.metadata).expect("agrees");
        assert_eq!(
            parts,
            Some(Split {
                index,
                files: names.to_vec(),
                tensors: Some(5)
            })
        );
        assert!(split("renamed.gguf", &listing.metadata).is_err());
        assert!(split(&names[(index + 1) % 3], &listing.metadata).is_err());
    }
    let alone = read(&bytes("gguf", "plain.gguf")).expect("reads");
    assert_eq!(split("split-00001-of-00003.gguf", &alone.metadata), Ok(None));
}

#[test]
fn lying_split_metadata_is_refused() {
    let split_of = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        split("m-00001-of-00002.gguf", &pairs)
    };
    assert!(split_of(&[("split.no", "0"), ("split.count", "2")]).is_ok_and(|split| split.is_some()));
    assert!(split_of(&[("split.count", "2")]).is_err());
    assert!(split_of(&[("split.no", "2"), ("split.count", "2")]).is_err());
    assert!(split_of(&[("split.no", "-1"), ("split.count", "2")]).is_err());
    assert!(split_of(&[("split.no", "0"), ("split.count", "4294967295")]).is_err());
    assert!(
        split_of(&[
            ("split.no", "0"),
            ("split.count", "2"),
            ("split.tensors.count", "x")
        ])
        .is_err()
    );
    assert_eq!(split_of(&[("split.no", "0"), ("split.count", "1")]), Ok(None));
}

/// Builds files of version 3, little-endian.
#[derive(Clone, Default)]
struct Builder {
    pairs: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    counts: Option<(u64, u64)>,
    data: Vec<u8>,
    /// Bytes before the data instead of the right padding.
    padding: Option<usize>,
}

fn text(value: &[u8]) -> Vec<u8> {
    let mut bytes = (value.len() as u64).to_le_bytes().to_vec();
    bytes.extend(value);
    bytes
}

impl Builder {
    fn pair(mut self, key: &[u8], kind: u32, value: &[u8]) -> Self {
        self.pairs
            .push([text(key), kind.to_le_bytes().to_vec(), value.to_vec()].concat());
        self
    }

    fn tensor(mut self, name: &[u8], shape: &[u64], kind: u32, offset: u64) -> Self {
        let rank = u32::try_from(shape.len()).expect("small");
        let mut entry = [text(name), rank.to_le_bytes().to_vec()].concat();
        entry.extend(shape.iter().flat_map(|length| length.to_le_bytes()));
        entry.extend(kind.to_le_bytes());
        entry.extend(offset.to_le_bytes());
        self.tensors.push(entry);
        self
    }

    fn data(mut self, bytes: usize) -> Self {
        self.data = vec![7; bytes];
        self
    }

    fn counts(mut self, tensors: u64, pairs: u64) -> Self {
        self.counts = Some((tensors, pairs));
        self
    }

    fn build(&self) -> Bytes {
        let (tensors, pairs) = self
            .counts
            .unwrap_or((self.tensors.len() as u64, self.pairs.len() as u64));
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(tensors.to_le_bytes());
        file.extend(pairs.to_le_bytes());
        file.extend(self.pairs.concat());
        file.extend(self.tensors.concat());
        let padding = self
            .padding
            .unwrap_or(file.len().next_multiple_of(32) - file.len());
        file.resize(file.len() + padding, 0);
        file.extend(&self.data);
        Bytes::from(file)
    }
}

fn refusal(builder: &Builder) -> FormatError {
    read(&builder.build()).expect_err("must be refused")
}

fn small() -> Builder {
    Builder::default().tensor(b"a", &[2], 0, 0).data(8)
}

#[test]
fn the_builder_makes_files_that_are_read() {
    let listing = read(&small().build()).expect("reads");
    assert_eq!(listing.tensors[0].shape, [2]);
    assert!(matches!(
        listing.tensors[0].elements,
        Elements::InPlace { start: 64, end: 72 }
    ));
}

#[test]
fn huge_counts_are_refused() {
    for (tensors, pairs) in [(u64::MAX, 0), (0, u64::MAX), (1 << 40, 1), (2, 0), (1, 1)] {
        refusal(&small().counts(tensors, pairs));
    }
    let pair = |count: u64, kind: u32| {
        let value = [
            kind.to_le_bytes().to_vec(),
            count.to_le_bytes().to_vec(),
            vec![0; 64],
        ]
        .concat();
        refusal(&small().pair(b"k", 9, &value)).to_string()
    };
    for kind in 0..13 {
        assert!(pair(u64::MAX, kind).contains("larger than the rest"), "{kind}");
    }
}

#[test]
fn alignment_0_is_refused() {
    for alignment in [0_u32, 3, 24, 1 << 17, u32::MAX] {
        let error = refusal(&small().pair(b"general.alignment", 4, &alignment.to_le_bytes()));
        assert!(error.message.contains("general.alignment"), "{error}");
    }
    let error = refusal(&small().pair(b"general.alignment", 10, &32_u64.to_le_bytes()));
    assert_eq!(
        (error.expected.as_deref(), error.received.as_deref()),
        (Some("uint32"), Some("uint64"))
    );
}

#[test]
fn dimensions_that_overflow_are_refused() {
    for shape in [
        vec![1 << 53],
        vec![u64::MAX],
        vec![1 << 52, 1 << 12],
        vec![1 << 40, 1 << 40, 0],
        vec![(1 << 53) - 1, 1 << 10],
    ] {
        let error = refusal(&Builder::default().tensor(b"a", &shape, 28, 0).data(8));
        assert_eq!(error.tensor.as_deref(), Some("a"), "{shape:?}: {error}");
    }
    assert!(
        refusal(&Builder::default().tensor(b"a", &[1; 9], 0, 0).data(4))
            .message
            .contains("dimensions")
    );
}

#[test]
fn duplicate_names_are_refused() {
    let file = Builder::default()
        .tensor(b"a", &[8], 0, 0)
        .tensor(b"a", &[8], 0, 32)
        .data(64);
    assert!(refusal(&file).message.contains("twice"));
}

#[test]
fn duplicate_keys_are_refused() {
    let file = small().pair(b"k", 0, &[1]).pair(b"k", 0, &[2]);
    assert!(refusal(&file).message.contains("twice"));
}

#[test]
fn names_that_two_readers_see_differently_are_refused() {
    let long = vec![b'n'; 65_536];
    for name in [b"".as_slice(), b"a\0b", b"\xff", &long] {
        refusal(&Builder::default().tensor(name, &[2], 0, 0).data(8));
        refusal(&small().pair(name, 0, &[1]));
    }
}

#[test]
fn overlaps_are_refused() {
    let file = Builder::default()
        .tensor(b"a", &[16], 0, 0)
        .tensor(b"b", &[8], 0, 32)
        .data(64);
    assert!(refusal(&file).message.contains("overlaps"));
    let same = Builder::default()
        .tensor(b"a", &[8], 0, 0)
        .tensor(b"b", &[8], 0, 0)
        .data(32);
    assert!(refusal(&same).message.contains("overlaps"));
    let unknown = Builder::default()
        .tensor(b"a", &[16], 0, 0)
        .tensor(b"b", &[8], 99, 32)
        .data(64);
    assert!(refusal(&unknown).message.contains("overlaps"));
}

#[test]
fn holes_are_refused() {
    let file = Builder::default()
        .tensor(b"a", &[2], 0, 0)
        .tensor(b"b", &[2], 0, 64)
        .data(72);
    assert!(refusal(&file).message.contains("gap"));
    let first = Builder::default().tensor(b"a", &[2], 0, 32).data(40);
    assert!(refusal(&first).message.contains("gap"));
    assert!(refusal(&small().data(33)).message.contains("follow"));
    read(&small().data(32).build()).expect("padding at the end is usual");
    let nothing = Builder {
        padding: Some(4096),
        ..Builder::default()
    };
    assert!(refusal(&nothing).message.contains("follow"));
}

#[test]
fn offsets_off_the_alignment_are_refused() {
    let file = Builder::default()
        .tensor(b"a", &[2], 0, 0)
        .tensor(b"b", &[2], 0, 8)
        .data(64);
    assert!(refusal(&file).message.contains("aligned"));
}

#[test]
fn offsets_beyond_the_file_are_refused() {
    for offset in [32, 1 << 40, u64::MAX - 31, u64::MAX] {
        refusal(&Builder::default().tensor(b"a", &[2], 0, offset).data(8));
        refusal(&Builder::default().tensor(b"a", &[2], 99, offset).data(8));
        refusal(
            &Builder::default()
                .tensor(b"a", &[0], 99, 0)
                .tensor(b"b", &[2], 0, offset)
                .data(8),
        );
    }
}

#[test]
fn truncated_files_are_refused() {
    let file = bytes("gguf", "quantised.gguf");
    // The padding of the last tensor is no part of it.
    let listing = read(&file).expect("reads");
    let end = listing.tensors.iter().map(|tensor| match tensor.elements {
        Elements::InPlace { end, .. } => end,
        _ => 0,
    });
    let end = usize::try_from(end.max().expect("has tensors")).expect("small");
    for length in (0..end).step_by(7) {
        read(&file.slice(..length)).expect_err("is cut off");
    }
    read(&file.slice(..end)).expect("reads");
}

#[test]
fn rows_that_end_inside_a_block_are_refused() {
    let file = Builder::default().tensor(b"a", &[16, 2], 2, 0).data(18);
    assert!(refusal(&file).message.contains("block"));
}

#[test]
fn nested_lists_have_a_depth() {
    // A list of one list of one list …
    let nested = |depth: usize| {
        let level = [9_u32.to_le_bytes().to_vec(), 1_u64.to_le_bytes().to_vec()].concat();
        let last = [
            0_u32.to_le_bytes().to_vec(),
            1_u64.to_le_bytes().to_vec(),
            vec![5],
        ]
        .concat();
        [level.repeat(depth), last].concat()
    };
    let listing = read(&small().pair(b"k", 9, &nested(3)).build()).expect("reads");
    assert_eq!(value(&listing, "k"), "1 x array, not shown");
    assert!(
        refusal(&small().pair(b"k", 9, &nested(100_000)))
            .message
            .contains("deep")
    );
}

#[test]
fn blocks_of_a_big_endian_file_are_refused() {
    let mut file = b"GGUF\0\0\0\x03".to_vec();
    file.extend(1_u64.to_be_bytes());
    file.extend(0_u64.to_be_bytes());
    file.extend(1_u64.to_be_bytes());
    file.extend(b"a");
    file.extend(1_u32.to_be_bytes());
    file.extend(32_u64.to_be_bytes());
    file.extend(2_u32.to_be_bytes());
    file.extend(0_u64.to_be_bytes());
    file.resize(file.len().next_multiple_of(32) + 18, 0);
    let error = read(&Bytes::from(file)).expect_err("refused");
    assert!(
        error.unsupported && error.message.contains("GGML_Q4_0"),
        "{error}"
    );
}

#[test]
fn other_versions_and_files_are_refused() {
    for start in [
        b"GGUF\0\0\0\0",
        b"GGUF\x04\0\0\0",
        b"GGUF\0\0\0\x04",
        b"GGLA\x03\0\0\0",
        b"\x03\0\0\0GGUF",
    ] {
        let mut file = small().build().to_vec();
        file[..8].copy_from_slice(start);
        read(&Bytes::from(file)).expect_err("refused");
    }
}

#[test]
fn values_that_their_type_cannot_have_are_refused() {
    assert!(refusal(&small().pair(b"k", 7, &[2])).message.contains("boolean"));
    assert!(
        refusal(&small().pair(b"k", 13, &[0; 8]))
            .message
            .contains("unknown type")
    );
    assert!(
        refusal(&small().pair(b"k", 8, &text(b"\xff")))
            .message
            .contains("UTF-8")
    );
}

#[test]
fn many_empty_tensors_are_an_answer() {
    let mut file = Builder::default();
    for number in 0..20_000 {
        file = file.tensor(format!("{number}").as_bytes(), &[0], 0, 0);
    }
    assert_eq!(read(&file.build()).expect("reads").tensors.len(), 20_000);
}

#[test]
fn every_prefix_and_changed_byte_is_an_answer() {
    mutate(
        read,
        &small()
            .pair(b"k", 9, &[0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1])
            .build(),
        1,
    );
    mutate(read, &bytes("gguf", "unknown-type.gguf"), 1);
    mutate(read, &bytes("gguf", "big-endian.gguf"), 11);
}

proptest! {
    /// Change several bytes of a file at once: an answer, never a panic, and nothing outside the file.
    #[test]
    fn mutated_files_never_panic(changes in proptest::collection::vec((0_usize..8000, any::<u8>()), 1..6), which in 0_usize..4) {
        let name = ["plain.gguf", "aligned.gguf", "version-1.gguf", "split-00001-of-00003.gguf"][which];
        let mut file = bytes("gguf", name).to_vec();
        for (at, to) in changes {
            // Most of the changes in the header.
            let at = if at < 4000 { at % 256.min(file.len()) } else { at % file.len() };
            file[at] = to;
        }
        drop(check_any(read, &Bytes::from(file)));
    }

    /// Read any bytes behind a right start.
    #[test]
    fn arbitrary_bytes_never_panic(rest in proptest::collection::vec(any::<u8>(), 0..300), version in 1_u8..4) {
        let file = [b"GGUF".as_slice(), &[version, 0, 0, 0], &rest].concat();
        drop(check_any(read, &Bytes::from(file)));
    }
}
