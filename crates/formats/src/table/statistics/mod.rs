//! Statistics of the values of a column: nulls, extremes, mean, histogram, lengths.
//!
//! Section "Statistics of columns" of `docs/format.md` is the normative text. Each figure is exact, or rounded once from
//! an exact one, so that none depends on batches, files, threads or the order of the rows. No digest covers them.

mod bins;
mod sum;

use super::block::part::Part;
use crate::error::FormatError;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, BinaryType, BinaryViewType, ByteArrayType, ByteViewType, Date32Type, Date64Type,
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, LargeBinaryType, LargeUtf8Type, StringViewType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type, Utf8Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DataType, TimeUnit};
use bins::Bins;
pub use bins::Histogram;
use std::ops::Range;
use sum::Sum;

/// The figures of the values of a column so far.
#[derive(Clone, Debug)]
pub struct Statistics {
    nulls: u64,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// Of a type of which only nulls are counted.
    Other,
    Booleans {
        trues: u64,
    },
    Integers(Box<Integers>),
    Floats(Box<Floats>),
    /// Dates, times and durations, in the unit of their type.
    Times(Extremes<i64>),
    Decimals(Extremes<i256>, u8, i8),
    /// Bytes of texts and byte strings, elements of lists.
    Lengths(Extremes<u64>),
}

/// The statistics of a column, as they are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows without a value.
    pub nulls: u64,
    /// The smallest number, as decimal text; of floats the smallest finite one.
    pub minimum: Option<String>,
    /// The largest number, as decimal text; of floats the largest finite one.
    pub maximum: Option<String>,
    /// The mean of the (finite) numbers, rounded to the nearest double.
    pub mean: Option<f64>,
    /// Counts of the (finite) numbers.
    pub histogram: Option<Histogram>,
    /// Floats that are not finite; none for other types.
    pub special: Option<Special>,
    /// Booleans that are true.
    pub trues: Option<u64>,
    /// The smallest length: bytes of a text or byte string, elements of a list.
    pub shortest: Option<u64>,
    /// The largest length.
    pub longest: Option<u64>,
}

/// The number of floats that are not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Special {
    /// Of any sign and payload.
    pub nan: u64,
    /// Positive ones.
    pub infinity: u64,
    /// Negative ones.
    pub negative_infinity: u64,
}

/// The smallest and the largest value.
#[derive(Clone, Copy, Debug)]
struct Extremes<T>(Option<(T, T)>);

impl<T: Copy + PartialOrd> Extremes<T> {
    fn add(&mut self, low: T, high: T) {
        self.0 = Some(match self.0 {
            None => (low, high),
            Some((least, most)) => (
                if low < least { low } else { least },
                if high > most { high } else { most },
            ),
        });
    }

    fn add_all(&mut self, mut values: impl Iterator<Item = T>) {
        let Some(first) = values.next() else { return };
        let (low, high) = values.fold((first, first), |(low, high), value| {
            (
                if value < low { value } else { low },
                if value > high { value } else { high },
            )
        });
        self.add(low, high);
    }

    fn merge(&mut self, other: Self) {
        if let Some((low, high)) = other.0 {
            self.add(low, high);
        }
    }
}

#[derive(Clone, Debug)]
struct Integers {
    extremes: Extremes<i128>,
    count: u64,
    sum: i128,
    bins: Bins,
}

#[derive(Clone, Debug)]
struct Floats {
    extremes: Extremes<f64>,
    count: u64,
    sum: Sum,
    bins: Bins,
    special: Special,
}

