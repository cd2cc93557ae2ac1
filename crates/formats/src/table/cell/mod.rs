//! Values that are written as text, read under a declared type into columns.
//!
//! Strict: each type has the forms that `docs/format.md` lists and no others, a number that does not fit is an
//! error, and floats are the nearest to what is written.

mod number;
mod time;

use super::limit::LIST_ELEMENTS;
use super::{BLOCK_ROWS, Rows};
use crate::error::FormatError;
use arrow_array::{ArrayRef, make_array};
use arrow_buffer::{Buffer, NullBufferBuilder};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use number::fixed;

/// Gathers the values of one column.
pub struct Builder {
    data_type: DataType,
    nulls: NullBufferBuilder,
    length: usize,
    values: Values,
}

enum Values {
    /// Nothing but nulls.
    None,
    /// The ends of texts, and their bytes one after the other.
    Text { ends: Vec<i64>, bytes: Vec<u8> },
    /// One byte 0 or 1 each.
    Booleans(Vec<bool>),
    /// Little-endian, of this width.
    Fixed { width: usize, bytes: Vec<u8> },
    /// The ends of lists, and their elements one after the other.
    List { ends: Vec<i64>, child: Box<Builder> },
    /// Elements one after the other, this many each.
    FixedList { length: usize, child: Box<Builder> },
    /// One column for each field.
    Struct(Vec<Builder>),
}

/// The reason why a cell is refused: the expected form.
pub type Expected = String;

impl Builder {
    /// Create a builder for a type that text can be read as.
    pub fn new(data_type: &DataType) -> Result<Self, FormatError> {
        use DataType as T;
        let values = match data_type {
            T::Null => Values::None,
            T::LargeUtf8 => Values::Text {
                ends: vec![0],
                bytes: Vec::new(),
            },
            T::Boolean => Values::Booleans(Vec::new()),
            T::LargeList(item) => Values::List {
                ends: vec![0],
                child: Box::new(Self::new(item.data_type())?),
            },
            T::FixedSizeList(item, length) => Values::FixedList {
                length: usize::try_from(*length).unwrap_or_default(),
                child: Box::new(Self::new(item.data_type())?),
            },
            T::Struct(fields) => Values::Struct(
                fields
                    .iter()
                    .map(|field| Self::new(field.data_type()))
                    .collect::<Result<_, _>>()?,
            ),
            T::Float16 | T::Interval(_) => return Err(not_text(data_type)),
            other => match other.primitive_width() {
                Some(width) => Values::Fixed {
                    width,
                    bytes: Vec::new(),
                },
                None => return Err(not_text(other)),
            },
        };
        Ok(Self {
            data_type: data_type.clone(),
            nulls: NullBufferBuilder::new(0),
            length: 0,
            values,
        })
    }

    /// Create a builder for a type that stored values can be of: also byte strings, which no text is.
    pub fn of_values(data_type: &DataType) -> Result<Self, FormatError> {
        let data_type = if *data_type == DataType::Binary {
            &DataType::LargeBinary
        } else {
            data_type
        };
        if *data_type != DataType::LargeBinary {
            return Self::new(data_type);
        }
        Ok(Self {
            data_type: data_type.clone(),
            nulls: NullBufferBuilder::new(0),
            length: 0,
            values: Values::Text {
                ends: vec![0],
                bytes: Vec::new(),
            },
        })
    }

