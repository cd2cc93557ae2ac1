//! Text.
//!
//! - [`json`]: read objects with the order of their members and with duplicate names.
//! - [`line_ends`]: how the lines of a file end.
//! - [`lines`]: read the lines of a file.
//! - [`canonical`]: canonicalise a document by RFC 8785.

pub mod canonical;
pub mod json;
pub mod line_ends;
pub mod lines;

use crate::error::FormatError;

/// Read bytes as text. `what` names them in the error.
pub(crate) fn utf8(bytes: &[u8], what: &str) -> Result<String, FormatError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(FormatError::new(format!("{what} is not UTF-8"))
            .with_expected("text in UTF-8", format!("\"{}\"", bytes.escape_ascii()))),
    }
}
