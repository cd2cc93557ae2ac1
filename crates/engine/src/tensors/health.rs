//! What kind of numbers a tensor holds: computed of the bytes that are hashed, while they are in the cache.

use super::simd::{Vectorized, vectorize};
use lineaprint_formats::Dtype;
use lineaprint_formats::values::{Decoder, Kind};

/// Counts and sums of the numbers of a tensor. Of complex numbers, each part is a number.
///
/// Extremes and sums are of the finite numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// How many numbers there are.
    pub numbers: u64,
    /// How many are NaN.
    pub nan: u64,
    /// How many are infinite.
    pub infinite: u64,
    /// How many are zero, of either sign.
    pub zeros: u64,
    /// The least finite number; infinity if there is none.
    pub minimum: f64,
    /// The largest finite number; negative infinity if there is none.
    pub maximum: f64,
    /// Sum of the finite numbers.
    pub sum: f64,
    /// Sum of the squares of the finite numbers.
    pub squares: f64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            numbers: 0,
            nan: 0,
            infinite: 0,
            zeros: 0,
            minimum: f64::INFINITY,
            maximum: f64::NEG_INFINITY,
            sum: 0.,
            squares: 0.,
        }
    }
}

/// The numbers of a tensor, as far as their health is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    decoder: Decoder,
    count: u64,
}

impl Numbers {
    /// Return the numbers of a tensor of floating-point numbers, blocks among them; `None` for others.
    pub(crate) fn of(dtype: Dtype, shape: &[u64]) -> Option<Self> {
        let decoder = Decoder::of(dtype).filter(|decoder| decoder.kind() != Kind::Integer)?;
        let elements: u64 = shape.iter().product();
        let count = elements.saturating_mul(decoder.values_per_element() as u64);
        Some(Self { decoder, count })
    }
}

/// The health of bytes of a tensor that follow each other. They may start and end inside a unit of the dtype.
pub(crate) struct Bytes {
    decoder: Decoder,
    /// Bytes of the first unit that are not there.
    missing: usize,
    /// Bytes before the first whole unit.
    head: Vec<u8>,
    health: Health,
    /// Bytes after the last whole unit.
    tail: Vec<u8>,
    /// Numbers from the next unit to the end of the tensor, whose last unit may hold fewer than others.
    left: u64,
}

impl Bytes {
    /// Start at byte `position` of a tensor.
    pub(crate) fn new(Numbers { decoder, count }: Numbers, position: u64) -> Self {
        let unit = decoder.unit();
        let (bytes, values) = (unit.bytes as u64, unit.values as u64);
        let missing = position.next_multiple_of(bytes) - position;
        let before = position.div_ceil(bytes).saturating_mul(values);
        Self {
            decoder,
            missing: usize::try_from(missing).unwrap_or_default(),
            head: Vec::new(),
            health: Health::default(),
            tail: Vec::new(),
            left: count.saturating_sub(before),
        }
    }

    /// Add the next bytes.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        if self.head.len() < self.missing {
            let (head, rest) = bytes.split_at(bytes.len().min(self.missing - self.head.len()));
            self.head.extend_from_slice(head);
            bytes = rest;
        }
        let unit = self.decoder.unit().bytes;
        if !self.tail.is_empty() {
            let (first, rest) = bytes.split_at(bytes.len().min(unit - self.tail.len()));
            self.tail.extend_from_slice(first);
            bytes = rest;
            if self.tail.len() < unit {
                return;
            }
            let tail = std::mem::take(&mut self.tail);
            self.decode(&tail);
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % unit);
        self.decode(whole);
        self.tail.extend_from_slice(rest);
    }

    /// Add the bytes that follow these.
    pub(crate) fn merge(&mut self, next: Self) {
        self.take(&next.head);
        // The others may be so few that they end inside the unit that these end with.
        if next.head.len() == next.missing {
            self.health.merge(&next.health);
            self.left = next.left;
            self.tail.extend_from_slice(&next.tail);
        }
    }

    /// Return the health of all bytes of a tensor.
    pub(crate) fn finish(mut self) -> Health {
        let tail = std::mem::take(&mut self.tail);
        self.decode(&tail);
        self.health
    }

    fn decode(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            vectorize(Count {
                decoder: self.decoder,
                bytes,
                left: &mut self.left,
                health: &mut self.health,
            });
        }
    }
}

