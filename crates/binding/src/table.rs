//! Tables: files of several formats, and the same in memory.

use crate::digests::{NativeDigests, columns, number};
use crate::enums::{NativeAlgorithm, NativeSequenceFormat, NativeTableFormat, NativeTextEncoding};
use crate::failure::NativeFailure;
use crate::job::{NativeJob, start};
use lineaprint_digest::Algorithms;
use lineaprint_engine::Error;
use lineaprint_engine::digest::archive::samples::HashSamples;
use lineaprint_engine::digest::sequence::{Form, HashRecords, SequenceDigest};
use lineaprint_engine::digest::table::compare::CompareTables;
use lineaprint_engine::digest::table::{Columns, Dialect, HashTable, HashTableBytes, Options, TableDigest};
use lineaprint_formats::mds::{Checksum, Column, Shard, Stated};
use lineaprint_formats::pieces::Compression;
use lineaprint_formats::table::csv::Encoding;
use lineaprint_formats::table::statistics::{Histogram, Summary};
use lineaprint_formats::table::{Format, types};
use lineaprint_formats::text::line_ends::MixedLineEnds;
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use std::path::PathBuf;

/// Options of a table; TypeScript has filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativeTableOptions {
    pub algorithm: NativeAlgorithm,
    /// Detected where it is not given.
    pub format: Option<NativeTableFormat>,
    /// Names of columns and spellings of their types, in turn.
    pub schema: Option<Vec<String>>,
    /// The delimiter of CSV, one ASCII character; that of its name where it is not given.
    pub delimiter: Option<String>,
    /// The quote of CSV, one ASCII character, or empty text for none; `"` where it is not given.
    pub quote: Option<String>,
    /// The encoding of CSV; UTF-8 where it is not given.
    pub encoding: Option<NativeTextEncoding>,
    /// The name of the table in a database; its only one where it is not given.
    pub table: Option<String>,
    /// True if the rows may be in any order.
    pub unordered: bool,
    /// True for statistics of the columns.
    pub statistics: bool,
}

/// A hashed table, its columns side by side.
#[napi(object, object_from_js = false)]
pub struct NativeTable {
    pub format: NativeTableFormat,
    pub size: i64,
    pub rows: i64,
    pub digests: NativeDigests,
    pub names: Vec<String>,
    pub types: Vec<String>,
    /// Digests of the columns; none where rows may be in any order.
    pub columns: Option<NativeColumns>,
    /// Statistics of each column, if they were asked for.
    pub statistics: Option<Vec<NativeColumnStatistics>>,
    pub mixed_line_ends: Option<NativeMixedLineEnds>,
}

/// A file whose lines end in two ways.
#[napi(object, object_from_js = false)]
pub struct NativeMixedLineEnds {
    /// Its index among the files.
    pub part: u32,
    /// Lines that end with a line feed alone.
    pub without_return: i64,
    /// Lines that end with a carriage return and a line feed.
    pub with_return: i64,
}

impl From<MixedLineEnds> for NativeMixedLineEnds {
    fn from(mixed: MixedLineEnds) -> Self {
        Self {
            part: u32::try_from(mixed.part).unwrap_or(u32::MAX),
            without_return: number(mixed.lines.without_return),
            with_return: number(mixed.lines.with_return),
        }
    }
}

/// Statistics of the values of a column. Numbers are decimal text, which holds those that JavaScript's do not.
#[napi(object, object_from_js = false)]
pub struct NativeColumnStatistics {
    pub nulls: i64,
    pub minimum: Option<String>,
    pub maximum: Option<String>,
    pub mean: Option<f64>,
    /// The lower edge of the first bin.
    pub from: Option<String>,
    /// The width of each bin.
    pub width: Option<String>,
    /// The number of values in each bin.
    pub counts: Option<Vec<i64>>,
    pub nan: Option<i64>,
    pub infinity: Option<i64>,
    pub negative_infinity: Option<i64>,
    pub trues: Option<i64>,
    pub shortest: Option<i64>,
    pub longest: Option<i64>,
}

