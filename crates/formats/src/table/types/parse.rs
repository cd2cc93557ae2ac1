//! Reading the spelling of a type, which declared schemas are made of.

use super::{WORDS, interval_name, spell, unit_name};
use crate::error::FormatError;
use crate::table::MAX_DEPTH;
use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};
use std::sync::Arc;

/// Read the spelling of a type that a schema declares, and gives it as the type that readers of text build.
pub fn parse(spelling: &str) -> Result<DataType, FormatError> {
    let mut rest = spelling;
    let data_type = parse_type(&mut rest, 0)?;
    // The one spelling of each type: whatever is written otherwise would be another text of the same type.
    if !rest.is_empty() || spell(&data_type)? != spelling {
        return Err(unknown(spelling));
    }
    Ok(data_type)
}

fn unknown(spelling: &str) -> FormatError {
    FormatError::new("unknown column type").with_expected(
        "a type as docs/format.md spells it, for example int64 or timestamp(us,UTC)",
        format!("{spelling:?}"),
    )
}

fn parse_type(rest: &mut &str, depth: usize) -> Result<DataType, FormatError> {
    if depth > MAX_DEPTH {
        return Err(unknown(rest));
    }
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let whole = *rest;
    *rest = after;
    let by_word = match word {
        "utf8" => Some(DataType::LargeUtf8),
        "binary" => Some(DataType::LargeBinary),
        _ => {
            let entry = WORDS.iter().find(|(name, _)| *name == word);
            entry.map(|(_, data_type)| data_type.clone())
        }
    };
    if let Some(data_type) = by_word {
        return Ok(data_type);
    }
    let mut arguments = Arguments { rest, whole, depth };
    match word {
        "fixed_binary" => arguments.fixed_binary(),
        "decimal" => arguments.decimal(),
        "time32" | "time64" | "timestamp" | "duration" => arguments.time(word),
        "interval" => arguments.interval(),
        "list" => {
            let item = arguments.between("<", Arguments::data_type)?;
            Ok(DataType::LargeList(Arc::new(Field::new("item", item, true))))
        }
        "fixed_list" => arguments.fixed_list(),
        "struct" => arguments.structure(),
        "map" => arguments.map(),
        _ => Err(unknown(whole)),
    }
}

/// The arguments in the brackets of a type.
struct Arguments<'a, 'b> {
    rest: &'a mut &'b str,
    whole: &'b str,
    depth: usize,
}

impl Arguments<'_, '_> {
    fn data_type(&mut self) -> Result<DataType, FormatError> {
        parse_type(self.rest, self.depth + 1)
    }

    /// Read with `read` the text between `open` and the matching bracket.
    fn between<T>(
        &mut self,
        open: &str,
        read: impl FnOnce(&mut Self) -> Result<T, FormatError>,
    ) -> Result<T, FormatError> {
        self.expect(open)?;
        let value = read(self)?;
        self.expect(if open == "(" { ")" } else { ">" })?;
        Ok(value)
    }

    fn fixed_binary(&mut self) -> Result<DataType, FormatError> {
        let width = self.between("(", Self::length)?;
        Ok(DataType::FixedSizeBinary(width))
    }

    fn decimal(&mut self) -> Result<DataType, FormatError> {
        let (precision, scale) = self.between("(", |inner| {
            let precision = inner.number::<u8>()?;
            inner.expect(",")?;
            Ok((precision, inner.number::<i8>()?))
        })?;
        if !(1..=76).contains(&precision) || i16::from(scale).abs() > i16::from(precision) {
            return Err(unknown(self.whole));
        }
        Ok(if precision <= 38 {
            DataType::Decimal128(precision, scale)
        } else {
            DataType::Decimal256(precision, scale)
        })
    }

