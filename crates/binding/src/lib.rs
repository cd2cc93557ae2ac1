//! The Node addon: the only crate that names napi, and as thin as it can be.
//!
//! - [`job`]: start work on the engine's threads behind a promise; cancel it and report its progress.
//! - [`failure`]: pass errors as data; TypeScript makes them errors with the stack of the call.
//! - [`enums`], [`digests`], [`cache`]: values that several functions pass.
//! - [`files`], [`range`], [`model`]: hash what is on disk.
//! - [`copy`]: copy parts of files, and put them together again.
//! - [`derivation`]: check how the tensors of one model follow from those of another.
//! - [`table`]: hash tables of several formats. [`rows`]: compare them row by row.
//! - [`values`]: compare the values of two models.
//! - [`sample`]: hash a sample of something too large for a full pass.
//! - [`bytes`]: hash what is in memory, and streams.
//! - [`structured`]: hash descriptions whose parts TypeScript holds.
//! - [`pipe`], [`program`]: open pipes and start programs.
//! - [`machine`]: report what this addon and this processor can do.
//!
//! No panic reaches Node: jobs catch theirs, synchronous entries are marked `catch_unwind`.

// The code that `#[napi]` generates is unsafe and allows itself; nothing written here may be.
#![deny(unsafe_code)]
// napi-rs passes what JavaScript gave by value.
#![allow(clippy::needless_pass_by_value)]
// The generated code has items without documentation.
#![allow(missing_docs)]

mod archive;
mod bytes;
mod cache;
mod copy;
mod derivation;
mod digests;
mod enums;
mod failure;
mod files;
mod job;
mod machine;
mod model;
mod pipe;
mod program;
mod range;
mod rows;
mod sample;
mod structured;
mod table;
mod values;
