//! The CRC-32 of parts of a file, computed tile by tile and put together in the end.

use lineaprint_formats::model::listing::Checked;
use std::iter::repeat_with;

/// The bytes of a checked part that are in one tile.
pub struct Part {
    /// Index of the checked part.
    index: usize,
    /// First byte in the file, and one past the last.
    start: u64,
    end: u64,
    sum: crc32fast::Hasher,
}

/// Return what the bytes from `start` to `end` have of each checked part. The checked parts are sorted.
pub fn parts(checked: &[Checked], start: u64, end: u64) -> Vec<Part> {
    let first = checked.partition_point(|part| part.end <= start);
    checked
        .iter()
        .enumerate()
        .skip(first)
        .take_while(|(_, part)| part.start < end)
        .map(|(index, part)| Part {
            index,
            start: part.start.max(start),
            end: part.end.min(end),
            sum: crc32fast::Hasher::new(),
        })
        .filter(|part| part.start < part.end)
        .collect()
}

impl Part {
    /// Take its bytes from a block that starts at `position` in the file.
    pub fn take(&mut self, block: &[u8], position: u64) {
        let offset = |at: u64| {
            usize::try_from(at.saturating_sub(position)).map_or(block.len(), |at| at.min(block.len()))
        };
        self.sum.update(&block[offset(self.start)..offset(self.end)]);
    }
}

/// Return the CRC-32 of all `count` checked parts. The tiles have each of their bytes once.
pub fn merge(mut parts: Vec<Part>, count: usize) -> Vec<u32> {
    parts.sort_unstable_by_key(|part| (part.index, part.start));
    let mut sums: Vec<crc32fast::Hasher> = repeat_with(crc32fast::Hasher::new).take(count).collect();
    for part in parts {
        sums[part.index].combine(&part.sum);
    }
    sums.into_iter().map(crc32fast::Hasher::finalize).collect()
}
