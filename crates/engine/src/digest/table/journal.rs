//! Journals beside a SQLite database, which hold a part of its content.

use crate::error::{Code, Error, Result};
use lineaprint_formats::table::sqlite::MAGIC;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The first bytes of a journal that was not rolled back yet.
const HOT: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Return an error if the pages of a database alone are not its content: beside a write-ahead log that has some, or a
/// journal of a transaction that did not end. SQLite writes both beside the file that a link leads to.
pub fn refuse(database: &Path) -> Result<()> {
    refuse_siblings(database, database)?;
    match std::fs::canonicalize(database) {
        Ok(target) if target != database => refuse_siblings(&target, database),
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io("find", database, error)),
    }
}

/// Return the same error if a file is a SQLite database, by its first bytes; nothing for any other.
pub fn refuse_database(path: &Path) -> Result<()> {
    let mut start = [0; MAGIC.len()];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    if is_read.is_ok() && start == MAGIC {
        refuse(path)?;
    }
    Ok(())
}

fn refuse_siblings(file: &Path, database: &Path) -> Result<()> {
    let log = sibling(file, "-wal");
    let has_log = match std::fs::metadata(&log) {
        Ok(log) => log.len() > 0,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io("stat", &log, error)),
    };
    if has_log {
        let error = Error::new(
            Code::Unsupported,
            "a part of the database is in its write-ahead log",
        );
        return Err(error
            .with_expected(
                "a database that was closed, or `PRAGMA wal_checkpoint(TRUNCATE)` before",
                log.display(),
            )
            .at(database));
    }
    let journal = sibling(file, "-journal");
    let mut start = [0; 8];
    let is_hot = match File::open(&journal).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) => start == HOT,
        // None, or one that is shorter than its first bytes.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => false,
        Err(error) => return Err(Error::io("open", &journal, error)),
    };
    if is_hot {
        let error = Error::new(Code::Unsupported, "a transaction of the database has not ended");
        return Err(error
            .with_expected("a database without a journal in use", journal.display())
            .at(database));
    }
    Ok(())
}

fn sibling(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    PathBuf::from(name)
}
