//! HDF5 files that lie under checksums that fit: what the checks of a careful writer of hostile files get past.

#[path = "model_files/hdf5_checksums.rs"]
mod checksums;
#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use checksums::{SIGNATURES, blocks, lookup3};
use lineaprint_formats::model::hdf5::read;
use proptest::prelude::*;
use std::ops::Range;
use std::sync::LazyLock;
use support::{bytes, check_any};

const FILES: [&str; 4] = [
    "chunked-latest.h5",
    "linked-latest.h5",
    "attributes-latest.h5",
    "many-latest.h5",
];

static BLOCKS: LazyLock<Vec<(Bytes, Vec<Range<usize>>)>> = LazyLock::new(|| {
    let files = FILES.iter().map(|name| bytes("hdf5", name));
    files.map(|file| (file.clone(), blocks(&file))).collect()
});

#[test]
fn blocks_of_every_kind_are_found() {
    for signature in SIGNATURES {
        let matching = |(file, blocks): &(Bytes, Vec<Range<usize>>)| {
            blocks
                .iter()
                .any(|block| file[block.clone()].starts_with(signature))
        };
        let rare = [b"OCHK", b"EASB", b"BTIN"].map(|name| &name[..]);
        assert!(
            BLOCKS.iter().any(matching) || rare.contains(&signature),
            "{}",
            signature.escape_ascii()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn changed_bytes_under_a_checksum_that_fits_get_an_answer(
        file in 0..FILES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop_oneof![
            any::<u8>(), Just(0), Just(0xff), Just(1), 0..33_u8,
        ]), 1..4),
    ) {
        let (honest, blocks) = &BLOCKS[file];
        let mut lying = honest.to_vec();
        for (block, at, value) in edits {
            let block = &blocks[block.index(blocks.len())];
            lying[block.start + at.index(block.len())] = value;
            let checksum = lookup3(&lying[block.clone()]).to_le_bytes();
            lying[block.end..block.end + 4].copy_from_slice(&checksum);
        }
        drop(check_any(read, &Bytes::from(lying)));
    }
}
