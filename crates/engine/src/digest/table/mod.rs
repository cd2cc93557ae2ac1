//! Tables, hashed block by block of their columns.
//!
//! Parquet is read column by column, each cut into ranges of blocks for all threads. Other formats are read in order
//! by one thread, which is one block or batch ahead of those that hash.
//!
//! Memory holds at once, in addition to the digests: for Parquet, for each thread the pages of one block of one column,
//! at most about 64 MiB of byte strings (longer ones are read twice); for other formats two batches, or two blocks of
//! text.

pub mod compare;
pub(crate) mod journal;
mod unordered;

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use arrow_array::ArrayRef;
use bytes::Bytes;
use lineaprint_digest::table::{self as description, Column as Described};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::statistics::{Statistics, Summary};
use lineaprint_formats::table::{
    self, Block, Blocks, Column, Format, Part, Reading, RowReader, csv, parquet,
};
use lineaprint_formats::text::line_ends::MixedLineEnds;
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

/// Options of a table.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hash functions, all in one read.
    pub algorithms: Algorithms,
    /// The format; found out where it is not given.
    pub format: Option<Format>,
    /// The columns of a format of text, with the spellings of their types.
    pub schema: Option<Vec<(String, String)>>,
    /// The characters of CSV.
    pub dialect: Dialect,
    /// The name of the table in a database; its only one where it is not given.
    pub table: Option<String>,
    /// True if the rows may be in any order.
    pub unordered: bool,
    /// True for statistics of the columns, in the same read.
    pub statistics: bool,
}

/// The characters of CSV that are other than its name states.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dialect {
    /// The one between cells.
    pub delimiter: Option<u8>,
    /// The one around cells, or none.
    pub quote: Option<Option<u8>>,
    /// The encoding.
    pub encoding: csv::Encoding,
}

impl Dialect {
    /// Return a file with these characters in place of those that its name states.
    fn apply(self, part: Part) -> Part {
        let dialect = csv::Dialect {
            delimiter: self.delimiter.unwrap_or(part.dialect.delimiter),
            quote: self.quote.unwrap_or(part.dialect.quote),
            encoding: self.encoding,
        };
        Part { dialect, ..part }
    }
}

/// A hashed table.
#[derive(Clone, Debug)]
pub struct TableDigest {
    /// The format it was read as.
    pub format: Format,
    /// Length of the file in bytes.
    pub size: u64,
    /// Rows of the table.
    pub rows: u64,
    /// Its columns in their order.
    pub columns: Columns,
    /// The digest of the kind `table`, or `table-unordered`.
    pub digests: Digests,
    /// Statistics of each column, if they were asked for.
    pub statistics: Option<Vec<Summary>>,
    /// The first file whose lines end in two ways.
    pub mixed_line_ends: Option<MixedLineEnds>,
}

/// The columns of a hashed table.
#[derive(Clone, Debug)]
pub enum Columns {
    /// Columns with digests, of rows in order.
    Ordered(Vec<ColumnDigest>),
    /// Columns without digests, of rows in any order.
    Unordered(Vec<ColumnName>),
}

impl Columns {
    /// Return the name and type of each column.
    pub fn names(&self) -> impl Iterator<Item = &ColumnName> {
        let (ordered, unordered) = match self {
            Self::Ordered(columns) => (columns.as_slice(), [].as_slice()),
            Self::Unordered(columns) => ([].as_slice(), columns.as_slice()),
        };
        ordered.iter().map(|column| &column.column).chain(unordered)
    }
}

/// The name and type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// The name as the file spells it.
    pub name: String,
    /// The type as `docs/format.md` spells it.
    pub spelling: String,
}

impl From<&Column> for ColumnName {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            spelling: column.spelling.clone(),
        }
    }
}

/// A column of a hashed table.
#[derive(Clone, Debug)]
pub struct ColumnDigest {
    /// Its name and type.
    pub column: ColumnName,
    /// Plain digests of its blocks.
    pub blocks: Vec<Digests>,
    /// The `table` digest of this column as a table of its own.
    pub digests: Digests,
}

