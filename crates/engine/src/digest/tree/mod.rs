//! The `tree` digest of a folder: relative paths and contents, nothing else.
//!
//! Folders and files are hashed as they are found, on all threads of the pool; each folder's digest is made
//! once everything in it is known. The rules stand in the section on trees of `docs/format.md`.

mod ignore;
mod walk;
mod warnings;

use self::ignore::Scope;
use crate::cache::Cache;
use crate::control::Control;
use crate::digest::file::FileDigest;
use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::io::source::Stamp;
use lineaprint_digest::{Algorithms, Digests};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walk::Walk;

pub use self::ignore::IGNORE_FILE;

/// What happens to symbolic links below the root. The root itself is always followed.
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

/// How a folder is hashed.
#[derive(Clone, Debug)]
pub struct Options {
    /// With which hash functions.
    pub algorithms: Algorithms,
    /// What happens to links.
    pub links: Links,
    /// gitignore patterns, relative to the root.
    pub ignore: Vec<String>,
    /// Whether the patterns in files named [`IGNORE_FILE`] apply to the folders that these are in.
    pub ignore_files: bool,
    /// Whether entries named `.git` and `.lineaprint` count.
    pub include_skipped: bool,
    /// Whether [`Tree::entries`] is filled.
    pub list: bool,
    /// Files that this same job has read and hashed already: met again unchanged, they are not read twice.
    pub known: HashMap<Stamp, FileDigest>,
    /// Where to look for digests of files that have not changed.
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
pub const SKIPPED: [&str; 2] = [".git", ".lineaprint"];

/// One file or recorded link below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// Raw bytes of the relative path, segments joined by `/`.
    pub path: Vec<u8>,
    /// What it holds.
    pub content: Content,
}

/// What a listed entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(FileDigest),
    /// The target of a recorded link.
    Link(Vec<u8>),
}

/// Something worth saying that does not change the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
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

impl WarningKind {
    /// The word that stands for it in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinkLeavesRoot => "link-leaves-root",
            Self::NameNotUnicode => "name-not-unicode",
            Self::NamesCollide => "names-collide",
        }
    }
}

/// The result of hashing a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `tree` digests.
    pub digests: Digests,
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
    /// Patterns of the files named [`IGNORE_FILE`], made relative to the root, in order.
    pub ignore_files: Vec<String>,
    /// Sorted by path.
    pub warnings: Vec<Warning>,
    /// Sorted by the raw bytes of the path; empty unless asked for.
    pub entries: Vec<ListedEntry>,
}

/// Hashes the folder at `root` on the threads of the current pool.
pub fn hash(root: &Path, options: &Options, control: &Control) -> Result<Tree> {
    start(root, options, control, true)
}

/// Lists the folder at `root` without reading a file: sizes and entries are there, digests are not.
pub fn list(root: &Path, options: &Options, control: &Control) -> Result<Tree> {
    start(root, options, control, false)
}

fn start(root: &Path, options: &Options, control: &Control, read: bool) -> Result<Tree> {
    let scope = Scope::of_caller(root, &options.ignore)?;
    // Only links can lead out, so the resolved root is needed only where they are followed.
    let real_root = match options.links {
        Links::Follow => root
            .canonicalize()
            .map_err(|error| Error::io("resolve", root, &error))?,
        _ => PathBuf::new(),
    };
    let walk = Walk {
        options,
        control,
        read,
        real_root,
    };
    let folder = Folder::open_root(root)?;
    let mut tree = walk.folder(&folder, &[], None, &scope)?;
    tree.entries.sort_by(|a, b| a.path.cmp(&b.path));
    tree.warnings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

fn join_bytes(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return name.to_vec();
    }
    [folder, b"/", name].concat()
}

/// The path that raw bytes of a listed entry stand for.
#[cfg(unix)]
pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The path that raw bytes of a listed entry stand for; half surrogate pairs are lost here.
#[cfg(not(unix))]
pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).as_ref())
}
