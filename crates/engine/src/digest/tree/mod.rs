//! The `tree` digest of a folder: relative paths and contents, nothing else.
//!
//! Folders and files are hashed as they are found, on all threads of the pool. The digest of a folder is computed
//! once everything in it is known. The section on trees of `docs/format.md` has the rules.

mod ignore;
mod walk;
mod warnings;

use self::ignore::Scope;
use crate::cache::{self, Cache, CacheReport};
use crate::control::Control;
use crate::digest::file::FileDigest;
use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::io::source::Stamp;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::{Algorithms, Digests};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walk::{Mode, Subtree, Walk};

pub use self::ignore::IGNORE_FILE;
pub(super) use self::warnings::fold;

/// The treatment of symbolic links below the root. The root itself is always followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// They count as what they lead to.
    #[default]
    Follow,
    /// They count as links, by the bytes of their target.
    Record,
    /// They are an error.
    Refuse,
}

/// Options of a folder.
#[derive(Clone, Debug)]
pub struct Options {
    /// With which hash functions.
    pub algorithms: Algorithms,
    /// Treatment of links.
    pub links: Links,
    /// gitignore patterns, relative to the root.
    pub ignore: Vec<String>,
    /// True if the patterns in files named [`IGNORE_FILE`] apply to the folders that these are in.
    pub ignore_files: bool,
    /// True if the entries that [`is_skipped`] names count.
    pub include_skipped: bool,
    /// True if [`Listing::entries`] is filled.
    pub list: bool,
    /// Files that this same job has read and hashed already: met again unchanged, they are not read twice.
    pub known: HashMap<Stamp, FileDigest>,
    /// Digests of files that have not changed.
    pub cache: Option<Arc<Cache>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            algorithms: Algorithms::BLAKE3,
            links: Links::Follow,
            ignore: Vec::new(),
            ignore_files: false,
            include_skipped: false,
            list: false,
            known: HashMap::new(),
            cache: None,
        }
    }
}

/// Names that are skipped at any depth, whatever they are, unless asked for.
const SKIPPED: [&str; 2] = [".git", ".lineaprint"];

/// Names that are skipped directly below an entry of another name: the folder, and what is skipped in it. The Hub's
/// downloader keeps times and `ETags` there, so two downloads of one revision differ in nothing else.
const SKIPPED_BELOW: [(&str, &str); 1] = [(".cache", "huggingface")];

/// Return whether an entry of the folder at the relative path `folder` is bookkeeping, and not content.
pub(super) fn is_skipped(folder: &[u8], name: &[u8]) -> bool {
    SKIPPED.iter().any(|skipped| name == skipped.as_bytes())
        || SKIPPED_BELOW.iter().any(|(parent, skipped)| {
            name == skipped.as_bytes()
                && folder.rsplit(|byte| *byte == b'/').next() == Some(parent.as_bytes())
        })
}

/// One file or recorded link below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// Raw bytes of the relative path, segments joined by `/`.
    pub path: Vec<u8>,
    /// Its content.
    pub content: Content,
}

/// The content of a listed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file that was read.
    File(FileDigest),
    /// A file that was not read.
    Unread {
        /// Length in bytes.
        size: u64,
    },
    /// The target of a recorded link.
    Link(Vec<u8>),
}

impl Content {
    /// Return the length of a file in bytes; `None` for a link.
    pub const fn size(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.size),
            Self::Unread { size } => Some(*size),
            Self::Link(_) => None,
        }
    }
}

/// A warning, which does not change the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Its kind.
    pub kind: WarningKind,
    /// Raw bytes of the relative path.
    pub path: Vec<u8>,
}

/// Kinds of [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// A followed link leads out of the root.
    LinkLeavesRoot,
    /// The name is not UTF-8.
    NameNotUnicode,
    /// Another name in the same folder is equal after Unicode normalisation or without case.
    NamesCollide,
}

/// A hashed folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// `tree` digests.
    pub digests: Digests,
    /// Counts, warnings and entries.
    pub listing: Listing,
}

