//! Digests of descriptions whose parts TypeScript holds.

use crate::digests::NativeDigests;
use crate::enums::{NativeAlgorithm, NativeJsonKind};
use lineaprint_digest::description::{self, Tensor, TensorType, TreeEntry};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

fn each(algorithms: Algorithms, mut digest: impl FnMut(Algorithm) -> Option<Hash>) -> NativeDigests {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        if let Some(hash) = digest(algorithm) {
            digests.set(algorithm, hash);
        }
    }
    digests.into()
}

/// Compute the digest of a kind whose one item is the plain digest of canonical JSON.
#[napi(catch_unwind)]
pub fn json_digest(kind: NativeJsonKind, canonical: &[u8], algorithm: NativeAlgorithm) -> NativeDigests {
    let algorithms = Algorithms::from(algorithm);
    let content = Digests::of(canonical, algorithms);
    each(algorithms, |algorithm| {
        content
            .get(algorithm)
            .map(|hash| description::json(algorithm, kind.name(), &hash))
    })
}

/// Return the canonical bytes of a JSON document; nothing if it is refused. TypeScript then gives the error.
#[napi(catch_unwind)]
pub fn canonical_document(document: &[u8]) -> Option<Uint8Array> {
    lineaprint_formats::text::canonical::canonical(document).map(Uint8Array::from)
}

/// Compute `tensor` from the plain digest of its elements.
#[napi(catch_unwind)]
pub fn tensor_digest(
    dtype: String,
    shape: Vec<i64>,
    blake3: Option<Uint8Array>,
    sha256: Option<Uint8Array>,
) -> napi::Result<NativeDigests> {
    let shape = dimensions(&shape)?;
    let data = Digests {
        blake3: hash_of(blake3)?,
        sha256: hash_of(sha256)?,
    };
    Ok(each(data.algorithms(), |algorithm| {
        data.get(algorithm)
            .map(|hash| description::tensor(algorithm, &dtype, &shape, &hash))
    }))
}

/// One entry of a folder.
#[napi(object, object_to_js = false)]
pub struct NativeTreeItem {
    /// The raw bytes of its name.
    pub name: Uint8Array,
    pub content: NativeItemContent,
}

/// The content of an entry.
#[napi(discriminant = "kind", discriminant_case = "lowercase", object_to_js = false)]
pub enum NativeItemContent {
    /// A file: its length in bytes, and 32 bytes of its plain digest.
    File { size: i64, digest: Uint8Array },
    /// A folder: 32 bytes of its `tree` digest.
    Folder { digest: Uint8Array },
    /// A link: the raw bytes of its target.
    Link { target: Uint8Array },
}

/// Compute `tree` of one folder from its entries in any order.
#[napi(catch_unwind)]
pub fn tree_digest(items: Vec<NativeTreeItem>, algorithm: NativeAlgorithm) -> napi::Result<NativeDigests> {
    let algorithms = Algorithms::from(algorithm);
    let mut entries = items.iter().map(tree_entry).collect::<napi::Result<Vec<_>>>()?;
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        digests.set(algorithm, description::tree(algorithm, &mut entries));
    }
    Ok(digests.into())
}

fn tree_entry(item: &NativeTreeItem) -> napi::Result<TreeEntry<'_>> {
    let name = item.name.as_ref();
    Ok(match &item.content {
        NativeItemContent::Link { target } => TreeEntry::Link {
            name,
            target: target.as_ref(),
        },
        NativeItemContent::Folder { digest } => TreeEntry::Folder {
            name,
            digest: hash(digest)?,
        },
        NativeItemContent::File { size, digest } => TreeEntry::File {
            name,
            size: u64::try_from(*size).map_err(|_| napi::Error::from_reason("a size is negative"))?,
            digest: hash(digest)?,
        },
    })
}

/// One tensor of a model.
#[napi(object, object_to_js = false)]
pub struct NativeTensorItem {
    pub name: String,
    pub dtype: String,
    pub shape: Vec<i64>,
    pub digest: Uint8Array,
}

