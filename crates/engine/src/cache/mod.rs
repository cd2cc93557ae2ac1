//! Digests of files that have not changed since they were hashed.
//!
//! The stamp of a file can stay the same though its content changed: within the granularity of the file system's clock,
//! and after stores through a writable mapping, which change no time at once. So an entry is stored only if
//!
//! 1. both times of the file were older than the start of the read by more than any common granularity, so that
//!    a later write must show in them, and
//! 2. no process had the file open for writing or mapped writably after the read, which the kernel reports by
//!    granting a read lease, and the stamp was still the same then, and
//! 3. the file is on a local file system that is known to keep these promises, and that has an identity: two file
//!    systems can take turns on one device number.
//!
//! Other files are not stored, and are read again. `verify` and `check` never use the cache. The design follows
//! racy-git and borg; `docs/cache.md` has the remaining risks.

#[cfg(target_os = "linux")]
mod lease;
mod own_file;
mod page;
mod table;

use crate::control::Control;
#[cfg(unix)]
use crate::error::Code;
use crate::error::{Error, Result};
use crate::io::source::{Source, Stamp};
use lineaprint_digest::{Algorithms, Digests, Hash};
use page::Key;
use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use table::Table;

/// The least age of both times of a file at the start of the read, in nanoseconds. Common file systems count in seconds
/// at worst, FAT in two; the rest is for the tick of the kernel's clock.
pub const WINDOW: i128 = 2_100_000_000;

/// Digests by the stamps of files.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    table: Table,
    fresh: Mutex<Vec<(Key, Hash)>>,
    /// The identity of the file system of each device number that was met in this job.
    file_systems: Mutex<HashMap<u64, Option<u64>>>,
    hits: AtomicU64,
    misses: AtomicU64,
    clock: fn() -> i128,
}

/// The counts of a cache during a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files that were not read.
    pub hits: u64,
    /// Files that were read.
    pub misses: u64,
    /// Entries that were written. Fewer than `misses` where a file was too new, open for writing, owned by another
    /// user, or on a file system that is not trusted.
    pub stored: u64,
}

impl Cache {
    /// Open the cache in `folder`, and make the folder if it is missing. Pages are read on demand.
    ///
    /// Entries of another version and damaged entries count as absent. A folder that other users can write to is an
    /// error: they could put any digest there.
    pub fn open(folder: &Path) -> Result<Self> {
        make_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            table: Table::open(folder)?,
            fresh: Mutex::new(Vec::new()),
            file_systems: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            clock: current_time,
        })
    }

    /// Replace the clock of the system by `clock` (nanoseconds since 1970), for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> i128) -> Self {
        self.clock = clock;
        self
    }

    /// Return the current time, to be taken before a file is read and given to [`Self::admit`].
    pub fn started(&self) -> i128 {
        (self.clock)()
    }

    /// Return the digests of the file at `path` with this stamp, if those of all `algorithms` are known.
    pub fn lookup(&self, path: &Path, stamp: Stamp, algorithms: Algorithms) -> Option<Digests> {
        let digests = self.find(path, stamp, algorithms);
        let count = if digests.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        count.fetch_add(1, Ordering::Relaxed);
        digests
    }

    fn find(&self, path: &Path, stamp: Stamp, algorithms: Algorithms) -> Option<Digests> {
        let file_system = self.file_system(stamp.device, || identity_at(path))?;
        let mut digests = Digests::default();
        for algorithm in algorithms.iter() {
            let key = Key::new(file_system, stamp, algorithm)?;
            digests.set(algorithm, self.table.find(&key)?);
        }
        Some(digests)
    }

    /// Return the identity of the file system on a device, found by `find` where the device was not met before.
    fn file_system(&self, device: u64, find: impl FnOnce() -> Option<u64>) -> Option<u64> {
        let mut known = self.file_systems.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(device).or_insert_with(find)
    }

    /// Admit the digests of a file that was read whole since `started` and did not change meanwhile, if the stamp of
    /// the file can be trusted.
    pub fn admit(&self, source: &Source, digests: &Digests, started: i128) {
        let stamp = source.stamp();
        let newest = stamp.modified.max(stamp.changed);
        if newest + WINDOW > started || !has_no_writers(source) {
            return;
        }
        let Some(file_system) = self.file_system(stamp.device, || identity_of(source)) else {
            return;
        };
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        for algorithm in digests.algorithms().iter() {
            let key = Key::new(file_system, stamp, algorithm);
            fresh.extend(key.zip(digests.get(algorithm)));
        }
    }

    /// Store new digests, and return the usage of the cache.
    ///
    /// An error if the cache could not be read or written, so that a useless cache is noticed. The digests of the job
    /// are right all the same. Waits for other programs that write to it, until `control` is cancelled.
    pub fn save(&self, control: &Control) -> Result<Usage> {
        let mut fresh = std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(failure) = self.table.failure() {
            return Err(failure.clone());
        }
        fresh.retain(|(key, hash)| self.table.find(key).as_ref() != Some(hash));
        table::store(&self.folder, &fresh, control)?;
        Ok(Usage {
            stored: fresh.len() as u64,
            ..self.usage()
        })
    }

    /// Return the usage so far. Nothing is stored before [`Self::save`].
    pub fn usage(&self) -> Usage {
        Usage {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            stored: 0,
        }
    }
}

