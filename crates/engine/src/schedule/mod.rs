//! Threads, how many of them, and how they share work.
//!
//! - [`job`]: start a job on a pool that fits how it reads.
//! - [`pool`]: lease the threads of a job. They are never Node's.
//! - [`readers`]: decide how many threads read.
//! - [`rotational`]: detect disks that spin.
//! - [`page_cache`]: probe whether data is in memory.
//! - [`work_stealing`]: hand out units in contiguous runs; an idle thread steals half of the longest run.
//! - [`first_error`]: keep the first error of several threads.
//! - [`fork_join`]: share equal units between the calling thread and helpers.
//! - [`multi_stream`]: hash several SHA-256 streams at once on each thread.

pub mod first_error;
pub mod fork_join;
pub mod job;
pub mod multi_stream;
#[cfg(target_os = "linux")]
pub mod page_cache;
pub mod pool;
pub mod readers;
#[cfg(target_os = "linux")]
pub mod rotational;
pub mod work_stealing;
