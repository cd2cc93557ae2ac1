//! How many threads read.
//!
//! One per core is right for data that is in memory, which is what hashing costs. Elsewhere the disk decides: the head
//! of one that turns wants a single reader, and any other wants more readers than there are cores, since a thread that
//! waits for the disk leaves its core idle. How many more depends on what they wait for: large files are read ahead by
//! the system, small ones by nobody.
//!
//! Only Linux says where data is. Elsewhere one thread per core reads.

use crate::control::Control;
use crate::error::Result;
#[cfg(target_os = "linux")]
use crate::page_cache::{self, Found};
use crate::pool;
use std::path::PathBuf;

/// Where a job reads.
#[derive(Clone, Debug)]
pub enum Place {
    /// Files, or folders, of which every byte is read and hashed; of very many some that stand for all.
    Bytes(Vec<PathBuf>),
    /// A file whose values take longer to decode than its bytes to read, and each thread memory to decode into.
    Values(PathBuf),
}

/// Paths that stand for all of a job: a list of a million is not copied for this.
const MOST_PATHS: usize = 256;

impl Place {
    /// Files or folders of which every byte is read and hashed.
    pub fn bytes(paths: &[PathBuf]) -> Self {
        let step = paths.len().div_ceil(MOST_PATHS).max(1);
        Self::Bytes(paths.iter().step_by(step).cloned().collect())
    }
}

/// Readers of large files per core.
#[cfg(target_os = "linux")]
const LARGE_PER_CORE: usize = 2;

/// Readers of small files per core.
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
    let first = match place {
        Place::Bytes(paths) => paths.first()?,
        Place::Values(path) => path,
    };
    // A path that cannot be looked at says so when it is opened.
    let metadata = std::fs::metadata(first).ok()?;
    if crate::device::spins(metadata.dev()) {
        return Some(1);
    }
    let Place::Bytes(paths) = place else { return None };
    let found = page_cache::probe(paths);
    if found.waits() {
        control.set_from_disk();
        return beyond_cores(found, cores);
    }
    None
}

#[cfg(not(target_os = "linux"))]
fn readers(_: &Place, _: usize, _: &Control) -> Option<usize> {
    None
}

#[cfg(target_os = "linux")]
fn beyond_cores(found: Found, cores: usize) -> Option<usize> {
    let per_core = if found.mean_size() < SMALL {
        SMALL_PER_CORE
    } else {
        LARGE_PER_CORE
    };
    let count = (cores * per_core).min(MOST);
    (count > cores).then_some(count)
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
    fn a_disk_that_is_waited_for_gets_more_readers_than_there_are_cores() {
        let large = found(8, 8 << 30);
        let small = found(16, 16 << 14);
        assert_eq!(beyond_cores(large, 2), Some(4));
        assert_eq!(beyond_cores(small, 2), Some(16));
        assert_eq!(beyond_cores(small, 8), Some(32));
        assert_eq!(beyond_cores(large, 64), None, "there are enough already");
    }

    #[test]
    fn some_of_very_many_paths_stand_for_all() {
        for (count, kept) in [(0, 0), (1, 1), (256, 256), (257, 129), (1_000_000, 256)] {
            let Place::Bytes(paths) = Place::bytes(&vec![PathBuf::new(); count]) else {
                panic!("another place")
            };
            assert_eq!(paths.len(), kept);
        }
    }

    #[test]
    fn what_was_just_written_gets_one_thread_per_core() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, vec![7; 9 << 20]).expect("written");
        let control = Control::new();
        let place = Place::Bytes(vec![path]);
        assert_eq!(readers(&place, 2, &control), None);
        assert!(!control.from_disk());
    }

    #[test]
    fn the_work_runs_on_the_threads_that_were_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::Bytes(vec![folder.path().to_owned()]);
        let count = || Ok(rayon::current_num_threads());
        let pool = pool::get(3).expect("a pool");
        let asked = pool.install(|| with_readers(&place, Some(3), &Control::new(), count));
        assert_eq!(asked.expect("it runs"), 3);
        let nothing_known = pool.install(|| with_readers(&place, None, &Control::new(), count));
        assert_eq!(nothing_known.expect("it runs"), 3, "an empty folder");
    }
}
