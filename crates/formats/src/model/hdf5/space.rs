//! Dataspaces and fill values.

use super::fields::Fields;
use super::file::File;
use super::header::{Header, kind};
use crate::error::FormatError;

/// Axes that HDF5 allows.
const AXES: u8 = 32;

/// The shape of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dataspace {
    /// Elements per axis; `None` if there are no elements at all, not even one.
    pub(super) shape: Option<Vec<u64>>,
    /// The most elements per axis; `None` where there is no limit. Some chunk indexes count by it.
    pub(super) largest: Vec<Option<u64>>,
}

/// Read a dataspace message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Dataspace, FormatError> {
    let version = fields.byte()?;
    let axes = fields.byte()?;
    let flags = fields.byte()?;
    let null = match version {
        1 => {
            fields.skip(5)?;
            false
        }
        2 => fields.byte()? == 2,
        _ => {
            return Err(fields
                .error("its version is not known")
                .with_expected("1 or 2", version));
        }
    };
    if axes > AXES {
        return Err(fields
            .error("it has more axes than HDF5 allows")
            .with_expected(format!("at most {AXES}"), axes));
    }
    let shape = (0..axes)
        .map(|_| fields.length())
        .collect::<Result<Vec<_>, _>>()?;
    let mut largest: Vec<Option<u64>> = shape.iter().copied().map(Some).collect();
    if flags & 1 != 0 {
        for (limit, length) in largest.iter_mut().zip(&shape) {
            *limit = fields.limit()?;
            if limit.is_some_and(|limit| limit < *length) {
                return Err(fields.error("an axis is longer than its largest length"));
            }
        }
    }
    Ok(Dataspace {
        shape: (!null).then_some(shape),
        largest,
    })
}

/// Return the bytes that stand for an element that was never written; empty for zeros.
pub(super) fn fill(file: &File<'_>, header: &Header, size: u32) -> Result<Option<Vec<u8>>, FormatError> {
    let value = if let Some(data) = header.find(kind::FILL) {
        let mut fields = file.fields(data, "a fill value");
        match fields.byte()? {
            version @ (1 | 2) => {
                fields.skip(2)?;
                let defined = fields.byte()? != 0;
                if !defined && version == 2 {
                    return Ok(None);
                }
                sized(&mut fields)?
            }
            3 => match fields.byte()? & 0x30 {
                0x20 => sized(&mut fields)?,
                0x10 => return Ok(None),
                _ => Vec::new(),
            },
            version => {
                return Err(fields
                    .error("its version is not known")
                    .with_expected("1 to 3", version));
            }
        }
    } else if let Some(data) = header.find(kind::OLD_FILL) {
        sized(&mut file.fields(data, "a fill value"))?
    } else {
        Vec::new()
    };
    if !value.is_empty() && value.len() as u64 != u64::from(size) {
        return Err(FormatError::new("a fill value is no element")
            .with_expected(format!("{size} bytes"), format!("{} bytes", value.len())));
    }
    Ok(Some(value))
}

fn sized(fields: &mut Fields<'_>) -> Result<Vec<u8>, FormatError> {
    let length = fields.word()?;
    // A negative length is one that is not there.
    let length = usize::try_from(i32::from_ne_bytes(length.to_ne_bytes())).unwrap_or(0);
    Ok(fields.take(length)?.to_vec())
}
