//! Values of a fixed width, written as text.

use super::Expected;
use super::time::{DATE, date, time, time_form, timestamp, timestamp_range};
use arrow_buffer::i256;
use arrow_schema::DataType;
use std::fmt::Write as _;

/// Return whether `text` is a decimal whole number without leading zeros.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Return whether `text` is a number as JSON has it.
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(index) => (&text[..index], Some(&text[index + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_integer(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Append the bytes of a value of a fixed width.
pub fn fixed(cell: &str, data_type: &DataType, bytes: &mut Vec<u8>) -> Result<(), Expected> {
    use DataType as T;
    macro_rules! integer {
        ($type:ty) => {{
            let value = is_integer(cell).then(|| cell.parse::<$type>().ok()).flatten();
            let range = || format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX);
            bytes.extend(value.ok_or_else(range)?.to_le_bytes());
        }};
    }
    macro_rules! float {
        ($type:ty) => {{
            let value = match cell {
                "NaN" | "nan" => Some(<$type>::NAN),
                "inf" | "Infinity" => Some(<$type>::INFINITY),
                "-inf" | "-Infinity" => Some(<$type>::NEG_INFINITY),
                _ if is_number(cell) => cell.parse::<$type>().ok().filter(|value| value.is_finite()),
                _ => None,
            };
            let value = value.ok_or_else(|| format!("a number of at most {:e}", <$type>::MAX))?;
            bytes.extend(value.to_le_bytes());
        }};
    }
    match data_type {
        T::Int8 => integer!(i8),
        T::Int16 => integer!(i16),
        T::Int32 => integer!(i32),
        T::Int64 | T::Duration(_) => integer!(i64),
        T::UInt8 => integer!(u8),
        T::UInt16 => integer!(u16),
        T::UInt32 => integer!(u32),
        T::UInt64 => integer!(u64),
        T::Float32 => float!(f32),
        T::Float64 => float!(f64),
        T::Decimal128(precision, scale) => {
            let digits = decimal(cell, *precision, *scale)?;
            let value = digits.parse::<i128>().map_err(|error| error.to_string())?;
            bytes.extend(value.to_le_bytes());
        }
        T::Decimal256(precision, scale) => {
            let digits = decimal(cell, *precision, *scale)?;
            let value = i256::from_string(&digits).ok_or_else(|| "a decimal".to_owned())?;
            bytes.extend(value.to_le_bytes());
        }
        T::Date32 => {
            let days = date(cell).and_then(|days| i32::try_from(days).ok());
            bytes.extend(days.ok_or_else(|| DATE.to_owned())?.to_le_bytes());
        }
        T::Date64 => bytes.extend((date(cell).ok_or_else(|| DATE.to_owned())? * 86_400_000).to_le_bytes()),
        T::Time32(unit) => {
            let time = time(cell, *unit).and_then(|time| i32::try_from(time).ok());
            bytes.extend(time.ok_or_else(|| time_form(*unit))?.to_le_bytes());
        }
        T::Time64(unit) => bytes.extend(time(cell, *unit).ok_or_else(|| time_form(*unit))?.to_le_bytes()),
        T::Timestamp(unit, zone) => {
            let value = timestamp(cell, *unit, zone.is_some());
            let form = || {
                let offset = if zone.is_some() {
                    ", with Z or an offset"
                } else {
                    ", without an offset"
                };
                format!(
                    "YYYY-MM-DD and {}{offset}{}",
                    time_form(*unit),
                    timestamp_range(*unit)
                )
            };
            bytes.extend(value.ok_or_else(form)?.to_le_bytes());
        }
        other => return Err(super::not_text(other).message),
    }
    Ok(())
}

/// Return the digits of a decimal, as a whole number of units of its last digit.
fn decimal(cell: &str, precision: u8, scale: i8) -> Result<String, Expected> {
    let form = || format!("a decimal of at most {precision} digits, {scale} of them after the decimal point");
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, "0"));
    if !is_integer(whole) || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let mut digits = whole.to_owned();
    if let Ok(decimals) = usize::try_from(scale) {
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals {
            return Err(form());
        }
        write!(digits, "{fraction:0<decimals$}").map_err(|_| form())?;
    } else {
        let dropped = usize::from(scale.unsigned_abs());
        let zeros = whole.len() - whole.trim_end_matches('0').len();
        if !fraction.bytes().all(|byte| byte == b'0') {
            return Err(form());
        }
        if whole.trim_start_matches(['-', '0']).is_empty() {
            "0".clone_into(&mut digits);
        } else if zeros >= dropped {
            digits.truncate(whole.len() - dropped);
        } else {
            return Err(form());
        }
    }
    let significant = digits.trim_start_matches(['-', '0']).len();
    if significant > usize::from(precision) {
        Err(form())
    } else {
        Ok(digits)
    }
}
