//! JSON.
//!
//! - [`json`]: read objects with the order of their members and with duplicate names.
//! - [`canonical`]: canonicalise a document by RFC 8785.

pub mod canonical;
pub mod json;
