//! Digests of descriptions whose parts TypeScript holds.

use crate::digests::{NativeDigests, algorithms};
use lineaprint_digest::description::{self, Tensor, TreeEntry};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

fn each(algorithms: Algorithms, digest: impl Fn(Algorithm) -> Option<Hash>) -> NativeDigests {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        if let Some(hash) = digest(algorithm) {
            digests.set(algorithm, hash);
        }
    }
    digests.into()
}

/// A kind whose one item is the plain digest of canonical JSON: `environment`, `git`, `seeds`, `run`.
#[napi(catch_unwind)]
pub fn json_digest(kind: String, canonical: &[u8], algorithm: String) -> napi::Result<NativeDigests> {
    let algorithms = algorithms(&algorithm)?;
    let content = Digests::of(canonical, algorithms);
    Ok(each(algorithms, |algorithm| {
        content
            .get(algorithm)
            .map(|hash| description::json(algorithm, &kind, &hash))
    }))
}

/// The canonical bytes of a JSON document; nothing for one that is refused, of which TypeScript says what is wrong.
#[napi(catch_unwind)]
pub fn canonical_document(document: &[u8]) -> Option<Uint8Array> {
    lineaprint_formats::text::canonical::canonical(document).map(Uint8Array::from)
}

/// `tensor`, from the plain digest of its elements.
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
    /// `file`, `dir` or `link`.
    pub kind: String,
    /// Bytes of a file.
    pub size: i64,
    /// The digest of a file or folder, the target of a link.
    pub value: Uint8Array,
}

/// `tree` of one folder, from its entries in any order.
#[napi(catch_unwind)]
pub fn tree_digest(items: Vec<NativeTreeItem>, algorithm: String) -> napi::Result<NativeDigests> {
    let algorithms = algorithms(&algorithm)?;
    let mut entries = items.iter().map(tree_entry).collect::<napi::Result<Vec<_>>>()?;
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        digests.set(algorithm, description::tree(algorithm, &mut entries));
    }
    Ok(digests.into())
}

fn tree_entry(item: &NativeTreeItem) -> napi::Result<TreeEntry<'_>> {
    let name = item.name.as_ref();
    Ok(match item.kind.as_str() {
        "link" => TreeEntry::Link {
            name,
            target: item.value.as_ref(),
        },
        "dir" => TreeEntry::Folder {
            name,
            digest: whole(&item.value)?,
        },
        _ => TreeEntry::File {
            name,
            size: u64::try_from(item.size).map_err(|_| napi::Error::from_reason("a size is negative"))?,
            digest: whole(&item.value)?,
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

/// `weights`, from tensors in any order.
#[napi(catch_unwind)]
pub fn weights_digest(tensors: Vec<NativeTensorItem>, algorithm: String) -> napi::Result<NativeDigests> {
    let algorithms = algorithms(&algorithm)?;
    let shapes = tensors
        .iter()
        .map(|tensor| dimensions(&tensor.shape))
        .collect::<napi::Result<Vec<_>>>()?;
    let mut described = tensors
        .iter()
        .zip(&shapes)
        .map(|(tensor, shape)| {
            Ok(Tensor {
                name: &tensor.name,
                dtype: &tensor.dtype,
                shape,
                digest: whole(&tensor.digest)?,
            })
        })
        .collect::<napi::Result<Vec<_>>>()?;
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        digests.set(algorithm, description::weights(algorithm, &mut described));
    }
    Ok(digests.into())
}

fn dimensions(shape: &[i64]) -> napi::Result<Vec<u64>> {
    shape
        .iter()
        .map(|dimension| u64::try_from(*dimension))
        .collect::<Result<_, _>>()
        .map_err(|_| napi::Error::from_reason("a dimension is negative"))
}

fn whole(bytes: &Uint8Array) -> napi::Result<Hash> {
    Hash::try_from(bytes.as_ref()).map_err(|_| napi::Error::from_reason("a digest has 32 bytes"))
}

fn hash_of(bytes: Option<Uint8Array>) -> napi::Result<Option<Hash>> {
    bytes.as_ref().map(whole).transpose()
}

/// `tokenizer`, from the canonical content of its files.
#[napi(catch_unwind)]
pub fn tokenizer_digest(
    names: Vec<String>,
    contents: Vec<Uint8Array>,
    algorithm: String,
) -> napi::Result<NativeDigests> {
    let algorithms = algorithms(&algorithm)?;
    let digests: Vec<Digests> = contents
        .iter()
        .map(|content| Digests::of(content, algorithms))
        .collect();
    Ok(each(algorithms, |algorithm| {
        let mut files: Vec<(&str, Hash)> = names
            .iter()
            .zip(&digests)
            .filter_map(|(name, digests)| Some((name.as_str(), digests.get(algorithm)?)))
            .collect();
        Some(description::tokenizer(algorithm, &mut files))
    }))
}
