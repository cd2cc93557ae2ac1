//! BOOL tensors that hold bytes other than 0 and 1.
//!
//! The format does not forbid such bytes, and readers interpret them differently. The digest covers the bytes as they
//! are stored, and the odd bytes are reported.

use super::OpenShard;
use crate::control::Control;
use crate::error::Result;

/// Return the indices of the BOOL tensors with such bytes. Reads these tensors once more; they are rare.
pub fn odd(shard: &OpenShard, control: &Control) -> Result<Vec<usize>> {
    let mut indices = Vec::new();
    for (index, tensor) in shard.header.tensors.iter().enumerate() {
        if tensor.dtype.name() != "BOOL" {
            continue;
        }
        let mut odd = false;
        shard
            .source
            .read_range(tensor.start, tensor.end, control, |block| {
                odd |= block.iter().any(|byte| *byte > 1);
            })?;
        if odd {
            indices.push(index);
        }
    }
    Ok(indices)
}
