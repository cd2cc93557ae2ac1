//! The Node addon: the only crate that names napi, and as thin as it can be.
//!
//! - [`failure`]: errors cross as data; TypeScript makes them errors with the stack of the call.
//! - [`job`]: work on our own threads behind a promise, with a handle to cancel it and to see how far it is.
//! - [`files`], [`range`], [`model`]: what is on disk.
//! - [`table`]: tables of several formats.
//! - [`sample`]: digests of a part of something too large for a full pass.
//! - [`bytes`]: what is in memory, and streams.
//! - [`pipe`]: pipes for the output of commands.
//! - [`program`]: programs that are asked something.
//! - [`structured`]: digests of descriptions.
//! - [`machine`]: what this addon and this processor can do.
//!
//! No panic reaches Node: jobs catch theirs, synchronous entries are marked `catch_unwind`.

// The code that `#[napi]` generates is unsafe and allows itself; nothing written here may be.
#![deny(unsafe_code)]
// napi-rs passes what JavaScript gave by value.
#![allow(clippy::needless_pass_by_value)]
// The generated code has items without documentation.
#![allow(missing_docs)]

mod bytes;
mod cache;
mod digests;
mod failure;
mod files;
mod job;
mod machine;
mod model;
mod pipe;
mod program;
mod range;
mod sample;
mod structured;
mod table;
