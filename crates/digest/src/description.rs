//! The canonical descriptions whose hash is a structured digest.
//!
//! A description is one flat CBOR array: the text `lineaprint/<kind>/v1`, then the items of the kind, in the
//! order that `docs/format.md` gives. Digests inside stand as their 32 raw bytes, made with the same
//! algorithm that hashes the description.

use crate::algorithm::Algorithm;
use crate::cbor::Encoder;
use crate::hasher::{Hash, Hasher};

/// One entry of a folder. `name` is one path segment, as its raw bytes.
#[derive(Clone, Copy, Debug)]
pub enum TreeEntry<'a> {
    /// A regular file with its length in bytes and the plain digest of its content.
    File {
        /// Raw bytes of the name.
        name: &'a [u8],
        /// Length in bytes.
        size: u64,
        /// Plain digest of the content.
        digest: Hash,
    },
    /// A folder with the digest of its own tree description.
    Folder {
        /// Raw bytes of the name.
        name: &'a [u8],
        /// `tree` digest of the folder.
        digest: Hash,
    },
    /// A symbolic link recorded as such, with the raw bytes of its target.
    Link {
        /// Raw bytes of the name.
        name: &'a [u8],
        /// Raw bytes of the target.
        target: &'a [u8],
    },
}

impl TreeEntry<'_> {
    const fn name(&self) -> &[u8] {
        match self {
            Self::File { name, .. } | Self::Folder { name, .. } | Self::Link { name, .. } => name,
        }
    }
}

/// Name, dtype and shape of one tensor of a model.
#[derive(Clone, Copy, Debug)]
pub struct TensorType<'a> {
    /// Name as the file spells it.
    pub name: &'a str,
    /// Spelling of `docs/format.md`, for example `BF16`.
    pub dtype: &'a str,
    /// Elements per axis in C order; empty for a scalar.
    pub shape: &'a [u64],
}

/// One tensor of a model with its content.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Name, dtype and shape.
    pub of: TensorType<'a>,
    /// Plain digest of the elements in C order, little-endian.
    pub digest: Hash,
}

pub(crate) fn hash(algorithm: Algorithm, encoder: Encoder) -> Hash {
    Hashing::new(algorithm, encoder).finish()
}

/// Bytes of a description that are kept before they are hashed.
const KEPT: usize = 64 << 10;

/// A description that is hashed while it is written, so that it does not have to fit into memory.
struct Hashing {
    algorithm: Algorithm,
    hasher: Hasher,
    encoder: Encoder,
}

impl Hashing {
    fn new(algorithm: Algorithm, encoder: Encoder) -> Self {
        let hasher = Hasher::new(match algorithm {
            Algorithm::Blake3 => crate::Algorithms::BLAKE3,
            Algorithm::Sha256 => crate::Algorithms::SHA256,
        });
        Self {
            algorithm,
            hasher,
            encoder,
        }
    }

    /// Return what the next item is written to.
    fn next(&mut self) -> &mut Encoder {
        if self.encoder.len() >= KEPT {
            self.hasher.update(self.encoder.as_bytes());
            self.encoder.clear();
        }
        &mut self.encoder
    }

    fn finish(mut self) -> Hash {
        self.hasher.update(self.encoder.as_bytes());
        let digests = self.hasher.finish();
        digests.get(self.algorithm).unwrap_or_default()
    }
}

pub(crate) fn begin(kind: &str, items: usize) -> Encoder {
    let mut encoder = Encoder::new();
    encoder.array(items + 1).text(&format!("lineaprint/{kind}/v1"));
    encoder
}

pub(crate) fn shape(encoder: &mut Encoder, shape: &[u64]) {
    encoder.array(shape.len());
    for length in shape {
        encoder.unsigned(*length);
    }
}

