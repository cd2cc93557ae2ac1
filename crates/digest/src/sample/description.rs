//! The canonical descriptions of `sampled`, as the section on samples of `docs/format.md` gives them.

use super::plan::{Amount, Plan};
use crate::algorithm::Algorithm;
use crate::cbor::Encoder;
use crate::description::{Tensor, begin, hash, shape};
use crate::hasher::Hash;

/// The size of the whole of which a sample was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Units; for weights, tensors.
    pub units: u64,
    /// Bytes.
    pub bytes: u64,
}

/// One file or recorded link below a sampled folder, by the raw bytes of its relative path.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A regular file.
    File {
        /// Segments joined by `/`.
        path: &'a [u8],
        /// Length in bytes.
        size: u64,
        /// Plain digest of its content, where the file was chosen.
        digest: Option<Hash>,
    },
    /// A link recorded as such.
    Link {
        /// Segments joined by `/`.
        path: &'a [u8],
        /// Raw bytes of the target.
        target: &'a [u8],
    },
}

impl Entry<'_> {
    const fn path(&self) -> &[u8] {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } => path,
        }
    }
}

fn start(of: &str, unit: &str, plan: &Plan, above: u64, whole: Whole) -> Encoder {
    let strategy = plan.strategy();
    let mut encoder = begin("sampled", 9);
    encoder.text(of).text(strategy.name()).unsigned(strategy.seed());
    match plan.amount() {
        Amount::Count(count) => encoder.unsigned(count),
        Amount::Share {
            numerator,
            denominator,
        } => encoder.array(2).unsigned(numerator).unsigned(denominator),
    };
    encoder
        .unsigned(above)
        .text(unit)
        .unsigned(whole.units)
        .unsigned(whole.bytes);
    encoder
}

/// Compute `sampled` of a file, from the plain digest of the chosen blocks.
pub fn file(algorithm: Algorithm, plan: &Plan, whole: Whole, sample: &Hash) -> Hash {
    let mut encoder = start("file", "bytes/16384", plan, 0, whole);
    encoder.bytes(sample);
    hash(algorithm, encoder)
}

/// Compute `sampled` of a tensor, from the plain digest of the chosen elements.
pub fn tensor(
    algorithm: Algorithm,
    plan: &Plan,
    whole: Whole,
    (dtype, dimensions): (&str, &[u64]),
    sample: &Hash,
) -> Hash {
    let mut encoder = start("tensor", "element", plan, 0, whole);
    encoder.array(3).text(dtype);
    shape(&mut encoder, dimensions);
    encoder.bytes(sample);
    hash(algorithm, encoder)
}

/// Compute `sampled` of a folder. Sorts `entries` by the bytes of their paths.
pub fn tree(algorithm: Algorithm, plan: &Plan, whole: Whole, entries: &mut [Entry<'_>]) -> Hash {
    entries.sort_unstable_by(|a, b| a.path().cmp(b.path()));
    let mut encoder = start("tree", "file", plan, 0, whole);
    encoder.array(entries.len());
    for entry in entries.iter() {
        encoder.array(3).bytes(entry.path());
        match entry {
            Entry::File { size, digest, .. } => {
                encoder.unsigned(*size);
                match digest {
                    Some(digest) => encoder.bytes(digest),
                    None => encoder.null(),
                };
            }
            Entry::Link { target, .. } => {
                encoder.text("link").bytes(target);
            }
        }
    }
    hash(algorithm, encoder)
}

/// Compute `sampled` of the tensors of a model. The flag of a tensor says that its digest is one of a sample. Sorts
/// them by the UTF-8 bytes of their names.
pub fn weights(algorithm: Algorithm, plan: &Plan, bytes: u64, tensors: &mut [(Tensor<'_>, bool)]) -> Hash {
    tensors.sort_unstable_by(|(a, _), (b, _)| a.of.name.as_bytes().cmp(b.of.name.as_bytes()));
    let units = tensors.len() as u64;
    // Which tensors are read whole depends on the threshold, so here it is a part of the plan.
    let mut encoder = start("weights", "element", plan, plan.above(), Whole { units, bytes });
    encoder.array(tensors.len());
    for (tensor, sampled) in tensors.iter() {
        encoder.array(5).text(tensor.of.name).text(tensor.of.dtype);
        shape(&mut encoder, tensor.of.shape);
        encoder.bytes(&tensor.digest).boolean(*sampled);
    }
    hash(algorithm, encoder)
}
