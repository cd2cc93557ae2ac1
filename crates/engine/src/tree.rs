//! The `tree` digest of a folder: relative paths and contents, nothing else.
//!
//! Folders and files are hashed as they are found, on all threads of the pool; each folder's digest is made
//! once everything in it is known. The rules stand in the section on trees of `docs/format.md`.

use crate::cache::Cache;
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::file::FileDigest;
use crate::folder::{Entry, Folder, Identity, Kind};
use crate::small::{self, BatchFile, Context};
use crate::source::Stamp;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use lineaprint_digest::description::{self, TreeEntry};
use lineaprint_digest::{Algorithms, Digests};
use rayon::prelude::*;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization as _;

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
    /// Sorted by path.
    pub warnings: Vec<Warning>,
    /// Sorted by the raw bytes of the path; empty unless asked for.
    pub entries: Vec<ListedEntry>,
}

/// Hashes the folder at `root` on the threads of the current pool.
pub fn hash(root: &Path, options: &Options, control: &Control) -> Result<Tree> {
    walk(root, options, control, true)
}

/// Lists the folder at `root` without reading a file: sizes and entries are there, digests are not.
pub fn list(root: &Path, options: &Options, control: &Control) -> Result<Tree> {
    walk(root, options, control, false)
}

fn walk(root: &Path, options: &Options, control: &Control, read: bool) -> Result<Tree> {
    let ignore = build_ignore(root, &options.ignore)?;
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
        ignore,
        real_root,
    };
    let folder = Folder::open_root(root)?;
    let mut tree = walk.folder(&folder, &[], None)?;
    tree.entries.sort_by(|a, b| a.path.cmp(&b.path));
    tree.warnings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

fn build_ignore(root: &Path, patterns: &[String]) -> Result<Option<Gitignore>> {
    if patterns.is_empty() {
        return Ok(None);
    }
    // Paths are matched relative to the root, so the matcher's own root is empty.
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .map_err(|error| Error::new(Code::Format, format!("bad ignore pattern: {error}")).at(root))?;
    }
    builder
        .build()
        .map(Some)
        .map_err(|error| Error::new(Code::Format, format!("bad ignore patterns: {error}")).at(root))
}

struct Walk<'a> {
    options: &'a Options,
    control: &'a Control,
    /// Whether files are read; else only their sizes are looked at, and every entry is listed.
    read: bool,
    ignore: Option<Gitignore>,
    real_root: PathBuf,
}

/// The folders from the root to the one being walked, linked backwards on the stack.
struct Ancestor<'a> {
    identity: Identity,
    parent: Option<&'a Ancestor<'a>>,
}

/// What one entry of a folder came to.
enum Node {
    File(FileDigest),
    Folder(Tree),
    Link(Vec<u8>),
    Nothing,
}

