//! Folders, in files: all of them are listed with their sizes, and the chosen ones are read whole.

use super::{Extent, each};
use crate::control::Control;
use crate::digest::batch::{self, BatchFile, Context};
use crate::digest::tree::{self, Content, Links, ListedEntry, Options, Tree, path_from_bytes};
use crate::error::{Code, Error, Result};
use crate::io::folder::Folder;
use crate::io::source::retry_once;
use crate::schedule::first_error::FirstError;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::Algorithm;
use lineaprint_digest::sample::description::{self, Entry, Whole};
use lineaprint_digest::sample::{Plan, Selection};
use rayon::Scope as Tasks;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sample the folder at `root` on the threads of the current pool.
///
/// Where entries are listed, the files that were not chosen are [`Content::Unread`].
pub fn sample(root: &Path, plan: &Plan, options: &Options, control: &Control) -> Result<(Tree, Extent)> {
    retry_once(|| sample_once(root, plan, options, control))
}

fn sample_once(root: &Path, plan: &Plan, options: &Options, control: &Control) -> Result<(Tree, Extent)> {
    let mut listing = tree::list(root, options, control)?;
    let Some(selection) = plan.select(listing.files) else {
        let full = tree::hash(root, options, control)?;
        let (files, bytes) = (full.listing.files, full.listing.bytes);
        let extent = Extent {
            sampled: false,
            units: files,
            units_read: files,
            bytes,
            bytes_read: bytes,
        };
        return Ok((full, extent));
    };
    let mut chosen = chosen(&mut listing.entries, &selection);
    let extent = Extent {
        sampled: true,
        units: listing.files,
        units_read: selection.count(),
        bytes: listing.bytes,
        bytes_read: chosen.iter().filter_map(|(_, content)| content.size()).sum(),
    };
    let reader = Reader {
        links: options.links,
        context: Context {
            algorithms: options.algorithms,
            known: &options.known,
            cache: options.cache.as_deref(),
            control,
        },
        failure: FirstError::default(),
    };
    let folder = Arc::new(Folder::open_root(root)?);
    rayon::scope(|tasks| reader.folder(tasks, &folder, &mut chosen, 0));
    reader.failure.into_result()?;
    let whole = Whole {
        units: listing.files,
        bytes: listing.bytes,
    };
    let digests = each(options.algorithms, |algorithm| {
        let mut entries: Vec<Entry<'_>> = listing
            .entries
            .iter()
            .map(|entry| describe(entry, algorithm))
            .collect();
        description::tree(algorithm, plan, whole, &mut entries)
    });
    if !options.list {
        listing.entries.clear();
    }
    Ok((Tree { digests, listing }, extent))
}

fn describe(entry: &ListedEntry, algorithm: Algorithm) -> Entry<'_> {
    let path = &entry.path;
    match &entry.content {
        Content::File(file) => Entry::File {
            path,
            size: file.size,
            digest: file.digests.get(algorithm),
        },
        Content::Unread { size } => Entry::File {
            path,
            size: *size,
            digest: None,
        },
        Content::Link(target) => Entry::Link { path, target },
    }
}

/// A chosen file: its relative path, and its entry in the listing, which is unread.
type Chosen<'a> = (&'a [u8], &'a mut Content);

/// Return the chosen ones of the files, which are sorted by their paths.
fn chosen<'a>(entries: &'a mut [ListedEntry], selection: &Selection) -> Vec<Chosen<'a>> {
    let files = entries.iter_mut().filter_map(|entry| match &entry.content {
        Content::File(_) | Content::Unread { .. } => Some((entry.path.as_slice(), &mut entry.content)),
        Content::Link(_) => None,
    });
    let mut rank = 0;
    (0_u64..)
        .zip(files)
        .filter_map(|(unit, file)| {
            let wanted = rank < selection.count() && selection.index(rank) == unit;
            rank += u64::from(wanted);
            wanted.then_some(file)
        })
        .collect()
}