impl Statistics {
    /// Create the statistics of no values of a type.
    pub fn new(data_type: &DataType) -> Self {
        use DataType as T;
        let values = match data_type {
            T::Dictionary(_, value) => return Self::new(value),
            T::RunEndEncoded(_, values) => return Self::new(values.data_type()),
            T::Boolean => Values::Booleans { trues: 0 },
            other if other.is_integer() => Values::Integers(Box::new(Integers {
                extremes: Extremes(None),
                count: 0,
                sum: 0,
                bins: Bins::default(),
            })),
            other if other.is_floating() => Values::Floats(Box::new(Floats {
                extremes: Extremes(None),
                count: 0,
                sum: Sum::default(),
                bins: Bins::default(),
                special: Special::default(),
            })),
            T::Date32 | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(_, _) | T::Duration(_) => {
                Values::Times(Extremes(None))
            }
            T::Decimal32(precision, scale)
            | T::Decimal64(precision, scale)
            | T::Decimal128(precision, scale)
            | T::Decimal256(precision, scale) => Values::Decimals(Extremes(None), *precision, *scale),
            T::Utf8
            | T::LargeUtf8
            | T::Utf8View
            | T::Binary
            | T::LargeBinary
            | T::BinaryView
            | T::List(_)
            | T::LargeList(_)
            | T::ListView(_)
            | T::LargeListView(_)
            | T::Map(_, _) => Values::Lengths(Extremes(None)),
            _ => Values::Other,
        };
        Self { nulls: 0, values }
    }

    /// Add the values of some arrays of the type.
    pub fn add(&mut self, pieces: &[ArrayRef]) -> Result<(), FormatError> {
        let parts = pieces
            .iter()
            .map(|piece| Part::new(piece.clone(), None))
            .collect::<Result<Vec<_>, _>>()?;
        self.add_parts(&parts);
        Ok(())
    }

    /// Add the values of arrays in plain form.
    pub(super) fn add_parts(&mut self, parts: &[Part]) {
        for part in parts {
            self.nulls += match &part.valid {
                _ if *part.array.data_type() == DataType::Null => part.array.len() as u64,
                Some(nulls) => nulls.null_count() as u64,
                None => 0,
            };
            match &mut self.values {
                Values::Other => {}
                Values::Booleans { trues } => {
                    let values = part.array.as_boolean().values();
                    for run in part.runs() {
                        *trues += values.slice(run.start, run.len()).count_set_bits() as u64;
                    }
                }
                Values::Integers(integers) => integers.add(part),
                Values::Floats(floats) => floats.add(part),
                Values::Times(extremes) => add_times(part, extremes),
                Values::Decimals(extremes, _, _) => add_decimals(part, extremes),
                Values::Lengths(extremes) => add_lengths(part, extremes),
            }
        }
    }

    /// Add what is known of other values of the same column.
    pub fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        match (&mut self.values, &other.values) {
            (Values::Booleans { trues }, Values::Booleans { trues: more }) => *trues += more,
            (Values::Integers(own), Values::Integers(more)) => own.merge(more),
            (Values::Floats(own), Values::Floats(more)) => own.merge(more),
            (Values::Times(own), Values::Times(more)) => own.merge(*more),
            (Values::Decimals(own, _, _), Values::Decimals(more, _, _)) => own.merge(*more),
            (Values::Lengths(own), Values::Lengths(more)) => own.merge(*more),
            _ => {}
        }
    }

    /// Return the figures.
    pub fn summary(&self) -> Summary {
        let none = Summary {
            nulls: self.nulls,
            ..Summary::default()
        };
        let between = |extremes: Option<(String, String)>| {
            let (minimum, maximum) = extremes.unzip();
            Summary {
                minimum,
                maximum,
                ..none.clone()
            }
        };
        match &self.values {
            Values::Other => none,
            Values::Booleans { trues } => Summary {
                trues: Some(*trues),
                ..none
            },
            Values::Integers(own) => Summary {
                mean: (own.count > 0).then(|| sum::mean_of_integers(own.sum, own.count)),
                histogram: own.bins.of_integers(),
                ..between(
                    own.extremes
                        .0
                        .map(|(low, high)| (low.to_string(), high.to_string())),
                )
            },
            Values::Floats(own) => Summary {
                mean: (own.count > 0).then(|| own.sum.mean(own.count)),
                histogram: own.bins.of_floats(),
                special: Some(own.special),
                ..between(
                    own.extremes
                        .0
                        .map(|(low, high)| (format!("{low:?}"), format!("{high:?}"))),
                )
            },
            Values::Times(extremes) => {
                between(extremes.0.map(|(low, high)| (low.to_string(), high.to_string())))
            }
            Values::Decimals(extremes, precision, scale) => {
                let text = |value| Decimal256Type::format_decimal(value, *precision, *scale);
                between(extremes.0.map(|(low, high)| (text(low), text(high))))
            }
            Values::Lengths(extremes) => Summary {
                shortest: extremes.0.map(|(least, _)| least),
                longest: extremes.0.map(|(_, most)| most),
                ..none
            },
        }
    }
}

