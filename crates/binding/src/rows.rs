//! Tables, row by row.

use crate::digests::number;
use crate::enums::NativeRowStatus;
use crate::job::{NativeJob, start};
use crate::table::{NativeTable, NativeTableOptions, native_table};
use lineaprint_engine::rows::difference::{Comparison, DiffRows, Outcome, RowDifference};
use lineaprint_engine::rows::leaks::{Example, FindLeaks, Leaks};
use lineaprint_engine::rows::listing::{Change, ListedRow};
use lineaprint_engine::rows::near::NearLeaks;
use lineaprint_engine::rows::side::TableFiles;
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;

/// The files of a table in the order of their rows, and how they are read.
#[napi(object, object_to_js = false)]
pub struct NativeTableFiles {
    pub paths: Vec<String>,
    pub options: NativeTableOptions,
}

impl From<NativeTableFiles> for TableFiles {
    fn from(files: NativeTableFiles) -> Self {
        Self {
            paths: files.paths.into_iter().map(PathBuf::from).collect(),
            options: files.options.into(),
        }
    }
}

/// Request of a comparison.
#[napi(object, object_to_js = false)]
pub struct NativeRowRequest {
    /// Names of the columns that identify a row; none if all columns do.
    pub key: Vec<String>,
    /// 32 random bytes, new for each comparison.
    pub secret: Uint8Array,
    /// The number of rows that are listed.
    pub list: u32,
    /// The Parquet file to which all rows that differ are written.
    pub output: Option<String>,
    /// The most bytes of records in memory.
    pub memory: Option<u32>,
}

/// Two tables and the rows that differ, or the reason why they were not compared.
#[napi(object, object_from_js = false)]
pub struct NativeRowOutcome {
    /// The table, 0 or 1, of which the key does not name one column each. Nothing else is there then, but its columns.
    pub wrong_key: Option<u32>,
    pub columns: Option<Vec<String>>,
    pub before: Option<NativeTable>,
    pub after: Option<NativeTable>,
    pub not_compared: Option<String>,
    pub difference: Option<NativeRowDifference>,
}

/// The rows that differ.
#[napi(object, object_from_js = false)]
pub struct NativeRowDifference {
    pub removed: i64,
    pub added: i64,
    pub changed: i64,
    pub same_order: bool,
    /// Keys that occur several times in each table; absent without a key.
    pub duplicate_keys: Option<Vec<i64>>,
    /// For each column, in how many of the examined rows its cells differ.
    pub names: Vec<String>,
    pub cells: Vec<i64>,
    /// Changed rows whose cells were compared.
    pub examined: i64,
    pub listed: Vec<NativeListedRow>,
}

/// A row that differs, with its cells as text.
#[napi(object, object_from_js = false)]
pub struct NativeListedRow {
    pub status: NativeRowStatus,
    pub before: Option<i64>,
    pub after: Option<i64>,
    pub key: Vec<Option<String>>,
    /// Indices of the columns of the cells.
    pub columns: Vec<u32>,
    pub cells_before: Vec<Option<String>>,
    pub cells_after: Vec<Option<String>>,
}

/// Hash two tables, and compare them row by row.
#[napi(ts_return_type = "Promise<NativeRowOutcome | NativeFailure>")]
pub fn diff_rows<'env>(
    env: &'env Env,
    job: &NativeJob,
    before: NativeTableFiles,
    after: NativeTableFiles,
    request: NativeRowRequest,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let before = TableFiles::from(before);
    let algorithms = before.options.algorithms;
    let request = DiffRows {
        before,
        after: after.into(),
        key: request.key,
        secret: secret(&request.secret),
        list: request.list as usize,
        output: request.output.map(PathBuf::from),
        memory: request.memory.map(|bytes| bytes as usize),
    };
    start(env, job, threads, request, move |comparison| {
        let read = match comparison {
            Comparison::WrongKey { side, columns } => {
                return NativeRowOutcome {
                    wrong_key: u32::try_from(side).ok(),
                    columns: Some(columns),
                    before: None,
                    after: None,
                    not_compared: None,
                    difference: None,
                };
            }
            Comparison::Read(read) => *read,
        };
        let (not_compared, difference) = match read.rows {
            Outcome::NotCompared(reason) => (Some(reason), None),
            Outcome::Compared(difference) => (None, Some((*difference).into())),
        };
        NativeRowOutcome {
            wrong_key: None,
            columns: None,
            before: Some(native_table(read.before, algorithms)),
            after: Some(native_table(read.after, algorithms)),
            not_compared,
            difference,
        }
    })
}

/// Return the key of a hash; bytes that are missing are zero.
fn secret(bytes: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(bytes) {
        *to = *from;
    }
    key
}

