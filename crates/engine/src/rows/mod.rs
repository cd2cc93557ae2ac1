//! Rows of tables: which of them differ between two tables, and which are in several.
//!
//! - [`difference`]: hash two tables, and compare them row by row, in one pass.
//! - [`leaks`]: count the rows that are in several tables, or several times in one.
//! - [`near`]: count the rows whose texts are nearly those of others.
//! - [`listing`]: the cells of the rows that differ.
//! - [`side`]: an open table, read in steps of rows or at positions.
//! - [`sorter`]: sort more records than memory holds, in a temporary file.
//!
//! A row is known by 128 bits of a function of its cells. Its coefficients are random and new for each comparison, so that
//! nobody can make two rows that are taken for one; no such value leaves this module.

mod align;
pub mod difference;
mod in_step;
mod join;
mod kept;
mod keys;
pub mod leaks;
pub mod listing;
pub mod near;
mod output;
mod positions;
mod runs;
pub mod side;
pub mod sorter;
mod spill;
mod value;

/// The most bytes of records that a comparison holds, whatever the tables.
pub const MEMORY: usize = 192 << 20;

/// The most rows of a table that are compared: each takes a bit in memory.
pub const MAX_ROWS: u64 = 1 << 30;
