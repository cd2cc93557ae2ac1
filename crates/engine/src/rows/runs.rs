//! Rows that were paired within their blocks: whether they are in the same order in both tables.

use super::sorter::{Sorted, Sorter};
use crate::error::Result;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes the pairs of blocks, from several threads.
pub struct Runs {
    /// The first pair of each run: of pairs whose rows follow each other in both tables.
    starts: Sorter<2>,
    /// True if two rows of a block are in another order.
    is_moved: AtomicBool,
    /// True if two paired rows have other positions.
    is_shifted: AtomicBool,
}

impl Runs {
    /// Create an empty set.
    pub const fn new(starts: Sorter<2>) -> Self {
        Self {
            starts,
            is_moved: AtomicBool::new(false),
            is_shifted: AtomicBool::new(false),
        }
    }

    /// Add the pairs of a block, in the order of the rows of the second table.
    pub fn add(&self, pairs: impl Iterator<Item = (u64, u64)>) -> Result<()> {
        let mut starts = Vec::new();
        let mut last = None;
        let mut is_shifted = false;
        for (a, b) in pairs {
            is_shifted |= a != b;
            if last.is_some_and(|(before, _)| a < before) {
                self.is_moved.store(true, Ordering::Relaxed);
            }
            if last.is_none_or(|last| last != (a.wrapping_sub(1), b.wrapping_sub(1))) {
                starts.push([a, b]);
            }
            last = Some((a, b));
        }
        if is_shifted {
            self.is_shifted.store(true, Ordering::Relaxed);
        }
        // Once the order is known to be another one, nothing else counts.
        if self.is_moved.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.starts.add(&starts)
    }

    /// Return the runs of all blocks.
    pub fn finish(self) -> Result<AllRuns> {
        Ok(AllRuns {
            starts: self.starts.finish()?,
            is_moved: self.is_moved.into_inner(),
            is_shifted: self.is_shifted.into_inner(),
        })
    }
}

/// The runs of all blocks.
pub struct AllRuns {
    starts: Sorted<2>,
    is_moved: bool,
    /// True if two paired rows have other positions.
    pub is_shifted: bool,
}

impl AllRuns {
    /// Return whether all pairs pass: `is_in_order` is asked about the first of each run, since no row of a run was removed
    /// or added.
    pub fn are_in_order(&self, is_in_order: impl Fn(u64, u64) -> bool) -> Result<bool> {
        if self.is_moved {
            return Ok(false);
        }
        let mut starts = self.starts.range(0, None, 1)?;
        while let Some([a, b]) = starts.take()? {
            if !is_in_order(a, b) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
