//! Samples: which units of a large thing are read, and the digest of a thing of which only those were read.
//!
//! A plan says how to choose; with the number of units it makes a [`Selection`], which gives each chosen unit
//! by arithmetic alone, so that no list is kept and every machine and thread finds the same ones. The rules
//! stand in the section on samples of `docs/format.md`.
//!
//! - [`plan`]: strategy, amount and threshold.
//! - [`selection`]: the chosen units, and where their bytes lie.
//! - [`description`]: the canonical descriptions of `sampled`.

pub mod description;
pub mod plan;
pub mod selection;

pub use plan::{Amount, Plan, Strategy};
pub use selection::{Layout, Selection};

/// Bytes of one unit of a file: its last one may be shorter.
pub const FILE_UNIT: u64 = 16_384;