    /// Add a stored integer. Floats take those that they hold exactly, booleans 0 and 1.
    pub fn push_integer(&mut self, value: i64) -> Result<(), Expected> {
        use DataType as T;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "it is compared with the integer, with room for 2^63"
        )]
        let (float, is_exact) = (value as f64, i128::from(value) == (value as f64) as i128);
        match (&self.data_type, value) {
            (T::Int64, _) => self.push_fixed(&value.to_le_bytes()),
            (T::Float64, _) if is_exact => self.push_fixed(&float.to_le_bytes()),
            (T::Boolean, 0) => self.push("false"),
            (T::Boolean, 1) => self.push("true"),
            (T::Boolean, _) => Err("0 or 1".into()),
            (other, _) if other.is_integer() || matches!(other, T::Duration(_)) || is_decimal(other) => {
                self.push(&value.to_string())
            }
            (other, _) => Err(spelled(other)),
        }
    }

    /// Add a stored float.
    pub fn push_real(&mut self, value: f64) -> Result<(), Expected> {
        use DataType as T;
        match &self.data_type {
            T::Float64 => self.push_fixed(&value.to_le_bytes()),
            T::Float32 => {
                #[expect(clippy::cast_possible_truncation, reason = "it is compared with the float")]
                let narrow = value as f32;
                if f64::from(narrow).to_bits() != value.to_bits() {
                    return Err("a number that float32 holds exactly".into());
                }
                self.push_fixed(&narrow.to_le_bytes())
            }
            other => Err(spelled(other)),
        }
    }

    /// Add stored text: that of its type, never a number.
    pub fn push_value_text(&mut self, value: &str) -> Result<(), Expected> {
        use DataType as T;
        match &self.data_type {
            T::LargeUtf8 | T::Date32 | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(_, _) => {
                self.push(value)
            }
            other if is_decimal(other) => self.push(value),
            other => Err(spelled(other)),
        }
    }

    /// Add stored bytes.
    pub fn push_blob(&mut self, value: &[u8]) -> Result<(), Expected> {
        match &mut self.values {
            Values::Text { ends, bytes } if self.data_type == DataType::LargeBinary => {
                bytes.extend_from_slice(value);
                ends.push(bytes.len().cast_signed() as i64);
            }
            _ => return Err(spelled(&self.data_type)),
        }
        self.length += 1;
        self.nulls.append_non_null();
        Ok(())
    }

    fn push_fixed(&mut self, value: &[u8]) -> Result<(), Expected> {
        let Values::Fixed { width, bytes } = &mut self.values else {
            return Err(spelled(&self.data_type));
        };
        debug_assert_eq!(*width, value.len());
        bytes.extend_from_slice(value);
        self.length += 1;
        self.nulls.append_non_null();
        Ok(())
    }

    /// Return whether it takes any text, which JSON must have in quotes.
    pub const fn is_text(&self) -> bool {
        matches!(self.values, Values::Text { .. })
    }

    /// Return whether it takes JSON values without quotes. Decimals may be in quotes as well, to keep their digits.
    pub fn reads_numbers(&self) -> bool {
        use DataType as T;
        self.data_type == T::Boolean
            || self.data_type.is_integer()
            || self.data_type.is_floating()
            || matches!(self.data_type, T::Duration(_))
    }

    /// Add a null.
    pub fn null(&mut self) -> Result<(), Expected> {
        self.length += 1;
        self.nulls.append_null();
        match &mut self.values {
            Values::None => {}
            Values::Text { ends, bytes } => ends.push(bytes.len().cast_signed() as i64),
            Values::Booleans(values) => values.push(false),
            Values::Fixed { width, bytes } => bytes.resize(bytes.len() + *width, 0),
            Values::List { ends, child } => ends.push(child.length.cast_signed() as i64),
            Values::FixedList { length, child } => {
                few(child.length.saturating_add(*length))?;
                (0..*length).try_for_each(|_| child.null())?;
            }
            Values::Struct(children) => children.iter_mut().try_for_each(Self::null)?,
        }
        Ok(())
    }

    /// Add a value that is written as `cell`.
    pub fn push(&mut self, cell: &str) -> Result<(), Expected> {
        match &mut self.values {
            Values::Text { ends, bytes } => {
                bytes.extend_from_slice(cell.as_bytes());
                ends.push(bytes.len().cast_signed() as i64);
            }
            Values::Booleans(values) => values.push(match cell {
                "true" | "True" | "TRUE" => true,
                "false" | "False" | "FALSE" => false,
                _ => return Err("true or false".into()),
            }),
            Values::Fixed { bytes, .. } => {
                let before = bytes.len();
                let read = fixed(cell, &self.data_type, bytes);
                if let Err(expected) = read {
                    bytes.truncate(before);
                    return Err(expected);
                }
            }
            Values::None => return Err("nothing but nulls".into()),
            Values::List { .. } | Values::FixedList { .. } | Values::Struct(_) => {
                return Err("a list or an object".into());
            }
        }
        self.length += 1;
        self.nulls.append_non_null();
        Ok(())
    }

    /// Return the builder of the elements of a list, which [`Self::close_list`] ends.
    pub fn child(&mut self) -> Option<&mut Self> {
        match &mut self.values {
            Values::List { child, .. } | Values::FixedList { child, .. } => Some(child),
            _ => None,
        }
    }

    /// End a list whose elements were added to [`Self::child`].
    pub fn close_list(&mut self) -> Result<(), Expected> {
        match &mut self.values {
            Values::List { ends, child } => {
                few(child.length)?;
                ends.push(child.length.cast_signed() as i64);
            }
            Values::FixedList { length, child } => {
                few(child.length)?;
                if child.length != (self.length + 1) * *length {
                    return Err(format!("{length} elements"));
                }
            }
            _ => return Err("a single value".into()),
        }
        self.length += 1;
        self.nulls.append_non_null();
        Ok(())
    }

    /// Return the names and builders of the fields of a structure.
    pub fn fields(&mut self) -> Option<(Vec<String>, &mut [Self])> {
        let DataType::Struct(fields) = &self.data_type else {
            return None;
        };
        let names = fields.iter().map(|field| field.name().clone()).collect();
        match &mut self.values {
            Values::Struct(children) => Some((names, children)),
            _ => None,
        }
    }

    /// End a structure whose fields were all added to.
    pub fn close_struct(&mut self) {
        self.length += 1;
        self.nulls.append_non_null();
    }

    /// Return the values so far as an array, after which the builder is empty.
    pub fn finish(&mut self) -> Result<ArrayRef, FormatError> {
        Ok(make_array(self.data()?))
    }

    fn data(&mut self) -> Result<ArrayData, FormatError> {
        let length = std::mem::take(&mut self.length);
        let mut data = ArrayData::builder(self.data_type.clone()).len(length);
        if !matches!(self.values, Values::None) {
            data = data.nulls(self.nulls.finish());
        }
        self.nulls = NullBufferBuilder::new(0);
        let data = match &mut self.values {
            Values::None => data,
            Values::Text { ends, bytes } => data
                .add_buffer(Buffer::from_vec(std::mem::replace(ends, vec![0])))
                .add_buffer(Buffer::from_vec(std::mem::take(bytes))),
            Values::Booleans(values) => {
                let bits: arrow_buffer::BooleanBuffer = std::mem::take(values).into();
                data.add_buffer(bits.into_inner())
            }
            Values::Fixed { bytes, .. } => data.add_buffer(Buffer::from_slice_ref(std::mem::take(bytes))),
            Values::List { ends, child } => data
                .add_buffer(Buffer::from_vec(std::mem::replace(ends, vec![0])))
                .add_child_data(child.data()?),
            Values::FixedList { child, .. } => data.add_child_data(child.data()?),
            Values::Struct(children) => {
                let children = children.iter_mut().map(Self::data).collect::<Result<_, _>>()?;
                data.child_data(children)
            }
        };
        // Made of values that were checked one by one: what is refused here is a bug, and must not become a digest.
        data.build()
            .map_err(|error| FormatError::new(format!("its values cannot form a column: {error}")))
    }
}

