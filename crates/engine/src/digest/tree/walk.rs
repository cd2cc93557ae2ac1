//! The walk of a folder: lists every folder below the root, and hashes the files in it.
//!
//! Each folder and each batch of files is a task of the thread pool. No task waits for another one: the task that
//! finishes the last entry of a folder also joins that folder, and goes on with its parent. So the depth of a tree
//! costs no stack and no open descriptors.

use super::ignore::{IGNORE_FILE, Scope};
use super::{Content, Links, ListedEntry, Listing, Options, Warning, is_skipped, join_bytes};
use crate::control::Control;
use crate::digest::batch::{self, BatchFile, Context};
use crate::error::{Code, Error, Result};
use crate::io::folder::{Entry, Folder, Identity, Kind};
use crate::schedule::first_error::FirstError;
use lineaprint_digest::description::{self, TreeEntry};
use lineaprint_digest::{Algorithm, Digests};
use rayon::Scope as Tasks;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The purpose of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Hash every file and every folder.
    Hash,
    /// Stat every file, and list every entry.
    List,
}

/// One walk: its options, its purpose and its state.
pub(super) struct Walk<'a> {
    options: &'a Options,
    control: &'a Control,
    mode: Mode,
    /// The root without links; empty where links are not followed.
    real_root: PathBuf,
    failure: FirstError,
    root: Mutex<Option<Subtree>>,
}

/// A folder whose entries are in work.
struct OpenFolder {
    /// The folder that it is in, and the index of its entry there.
    parent: Option<(Arc<OpenFolder>, usize)>,
    identity: Identity,
    /// Raw bytes of the path below the root.
    relative: Vec<u8>,
    /// The patterns that are in force here.
    scope: Arc<Scope>,
    entries: Vec<Entry>,
    /// One node per entry.
    nodes: Mutex<Vec<Node>>,
    /// Entries that patterns left out.
    ignored: u64,
    /// Paths of skipped entries.
    skipped: Vec<Vec<u8>>,
    /// Tasks that are not finished.
    pending: AtomicUsize,
}

/// The result for one entry of a folder.
pub(super) enum Node {
    /// Not known yet.
    Pending,
    /// A file or a recorded link.
    Leaf(Content),
    /// A folder that counts.
    Folder(Subtree),
    /// A folder that holds nothing that counts, and so does not count itself.
    Empty(Listing),
}

/// The result for one folder.
#[derive(Default)]
pub(super) struct Subtree {
    /// `tree` digests; none in a listing.
    pub digests: Digests,
    pub listing: Listing,
}

impl Drop for OpenFolder {
    /// Drop the ancestors one by one: dropped by their fields, a deep chain of them would overflow the stack.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some((folder, _)) = parent {
            parent = Arc::into_inner(folder).and_then(|mut folder| folder.parent.take());
        }
    }
}

impl<'a> Walk<'a> {
    pub fn new(options: &'a Options, control: &'a Control, mode: Mode, real_root: PathBuf) -> Self {
        Self {
            options,
            control,
            mode,
            real_root,
            failure: FirstError::default(),
            root: Mutex::new(None),
        }
    }

    /// Walk the folder `root` and everything below it, on the threads of the current pool.
    pub fn run(self, root: Folder, scope: Scope) -> Result<Subtree> {
        let scope = Arc::new(scope);
        rayon::scope(|tasks| {
            self.failure
                .guard(|| self.enter(tasks, root, Vec::new(), &scope, None));
        });
        self.failure.into_result()?;
        let subtree = self.root.into_inner().unwrap_or_else(PoisonError::into_inner);
        subtree.ok_or_else(|| Error::new(Code::Internal, "a folder was not finished"))
    }

