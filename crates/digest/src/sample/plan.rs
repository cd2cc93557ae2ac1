//! Choice of a sample, whatever it is a sample of.

use super::selection::Selection;

/// The positions of the chosen units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// At equal distances.
    Strided,
    /// One at a random position in each of equal parts; the seed decides the positions.
    Random {
        /// Any number; equal seeds give equal positions.
        seed: u64,
    },
    /// In runs of neighbours at equal distances.
    Blocks,
}

impl Strategy {
    /// Return the name that enters a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strided => "strided",
            Self::Random { .. } => "random",
            Self::Blocks => "blocks",
        }
    }

    /// Return the seed, 0 where nothing is random.
    pub const fn seed(self) -> u64 {
        match self {
            Self::Random { seed } => seed,
            Self::Strided | Self::Blocks => 0,
        }
    }
}

/// The number of chosen units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u64),
    /// A fraction of all of them, rounded up.
    Share {
        /// At least 1.
        numerator: u64,
        /// At least the numerator.
        denominator: u64,
    },
}

/// A way of choosing units. Plans that always choose the same units are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    strategy: Strategy,
    amount: Amount,
    above: u64,
}

impl Plan {
    /// Create a plan that reads all units of a thing with at most `above` units, and `amount` of any other.
    ///
    /// A count below two becomes two, since the first and the last unit are always read, and a share is reduced
    /// to its lowest terms. `None` for an amount of nothing, and for a share of more than all.
    pub fn new(strategy: Strategy, amount: Amount, above: u64) -> Option<Self> {
        let amount = match amount {
            Amount::Count(0) => return None,
            Amount::Count(count) => Amount::Count(count.max(2)),
            Amount::Share {
                numerator,
                denominator,
            } => {
                if numerator == 0 || numerator > denominator {
                    return None;
                }
                let divisor = greatest_common_divisor(numerator, denominator);
                Amount::Share {
                    numerator: numerator / divisor,
                    denominator: denominator / divisor,
                }
            }
        };
        Some(Self {
            strategy,
            amount,
            above,
        })
    }

    /// Return the positions of the chosen units.
    pub const fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Return how many are read: a count of at least 2, or a share in its lowest terms.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// Return up to how many units everything is read.
    pub const fn above(&self) -> u64 {
        self.above
    }

    /// Select the units to read of `units`; `None` where all are to be read and the digest is the full one.
    pub fn select(&self, units: u64) -> Option<Selection> {
        let wanted = self.wanted(units);
        (units > self.above && wanted < units).then(|| Selection::new(self.strategy, units, wanted))
    }

    fn wanted(&self, units: u64) -> u64 {
        let wanted = match self.amount {
            Amount::Count(count) => count,
            Amount::Share {
                numerator,
                denominator,
            } => {
                let product = u128::from(units) * u128::from(numerator);
                // At most `units`, since a share is at most 1.
                u64::try_from(product.div_ceil(u128::from(denominator))).unwrap_or(units)
            }
        };
        wanted.max(2).min(units)
    }
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