/// An integer of any width.
trait Integer: Copy + Ord + Into<i128> {
    /// Return the number of its bin among bins of `2^exponent`, in the lowest 64 bits.
    fn bin(self, exponent: u32) -> u64;
}

macro_rules! integer {
    ($($native:ty as $wide:ty),*) => {$(
        impl Integer for $native {
            #[expect(clippy::allow_attributes, reason = "some of these conversions change nothing")]
            #[allow(clippy::cast_lossless, clippy::cast_sign_loss, clippy::unnecessary_cast, reason = "a wider form of the same bits")]
            fn bin(self, exponent: u32) -> u64 {
                ((self as $wide) >> exponent) as u64
            }
        }
    )*};
}

integer!(
    i8 as i64, i16 as i64, i32 as i64, i64 as i64, u8 as u64, u16 as u64, u32 as u64, u64 as u64
);

impl Integers {
    fn add(&mut self, part: &Part) {
        match part.array.data_type() {
            DataType::Int8 => self.add_runs::<Int8Type>(part),
            DataType::Int16 => self.add_runs::<Int16Type>(part),
            DataType::Int32 => self.add_runs::<Int32Type>(part),
            DataType::Int64 => self.add_runs::<Int64Type>(part),
            DataType::UInt8 => self.add_runs::<UInt8Type>(part),
            DataType::UInt16 => self.add_runs::<UInt16Type>(part),
            DataType::UInt32 => self.add_runs::<UInt32Type>(part),
            _ => self.add_runs::<UInt64Type>(part),
        }
    }

    fn add_runs<T: ArrowPrimitiveType>(&mut self, part: &Part)
    where
        T::Native: Integer,
    {
        let all = part.array.as_primitive::<T>().values();
        each_run(all, part, |values| {
            let mut extremes = Extremes(None);
            extremes.add_all(values.iter().copied());
            let Some((low, high)): Option<(T::Native, T::Native)> = extremes.0 else {
                return;
            };
            let low: i128 = low.into();
            self.extremes.add(low, high.into());
            self.count += values.len() as u64;
            self.sum += values.iter().map(|value| (*value).into()).sum::<i128>();
            let Some((least, most)) = self.extremes.0 else {
                return;
            };
            self.bins.cover(bins::exponent(least, most, 0));
            let exponent = self.bins.exponent().unsigned_abs();
            self.bins
                .count(low >> exponent, values, |value| value.bin(exponent));
        });
    }

    fn merge(&mut self, other: &Self) {
        self.extremes.merge(other.extremes);
        self.count += other.count;
        self.sum += other.sum;
        if let Some((least, most)) = self.extremes.0 {
            self.bins.cover(bins::exponent(least, most, 0));
            self.bins.merge(&other.bins);
        }
    }
}

impl Floats {
    fn add(&mut self, part: &Part) {
        match part.array.data_type() {
            DataType::Float64 => each_run(
                part.array.as_primitive::<Float64Type>().values(),
                part,
                |values| {
                    self.add_values(values);
                },
            ),
            DataType::Float32 => each_run(
                part.array.as_primitive::<Float32Type>().values(),
                part,
                |values| {
                    self.add_values(&values.iter().copied().map(f64::from).collect::<Vec<_>>());
                },
            ),
            _ => each_run(
                part.array.as_primitive::<Float16Type>().values(),
                part,
                |values| {
                    self.add_values(&values.iter().copied().map(f64::from).collect::<Vec<_>>());
                },
            ),
        }
    }

