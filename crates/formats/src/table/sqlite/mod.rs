//! Tables of SQLite databases, read from their pages. No statement is executed, and nothing is written.
//!
//! The rows of a table are those of its B-tree in order: by row number, or by key in a table without one. The type of
//! a column is the one that it is declared with; a value of another type is an error. A journal beside the database is
//! not read: the caller refuses a database that has one with content.

mod pages;
mod record;
mod schema;
mod tree;

use super::cell::{Builder, finish_rows};
use super::{BLOCK_ROWS, Column, RowReader, Rows, Schema, types};
use crate::error::FormatError;
use crate::input::Input;
use arrow_schema::DataType;
pub use pages::MAGIC;
use pages::Pages;
use record::{Value, text, values};
use schema::{Declared, Default, Table};
use std::sync::Arc;
use tree::{Kind, Tree};

/// The most bytes of records that are held for one block.
const BLOCK_BYTES: usize = 1 << 30;

/// The most tables and indexes of a database, so that a list of them stays short.
const MAX_ENTRIES: usize = 100_000;

/// The most columns of a table that SQLite can be built for.
const MAX_COLUMNS: usize = 32_767;

/// Reads a table from its first row to its last.
pub struct Reader {
    pages: Pages,
    tree: Tree,
    table: Table,
    columns: Vec<Column>,
    builders: Vec<Builder>,
    /// For each column where records store it.
    stored: Vec<usize>,
    /// Rows that were read.
    count: u64,
}

/// A table as the schema of the database lists it.
struct Listed {
    name: String,
    root: u32,
    statement: String,
}

impl Reader {
    /// Open the table of this name, or the only one. `given` has types of columns that are other than the declared ones.
    pub fn open(
        input: Arc<dyn Input>,
        name: Option<&str>,
        given: Option<&Schema>,
    ) -> Result<Self, FormatError> {
        let mut pages = Pages::open(input)?;
        let tables = list(&mut pages)?;
        let listed = choose(tables, name)?;
        let in_table = |error: FormatError| FormatError {
            message: format!("table {:?}: {}", listed.name, error.message),
            ..error
        };
        let table = schema::parse(&listed.statement).map_err(in_table)?;
        if table.columns.len() > MAX_COLUMNS {
            return Err(in_table(FormatError::new(
                "it has more columns than SQLite reads",
            )));
        }
        if let Some((unknown, _)) = given
            .unwrap_or_default()
            .iter()
            .find(|(name, _)| table.columns.iter().all(|column| column.name != *name))
        {
            return Err(in_table(FormatError::new(format!(
                "column {unknown:?} of the declared schema is not in it"
            ))));
        }
        let mut columns = Vec::new();
        let mut builders = Vec::new();
        for column in &table.columns {
            let data_type = column_type(column, given).map_err(in_table)?;
            builders.push(Builder::of_values(&data_type).map_err(in_table)?);
            columns.push(Column::new(&column.name, &data_type).map_err(in_table)?);
        }
        let mut stored = vec![0; columns.len()];
        match &table.by_key {
            Some(order) => order
                .iter()
                .enumerate()
                .for_each(|(at, column)| stored[*column] = at),
            None => stored
                .iter_mut()
                .enumerate()
                .for_each(|(at, stored)| *stored = at),
        }
        let kind = if table.by_key.is_some() {
            Kind::Index
        } else {
            Kind::Table
        };
        pages.start_over();
        Ok(Self {
            tree: Tree::new(listed.root, kind),
            pages,
            table,
            columns,
            builders,
            stored,
            count: 0,
        })
    }

    /// Add one row, and return the bytes of its record.
    fn add_row(&mut self) -> Result<Option<usize>, FormatError> {
        let Some((row, record)) = self.tree.next(&mut self.pages)? else {
            return Ok(None);
        };
        let position = match self.table.by_key {
            Some(_) => format!("row {} by key", self.count),
            None => format!("rowid {row}"),
        };
        let named = |error: FormatError| FormatError {
            message: format!("{position}: {}", error.message),
            ..error
        };
        let stored_values = values(&record, self.columns.len()).map_err(named)?;
        for (index, builder) in self.builders.iter_mut().enumerate() {
            let declared = &self.table.columns[index];
            let wrong = |expected: String, received: &str| {
                FormatError::new(format!(
                    "column {:?}, {position}: it cannot be read",
                    declared.name
                ))
                .with_expected(expected, received)
            };
            let default;
            let value = if self.table.row_number == Some(index) {
                &Value::Integer(row)
            } else if let Some(value) = stored_values.get(self.stored[index]) {
                value
            } else {
                default = match &declared.default {
                    Default::Null => Value::Null,
                    Default::Integer(integer) => Value::Integer(*integer),
                    Default::Real(real) => Value::Real(*real),
                    Default::Text(text) => {
                        // It is UTF-8 here, whatever the encoding of the database.
                        builder
                            .push_value_text(text)
                            .map_err(|expected| wrong(expected, "text"))?;
                        continue;
                    }
                    Default::Other => {
                        return Err(FormatError::unsupported(format!(
                            "column {:?}, {position}: its value is that of an expression",
                            declared.name
                        )));
                    }
                };
                &default
            };
            match value {
                Value::Null => builder.null(),
                Value::Integer(integer) => builder.push_integer(*integer),
                Value::Real(real) => builder.push_real(*real),
                Value::Blob(bytes) => builder.push_blob(bytes),
                Value::Text(bytes) => {
                    let decoded = text(bytes, self.pages.encoding)
                        .ok_or_else(|| wrong("text in the encoding of the database".into(), "other bytes"))?;
                    builder.push_value_text(&decoded)
                }
            }
            .map_err(|expected| wrong(expected, value.kind()))?;
        }
        self.count += 1;
        Ok(Some(record.len()))
    }
}

