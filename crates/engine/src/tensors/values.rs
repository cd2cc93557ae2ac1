//! The distances between the values of two models, and the digests of their tensors, in one read.

use super::OpenTensors;
use super::difference::{Compared, Difference, Values, decoders};
use super::pairs::{Fold, Pair, Tile, fold};
use super::together::{Examine, Stretch, Together};
use crate::control::Control;
use crate::digest::model::{KnownFile, Rules};
use crate::error::Result;
use crate::io::source::retry_once;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use std::path::PathBuf;

/// A request for the distances between all tensors of equal names and shapes of two models, while they are hashed.
#[derive(Clone, Debug)]
pub struct HashAndCompare {
    /// The files of the first model.
    pub before: Vec<PathBuf>,
    /// The files of the second model.
    pub after: Vec<PathBuf>,
    /// The rules that safetensors files are read by.
    pub rules: Rules,
}

/// Digests and distances.
#[derive(Clone, Debug, Default)]
pub struct HashedAndCompared {
    /// The digests of the tensors that were read.
    pub known: Vec<KnownFile>,
    /// The names of the tensors that were read and have other bytes or another dtype, with their distances.
    pub compared: Vec<(String, Compared)>,
}

impl Job for HashAndCompare {
    type Output = HashedAndCompared;

    fn access(&self) -> AccessPattern<'_> {
        let paths = self.before.as_slice();
        AccessPattern::Sequential { paths, digests: 1 }
    }

    fn run(self, control: &Control) -> Result<HashedAndCompared> {
        retry_once(|| {
            let before = OpenTensors::open(&self.before, self.rules, control)?;
            let after = OpenTensors::open(&self.after, self.rules, control)?;
            let result = hash_and_compare(&before, &after, control)?;
            before.verify_unchanged()?;
            after.verify_unchanged()?;
            Ok(result)
        })
    }
}

/// Result of a part: nothing yet while all of its bytes are the same on both sides.
#[derive(Default)]
pub(super) struct Sum {
    difference: Difference,
    /// Elements of the tiles before the first one with a difference.
    same: u64,
    /// True if a tile with a difference came after others without: their sums are missing.
    is_mixed: bool,
}

impl Examine for Values {
    type Sum = Sum;

    fn begin(&self, _: usize) -> Sum {
        Sum::default()
    }

    fn add(&self, sum: &mut Sum, tile: &Tile<'_>, same: bool) -> Result<()> {
        if same {
            sum.same += tile.elements as u64;
            return Ok(());
        }
        sum.is_mixed |= sum.same > 0;
        if sum.is_mixed {
            return Ok(());
        }
        Fold::add(self, &mut sum.difference, tile)
    }
}

/// Hash the tensors that have a tensor of their name and shape in the other model, and compare their values, on the threads
/// of the current pool.
pub fn hash_and_compare(
    before: &OpenTensors,
    after: &OpenTensors,
    control: &Control,
) -> Result<HashedAndCompared> {
    let mut together = Together::new(before, after);
    let mut values = Values::default();
    let mut names = Vec::new();
    for (index, tensor) in after.tensors().iter().enumerate() {
        let Some(other) = before.find(&tensor.name) else {
            continue;
        };
        let Ok(decoders) = decoders(&before.tensors()[other], tensor) else {
            continue;
        };
        let stretch = Stretch {
            pair: values.0.len(),
            before: other,
            after: (index, 0),
        };
        if together.add(&[stretch]) {
            values.0.push(decoders);
            names.push(tensor.name.clone());
        }
    }
    let (parts, known) = together.read(&values, control)?;
    // Tensors that are the same have no distances. Of the others, the parts that are the same or mixed have no sums yet.
    let mut differs = vec![false; names.len()];
    let mut missing = vec![false; parts.len()];
    for part in &parts {
        differs[part.stretch] |= part.sum.same < part.elements;
    }
    let (mut pairs, mut of_pairs) = (Vec::new(), Values::default());
    for (index, part) in parts.iter().enumerate() {
        if !differs[part.stretch] || part.sum.same == 0 {
            continue;
        }
        let stretch = &together.stretches()[part.stretch];
        missing[index] = true;
        of_pairs.0.push(values.0[part.stretch]);
        let tensor = &before.tensors()[stretch.before];
        let end = tensor.position(part.first + part.elements)?;
        control.add_file(2 * (end - tensor.position(part.first)?));
        pairs.push(Pair {
            before: (stretch.before, part.first),
            after: (stretch.after.0, part.first),
            elements: part.elements,
        });
    }
    let mut late = fold(before, after, &pairs, &of_pairs, control)?.into_iter();
    let mut sums = vec![Difference::default(); names.len()];
    for (part, missing) in parts.iter().zip(missing) {
        let own = if missing { late.next() } else { None };
        Fold::merge(
            &values,
            &mut sums[part.stretch],
            own.unwrap_or(part.sum.difference),
        );
    }
    let compared = names.into_iter().zip(sums).zip(differs);
    let compared = compared
        .filter(|(_, differs)| *differs)
        .map(|((name, sum), _)| (name, Compared::Values(sum)));
    Ok(HashedAndCompared {
        known,
        compared: compared.collect(),
    })
}
