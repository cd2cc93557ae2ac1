//! Numbers and text as the older protocols write them: as lines.

use super::Value;

/// The content of a line.
pub enum Line {
    /// A value without bytes of its own.
    Plain(Value),
    /// An integer beyond 64 bits.
    Long,
}

/// Read the number of `INT` or `LONG`.
pub fn integer(line: &[u8]) -> Option<Line> {
    match line {
        b"00" => return Some(Line::Plain(Value::Bool(false))),
        b"01" => return Some(Line::Plain(Value::Bool(true))),
        _ => {}
    }
    let line = line.strip_suffix(b"L").unwrap_or(line);
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(line).ok()?.parse();
    Some(number.map_or(Line::Long, |number| Line::Plain(Value::Int(number))))
}

/// Read the number of `FLOAT`.
pub fn float(line: &[u8]) -> Option<f64> {
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// Read the little-endian two's complement of `LONG1` and `LONG4`; `None` if it is beyond 64 bits.
pub fn long(bytes: &[u8]) -> Option<i64> {
    let fill = if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        0xff
    } else {
        0
    };
    let mut wide = [fill; 8];
    let (low, high) = bytes.split_at(bytes.len().min(8));
    wide[..low.len()].copy_from_slice(low);
    let number = i64::from_le_bytes(wide);
    let fits = high.iter().all(|byte| *byte == fill) && (number < 0) == (fill == 0xff);
    fits.then_some(number)
}

/// Unescape the text of `UNICODE` (raw-unicode-escape): `\uXXXX` and `\UXXXXXXXX`; other bytes are Latin-1.
pub fn unescape_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let digits = match (first, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        if digits == 0 {
            text.push(char::from(*first));
            rest = after;
            continue;
        }
        text.push(char::from_u32(hexadecimal(after.get(1..=digits)?)?)?);
        rest = &after[1 + digits..];
    }
    Some(text)
}

/// Unescape the text of `STRING`: a string literal of Python in its quotes.
pub fn unescape_string(line: &[u8]) -> Option<Vec<u8>> {
    let quote = *line.first().filter(|quote| matches!(quote, b'\'' | b'"'))?;
    let inner = line.strip_prefix(&[quote])?.strip_suffix(&[quote])?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        match escape {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'\\' | b'\'' | b'"' => bytes.push(*escape),
            b'x' => {
                bytes.push(u8::try_from(hexadecimal(rest.get(..2)?)?).ok()?);
                rest = &rest[2..];
            }
            // Other escapes are not written by any pickler.
            _ => return None,
        }
    }
    Some(bytes)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let all = digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all)?;
    u32::from_str_radix(text, 16).ok()
}