    fn add_values(&mut self, values: &[f64]) {
        let mut low = [f64::INFINITY; LANES];
        let mut high = [f64::NEG_INFINITY; LANES];
        let mut zeros = [0.0; LANES];
        let mut add = |lane: usize, value: f64| {
            low[lane] = if value < low[lane] { value } else { low[lane] };
            high[lane] = if value > high[lane] { value } else { high[lane] };
            // NaN if the value is not finite, and from then on.
            zeros[lane] += value * 0.0;
        };
        let (some, rest) = values.as_chunks::<LANES>();
        for some in some {
            for (lane, value) in some.iter().enumerate() {
                add(lane, *value);
            }
        }
        for value in rest {
            add(0, *value);
        }
        if zeros.iter().all(|zero| *zero == 0.0) {
            let least = low.into_iter().fold(f64::INFINITY, f64::min);
            let most = high.into_iter().fold(f64::NEG_INFINITY, f64::max);
            return self.add_finite(values, least, most);
        }
        let mut finite = Vec::with_capacity(values.len());
        for value in values {
            if value.is_finite() {
                finite.push(*value);
            } else if value.is_nan() {
                self.special.nan += 1;
            } else if *value > 0.0 {
                self.special.infinity += 1;
            } else {
                self.special.negative_infinity += 1;
            }
        }
        let mut extremes = Extremes(None);
        extremes.add_all(finite.iter().copied());
        if let Some((least, most)) = extremes.0 {
            self.add_finite(&finite, least, most);
        }
    }

    /// Add finite values from `low` to `high`.
    fn add_finite(&mut self, values: &[f64], low: f64, high: f64) {
        if values.is_empty() {
            return;
        }
        // Zero has one sign here: which of both is the smallest would depend on the order of the rows.
        self.extremes.add(low + 0.0, high + 0.0);
        self.count += values.len() as u64;
        self.sum.add(values, low.abs().max(high.abs()));
        let Some((least, most)) = self.extremes.0 else {
            return;
        };
        self.bins.cover(bins::float_exponent(least, most));
        self.bins.count_floats(low, high, values);
    }

    fn merge(&mut self, other: &Self) {
        self.extremes.merge(other.extremes);
        self.count += other.count;
        self.sum.merge(&other.sum);
        self.special.nan += other.special.nan;
        self.special.infinity += other.special.infinity;
        self.special.negative_infinity += other.special.negative_infinity;
        if let Some((least, most)) = self.extremes.0 {
            self.bins.cover(bins::float_exponent(least, most));
            self.bins.merge(&other.bins);
        }
    }
}

/// Hand the valid values to `take`, some thousand at a time.
fn each_run<T: Copy>(all: &[T], part: &Part, mut take: impl FnMut(&[T])) {
    if part.valid.is_none() {
        return all.chunks(SOME).for_each(take);
    }
    // Runs between nulls can be short.
    let mut gathered = Vec::with_capacity(all.len().min(SOME));
    for run in part.runs() {
        gathered.extend_from_slice(&all[run]);
        if gathered.len() >= SOME {
            take(&gathered);
            gathered.clear();
        }
    }
    take(&gathered);
}

/// Values that stay in the cache of a core between the passes over them.
const SOME: usize = 8192;

/// Values that are compared side by side.
const LANES: usize = 8;

fn add_times(part: &Part, extremes: &mut Extremes<i64>) {
    fn of<T: ArrowPrimitiveType>(part: &Part, extremes: &mut Extremes<i64>)
    where
        T::Native: Into<i64>,
    {
        let all = part.array.as_primitive::<T>().values();
        each_run(all, part, |values| {
            extremes.add_all(values.iter().map(|value| (*value).into()));
        });
    }
    use DataType as T;
    match part.array.data_type() {
        T::Date32 => of::<Date32Type>(part, extremes),
        T::Date64 => of::<Date64Type>(part, extremes),
        T::Time32(TimeUnit::Second) => of::<Time32SecondType>(part, extremes),
        T::Time32(_) => of::<Time32MillisecondType>(part, extremes),
        T::Time64(TimeUnit::Microsecond) => of::<Time64MicrosecondType>(part, extremes),
        T::Time64(_) => of::<Time64NanosecondType>(part, extremes),
        T::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(part, extremes),
        T::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(part, extremes),
        T::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(part, extremes),
        T::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(part, extremes),
        T::Duration(TimeUnit::Second) => of::<DurationSecondType>(part, extremes),
        T::Duration(TimeUnit::Millisecond) => of::<DurationMillisecondType>(part, extremes),
        T::Duration(TimeUnit::Microsecond) => of::<DurationMicrosecondType>(part, extremes),
        // Parquet gives times that only an Arrow schema names as the integers that it stores.
        T::Int32 => of::<Int32Type>(part, extremes),
        T::Int64 => of::<Int64Type>(part, extremes),
        _ => of::<DurationNanosecondType>(part, extremes),
    }
}

