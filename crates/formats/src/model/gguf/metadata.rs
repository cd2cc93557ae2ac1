//! The key-value pairs of a GGUF file, as text.
//!
//! Short values are shown whole. Long lists (vocabularies, merges) and texts are counted and not copied.

use super::header::Header;
use crate::error::FormatError;
use std::collections::HashMap;

/// The most key-value pairs of a file. Models have fewer than a hundred.
const MOST_PAIRS: u64 = 1 << 16;

/// Lists of at most so many items are shown.
const SHOWN_ITEMS: u64 = 16;

/// Texts of at most so many bytes are shown. Chat templates have tens of thousands.
const SHOWN_TEXT: usize = 256 << 10;

/// Texts within lists are shown up to so many bytes.
const SHOWN_ITEM_TEXT: usize = 256;

/// The bytes of all values that are shown.
const SHOWN_IN_ALL: usize = 8 << 20;

/// The deepest nesting of lists. ggml refuses any; the description of GGUF allows them.
const DEEPEST: usize = 4;

/// Number of the type of lists.
const LIST: u32 = 9;

/// Number of the type of texts.
const TEXT: u32 = 8;

/// The pairs of a file.
#[derive(Default)]
pub(super) struct Metadata {
    /// Value of each key, as text.
    pub values: HashMap<String, String>,
    /// `general.alignment`, if the file states it.
    pub alignment: Option<u32>,
}

/// Read `count` pairs.
pub(super) fn read(header: &mut Header<'_>, count: u64) -> Result<Metadata, FormatError> {
    if count > MOST_PAIRS {
        return Err(FormatError::new("the file states too many key-value pairs")
            .with_expected(format!("at most {MOST_PAIRS}"), count));
    }
    let mut metadata = Metadata::default();
    let mut left = SHOWN_IN_ALL;
    for _ in 0..count {
        let key = header.name("a key")?;
        let kind = header.u32("the type of a value")?;
        let value = if key == "general.alignment" {
            let alignment = alignment(header, kind)?;
            metadata.alignment = Some(alignment);
            alignment.to_string()
        } else {
            value(header, kind, &key)?
        };
        let value = match left.checked_sub(value.len()) {
            Some(rest) => {
                left = rest;
                value
            }
            None => format!("{} bytes as text, not shown", value.len()),
        };
        if metadata.values.insert(key.clone(), value).is_some() {
            return Err(FormatError::new(format!(
                "the key {key:?} appears twice, so two readers could see different values"
            )));
        }
    }
    Ok(metadata)
}

fn alignment(header: &mut Header<'_>, kind: u32) -> Result<u32, FormatError> {
    if kind != 4 {
        return Err(FormatError::new("general.alignment has the wrong type")
            .with_expected("uint32", type_name(kind)?));
    }
    header.u32("general.alignment")
}

fn value(header: &mut Header<'_>, kind: u32, key: &str) -> Result<String, FormatError> {
    match kind {
        LIST => list(header, key),
        TEXT => {
            let bytes = header.bytes(&format!("the value of {key:?}"))?;
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| FormatError::new(format!("the value of {key:?} is not UTF-8")))?;
            if text.len() > SHOWN_TEXT {
                return Ok(format!("text of {} bytes, not shown", text.len()));
            }
            Ok(text.to_owned())
        }
        _ => scalar(header, kind, key),
    }
}

fn scalar(header: &mut Header<'_>, kind: u32, key: &str) -> Result<String, FormatError> {
    let what = "a value";
    Ok(match kind {
        0 => u8::from_le_bytes(header.number(what)?).to_string(),
        1 => i8::from_le_bytes(header.number(what)?).to_string(),
        2 => u16::from_le_bytes(header.number(what)?).to_string(),
        3 => i16::from_le_bytes(header.number(what)?).to_string(),
        4 => u32::from_le_bytes(header.number(what)?).to_string(),
        5 => i32::from_le_bytes(header.number(what)?).to_string(),
        6 => format!("{:?}", f32::from_le_bytes(header.number(what)?)),
        7 => match header.number(what)? {
            [0] => "false".to_owned(),
            [1] => "true".to_owned(),
            [other] => {
                return Err(FormatError::new(format!("the value of {key:?} is no boolean"))
                    .with_expected("0 or 1", other));
            }
        },
        10 => u64::from_le_bytes(header.number(what)?).to_string(),
        11 => i64::from_le_bytes(header.number(what)?).to_string(),
        12 => format!("{:?}", f64::from_le_bytes(header.number(what)?)),
        _ => type_name(kind)?.to_owned(),
    })
}

/// Read a list: its items if they are few and plain, and otherwise how many there are.
fn list(header: &mut Header<'_>, key: &str) -> Result<String, FormatError> {
    let (kind, count) = list_head(header, key)?;
    if count > SHOWN_ITEMS || kind == LIST {
        skip_items(header, kind, count, key, 1)?;
        return Ok(format!("{count} x {}, not shown", type_name(kind)?));
    }
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(if kind == TEXT {
            list_text(header, key)?
        } else {
            scalar(header, kind, key)?
        });
    }
    Ok(format!("[{}]", items.join(", ")))
}

fn list_text(header: &mut Header<'_>, key: &str) -> Result<String, FormatError> {
    let bytes = header.bytes(&format!("a text in {key:?}"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| FormatError::new(format!("a text in {key:?} is not UTF-8")))?;
    if text.len() > SHOWN_ITEM_TEXT {
        return Ok(format!("(text of {} bytes, not shown)", text.len()));
    }
    Ok(format!("{text:?}"))
}

fn list_head(header: &mut Header<'_>, key: &str) -> Result<(u32, u64), FormatError> {
    let kind = header.u32(&format!("the type of the items of {key:?}"))?;
    type_name(kind)?;
    let count = header.count_of(
        &format!("the number of items of {key:?}"),
        width(kind).unwrap_or(4),
    )?;
    Ok((kind, count))
}

fn skip_items(
    header: &mut Header<'_>,
    kind: u32,
    count: u64,
    key: &str,
    depth: usize,
) -> Result<(), FormatError> {
    let what = format!("the value of {key:?}");
    if let Some(width) = width(kind) {
        // The count was checked against the rest of the file, so the product is too.
        return header.skip(count.saturating_mul(width), &what);
    }
    for _ in 0..count {
        if kind == TEXT {
            header.skip_text(&what)?;
            continue;
        }
        if depth == DEEPEST {
            return Err(FormatError::new(format!(
                "the value of {key:?} has lists more than {DEEPEST} deep"
            )));
        }
        let (kind, count) = list_head(header, key)?;
        skip_items(header, kind, count, key, depth + 1)?;
    }
    Ok(())
}

/// Return the bytes of a value of a type; `None` for texts and lists.
const fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn type_name(kind: u32) -> Result<&'static str, FormatError> {
    const NAMES: [&str; 13] = [
        "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array",
        "uint64", "int64", "float64",
    ];
    let name = usize::try_from(kind).ok().and_then(|kind| NAMES.get(kind));
    name.copied().ok_or_else(|| {
        FormatError::new("a value has an unknown type")
            .with_expected(format!("0 to {}", NAMES.len() - 1), kind)
    })
}