    /// List `folder` and start tasks for its entries. `outer` are the patterns of the folder that it is in.
    fn enter<'scope>(
        &'scope self,
        tasks: &Tasks<'scope>,
        folder: Folder,
        relative: Vec<u8>,
        outer: &Arc<Scope>,
        parent: Option<(Arc<OpenFolder>, usize)>,
    ) -> Result<()> {
        self.control.check()?;
        let identity = folder.identity()?;
        refuse_cycle(identity, parent.as_ref(), &folder)?;
        let mut entries = folder.entries()?;
        let mut skipped = Vec::new();
        if !self.options.include_skipped {
            entries.retain(|entry| {
                let counts = !is_skipped(&relative, entry.name.as_encoded_bytes());
                if !counts {
                    skipped.push(join_bytes(&relative, entry.name.as_encoded_bytes()));
                }
                counts
            });
        }
        let scope = self.scope(&folder, &entries, &relative, outer)?;
        let listed = entries.len();
        entries.retain(|entry| !scope.ignores(entry, &join_bytes(&relative, entry.name.as_encoded_bytes())));
        let ignored = (listed - entries.len()) as u64;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut nodes = Vec::with_capacity(entries.len());
        let mut files = Vec::new();
        let mut folders = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            nodes.push(Node::Pending);
            match self.kind(&folder, entry)? {
                Kind::File => files.push(index),
                Kind::Folder => folders.push(index),
                Kind::Link => nodes[index] = Node::Leaf(Content::Link(folder.read_link(&entry.name)?)),
                Kind::Special => return Err(special(&folder, &entry.name)),
            }
        }
        // A few files are dealt out one by one, so that each thread has some.
        let batch = (files.len() / (rayon::current_num_threads() * 2)).clamp(1, batch::BATCH);
        let folder = Arc::new(folder);
        let open = Arc::new(OpenFolder {
            parent,
            identity,
            relative,
            scope,
            entries,
            nodes: Mutex::new(nodes),
            ignored,
            skipped,
            // One more for this task, so that nothing is joined while tasks are started.
            pending: AtomicUsize::new(folders.len() + files.len().div_ceil(batch) + 1),
        });
        // A thread takes its own newest task first: files before folders, and folders in the order of their names.
        for index in folders.into_iter().rev() {
            let (open, folder) = (Arc::clone(&open), Arc::clone(&folder));
            tasks.spawn(move |tasks| {
                self.failure
                    .guard(|| self.enter_child(tasks, &folder, open, index));
            });
        }
        let (own, others) = files.split_at(batch.min(files.len()));
        for indices in others.chunks(batch).rev() {
            let (open, folder, indices) = (Arc::clone(&open), Arc::clone(&folder), indices.to_vec());
            tasks.spawn(move |_| self.failure.guard(|| self.hash_files(&folder, open, &indices)));
        }
        if !own.is_empty() {
            self.hash_files(&folder, Arc::clone(&open), own)?;
        }
        self.finish_task(open);
        Ok(())
    }

    fn enter_child<'scope>(
        &'scope self,
        tasks: &Tasks<'scope>,
        folder: &Folder,
        open: Arc<OpenFolder>,
        index: usize,
    ) -> Result<()> {
        let entry = &open.entries[index];
        let child = folder.open_folder(&entry.name, entry.kind == Kind::Link)?;
        let relative = join_bytes(&open.relative, entry.name.as_encoded_bytes());
        let scope = Arc::clone(&open.scope);
        self.enter(tasks, child, relative, &scope, Some((open, index)))
    }

    /// Return the patterns in force in a folder: another set where it has a file of its own.
    fn scope(
        &self,
        folder: &Folder,
        entries: &[Entry],
        relative: &[u8],
        outer: &Arc<Scope>,
    ) -> Result<Arc<Scope>> {
        let file = entries.iter().find(|entry| entry.name == IGNORE_FILE);
        match file.filter(|_| self.options.ignore_files) {
            // Only a file gives patterns; so does a link to one where links are followed.
            Some(entry) if self.kind(folder, entry)? == Kind::File => {
                let inner = outer.enter(folder, relative, &self.options.ignore)?;
                Ok(inner.map_or_else(|| Arc::clone(outer), Arc::new))
            }
            _ => Ok(Arc::clone(outer)),
        }
    }

    /// Return the kind that an entry counts as: under [`Links::Follow`] a link counts as its target.
    fn kind(&self, folder: &Folder, entry: &Entry) -> Result<Kind> {
        match (entry.kind, self.options.links) {
            (Kind::Link, Links::Refuse) => {
                Err(Error::new(Code::Link, "symbolic links are refused").at(&folder.path().join(&entry.name)))
            }
            (Kind::Link, Links::Follow) => followed_kind(folder, &entry.name),
            (kind, _) => Ok(kind),
        }
    }

    /// Hash or stat the files with these indices.
    fn hash_files(&self, folder: &Folder, open: Arc<OpenFolder>, indices: &[usize]) -> Result<()> {
        let contents: Vec<Content> = match self.mode {
            Mode::List => indices
                .iter()
                .map(|index| self.stat_file(folder, &open.entries[*index]))
                .collect::<Result<_>>()?,
            Mode::Hash => {
                let options = self.options;
                let files: Vec<_> = indices
                    .iter()
                    .map(|index| {
                        let entry = &open.entries[*index];
                        BatchFile {
                            folder,
                            name: &entry.name,
                            follow: entry.kind == Kind::Link,
                        }
                    })
                    .collect();
                let context = Context {
                    algorithms: options.algorithms,
                    known: &options.known,
                    cache: options.cache.as_deref(),
                    control: self.control,
                };
                let digests = batch::hash_batch(&files, &context)?;
                digests.into_iter().map(Content::File).collect()
            }
        };
        let mut nodes = lock(&open.nodes);
        for (index, content) in indices.iter().zip(contents) {
            nodes[*index] = Node::Leaf(content);
        }
        drop(nodes);
        self.finish_task(open);
        Ok(())
    }

    /// Return the size of a file, without opening it.
    fn stat_file(&self, folder: &Folder, entry: &Entry) -> Result<Content> {
        self.control.check()?;
        match folder.size_of(&entry.name, entry.kind == Kind::Link)? {
            (Kind::File, size) => Ok(Content::Unread { size }),
            _ => Err(special(folder, &entry.name)),
        }
    }

    /// Count a finished task of a folder, and join the folder, and its ancestors, after the last one.
    fn finish_task(&self, mut open: Arc<OpenFolder>) {
        while open.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            let subtree = self.join(&open);
            let Some((parent, index)) = &open.parent else {
                *lock(&self.root) = Some(subtree);
                return;
            };
            lock(&parent.nodes)[*index] = if subtree.listing.files + subtree.listing.links > 0 {
                Node::Folder(subtree)
            } else {
                Node::Empty(subtree.listing)
            };
            let parent = Arc::clone(parent);
            open = parent;
        }
    }

    /// Compute the digest of a folder from its entries, and add up the listings below it.
    fn join(&self, open: &OpenFolder) -> Subtree {
        let nodes = std::mem::take(&mut *lock(&open.nodes));
        let mut digests = Digests::default();
        if self.mode == Mode::Hash {
            for algorithm in self.options.algorithms.iter() {
                let mut described: Vec<TreeEntry<'_>> = open
                    .entries
                    .iter()
                    .zip(&nodes)
                    .filter_map(|(entry, node)| describe(entry, node, algorithm))
                    .collect();
                digests.set(algorithm, description::tree(algorithm, &mut described));
            }
        }
        let mut listing = Listing {
            ignored: open.ignored,
            skipped: open.skipped.clone(),
            ignore_files: open.own_patterns().to_vec(),
            warnings: self.warnings(&open.relative, &open.entries, &nodes),
            ..Listing::default()
        };
        for (entry, node) in open.entries.iter().zip(nodes) {
            match node {
                Node::Pending => {}
                Node::Empty(inner) => {
                    listing.ignored += inner.ignored;
                    listing.skipped.extend(inner.skipped);
                    listing.ignore_files.extend(inner.ignore_files);
                }
                Node::Leaf(content) => {
                    match content.size() {
                        Some(size) => {
                            listing.files += 1;
                            listing.bytes += size;
                        }
                        None => listing.links += 1,
                    }
                    if self.options.list || self.mode == Mode::List {
                        let path = join_bytes(&open.relative, entry.name.as_encoded_bytes());
                        listing.entries.push(ListedEntry { path, content });
                    }
                }
                Node::Folder(inner) => listing.add(inner.listing),
            }
        }
        listing.folders += u64::from(listing.files + listing.links > 0);
        Subtree { digests, listing }
    }

    fn warnings(&self, relative: &[u8], entries: &[Entry], nodes: &[Node]) -> Vec<Warning> {
        super::warnings::of_folder(relative, entries, nodes, &self.real_root)
    }
}

