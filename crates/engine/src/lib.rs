//! What touches the disk: opening, walking, reading and hashing on all cores, with cancel and progress.
//!
//! - [`control`]: how a caller stops a job and sees how far it is.
//! - [`source`]: one open regular file, read at positions, and the proof that it did not change meanwhile.
//! - [`file`]: plain digests of whole files.
//! - [`subtrees`]: one large input on all threads.
//! - [`part`]: ranges of a file, and parts of its digest that merge.
//! - [`folder`], [`tree`]: walking beneath a root, and the `tree` digest.
//! - [`model`]: tensors of safetensors files, one or many shards, hashed where they lie.
//! - [`table`]: tables of several formats, hashed block by block of their columns.
//! - [`sample`]: digests of a part of something too large for a full pass.
//! - [`runs`]: work that threads take in runs of neighbours.
//! - [`share`]: work that the calling thread shares with others.
//! - [`small`]: small files, read with one call each.
//! - [`streams`]: several SHA-256 streams at once.
//! - [`readers`]: how many threads read. `device`: disks that want one. `page_cache`: whether the data is in memory.
//! - [`cache`]: digests of files that have not changed.
//! - [`aligned`]: buffers that the system copies into.
//! - [`memory`]: bytes that are already there.
//! - [`pool`]: the threads. Never Node's.
//! - `program`: programs that are asked something.
//!
//! Nothing here knows about Node.

// Only `cache/lease.rs`, `page_cache/resident.rs` and `program/spawn.rs` allow it, for calls that have no safe interface.
#![deny(unsafe_code)]

pub mod aligned;
pub mod cache;
pub mod control;
#[cfg(target_os = "linux")]
pub mod device;
pub mod error;
pub mod file;
pub mod folder;
pub mod memory;
pub mod model;
#[cfg(target_os = "linux")]
pub mod page_cache;
pub mod part;
pub mod pool;
#[cfg(target_os = "linux")]
pub mod program;
pub mod readers;
pub mod runs;
pub mod sample;
pub mod share;
pub mod small;
pub mod source;
pub mod streams;
pub mod subtrees;
pub mod table;
pub mod tree;

pub use control::Control;
pub use error::{Code, Error, Result};
