//! Walking a folder and hashing what is in it.

use super::ignore::{IGNORE_FILE, Scope};
use super::{Content, Links, ListedEntry, Options, SKIPPED, Tree, join_bytes};
use crate::control::Control;
use crate::digest::batch::{self, BatchFile, Context};
use crate::digest::file::FileDigest;
use crate::error::{Code, Error, Result};
use crate::io::folder::{Entry, Folder, Identity, Kind};
use lineaprint_digest::Digests;
use lineaprint_digest::description::{self, TreeEntry};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::PathBuf;

/// One walk: what was asked for, and where it is.
pub(super) struct Walk<'a> {
    pub options: &'a Options,
    pub control: &'a Control,
    /// Whether files are read; else only their sizes are looked at, and every entry is listed.
    pub read: bool,
    pub real_root: PathBuf,
}

/// The folders from the root to the one being walked, linked backwards on the stack.
pub(super) struct Ancestor<'a> {
    identity: Identity,
    parent: Option<&'a Ancestor<'a>>,
    /// The patterns that are in force there.
    scope: &'a Scope,
}

/// What one entry of a folder came to.
pub(super) enum Node {
    File(FileDigest),
    Folder(Tree),
    Link(Vec<u8>),
    /// A folder that holds nothing that counts, and so does not count; what was left out of it is told all the same.
    Empty(Tree),
    Nothing,
}

impl Walk<'_> {
    /// Hashes one folder and everything in it. `relative` is its path below the root.
    pub fn folder(
        &self,
        folder: &Folder,
        relative: &[u8],
        parent: Option<&Ancestor<'_>>,
        scope: &Scope,
    ) -> Result<Tree> {
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
        let mut entries = folder.entries()?;
        if !self.options.include_skipped {
            entries.retain(|entry| SKIPPED.iter().all(|name| entry.name != *name));
        }
        let scope = self.scope(folder, &entries, relative, scope)?;
        let before = entries.len();
        entries.retain(|entry| !scope.ignores(entry, &join_bytes(relative, entry.name.as_encoded_bytes())));
        let mut tree = Tree {
            ignored: (before - entries.len()) as u64,
            ..Tree::default()
        };
        if let Cow::Owned(scope) = &scope {
            tree.ignore_files.extend_from_slice(scope.own());
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let here = Ancestor {
            identity,
            parent,
            scope: &scope,
        };
        let nodes = self.nodes(folder, &entries, relative, &here)?;
        self.join(relative, &entries, nodes, &mut tree);
        Ok(tree)
    }

    /// The patterns in force in a folder: another set where it has a file of its own.
    fn scope<'a>(
        &self,
        folder: &Folder,
        entries: &[Entry],
        relative: &[u8],
        outer: &'a Scope,
    ) -> Result<Cow<'a, Scope>> {
        let file = entries.iter().find(|entry| entry.name == IGNORE_FILE);
        match file.filter(|_| self.options.ignore_files) {
            // What is no file gives no patterns; a link does where links are followed.
            Some(entry) if self.kind(folder, entry)? == Kind::File => {
                outer.enter(folder, relative, &self.options.ignore)
            }
            _ => Ok(Cow::Borrowed(outer)),
        }
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
        let batch = (files.len() / (rayon::current_num_threads() * 2)).clamp(1, batch::BATCH);
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
            nodes[index] = if tree.files + tree.links > 0 {
                Node::Folder(tree)
            } else {
                Node::Empty(tree)
            };
        }
        Ok(nodes)
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
        batch::hash_batch(&files.collect::<Vec<_>>(), &context)
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
        self.folder(&inner, &relative, Some(here), here.scope)
    }

    /// Makes the digest of a folder from its entries, and adds up what is below it.
    fn join(&self, relative: &[u8], entries: &[Entry], nodes: Vec<Node>, tree: &mut Tree) {
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
                Node::Empty(inner) => {
                    tree.ignored += inner.ignored;
                    tree.ignore_files.extend(inner.ignore_files);
                }
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
                    tree.ignored += inner.ignored;
                    tree.ignore_files.extend(inner.ignore_files);
                    tree.entries.extend(inner.entries);
                    tree.warnings.extend(inner.warnings);
                }
            }
        }
        tree.folders += u64::from(tree.files + tree.links > 0);
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
        Node::Empty(_) | Node::Nothing => None,
    }
}