impl OpenFolder {
    /// Return the patterns of the ignore file of this folder.
    fn own_patterns(&self) -> &[String] {
        let inherited = self
            .parent
            .as_ref()
            .is_some_and(|(parent, _)| Arc::ptr_eq(&parent.scope, &self.scope));
        if inherited { &[] } else { self.scope.own() }
    }
}

/// Refuse a folder that is one of its own ancestors.
fn refuse_cycle(
    identity: Identity,
    parent: Option<&(Arc<OpenFolder>, usize)>,
    folder: &Folder,
) -> Result<()> {
    let mut ancestor = parent;
    while let Some((open, _)) = ancestor {
        if open.identity == identity {
            let message = "symbolic link loop: a link leads to a folder that contains it";
            return Err(Error::new(Code::Link, message).at(folder.path()));
        }
        ancestor = open.parent.as_ref();
    }
    Ok(())
}

fn special(folder: &Folder, name: &OsStr) -> Error {
    Error::new(Code::NotRegular, "not a file, folder or symbolic link")
        .with_expected("a regular file", "a FIFO, a socket or a device")
        .at(&folder.path().join(name))
}

/// Return the kind of a link's target. A link that leads nowhere is an error.
fn followed_kind(folder: &Folder, name: &OsStr) -> Result<Kind> {
    folder.kind_of(name, true).map_err(|error| match error.code {
        Code::NotFound => Error::new(Code::Link, "broken symbolic link").at(&folder.path().join(name)),
        _ => error,
    })
}

fn describe<'a>(entry: &'a Entry, node: &'a Node, algorithm: Algorithm) -> Option<TreeEntry<'a>> {
    let name = entry.name.as_encoded_bytes();
    match node {
        Node::Leaf(Content::File(file)) => file.digests.get(algorithm).map(|digest| TreeEntry::File {
            name,
            size: file.size,
            digest,
        }),
        Node::Leaf(Content::Link(target)) => Some(TreeEntry::Link { name, target }),
        Node::Folder(tree) => tree
            .digests
            .get(algorithm)
            .map(|digest| TreeEntry::Folder { name, digest }),
        Node::Leaf(Content::Unread { .. }) | Node::Empty(_) | Node::Pending => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
