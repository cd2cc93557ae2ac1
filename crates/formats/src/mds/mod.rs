//! MDS: the shards of MosaicML's streaming datasets.
//!
//! A shard is the number of its samples (4 bytes), the offsets of the samples and of the end (4 bytes each), a
//! description that readers pass over, and the samples. A sample is the lengths of the values of variable size (4 bytes
//! each), then all values one after the other. Numbers are little-endian. The index beside the shards says which columns
//! they have, and how long each shard is. Source: `streaming/base/format/mds/` of mosaicml-streaming.

mod checksum;

pub use checksum::{Checksum, Checksums};

use crate::error::FormatError;
use crate::input::Input;
use crate::pieces::{Compression, PIECE, Pieces};
use bytes::Bytes;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes of a sample, which is held in memory.
const SAMPLE: u64 = 256 << 20;

/// The most samples of a shard, whose offsets are held in memory.
const SAMPLES: u64 = 32 << 20;

/// A column, as the index describes it.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The name of the encoding of its values, for example `str` or `ndarray:int32`.
    pub encoding: String,
    /// Bytes of each value; `None` if each sample states them.
    pub size: Option<u32>,
}

/// The statements of the index about a file.
#[derive(Clone, Debug)]
pub struct Stated {
    /// Bytes.
    pub bytes: u64,
    /// Hashes that are checked.
    pub checksums: Vec<Checksum>,
}

/// A shard, as the index describes it.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Its columns, in the order of their values.
    pub columns: Vec<Column>,
    /// Number of samples.
    pub samples: u64,
    /// The uncompressed shard.
    pub raw: Stated,
    /// The compressed file, if that is what is read.
    pub stored: Option<(Compression, Stated)>,
}

/// A sample that was read.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The place of the value of each column in them.
    pub values: &'a [Range<usize>],
}

/// Reads the samples of a shard, and checks every statement of the index about it.
pub struct Samples {
    pieces: Pieces<'static>,
    shard: Shard,
    /// The compressed bytes on their way to the decoder.
    stored: Option<Arc<Checked>>,
    raw: Checksums,
    /// Offsets of the samples, and of the end; none before the first sample is asked for.
    offsets: Vec<u32>,
    index: usize,
    /// True once all samples were read and every hash was checked.
    is_finished: bool,
    sample: Vec<u8>,
    values: Vec<Range<usize>>,
}

impl Samples {
    /// Create a reader.
    pub fn new(input: Arc<dyn Input>, shard: Shard) -> Result<Self, FormatError> {
        let raw = Checksums::new(&shard.raw.checksums);
        let (compression, stated) = match &shard.stored {
            None => (Compression::Plain, &shard.raw),
            Some((compression, stated)) => (*compression, stated),
        };
        if input.length() != stated.bytes {
            return Err(
                FormatError::new("the shard has another length than its index states")
                    .with_expected(format!("{} bytes", stated.bytes), input.length()),
            );
        }
        let stored = shard
            .stored
            .as_ref()
            .map(|(_, stated)| Arc::new(Checked::new(input.clone(), &stated.checksums)));
        let input = match &stored {
            Some(checked) => checked.clone(),
            None => input,
        };
        Ok(Self {
            pieces: Pieces::new(input, compression, PIECE)?,
            raw,
            stored,
            shard,
            offsets: Vec::new(),
            index: 0,
            is_finished: false,
            sample: Vec::new(),
            values: Vec::new(),
        })
    }

    /// Return the columns, in the order of the values.
    pub fn columns(&self) -> &[Column] {
        &self.shard.columns
    }