impl Walk<'_> {
    /// Hashes one folder and everything in it. `relative` is its path below the root.
    fn folder(&self, folder: &Folder, relative: &[u8], parent: Option<&Ancestor<'_>>) -> Result<Tree> {
        self.control.check()?;
        let identity = folder.identity()?;
        let mut above = parent;
        while let Some(ancestor) = above {
            if ancestor.identity == identity {
                return Err(
                    Error::new(Code::Link, "a link leads back to a folder that it is in").at(folder.path()),
                );
            }
            above = ancestor.parent;
        }
        let here = Ancestor { identity, parent };
        let mut entries = folder.entries()?;
        entries.retain(|entry| self.counts(entry, relative));
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let nodes = self.nodes(folder, &entries, relative, &here)?;
        Ok(self.join(relative, &entries, nodes))
    }

    /// Hashes the entries of a folder: files in batches, folders beside them.
    fn nodes(
        &self,
        folder: &Folder,
        entries: &[Entry],
        relative: &[u8],
        here: &Ancestor<'_>,
    ) -> Result<Vec<Node>> {
        let mut nodes = Vec::with_capacity(entries.len());
        let mut files = Vec::new();
        let mut folders = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            nodes.push(Node::Nothing);
            match self.kind(folder, entry)? {
                Kind::File => files.push(index),
                Kind::Folder => folders.push(index),
                Kind::Link => nodes[index] = Node::Link(folder.read_link(&entry.name)?),
                Kind::Special => return Err(special(folder, &entry.name)),
            }
        }
        // Few files are dealt out one by one, so that each thread has some.
        let batch = (files.len() / (rayon::current_num_threads() * 2)).clamp(1, small::BATCH);
        let (hashed, walked) = rayon::join(
            || {
                files
                    .par_chunks(batch)
                    .map(|batch| self.files(folder, entries, batch))
                    .collect::<Result<Vec<_>>>()
            },
            || {
                folders
                    .par_iter()
                    .map(|index| self.inner(folder, &entries[*index], relative, here))
                    .collect::<Result<Vec<_>>>()
            },
        );
        for (index, digest) in files.into_iter().zip(hashed?.into_iter().flatten()) {
            nodes[index] = Node::File(digest);
        }
        for (index, tree) in folders.into_iter().zip(walked?) {
            if tree.files + tree.links > 0 {
                nodes[index] = Node::Folder(tree);
            }
        }
        Ok(nodes)
    }

    fn counts(&self, entry: &Entry, relative: &[u8]) -> bool {
        if !self.options.include_skipped && SKIPPED.iter().any(|name| entry.name == *name) {
            return false;
        }
        let Some(ignore) = &self.ignore else {
            return true;
        };
        let path = join_bytes(relative, entry.name.as_encoded_bytes());
        // The pattern language is about text; a name that is not is matched by its closest text.
        let path = String::from_utf8_lossy(&path);
        !ignore
            .matched(Path::new(path.as_ref()), entry.kind == Kind::Folder)
            .is_ignore()
    }

    /// What an entry counts as: under `follow` a link is what it leads to.
    fn kind(&self, folder: &Folder, entry: &Entry) -> Result<Kind> {
        match (entry.kind, self.options.links) {
            (Kind::Link, Links::Refuse) => Err(Error::new(
                Code::Link,
                "it is a symbolic link, and links are refused",
            )
            .at(&folder.path().join(&entry.name))),
            (Kind::Link, Links::Follow) => followed_kind(folder, &entry.name),
            (kind, _) => Ok(kind),
        }
    }

    fn files(&self, folder: &Folder, entries: &[Entry], batch: &[usize]) -> Result<Vec<FileDigest>> {
        if !self.read {
            return batch
                .iter()
                .map(|index| self.look(folder, &entries[*index]))
                .collect();
        }
        let options = self.options;
        let files = batch.iter().map(|index| {
            let entry = &entries[*index];
            BatchFile {
                folder,
                name: &entry.name,
                follow: entry.kind == Kind::Link,
            }
        });
        let context = Context {
            algorithms: options.algorithms,
            known: &options.known,
            cache: options.cache.as_deref(),
            control: self.control,
        };
        small::hash_batch(&files.collect::<Vec<_>>(), &context)
    }

    /// The size of a file, without opening it.
    fn look(&self, folder: &Folder, entry: &Entry) -> Result<FileDigest> {
        self.control.check()?;
        match folder.size_of(&entry.name, entry.kind == Kind::Link)? {
            (Kind::File, size) => Ok(FileDigest {
                size,
                digests: Digests::default(),
            }),
            _ => Err(special(folder, &entry.name)),
        }
    }

    fn inner(&self, folder: &Folder, entry: &Entry, relative: &[u8], here: &Ancestor<'_>) -> Result<Tree> {
        let inner = folder.open_folder(&entry.name, entry.kind == Kind::Link)?;
        let relative = join_bytes(relative, entry.name.as_encoded_bytes());
        self.folder(&inner, &relative, Some(here))
    }

    /// Makes the digest of a folder from its entries, and adds up what is below it.
    fn join(&self, relative: &[u8], entries: &[Entry], nodes: Vec<Node>) -> Tree {
        let mut tree = Tree::default();
        for algorithm in self.options.algorithms.iter().filter(|_| self.read) {
            let mut described: Vec<TreeEntry<'_>> = entries
                .iter()
                .zip(&nodes)
                .filter_map(|(entry, node)| describe(entry, node, algorithm))
                .collect();
            tree.digests
                .set(algorithm, description::tree(algorithm, &mut described));
        }
        self.add_warnings(relative, entries, &nodes, &mut tree.warnings);
        for (entry, node) in entries.iter().zip(nodes) {
            let path = || join_bytes(relative, entry.name.as_encoded_bytes());
            match node {
                Node::Nothing => {}
                Node::File(file) => {
                    tree.files += 1;
                    tree.bytes += file.size;
                    if self.options.list || !self.read {
                        tree.entries.push(ListedEntry {
                            path: path(),
                            content: Content::File(file),
                        });
                    }
                }
                Node::Link(target) => {
                    tree.links += 1;
                    if self.options.list || !self.read {
                        tree.entries.push(ListedEntry {
                            path: path(),
                            content: Content::Link(target),
                        });
                    }
                }
                Node::Folder(inner) => {
                    tree.files += inner.files;
                    tree.folders += inner.folders;
                    tree.links += inner.links;
                    tree.bytes += inner.bytes;
                    tree.entries.extend(inner.entries);
                    tree.warnings.extend(inner.warnings);
                }
            }
        }
        tree.folders += u64::from(tree.files + tree.links > 0);
        tree
    }

    fn add_warnings(&self, relative: &[u8], entries: &[Entry], nodes: &[Node], warnings: &mut Vec<Warning>) {
        let counting = || {
            entries
                .iter()
                .zip(nodes)
                .filter(|(_, node)| !matches!(node, Node::Nothing))
        };
        let mut warn = |kind, name: &OsString| {
            let path = join_bytes(relative, name.as_encoded_bytes());
            warnings.push(Warning { kind, path });
        };
        let mut folded: HashMap<String, &OsString> = HashMap::new();
        for (entry, node) in counting() {
            match entry.name.to_str() {
                None => warn(WarningKind::NameNotUnicode, &entry.name),
                Some(name) => {
                    if let Some(first) = folded.insert(fold(name), &entry.name) {
                        warn(WarningKind::NamesCollide, first);
                        warn(WarningKind::NamesCollide, &entry.name);
                    }
                }
            }
            if entry.kind == Kind::Link
                && !matches!(node, Node::Link(_))
                && self.leaves_root(relative, &entry.name)
            {
                warn(WarningKind::LinkLeavesRoot, &entry.name);
            }
        }
    }

    fn leaves_root(&self, relative: &[u8], name: &OsStr) -> bool {
        // The link was followed a moment ago; if it cannot be resolved any more there is nothing to report.
        let path = self.real_root.join(path_from_bytes(relative)).join(name);
        path.canonicalize()
            .is_ok_and(|real| !real.starts_with(&self.real_root))
    }
}