/// Compute `weights` from tensors in any order.
#[napi(catch_unwind)]
pub fn weights_digest(
    tensors: Vec<NativeTensorItem>,
    algorithm: NativeAlgorithm,
) -> napi::Result<NativeDigests> {
    let algorithms = Algorithms::from(algorithm);
    let shapes = tensors
        .iter()
        .map(|tensor| dimensions(&tensor.shape))
        .collect::<napi::Result<Vec<_>>>()?;
    let mut described = tensors
        .iter()
        .zip(&shapes)
        .map(|(tensor, shape)| {
            Ok(Tensor {
                of: TensorType {
                    name: &tensor.name,
                    dtype: &tensor.dtype,
                    shape,
                },
                digest: hash(&tensor.digest)?,
            })
        })
        .collect::<napi::Result<Vec<_>>>()?;
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        digests.set(algorithm, description::weights(algorithm, &mut described));
    }
    Ok(digests.into())
}

/// The tensors of a model without their elements, one array per field.
#[napi(object, object_to_js = false)]
pub struct NativeTensorTypes {
    pub names: Vec<String>,
    pub dtypes: Vec<String>,
    pub shapes: Vec<Vec<i64>>,
}

/// Compute `architecture` from tensors in any order, and the canonical JSON of the meaningful configuration.
#[napi(catch_unwind)]
pub fn architecture_digest(
    tensors: NativeTensorTypes,
    config: &[u8],
    algorithm: NativeAlgorithm,
) -> napi::Result<NativeDigests> {
    let algorithms = Algorithms::from(algorithm);
    let NativeTensorTypes {
        names,
        dtypes,
        shapes,
    } = tensors;
    if names.len() != dtypes.len() || names.len() != shapes.len() {
        return Err(napi::Error::from_reason("the fields have different lengths"));
    }
    let shapes = shapes
        .iter()
        .map(|shape| dimensions(shape))
        .collect::<napi::Result<Vec<_>>>()?;
    let mut described: Vec<TensorType<'_>> = names
        .iter()
        .zip(&dtypes)
        .zip(&shapes)
        .map(|((name, dtype), shape)| TensorType { name, dtype, shape })
        .collect();
    let config = Digests::of(config, algorithms);
    Ok(each(algorithms, |algorithm| {
        Some(description::architecture(
            algorithm,
            &mut described,
            config.get(algorithm).as_ref(),
        ))
    }))
}

fn dimensions(shape: &[i64]) -> napi::Result<Vec<u64>> {
    shape
        .iter()
        .map(|dimension| u64::try_from(*dimension))
        .collect::<Result<_, _>>()
        .map_err(|_| napi::Error::from_reason("a dimension is negative"))
}

fn hash(bytes: &Uint8Array) -> napi::Result<Hash> {
    Hash::try_from(bytes.as_ref()).map_err(|_| napi::Error::from_reason("a digest has 32 bytes"))
}

fn hash_of(bytes: Option<Uint8Array>) -> napi::Result<Option<Hash>> {
    bytes.as_ref().map(hash).transpose()
}

/// One file of a tokenizer.
#[napi(object, object_to_js = false)]
pub struct NativeTokenizerFile {
    pub name: String,
    /// Its canonical content.
    pub content: Uint8Array,
}

/// Compute `tokenizer` digests from files in any order.
#[napi(catch_unwind)]
pub fn tokenizer_digest(files: Vec<NativeTokenizerFile>, algorithm: NativeAlgorithm) -> NativeDigests {
    files_digest(&files, algorithm, description::tokenizer)
}

/// Compute `settings` digests from files in any order.
#[napi(catch_unwind)]
pub fn settings_digest(files: Vec<NativeTokenizerFile>, algorithm: NativeAlgorithm) -> NativeDigests {
    files_digest(&files, algorithm, description::settings)
}

fn files_digest(
    files: &[NativeTokenizerFile],
    algorithm: NativeAlgorithm,
    describe: impl Fn(Algorithm, &mut [(&str, Hash)]) -> Hash,
) -> NativeDigests {
    let algorithms = Algorithms::from(algorithm);
    let digests: Vec<Digests> = files
        .iter()
        .map(|file| Digests::of(&file.content, algorithms))
        .collect();
    each(algorithms, |algorithm| {
        let mut described: Vec<(&str, Hash)> = files
            .iter()
            .zip(&digests)
            .filter_map(|(file, digests)| Some((file.name.as_str(), digests.get(algorithm)?)))
            .collect();
        Some(describe(algorithm, &mut described))
    })
}

