//! The chosen units, and where their bytes lie.

use super::plan::{Plan, Strategy};

/// The most units in one run of `blocks`.
const RUN: u64 = 64;

/// Some units of a larger number, sorted and distinct, the first and the last among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    rule: Rule,
    units: u64,
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Strided,
    Random { seed: u64 },
    Blocks { run: u64, runs: u64 },
}

impl Selection {
    /// Select `wanted` of `units`, at least 2 and fewer than all, which [`Plan::select`] guarantees.
    pub(super) fn new(strategy: Strategy, units: u64, wanted: u64) -> Self {
        let (rule, count) = match strategy {
            Strategy::Strided => (Rule::Strided, wanted),
            Strategy::Random { seed } => (Rule::Random { seed }, wanted),
            Strategy::Blocks => {
                let run = RUN.min(wanted / 2);
                let runs = wanted / run;
                (Rule::Blocks { run, runs }, run * runs)
            }
        };
        Self { rule, units, count }
    }

    /// Return how many are chosen: for `blocks`, whole runs, which may be fewer than were wanted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Return the unit of this rank, counted from 0 and below [`Self::count`].
    pub fn index(&self, rank: u64) -> u64 {
        match self.rule {
            Rule::Strided => share_of(self.units - 1, rank, self.count - 1),
            Rule::Random { .. } if rank == 0 => 0,
            Rule::Random { .. } if rank == self.count - 1 => self.units - 1,
            Rule::Random { seed } => {
                let stratum = rank - 1;
                let start = |at| 1 + share_of(self.units - 2, at, self.count - 2);
                let (from, to) = (start(stratum), start(stratum + 1));
                from + random(seed, stratum) % (to - from)
            }
            Rule::Blocks { run, runs } => share_of(self.units - run, rank / run, runs - 1) + rank % run,
        }
    }
}

/// Compute `whole * part / parts`, rounded down, in 128 bits where the product does not fit into 64.
fn share_of(whole: u64, part: u64, parts: u64) -> u64 {
    match whole.checked_mul(part) {
        Some(product) => product / parts,
        // The result is at most `whole`, since a part is at most all parts.
        None => u64::try_from(u128::from(whole) * u128::from(part) / u128::from(parts)).unwrap_or(whole),
    }
}

fn random(seed: u64, stratum: u64) -> u64 {
    let mut input = [0; 16];
    input[..8].copy_from_slice(&seed.to_le_bytes());
    input[8..].copy_from_slice(&stratum.to_le_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(&input).as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The bytes of a thing that is cut into units, and those of them that are read.
///
/// The bytes that are read, one unit after the other, are called the stream: what is hashed.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    width: u64,
    length: u64,
    selection: Option<Selection>,
}

impl Layout {
    /// Create the layout of a thing of `length` bytes in units of `width` bytes, the last of which may be shorter.
    ///
    /// # Panics
    /// If the width is 0.
    pub fn new(plan: &Plan, length: u64, width: u64) -> Self {
        Self {
            width,
            length,
            selection: plan.select(length.div_ceil(width)),
        }
    }

    /// Return whether anything is left out.
    pub const fn is_sample(&self) -> bool {
        self.selection.is_some()
    }

    /// Return bytes of the whole.
    pub const fn bytes(&self) -> u64 {
        self.length
    }

    /// Return units of the whole.
    pub const fn units(&self) -> u64 {
        self.length.div_ceil(self.width)
    }

    /// Return units that are read.
    pub fn units_read(&self) -> u64 {
        self.selection
            .map_or_else(|| self.units(), |selection| selection.count())
    }

    /// Return bytes that are read: the length of the stream.
    pub fn bytes_read(&self) -> u64 {
        match &self.selection {
            None => self.length,
            // The last unit is always among them, and it alone may be shorter.
            Some(selection) => {
                let last = self.length - (self.units() - 1) * self.width;
                (selection.count() - 1) * self.width + last
            }
        }
    }

    /// Return the offset in the whole of the byte at `position` of the stream, and how many bytes follow it directly.
    pub fn locate(&self, position: u64) -> (u64, u64) {
        let Some(selection) = &self.selection else {
            return (position, self.length - position);
        };
        let unit = selection.index(position / self.width);
        let start = unit * self.width + position % self.width;
        let end = (unit + 1).saturating_mul(self.width).min(self.length);
        (start, end - start)
    }
}
