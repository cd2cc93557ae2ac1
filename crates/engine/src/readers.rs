//! How many threads read.
//!
//! One per core is right for data that is in memory, which is what hashing costs. Elsewhere the disk decides: the head
//! of one that turns wants a single reader, and any other wants more readers than there are cores, since a thread that
//! waits for the disk leaves its core idle. How many more depends on what they wait for. Large files are read ahead by
//! the system, which does that well for one reader each; nobody reads small files ahead.
//!
//! Only Linux says where data is. Elsewhere one thread per core reads.

use crate::error::Result;
#[cfg(target_os = "linux")]
use crate::page_cache::{self, Found};
use crate::pool;
use std::path::PathBuf;

/// Where a job reads.
#[derive(Clone, Debug)]
pub enum Place {
    /// Files, or folders, of which every byte is read and hashed.
    Bytes(Vec<PathBuf>),
    /// A file whose values take longer to decode than its bytes to read, and each thread memory to decode into.
    Values(PathBuf),
}

/// Readers of large files per core, if there are as many files.
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
pub fn with_readers<T: Send>(
    place: &Place,
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    // Without a pool of its own the job runs on the one it has: slower there, and as correct.
    let pool = threads
        .is_none()
        .then(|| readers(place, pool::default_threads()))
        .flatten()
        .and_then(|count| pool::get(count).ok());
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// How many threads should read there, where that is another number than one per core.
#[cfg(target_os = "linux")]
fn readers(place: &Place, cores: usize) -> Option<usize> {
    use std::os::unix::fs::MetadataExt as _;
    let (first, paths) = match place {
        Place::Bytes(paths) => (paths.first()?, &paths[..]),
        Place::Values(path) => (path, &[][..]),
    };
    // A path that cannot be looked at says so when it is opened.
    let metadata = std::fs::metadata(first).ok()?;
    if crate::device::spins(metadata.dev()) {
        return Some(1);
    }
    beyond_cores(page_cache::probe(paths), cores)
}

#[cfg(not(target_os = "linux"))]
fn readers(_: &Place, _: usize) -> Option<usize> {
    None
}

#[cfg(target_os = "linux")]
fn beyond_cores(found: Found, cores: usize) -> Option<usize> {
    if !found.waits() {
        return None;
    }
    let wanted = if found.mean_size() < SMALL {
        cores * SMALL_PER_CORE
    } else {
        (cores * LARGE_PER_CORE).min(usize::try_from(found.seen).unwrap_or(MOST))
    };
    let count = wanted.min(MOST);
    (count > cores).then_some(count)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn found(files: u64, bytes: u64, asked: u64, absent: u64) -> Found {
        Found {
            seen: files,
            files,
            bytes,
            asked,
            absent,
        }
    }

    #[test]
    fn a_disk_that_is_waited_for_gets_more_readers_than_there_are_cores() {
        let large = found(8, 8 << 30, 32, 32);
        let small = found(16, 16 << 14, 16, 16);
        assert_eq!(beyond_cores(large, 2), Some(4));
        assert_eq!(beyond_cores(small, 2), Some(16));
        assert_eq!(beyond_cores(small, 8), Some(32));
        assert_eq!(beyond_cores(large, 64), None, "there are enough already");
        assert_eq!(beyond_cores(found(3, 8 << 30, 24, 24), 2), Some(3));
        assert_eq!(
            beyond_cores(found(1, 8 << 30, 8, 8), 2),
            None,
            "the system reads ahead"
        );
    }

    #[test]
    fn what_is_in_memory_gets_one_thread_per_core() {
        assert_eq!(beyond_cores(found(8, 8 << 30, 32, 0), 2), None);
        assert_eq!(beyond_cores(found(0, 0, 0, 0), 2), None, "nothing is known");
        assert_eq!(beyond_cores(found(4, 8 << 30, 32, 3), 2), None, "most of it is");
        assert_eq!(
            beyond_cores(found(4, 8 << 30, 32, 4), 2),
            Some(4),
            "an eighth is not"
        );
        assert_eq!(beyond_cores(found(4, 1 << 20, 4, 4), 2), None, "a short wait");
    }

    #[test]
    fn the_work_runs_on_the_threads_that_were_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::Bytes(vec![folder.path().to_owned()]);
        let count = || Ok(rayon::current_num_threads());
        let pool = pool::get(3).expect("a pool");
        let asked = pool.install(|| with_readers(&place, Some(3), count));
        assert_eq!(asked.expect("it runs"), 3);
        let nothing_known = pool.install(|| with_readers(&place, None, count));
        assert_eq!(nothing_known.expect("it runs"), 3, "an empty folder");
    }
}
