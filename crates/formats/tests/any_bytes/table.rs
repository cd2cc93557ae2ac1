//! A table, read to its end.

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{Format, Reading, Schema, block, open};
use std::sync::Arc;

/// Read all rows and write their blocks; gives the number of rows in the pieces of all columns.
pub fn read(bytes: Bytes, format: Format, schema: Option<&Schema>) -> Result<usize, FormatError> {
    let input: Arc<dyn Input> = Arc::new(bytes);
    let mut rows = 0;
    let mut take = |pieces: &[arrow_array::ArrayRef]| {
        rows += pieces.iter().map(|piece| piece.len()).sum::<usize>();
        block::write(pieces, &mut |_| {})
    };
    match open(input, format, schema)? {
        Reading::Columns(table) => {
            for column in 0..table.columns().len() {
                let mut blocks = table.read(column, 0..table.blocks());
                while let Some(pieces) = blocks.next_block()? {
                    take(&pieces)?;
                }
            }
        }
        Reading::Rows(mut reader) => {
            while let Some(found) = reader.next_rows()? {
                for column in &found.columns {
                    take(std::slice::from_ref(column))?;
                }
            }
        }
    }
    Ok(rows)
}
