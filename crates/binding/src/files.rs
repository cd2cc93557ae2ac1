//! Files and folders.

use crate::cache::NativeCacheUsage;
use crate::digests::{NativeDigests, columns, number};
use crate::enums::{NativeAlgorithm, NativeLinks, NativeWarningKind};
use crate::failure::NativeFailure;
use crate::job::{NativeJob, start};
use lineaprint_digest::Algorithms;
use lineaprint_engine::Result;
use lineaprint_engine::digest::file::{FileDigest, HashFiles};
use lineaprint_engine::digest::tree::{self, Content, HashTree, Listing, Tree};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;

/// A hashed file.
#[napi(object, object_from_js = false)]
pub struct NativeFile {
    pub size: i64,
    pub digests: NativeDigests,
}

/// Hashed files, and the effect of the cache where there is one.
#[napi(object, object_from_js = false)]
pub struct NativeFiles {
    pub outcomes: Vec<Either<NativeFile, NativeFailure>>,
    pub cache: Option<NativeCacheUsage>,
}

/// Hash files. Each has its own result or failure, in the order given. `cache` is the folder of a cache.
#[napi(ts_return_type = "Promise<NativeFiles | NativeFailure>")]
pub fn hash_files<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    algorithm: NativeAlgorithm,
    cache: Option<String>,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = HashFiles {
        paths: paths.into_iter().map(PathBuf::from).collect(),
        algorithms: algorithm.into(),
        cache: cache.map(PathBuf::from),
    };
    start(env, job, threads, request, |(files, cache)| NativeFiles {
        outcomes: files.into_iter().map(native_file).collect(),
        cache: cache.map(NativeCacheUsage::from),
    })
}

impl From<FileDigest> for NativeFile {
    fn from(file: FileDigest) -> Self {
        Self {
            size: number(file.size),
            digests: file.digests.into(),
        }
    }
}

fn native_file(file: Result<FileDigest>) -> Either<NativeFile, NativeFailure> {
    match file {
        Ok(file) => Either::A(file.into()),
        Err(error) => Either::B(error.into()),
    }
}

/// Options of a folder; TypeScript has filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativeTreeOptions {
    pub algorithm: NativeAlgorithm,
    pub links: NativeLinks,
    /// gitignore patterns.
    pub ignore: Vec<String>,
    /// True if files named `.lineaprintignore` give patterns too.
    pub ignore_files: bool,
    /// True if `.git`, `.lineaprint` and `.cache/huggingface` count.
    pub include_skipped: bool,
    /// True if the entries are listed.
    pub list: bool,
    /// The folder of a cache, if one is to be used.
    pub cache: Option<String>,
}

/// A hashed folder.
#[napi(object, object_from_js = false)]
pub struct NativeTree {
    pub digests: NativeDigests,
    pub files: i64,
    pub folders: i64,
    pub links: i64,
    pub bytes: i64,
    /// Entries that patterns left out.
    pub ignored: i64,
    /// Relative paths of skipped entries, with bytes that are not UTF-8 replaced.
    pub skipped: Vec<String>,
    /// Patterns of the files named `.lineaprintignore`, relative to the root.
    pub ignore_files: Vec<String>,
    pub warnings: Vec<NativeWarning>,
    /// The entries, where they were asked for.
    pub entries: Option<NativeEntries>,
    pub cache: Option<NativeCacheUsage>,
}

/// A warning about an entry.
#[napi(object, object_from_js = false)]
pub struct NativeWarning {
    pub kind: NativeWarningKind,
    /// Relative path, with bytes that are not UTF-8 replaced.
    pub path: String,
}

/// Kinds of entries.
#[napi]
pub enum NativeEntryKind {
    /// A file that was read.
    File = 0,
    /// A file that a sample left out.
    Unread = 1,
    /// A recorded link.
    Link = 2,
}

/// Files and recorded links, sorted by path. Each column has one item for each entry that has such a thing, in order.
#[napi(object, object_from_js = false)]
pub struct NativeEntries {
    /// For each entry its kind, a number of `NativeEntryKind`.
    pub kinds: Uint8Array,
    /// For each entry the raw bytes of its relative path and a NUL, which no name contains.
    pub paths: Uint8Array,
    /// For each file, read or not, its length in bytes.
    pub sizes: Vec<i64>,
    /// For each file that was read, 32 bytes per algorithm.
    pub digests: NativeDigests,
    /// For each link the raw bytes of its target and a NUL.
    pub targets: Uint8Array,
}

/// Hash the folder at `root`.
#[napi(ts_return_type = "Promise<NativeTree | NativeFailure>")]
pub fn hash_tree<'env>(
    env: &'env Env,
    job: &NativeJob,
    root: String,
    options: NativeTreeOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = HashTree {
        root: PathBuf::from(root),
        cache: options.cache.clone().map(PathBuf::from),
        options: options.into(),
    };
    let listed = request.options.list.then_some(request.options.algorithms);
    start(env, job, threads, request, move |(tree, cache)| NativeTree {
        cache: cache.map(NativeCacheUsage::from),
        ..native_tree(tree, listed)
    })
}

impl From<NativeTreeOptions> for tree::Options {
    /// Convert all options except the cache, which the job opens.
    fn from(options: NativeTreeOptions) -> Self {
        Self {
            algorithms: options.algorithm.into(),
            links: options.links.into(),
            ignore: options.ignore,
            ignore_files: options.ignore_files,
            include_skipped: options.include_skipped,
            list: options.list,
            ..Self::default()
        }
    }
}

/// Convert a hashed folder, with its entries and their digests where `listed` has hash functions.
pub fn native_tree(tree: Tree, listed: Option<Algorithms>) -> NativeTree {
    let Tree { digests, listing } = tree;
    let entries = listed.map(|algorithms| native_entries(&listing, algorithms));
    NativeTree {
        digests: digests.into(),
        files: number(listing.files),
        folders: number(listing.folders),
        links: number(listing.links),
        bytes: number(listing.bytes),
        ignored: number(listing.ignored),
        skipped: listing.skipped.iter().map(|path| text(path)).collect(),
        ignore_files: listing.ignore_files,
        warnings: listing
            .warnings
            .into_iter()
            .map(|warning| NativeWarning {
                kind: warning.kind.into(),
                path: text(&warning.path),
            })
            .collect(),
        entries,
        cache: None,
    }
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn native_entries(listing: &Listing, algorithms: Algorithms) -> NativeEntries {
    let mut kinds = Vec::with_capacity(listing.entries.len());
    let mut paths = Vec::new();
    let mut sizes = Vec::new();
    let mut digests = Vec::new();
    let mut targets = Vec::new();
    for entry in &listing.entries {
        paths.extend_from_slice(&entry.path);
        paths.push(0);
        sizes.extend(entry.content.size().map(number));
        kinds.push(match &entry.content {
            Content::File(file) => {
                digests.push(file.digests);
                NativeEntryKind::File as u8
            }
            Content::Unread { .. } => NativeEntryKind::Unread as u8,
            Content::Link(target) => {
                targets.extend_from_slice(target);
                targets.push(0);
                NativeEntryKind::Link as u8
            }
        });
    }
    NativeEntries {
        kinds: kinds.into(),
        paths: paths.into(),
        sizes,
        digests: columns(algorithms, &digests),
        targets: targets.into(),
    }
}
