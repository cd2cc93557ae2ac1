//! Containers of files.
//!
//! - [`zip`]: read zip archives.

pub mod zip;
