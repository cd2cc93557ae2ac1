//! Access to the disk: opening, walking, reading and hashing on all cores, with cancellation and progress.
//!
//! - [`io`]: files, folders and buffers.
//! - [`schedule`]: threads, how many of them, and how they share work.
//! - [`digest`]: digests of files, ranges, memory, folders, models, tables, and of samples of these.
//! - [`copy`]: copy parts of files, and put them together again, hashed in the same read.
//! - [`derivation`]: check how the tensors of one model follow from those of another.
//! - [`rows`]: compare tables row by row, and find rows that are in several tables.
//! - [`tensors`]: read and compare the tensors of models.
//! - [`cache`]: digests of files that have not changed.
//! - [`control`]: cancel and progress of a job.
//! - [`error`]: the one error type. [`panics`]: turn panics into errors.
//!
//! Nothing here knows about Node.

#![deny(unsafe_code)]

pub mod cache;
pub mod control;
pub mod copy;
pub mod derivation;
pub mod digest;
pub mod error;
pub mod io;
pub mod panics;
pub mod rows;
pub mod schedule;
pub mod tensors;

#[cfg(target_os = "linux")]
pub mod program;

pub use control::Control;
pub use error::{Code, Error, Result};
