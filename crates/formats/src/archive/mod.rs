//! Containers of files.
//!
//! - [`path`]: check the paths of members.
//! - [`tar`]: read tar archives.
//! - [`zip`]: read zip archives.

pub mod path;
pub mod tar;
pub mod zip;
