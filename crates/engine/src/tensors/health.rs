//! The health of a tensor: counts and sums of its numbers, computed while the bytes that are hashed are in the cache.

use super::kernel::{self, Counted};
use super::simd::{BATCH, LANES, Vectorized, vectorize};
use fearless_simd::Simd;
use lineaprint_formats::Dtype;
use lineaprint_formats::values::{Decoder, Kind, float};

/// Counts and sums of the numbers of a tensor. Of complex numbers, each part is a number.
///
/// Extremes and sums are of the finite numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// All numbers.
    pub numbers: u64,
    /// Numbers that are NaN.
    pub nan: u64,
    /// Numbers that are infinite.
    pub infinite: u64,
    /// Numbers that are zero, of either sign.
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
    remaining: u64,
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
            remaining: count.saturating_sub(before),
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
    pub(crate) fn merge(&mut self, next: &Self) {
        self.take(&next.head);
        // The others may be so few that they end inside the unit that these end with.
        if next.head.len() == next.missing {
            self.health.merge(&next.health);
            self.remaining = next.remaining;
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
                remaining: &mut self.remaining,
                health: &mut self.health,
            });
        }
    }
}

struct Count<'b> {
    decoder: Decoder,
    bytes: &'b [u8],
    remaining: &'b mut u64,
    health: &'b mut Health,
}

impl Vectorized for Count<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run<S: Simd>(mut self, simd: S) {
        if self.decoder.is_brain() {
            self.run_brain(simd);
        }
        let unit = self.decoder.unit();
        let (mut narrow, mut wide) = ([0_f32; BATCH], [0_f64; BATCH]);
        for bytes in self.bytes.chunks(BATCH / unit.values * unit.bytes) {
            let room = usize::try_from(*self.remaining).unwrap_or(BATCH).min(BATCH);
            if self.decoder.fits_f32() {
                let count = self.decoder.decode_f32(bytes, &mut narrow[..room]);
                self.health.add_narrow(simd, &narrow[..count]);
                *self.remaining -= count as u64;
            } else {
                let count = self.decoder.decode_f64(bytes, &mut wide[..room]);
                for value in &wide[..count] {
                    self.health.add(*value);
                }
                *self.remaining -= count as u64;
            }
        }
    }
}

