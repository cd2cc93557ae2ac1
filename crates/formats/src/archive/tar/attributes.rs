//! Extended attributes and long names: headers that say more of the member behind them.

use crate::error::FormatError;

/// The facts about a member that the headers before it state.
#[derive(Default)]
pub struct Attributes {
    pub path: Option<Vec<u8>>,
    pub target: Option<Vec<u8>>,
    pub size: Option<u64>,
}

impl Attributes {
    /// Return whether nothing was said.
    pub const fn is_empty(&self) -> bool {
        self.path.is_none() && self.target.is_none() && self.size.is_none()
    }

    /// Take the long name of GNU.
    pub fn set_long_name(&mut self, content: &[u8], at: u64) -> Result<(), FormatError> {
        once(&mut self.path, gnu_text(content, at)?, at)
    }

    /// Take the long target of a link of GNU.
    pub fn set_long_target(&mut self, content: &[u8], at: u64) -> Result<(), FormatError> {
        once(&mut self.target, gnu_text(content, at)?, at)
    }

    /// Take the attributes of POSIX.
    pub fn add_records(&mut self, content: &[u8], at: u64) -> Result<(), FormatError> {
        each_record(content, at, &mut |key, value| match key {
            b"path" => once(&mut self.path, value.to_vec(), at),
            b"linkpath" => once(&mut self.target, value.to_vec(), at),
            b"size" => {
                let size = std::str::from_utf8(value).ok();
                let size = size.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let size = size.and_then(|text| text.parse().ok());
                let size = size.filter(|size| i64::try_from(*size).is_ok());
                once(
                    &mut self.size,
                    size.ok_or_else(|| fault(at, "state a size that is no number"))?,
                    at,
                )
            }
            _ => check_key(key, at),
        })
    }
}

/// Check attributes of all members, of which none may change what a member is.
pub fn check_global(content: &[u8], at: u64) -> Result<(), FormatError> {
    each_record(content, at, &mut |key, _| match key {
        b"path" | b"linkpath" | b"size" => Err(unsupported(at, "give all members one name, target or size")),
        _ => check_key(key, at),
    })
}

/// Refuse attributes that change names or contents in a way that is not read.
fn check_key(key: &[u8], at: u64) -> Result<(), FormatError> {
    let is_known = matches!(
        key,
        b"mtime"
            | b"atime"
            | b"ctime"
            | b"uid"
            | b"gid"
            | b"uname"
            | b"gname"
            | b"comment"
            | b"charset"
            | b"hdrcharset"
    );
    // Vendors put their name before the key. Only GNU has keys that change contents: those of sparse files.
    let is_of_vendor = key.contains(&b'.') && !key.starts_with(b"GNU.sparse.");
    if is_known || is_of_vendor {
        return Ok(());
    }
    let error = unsupported(at, "have a key that is not read");
    Err(error.with_expected("times, owners, a path or a size", key.escape_ascii()))
}

fn once<T>(field: &mut Option<T>, value: T, at: u64) -> Result<(), FormatError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(fault(
            at,
            "say something a second time, so two readers could see different members",
        )),
    }
}

fn fault(at: u64, what: &str) -> FormatError {
    FormatError::new(format!("the extended attributes at byte {at} of the tar {what}"))
}

fn unsupported(at: u64, what: &str) -> FormatError {
    FormatError {
        unsupported: true,
        ..fault(at, what)
    }
}

/// Return a text that a NUL ends.
fn gnu_text(content: &[u8], at: u64) -> Result<Vec<u8>, FormatError> {
    let text = content.strip_suffix(&[0]).unwrap_or(content);
    if text.is_empty() || text.contains(&0) {
        return Err(fault(at, "are no long name"));
    }
    Ok(text.to_vec())
}

/// Takes a key and a value.
type Take<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), FormatError> + 'a;

/// Read lines of a length, a key and a value.
fn each_record(content: &[u8], at: u64, take: &mut Take<'_>) -> Result<(), FormatError> {
    let malformed = || fault(at, "are malformed");
    let mut rest = content;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
        let length = std::str::from_utf8(&rest[..space]).ok();
        let length = length.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length: usize = length.and_then(|text| text.parse().ok()).ok_or_else(malformed)?;
        let record = rest.get(space + 1..length).ok_or_else(malformed)?;
        let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(malformed)?;
        take(&record[..equals], &record[equals + 1..])?;
        rest = &rest[length..];
    }
    Ok(())
}
