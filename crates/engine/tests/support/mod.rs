//! The slow, obvious way to every digest of the engine, and files to try it on.
#![allow(dead_code, reason = "each test file uses a part of it")]

use lineaprint_digest::description::{self, TreeEntry};
use lineaprint_digest::sample::Plan;
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Return bytes with a period that shares no factor with a block.
pub fn paint(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from(i % 251).expect("below 251"))
        .collect()
}

/// Return the bytes that a plan reads of `bytes` in units of `width`, gathered one unit after the other, and whether
/// those are not all.
pub fn chosen_bytes(bytes: &[u8], plan: &Plan, width: u64) -> (Vec<u8>, bool) {
    let width = usize::try_from(width).expect("small");
    let units: Vec<&[u8]> = bytes.chunks(width).collect();
    let Some(selection) = plan.select(units.len() as u64) else {
        return (bytes.to_vec(), false);
    };
    let chosen = (0..selection.count()).map(|rank| selection.index(rank));
    let stream = chosen.flat_map(|unit| units[usize::try_from(unit).expect("small")]);
    (stream.copied().collect(), true)
}

/// Compute the `tree` digest by recursion, for trees of files, folders and followed links.
pub fn slow_tree(folder: &Path, algorithm: Algorithm) -> Option<Hash> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("lists")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name != ".git" && name != ".lineaprint")
        .collect();
    names.sort();
    let mut entries = Vec::new();
    for name in &names {
        let path = folder.join(name);
        let name = name.as_encoded_bytes();
        if path.is_dir() {
            if let Some(digest) = slow_tree(&path, algorithm) {
                entries.push(TreeEntry::Folder { name, digest });
            }
        } else {
            let bytes = fs::read(&path).expect("reads");
            let digest = Digests::of(&bytes, Algorithms::BOTH)
                .get(algorithm)
                .expect("there");
            entries.push(TreeEntry::File {
                name,
                size: bytes.len() as u64,
                digest,
            });
        }
    }
    (!entries.is_empty()).then(|| description::tree(algorithm, &mut entries))
}

/// Return a safetensors file of `tensors` (name, dtype, shape, bytes), in the order given.
pub fn safetensors(tensors: &[(&str, &str, &[u64], &[u8])]) -> Vec<u8> {
    let mut header = String::from("{");
    let mut data = Vec::new();
    for (index, (name, dtype, shape, bytes)) in tensors.iter().enumerate() {
        let start = data.len();
        data.extend_from_slice(bytes);
        let comma = if index == 0 { "" } else { "," };
        write!(
            header,
            "{comma}{name:?}:{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{}]}}",
            data.len()
        )
        .expect("writing to a string");
    }
    header += "}";
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}