/// Hash the table whose rows are those of the files at `paths`, in this order, on the threads of the current pool.
///
/// All files must have one format and the same columns. All are open at once.
pub fn hash(paths: &[PathBuf], options: &Options, control: &Control) -> Result<TableDigest> {
    retry_once(|| {
        let inputs = paths
            .iter()
            .map(|path| Ok(Arc::new(FileInput::new(Source::open(path)?.into(), control))))
            .collect::<Result<Vec<_>>>()?;
        let shared = paths.iter().zip(&inputs).map(|(path, input)| {
            let input: Arc<dyn Input> = input.clone();
            (path.to_string_lossy(), input)
        });
        let outcome = hash_inputs(shared.collect(), options, control);
        // An error of the system goes before the error that a reader made of it. So does a change of a file.
        if let Some(error) = inputs.iter().find_map(|input| input.failure()) {
            return Err(error);
        }
        let table = match outcome {
            Err(error) if error.code == Code::Cancelled => return Err(error),
            Err(error) => {
                inputs.iter().try_for_each(|input| input.verify_unchanged())?;
                // What the pages of a database lack may be in its journal.
                paths.iter().try_for_each(|path| journal::refuse_database(path))?;
                // An error that names no file of several is about the table.
                let index = error.part.or_else(|| (paths.len() == 1).then_some(0));
                return Err(match index.and_then(|index| paths.get(index)) {
                    Some(path) => error.at(path),
                    None => error,
                });
            }
            Ok(table) => table,
        };
        inputs.iter().try_for_each(|input| input.finish())?;
        if table.format == Format::Sqlite {
            paths.iter().try_for_each(|path| journal::refuse(path))?;
        }
        Ok(table)
    })
}

/// Hash a table in memory.
pub fn hash_bytes(bytes: Vec<u8>, options: &Options, control: &Control) -> Result<TableDigest> {
    let size = bytes.len() as u64;
    control.add_file(size);
    let input: Arc<dyn Input> = Arc::new(Bytes::from(bytes));
    let table = hash_inputs(vec![("".into(), input)], options, control)?;
    control.advance(size);
    control.file_done();
    Ok(table)
}

/// A request for the digests of a table in one file or several.
#[derive(Clone, Debug)]
pub struct HashTable {
    /// The files, in the order of their rows.
    pub paths: Vec<PathBuf>,
    /// Options of the digests.
    pub options: Options,
}

impl Job for HashTable {
    type Output = TableDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded { paths: &self.paths }
    }

    fn run(self, control: &Control) -> Result<TableDigest> {
        hash(&self.paths, &self.options, control)
    }
}

/// A request for the digests of a table in memory.
#[derive(Clone, Debug)]
pub struct HashTableBytes {
    /// The content of a file.
    pub bytes: Vec<u8>,
    /// Options of the digests.
    pub options: Options,
}

impl Job for HashTableBytes {
    type Output = TableDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Memory
    }

    fn run(self, control: &Control) -> Result<TableDigest> {
        hash_bytes(self.bytes, &self.options, control)
    }
}

