//! The values by which rows are known.

use crate::digest::table::in_column;
use crate::error::Result;
use arrow_array::ArrayRef;
use lineaprint_formats::table::{Column, row};

/// The value of a row: 128 bits of a keyed hash.
pub type Value = [u64; 2];

/// The value that stands for "equal to the other row at this position".
pub const EQUAL_ROW: Value = [0, 0];

/// Rows whose bytes are held at once.
const ROWS: usize = 512;

/// The random key of a comparison.
pub type Key = [u8; 32];

/// Return the values of some rows of a block, over some of its columns: an array of pieces for each.
pub fn values(
    block: &[Vec<ArrayRef>],
    names: &[Column],
    columns: &[usize],
    rows: &[usize],
    key: &Key,
) -> Result<Vec<Value>> {
    let mut values = Vec::with_capacity(rows.len());
    let mut bytes = vec![Vec::new(); ROWS.min(rows.len())];
    for rows in rows.chunks(ROWS) {
        bytes.iter_mut().for_each(Vec::clear);
        for column in columns {
            row::append(&block[*column], rows, &mut bytes[..rows.len()])
                .map_err(|error| in_column(error, &names[*column].name))?;
        }
        values.extend(bytes[..rows.len()].iter().map(|bytes| value(bytes, key)));
    }
    Ok(values)
}

/// Return the value of some bytes.
pub fn value(bytes: &[u8], key: &Key) -> Value {
    let hash = blake3::keyed_hash(key, bytes);
    let (words, _) = hash.as_bytes().as_chunks::<8>();
    [u64::from_be_bytes(words[0]), u64::from_be_bytes(words[1])]
}
