//! BOOL tensors that hold bytes other than 0 and 1.
//!
//! The format does not forbid them, and readers take them differently. The digest is of the bytes as they are
//! stored; that they are odd is reported.

use super::Shard;
use crate::control::Control;
use crate::error::Result;
use crate::io::source::Source;

/// The places in the header of the BOOL tensors with such bytes. Reads those tensors once more; they are rare.
pub fn odd(shard: &Shard, source: &Source, control: &Control) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for (index, tensor) in shard.header.tensors.iter().enumerate() {
        if tensor.dtype.name != "BOOL" {
            continue;
        }
        let mut odd = false;
        source.read_range(tensor.start, tensor.end, control, |block| {
            odd |= block.iter().any(|byte| *byte > 1);
        })?;
        if odd {
            found.push(index);
        }
    }
    Ok(found)
}
