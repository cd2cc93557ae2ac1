//! Control of a job: cancellation, progress, and the state that its threads share.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The state of a job, shared by its threads and its caller: a clone is of the same job. All counters only grow.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<State>);

#[derive(Debug, Default)]
struct State {
    cancelled: AtomicBool,
    from_disk: AtomicBool,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    files_done: AtomicU64,
    files_total: AtomicU64,
}

/// The progress of a job. The totals grow while a folder is still being walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes hashed.
    pub bytes_done: u64,
    /// Bytes known so far.
    pub bytes_total: u64,
    /// Files hashed.
    pub files_done: u64,
    /// Files known so far.
    pub files_total: u64,
}

impl Control {
    /// Create the control of a new job.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ask every thread of the job to stop at its next block.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Return an error once [`Self::cancel`] was called. Polled once per block of 256 KiB and once per file.
    pub fn check(&self) -> Result<()> {
        if self.0.cancelled.load(Ordering::Relaxed) {
            return Err(Error::cancelled());
        }
        Ok(())
    }

    /// Record that the data of the job is on a disk, not in memory.
    pub fn set_from_disk(&self) {
        self.0.from_disk.store(true, Ordering::Relaxed);
    }

    /// Return whether the data of the job is known to be on a disk.
    pub fn from_disk(&self) -> bool {
        self.0.from_disk.load(Ordering::Relaxed)
    }

    /// Add a file of `bytes` bytes to the totals.
    pub fn add_file(&self, bytes: u64) {
        self.0.files_total.fetch_add(1, Ordering::Relaxed);
        self.0.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Add `bytes` to the totals that are read again, or worked on after they were read.
    pub fn add_bytes(&self, bytes: u64) {
        self.0.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Add `bytes` hashed bytes to the progress.
    pub fn advance(&self, bytes: u64) {
        self.0.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Add one hashed file to the progress.
    pub fn file_done(&self) {
        self.0.files_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Return the progress so far.
    pub fn progress(&self) -> Progress {
        Progress {
            bytes_done: self.0.bytes_done.load(Ordering::Relaxed),
            bytes_total: self.0.bytes_total.load(Ordering::Relaxed),
            files_done: self.0.files_done.load(Ordering::Relaxed),
            files_total: self.0.files_total.load(Ordering::Relaxed),
        }
    }
}
