//! Samples: which units of a large thing are read, and the digest of a thing of which only those were read.
//!
//! A plan is the rule of choice. With the number of units it makes a [`Selection`], which computes each chosen unit by
//! arithmetic alone, so that there is no list, and every machine and thread finds the same units. The section on
//! samples of `docs/format.md` has the rules.
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
