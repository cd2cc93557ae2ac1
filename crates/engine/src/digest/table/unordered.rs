//! Tables whose rows may be in any order: a digest of each row, sorted.
//!
//! Memory holds 32 bytes for each row and hash function.

use super::{Columns, Options, Reading, TableDigest, column_names, each_window, in_column, summaries};
use crate::control::Control;
use crate::error::Result;
use lineaprint_digest::{Algorithms, Digests, Hash, table as description};
use lineaprint_formats::table::statistics::Statistics;
use lineaprint_formats::table::{Block, Column, Format, block, parquet};
use rayon::prelude::*;

/// Rows that one thread hashes at a time.
const ROWS: usize = 1024;

/// Hash the rows of an open table.
pub fn hash(
    reading: Reading,
    format: Format,
    size: u64,
    options: &Options,
    control: &Control,
) -> Result<TableDigest> {
    let algorithms = options.algorithms;
    let mut rows = Vec::new();
    let mut statistics;
    let mut mixed_line_ends = None;
    let columns = match reading {
        Reading::Columns(file) => {
            (rows, statistics) = of_columns(&file, options, control)?;
            file.columns().to_vec()
        }
        Reading::Rows(mut reader) => {
            let columns = reader.columns().to_vec();
            statistics = none(&columns, options);
            each_window(reader.as_mut(), control, |window| {
                for block in window {
                    add_statistics(&mut statistics, block, &columns)?;
                    rows.extend(of_block(block, &columns, algorithms, control)?);
                }
                Ok(())
            })?;
            mixed_line_ends = reader.mixed_line_ends();
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
        statistics: summaries(options, &statistics),
        mixed_line_ends,
    })
}

/// Return statistics without values for each column; nothing for each if none are asked for.
fn none(columns: &[Column], options: &Options) -> Vec<Option<Statistics>> {
    let none = |column: &Column| options.statistics.then(|| Statistics::new(&column.data_type));
    columns.iter().map(none).collect()
}

/// Add the values of a block to the statistics of each column.
fn add_statistics(statistics: &mut [Option<Statistics>], block: &Block, columns: &[Column]) -> Result<()> {
    for ((statistics, pieces), column) in statistics.iter_mut().zip(&block.columns).zip(columns) {
        if let Some(statistics) = statistics {
            statistics
                .add(pieces)
                .map_err(|error| in_column(error, &column.name))?;
        }
    }
    Ok(())
}

/// Return the digests of all rows of a Parquet file, in any order, and the statistics of its columns.
fn of_columns(
    file: &parquet::Parts,
    options: &Options,
    control: &Control,
) -> Result<(Vec<Digests>, Vec<Option<Statistics>>)> {
    let algorithms = options.algorithms;
    if file.columns().is_empty() {
        let none = Digests::of(&[], algorithms);
        let rows = usize::try_from(file.rows()).unwrap_or(usize::MAX);
        return Ok((vec![none; rows], Vec::new()));
    }
    let blocks: Vec<u64> = (0..file.blocks()).collect();
    // Runs of blocks, so that columns of lists are not decoded from the start of their group for each of them.
    let run = blocks.len().div_ceil(rayon::current_num_threads() * 2).max(1);
    let hashed = blocks
        .par_chunks(run)
        .with_max_len(1)
        .map(|run| {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                return Ok((Vec::new(), Vec::new()));
            };
            let range = *first..last + 1;
            let columns = 0..file.columns().len();
            let mut readers: Vec<_> = columns.map(|column| file.read(column, range.clone())).collect();
            let mut rows = Vec::new();
            let mut statistics = none(file.columns(), options);
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
                add_statistics(&mut statistics, &block, file.columns())?;
                rows.extend(of_block(&block, file.columns(), algorithms, control)?);
            }
            Ok((rows, statistics))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    let mut statistics = none(file.columns(), options);
    for (some, own) in hashed {
        rows.extend(some);
        for (all, more) in statistics.iter_mut().zip(own) {
            if let Some((all, more)) = all.as_mut().zip(more) {
                all.merge(&more);
            }
        }
    }
    Ok((rows, statistics))
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
