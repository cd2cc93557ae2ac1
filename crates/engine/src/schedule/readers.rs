//! How many threads read.
//!
//! One per core is right for data that is in memory, which is what hashing costs. Elsewhere the disk decides: the head
//! of one that turns wants a single reader, and any other wants more readers than there are cores, since a thread that
//! waits for the disk leaves its core idle. How many more depends on what they wait for: large files are read ahead by
//! the system, small ones and single blocks by nobody. And on what they do meanwhile: while a thread hashes it asks for
//! nothing.
//!
//! Only Linux says where data is. Elsewhere one thread per core reads.

use crate::control::Control;
use crate::error::Result;
#[cfg(target_os = "linux")]
use crate::schedule::page_cache::{self, Found};
use crate::schedule::pool;
use std::path::PathBuf;

/// Where a job reads.
#[derive(Clone, Debug)]
pub enum Place {
    /// Files, or folders, of which every byte is read once and hashed `digests` times.
    Bytes {
        /// Of very many some that stand for all.
        paths: Vec<PathBuf>,
        /// Digests into which each byte goes.
        digests: usize,
    },
    /// Files, or folders, of which blocks are read here and there; of very many some that stand for all.
    Blocks(Vec<PathBuf>),
    /// A file whose values take longer to decode than its bytes to read, and each thread memory to decode into.
    Values(PathBuf),
}

/// Paths that stand for all of a job: a list of a million is not copied for this.
const MOST_PATHS: usize = 256;

impl Place {
    /// Files or folders of which every byte is read once and hashed `digests` times.
    pub fn bytes(paths: &[PathBuf], digests: usize) -> Self {
        let paths = some_of(paths);
        Self::Bytes { paths, digests }
    }

    /// Files or folders of which blocks are read here and there.
    pub fn blocks(paths: &[PathBuf]) -> Self {
        Self::Blocks(some_of(paths))
    }

    #[cfg(target_os = "linux")]
    fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Bytes { paths, .. } | Self::Blocks(paths) => paths,
            Self::Values(path) => std::slice::from_ref(path),
        }
    }
}

fn some_of(paths: &[PathBuf]) -> Vec<PathBuf> {
    let step = paths.len().div_ceil(MOST_PATHS).max(1);
    paths.iter().step_by(step).cloned().collect()
}

/// Readers of large files per core and digest: who hashes what was read twice asks the disk half as often.
#[cfg(target_os = "linux")]
const LARGE_PER_CORE: usize = 2;

/// Readers per core of what is too short to be read ahead: small files, and blocks here and there.
#[cfg(target_os = "linux")]
const SMALL_PER_CORE: usize = 8;

/// No disk gets faster by more than these; machines with more cores have them anyway.
#[cfg(target_os = "linux")]
const MOST: usize = 32;

/// Files are small if their mean is below this many bytes: the system has no time to read them ahead.
#[cfg(target_os = "linux")]
const SMALL: u64 = 1 << 20;

/// Runs `work` on as many threads as fit the place, unless the caller asked for `threads`: then on the current pool.
/// Tells `control` if the data is not in memory.
pub fn with_readers<T: Send>(
    place: &Place,
    threads: Option<usize>,
    control: &Control,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    if threads == Some(1) {
        // One reader goes from the front to the back wherever the data is.
        return work();
    }
    let fitting = readers(place, pool::default_threads(), control);
    // Without a pool of its own the job runs on the one it has: slower there, and as correct.
    let pool = fitting
        .filter(|_| threads.is_none())
        .and_then(|count| pool::get(count).ok());
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// How many threads should read there, where that is another number than one per core.
#[cfg(target_os = "linux")]
fn readers(place: &Place, cores: usize, control: &Control) -> Option<usize> {
    use std::os::unix::fs::MetadataExt as _;
    // A path that cannot be looked at says so when it is opened.
    let metadata = std::fs::metadata(place.paths().first()?).ok()?;
    if crate::schedule::rotational::spins(metadata.dev()) {
        return Some(1);
    }
    if matches!(place, Place::Values(_)) {
        return None;
    }
    let found = page_cache::probe(place.paths());
    if !found.waits() {
        return None;
    }
    control.set_from_disk();
    beyond_cores(place, found, cores)
}

/// How many threads should read from a disk that is waited for, if more than there are cores.
#[cfg(target_os = "linux")]
fn beyond_cores(place: &Place, found: Found, cores: usize) -> Option<usize> {
    let per_core = match place {
        Place::Bytes { digests, .. } if found.mean_size() >= SMALL => LARGE_PER_CORE * digests,
        _ => SMALL_PER_CORE,
    };
    let count = (cores * per_core).min(MOST);
    (count > cores).then_some(count)
}

#[cfg(not(target_os = "linux"))]
fn readers(_: &Place, _: usize, _: &Control) -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn found(files: u64, bytes: u64) -> Found {
        Found {
            seen: files,
            files,
            bytes,
            asked: files,
            absent: files,
        }
    }

    #[test]
    fn a_disk_that_is_waited_for_gets_more_readers_the_more_there_is_to_wait_for_or_to_compute() {
        let once = Place::bytes(&[], 1);
        let twice = Place::bytes(&[], 2);
        let blocks = Place::blocks(&[]);
        let (large, small) = (found(8, 8 << 30), found(16, 16 << 14));
        assert_eq!(beyond_cores(&once, large, 2), Some(4));
        assert_eq!(beyond_cores(&twice, large, 2), Some(8));
        assert_eq!(beyond_cores(&once, small, 2), Some(16));
        assert_eq!(
            beyond_cores(&twice, small, 2),
            Some(16),
            "they wait most of the time in any case"
        );
        assert_eq!(beyond_cores(&blocks, large, 2), Some(16));
        assert_eq!(beyond_cores(&once, small, 8), Some(32));
        assert_eq!(beyond_cores(&twice, large, 16), Some(32));
        assert_eq!(beyond_cores(&once, large, 64), None, "there are enough already");
    }

    #[test]
    fn some_of_very_many_paths_stand_for_all() {
        for (count, kept) in [(0, 0), (1, 1), (256, 256), (257, 129), (1_000_000, 256)] {
            assert_eq!(some_of(&vec![PathBuf::new(); count]).len(), kept);
        }
    }

    #[test]
    fn what_was_just_written_gets_one_thread_per_core() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, vec![7; 9 << 20]).expect("written");
        let control = Control::new();
        let place = Place::bytes(&[path], 1);
        assert_eq!(readers(&place, 2, &control), None);
        assert!(!control.from_disk());
    }

    #[test]
    fn the_work_runs_on_the_threads_that_were_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::bytes(&[folder.path().to_owned()], 1);
        let count = || Ok(rayon::current_num_threads());
        let pool = pool::get(3).expect("a pool");
        let asked = pool.install(|| with_readers(&place, Some(3), &Control::new(), count));
        assert_eq!(asked.expect("it runs"), 3);
        let nothing_known = pool.install(|| with_readers(&place, None, &Control::new(), count));
        assert_eq!(nothing_known.expect("it runs"), 3, "an empty folder");
    }
}
