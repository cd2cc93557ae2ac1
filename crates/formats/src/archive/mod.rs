//! Containers of files.
//!
//! - [`tar`]: read tar archives.
//! - [`zip`]: read zip archives.

pub mod tar;
pub mod zip;
