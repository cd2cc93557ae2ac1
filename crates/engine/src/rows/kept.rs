//! The cells of rows in question, kept from the pass that found them, so that they are not read again.

use super::side::select;
use crate::error::Result;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, UInt64Array};
use arrow_schema::DataType;
use lineaprint_formats::table::BLOCK_ROWS;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The most rows of a block whose cells are kept.
const ROWS: usize = 4096;

/// The most bytes of cells that are kept of a table. Other rows are read again.
const BYTES: usize = 32 << 20;

/// Cells of rows of one table, by block.
#[derive(Default)]
pub struct Kept {
    bytes: AtomicUsize,
    blocks: RwLock<BTreeMap<u64, Arc<KeptRows>>>,
}

/// Cells of some rows of a block.
pub struct KeptRows {
    /// The rows of the table, in ascending order.
    rows: Vec<u64>,
    /// An array for each column, without dictionaries and runs.
    columns: Vec<ArrayRef>,
}

impl KeptRows {
    /// Return some of the rows, an array for each column; nothing if one of them was not kept.
    pub fn take(&self, rows: &[u64]) -> Result<Option<Vec<Vec<ArrayRef>>>> {
        let indices = rows.iter().map(|row| self.rows.binary_search(row).ok());
        let Some(indices) = indices
            .map(|index| index.map(|index| index as u64))
            .collect::<Option<Vec<u64>>>()
        else {
            return Ok(None);
        };
        let indices = UInt64Array::from(indices);
        let columns = self.columns.iter();
        let taken = columns.map(|column| Ok(vec![select(column, &indices)?]));
        taken.collect::<Result<Vec<_>>>().map(Some)
    }
}

impl Kept {
    /// Keep the cells of some rows of a block, which `read` returns, if they are few and memory may hold them.
    pub fn keep(
        &self,
        block: u64,
        rows: &[usize],
        read: impl FnOnce() -> Result<Vec<ArrayRef>>,
    ) -> Result<()> {
        if rows.is_empty() || rows.len() > ROWS || self.bytes.load(Ordering::Relaxed) > BYTES {
            return Ok(());
        }
        let columns: Vec<ArrayRef> = read()?.into_iter().map(compact).collect();
        let bytes: usize = columns
            .iter()
            .map(arrow_array::Array::get_array_memory_size)
            .sum();
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > BYTES {
            return Ok(());
        }
        let first = block * BLOCK_ROWS as u64;
        let rows = rows.iter().map(|row| first + *row as u64).collect();
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        blocks.insert(block, Arc::new(KeptRows { rows, columns }));
        Ok(())
    }

    /// Return the kept rows of a block.
    pub fn block(&self, block: u64) -> Option<Arc<KeptRows>> {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks.get(&block).cloned()
    }
}

/// Return the same array in its own memory: views would keep the pages that they were read from.
fn compact(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        _ => array,
    }
}