impl RowReader for Reader {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_rows(&mut self) -> Result<Option<Rows>, FormatError> {
        let mut count = 0;
        let mut bytes = 0_usize;
        while count < BLOCK_ROWS {
            let Some(length) = self.add_row()? else { break };
            count += 1;
            bytes = bytes.saturating_add(length);
            if bytes > BLOCK_BYTES {
                return Err(FormatError::unsupported(format!(
                    "{BLOCK_ROWS} rows have more than {BLOCK_BYTES} bytes"
                )));
            }
        }
        finish_rows(&mut self.builders, count)
    }
}

/// Return the tables of a database that are not its own.
fn list(pages: &mut Pages) -> Result<Vec<Listed>, FormatError> {
    let in_schema = |error: FormatError| FormatError {
        message: format!("its schema: {}", error.message),
        ..error
    };
    pages.start_over();
    let mut tree = Tree::new(1, Kind::Table);
    let mut tables = Vec::new();
    let mut entries = 0;
    while let Some((_, entry)) = tree.next(pages).map_err(in_schema)? {
        entries += 1;
        if entries > MAX_ENTRIES {
            return Err(FormatError::unsupported(format!(
                "it has more than {MAX_ENTRIES} tables and indexes"
            )));
        }
        let stored_values = values(&entry, 5).map_err(in_schema)?;
        let [
            Value::Text(kind),
            Value::Text(name),
            _,
            Value::Integer(root),
            Value::Text(statement),
        ] = stored_values.as_slice()
        else {
            // Indexes of its own have no statement.
            continue;
        };
        let decoded = |bytes| {
            let decoded = text(bytes, pages.encoding).map(std::borrow::Cow::into_owned);
            decoded
                .ok_or_else(|| in_schema(FormatError::new("it is not text of the encoding of the database")))
        };
        let name = decoded(name)?;
        if decoded(kind)? != "table" || name.to_ascii_lowercase().starts_with("sqlite_") {
            continue;
        }
        tables.push(Listed {
            name,
            root: u32::try_from(*root).unwrap_or_default(),
            statement: decoded(statement)?,
        });
    }
    Ok(tables)
}

fn choose(mut tables: Vec<Listed>, name: Option<&str>) -> Result<Listed, FormatError> {
    let names = tables
        .iter()
        .take(20)
        .map(|table| format!("{:?}", table.name))
        .collect::<Vec<_>>()
        .join(", ");
    let Some(name) = name else {
        if tables.len() == 1 {
            return Ok(tables.swap_remove(0));
        }
        return Err(
            FormatError::unsupported("which of its tables is meant is not given").with_expected(
                format!("the name of one of {names}"),
                format!("{} tables", tables.len()),
            ),
        );
    };
    let same = |table: &Listed| table.name.eq_ignore_ascii_case(name);
    match tables.iter().position(same) {
        Some(index) => Ok(tables.swap_remove(index)),
        None => Err(FormatError::new("it has no such table")
            .with_expected(format!("one of {names}"), format!("{name:?}"))),
    }
}

/// Return the type of a column: the given one, or the one that is declared if there is no doubt about it.
fn column_type(column: &Declared, given: Option<&Schema>) -> Result<DataType, FormatError> {
    if column.is_virtual {
        return Err(FormatError::unsupported(format!(
            "column {:?} is calculated when it is read",
            column.name
        )));
    }
    if let Some((_, spelling)) = given
        .unwrap_or_default()
        .iter()
        .find(|(name, _)| *name == column.name)
    {
        return types::parse(spelling);
    }
    let declared = column.kind.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    // In the order in which SQLite looks for them.
    if has(&["INT"]) {
        Ok(DataType::Int64)
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Ok(DataType::LargeUtf8)
    } else if has(&["BLOB"]) {
        Ok(DataType::LargeBinary)
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Ok(DataType::Float64)
    } else if matches!(declared.as_str(), "BOOL" | "BOOLEAN") {
        Ok(DataType::Boolean)
    } else {
        Err(FormatError::unsupported(format!(
            "column {:?}: what its declared type holds is not clear; a schema can give its type",
            column.name
        ))
        .with_expected(
            "a type with INT, CHAR, CLOB, TEXT, BLOB, REAL, FLOA or DOUB in its name, or BOOLEAN",
            format!("{:?}", column.kind),
        ))
    }
}
