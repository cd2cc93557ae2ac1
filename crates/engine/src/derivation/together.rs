//! Checks that are made while the tensors of both models are hashed, in one read.
//!
//! They are those of rules that give every byte, about tensors whose elements lie in others in the same order: copies,
//! casts and the like, of one tensor or of several joined ones. The others need the digests, or a read in another order.

use super::stored::Tensors;
use super::{Check, Outcome, Plan, Prepared, compare};
use crate::control::Control;
use crate::digest::model::{KnownFile, Rules};
use crate::error::Result;
use crate::io::source::retry_once;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use crate::tensors::pairs::Tile;
use crate::tensors::together::{Examine, Stretch, Together};
use lineaprint_formats::derivation::layout::Layout;
use lineaprint_formats::derivation::rule::{Comparison, Conversion, Scratch};
use std::cell::RefCell;
use std::path::PathBuf;

/// A request for checks while both models are hashed.
#[derive(Clone, Debug)]
pub struct HashAndCheck {
    /// The files of the first model.
    pub before: Vec<PathBuf>,
    /// The files of the second model.
    pub after: Vec<PathBuf>,
    /// The rules that safetensors files are read by.
    pub rules: Rules,
    /// Checks to make; those that cannot be made in one read are left out.
    pub checks: Vec<Check>,
}

/// Digests, and the outcomes of checks.
#[derive(Clone, Debug, Default)]
pub struct HashedAndChecked {
    /// The digests of the tensors that were read.
    pub known: Vec<KnownFile>,
    /// The outcome of each check, `None` for one that was not made.
    pub outcomes: Vec<Option<Outcome>>,
}

impl Job for HashAndCheck {
    type Output = HashedAndChecked;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: &self.after,
            digests: 1,
        }
    }

    fn run(self, control: &Control) -> Result<HashedAndChecked> {
        retry_once(|| {
            let before = Tensors::open(&self.before, self.rules, control)?;
            let after = Tensors::open(&self.after, self.rules, control)?;
            let result = hash_and_check(&before, &after, &self.checks, control)?;
            before.verify_unchanged()?;
            after.verify_unchanged()?;
            Ok(result)
        })
    }
}

/// The conversions of the checks, in their order.
struct Conversions(Vec<Option<Conversion>>);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Examine for Conversions {
    type Sum = Comparison;

    fn begin(&self, _: usize) -> Comparison {
        Comparison::default()
    }

    fn add(&self, sum: &mut Comparison, tile: &Tile<'_>, same: bool) -> Result<()> {
        let Some(conversion) = &self.0[tile.pair] else {
            return Ok(());
        };
        if conversion.is_copy() && same {
            return Ok(());
        }
        let count = tile.elements as u64;
        SCRATCH.with_borrow_mut(|scratch| {
            sum.add(&compare(
                conversion,
                tile.before,
                tile.after,
                tile.first,
                count,
                scratch,
            ));
        });
        Ok(())
    }
}

/// Return the stretches of a layout if all of its parts are whole tensors, one behind the other.
fn stretches(
    pair: usize,
    target: usize,
    layout: &Layout,
    unit: u64,
    prepared: &Prepared<'_>,
) -> Option<Vec<Stretch>> {
    let total = prepared.target.elements / unit;
    let mut position = 0;
    let mut stretches = Vec::new();
    // Along another axis the parts take turns.
    if layout.axis() != 0 {
        return None;
    }
    for segment in layout.segments(0..total) {
        let source = prepared.sources[segment.part];
        let part = &layout.parts()[segment.part];
        let is_whole = part.is_consecutive()
            && segment.start == 0
            && part.span(&(0..segment.length)) == (0..source.elements / unit)
            && segment.length * unit == source.elements;
        if !is_whole {
            return None;
        }
        stretches.push(Stretch {
            pair,
            before: source.index(),
            after: (target, position * unit),
        });
        position += segment.length;
    }
    (position == total).then_some(stretches)
}

fn hash_and_check(
    before: &Tensors,
    after: &Tensors,
    checks: &[Check],
    control: &Control,
) -> Result<HashedAndChecked> {
    let mut together = Together::new(before.open_tensors(), after.open_tensors());
    let mut conversions = Conversions(Vec::with_capacity(checks.len()));
    for (index, check) in checks.iter().enumerate() {
        let prepared = Prepared::new(check, before, after)?;
        let Plan::Tiles {
            layout,
            conversion,
            unit,
        } = &prepared.plan
        else {
            conversions.0.push(None);
            continue;
        };
        let own = stretches(index, prepared.target.index(), layout, *unit, &prepared);
        let is_added = own.is_some_and(|own| together.add(&own));
        conversions.0.push(is_added.then_some(*conversion));
    }
    let (parts, known) = together.read(&conversions, control)?;
    let mut sums: Vec<Option<Comparison>> = conversions
        .0
        .iter()
        .map(|made| made.map(|_| Comparison::default()))
        .collect();
    for part in parts {
        let pair = together.stretches()[part.stretch].pair;
        if let Some(sum) = &mut sums[pair] {
            sum.add(&part.sum);
        }
    }
    let outcomes = sums.into_iter().map(|sum| sum.map(Outcome::Compared));
    Ok(HashedAndChecked {
        known,
        outcomes: outcomes.collect(),
    })
}
