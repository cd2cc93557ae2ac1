//! Sets of rows by their positions, as bits.

use std::sync::atomic::{AtomicU64, Ordering};

/// Words whose rows are counted together.
const COUNTED: usize = 8;

/// A set of rows that several threads add to.
pub struct Positions {
    words: Vec<AtomicU64>,
}

impl Positions {
    /// Create an empty set of a table of `rows` rows.
    pub fn new(rows: u64) -> Self {
        let words = usize::try_from(rows.div_ceil(64)).unwrap_or(usize::MAX);
        Self {
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Add a row.
    pub fn add(&self, row: u64) {
        self.words[index(row)].fetch_or(1 << (row % 64), Ordering::Relaxed);
    }

    /// Return the set, to which nothing is added any more.
    pub fn finish(self) -> Ranked {
        let words: Vec<u64> = self.words.into_iter().map(AtomicU64::into_inner).collect();
        let mut sum = 0;
        let counts = words
            .chunks(COUNTED)
            .map(|chunk| {
                let before = sum;
                sum += chunk.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
                before
            })
            .collect();
        Ranked {
            words,
            counts,
            total: sum,
        }
    }
}

/// A set of rows that knows how many of them are before a row.
pub struct Ranked {
    words: Vec<u64>,
    /// Rows of the set before each group of [`COUNTED`] words.
    counts: Vec<u64>,
    total: u64,
}

impl Ranked {
    /// Return how many rows are in the set.
    pub const fn len(&self) -> u64 {
        self.total
    }

    /// Return how many rows of the set are before a row.
    pub fn before(&self, row: u64) -> u64 {
        let word = index(row);
        let group = word / COUNTED;
        let whole = self.words[group * COUNTED..word].iter();
        let rest = self.words.get(word).copied().unwrap_or_default() & ((1 << (row % 64)) - 1);
        let start = self.counts.get(group).copied().unwrap_or(self.total);
        start + whole.map(|word| u64::from(word.count_ones())).sum::<u64>() + u64::from(rest.count_ones())
    }

    /// Return how many rows are in both sets.
    pub fn common(&self, other: &Self) -> u64 {
        let pairs = self.words.iter().zip(&other.words);
        pairs.map(|(a, b)| u64::from((a & b).count_ones())).sum()
    }

    /// Return the first row of the set that is not before `row`.
    pub fn next(&self, row: u64) -> Option<u64> {
        let mut word = index(row);
        let mut bits = self.words.get(word)? & (u64::MAX << (row % 64));
        while bits == 0 {
            word += 1;
            bits = *self.words.get(word)?;
        }
        Some(word as u64 * 64 + u64::from(bits.trailing_zeros()))
    }
}

fn index(row: u64) -> usize {
    usize::try_from(row / 64).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn positions_are_those_of_a_set(rows in proptest::collection::btree_set(0_u64..3000, 0..200)) {
            let positions = Positions::new(3000);
            for row in &rows {
                positions.add(*row);
            }
            let ranked = positions.finish();
            prop_assert_eq!(ranked.len(), rows.len() as u64);
            for row in [0, 1, 63, 64, 511, 512, 1999, 2999] {
                prop_assert_eq!(ranked.before(row), rows.range(..row).count() as u64);
                prop_assert_eq!(ranked.next(row), rows.range(row..).next().copied());
            }
            let mut all = BTreeSet::new();
            let mut next = ranked.next(0);
            while let Some(row) = next {
                all.insert(row);
                next = ranked.next(row + 1);
            }
            prop_assert_eq!(&all, &rows);
            prop_assert_eq!(ranked.common(&ranked), rows.len() as u64);
        }
    }
}
