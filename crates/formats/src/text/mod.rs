//! Text.
//!
//! - [`json`]: read objects with the order of their members and with duplicate names.
//! - [`lines`]: read the lines of a file.
//! - [`canonical`]: canonicalise a document by RFC 8785.

pub mod canonical;
pub mod json;
pub mod lines;
