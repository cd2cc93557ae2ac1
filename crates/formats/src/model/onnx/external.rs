//! The data of a tensor in another file.

use super::wire::{Span, Wire, once};
use crate::error::FormatError;
use crate::model::listing::Elements;

/// The entries of `external_data` that count.
#[derive(Debug, Default)]
pub(super) struct External {
    location: Option<String>,
    offset: Option<u64>,
    length: Option<u64>,
    /// True if the file states a SHA-1 of the data.
    pub checksum: bool,
}

impl External {
    /// Read one entry: a key and a value.
    pub fn read(&mut self, wire: &mut Wire<'_>, entry: Span) -> Result<(), FormatError> {
        let (key, value) = pair(wire, entry, "an entry of external_data")?;
        let number = |value: &str| {
            value.parse::<u64>().map_err(|_| {
                FormatError::new(format!("the {key} of its external data is no number"))
                    .with_expected("a number of at least 0", format!("{value:?}"))
            })
        };
        match key.as_str() {
            "location" => once(&mut self.location, value, "the location of external data"),
            "offset" => once(&mut self.offset, number(&value)?, "the offset of external data"),
            "length" => once(&mut self.length, number(&value)?, "the length of external data"),
            "checksum" => {
                self.checksum = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Return where the `bytes` bytes of a tensor lie.
    pub fn elements(self, bytes: u64) -> Result<Elements, FormatError> {
        let path = self
            .location
            .ok_or_else(|| FormatError::new("its data is external, and no location is stated"))?;
        check_path(&path)?;
        if let Some(length) = self.length.filter(|length| *length != bytes) {
            return Err(
                FormatError::new("the length of its external data does not fit its shape")
                    .with_expected(format!("{bytes} bytes"), format!("{length} bytes")),
            );
        }
        let start = self.offset.unwrap_or(0);
        let end = start.checked_add(bytes).ok_or_else(|| {
            FormatError::new("the offset of its external data overflows").with_expected("below 2^64", start)
        })?;
        Ok(Elements::External {
            path,
            start,
            end: Some(end),
        })
    }
}

/// Read a message of a key and a value.
pub(super) fn pair(wire: &mut Wire<'_>, entry: Span, what: &str) -> Result<(String, String), FormatError> {
    let (mut key, mut value) = (None, None);
    wire.fields(entry, &mut |wire, number, field| match number {
        1 => {
            let text = wire.name(field.span()?, what)?;
            once(&mut key, text, what)
        }
        2 => {
            let text = wire.name(field.span()?, what)?;
            once(&mut value, text, what)
        }
        _ => Ok(()),
    })?;
    Ok((key.unwrap_or_default(), value.unwrap_or_default()))
}

/// Refuse a path that could lead out of the folder of the model, on any system.
fn check_path(path: &str) -> Result<(), FormatError> {
    let drive = path.as_bytes().get(1) == Some(&b':');
    let leaves = path.is_empty()
        || drive
        || path.starts_with('/')
        || path.contains(['\\', '\0'])
        || path.ends_with('/')
        || path.split('/').any(|part| part == "..");
    if leaves {
        return Err(
            FormatError::new("its external data is not a file in the folder of the model")
                .with_expected("a relative path without ..", format!("{path:?}")),
        );
    }
    Ok(())
}