/// Hash a table whose files are open, each with its name.
pub(crate) fn hash_inputs(
    inputs: Vec<(Cow<'_, str>, Arc<dyn Input>)>,
    options: &Options,
    control: &Control,
) -> Result<TableDigest> {
    let size = inputs.iter().map(|(_, input)| input.length()).sum();
    let (format, reading) = open_inputs(inputs, options)?;
    if options.unordered {
        return unordered::hash(reading, format, size, options, control);
    }
    let algorithms = options.algorithms;
    let mut mixed_line_ends = None;
    let (rows, names, read) = match reading {
        Reading::Columns(file) => {
            let read = column_blocks(&file, options, control)?;
            (file.rows(), column_names(file.columns()), read)
        }
        Reading::Rows(mut reader) => {
            let (rows, read) = row_blocks(reader.as_mut(), options, control)?;
            mixed_line_ends = reader.mixed_line_ends();
            (rows, column_names(reader.columns()), read)
        }
    };
    let (blocks, statistics): (Vec<_>, Vec<_>) = read
        .into_iter()
        .map(|read| (read.blocks, read.statistics))
        .unzip();
    let statistics = summaries(options, &statistics);
    let (digests, columns) = describe(rows, names, blocks, algorithms);
    Ok(TableDigest {
        format,
        size,
        rows,
        columns: Columns::Ordered(columns),
        digests,
        statistics,
        mixed_line_ends,
    })
}

/// Open a table whose files are open, each with its name.
pub(crate) fn open_inputs(
    inputs: Vec<(Cow<'_, str>, Arc<dyn Input>)>,
    options: &Options,
) -> Result<(Format, Reading)> {
    let mut format = None;
    for (index, (name, input)) in inputs.iter().enumerate() {
        let own = find_format(input.as_ref(), name, options)?;
        if let Some(first) = format.replace(own).filter(|first| *first != own) {
            let mut error = Error::new(Code::Unsupported, "the files of the table have several formats");
            error = error.with_expected(format!("{first:?}"), format!("{own:?}"));
            return Err(error.in_part(index));
        }
    }
    let Some(format) = format else {
        return Err(Error::new(
            Code::Internal,
            "a bug in lineaprint: a table of no files",
        ));
    };
    let parts = inputs.into_iter();
    let parts = parts.map(|(name, input)| Part {
        table: options.table.clone(),
        ..options.dialect.apply(Part::named(input, &name))
    });
    let reading =
        table::open_parts(parts.collect(), format, options.schema.as_deref()).map_err(Error::from)?;
    Ok((format, reading))
}

fn find_format(input: &dyn Input, name: &str, options: &Options) -> Result<Format> {
    if let Some(format) = options.format {
        return Ok(format);
    }
    let length = usize::try_from(input.length().min(8)).unwrap_or(8);
    let start = input.read(0, length).map_err(Error::from)?;
    Format::detect(&start, name).ok_or_else(|| {
        Error::new(Code::Unsupported, "unknown table format").with_expected(
            "Parquet, Arrow IPC, SQLite, .csv, .tsv or .jsonl",
            start.escape_ascii(),
        )
    })
}

fn column_names(columns: &[Column]) -> Vec<ColumnName> {
    columns.iter().map(ColumnName::from).collect()
}

/// Compute the digests of the whole table and of each column.
pub(crate) fn describe(
    rows: u64,
    names: Vec<ColumnName>,
    blocks: Vec<Vec<Digests>>,
    algorithms: Algorithms,
) -> (Digests, Vec<ColumnDigest>) {
    let mut whole = Digests::default();
    let mut own = vec![Digests::default(); names.len()];
    for algorithm in algorithms.iter() {
        let described: Vec<Described<'_>> = names
            .iter()
            .zip(&blocks)
            .map(|(column, blocks)| Described {
                name: &column.name,
                spelling: &column.spelling,
                blocks: blocks.iter().filter_map(|block| block.get(algorithm)).collect(),
            })
            .collect();
        whole.set(algorithm, description::ordered(algorithm, rows, &described));
        for (column, digests) in described.iter().zip(&mut own) {
            let hash = description::ordered(algorithm, rows, std::slice::from_ref(column));
            digests.set(algorithm, hash);
        }
    }
    let columns = names.into_iter().zip(blocks).zip(own);
    let columns = columns.map(|((column, blocks), digests)| ColumnDigest {
        column,
        blocks,
        digests,
    });
    (whole, columns.collect())
}

/// The digests and statistics of a column, or of a range of its blocks.
#[derive(Clone, Debug)]
struct ReadColumn {
    blocks: Vec<Digests>,
    /// Nothing unless statistics are asked for.
    statistics: Option<Statistics>,
}

impl ReadColumn {
    fn new(column: &Column, options: &Options) -> Self {
        Self {
            blocks: Vec::new(),
            statistics: options.statistics.then(|| Statistics::new(&column.data_type)),
        }
    }

    /// Add what follows.
    fn extend(&mut self, other: Self) {
        self.blocks.extend(other.blocks);
        if let Some((own, more)) = self.statistics.as_mut().zip(other.statistics) {
            own.merge(&more);
        }
    }

    /// Add one block.
    fn add_block(&mut self, pieces: &[ArrayRef], algorithms: Algorithms, name: &str) -> Result<()> {
        let statistics = self.statistics.as_mut();
        self.blocks
            .push(block_digest(pieces, statistics, algorithms, name)?);
        Ok(())
    }

    /// Add a block of long byte strings, which are read twice and not held.
    fn add_long_block(
        &mut self,
        file: &parquet::Parts,
        column: usize,
        block: u64,
        algorithms: Algorithms,
    ) -> Result<()> {
        let statistics = self.statistics.as_mut();
        self.blocks
            .push(long_block_digest((file, column, block), statistics, algorithms)?);
        Ok(())
    }
}

/// Hash one block of a column, and add its values to statistics.
pub(crate) fn block_digest(
    pieces: &[ArrayRef],
    statistics: Option<&mut Statistics>,
    algorithms: Algorithms,
    name: &str,
) -> Result<Digests> {
    let mut hasher = Hasher::new(algorithms);
    table::block::write_with(pieces, statistics, &mut |bytes| hasher.update(bytes))
        .map_err(|error| in_column(error, name))?;
    Ok(hasher.finish())
}

/// Hash one block of a column of long byte strings, which are read twice and not held.
pub(crate) fn long_block_digest(
    (file, column, block): (&parquet::Parts, usize, u64),
    mut statistics: Option<&mut Statistics>,
    algorithms: Algorithms,
) -> Result<Digests> {
    let mut hasher = Hasher::new(algorithms);
    // The first of both reads has all values.
    let read = |take: table::block::Take<'_>| {
        let mut first = statistics.take();
        file.read(column, block..block + 1).each_piece(&mut |piece| {
            if let Some(statistics) = &mut first {
                statistics.add(std::slice::from_ref(&piece))?;
            }
            take(piece)
        })
    };
    table::block::write_twice(read, &mut |bytes| hasher.update(bytes))
        .map_err(|error| in_column(error, &file.columns()[column].name))?;
    Ok(hasher.finish())
}

/// Return the figures of all columns, if they were asked for.
fn summaries(options: &Options, statistics: &[Option<Statistics>]) -> Option<Vec<Summary>> {
    let summaries = statistics.iter().flatten().map(Statistics::summary);
    options.statistics.then(|| summaries.collect())
}

/// Put the name of the column before an error, unless it is there already.
pub(crate) fn in_column(mut error: FormatError, name: &str) -> Error {
    if !error.message.starts_with("column ") {
        error.message = format!("column {name:?}: {}", error.message);
    }
    error.into()
}

/// Read every column of a Parquet file.
fn column_blocks(file: &parquet::Parts, options: &Options, control: &Control) -> Result<Vec<ReadColumn>> {
    let columns = file.columns();
    let algorithms = options.algorithms;
    // A few ranges for each thread, so that none waits long for the last.
    let wanted = (rayon::current_num_threads() * 4).div_ceil(columns.len().max(1));
    let units: Vec<_> = (0..columns.len())
        .flat_map(|column| {
            let ranges = file.cut(column, wanted).into_iter();
            ranges.map(move |range| (column, range))
        })
        .collect();
    let hashed = units
        .into_par_iter()
        .with_max_len(1)
        .map(|(column, range)| {
            let name = &columns[column].name;
            let failed = |error| in_column(error, name);
            control.check()?;
            let mut read = ReadColumn::new(&columns[column], options);
            if file.is_long(column) {
                for block in range {
                    read.add_long_block(file, column, block, algorithms)?;
                }
                return Ok((column, read));
            }
            let mut reader = file.read(column, range);
            while let Some(pieces) = reader.next_block().map_err(failed)? {
                control.check()?;
                read.add_block(&pieces, algorithms, name)?;
            }
            Ok((column, read))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut all: Vec<_> = columns
        .iter()
        .map(|column| ReadColumn::new(column, options))
        .collect();
    for (column, read) in hashed {
        all[column].extend(read);
    }
    Ok(all)
}

/// The most bytes of arrays that are hashed at once of a table that is read in order, unless one block has more.
const WINDOW_BYTES: usize = 32 << 20;

/// The bytes of text that each thread reads at once, unless one record has more.
const TEXT_BYTES: usize = 2 << 20;

/// The rows of a table that is read in order.
struct InOrder<'a> {
    reader: &'a mut dyn RowReader,
    waiting: Blocks,
    /// True if the reader has returned its last rows. No more rows are requested then.
    has_ended: bool,
}

impl InOrder<'_> {
    /// Read some blocks; none after the last.
    fn next_window(&mut self, control: &Control) -> Result<Vec<Block>> {
        let mut window = Vec::new();
        let mut bytes = 0;
        while !self.has_ended {
            while let Some(block) = self.waiting.take(false) {
                window.push(block);
            }
            if !window.is_empty() && (bytes > WINDOW_BYTES || window.len() >= 16) {
                return Ok(window);
            }
            control.check()?;
            let read = self.read_some(control)?;
            self.has_ended = read.is_empty();
            for rows in read {
                let arrays = rows.columns.iter();
                bytes += arrays.map(|array| array.get_array_memory_size()).sum::<usize>();
                self.waiting.add(rows);
            }
        }
        window.extend(self.waiting.take(true));
        Ok(window)
    }

    /// Read the next rows, on all threads where the reader can; nothing after the last.
    fn read_some(&mut self, control: &Control) -> Result<Vec<table::Rows>> {
        let wanted = rayon::current_num_threads() * TEXT_BYTES;
        let mut parts = Vec::new();
        let mut bytes = 0;
        let mut failure = None;
        while bytes < wanted {
            match self.reader.next_part() {
                Ok(Some(part)) => {
                    bytes += part.size();
                    parts.push(part);
                }
                Ok(None) => break,
                // What is wrong in the parts before comes first.
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if parts.is_empty() && failure.is_none() {
            let rows = self.reader.next_rows().map_err(Error::from)?;
            return Ok(rows.into_iter().collect());
        }
        parts.par_iter_mut().with_max_len(1).try_for_each(|part| {
            control.check()?;
            part.read();
            Ok::<_, Error>(())
        })?;
        let mut read = Vec::with_capacity(parts.len());
        for part in parts {
            read.push(self.reader.add_part(part).map_err(Error::from)?);
        }
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(read),
        }
    }
}

/// Read a table in order, and hands windows of blocks to `work` while the next one is read.
fn each_window(
    reader: &mut dyn RowReader,
    control: &Control,
    mut work: impl FnMut(&[Block]) -> Result<()> + Send,
) -> Result<()> {
    let mut rows = InOrder {
        reader,
        waiting: Blocks::default(),
        has_ended: false,
    };
    let mut window = rows.next_window(control)?;
    while !window.is_empty() {
        let (done, next) = rayon::join(|| work(&window), || rows.next_window(control));
        done?;
        window = next?;
    }
    Ok(())
}

/// Read every column of a table that is read in order, and return the number of its rows with them.
fn row_blocks(
    reader: &mut dyn RowReader,
    options: &Options,
    control: &Control,
) -> Result<(u64, Vec<ReadColumn>)> {
    let columns = reader.columns().to_vec();
    let mut all: Vec<_> = columns
        .iter()
        .map(|column| ReadColumn::new(column, options))
        .collect();
    let mut rows = 0;
    each_window(reader, control, |window| {
        rows += window.iter().map(|block| block.rows as u64).sum::<u64>();
        let units: Vec<_> = (0..columns.len())
            .flat_map(|column| window.iter().map(move |block| (column, block)))
            .collect();
        let hashed = units
            .into_par_iter()
            .with_max_len(1)
            .map(|(column, block)| {
                control.check()?;
                let mut read = ReadColumn::new(&columns[column], options);
                read.add_block(&block.columns[column], options.algorithms, &columns[column].name)?;
                Ok((column, read))
            })
            .collect::<Result<Vec<_>>>()?;
        for (column, read) in hashed {
            all[column].extend(read);
        }
        Ok(())
    })?;
    Ok((rows, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panics;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A file whose reads panic after the first `remaining`, as a bug of lineaprint would.
    struct Buggy {
        bytes: Bytes,
        remaining: AtomicUsize,
    }

    impl Input for Buggy {
        fn length(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read(&self, offset: u64, length: usize) -> std::result::Result<Bytes, FormatError> {
            let remaining = self.remaining.load(Ordering::Relaxed);
            assert!(remaining > 0, "a bug");
            self.remaining.store(remaining - 1, Ordering::Relaxed);
            self.bytes.read(offset, length)
        }
    }

    #[test]
    fn panic_is_never_an_error_of_the_file() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/tables/");
        let vector = |name: &str| std::fs::read(format!("{folder}{name}")).expect("a vector");
        let schema = vec![("a".to_owned(), "int8".to_owned())];
        let text = |content: &str| content.as_bytes().to_vec();
        for (bytes, format, schema) in [
            (vector("21.parquet"), Format::Parquet, None),
            (vector("21.v2.parquet"), Format::Parquet, None),
            (vector("25.painted.parquet"), Format::Parquet, None),
            (vector("21.arrow"), Format::Arrow, None),
            (vector("21.arrows"), Format::Arrow, None),
            (text("a\n1\n"), Format::Csv, None),
            (text("{\"a\":1}\n"), Format::Jsonl, Some(schema)),
        ] {
            for unordered in [false, true] {
                let options = Options {
                    algorithms: Algorithms::BLAKE3,
                    format: Some(format),
                    schema: schema.clone(),
                    dialect: Dialect::default(),
                    table: None,
                    unordered,
                    statistics: true,
                };
                let mut reads = 0;
                // Until there are reads enough for the whole file.
                loop {
                    let input = Buggy {
                        bytes: Bytes::from(bytes.clone()),
                        remaining: AtomicUsize::new(reads),
                    };
                    let run = || {
                        let input: Arc<dyn Input> = Arc::new(input);
                        hash_inputs(vec![("".into(), input)], &options, &Control::new())
                    };
                    let Err(error) = panics::catch(run) else {
                        break;
                    };
                    assert_eq!(
                        error.code,
                        Code::Internal,
                        "{format:?} after {reads} reads: {error}"
                    );
                    reads += 1;
                }
                assert!(reads > 0, "{format:?}");
            }
        }
    }

    #[test]
    fn reader_is_not_asked_again_after_its_last_rows() {
        struct Once(usize);
        impl RowReader for Once {
            fn columns(&self) -> &[Column] {
                &[]
            }
            fn next_rows(&mut self) -> std::result::Result<Option<table::Rows>, FormatError> {
                self.0 += 1;
                assert!(self.0 <= 3, "asked after the end");
                Ok((self.0 < 3).then(|| table::Rows {
                    count: 40_000,
                    columns: Vec::new(),
                }))
            }
        }
        let mut rows = 0;
        each_window(&mut Once(0), &Control::new(), |window| {
            rows += window.iter().map(|block| block.rows).sum::<usize>();
            Ok(())
        })
        .expect("read");
        assert_eq!(rows, 80_000);
    }
}
