//! Paths below the root of an archive.

use crate::error::FormatError;

/// The most bytes of a path, as systems have it.
const LONGEST: usize = 4096;

/// Return a path without empty segments and `.`; empty for the root itself.
///
/// `format` is the noun of the archive, for messages. Backslashes are part of a name.
pub fn below_root(name: &[u8], format: &str) -> Result<Vec<u8>, FormatError> {
    let refused =
        |what: &str| FormatError::new(format!("the name \"{}\" in the {format} {what}", shortened(name)));
    if name.starts_with(b"/") {
        return Err(refused("is absolute"));
    }
    if name.len() > LONGEST {
        return Err(refused("is too long").with_expected(format!("at most {LONGEST} bytes"), name.len()));
    }
    if name.contains(&0) {
        return Err(refused("has a NUL byte"));
    }
    let mut path = Vec::with_capacity(name.len());
    for segment in name.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => return Err(refused("is no path below the root of the archive")),
            _ => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(segment);
            }
        }
    }
    Ok(path)
}

/// Return a name for a message: escaped, and its start if it is long.
pub fn shortened(name: &[u8]) -> String {
    let start = &name[..name.len().min(120)];
    let more = if start.len() < name.len() { "…" } else { "" };
    match std::str::from_utf8(start) {
        Ok(text) => format!("{}{more}", text.escape_debug()),
        Err(_) => format!("{}{more}", start.escape_ascii()),
    }
}
