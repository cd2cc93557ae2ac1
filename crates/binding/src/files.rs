//! Files and folders.

use crate::cache::{JobCache, NativeCacheUsage};
use crate::digests::{NativeDigests, algorithms, columns, number};
use crate::failure::NativeFailure;
use crate::job::{NativeJob, start};
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::file;
use lineaprint_engine::digest::tree::{self, Content, Links, Tree};
use lineaprint_engine::schedule::readers::Place;
use lineaprint_engine::{Control, Result};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;
use std::slice;

/// A hashed file.
#[napi(object, object_from_js = false)]
pub struct NativeFile {
    pub size: i64,
    pub digests: NativeDigests,
}

/// Hashed files, and what the cache did for them where there is one.
#[napi(object, object_from_js = false)]
pub struct NativeFiles {
    pub outcomes: Vec<Either<NativeFile, NativeFailure>>,
    pub cache: Option<NativeCacheUsage>,
}

/// Hashes files; each has its own result or failure, in the order given. `cache` is the folder of a cache.
#[napi(ts_return_type = "Promise<NativeFiles | NativeFailure>")]
pub fn hash_files<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    algorithm: String,
    cache: Option<String>,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let algorithms = algorithms(&algorithm)?;
    let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    let place = Some(Place::bytes(&paths, algorithms.iter().count()));
    start(env, threads, job, place, move |control: &Control| {
        let cache = cache.as_deref().map(JobCache::open);
        let files = match cache.as_ref().and_then(JobCache::get) {
            Some(cache) => file::hash_all_cached(&paths, algorithms, cache, control),
            None => file::hash_all(&paths, algorithms, control),
        };
        control.check()?;
        Ok(NativeFiles {
            outcomes: files.into_iter().map(native_file).collect(),
            cache: cache.map(|cache| cache.finish(control)),
        })
    })
}

impl From<file::FileDigest> for NativeFile {
    fn from(file: file::FileDigest) -> Self {
        Self {
            size: number(file.size),
            digests: file.digests.into(),
        }
    }
}

fn native_file(file: Result<file::FileDigest>) -> Either<NativeFile, NativeFailure> {
    match file {
        Ok(file) => Either::A(file.into()),
        Err(error) => Either::B(error.into()),
    }
}

/// How a folder is hashed; TypeScript has filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativeTreeOptions {
    pub algorithm: String,
    /// `follow`, `record` or `refuse`.
    pub links: String,
    /// gitignore patterns.
    pub ignore: Vec<String>,
    /// Whether files named `.lineaprintignore` give patterns too.
    pub ignore_files: bool,
    /// Whether `.git` and `.lineaprint` count.
    pub include_skipped: bool,
    /// Whether the entries are listed.
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
    /// Patterns of the files named `.lineaprintignore`, relative to the root.
    pub ignore_files: Vec<String>,
    /// `kind` and path of each warning, the path with bytes that are not UTF-8 replaced.
    pub warnings: Vec<NativeWarning>,
    /// The entries, where they were asked for.
    pub entries: Option<NativeEntries>,
    pub cache: Option<NativeCacheUsage>,
}

#[napi(object, object_from_js = false)]
pub struct NativeWarning {
    pub kind: String,
    pub path: String,
}

/// Files and recorded links, sorted by path. Links have size -1 and zeros for digests.
#[napi(object, object_from_js = false)]
pub struct NativeEntries {
    /// The raw bytes of the relative paths, each followed by a NUL, which no name contains.
    pub paths: Uint8Array,
    pub sizes: Vec<i64>,
    /// 32 bytes per entry.
    pub digests: NativeDigests,
    /// 1 per entry that was read, 0 for a link and for a file that a sample left out.
    pub read: Uint8Array,
    /// The raw bytes of each link's target followed by a NUL; nothing but the NUL for a file.
    pub targets: Uint8Array,
}

/// Hashes the folder at `root`.
#[napi(ts_return_type = "Promise<NativeTree | NativeFailure>")]
pub fn hash_tree<'env>(
    env: &'env Env,
    job: &NativeJob,
    root: String,
    options: NativeTreeOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let cache = options.cache.clone();
    let mut options = tree_options(options)?;
    let root = PathBuf::from(root);
    let place = Some(Place::bytes(
        slice::from_ref(&root),
        options.algorithms.iter().count(),
    ));
    start(env, threads, job, place, move |control: &Control| {
        let cache = cache.as_deref().map(JobCache::open);
        options.cache = cache.as_ref().and_then(JobCache::get).cloned();
        let tree = tree::hash(&root, &options, control)?;
        Ok(NativeTree {
            cache: cache.map(|cache| cache.finish(control)),
            ..native_tree(tree, &options)
        })
    })
}

/// Lowers the options of a folder, but for the cache: to open one is work.
pub fn tree_options(options: NativeTreeOptions) -> napi::Result<tree::Options> {
    Ok(tree::Options {
        algorithms: algorithms(&options.algorithm)?,
        links: match options.links.as_str() {
            "record" => Links::Record,
            "refuse" => Links::Refuse,
            _ => Links::Follow,
        },
        ignore: options.ignore,
        ignore_files: options.ignore_files,
        include_skipped: options.include_skipped,
        list: options.list,
        ..tree::Options::default()
    })
}

/// A folder that was hashed with these options.
pub fn native_tree(tree: Tree, options: &tree::Options) -> NativeTree {
    let entries = options.list.then(|| native_entries(&tree, options.algorithms));
    NativeTree {
        digests: tree.digests.into(),
        files: number(tree.files),
        folders: number(tree.folders),
        links: number(tree.links),
        bytes: number(tree.bytes),
        ignored: number(tree.ignored),
        ignore_files: tree.ignore_files,
        warnings: tree
            .warnings
            .into_iter()
            .map(|warning| NativeWarning {
                kind: warning.kind.name().to_owned(),
                path: String::from_utf8_lossy(&warning.path).into_owned(),
            })
            .collect(),
        entries,
        cache: None,
    }
}

fn native_entries(tree: &Tree, algorithms: Algorithms) -> NativeEntries {
    let mut paths = Vec::new();
    let mut targets = Vec::new();
    let mut sizes = Vec::new();
    for entry in &tree.entries {
        paths.extend_from_slice(&entry.path);
        paths.push(0);
        match &entry.content {
            Content::File(file) => sizes.push(number(file.size)),
            Content::Link(target) => {
                sizes.push(-1);
                targets.extend_from_slice(target);
            }
        }
        targets.push(0);
    }
    let digests = tree.entries.iter().map(|entry| match &entry.content {
        Content::File(file) => file.digests,
        Content::Link(_) => Digests::default(),
    });
    let read = tree.entries.iter().map(|entry| match &entry.content {
        Content::File(file) => u8::from(file.digests != Digests::default()),
        Content::Link(_) => 0,
    });
    NativeEntries {
        read: read.collect::<Vec<u8>>().into(),
        digests: columns(algorithms, digests),
        paths: paths.into(),
        sizes,
        targets: targets.into(),
    }
}
