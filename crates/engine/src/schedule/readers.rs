//! The number of threads that read.
//!
//! For data in memory it is one per core, since hashing is the cost. Otherwise the disk decides. A rotational disk
//! wants a single reader, because several make its head jump. Any other disk wants more readers than there are cores,
//! because a thread that waits for the disk leaves its core idle. How many more depends on the access pattern: the
//! system reads ahead in large files, but not across small files or scattered blocks. It also depends on the
//! computation: a thread that hashes does not read.
//!
//! Only Linux reports where data is. On other systems one thread per core reads.

use crate::control::Control;
#[cfg(target_os = "linux")]
use crate::schedule::page_cache::{self, Residency};
#[cfg(target_os = "linux")]
use crate::schedule::{pool, rotational};
use std::path::{Path, PathBuf};

/// The access pattern of a job.
#[derive(Clone, Copy, Debug)]
pub enum AccessPattern<'a> {
    /// Every byte of files, or of all files in folders, once.
    Sequential {
        /// Files or folders.
        paths: &'a [PathBuf],
        /// Hash computations over each byte.
        digests: usize,
    },
    /// Single blocks of files, or single files in folders.
    Scattered {
        /// Files or folders.
        paths: &'a [PathBuf],
    },
    /// Values of files, which take longer to decode than to read. Each thread needs memory to decode into.
    Decoded {
        /// The files.
        paths: &'a [PathBuf],
    },
    /// Nothing: the data is in memory.
    Memory,
}

impl AccessPattern<'_> {
    /// Return at most [`PROBED_PATHS`] of the paths.
    #[cfg(target_os = "linux")]
    fn sample_of_paths(&self) -> Vec<&Path> {
        match self {
            Self::Sequential { paths, .. } | Self::Scattered { paths } | Self::Decoded { paths } => {
                let step = paths.len().div_ceil(PROBED_PATHS).max(1);
                paths.iter().step_by(step).map(PathBuf::as_path).collect()
            }
            Self::Memory => Vec::new(),
        }
    }
}

/// The most paths that are probed: a sample of all paths.
#[cfg(target_os = "linux")]
const PROBED_PATHS: usize = 256;

/// Readers of large files per core and digest: a thread that hashes each byte twice reads half as often.
#[cfg(target_os = "linux")]
const LARGE_PER_CORE: usize = 2;

/// Readers per core of small files and scattered blocks, which are too short to be read ahead.
#[cfg(target_os = "linux")]
const SMALL_PER_CORE: usize = 8;

/// The most readers that make a disk faster. Machines with more cores have more readers for their cores.
#[cfg(target_os = "linux")]
const MAX_READERS: usize = 32;

/// Files of a smaller mean size in bytes are small: they end before the system reads ahead.
#[cfg(target_os = "linux")]
const SMALL: u64 = 1 << 20;

/// Return how many threads should read, if another number than one per core fits and the caller did not ask for
/// `threads`. Tell `control` whether the data is on a disk.
///
/// Makes some dozens of system calls.
#[cfg(target_os = "linux")]
pub fn fitting_threads(
    access: &AccessPattern<'_>,
    threads: Option<usize>,
    control: &Control,
) -> Option<usize> {
    if threads == Some(1) {
        // A single reader reads from start to end wherever the data is.
        return None;
    }
    let fitting = probed_threads(access, pool::default_threads(), control);
    fitting.filter(|_| threads.is_none())
}

#[cfg(target_os = "linux")]
fn probed_threads(access: &AccessPattern<'_>, cores: usize, control: &Control) -> Option<usize> {
    use std::os::unix::fs::MetadataExt as _;
    let paths = access.sample_of_paths();
    // If the stat fails, opening the file gives the error.
    let metadata = std::fs::metadata(paths.first()?).ok()?;
    if rotational::is_rotational(metadata.dev()) {
        return Some(1);
    }
    if matches!(access, AccessPattern::Decoded { .. }) {
        return None;
    }
    let residency = page_cache::probe(&paths);
    if !residency.is_on_disk() {
        return None;
    }
    control.set_from_disk();
    readers_of_disk(access, residency, cores)
}

/// Return how many threads should read from a disk, if more than there are cores.
#[cfg(target_os = "linux")]
fn readers_of_disk(access: &AccessPattern<'_>, residency: Residency, cores: usize) -> Option<usize> {
    let per_core = match access {
        AccessPattern::Sequential { digests, .. } if residency.mean_size() >= SMALL => {
            LARGE_PER_CORE * digests
        }
        _ => SMALL_PER_CORE,
    };
    let count = (cores * per_core).min(MAX_READERS);
    (count > cores).then_some(count)
}

/// Return `None`: the system does not report where data is.
#[cfg(not(target_os = "linux"))]
pub fn fitting_threads(_: &AccessPattern<'_>, _: Option<usize>, _: &Control) -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn on_disk(files: u64, bytes: u64) -> Residency {
        Residency {
            files_seen: files,
            files_probed: files,
            bytes,
            pages_probed: files,
            pages_absent: files,
        }
    }

    const fn sequential(paths: &[PathBuf], digests: usize) -> AccessPattern<'_> {
        AccessPattern::Sequential { paths, digests }
    }

    #[test]
    fn readers_grow_with_waiting_and_computing() {
        let once = sequential(&[], 1);
        let twice = sequential(&[], 2);
        let blocks = AccessPattern::Scattered { paths: &[] };
        let (large, small) = (on_disk(8, 8 << 30), on_disk(16, 16 << 14));
        assert_eq!(readers_of_disk(&once, large, 2), Some(4));
        assert_eq!(readers_of_disk(&twice, large, 2), Some(8));
        assert_eq!(readers_of_disk(&once, small, 2), Some(16));
        assert_eq!(
            readers_of_disk(&twice, small, 2),
            Some(16),
            "they wait most of the time in any case"
        );
        assert_eq!(readers_of_disk(&blocks, large, 2), Some(16));
        assert_eq!(readers_of_disk(&once, small, 8), Some(32));
        assert_eq!(readers_of_disk(&twice, large, 16), Some(32));
        assert_eq!(
            readers_of_disk(&once, large, 64),
            None,
            "there are enough already"
        );
    }

    #[test]
    fn probed_paths_are_limited() {
        for (count, kept) in [(0, 0), (1, 1), (256, 256), (257, 129), (1_000_000, 256)] {
            let paths = vec![PathBuf::new(); count];
            assert_eq!(sequential(&paths, 1).sample_of_paths().len(), kept);
        }
    }

    #[test]
    fn cached_file_gets_one_thread_per_core() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, vec![7; 9 << 20]).expect("written");
        let control = Control::new();
        assert_eq!(probed_threads(&sequential(&[path], 1), 2, &control), None);
        assert!(!control.from_disk());
    }

    #[test]
    fn empty_folder_keeps_default_threads() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = [folder.path().to_owned()];
        let control = Control::new();
        assert_eq!(fitting_threads(&sequential(&paths, 1), None, &control), None);
        assert_eq!(fitting_threads(&AccessPattern::Memory, None, &control), None);
    }
}
