//! Tables: files of several formats, and the same in memory.

use crate::digests::{NativeDigests, algorithms, columns, number};
use crate::failure::NativeFailure;
use crate::job::{NativeJob, start};
use lineaprint_digest::Algorithms;
use lineaprint_engine::digest::table::{self, Options, TableDigest, compare};
use lineaprint_engine::schedule::readers::Place;
use lineaprint_engine::{Control, Error};
use lineaprint_formats::table::Format;
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use std::path::PathBuf;

/// How a table is hashed; TypeScript has filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativeTableOptions {
    pub algorithm: String,
    /// `parquet`, `arrow`, `csv` or `jsonl`; found out where it is not given.
    pub format: Option<String>,
    /// Names of columns and spellings of their types, in turn.
    pub schema: Option<Vec<String>>,
    /// Whether the rows may be in any order.
    pub unordered: bool,
}

/// A hashed table, its columns side by side.
#[napi(object, object_from_js = false)]
pub struct NativeTable {
    pub format: String,
    pub size: i64,
    pub rows: i64,
    pub digests: NativeDigests,
    pub names: Vec<String>,
    pub types: Vec<String>,
    /// The `table` digest of each column alone; none where rows may be in any order.
    pub columns: Option<NativeDigests>,
    /// The digests of the blocks of each column, one column after the other.
    pub blocks: NativeDigests,
}

/// Hashes the table at `path`.
#[napi(ts_return_type = "Promise<NativeTable | NativeFailure>")]
pub fn hash_table<'env>(
    env: &'env Env,
    job: &NativeJob,
    path: String,
    options: NativeTableOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let options = lower(options)?;
    let path = PathBuf::from(path);
    let place = Some(Place::Values(path.clone()));
    start(env, threads, job, place, move |control: &Control| {
        table::hash(&path, &options, control).map(|table| native(table, &options))
    })
}

/// Hashes a table in memory, of which a copy is made: JavaScript may write to its buffers meanwhile.
#[napi(ts_return_type = "Promise<NativeTable | NativeFailure>")]
pub fn hash_table_bytes<'env>(
    env: &'env Env,
    job: &NativeJob,
    bytes: &[u8],
    options: NativeTableOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let options = lower(options)?;
    let bytes = bytes.to_vec();
    start(env, threads, job, None, move |control: &Control| {
        table::hash_bytes(bytes, &options, control).map(|table| native(table, &options))
    })
}

fn lower(options: NativeTableOptions) -> napi::Result<Options> {
    let format = options.format.map(|name| {
        Format::parse(&name).ok_or_else(|| napi::Error::from_reason(format!("unknown format {name:?}")))
    });
    let schema = options.schema.map(|words| {
        let (pairs, _) = words.as_chunks::<2>();
        pairs
            .iter()
            .cloned()
            .map(|[name, spelling]| (name, spelling))
            .collect()
    });
    Ok(Options {
        algorithms: algorithms(&options.algorithm)?,
        format: format.transpose()?,
        schema,
        unordered: options.unordered,
    })
}

fn native(table: TableDigest, options: &Options) -> NativeTable {
    let Options {
        algorithms,
        unordered,
        ..
    } = *options;
    let own = (!unordered).then(|| columns(algorithms, table.columns.iter().map(|column| column.digests)));
    NativeTable {
        format: table.format.name().to_owned(),
        size: number(table.size),
        rows: number(table.rows),
        digests: table.digests.into(),
        blocks: blocks(&table, algorithms),
        columns: own,
        types: table
            .columns
            .iter()
            .map(|column| column.spelling.clone())
            .collect(),
        names: table.columns.into_iter().map(|column| column.name).collect(),
    }
}

fn blocks(table: &TableDigest, algorithms: Algorithms) -> NativeDigests {
    let all = table
        .columns
        .iter()
        .flat_map(|column| column.blocks.iter().copied());
    columns(algorithms, all)
}

/// How far the numbers of two tables are apart.
#[napi(object, object_from_js = false)]
pub struct NativeDistances {
    /// For each column that was asked for; nothing where something else than numbers differs.
    pub largest: Vec<Option<f64>>,
}

/// The largest absolute difference in each of some columns of two tables of equal columns and rows.
#[napi(ts_return_type = "Promise<NativeDistances | NativeFailure>")]
pub fn table_distances<'env>(
    env: &'env Env,
    job: &NativeJob,
    before: String,
    after: String,
    columns: Vec<u32>,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let (before, after) = (PathBuf::from(before), PathBuf::from(after));
    let columns: Vec<usize> = columns.into_iter().map(|column| column as usize).collect();
    let place = Some(Place::Values(before.clone()));
    start(env, threads, job, place, move |control: &Control| {
        let largest = compare::distances(&before, &after, &columns, control)?;
        Ok(NativeDistances { largest })
    })
}

/// What is wrong with a spelling of a type; nothing if it is one.
#[napi(catch_unwind)]
pub fn check_column_type(spelling: String) -> Option<NativeFailure> {
    let error = lineaprint_formats::table::types::parse(&spelling).err()?;
    Some(Error::from(error).into())
}