fn add_decimals(part: &Part, extremes: &mut Extremes<i256>) {
    fn of<T: ArrowPrimitiveType>(
        part: &Part,
        extremes: &mut Extremes<i256>,
        wide: impl Fn(T::Native) -> i256,
    ) {
        let all = part.array.as_primitive::<T>().values();
        for run in part.runs() {
            let mut own = Extremes(None);
            own.add_all(all[run].iter().copied());
            if let Some((low, high)) = own.0 {
                extremes.add(wide(low), wide(high));
            }
        }
    }
    match part.array.data_type() {
        DataType::Decimal32(_, _) => {
            of::<Decimal32Type>(part, extremes, |value| i256::from_i128(value.into()));
        }
        DataType::Decimal64(_, _) => {
            of::<Decimal64Type>(part, extremes, |value| i256::from_i128(value.into()));
        }
        DataType::Decimal128(_, _) => of::<Decimal128Type>(part, extremes, i256::from_i128),
        _ => of::<Decimal256Type>(part, extremes, |value| value),
    }
}

fn add_lengths(part: &Part, extremes: &mut Extremes<u64>) {
    let array = &part.array;
    match array.data_type() {
        DataType::Utf8 => byte_lengths::<Utf8Type>(part, extremes),
        DataType::LargeUtf8 => byte_lengths::<LargeUtf8Type>(part, extremes),
        DataType::Binary => byte_lengths::<BinaryType>(part, extremes),
        DataType::LargeBinary => byte_lengths::<LargeBinaryType>(part, extremes),
        DataType::Utf8View => view_lengths::<StringViewType>(part, extremes),
        DataType::BinaryView => view_lengths::<BinaryViewType>(part, extremes),
        DataType::List(_) => offset_lengths(array.as_list::<i32>().offsets(), part, extremes),
        DataType::LargeList(_) => offset_lengths(array.as_list::<i64>().offsets(), part, extremes),
        DataType::ListView(_) => size_lengths(array.as_list_view::<i32>().sizes(), part, extremes),
        DataType::LargeListView(_) => size_lengths(array.as_list_view::<i64>().sizes(), part, extremes),
        _ => offset_lengths(array.as_map().offsets(), part, extremes),
    }
}

fn byte_lengths<T: ByteArrayType>(part: &Part, extremes: &mut Extremes<u64>) {
    offset_lengths(part.array.as_bytes::<T>().offsets(), part, extremes);
}

fn view_lengths<T: ByteViewType>(part: &Part, extremes: &mut Extremes<u64>) {
    let views = part.array.as_byte_view::<T>().views();
    // The length of a view is its lowest 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the lowest 32 bits are meant")]
    let length = |view: &u128| u64::from(*view as u32);
    for Range { start, end } in part.runs() {
        extremes.add_all(views[start..end].iter().map(length));
    }
}

fn offset_lengths<O: ArrowNativeType>(offsets: &[O], part: &Part, extremes: &mut Extremes<u64>) {
    for Range { start, end } in part.runs() {
        let pairs = offsets[start..=end].windows(2);
        extremes.add_all(pairs.map(|pair| (pair[1].as_usize() - pair[0].as_usize()) as u64));
    }
}

fn size_lengths<O: ArrowNativeType>(sizes: &[O], part: &Part, extremes: &mut Extremes<u64>) {
    for run in part.runs() {
        extremes.add_all(sizes[run].iter().map(|size| size.as_usize() as u64));
    }
}