impl From<RowDifference> for NativeRowDifference {
    fn from(difference: RowDifference) -> Self {
        let (names, cells) = difference.columns.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let duplicates = difference
            .duplicates
            .map(|keys| vec![number(keys.before), number(keys.after)]);
        Self {
            removed: number(difference.removed),
            added: number(difference.added),
            changed: number(difference.changed),
            same_order: difference.same_order,
            duplicate_keys: duplicates,
            names,
            cells: cells.into_iter().map(number).collect(),
            examined: number(difference.examined),
            listed: difference.listed.into_iter().map(NativeListedRow::from).collect(),
        }
    }
}

impl From<ListedRow> for NativeListedRow {
    fn from(row: ListedRow) -> Self {
        let (status, before, after) = match row.change {
            Change::Changed(before, after) => (NativeRowStatus::Changed, Some(before), Some(after)),
            Change::Removed(before) => (NativeRowStatus::Removed, Some(before), None),
            Change::Added(after) => (NativeRowStatus::Added, None, Some(after)),
        };
        let mut columns = Vec::with_capacity(row.cells.len());
        let (mut cells_before, mut cells_after) = (Vec::new(), Vec::new());
        for cell in row.cells {
            columns.push(u32::try_from(cell.column).unwrap_or(u32::MAX));
            cells_before.push(cell.before);
            cells_after.push(cell.after);
        }
        Self {
            status,
            before: before.map(number),
            after: after.map(number),
            key: row.key,
            columns,
            cells_before,
            cells_after,
        }
    }
}

/// Rows that are in several splits, or several times in one.
#[napi(object, object_from_js = false)]
pub struct NativeLeaks {
    /// Rows of each split.
    pub rows: Vec<i64>,
    /// For each split, its rows that are equal to one before them in the same split.
    pub within: Vec<i64>,
    /// For each split and each other one, the rows of the first that are in the second as well; row by row of a matrix.
    pub between: Vec<i64>,
    /// Some of the rows that are in several splits, four numbers each: split and row, and other split and row.
    pub examples: Vec<i64>,
    /// The same of near duplicates, if they were asked for.
    pub near: Option<NativeNearLeaks>,
}

/// Rows whose texts are equal or near each other.
#[napi(object, object_from_js = false)]
pub struct NativeNearLeaks {
    /// Characters of a shingle.
    pub shingle: u32,
    pub permutations: u32,
    pub bands: u32,
    /// Numbers of a band.
    pub band_rows: u32,
    pub recall: f64,
    /// Pairs of different texts that are near each other.
    pub pairs: i64,
    pub within: Vec<i64>,
    pub between: Vec<i64>,
    pub examples: Vec<i64>,
    /// The similarity of each example.
    pub similarities: Vec<f64>,
}

impl From<NearLeaks> for NativeNearLeaks {
    fn from(near: NearLeaks) -> Self {
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (examples, similarities): (Vec<_>, Vec<_>) = near.examples.into_iter().unzip();
        Self {
            shingle: short(near.shingle),
            permutations: short(near.permutations),
            bands: short(near.bands.count),
            band_rows: short(near.bands.rows),
            recall: near.bands.recall,
            pairs: number(near.pairs),
            within: near.within.into_iter().map(number).collect(),
            between: near.between.into_iter().map(number).collect(),
            examples: native_examples(examples),
            similarities,
        }
    }
}

fn native_examples(examples: Vec<Example>) -> Vec<i64> {
    let numbers = examples.into_iter().flat_map(|example| {
        [
            example.split as u64,
            example.row,
            example.other as u64,
            example.other_row,
        ]
    });
    numbers.map(number).collect()
}

/// Request of a count.
#[napi(object, object_to_js = false)]
pub struct NativeLeakRequest {
    /// Columns that are compared as text.
    pub text: Vec<String>,
    /// The least similarity of texts that are near each other.
    pub near: Option<f64>,
    /// 32 random bytes, new for each comparison.
    pub secret: Uint8Array,
    /// The number of examples.
    pub list: u32,
}

/// Count the rows that are in several splits.
#[napi(ts_return_type = "Promise<NativeLeaks | NativeFailure>")]
pub fn find_leaks<'env>(
    env: &'env Env,
    job: &NativeJob,
    splits: Vec<NativeTableFiles>,
    request: NativeLeakRequest,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = FindLeaks {
        splits: splits.into_iter().map(TableFiles::from).collect(),
        text: request.text,
        near: request.near,
        secret: secret(&request.secret),
        list: request.list as usize,
        memory: None,
    };
    start(env, job, threads, request, |leaks: Leaks| NativeLeaks {
        rows: leaks.rows.into_iter().map(number).collect(),
        within: leaks.within.into_iter().map(number).collect(),
        between: leaks.between.into_iter().map(number).collect(),
        examples: native_examples(leaks.examples),
        near: leaks.near.map(NativeNearLeaks::from),
    })
}
