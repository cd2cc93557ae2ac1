//! Tables whose rows may be in any order: a digest of each row, sorted.
//!
//! Memory holds 32 bytes for each row and hash function.

use super::{Columns, Reading, TableDigest, column_names, each_window, in_column};
use crate::control::Control;
use crate::error::Result;
use lineaprint_digest::{Algorithms, Digests, Hash, table as description};
use lineaprint_formats::table::{Block, Column, Format, block, parquet};
use rayon::prelude::*;

/// Rows that one thread hashes at a time.
const ROWS: usize = 1024;

/// Hash the rows of an open table.
pub fn hash(
    reading: Reading,
    format: Format,
    size: u64,
    algorithms: Algorithms,
    control: &Control,
) -> Result<TableDigest> {
    let mut rows = Vec::new();
    let columns = match reading {
        Reading::Columns(file) => {
            rows = of_columns(&file, algorithms, control)?;
            file.columns().to_vec()
        }
        Reading::Rows(mut reader) => {
            let columns = reader.columns().to_vec();
            each_window(reader.as_mut(), control, |window| {
                for block in window {
                    rows.extend(of_block(block, &columns, algorithms, control)?);
                }
                Ok(())
            })?;
            columns
        }
    };
    let names: Vec<(&str, &str)> = columns
        .iter()
        .map(|column| (column.name.as_str(), column.spelling.as_str()))
        .collect();
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        let mut hashes: Vec<Hash> = rows.iter().filter_map(|row| row.get(algorithm)).collect();
        hashes.par_sort_unstable();
        digests.set(algorithm, description::unordered(algorithm, &names, &hashes));
    }
    Ok(TableDigest {
        format,
        size,
        rows: rows.len() as u64,
        columns: Columns::Unordered(column_names(&columns)),
        digests,
    })
}

/// Return the digests of all rows of a Parquet file, in any order.
fn of_columns(file: &parquet::Parts, algorithms: Algorithms, control: &Control) -> Result<Vec<Digests>> {
    if file.columns().is_empty() {
        let none = Digests::of(&[], algorithms);
        return Ok(vec![none; usize::try_from(file.rows()).unwrap_or(usize::MAX)]);
    }
    let blocks: Vec<u64> = (0..file.blocks()).collect();
    // Runs of blocks, so that columns of lists are not decoded from the start of their group for each of them.
    let run = blocks.len().div_ceil(rayon::current_num_threads() * 2).max(1);
    let hashed = blocks
        .par_chunks(run)
        .with_max_len(1)
        .map(|run| {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                return Ok(Vec::new());
            };
            let range = *first..last + 1;
            let columns = 0..file.columns().len();
            let mut readers: Vec<_> = columns.map(|column| file.read(column, range.clone())).collect();
            let mut rows = Vec::new();
            for _ in run {
                control.check()?;
                let columns = readers
                    .iter_mut()
                    .map(|reader| {
                        let name = &file.columns()[reader.column()].name;
                        let pieces = reader.next_block().map_err(|error| in_column(error, name))?;
                        Ok(pieces.unwrap_or_default())
                    })
                    .collect::<Result<Vec<_>>>()?;
                let count = columns[0].iter().map(|piece| piece.len()).sum();
                let block = Block { rows: count, columns };
                rows.extend(of_block(&block, file.columns(), algorithms, control)?);
            }
            Ok(rows)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(hashed.into_iter().flatten().collect())
}

/// Compute the digests of the rows of a block: for each row the plain digest of its one-row blocks in order.
fn of_block(
    block: &Block,
    columns: &[Column],
    algorithms: Algorithms,
    control: &Control,
) -> Result<Vec<Digests>> {
    let starts: Vec<usize> = (0..block.rows).step_by(ROWS).collect();
    let hashed = starts
        .into_par_iter()
        .with_max_len(1)
        .map(|start| {
            control.check()?;
            let end = (start + ROWS).min(block.rows);
            let mut bytes = vec![Vec::new(); end - start];
            for (pieces, column) in block.columns.iter().zip(columns) {
                add_column(pieces, start, &mut bytes).map_err(|error| in_column(error, &column.name))?;
            }
            Ok(bytes
                .iter()
                .map(|row| Digests::of(row, algorithms))
                .collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(hashed.into_iter().flatten().collect())
}

/// Add the one-row blocks of a column to the bytes of each row from `start` on.
fn add_column(
    pieces: &[arrow_array::ArrayRef],
    start: usize,
    rows: &mut [Vec<u8>],
) -> std::result::Result<(), lineaprint_formats::FormatError> {
    let mut first = 0;
    for piece in pieces {
        let from = start.max(first);
        let to = (start + rows.len()).min(first + piece.len());
        for row in from..to {
            let cell = [piece.slice(row - first, 1)];
            block::write(&cell, &mut |bytes| rows[row - start].extend_from_slice(bytes))?;
        }
        first += piece.len();
    }
    Ok(())
}