impl From<Summary> for NativeColumnStatistics {
    fn from(summary: Summary) -> Self {
        let histogram = summary.histogram.map(|Histogram { from, width, counts }| {
            let counts: Vec<i64> = counts.into_iter().map(number).collect();
            (from, width, counts)
        });
        let (from, width, counts) = match histogram {
            Some((from, width, counts)) => (Some(from), Some(width), Some(counts)),
            None => (None, None, None),
        };
        Self {
            nulls: number(summary.nulls),
            minimum: summary.minimum,
            maximum: summary.maximum,
            mean: summary.mean,
            from,
            width,
            counts,
            nan: summary.special.map(|special| number(special.nan)),
            infinity: summary.special.map(|special| number(special.infinity)),
            negative_infinity: summary.special.map(|special| number(special.negative_infinity)),
            trues: summary.trues.map(number),
            shortest: summary.shortest.map(number),
            longest: summary.longest.map(number),
        }
    }
}

/// Digests of the columns of a table whose rows are in order.
#[napi(object, object_from_js = false)]
pub struct NativeColumns {
    /// The `table` digest of each column alone.
    pub digests: NativeDigests,
    /// The digests of the blocks of each column, one column after the other.
    pub blocks: NativeDigests,
}

/// Hash the table whose rows are those of the files at `paths`, in this order.
#[napi(ts_return_type = "Promise<NativeTable | NativeFailure>")]
pub fn hash_table<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    options: NativeTableOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let options = Options::from(options);
    let algorithms = options.algorithms;
    let paths = paths.into_iter().map(PathBuf::from).collect();
    start(env, job, threads, HashTable { paths, options }, move |table| {
        native_table(table, algorithms)
    })
}

/// Hash a table in memory, of which a copy is made: JavaScript may write to its buffers meanwhile.
#[napi(ts_return_type = "Promise<NativeTable | NativeFailure>")]
pub fn hash_table_bytes<'env>(
    env: &'env Env,
    job: &NativeJob,
    bytes: &[u8],
    options: NativeTableOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let options = Options::from(options);
    let algorithms = options.algorithms;
    let bytes = bytes.to_vec();
    start(
        env,
        job,
        threads,
        HashTableBytes { bytes, options },
        move |table| native_table(table, algorithms),
    )
}

impl From<NativeTableOptions> for Options {
    fn from(options: NativeTableOptions) -> Self {
        let schema = options.schema.map(|words| {
            let (pairs, _) = words.as_chunks::<2>();
            pairs
                .iter()
                .cloned()
                .map(|[name, spelling]| (name, spelling))
                .collect()
        });
        let byte = |text: &str| text.bytes().next();
        let dialect = Dialect {
            delimiter: options.delimiter.as_deref().and_then(byte),
            quote: options.quote.as_deref().map(byte),
            encoding: options.encoding.map(Encoding::from).unwrap_or_default(),
        };
        Self {
            algorithms: options.algorithm.into(),
            dialect,
            table: options.table,
            format: options.format.map(Format::from),
            schema,
            unordered: options.unordered,
            statistics: options.statistics,
        }
    }
}

/// Lower a hashed table.
pub fn native_table(table: TableDigest, algorithms: Algorithms) -> NativeTable {
    let (names, types) = table
        .columns
        .names()
        .map(|column| (column.name.clone(), column.spelling.clone()))
        .unzip();
    let digests = match &table.columns {
        Columns::Unordered(_) => None,
        Columns::Ordered(ordered) => Some(NativeColumns {
            digests: columns(algorithms, ordered.iter().map(|column| &column.digests)),
            blocks: columns(algorithms, ordered.iter().flat_map(|column| &column.blocks)),
        }),
    };
    NativeTable {
        format: table.format.into(),
        size: number(table.size),
        rows: number(table.rows),
        digests: table.digests.into(),
        names,
        types,
        columns: digests,
        statistics: table
            .statistics
            .map(|all| all.into_iter().map(NativeColumnStatistics::from).collect()),
        mixed_line_ends: table.mixed_line_ends.map(NativeMixedLineEnds::from),
    }
}

/// The distances of the numbers of two tables.
#[napi(object, object_from_js = false)]
pub struct NativeDistances {
    /// For each column that was asked for; nothing where something else than numbers differs.
    pub largest: Vec<Option<f64>>,
}

/// Compute the largest absolute difference in each of some columns of two tables of equal columns and rows.
#[napi(ts_return_type = "Promise<NativeDistances | NativeFailure>")]
pub fn table_distances<'env>(
    env: &'env Env,
    job: &NativeJob,
    before: String,
    after: String,
    columns: Vec<u32>,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = CompareTables {
        before: PathBuf::from(before),
        after: PathBuf::from(after),
        columns: columns.into_iter().map(|column| column as usize).collect(),
    };
    start(env, job, threads, request, |largest| NativeDistances { largest })
}