struct Reader<'a> {
    links: Links,
    context: Context<'a>,
    failure: FirstError,
}

impl Reader<'_> {
    /// Start tasks that read the chosen files below a folder, whose own path has `depth` bytes.
    ///
    /// Every folder is opened beneath its parent, as in the walk that listed it. No task waits for another one, so that
    /// the depth of the tree costs no stack.
    fn folder<'scope, 'entry: 'scope>(
        &'scope self,
        tasks: &Tasks<'scope>,
        folder: &Arc<Folder>,
        chosen: &'scope mut [Chosen<'entry>],
        depth: usize,
    ) {
        // Paths are sorted, so files of one folder are neighbours.
        let groups = chosen
            .chunk_by_mut(|(one, _), (other, _)| folder_name(&one[depth..]) == folder_name(&other[depth..]));
        for group in groups {
            let name = group.first().and_then(|(path, _)| folder_name(&path[depth..]));
            let Some(name) = name else {
                self.files(tasks, folder, group, depth);
                continue;
            };
            let folder = Arc::clone(folder);
            tasks.spawn(move |tasks| {
                self.failure.guard(|| {
                    self.context.control.check()?;
                    let path = path_from_bytes(name);
                    let inner = folder.open_folder(path.as_os_str(), self.links == Links::Follow)?;
                    self.folder(tasks, &Arc::new(inner), group, depth + name.len() + 1);
                    Ok(())
                });
            });
        }
    }

    /// Start tasks that read files of one folder.
    fn files<'scope, 'entry: 'scope>(
        &'scope self,
        tasks: &Tasks<'scope>,
        folder: &Arc<Folder>,
        files: &'scope mut [Chosen<'entry>],
        depth: usize,
    ) {
        // A few files are dealt out one by one, so that each thread has some.
        let batch = (files.len() / (rayon::current_num_threads() * 2)).clamp(1, batch::BATCH);
        for files in files.chunks_mut(batch) {
            let folder = Arc::clone(folder);
            tasks.spawn(move |_| self.failure.guard(|| self.read_batch(&folder, files, depth)));
        }
    }

    fn read_batch(&self, folder: &Folder, files: &mut [Chosen<'_>], depth: usize) -> Result<()> {
        let names: Vec<_> = files
            .iter()
            .map(|(path, _)| path_from_bytes(&path[depth..]))
            .collect();
        let batch: Vec<BatchFile<'_>> = names
            .iter()
            .map(|name| BatchFile {
                folder,
                name: name.as_os_str(),
                follow: self.links == Links::Follow,
            })
            .collect();
        let hashed = batch::hash_batch(&batch, &self.context)?;
        for ((name, (_, content)), digest) in names.iter().zip(files).zip(hashed) {
            let listed = content.size().unwrap_or_default();
            if digest.size != listed {
                return Err(
                    Error::new(Code::Changed, "it changed after the folder was listed")
                        .with_expected(format!("{listed} bytes"), format!("{} bytes", digest.size))
                        .at(&folder.path().join(name)),
                );
            }
            **content = Content::File(digest);
        }
        Ok(())
    }
}

/// Return the first segment of a relative path, if it is that of a folder.
fn folder_name(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().position(|byte| *byte == b'/')?;
    Some(&path[..end])
}

/// A request for a sample of a folder.
#[derive(Clone, Debug)]
pub struct SampleTree {
    /// The folder.
    pub root: PathBuf,
    /// Choice of files.
    pub plan: Plan,
    /// Hashing of the chosen files.
    pub options: Options,
}

impl Job for SampleTree {
    type Output = (Tree, Extent);

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Scattered {
            paths: std::slice::from_ref(&self.root),
        }
    }

    fn run(self, control: &Control) -> Result<Self::Output> {
        sample(&self.root, &self.plan, &self.options, control)
    }
}