/// The effect of a cache on a job.
#[derive(Clone, Debug)]
pub struct CacheReport {
    /// Numbers of files read and not read, and of entries written.
    pub usage: Usage,
    /// Why it could not be opened, read or written. The digests are right all the same.
    pub failure: Option<Error>,
}

/// Run `work` with the cache in `folder`, and store its new digests. Without a folder, and where the cache cannot be
/// opened, `work` runs without a cache: a cache only saves time.
pub fn with_cache<T>(
    folder: Option<&Path>,
    control: &Control,
    work: impl FnOnce(Option<&Arc<Cache>>) -> Result<T>,
) -> Result<(T, Option<CacheReport>)> {
    let Some(folder) = folder else {
        return Ok((work(None)?, None));
    };
    let report = |usage, failure| Some(CacheReport { usage, failure });
    match Cache::open(folder).map(Arc::new) {
        Err(error) => Ok((work(None)?, report(Usage::default(), Some(error)))),
        Ok(cache) => {
            let output = work(Some(&cache))?;
            Ok(match cache.save(control) {
                Ok(usage) => (output, report(usage, None)),
                Err(error) => (output, report(cache.usage(), Some(error))),
            })
        }
    }
}

/// Return the identity that a file system has whatever device it is on; nothing for one that has none.
#[cfg(unix)]
fn identity_of(source: &Source) -> Option<u64> {
    let system = rustix::fs::fstatvfs(source.file()).ok()?;
    (system.f_fsid != 0).then_some(system.f_fsid)
}

/// Return the same of the file system that a path leads to.
#[cfg(unix)]
fn identity_at(path: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(path).ok()?;
    (system.f_fsid != 0).then_some(system.f_fsid)
}

/// Return nothing: nothing is cached on this platform.
#[cfg(not(unix))]
fn identity_of(_: &Source) -> Option<u64> {
    None
}

/// Return nothing: nothing is cached on this platform.
#[cfg(not(unix))]
fn identity_at(_: &Path) -> Option<u64> {
    None
}

/// Check that no process can write to the file at present, so that a later write will change its stamp.
#[cfg(target_os = "linux")]
fn has_no_writers(source: &Source) -> bool {
    lease::no_writers(source.file()) && source.verify_unchanged().is_ok()
}

/// Return false: other systems offer no lease, so nothing is cached.
#[cfg(not(target_os = "linux"))]
fn has_no_writers(_: &Source) -> bool {
    false
}

fn current_time() -> i128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |duration| {
            i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
        })
}

fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(folder)
        .map_err(|error| Error::io("make", folder, error))?;
    refuse_link_of_others(folder)?;
    let metadata = folder
        .metadata()
        .map_err(|error| Error::io("stat", folder, error))?;
    refuse_if_others_can_write(folder, &metadata)
}

#[cfg(unix)]
fn refuse_if_others_can_write(path: &Path, metadata: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    if metadata.uid() == rustix::process::geteuid().as_raw() && mode & 0o022 == 0 {
        return Ok(());
    }
    let message = "other users can write to this cache, so it is not used";
    let error = Error::new(Code::Unreadable, message);
    Err(error
        .with_expected(
            "a folder of your own with mode 700",
            format!("owner {}, mode {mode:o}", metadata.uid()),
        )
        .at(path))
}

/// Refuse a link that another user made: it could lead to any folder of this user.
#[cfg(unix)]
fn refuse_link_of_others(folder: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = folder
        .symlink_metadata()
        .map_err(|error| Error::io("stat", folder, error))?;
    let own = [rustix::process::geteuid().as_raw(), 0];
    if !metadata.is_symlink() || own.contains(&metadata.uid()) {
        return Ok(());
    }
    let message = "this is a link of another user, so the cache is not used";
    Err(Error::new(Code::Unreadable, message)
        .with_expected(
            "a folder of your own",
            format!("a link, owner {}", metadata.uid()),
        )
        .at(folder))
}

/// Accept any link: nothing is stored on this platform.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "it fails elsewhere")]
fn refuse_link_of_others(_: &Path) -> Result<()> {
    Ok(())
}

/// Accept any folder: nothing is stored on this platform.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "it fails elsewhere")]
fn refuse_if_others_can_write(_: &Path, _: &Metadata) -> Result<()> {
    Ok(())
}
