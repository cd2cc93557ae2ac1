//! Derivation of the tensors of one model from those of another: layouts, casts, offsets and block quantisation, recomputed.
//!
//! - [`layout`]: where the elements of a tensor lie in others.
//! - [`float`]: floats of every width, and rounding.
//! - [`quantise`]: the recipes of block quantisation.
//! - [`packed`]: matrices of GPTQ and AWQ.
//! - [`rule`]: what elements become, and what differs from what is there.
//!
//! Nothing here reads; bytes come in and bytes or counts go out.

pub mod float;
pub mod layout;
pub mod packed;
pub mod quantise;
pub mod rule;