/// The counts, warnings and entries of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Regular files that count.
    pub files: u64,
    /// Folders that hold a file or recorded link at some depth, the root included if it does.
    pub folders: u64,
    /// Links that were recorded.
    pub links: u64,
    /// Bytes in those files.
    pub bytes: u64,
    /// Entries that patterns left out; a folder is one, whatever is in it.
    pub ignored: u64,
    /// Raw bytes of the relative paths of skipped entries, sorted; a folder is one, whatever is in it.
    pub skipped: Vec<Vec<u8>>,
    /// Patterns of the files named [`IGNORE_FILE`], relative to the root, in order.
    pub ignore_files: Vec<String>,
    /// Sorted by path.
    pub warnings: Vec<Warning>,
    /// Sorted by the raw bytes of the path; empty if a hashed folder was not to be listed.
    pub entries: Vec<ListedEntry>,
}

impl Listing {
    /// Add the listing of a folder within this one.
    fn add(&mut self, inner: Self) {
        self.files += inner.files;
        self.folders += inner.folders;
        self.links += inner.links;
        self.bytes += inner.bytes;
        self.ignored += inner.ignored;
        append(&mut self.skipped, inner.skipped);
        append(&mut self.ignore_files, inner.ignore_files);
        append(&mut self.warnings, inner.warnings);
        append(&mut self.entries, inner.entries);
    }
}

/// Append `inner` to `outer`, without a copy where `outer` is empty: a deep tree would copy its entries at each level.
fn append<T>(outer: &mut Vec<T>, inner: Vec<T>) {
    if outer.is_empty() {
        *outer = inner;
    } else {
        outer.extend(inner);
    }
}

/// Hash the folder at `root` on the threads of the current pool.
pub fn hash(root: &Path, options: &Options, control: &Control) -> Result<Tree> {
    let Subtree { digests, listing } = walk(root, options, control, Mode::Hash)?;
    Ok(Tree { digests, listing })
}

/// List the folder at `root` without reading a file. Every file is [`Content::Unread`], and all entries are listed.
pub fn list(root: &Path, options: &Options, control: &Control) -> Result<Listing> {
    walk(root, options, control, Mode::List).map(|subtree| subtree.listing)
}

fn walk(root: &Path, options: &Options, control: &Control, mode: Mode) -> Result<Subtree> {
    let scope = Scope::of_caller(root, &options.ignore)?;
    // Only followed links can lead out of the root.
    let real_root = match options.links {
        Links::Follow => root
            .canonicalize()
            .map_err(|error| Error::io("resolve", root, error))?,
        _ => PathBuf::new(),
    };
    let folder = Folder::open_root(root)?;
    let mut subtree = Walk::new(options, control, mode, real_root).run(folder, scope)?;
    let listing = &mut subtree.listing;
    listing.entries.sort_by(|a, b| a.path.cmp(&b.path));
    listing.warnings.sort_by(|a, b| a.path.cmp(&b.path));
    listing.skipped.sort();
    Ok(subtree)
}

/// A request for the digests of a folder.
#[derive(Clone, Debug)]
pub struct HashTree {
    /// The folder.
    pub root: PathBuf,
    /// Hashing of the tree. [`Options::cache`] is replaced by the cache in `cache`.
    pub options: Options,
    /// The folder of a cache, if one is to be used.
    pub cache: Option<PathBuf>,
}

impl Job for HashTree {
    type Output = (Tree, Option<CacheReport>);

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: std::slice::from_ref(&self.root),
            digests: self.options.algorithms.iter().count(),
        }
    }

    fn run(self, control: &Control) -> Result<Self::Output> {
        let Self {
            root,
            mut options,
            cache,
        } = self;
        cache::with_cache(cache.as_deref(), control, |cache| {
            options.cache = cache.cloned();
            hash(&root, &options, control)
        })
    }
}

pub(super) fn join_bytes(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return name.to_vec();
    }
    [folder, b"/", name].concat()
}

/// Convert the raw bytes of a listed entry to a path.
#[cfg(unix)]
pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Convert the raw bytes of a listed entry to a path. Half surrogate pairs are lost.
#[cfg(not(unix))]
pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).as_ref())
}
