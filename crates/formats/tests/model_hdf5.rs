//! HDF5 files, honest and lying.

#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::hdf5::{read, recognise};
use lineaprint_formats::model::listing::{Elements, Listing};
use proptest::prelude::*;
use support::{check, check_any, elements, expected, mutate};

fn file(name: &str) -> Bytes {
    support::bytes("hdf5", name)
}

fn listing(name: &str) -> Listing {
    read(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(bytes: impl Into<Bytes>) -> FormatError {
    read(&bytes.into()).expect_err("must be refused")
}

/// Return where `bytes` come in a file for the time `nth`, counted from 0.
fn find(file: &[u8], bytes: &[u8], nth: usize) -> usize {
    let mut locations = (0..file.len()).filter(|location| file[*location..].starts_with(bytes));
    locations.nth(nth).expect("is there")
}

/// Write `bytes` at a place of a file.
fn patch(file: &mut [u8], location: usize, bytes: &[u8]) {
    file[location..location + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn files_of_h5py_read_as_h5py_reads_them() {
    for wanted in expected("hdf5") {
        let listing = check("hdf5", read, &wanted);
        assert!(!listing.tensors.is_empty());
        assert!(recognise(&file(wanted["file"].as_str().expect("has a name"))));
    }
}

#[test]
fn contiguous_datasets_stay_where_they_lie() {
    for name in ["plain-earliest.h5", "plain-latest.h5"] {
        let listing = listing(name);
        let find = |name: &str| {
            let tensor = listing.tensors.iter().find(|tensor| tensor.name == name);
            &tensor.expect("is listed").elements
        };
        assert!(matches!(find("little/float32"), Elements::InPlace { .. }));
        assert!(matches!(find("big/float32"), Elements::Decoded(_)));
    }
}

#[test]
fn text_of_the_root_is_metadata() {
    for name in ["plain-earliest.h5", "plain-latest.h5"] {
        let metadata = listing(name).metadata;
        let pairs: Vec<_> = metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("fixed", "fixed text"),
                ("layer_names", r#"["layer 0","layer 1","layer 2"]"#),
                ("model_config", r#"{"class_name": "Sequential"}"#),
            ]
        );
    }
    for name in ["attributes-earliest.h5", "attributes-latest.h5"] {
        assert_eq!(listing(name).metadata.len(), 40);
    }
}

#[test]
fn two_names_of_one_dataset_are_shared() {
    for name in ["linked-earliest.h5", "linked-latest.h5"] {
        let listing = listing(name);
        assert_eq!(listing.shared, [["a/weights", "b/again", "a/soft", "softer"]]);
        assert_eq!(listing.not_read[0].name, "dangling");
    }
}

#[test]
fn a_group_within_itself_is_not_followed() {
    let listing = listing("cycle.h5");
    assert_eq!(listing.tensors.len(), 1);
    let names: Vec<_> = listing.not_read.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["a/b/back", "a/root"]);
}

#[test]
fn groups_of_many_members_are_read() {
    for name in ["many-earliest.h5", "many-latest.h5"] {
        let names: Vec<_> = listing(name)
            .tensors
            .into_iter()
            .map(|tensor| tensor.name)
            .collect();
        let expected: Vec<_> = (0..300)
            .map(|index| format!("many/{index:05}"))
            .chain(["one".to_owned()])
            .collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn elements_in_other_files_are_refused() {
    for (name, says) in [
        ("external-storage.h5", "external storage"),
        ("external-link.h5", "external link"),
        ("virtual.h5", "virtual"),
    ] {
        let error = refusal(file(name));
        assert!(
            error.unsupported && error.message.contains(says),
            "{name}: {error}"
        );
        assert_eq!(error.tensor.as_deref(), Some("a"), "{name}");
    }
}

#[test]
fn a_depth_bomb_is_refused() {
    assert!(refusal(file("deep.h5")).message.contains("nested too deep"));
}

#[test]
fn groups_that_multiply_are_refused() {
    assert!(refusal(file("exponential.h5")).message.contains("circles"));
}

#[test]
fn chunks_that_inflate_to_another_length_are_refused() {
    for name in ["chunk-too-long.h5", "chunk-too-short.h5", "checksum.h5"] {
        let input = file(name);
        let listing = read(&input).unwrap_or_else(|error| panic!("{name}: {error}"));
        let error = elements(&listing.tensors[0], &input, &|_| Bytes::new()).expect_err("must be refused");
        let says = if name == "checksum.h5" {
            "checksum"
        } else {
            "filters are undone"
        };
        assert!(error.message.contains(says), "{name}: {error}");
    }
}

#[test]
fn sizes_beyond_the_file_are_refused() {
    assert!(
        refusal(file("never-written.h5"))
            .message
            .contains("never written")
    );
    assert!(refusal(file("huge-chunk.h5")).message.contains("bounded memory"));
    let whole = file("plain-earliest.h5");
    assert!(
        refusal(whole.slice(..whole.len() - 1))
            .message
            .contains("shorter")
    );
    // A contiguous dataset that begins near the end of what 64 bits count, and one that passes the end of the file.
    let honest = file("user-block.h5").to_vec();
    let layout = find(&honest, &[3, 1, 0, 8], 0);
    for address in [u64::MAX - 8, 1 << 40, honest.len() as u64 - 1024 - 5] {
        let mut lying = honest.clone();
        patch(&mut lying, layout + 2, &address.to_le_bytes());
        assert!(refusal(lying).message.contains("outside the file"));
    }
}

#[test]
fn a_shape_that_overflows_is_refused() {
    let mut lying = file("chunked-earliest.h5").to_vec();
    let shape: Vec<u8> = [9_u64, 7, 5]
        .iter()
        .flat_map(|length| length.to_le_bytes())
        .collect();
    let location = find(&lying, &shape, 0);
    for axis in 0..3 {
        // The largest lengths come next; they must not be smaller.
        patch(&mut lying, location + 8 * axis, &(u64::MAX >> 1).to_le_bytes());
        patch(
            &mut lying,
            location + 24 + 8 * axis,
            &(u64::MAX >> 1).to_le_bytes(),
        );
    }
    assert!(refusal(lying).message.contains("overflows"));
}

/// Return a file with a chunked dataset, and where the first leaf of its index is.
fn with_chunk_index() -> (Vec<u8>, usize) {
    let file = file("chunked-earliest.h5").to_vec();
    let node = find(&file, b"TREE\x01\0", 0);
    (file, node)
}

#[test]
fn a_chunk_index_that_leads_in_circles_is_refused() {
    let (mut lying, node) = with_chunk_index();
    let own = (node as u64).to_le_bytes();
    lying[node + 5] = 1;
    // A key of four axes takes 40 bytes.
    patch(&mut lying, node + 24 + 40, &own);
    assert!(refusal(lying).message.contains("level is wrong"));
}

#[test]
fn chunks_that_overlap_or_come_twice_are_refused() {
    let (honest, node) = with_chunk_index();
    let child = node + 24 + 40;
    let mut overlapping = honest.clone();
    let first = honest[child..child + 8].to_vec();
    patch(&mut overlapping, child + 48, &first);
    assert!(refusal(overlapping).message.contains("overlap"));
    let mut twice = honest.clone();
    let key = honest[node + 24 + 8..node + 24 + 40].to_vec();
    patch(&mut twice, node + 24 + 48 + 8, &key);
    assert!(refusal(twice).message.contains("comes twice"));
    let mut outside = honest;
    patch(&mut outside, node + 24 + 8, &400_u64.to_le_bytes());
    assert!(refusal(outside).message.contains("outside its dataset"));
}

#[test]
fn headers_that_lead_in_circles_are_refused() {
    let mut lying = file("attributes-earliest.h5").to_vec();
    let message = find(&lying, &[0x10, 0, 16, 0, 0, 0, 0, 0], 0);
    patch(&mut lying, message + 8, &(message as u64).to_le_bytes());
    patch(&mut lying, message + 16, &24_u64.to_le_bytes());
    assert!(refusal(lying).message.contains("too many blocks"));
}

#[test]
fn links_with_one_name_are_refused() {
    let mut lying = file("linked-earliest.h5").to_vec();
    let names = find(&lying, b"a\0\0\0\0\0\0\0b\0", 0);
    lying[names + 8] = b'a';
    assert!(refusal(lying).message.contains("twice"));
}

#[test]
fn metadata_that_does_not_fit_its_checksum_is_refused() {
    let mut lying = file("linked-latest.h5").to_vec();
    let header = find(&lying, b"OHDR", 0);
    lying[header + 10] ^= 1;
    assert!(refusal(lying).message.contains("checksum"));
}

#[test]
fn other_files_are_refused() {
    assert!(refusal(vec![]).message.contains("no HDF5 file"));
    assert!(refusal(vec![0; 5000]).message.contains("no HDF5 file"));
    let mut lying = file("linked-latest.h5").to_vec();
    lying[8] = 9;
    let error = refusal(lying);
    assert!(
        error.unsupported && error.message.contains("superblock"),
        "{error}"
    );
}

#[test]
fn every_prefix_and_every_changed_byte_gets_an_answer() {
    mutate(read, &file("linked-earliest.h5"), 7);
    mutate(read, &file("linked-latest.h5"), 7);
    mutate(read, &file("chunked-earliest.h5"), 397);
    mutate(read, &file("plain-earliest.h5"), 199);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_get_an_answer(
        name in prop::sample::select(vec!["linked-earliest.h5", "chunked-earliest.h5", "plain-earliest.h5", "chunked-latest.h5"]),
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