/// Refuse more elements than are held at once.
fn few(elements: usize) -> Result<(), Expected> {
    if elements <= LIST_ELEMENTS {
        return Ok(());
    }
    Err(format!(
        "at most {LIST_ELEMENTS} elements of lists in {BLOCK_ROWS} rows"
    ))
}

/// Return the rows that builders have gathered, one builder per column; `None` where there are none.
pub(super) fn finish_rows(builders: &mut [Builder], count: usize) -> Result<Option<Rows>, FormatError> {
    if count == 0 {
        return Ok(None);
    }
    let columns = builders
        .iter_mut()
        .map(Builder::finish)
        .collect::<Result<_, _>>()?;
    Ok(Some(Rows { count, columns }))
}

/// Parse a cell as a number in the forms of `float64`; `None` for anything else.
pub fn number(cell: &str) -> Option<f64> {
    let mut bytes = Vec::new();
    fixed(cell, &DataType::Float64, &mut bytes).ok()?;
    let bytes = bytes.try_into().ok()?;
    Some(f64::from_le_bytes(bytes))
}

const fn is_decimal(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Decimal32(_, _) | T::Decimal64(_, _) | T::Decimal128(_, _) | T::Decimal256(_, _)
    )
}

/// Return a type as an expectation.
fn spelled(data_type: &DataType) -> Expected {
    super::types::spell(data_type).unwrap_or_else(|error| error.message)
}

fn not_text(data_type: &DataType) -> FormatError {
    let spelling = super::types::spell(data_type).unwrap_or_else(|error| error.message);
    FormatError::unsupported(format!("text cannot be parsed as {spelling}"))
}
