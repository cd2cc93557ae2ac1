//! The rows that differ, as a Parquet file.

use super::listing::{Change, Rows};
use super::side::{Side, select};
use crate::error::{Code, Error, Result, is_full};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Rows of a group, which memory holds until it is written.
const GROUP_ROWS: usize = 65_536;

/// A Parquet file that has its name once it is complete.
pub struct Output {
    path: PathBuf,
    names: Vec<String>,
    temporary: NamedTempFile,
    writer: Option<ArrowWriter<std::fs::File>>,
}

impl Output {
    /// Create the file beside its final path.
    pub fn new(path: &Path, before: &Side, after: &Side) -> Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lineaprint-").suffix(".parquet");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // Those of a new file, which the umask of the process restricts.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let temporary = builder
            .tempfile_in(folder)
            .map_err(|error| Error::io("create", path, error))?;
        let name = |prefix: &'static str| {
            move |column: &lineaprint_formats::table::Column| format!("{prefix}.{}", column.name)
        };
        let names = before.columns().iter().map(name("before"));
        let names = names.chain(after.columns().iter().map(name("after"))).collect();
        Ok(Self {
            path: path.to_owned(),
            names,
            temporary,
            writer: None,
        })
    }

    /// Write some rows.
    pub fn write(&mut self, rows: &Rows<'_>) -> Result<()> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(
                rows.changes
                    .iter()
                    .map(|change| Some(status(*change)))
                    .collect::<StringArray>(),
            ),
            Arc::new(numbers(rows.changes, |change| match change {
                Change::Changed(row, _) | Change::Removed(row) => Some(row),
                Change::Added(_) => None,
            })),
            Arc::new(numbers(rows.changes, |change| match change {
                Change::Changed(_, row) | Change::Added(row) => Some(row),
                Change::Removed(_) => None,
            })),
        ];
        for column in &rows.before {
            columns.push(select(column, &rows.before_index)?);
        }
        for column in &rows.after {
            columns.push(select(column, &rows.after_index)?);
        }
        let fixed = ["change", "row_before", "row_after"]
            .into_iter()
            .map(str::to_owned);
        let fields = fixed
            .chain(self.names.iter().cloned())
            .zip(&columns)
            .map(|(name, column)| Field::new(name, column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
            .map_err(|error| self.failure(&ParquetError::General(error.to_string())))?;
        if self.writer.is_none() {
            self.writer = Some(self.open(schema)?);
        }
        let written = self.writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch));
        written.map_err(|error| self.failure(&error))
    }

    fn open(&self, schema: Arc<Schema>) -> Result<ArrowWriter<std::fs::File>> {
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let file = self.temporary.as_file().try_clone();
        let file = file.map_err(|error| Error::io("write", &self.path, error))?;
        ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| self.failure(&error))
    }

    /// Complete the file, and give it its name. Without rows there is none: what its columns are is not known then.
    pub fn finish(mut self) -> Result<()> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let closed = writer.close();
        closed.map_err(|error| self.failure(&error))?;
        let path = self.path;
        let synced = self.temporary.as_file().sync_all();
        synced.map_err(|error| Error::io("write", &path, error))?;
        let persisted = self.temporary.persist(&path);
        persisted.map_err(|error| Error::io("write", &path, error.error))?;
        Ok(())
    }

    fn failure(&self, error: &ParquetError) -> Error {
        if let ParquetError::External(cause) = error
            && let Some(cause) = cause.downcast_ref::<std::io::Error>()
        {
            if is_full(cause) {
                return Error::new(Code::Space, "no space left for this file").at(&self.path);
            }
            return Error::new(Code::Unreadable, format!("cannot write it: {cause}")).at(&self.path);
        }
        let message = format!("the rows cannot be written as Parquet: {error}");
        Error::new(Code::Unsupported, message).at(&self.path)
    }
}

const fn status(change: Change) -> &'static str {
    match change {
        Change::Changed(..) => "changed",
        Change::Removed(_) => "removed",
        Change::Added(_) => "added",
    }
}

fn numbers(changes: &[Change], row: impl Fn(Change) -> Option<u64>) -> Int64Array {
    changes
        .iter()
        .map(|change| row(*change).and_then(|row| i64::try_from(row).ok()))
        .collect()
}