/// A digest of a component, and its kind.
#[napi(object, object_to_js = false)]
pub struct NativeKindDigest {
    pub kind: String,
    /// 32 bytes.
    pub digest: Uint8Array,
}

/// A component of a pipeline.
#[napi(object, object_to_js = false)]
pub struct NativeComponent {
    pub name: String,
    pub digests: Vec<NativeKindDigest>,
}

/// Compute `pipeline` from components in any order. All digests are of one algorithm.
#[napi(catch_unwind)]
pub fn pipeline_digest(
    components: Vec<NativeComponent>,
    config: Uint8Array,
    algorithm: NativeAlgorithm,
) -> napi::Result<NativeDigests> {
    let config = hash(&config)?;
    let mut described = components
        .iter()
        .map(|component| {
            let digests = component.digests.iter();
            let digests = digests.map(|item| Ok((item.kind.as_str(), hash(&item.digest)?)));
            Ok(description::Component {
                name: &component.name,
                digests: digests.collect::<napi::Result<_>>()?,
            })
        })
        .collect::<napi::Result<Vec<_>>>()?;
    Ok(each(algorithm.into(), |algorithm| {
        Some(description::pipeline(algorithm, &mut described, &config))
    }))
}

/// Compute `adapter` from the digests that it consists of, all of one algorithm.
#[napi(catch_unwind)]
pub fn adapter_digest(
    config: Uint8Array,
    weights: Uint8Array,
    base_architecture: Uint8Array,
    base_weights: Uint8Array,
    algorithm: NativeAlgorithm,
) -> napi::Result<NativeDigests> {
    let adapter = description::Adapter {
        config: hash(&config)?,
        weights: hash(&weights)?,
        base_architecture: hash(&base_architecture)?,
        base_weights: hash(&base_weights)?,
    };
    Ok(each(algorithm.into(), |algorithm| {
        Some(description::adapter(algorithm, &adapter))
    }))
}

/// A named split of a dataset, with its digests.
#[napi(object, object_to_js = false)]
pub struct NativeSplit {
    pub name: String,
    /// The kind of its digests.
    pub kind: String,
    pub blake3: Option<Uint8Array>,
    pub sha256: Option<Uint8Array>,
}

/// Compute `splits` digests from splits in any order.
#[napi(catch_unwind)]
pub fn splits_digest(splits: Vec<NativeSplit>, algorithm: NativeAlgorithm) -> napi::Result<NativeDigests> {
    let own = splits
        .into_iter()
        .map(|split| {
            let digests = Digests {
                blake3: hash_of(split.blake3)?,
                sha256: hash_of(split.sha256)?,
            };
            Ok((split.name, split.kind, digests))
        })
        .collect::<napi::Result<Vec<_>>>()?;
    Ok(each(algorithm.into(), |algorithm| {
        let described = own.iter().map(|(name, kind, digests)| {
            let digest = digests.get(algorithm)?;
            Some(description::Split { name, kind, digest })
        });
        let mut described: Vec<_> = described.collect::<Option<_>>()?;
        Some(description::splits(algorithm, &mut described))
    }))
}

/// Compute `sequence` from the number of records and the plain digests of their blocks, 32 bytes each, one after the other.
#[napi(catch_unwind)]
pub fn sequence_digest(
    records: i64,
    blake3: Option<Uint8Array>,
    sha256: Option<Uint8Array>,
) -> napi::Result<NativeDigests> {
    let records =
        u64::try_from(records).map_err(|_| napi::Error::from_reason("a number of records is negative"))?;
    let mut digests = Digests::default();
    for (algorithm, blocks) in [(Algorithm::Blake3, blake3), (Algorithm::Sha256, sha256)] {
        let Some(blocks) = blocks else { continue };
        let (blocks, rest) = blocks.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(napi::Error::from_reason("a digest has 32 bytes"));
        }
        digests.set(algorithm, description::sequence(algorithm, records, blocks));
    }
    Ok(digests.into())
}