/// Values that are decoded at once: they stay in the first-level cache, and are a multiple of the unit of every dtype.
const BATCH: usize = 1024;

/// Numbers that are added up side by side. It is part of what a sum is, to its last bit.
const LANES: usize = 16;

struct Count<'b> {
    decoder: Decoder,
    bytes: &'b [u8],
    left: &'b mut u64,
    health: &'b mut Health,
}

impl Vectorized for Count<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run(self) {
        let unit = self.decoder.unit();
        let (mut narrow, mut wide) = ([0_f32; BATCH], [0_f64; BATCH]);
        for bytes in self.bytes.chunks(BATCH / unit.values * unit.bytes) {
            let room = usize::try_from(*self.left).unwrap_or(BATCH).min(BATCH);
            if self.decoder.fits_f32() {
                let count = self.decoder.decode_f32(bytes, &mut narrow[..room]);
                self.health.add_narrow(&narrow[..count]);
                *self.left -= count as u64;
            } else {
                let count = self.decoder.decode_f64(bytes, &mut wide[..room]);
                for value in &wide[..count] {
                    self.health.add(*value);
                }
                *self.left -= count as u64;
            }
        }
    }
}

impl Health {
    /// Add numbers of 32 bits.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn add_narrow(&mut self, values: &[f32]) {
        let (whole, rest) = values.as_chunks::<LANES>();
        let mut special = [0_u32; LANES];
        let mut zeros = [0_u32; LANES];
        let (mut least, mut most) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
        for values in whole {
            for lane in 0..LANES {
                let value = values[lane];
                special[lane] |= u32::from(value.to_bits() & 0x7f80_0000 == 0x7f80_0000);
                zeros[lane] += u32::from(value == 0.);
                least[lane] = if value < least[lane] { value } else { least[lane] };
                most[lane] = if value > most[lane] { value } else { most[lane] };
            }
        }
        if special.iter().any(|special| *special != 0) {
            for value in values {
                self.add(f64::from(*value));
            }
            return;
        }
        let (mut sums, mut squares) = ([0_f64; LANES], [0_f64; LANES]);
        for values in whole {
            for lane in 0..LANES {
                let value = f64::from(values[lane]);
                sums[lane] += value;
                squares[lane] += value * value;
            }
        }
        self.numbers += (whole.len() * LANES) as u64;
        self.zeros += zeros.iter().copied().map(u64::from).sum::<u64>();
        self.sum += sums.iter().sum::<f64>();
        self.squares += squares.iter().sum::<f64>();
        for lane in 0..LANES {
            self.minimum = self.minimum.min(f64::from(least[lane]));
            self.maximum = self.maximum.max(f64::from(most[lane]));
        }
        for value in rest {
            self.add(f64::from(*value));
        }
    }

    /// Add a number.
    fn add(&mut self, value: f64) {
        self.numbers += 1;
        if value.is_nan() {
            self.nan += 1;
        } else if value.is_infinite() {
            self.infinite += 1;
        } else {
            self.zeros += u64::from(value == 0.);
            self.minimum = self.minimum.min(value);
            self.maximum = self.maximum.max(value);
            self.sum += value;
            self.squares += value * value;
        }
    }

    fn merge(&mut self, next: &Self) {
        self.numbers += next.numbers;
        self.nan += next.nan;
        self.infinite += next.infinite;
        self.zeros += next.zeros;
        self.minimum = self.minimum.min(next.minimum);
        self.maximum = self.maximum.max(next.maximum);
        self.sum += next.sum;
        self.squares += next.squares;
    }

    /// Return the mean of the finite numbers, if there are any.
    #[allow(clippy::cast_precision_loss, reason = "a mean is rounded")]
    pub fn mean(&self) -> Option<f64> {
        let finite = self.numbers - self.nan - self.infinite;
        (finite > 0).then(|| self.sum / finite as f64)
    }
}
