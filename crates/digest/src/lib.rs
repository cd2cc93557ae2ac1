//! What lineaprint means by a digest, without any input or output.
//!
//! - [`algorithm`]: which hash functions, one or both at once.
//! - [`hasher`]: plain digests of bytes fed in order.
//! - [`sha256`]: several SHA-256 streams at once.
//! - [`subtree`]: pieces of one BLAKE3 tree, hashed in any order and merged into the standard digest.
//! - [`cbor`]: the one deterministic encoding behind every structured digest.
//! - [`description`]: the canonical descriptions of trees, tensors, weights and architectures.
//! - [`table`]: the canonical descriptions of tables.
//! - [`sample`]: which units of a large thing a sample reads, and the descriptions of samples.
//!
//! `docs/format.md` is the normative text; a test in Python recomputes it without this code.

// Only the two files below `sha256` that call instructions of a processor allow it, each block with its reason.
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
