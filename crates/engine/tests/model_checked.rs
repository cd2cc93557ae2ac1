//! Models of which the file states checksums: tensors are hashed and checksums computed in one read.

mod support;

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::model::{Rules, TensorDigests, Wanted, read};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control, Result};
use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use support::paint;

/// Lengths of arrays: shorter and longer than a read and than a tile, with one byte around each, in an order in which
/// most do not begin where a read begins.
const LENGTHS: [usize; 14] = [
    3,
    (256 << 10) - 1,
    70_000,
    256 << 10,
    (256 << 10) + 1,
    1,
    600_000,
    1500,
    (4 << 20) + 1,
    2_000_000,
    4 << 20,
    9_000_001,
    5,
    1_000_000,
];

/// Return an array as NumPy writes it.
fn npy(bytes: &[u8]) -> Vec<u8> {
    let header = format!(
        "{:117}\n",
        format!(
            "{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}",
            bytes.len()
        )
    );
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    file
}

/// Return a zip of stored members, and where the content of each begins in it.
fn zip(members: &[(String, Vec<u8>)]) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut directory, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for (name, content) in members {
        let header = u32::try_from(file.len()).expect("short");
        let length = u32::try_from(content.len()).expect("short").to_le_bytes();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32fast::hash(content).to_le_bytes());
        common.extend([length, length].concat());
        common.extend(u16::try_from(name.len()).expect("short").to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        starts.push(file.len());
        file.extend(content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(header.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(file.len()).expect("short").to_le_bytes();
    let length = u32::try_from(directory.len()).expect("short").to_le_bytes();
    let count = u16::try_from(members.len()).expect("few").to_le_bytes();
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].concat());
    file.extend([length, start].concat());
    file.extend([0, 0]);
    (file, starts)
}

/// Change one byte of a file.
fn put(path: &Path, position: usize, byte: u8) {
    let mut file = OpenOptions::new().write(true).open(path).expect("opens");
    file.seek(SeekFrom::Start(position as u64)).expect("a position");
    file.write_all(&[byte]).expect("written");
}

fn hash(path: &Path, wanted: Wanted, threads: usize) -> Result<Vec<Digests>> {
    let pool = pool::create(threads).expect("a pool");
    let shards = pool.install(|| read(&[path.to_owned()], wanted, Rules::Strict, &Control::new()))?;
    match shards.into_iter().next().expect("a shard").tensors {
        TensorDigests::Hashed { digests, .. } => Ok(digests),
        other => panic!("not hashed: {other:?}"),
    }
}

const EVERY: [Wanted; 3] = [
    Wanted::Tensors(Algorithms::BLAKE3),
    Wanted::Tensors(Algorithms::SHA256),
    Wanted::Both {
        tensors: Algorithms::BLAKE3,
        files: Algorithms::BLAKE3,
    },
];

#[test]
fn checked_tensors_have_the_digests_of_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.npz");
    let arrays: Vec<Vec<u8>> = LENGTHS.iter().map(|length| paint(*length)).collect();
    let members = arrays.iter().enumerate();
    let members: Vec<(String, Vec<u8>)> = members
        .map(|(index, bytes)| (format!("a{index:02}.npy"), npy(bytes)))
        .collect();
    fs::write(&path, zip(&members).0).expect("written");
    for wanted in EVERY {
        let algorithms = wanted.tensors().expect("tensors");
        let expected: Vec<Digests> = arrays
            .iter()
            .map(|bytes| Digests::of(bytes, algorithms))
            .collect();
        for threads in [1, 3] {
            assert_eq!(
                hash(&path, wanted, threads).expect("reads"),
                expected,
                "{wanted:?}, {threads} threads"
            );
        }
    }
}

#[test]
fn every_byte_of_a_checked_member_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.npz");
    let members = LENGTHS.iter().enumerate();
    let members: Vec<(String, Vec<u8>)> = members
        .map(|(index, length)| (format!("a{index:02}.npy"), npy(&paint(*length))))
        .collect();
    let (file, starts) = zip(&members);
    fs::write(&path, &file).expect("written");
    for ((name, content), start) in members.iter().zip(starts) {
        let header = content.len() - content.len().min(128);
        let inside = [128, 128 + (256 << 10) - 1, 128 + (256 << 10), 128 + (4 << 20)];
        let positions = inside.into_iter().chain([content.len() - 1, 128 + header / 2]);
        for position in positions.filter(|position| *position < content.len()) {
            put(&path, start + position, file[start + position] ^ 0x10);
            let error = hash(&path, EVERY[0], 2).expect_err("a checksum that does not fit");
            assert_eq!(error.code, Code::Format, "{name}, byte {position}");
            assert!(error.message.contains(name.as_str()), "{}", error.message);
            put(&path, start + position, file[start + position]);
        }
        // A space of its header, which is in no tensor.
        put(&path, start + 126, b'\t');
        for wanted in EVERY {
            let error = hash(&path, wanted, 2).expect_err("a checksum that does not fit");
            assert_eq!(error.code, Code::Format, "{name}: {}", error.message);
        }
        put(&path, start + 126, file[start + 126]);
    }
}
