//! The cache on disk: one file of records of equal length that processes append to.
//!
//! Each record carries a checksum, so that a torn or foreign one counts as absent. The file can be deleted at any
//! time. Its name holds the version of all this; another version is another file.

use crate::error::{Error, Result};
use crate::source::Stamp;
use lineaprint_digest::{Algorithm, Hash};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// One cached digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub stamp: Stamp,
    pub algorithm: Algorithm,
    pub hash: Hash,
}

/// Five numbers of the stamp, the algorithm, the digest, a checksum.
const RECORD: usize = 5 * 8 + 8 + 32 + 8;

/// The most records that are kept: the older half goes when a file grows beyond it.
const LIMIT: usize = 1 << 21;

fn path_in(folder: &Path) -> PathBuf {
    folder.join("files-v1")
}

/// Every record that is whole, the oldest first.
pub fn read(folder: &Path) -> Result<Vec<Record>> {
    let path = path_in(folder);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("open", &path, &error)),
    };
    let mut bytes = Vec::new();
    file.take((LIMIT * RECORD * 2) as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("read", &path, &error))?;
    Ok(bytes.as_chunks().0.iter().filter_map(decode).collect())
}

/// Appends records; drops the older half first where there are too many.
pub fn append(folder: &Path, records: &[Record]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let path = path_in(folder);
    let failed = |what: &str, error: std::io::Error| Error::io(what, &path, &error);
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&path).map_err(|error| failed("open", error))?;
    // Other processes wait, so that records never mix; the lock goes with the descriptor.
    file.lock().map_err(|error| failed("lock", error))?;
    let length = file.metadata().map_err(|error| failed("look at", error))?.len();
    let torn = length % RECORD as u64;
    if length > (LIMIT * RECORD) as u64 || torn != 0 {
        let all = read(folder)?;
        let kept = &all[all.len().saturating_sub(LIMIT / 2)..];
        file.set_len(0).map_err(|error| failed("empty", error))?;
        file.write_all(&encode_all(kept))
            .map_err(|error| failed("write", error))?;
    }
    file.write_all(&encode_all(records))
        .map_err(|error| failed("write", error))
}

fn encode_all(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(encode).collect()
}

fn encode(record: &Record) -> [u8; RECORD] {
    let Stamp {
        size,
        device,
        inode,
        modified,
        changed,
    } = record.stamp;
    let mut bytes = [0; RECORD];
    let numbers = [
        device,
        inode,
        size,
        nanoseconds(modified),
        nanoseconds(changed),
        match record.algorithm {
            Algorithm::Blake3 => 1,
            Algorithm::Sha256 => 2,
        },
    ];
    for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes[48..80].copy_from_slice(&record.hash);
    let check = checksum(&bytes[..80]);
    bytes[80..].copy_from_slice(&check);
    bytes
}

fn decode(bytes: &[u8; RECORD]) -> Option<Record> {
    if bytes[80..] != checksum(&bytes[..80]) {
        return None;
    }
    let (numbers, _) = bytes[..48].as_chunks::<8>();
    let number = |index: usize| u64::from_le_bytes(numbers[index]);
    Some(Record {
        stamp: Stamp {
            device: number(0),
            inode: number(1),
            size: number(2),
            modified: i128::from(number(3).cast_signed()),
            changed: i128::from(number(4).cast_signed()),
        },
        algorithm: match number(5) {
            1 => Algorithm::Blake3,
            2 => Algorithm::Sha256,
            _ => return None,
        },
        hash: bytes[48..80].try_into().ok()?,
    })
}

/// Nanoseconds since 1970 in 64 bits: enough until 2262. Others are kept apart, and so never found again.
fn nanoseconds(time: i128) -> u64 {
    i64::try_from(time).unwrap_or(i64::MIN).cast_unsigned()
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_derive_key("lineaprint 2026 file cache v1");
    hasher.update(bytes);
    let mut check = [0; 8];
    hasher.finalize_xof().fill(&mut check);
    check
}