    /// Return the next sample; `None` after the last, once every hash was checked.
    pub fn next_sample(&mut self) -> Result<Option<Sample<'_>>, FormatError> {
        if self.is_finished {
            return Ok(None);
        }
        if self.offsets.is_empty() {
            self.read_offsets()?;
        }
        let Some(&[begin, end]) = self.offsets.get(self.index..self.index + 2) else {
            self.finish()?;
            return Ok(None);
        };
        let length = u64::from(end - begin);
        if length > SAMPLE {
            return Err(FormatError {
                unsupported: true,
                ..self
                    .fault("is too long")
                    .with_expected(format!("at most {SAMPLE} bytes"), length)
            });
        }
        let mut sample = std::mem::take(&mut self.sample);
        sample.clear();
        self.append(length, &mut sample)?;
        self.sample = sample;
        self.find_values()?;
        self.index += 1;
        Ok(Some(Sample {
            bytes: &self.sample,
            values: &self.values,
        }))
    }

    /// Read the number of samples and their offsets, and pass over the description behind them.
    fn read_offsets(&mut self) -> Result<(), FormatError> {
        let count = self.number()?;
        let samples = self.shard.samples;
        if u64::from(count) != samples {
            return Err(
                FormatError::new("the shard has another number of samples than its index states")
                    .with_expected(samples, count),
            );
        }
        if samples > SAMPLES {
            return Err(FormatError::unsupported("the shard has too many samples")
                .with_expected(format!("at most {SAMPLES}"), samples));
        }
        let head = 4 + 4 * (samples + 1);
        let raw = self.shard.raw.bytes;
        if head > raw {
            return Err(
                FormatError::new("the offsets of the samples do not fit into the shard")
                    .with_expected(format!("at most {raw} bytes"), head),
            );
        }
        // Grows with what is there: a compressed shard can state any number.
        let mut last = u32::try_from(head).unwrap_or(u32::MAX);
        for index in 0..=samples {
            let offset = self.number()?;
            if offset < last || u64::from(offset) > raw {
                return Err(FormatError::new(format!(
                    "the offset of sample {index} is outside the samples or before that of another"
                ))
                .with_expected(format!("{last} to {raw}"), offset));
            }
            self.offsets.push(offset);
            last = offset;
        }
        if u64::from(last) != raw {
            return Err(
                FormatError::new("the last sample does not end where the shard does")
                    .with_expected(raw, last),
            );
        }
        let description = u64::from(self.offsets[0]) - head;
        self.pass(description)
    }

    /// Find the values of the sample.
    fn find_values(&mut self) -> Result<(), FormatError> {
        let variable = self
            .shard
            .columns
            .iter()
            .filter(|column| column.size.is_none())
            .count();
        let Some((sizes, _)) = self.sample.split_at_checked(4 * variable) else {
            return Err(self
                .fault("is shorter than the lengths of its values")
                .with_expected(format!("at least {} bytes", 4 * variable), self.sample.len()));
        };
        let (sizes, _) = sizes.as_chunks::<4>();
        let mut sizes = sizes.iter();
        let mut at = 4 * variable as u64;
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        for column in &self.shard.columns {
            let size = match column.size {
                Some(size) => size,
                None => sizes.next().map_or(0, |size| u32::from_le_bytes(*size)),
            };
            let end = at + u64::from(size);
            let (Ok(from), Ok(to)) = (usize::try_from(at), usize::try_from(end)) else {
                return Err(self.fault("is too long"));
            };
            let Some(value) = self.sample.get(from..to) else {
                return Err(self
                    .fault(&format!("is shorter than its value of column {:?}", column.name))
                    .with_expected(format!("at least {end} bytes"), self.sample.len()));
            };
            if is_text(&column.encoding) && std::str::from_utf8(value).is_err() {
                return Err(self.fault(&format!(
                    "has a value of column {:?} that is no UTF-8",
                    column.name
                )));
            }
            values.push(from..to);
            at = end;
        }
        if at != self.sample.len() as u64 {
            return Err(self
                .fault("is longer than its values")
                .with_expected(format!("{at} bytes"), self.sample.len()));
        }
        self.values = values;
        Ok(())
    }

    /// Check that the shard ends with its last sample, and that its hashes are those of the index.
    fn finish(&mut self) -> Result<(), FormatError> {
        if !self.pieces.take(1)?.is_empty() {
            return Err(FormatError::new("the shard is longer than its index states")
                .with_expected(format!("{} bytes", self.shard.raw.bytes), "more"));
        }
        self.raw.check(&self.shard.raw.checksums, "the shard")?;
        if let (Some(checked), Some((_, stated))) = (&self.stored, &self.shard.stored) {
            checked.check(&stated.checksums)?;
        }
        self.is_finished = true;
        Ok(())
    }

    fn number(&mut self) -> Result<u32, FormatError> {
        let bytes = self.pieces.up_to(4)?;
        let Some(number) = bytes.first_chunk::<4>() else {
            return Err(self.cut_off());
        };
        self.raw.update(&bytes);
        Ok(u32::from_le_bytes(*number))
    }

    fn append(&mut self, length: u64, into: &mut Vec<u8>) -> Result<(), FormatError> {
        let mut left = length;
        while left > 0 {
            let piece = self.pieces.take(left)?;
            if piece.is_empty() {
                return Err(self.cut_off());
            }
            self.raw.update(&piece);
            into.extend_from_slice(&piece);
            left -= piece.len() as u64;
        }
        Ok(())
    }

    fn pass(&mut self, length: u64) -> Result<(), FormatError> {
        let mut left = length;
        while left > 0 {
            let piece = self.pieces.take(left)?;
            if piece.is_empty() {
                return Err(self.cut_off());
            }
            self.raw.update(&piece);
            left -= piece.len() as u64;
        }
        Ok(())
    }

    fn cut_off(&self) -> FormatError {
        FormatError::new("the shard is cut off")
            .with_expected(format!("{} bytes", self.shard.raw.bytes), self.pieces.position())
    }

    fn fault(&self, what: &str) -> FormatError {
        FormatError::new(format!("sample {} {what}", self.index))
    }
}

/// Check whether the values of an encoding are text.
fn is_text(encoding: &str) -> bool {
    matches!(encoding, "str" | "str_int" | "str_float" | "str_decimal" | "json")
}

/// Bytes that are hashed while a decoder reads them from the first to the last.
struct Checked {
    input: Arc<dyn Input>,
    state: Mutex<(u64, Checksums)>,
}

impl Checked {
    fn new(input: Arc<dyn Input>, stated: &[Checksum]) -> Self {
        Self {
            input,
            state: Mutex::new((0, Checksums::new(stated))),
        }
    }

    fn check(&self, stated: &[Checksum]) -> Result<(), FormatError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A decoder may stop before bytes that it has no use for.
        while state.0 < self.input.length() {
            let length = usize::try_from(self.input.length() - state.0)
                .unwrap_or(PIECE)
                .min(PIECE);
            let bytes = self.input.read(state.0, length)?;
            state.1.update(&bytes);
            state.0 += bytes.len() as u64;
        }
        state.1.check(stated, "the compressed shard")
    }
}

impl Input for Checked {
    fn length(&self) -> u64 {
        self.input.length()
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError> {
        let bytes = self.input.read(offset, length)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != offset {
            return Err(FormatError::internal("a compressed shard was not read in order"));
        }
        state.1.update(&bytes);
        state.0 += bytes.len() as u64;
        Ok(bytes)
    }
}