/// Compute `tree`: the content of a folder. Sorts `entries` by the bytes of their names.
pub fn tree(algorithm: Algorithm, entries: &mut [TreeEntry<'_>]) -> Hash {
    entries.sort_unstable_by(|a, b| a.name().cmp(b.name()));
    let mut encoder = begin("tree", 1);
    encoder.array(entries.len());
    for entry in entries.iter() {
        match entry {
            TreeEntry::File { name, size, digest } => encoder
                .array(4)
                .bytes(name)
                .text("file")
                .unsigned(*size)
                .bytes(digest),
            TreeEntry::Folder { name, digest } => encoder.array(3).bytes(name).text("dir").bytes(digest),
            TreeEntry::Link { name, target } => encoder.array(3).bytes(name).text("link").bytes(target),
        };
    }
    hash(algorithm, encoder)
}

/// Compute `tensor`: dtype, shape and element bits, without a name.
pub fn tensor(algorithm: Algorithm, dtype: &str, dimensions: &[u64], data: &Hash) -> Hash {
    let mut encoder = begin("tensor", 3);
    encoder.text(dtype);
    shape(&mut encoder, dimensions);
    encoder.bytes(data);
    hash(algorithm, encoder)
}

/// Compute `weights`: the named tensors of a model. Sorts `tensors` by the UTF-8 bytes of their names.
pub fn weights(algorithm: Algorithm, tensors: &mut [Tensor<'_>]) -> Hash {
    tensors.sort_by(|a, b| a.of.name.as_bytes().cmp(b.of.name.as_bytes()));
    let mut hashing = Hashing::new(algorithm, begin("weights", 1));
    hashing.next().array(tensors.len());
    for Tensor { of, digest } in tensors.iter() {
        let encoder = hashing.next();
        encoder.array(4).text(of.name).text(of.dtype);
        shape(encoder, of.shape);
        encoder.bytes(digest);
    }
    hashing.finish()
}

/// Compute `architecture`: names, dtypes and shapes, and the digest of the meaningful configuration if there is one.
/// Sorts `tensors` by the UTF-8 bytes of their names.
pub fn architecture(algorithm: Algorithm, tensors: &mut [TensorType<'_>], config: Option<&Hash>) -> Hash {
    tensors.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut hashing = Hashing::new(algorithm, begin("architecture", 2));
    hashing.next().array(tensors.len());
    for tensor in tensors.iter() {
        let encoder = hashing.next();
        encoder.array(3).text(tensor.name).text(tensor.dtype);
        shape(encoder, tensor.shape);
    }
    match config {
        Some(digest) => hashing.next().bytes(digest),
        None => hashing.next().null(),
    };
    hashing.finish()
}

/// Compute `tokenizer`: file names with the digests of their canonical content. Sorts by the bytes of the names.
pub fn tokenizer(algorithm: Algorithm, files: &mut [(&str, Hash)]) -> Hash {
    named("tokenizer", algorithm, files)
}

/// Compute `settings`: file names with the digests of their canonical content. Sorts by the bytes of the names.
pub fn settings(algorithm: Algorithm, files: &mut [(&str, Hash)]) -> Hash {
    named("settings", algorithm, files)
}

fn named(kind: &str, algorithm: Algorithm, files: &mut [(&str, Hash)]) -> Hash {
    let mut encoder = begin(kind, 1);
    pairs(&mut encoder, files);
    hash(algorithm, encoder)
}

/// Add `[[name, digest]…]`, sorted by the bytes of the names.
fn pairs(encoder: &mut Encoder, items: &mut [(&str, Hash)]) {
    items.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    encoder.array(items.len());
    for (name, digest) in items.iter() {
        encoder.array(2).text(name).bytes(digest);
    }
}

/// A component of a pipeline.
pub struct Component<'a> {
    /// Its name in the index of the pipeline.
    pub name: &'a str,
    /// Its digests by their kinds.
    pub digests: Vec<(&'a str, Hash)>,
}

/// Compute `pipeline`: the components, and the digest of the meaningful configuration. Sorts the components by the bytes
/// of their names, and their digests by kind.
pub fn pipeline(algorithm: Algorithm, components: &mut [Component<'_>], config: &Hash) -> Hash {
    components.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut encoder = begin("pipeline", 2);
    encoder.array(components.len());
    for Component { name, digests } in components.iter_mut() {
        encoder.array(2).text(name);
        pairs(&mut encoder, digests);
    }
    encoder.bytes(config);
    hash(algorithm, encoder)
}

/// The digests that `adapter` consists of.
pub struct Adapter {
    /// Plain digest of its meaningful configuration.
    pub config: Hash,
    /// Its own `weights`.
    pub weights: Hash,
    /// `architecture` of its base.
    pub base_architecture: Hash,
    /// `weights` of its base.
    pub base_weights: Hash,
}

/// Compute `adapter`: an adapter on the base that it changes.
pub fn adapter(algorithm: Algorithm, adapter: &Adapter) -> Hash {
    let mut encoder = begin("adapter", 4);
    encoder
        .bytes(&adapter.config)
        .bytes(&adapter.weights)
        .bytes(&adapter.base_architecture)
        .bytes(&adapter.base_weights);
    hash(algorithm, encoder)
}

/// A named split of a dataset.
#[derive(Clone, Copy, Debug)]
pub struct Split<'a> {
    /// Its name.
    pub name: &'a str,
    /// The kind of its digest, for example `table`.
    pub kind: &'a str,
    /// The digest.
    pub digest: Hash,
}

/// Compute `splits`: names of splits with kinds and digests. Sorts by the bytes of the names.
pub fn splits(algorithm: Algorithm, splits: &mut [Split<'_>]) -> Hash {
    splits.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut encoder = begin("splits", 1);
    encoder.array(splits.len());
    for split in splits.iter() {
        encoder
            .array(3)
            .text(split.name)
            .text(split.kind)
            .bytes(&split.digest);
    }
    hash(algorithm, encoder)
}

/// Compute `sequence`: the number of records and the plain digests of their blocks.
pub fn sequence(algorithm: Algorithm, records: u64, blocks: &[Hash]) -> Hash {
    let mut encoder = begin("sequence", 2);
    encoder.unsigned(records).array(blocks.len());
    for block in blocks {
        encoder.bytes(block);
    }
    hash(algorithm, encoder)
}

/// Compute `graph`: the computation of a model. `items` are the six items of the kind.
pub fn graph(algorithm: Algorithm, items: &Encoder) -> Hash {
    let mut encoder = begin("graph", 6);
    encoder.append(items);
    hash(algorithm, encoder)
}

/// Compute a kind whose one item is the plain digest of canonical JSON (`environment`, `git`, `seeds`, `run`).
pub fn json(algorithm: Algorithm, kind: &str, digest: &Hash) -> Hash {
    let mut encoder = begin(kind, 1);
    encoder.bytes(digest);
    hash(algorithm, encoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_content_are_framed() {
        // rldk hashed name and content without lengths: `a` holding "bc" equalled `ab` holding "c".
        let description = tree(
            Algorithm::Blake3,
            &mut [TreeEntry::File {
                name: b"a",
                size: 2,
                digest: *blake3::hash(b"bc").as_bytes(),
            }],
        );
        let other = tree(
            Algorithm::Blake3,
            &mut [TreeEntry::File {
                name: b"ab",
                size: 1,
                digest: *blake3::hash(b"c").as_bytes(),
            }],
        );
        assert_ne!(description, other);
    }

    #[test]
    fn order_of_entries_does_not_count() {
        let file = |name: &'static [u8]| TreeEntry::File {
            name,
            size: 0,
            digest: [7; 32],
        };
        assert_eq!(
            tree(Algorithm::Sha256, &mut [file(b"b"), file(b"a")]),
            tree(Algorithm::Sha256, &mut [file(b"a"), file(b"b")])
        );
    }

    #[test]
    fn dtype_shape_and_kind_count() {
        // rldk ignored both: zeros(2, f4) equalled zeros(1, f8), and (2, 3) equalled (3, 2).
        let digests = [
            tensor(Algorithm::Blake3, "F32", &[2], &[0; 32]),
            tensor(Algorithm::Blake3, "F64", &[1], &[0; 32]),
            tensor(Algorithm::Blake3, "F32", &[2, 1], &[0; 32]),
            tensor(Algorithm::Blake3, "F32", &[1, 2], &[0; 32]),
            tensor(Algorithm::Blake3, "F32", &[], &[0; 32]),
            tensor(Algorithm::Sha256, "F32", &[], &[0; 32]),
            json(Algorithm::Blake3, "git", &[0; 32]),
            json(Algorithm::Blake3, "seeds", &[0; 32]),
        ];
        for (i, a) in digests.iter().enumerate() {
            for b in &digests[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }
}
