//! The digests of lineaprint, without any input or output.
//!
//! - [`algorithm`]: name the hash functions, one or both at once.
//! - [`hasher`]: hash bytes in order into plain digests.
//! - [`sha256`]: hash several SHA-256 streams at once.
//! - [`subtree`]: hash pieces of one BLAKE3 tree in any order, and merge them into the standard digest.
//! - [`cbor`]: encode structured digests in one deterministic way.
//! - [`description`]: describe trees, tensors, weights and architectures.
//! - [`table`]: describe tables.
//! - [`sample`]: choose the units of a large thing that a sample reads, and describe samples.
//!
//! `docs/format.md` is the normative text; a test in Python recomputes it without this code.

#![deny(unsafe_code)]

pub mod algorithm;
pub mod cbor;
pub mod description;
pub mod hasher;
pub mod sample;
pub mod sha256;
pub mod subtree;
pub mod table;

pub use algorithm::{Algorithm, Algorithms};
pub use hasher::{Digests, Hash, Hasher};
