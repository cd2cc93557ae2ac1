//! Dates and times, written as text.

use arrow_schema::TimeUnit;

/// The form of dates.
pub const DATE: &str = "a date as YYYY-MM-DD";

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Parse a date to days since 1970-01-01 in the proleptic Gregorian calendar.
pub fn date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the day that leap years have is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(days + (153 * month + 2) / 5 + day - 1 - 719_468)
}

const fn unit_digits(unit: TimeUnit) -> (usize, i64) {
    match unit {
        TimeUnit::Second => (0, 1),
        TimeUnit::Millisecond => (3, 1_000),
        TimeUnit::Microsecond => (6, 1_000_000),
        TimeUnit::Nanosecond => (9, 1_000_000_000),
    }
}

/// Return the form of times, for messages.
pub fn time_form(unit: TimeUnit) -> String {
    match unit_digits(unit).0 {
        0 => "a time as HH:MM:SS".to_owned(),
        places => format!("a time as HH:MM:SS with at most {places} digits of a second"),
    }
}

/// Return the range of timestamps of a unit, for messages; empty if every year of four digits is in it.
pub const fn timestamp_range(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Nanosecond => ", from 1677-09-21T00:12:43.145224192 to 2262-04-11T23:47:16.854775807",
        _ => "",
    }
}

/// Parse a time to units since midnight.
pub fn time(text: &str, unit: TimeUnit) -> Option<i64> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (places, units) = unit_digits(unit);
    let part = match fraction {
        None => 0,
        Some(fraction) => {
            let kept = fraction.trim_end_matches('0');
            if fraction.is_empty()
                || kept.len() > places
                || !fraction.bytes().all(|byte| byte.is_ascii_digit())
            {
                return None;
            }
            digits(&format!("{kept:0<places$}"), places).unwrap_or_default()
        }
    };
    Some((hour * 3600 + minute * 60 + second) * units + part)
}

/// Parse a timestamp to units since 1970-01-01T00:00:00, in UTC where there is a zone.
pub fn timestamp(text: &str, unit: TimeUnit, zoned: bool) -> Option<i64> {
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', ' '])?;
    let (clock, offset) = if zoned { zone_offset(rest)? } else { (rest, 0) };
    let (_, units) = unit_digits(unit);
    let seconds = date(day)? * 86_400 - offset;
    // The units of the whole seconds alone may be out of range where those of the time itself are not.
    i64::try_from(i128::from(seconds) * i128::from(units) + i128::from(time(clock, unit)?)).ok()
}

/// Split a time into the clock and the offset from UTC in seconds.
fn zone_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let index = text.rfind(['+', '-'])?;
    let sign = if text[index..].starts_with('-') { -1 } else { 1 };
    let written = text[index + 1..].replacen(':', "", 1);
    let (hours, minutes) = (digits(written.get(..2)?, 2)?, digits(written.get(2..)?, 2)?);
    (hours <= 23 && minutes <= 59).then_some((&text[..index], sign * (hours * 3600 + minutes * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_reach_to_the_limits_of_64_bits() {
        let first = "1677-09-21T00:12:43.145224192";
        let last = "2262-04-11 23:47:16.854775807";
        let nanoseconds = |text| timestamp(text, TimeUnit::Nanosecond, false);
        assert_eq!(nanoseconds(first), Some(i64::MIN));
        assert_eq!(nanoseconds("1677-09-21T00:12:43.145224193"), Some(i64::MIN + 1));
        assert_eq!(nanoseconds("1677-09-21T00:12:43.145224191"), None);
        assert_eq!(nanoseconds("1677-09-21T00:12:43"), None);
        assert_eq!(nanoseconds("1677-09-21T00:12:44"), Some(i64::MIN + 854_775_808));
        assert_eq!(nanoseconds(last), Some(i64::MAX));
        assert_eq!(nanoseconds("2262-04-11 23:47:16.854775808"), None);
        let zoned = |text| timestamp(text, TimeUnit::Nanosecond, true);
        assert_eq!(zoned("1677-09-21T02:12:43.145224192+02:00"), Some(i64::MIN));
        assert_eq!(zoned("1677-09-21T02:12:43.145224191+02:00"), None);
        assert_eq!(zoned("2262-04-11 22:47:16.854775807-01:00"), Some(i64::MAX));
        let microseconds = |text| timestamp(text, TimeUnit::Microsecond, false);
        assert_eq!(
            microseconds("9999-12-31T23:59:59.999999"),
            Some(253_402_300_799_999_999)
        );
        assert_eq!(microseconds("0000-01-01T00:00:00"), Some(-62_167_219_200_000_000));
    }
}
