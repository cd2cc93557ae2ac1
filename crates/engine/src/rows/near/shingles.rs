//! Texts as sets of shingles, and their MinHash.

/// Characters of a shingle.
pub const LENGTH: usize = 5;

/// Numbers of a signature.
pub const PERMUTATIONS: usize = 128;

/// The seed of the permutations, which is a part of the definition.
const SEED: u64 = 0x6c69_6e65_6170_7269;

/// The most characters of a text that are looked at.
pub const MOST_CHARACTERS: usize = 1 << 20;

/// Return the set of the shingles of a text in ascending order: all runs of [`LENGTH`] characters. The one shingle of a
/// shorter text is the text, and an empty text has none.
///
/// A shingle is its characters themselves, 21 bits for each, so that different shingles are never taken for one.
pub fn shingles(text: &str) -> Vec<u128> {
    let characters: Vec<u32> = text.chars().map(u32::from).collect();
    let pack = |run: &[u32]| {
        run.iter()
            // One more than its number, so that no shingle is a longer one that begins with zeros.
            .fold(0_u128, |packed, character| {
                packed << 21 | u128::from(*character + 1)
            })
    };
    let mut all: Vec<u128> = if characters.len() < LENGTH {
        (!characters.is_empty())
            .then(|| pack(&characters))
            .into_iter()
            .collect()
    } else {
        characters.windows(LENGTH).map(pack).collect()
    };
    all.sort_unstable();
    all.dedup();
    all
}

/// Return how many shingles two sets have in common.
pub fn common(a: &[u128], b: &[u128]) -> usize {
    let (mut x, mut y) = (a.iter().peekable(), b.iter().peekable());
    let mut count = 0;
    while let (Some(left), Some(right)) = (x.peek(), y.peek()) {
        match left.cmp(right) {
            std::cmp::Ordering::Less => _ = x.next(),
            std::cmp::Ordering::Greater => _ = y.next(),
            std::cmp::Ordering::Equal => {
                count += 1;
                x.next();
                y.next();
            }
        }
    }
    count
}

/// Return the Jaccard similarity of two sets: what they have in common, divided by what either has. 0 for two empty sets.
#[expect(clippy::cast_precision_loss, reason = "texts have fewer shingles than 2^52")]
pub fn similarity(a: &[u128], b: &[u128]) -> f64 {
    let common = common(a, b);
    let either = a.len() + b.len() - common;
    if either == 0 {
        0.0
    } else {
        common as f64 / either as f64
    }
}

/// The permutations, drawn from a fixed seed.
pub struct Permutations {
    factors: [u64; PERMUTATIONS],
    terms: [u64; PERMUTATIONS],
}

/// The smallest number of each permutation over the shingles of a text.
pub type Signature = [u32; PERMUTATIONS];

impl Default for Permutations {
    /// Draw them.
    fn default() -> Self {
        let mut state = SEED;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed(state)
        };
        Self {
            factors: std::array::from_fn(|_| next()),
            terms: std::array::from_fn(|_| next()),
        }
    }
}

impl Permutations {
    /// Return the signature of a set of shingles that is not empty.
    pub fn signature(&self, shingles: &[u128]) -> Signature {
        let mut least = [u32::MAX; PERMUTATIONS];
        for shingle in shingles {
            let word = hashed(*shingle);
            for ((least, factor), term) in least.iter_mut().zip(&self.factors).zip(&self.terms) {
                let number = upper(factor.wrapping_mul(u64::from(word)).wrapping_add(*term));
                *least = number.min(*least);
            }
        }
        least
    }
}

/// Return 32 bits that stand for a shingle.
fn hashed(shingle: u128) -> u32 {
    let [low, high] = [lower(shingle), lower(shingle >> 64)];
    upper(mixed(mixed(low).wrapping_add(high)))
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
const fn lower(number: u128) -> u64 {
    number as u64
}

const fn upper(number: u64) -> u32 {
    (number >> 32) as u32
}

/// Mix the bits of a number, as `SplitMix64` does.
pub const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Bands into which the numbers of a signature are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// Number of bands.
    pub count: usize,
    /// Numbers of a band.
    pub rows: usize,
    /// The probability that two texts of the threshold's similarity have an equal band.
    pub recall: f64,
}

/// The least recall that is accepted at the threshold.
const LEAST_RECALL: f64 = 0.99;

impl Bands {
    /// Choose the longest bands whose recall at the threshold is at least 0.99: longer ones find fewer pairs in vain.
    pub fn of(threshold: f64) -> Self {
        let all = (1..=PERMUTATIONS).rev().map(|rows| {
            let count = PERMUTATIONS / rows;
            Self {
                count,
                rows,
                recall: recall(threshold, count, rows),
            }
        });
        let shortest = Self {
            count: PERMUTATIONS,
            rows: 1,
            recall: recall(threshold, PERMUTATIONS, 1),
        };
        all.into_iter()
            .find(|bands| bands.recall >= LEAST_RECALL)
            .unwrap_or(shortest)
    }

    /// Return a number for each band, which two texts have in common if the band is equal in both.
    pub fn keys(self, signature: &Signature) -> impl Iterator<Item = u64> {
        let bands = signature.chunks_exact(self.rows).take(self.count).zip(1_u64..);
        bands.map(|(band, index)| {
            band.iter().fold(mixed(index), |key, number| {
                mixed(key ^ u64::from(*number)).wrapping_add(index)
            })
        })
    }
}

/// Return the probability that two texts of a similarity have an equal band: `1 - (1 - s^rows)^count`.
fn recall(similarity: f64, count: usize, rows: usize) -> f64 {
    let power = |base: f64, exponent: usize| base.powi(i32::try_from(exponent).unwrap_or(i32::MAX));
    1.0 - power(1.0 - power(similarity, rows), count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn bands_of_thresholds() {
        for (threshold, count, rows) in [(0.5, 42, 3), (0.8, 21, 6), (0.9, 12, 10), (1.0, 1, 128)] {
            let bands = Bands::of(threshold);
            assert_eq!((bands.count, bands.rows), (count, rows), "{threshold}");
            assert!(bands.recall >= 0.99, "{threshold}: {}", bands.recall);
        }
    }

    #[test]
    fn signatures_are_fixed() {
        let permutations = Permutations::default();
        let signature = permutations.signature(&shingles("the quick brown fox"));
        let mut state = 0_u64;
        for number in signature {
            state = mixed(state ^ u64::from(number));
        }
        assert_eq!(state, SIGNATURE);
    }

    /// The numbers of one text, mixed: other permutations would find other pairs.
    const SIGNATURE: u64 = 6_933_997_872_199_402_472;

    proptest! {
        #[test]
        fn similarity_is_that_of_sets(a in "[ab é😀]{0,12}", b in "[ab é😀]{0,12}") {
            let set = |text: &str| -> HashSet<String> {
                let characters: Vec<char> = text.chars().collect();
                if characters.is_empty() {
                    return HashSet::new();
                }
                let length = characters.len().min(LENGTH);
                characters.windows(length).map(|run| run.iter().collect()).collect()
            };
            let (x, y) = (set(&a), set(&b));
            let either = x.union(&y).count();
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let expected = if either == 0 { 0.0 } else { x.intersection(&y).count() as f64 / either as f64 };
            prop_assert_eq!(similarity(&shingles(&a), &shingles(&b)).to_bits(), expected.to_bits());
        }
    }
}