impl Count<'_> {
    /// Count whole batches of numbers of which the bytes are swept as they are, and leave the others.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run_brain<S: Simd>(&mut self, simd: S) {
        let whole = usize::try_from(*self.remaining / BATCH as u64).unwrap_or(usize::MAX);
        let whole = whole.min(self.bytes.len() / (2 * BATCH));
        let (own, rest) = self.bytes.split_at(2 * BATCH * whole);
        self.bytes = rest;
        *self.remaining -= (whole * BATCH) as u64;
        for batches in own.chunks(2 * BATCH * kernel::MOST_BATCHES) {
            if self.health.add_brain(simd, batches) {
                continue;
            }
            for batch in batches.chunks(2 * BATCH) {
                if self.health.add_brain(simd, batch) {
                    continue;
                }
                for code in batch.as_chunks::<2>().0 {
                    self.health.add(f64::from(float::bf16(u16::from_le_bytes(*code))));
                }
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
    fn add_narrow<S: Simd>(&mut self, simd: S, values: &[f32]) {
        let (whole, rest) = values.as_chunks::<LANES>();
        // The others decide too: all of a batch are added in one way.
        let counted = Some(()).filter(|()| rest.iter().all(|value| value.is_finite()));
        let rest = match counted.and_then(|()| kernel::count(simd, whole)) {
            Some(counted) => {
                self.add_batch(&counted, whole.len() * LANES);
                rest
            }
            None => values,
        };
        for value in rest {
            self.add(f64::from(*value));
        }
    }

    /// Add whole batches of numbers of the upper 16 bits of 32. Return whether they were added: not if one is not finite.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn add_brain<S: Simd>(&mut self, simd: S, bytes: &[u8]) -> bool {
        let mut counted = Counted {
            sum: self.sum,
            squares: self.squares,
            ..Counted::default()
        };
        let is_finite = kernel::count_brain(simd, bytes.as_chunks().0.as_chunks().0, &mut counted);
        if is_finite {
            (self.sum, self.squares) = (0., 0.);
            self.add_batch(&counted, bytes.len() / 2);
        }
        is_finite
    }

    /// Add what was counted of finite numbers.
    fn add_batch(&mut self, counted: &Counted, numbers: usize) {
        self.numbers += numbers as u64;
        self.zeros += counted.zeros;
        self.sum += counted.sum;
        self.squares += counted.squares;
        self.minimum = self.minimum.min(f64::from(counted.minimum));
        self.maximum = self.maximum.max(f64::from(counted.maximum));
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

#[cfg(test)]
mod tests {
    use super::*;
    use lineaprint_formats::model::dtype::DTYPES;
    use lineaprint_formats::model::gguf::block_dtypes;
    use proptest::prelude::*;

    /// Count one number at a time.
    fn slow(dtype: Dtype, bytes: &[u8], count: usize) -> Health {
        let decoder = Decoder::of(dtype).expect("decoded");
        let mut values = vec![0_f64; count];
        assert_eq!(decoder.decode_f64(bytes, &mut values), count);
        let mut health = Health::default();
        for value in values {
            health.numbers += 1;
            health.nan += u64::from(value.is_nan());
            health.infinite += u64::from(value.is_infinite());
            health.zeros += u64::from(value == 0.);
            if value.is_finite() {
                health.minimum = health.minimum.min(value);
                health.maximum = health.maximum.max(value);
                health.sum += value;
                health.squares += value * value;
            }
        }
        health
    }

    fn assert_near(result: &Health, expected: &Health) {
        let counts = |health: &Health| (health.numbers, health.nan, health.infinite, health.zeros);
        assert_eq!(counts(result), counts(expected));
        let extremes = |health: &Health| [health.minimum, health.maximum].map(f64::to_bits);
        assert_eq!(extremes(result), extremes(expected));
        let near = |result: f64, expected: f64, scale: f64| {
            result.to_bits() == expected.to_bits() || (result - expected).abs() <= 1e-9 * scale
        };
        assert!(near(result.squares, expected.squares, expected.squares));
        let largest = expected.squares.max(1.);
        assert!(
            near(result.sum, expected.sum, largest),
            "{} {}",
            result.sum,
            expected.sum
        );
    }

    /// Return a tensor of a dtype: its shape, and bytes out of `seed` with few scales that are not finite.
    fn tensor(dtype: Dtype, units: u64, less: u64, seed: u64) -> (u64, Vec<u8>) {
        let unit = Decoder::of(dtype).expect("decoded").unit();
        let values = unit.values as u64;
        let elements = (units * values).saturating_sub(if dtype.bits < 8 { less % values } else { 0 });
        let length = (elements * dtype.bits / dtype.block).div_ceil(8);
        let mut state = seed;
        let bytes = (0..length).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Small codes make zeros and moderate scales common.
            state.to_be_bytes()[0]
                & if (state >> 40).is_multiple_of(8) {
                    0xff
                } else {
                    0x3c
                }
        });
        (elements, bytes.collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn health_does_not_depend_on_parts_and_blocks(
            units in 1..3000_u64,
            less in 0..4_u64,
            seed in any::<u64>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            piece in 1..5000_usize,
        ) {
            for name in ["F32", "BF16", "F16", "F8_E4M3", "F6_E2M3", "F4", "GGML_Q4_0", "GGML_Q6_K"] {
                let mut dtypes = DTYPES.into_iter().chain(block_dtypes());
                let dtype = dtypes.find(|dtype| dtype.name() == name).expect("known");
                let units = units / dtype.block + 1;
                let (elements, bytes) = tensor(dtype, units, less, seed);
                let numbers = Numbers::of(dtype, &[elements]).expect("floating-point numbers");
                let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
                cuts.sort_unstable();
                cuts.push(bytes.len());
                let mut start = 0;
                let parts: Vec<Bytes> = cuts.into_iter().map(|end| {
                    let mut part = Bytes::new(numbers, start as u64);
                    bytes[start..end].chunks(piece).for_each(|block| part.take(block));
                    start = end;
                    part
                }).collect();
                let whole = parts.into_iter().reduce(|mut whole, next| {
                    whole.merge(&next);
                    whole
                });
                let result = whole.expect("a part").finish();
                let count = usize::try_from(elements).expect("small");
                assert_near(&result, &slow(dtype, &bytes, count));
            }
        }
    }
}