    fn time(&mut self, word: &str) -> Result<DataType, FormatError> {
        let (unit, zone) = self.between("(", |inner| {
            let unit = inner.unit()?;
            let has_zone = word == "timestamp" && inner.accept(",");
            Ok((unit, if has_zone { Some(inner.name()?) } else { None }))
        })?;
        match (word, unit) {
            ("time32", TimeUnit::Second | TimeUnit::Millisecond) => Ok(DataType::Time32(unit)),
            ("time64", TimeUnit::Microsecond | TimeUnit::Nanosecond) => Ok(DataType::Time64(unit)),
            ("timestamp", _) => Ok(DataType::Timestamp(unit, zone.map(Arc::from))),
            ("duration", _) => Ok(DataType::Duration(unit)),
            _ => Err(unknown(self.whole)),
        }
    }

    fn interval(&mut self) -> Result<DataType, FormatError> {
        let units = [
            IntervalUnit::YearMonth,
            IntervalUnit::DayTime,
            IntervalUnit::MonthDayNano,
        ];
        let unit = self.between("(", |inner| {
            let unit = units.into_iter().find(|unit| inner.accept(interval_name(*unit)));
            unit.ok_or_else(|| unknown(inner.whole))
        })?;
        Ok(DataType::Interval(unit))
    }

    fn fixed_list(&mut self) -> Result<DataType, FormatError> {
        let (length, item) = self.between("<", |inner| {
            let length = inner.length()?;
            inner.expect(",")?;
            Ok((length, inner.data_type()?))
        })?;
        Ok(DataType::FixedSizeList(
            Arc::new(Field::new("item", item, true)),
            length,
        ))
    }

    fn structure(&mut self) -> Result<DataType, FormatError> {
        let fields = self.between("<", |inner| {
            let mut fields = Vec::new();
            while !inner.rest.starts_with('>') {
                if !fields.is_empty() {
                    inner.expect(",")?;
                }
                let name = inner.name()?;
                inner.expect(":")?;
                fields.push(Field::new(name, inner.data_type()?, true));
            }
            Ok(fields)
        })?;
        Ok(DataType::Struct(fields.into()))
    }

    fn map(&mut self) -> Result<DataType, FormatError> {
        let (key, value) = self.between("<", |inner| {
            let key = inner.data_type()?;
            inner.expect(",")?;
            Ok((key, inner.data_type()?))
        })?;
        let pair = vec![Field::new("key", key, false), Field::new("value", value, true)];
        let entries = Field::new("entries", DataType::Struct(pair.into()), false);
        Ok(DataType::Map(Arc::new(entries), false))
    }

    /// Return a number of at least zero.
    fn length(&mut self) -> Result<i32, FormatError> {
        match self.number::<i32>()? {
            length if length >= 0 => Ok(length),
            _ => Err(unknown(self.whole)),
        }
    }

    fn accept(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(after) => {
                *self.rest = after;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), FormatError> {
        if self.accept(token) {
            Ok(())
        } else {
            Err(unknown(self.whole))
        }
    }

    fn number<N: std::str::FromStr>(&mut self) -> Result<N, FormatError> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(self.rest.len());
        let (digits, after) = self.rest.split_at(end);
        *self.rest = after;
        digits.parse().map_err(|_| unknown(self.whole))
    }

    fn unit(&mut self) -> Result<TimeUnit, FormatError> {
        // Longer names first: "ms" does not begin with "s", but the order should not matter to a reader.
        for unit in [
            TimeUnit::Millisecond,
            TimeUnit::Microsecond,
            TimeUnit::Nanosecond,
            TimeUnit::Second,
        ] {
            if self.accept(unit_name(unit)) {
                return Ok(unit);
            }
        }
        Err(unknown(self.whole))
    }

    fn name(&mut self) -> Result<String, FormatError> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self
                .rest
                .find([':', ',', '<', '>', '(', ')', '"'])
                .unwrap_or(self.rest.len());
            let (name, after) = self.rest.split_at(end);
            *self.rest = after;
            return Ok(name.to_owned());
        };
        let mut name = String::new();
        let mut characters = quoted.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    *self.rest = &quoted[index + 1..];
                    return Ok(name);
                }
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                other => name.push(other),
            }
        }
        Err(unknown(self.whole))
    }
}
