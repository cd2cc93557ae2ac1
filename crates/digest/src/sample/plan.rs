//! How a sample is chosen, whatever it is a sample of.

use super::selection::Selection;

/// Where the chosen units lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// At equal distances.
    Strided,
    /// One at a random place in each of equal parts; the seed decides the places.
    Random {
        /// Any number; the same one gives the same places.
        seed: u64,
    },
    /// In runs of neighbours at equal distances.
    Blocks,
}

impl Strategy {
    /// The word that stands in a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strided => "strided",
            Self::Random { .. } => "random",
            Self::Blocks => "blocks",
        }
    }

    /// The seed, 0 where nothing is random.
    pub const fn seed(self) -> u64 {
        match self {
            Self::Random { seed } => seed,
            Self::Strided | Self::Blocks => 0,
        }
    }
}

/// How many units are read.
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
    /// A plan that reads everything that has no more than `above` units, and of anything else `amount`.
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

    /// Where the chosen units lie.
    pub const fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// How many are read: a count of at least 2, or a share in its lowest terms.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// Up to how many units everything is read.
    pub const fn above(&self) -> u64 {
        self.above
    }

    /// The units to read of `units`; `None` where all of them are to be read and the digest is the full one.
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
