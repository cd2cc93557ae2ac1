//! JSON.
//!
//! - [`json`]: read objects with the order of their members and with duplicate names.
//! - [`canonical`]: canonicalise a document as RFC 8785 says.

pub mod canonical;
pub mod json;