fn special(folder: &Folder, name: &OsStr) -> Error {
    Error::new(Code::NotRegular, "it is neither a file nor a folder nor a link")
        .but("a regular file", "a FIFO, a socket or a device")
        .at(&folder.path().join(name))
}

/// What a link leads to; a link that leads nowhere is an error, not an absence.
fn followed_kind(folder: &Folder, name: &OsStr) -> Result<Kind> {
    folder.kind_of(name, true).map_err(|error| match error.code {
        Code::NotFound => {
            Error::new(Code::Link, "it is a link that leads nowhere").at(&folder.path().join(name))
        }
        _ => error,
    })
}

fn describe<'a>(
    entry: &'a Entry,
    node: &'a Node,
    algorithm: lineaprint_digest::Algorithm,
) -> Option<TreeEntry<'a>> {
    let name = entry.name.as_encoded_bytes();
    match node {
        Node::File(file) => file.digests.get(algorithm).map(|digest| TreeEntry::File {
            name,
            size: file.size,
            digest,
        }),
        Node::Folder(tree) => tree
            .digests
            .get(algorithm)
            .map(|digest| TreeEntry::Folder { name, digest }),
        Node::Link(target) => Some(TreeEntry::Link { name, target }),
        Node::Nothing => None,
    }
}

/// What a name becomes on a file system that ignores case and normalises: equal results would be one file.
fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
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
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// The path that raw bytes of a listed entry stand for; half surrogate pairs are lost here.
#[cfg(not(unix))]
pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).as_ref())
}