/// Check the spelling of a column type; nothing if it is one.
#[napi(catch_unwind)]
pub fn check_column_type(spelling: String) -> Option<NativeFailure> {
    let error = types::parse(&spelling).err()?;
    Some(Error::from(error).into())
}

/// A hashed sequence.
#[napi(object, object_from_js = false)]
pub struct NativeSequence {
    pub size: i64,
    pub records: i64,
    pub digests: NativeDigests,
    pub mixed_line_ends: Option<NativeMixedLineEnds>,
}

impl From<SequenceDigest> for NativeSequence {
    fn from(sequence: SequenceDigest) -> Self {
        Self {
            size: number(sequence.size),
            records: number(sequence.records),
            digests: sequence.digests.into(),
            mixed_line_ends: sequence.mixed_line_ends.map(NativeMixedLineEnds::from),
        }
    }
}

/// Hash the records of the files at `paths`, one file after the other.
#[napi(ts_return_type = "Promise<NativeSequence | NativeFailure>")]
pub fn hash_records<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    format: NativeSequenceFormat,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let paths = paths.into_iter().map(PathBuf::from).collect();
    let algorithms = algorithm.into();
    let form = match format {
        NativeSequenceFormat::Jsonl => Form::Lines,
        NativeSequenceFormat::TfRecord => Form::TfRecord,
        NativeSequenceFormat::WebDataset => {
            let request = HashSamples { paths, algorithms };
            return start(env, job, threads, request, NativeSequence::from);
        }
    };
    let request = HashRecords {
        paths,
        form,
        algorithms,
    };
    start(env, job, threads, request, NativeSequence::from)
}

/// A shard of samples, as its index describes it.
#[napi(object, object_to_js = false)]
pub struct NativeMdsShard {
    /// Path of the file that is read.
    pub path: String,
    /// Number of samples.
    pub samples: f64,
    /// Names of the columns, in the order of their values.
    pub names: Vec<String>,
    /// Names of their encodings.
    pub encodings: Vec<String>,
    /// Bytes of each value; 0 if the samples state them.
    pub sizes: Vec<u32>,
    /// The uncompressed shard.
    pub raw: NativeMdsFile,
    /// The file, if it is compressed.
    pub stored: Option<NativeMdsFile>,
    /// True if the file is compressed with zstd, and not with gzip.
    pub zstd: bool,
}

/// The statements of an index about a file.
#[napi(object, object_to_js = false)]
pub struct NativeMdsFile {
    pub bytes: f64,
    /// Names of hashes and their digits, in turn.
    pub hashes: Vec<String>,
}

impl From<NativeMdsFile> for Stated {
    fn from(stated: NativeMdsFile) -> Self {
        let (pairs, _) = stated.hashes.as_chunks::<2>();
        Self {
            bytes: length(stated.bytes),
            checksums: pairs
                .iter()
                .filter_map(|[name, hex]| Checksum::of(name, hex))
                .collect(),
        }
    }
}

/// Return a length that TypeScript has checked to be a safe integer.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
const fn length(number: f64) -> u64 {
    number as u64
}

impl From<NativeMdsShard> for Shard {
    fn from(shard: NativeMdsShard) -> Self {
        let columns =
            shard
                .names
                .into_iter()
                .zip(shard.encodings)
                .zip(shard.sizes)
                .map(|((name, encoding), size)| Column {
                    name,
                    encoding,
                    size: (size > 0).then_some(size),
                });
        let compression = if shard.zstd {
            Compression::Zstd
        } else {
            Compression::Gzip
        };
        Self {
            columns: columns.collect(),
            samples: length(shard.samples),
            raw: shard.raw.into(),
            stored: shard.stored.map(|stored| (compression, stored.into())),
        }
    }
}

/// Hash the samples of shards, one shard after the other.
#[napi(ts_return_type = "Promise<NativeSequence | NativeFailure>")]
pub fn hash_shards<'env>(
    env: &'env Env,
    job: &NativeJob,
    shards: Vec<NativeMdsShard>,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let paths = shards.iter().map(|shard| PathBuf::from(&shard.path)).collect();
    let request = HashRecords {
        paths,
        form: Form::Mds(shards.into_iter().map(Shard::from).collect()),
        algorithms: algorithm.into(),
    };
    start(env, job, threads, request, NativeSequence::from)
}

/// Check whether a hash of this name is checked.
#[napi(catch_unwind)]
pub fn is_checked_hash(name: String) -> bool {
    Checksum::of(&name, "").is_some()
}
