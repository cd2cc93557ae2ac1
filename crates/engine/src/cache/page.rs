//! One page of the cache: records of equal length under one checksum.
//!
//! A torn, damaged or foreign page counts as empty. The newest record is the last one.

use crate::io::source::Stamp;
use lineaprint_digest::{Algorithm, Hash};
use std::sync::LazyLock;

/// Bytes of a page: what systems read and write at once.
pub const PAGE: usize = 4096;

/// Records that fit.
pub const CAPACITY: usize = (PAGE - HEAD) / RECORD;

/// The checksum of the rest, and how many records there are.
const HEAD: usize = CHECKSUM + 8;
const CHECKSUM: usize = 32;
const RECORD: usize = KEY + 32;
const KEY: usize = 56;
const INODE: std::ops::Range<usize> = 16..24;

/// A file as the system described it, and a hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; KEY]);

impl Key {
    /// Create a key; `None` if a number does not fit, because a truncated key could match another file.
    /// A device number alone does not tell two file systems apart: they can take turns on one device.
    pub fn new(file_system: u64, stamp: Stamp, algorithm: Algorithm) -> Option<Self> {
        let time = |nanoseconds: i128| i64::try_from(nanoseconds).ok().map(i64::cast_unsigned);
        let numbers = [
            file_system,
            stamp.device,
            stamp.inode,
            match algorithm {
                Algorithm::Blake3 => 1,
                Algorithm::Sha256 => 2,
            },
            stamp.size,
            time(stamp.modified)?,
            time(stamp.changed)?,
        ];
        let mut bytes = [0; KEY];
        for (slot, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        Some(Self(bytes))
    }

    /// Return the part that is equal for all keys of one file and hash function: the newest record replaces the others.
    fn file(&self) -> &[u8] {
        &self.0[..32]
    }

    /// Return a number that neighbouring inodes share, so that the files of a folder lie in few pages.
    pub fn neighbourhood(&self) -> u64 {
        let (numbers, _) = self.0.as_chunks::<8>();
        let device = u64::from_le_bytes(numbers[0]) ^ u64::from_le_bytes(numbers[1]);
        let inode = u64::from_le_bytes(numbers[2]);
        // The mixing of SplitMix64: every bit of the input reaches every bit of the output.
        let mut mixed = device.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (inode >> 4);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// One page in memory.
#[derive(Clone, Debug)]
pub struct Page(Box<[u8; PAGE]>);

impl Page {
    /// Create a page without records.
    pub fn empty() -> Self {
        Self(Box::new([0; PAGE]))
    }

    /// Return the page that was read, or an empty one if it is damaged.
    pub fn from_bytes(bytes: Box<[u8; PAGE]>) -> Self {
        let page = Self(bytes);
        if page.len() <= CAPACITY && page.0[..CHECKSUM] == page.checksum() {
            page
        } else {
            Self::empty()
        }
    }

    /// Return the bytes to write, with the checksum.
    pub fn to_bytes(&self) -> Box<[u8; PAGE]> {
        let mut bytes = self.0.clone();
        bytes[..CHECKSUM].copy_from_slice(&self.checksum());
        bytes
    }

    fn checksum(&self) -> Hash {
        // Derived once: the description of a key costs more to hash than a page.
        static KEY: LazyLock<Hash> =
            LazyLock::new(|| blake3::derive_key("lineaprint 2026 file cache v3", b"page"));
        *blake3::keyed_hash(&KEY, &self.0[CHECKSUM..self.end()]).as_bytes()
    }

    /// Return how many records there are.
    pub fn len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[CHECKSUM], self.0[CHECKSUM + 1]]))
    }

    fn set_len(&mut self, count: usize) {
        // At most `CAPACITY`, which fits.
        let count = u16::try_from(count).unwrap_or_default();
        self.0[CHECKSUM..CHECKSUM + 2].copy_from_slice(&count.to_le_bytes());
    }

    /// Return one past the last byte of the last record.
    fn end(&self) -> usize {
        HEAD + self.len() * RECORD
    }

    fn records(&self) -> &[[u8; RECORD]] {
        &self.0[HEAD..].as_chunks().0[..self.len()]
    }

    /// Return all records, the oldest first.
    pub fn entries(&self) -> impl Iterator<Item = (Key, Hash)> + '_ {
        self.records().iter().filter_map(|record| {
            let (key, hash) = record.split_at(KEY);
            Some((Key(key.try_into().ok()?), hash.try_into().ok()?))
        })
    }

    /// Return the digest under exactly this key.
    pub fn find(&self, key: &Key) -> Option<Hash> {
        // Inode numbers are nearly unique, so eight bytes distinguish most files.
        let same = |record: &&[u8; RECORD]| record[INODE] == key.0[INODE] && record[..KEY] == key.0;
        let record = self.records().iter().find(same)?;
        record[KEY..].try_into().ok()
    }

    /// Remove the record of the same file. Return whether there was one.
    pub fn remove(&mut self, key: &Key) -> bool {
        let known = |record: &[u8; RECORD]| record.starts_with(key.file());
        let Some(index) = self.records().iter().position(known) else {
            return false;
        };
        self.take_out(index);
        true
    }

    /// Remove the oldest record.
    pub fn remove_oldest(&mut self) {
        if self.len() > 0 {
            self.take_out(0);
        }
    }

    fn take_out(&mut self, index: usize) {
        let end = self.end();
        self.0
            .copy_within(HEAD + (index + 1) * RECORD..end, HEAD + index * RECORD);
        self.0[end - RECORD..end].fill(0);
        self.set_len(self.len() - 1);
    }

    /// Append a record. The page must not be full.
    pub fn push(&mut self, key: &Key, hash: &Hash) {
        let start = self.end();
        self.0[start..start + KEY].copy_from_slice(&key.0);
        self.0[start + KEY..start + RECORD].copy_from_slice(hash);
        self.set_len(self.len() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(inode: u64, modified: i128) -> Key {
        let stamp = Stamp {
            size: 3,
            device: 7,
            inode,
            modified,
            changed: 5,
        };
        Key::new(9, stamp, Algorithm::Blake3).expect("fits")
    }

    #[test]
    fn records_are_found_replaced_and_evicted_in_order() {
        let mut page = Page::empty();
        for inode in 0..CAPACITY as u64 {
            page.push(&key(inode, 1), &[u8::try_from(inode).expect("small"); 32]);
        }
        assert_eq!(page.find(&key(9, 1)), Some([9; 32]));
        assert_eq!(page.find(&key(9, 2)), None);
        assert!(page.remove(&key(9, 2)), "the same file at another time");
        assert!(!page.remove(&key(9, 2)));
        page.push(&key(9, 2), &[99; 32]);
        page.remove_oldest();
        let kept: Vec<(Key, Hash)> = page.entries().collect();
        assert_eq!(kept.len(), CAPACITY - 1);
        assert_eq!(kept.first(), Some(&(key(1, 1), [1; 32])));
        assert_eq!(kept.last(), Some(&(key(9, 2), [99; 32])));
    }

    #[test]
    fn file_systems_that_share_a_device_number_share_no_record() {
        let stamp = Stamp {
            size: 3,
            device: 7,
            inode: 1,
            modified: 1,
            changed: 5,
        };
        let keys = [8, 9].map(|file_system| Key::new(file_system, stamp, Algorithm::Blake3).expect("fits"));
        let mut page = Page::empty();
        page.push(&keys[0], &[1; 32]);
        assert_eq!(page.find(&keys[1]), None);
        assert!(!page.remove(&keys[1]));
        assert_eq!(page.find(&keys[0]), Some([1; 32]));
    }

    #[test]
    fn damaged_page_is_empty() {
        let mut page = Page::empty();
        page.push(&key(1, 1), &[1; 32]);
        let bytes = page.to_bytes();
        assert_eq!(Page::from_bytes(bytes.clone()).find(&key(1, 1)), Some([1; 32]));
        for bit in 0..page.end() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Page::from_bytes(damaged).len(), 0, "bit {bit}");
        }
        assert_eq!(Page::from_bytes(Box::new([0; PAGE])).len(), 0, "a hole");
    }

    #[test]
    fn overflowing_time_has_no_key() {
        let stamp = |modified| Stamp {
            size: 3,
            device: 7,
            inode: 1,
            modified,
            changed: 5,
        };
        assert!(Key::new(9, stamp(i128::from(i64::MIN)), Algorithm::Sha256).is_some());
        assert!(Key::new(9, stamp(i128::from(i64::MAX) + 1), Algorithm::Sha256).is_none());
        assert!(Key::new(9, stamp(i128::from(i64::MIN) - 1), Algorithm::Sha256).is_none());
    }
}
