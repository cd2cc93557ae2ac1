//! Sequences of records: the lines of files, the records of TFRecord, or the samples of MDS, hashed block by block.
//!
//! One thread reads and frames the records, a window ahead of those that hash. Memory holds two windows of 32 MiB, or
//! two records if they are longer.

use crate::control::Control;
use crate::digest::mds::SampleRecords;
use crate::error::Result;
use crate::io::input::FileInput;
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::{Algorithms, Digests, Hash, Hasher, description};
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::mds::Shard;
use lineaprint_formats::pieces::{Compression, PIECE, Pieces};
use lineaprint_formats::text::line_ends::MixedLineEnds;
use lineaprint_formats::text::lines::Lines;
use lineaprint_formats::tfrecord;
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Records of a block.
const BLOCK_RECORDS: u64 = 65_536;

/// Framed bytes that are hashed while the next ones are read.
const WINDOW_BYTES: usize = 32 << 20;

/// The most bytes of a line, which is held in memory.
const LINE_BYTES: u64 = 64 << 20;

/// A hashed sequence.
#[derive(Clone, Debug)]
pub struct SequenceDigest {
    /// Length of the files in bytes.
    pub size: u64,
    /// Number of records.
    pub records: u64,
    /// The digest of the kind `sequence`.
    pub digests: Digests,
    /// The first file whose lines end in two ways.
    pub mixed_line_ends: Option<MixedLineEnds>,
}

/// The forms of files of records.
#[derive(Clone, Debug)]
pub enum Form {
    /// Lines that a line feed ends, as of JSON.
    Lines,
    /// The records of TensorFlow, each with its length and checksums.
    TfRecord,
    /// Shards of MosaicML, as their index describes each file.
    Mds(Vec<Shard>),
}

/// A request for the digest of the records of files, one file after the other.
#[derive(Clone, Debug)]
pub struct HashRecords {
    /// The files. One whose name ends in `.gz` or `.zst` is decompressed.
    pub paths: Vec<PathBuf>,
    /// Their form.
    pub form: Form,
    /// Hash functions, all in one read.
    pub algorithms: Algorithms,
}

impl Job for HashRecords {
    type Output = SequenceDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded { paths: &self.paths }
    }

    fn run(self, control: &Control) -> Result<SequenceDigest> {
        hash(&self.paths, &self.form, self.algorithms, control)
    }
}

/// Hash the records of the files at `paths`, in this order, on the threads of the current pool.
pub fn hash(
    paths: &[PathBuf],
    form: &Form,
    algorithms: Algorithms,
    control: &Control,
) -> Result<SequenceDigest> {
    retry_once(|| {
        let mut inputs = Vec::new();
        for path in paths {
            inputs.push(Arc::new(FileInput::new(Source::open(path)?.into(), control)));
        }
        let mut blocks = BlockHashes::new(algorithms);
        let mut reader = Framed::new(&inputs, form);
        let mut window = reader.next_window(control)?;
        while !window.is_empty() {
            let ((), next) = rayon::join(|| blocks.add(window), || reader.next_window(control));
            window = next?;
        }
        inputs.iter().try_for_each(|input| input.finish())?;
        let records = reader.records;
        Ok(SequenceDigest {
            size: inputs.iter().map(|input| input.length()).sum(),
            records,
            digests: blocks.finish(records),
            mixed_line_ends: reader.mixed_line_ends,
        })
    })
}

/// Framed records of one block, or some of them.
struct Part {
    block: u64,
    bytes: Vec<u8>,
}

/// An open file of records.
enum Records {
    Lines(Lines),
    TfRecord(tfrecord::Records),
    Mds(Box<SampleRecords>),
}

impl Records {
    /// Open the file with this index.
    fn open(input: &Arc<FileInput>, form: &Form, index: usize) -> std::result::Result<Self, FormatError> {
        if let Form::Mds(shards) = form {
            let Some(shard) = shards.get(index) else {
                return Err(FormatError::internal("a shard without a description"));
            };
            return Ok(Self::Mds(Box::new(SampleRecords::new(
                input.clone(),
                shard.clone(),
            )?)));
        }
        let name = input.source().path().to_string_lossy();
        let (compression, _) = Compression::of_name(&name);
        let shared: Arc<dyn Input> = input.clone();
        let pieces = Pieces::new(shared, compression, PIECE)?;
        Ok(match form {
            Form::TfRecord => Self::TfRecord(tfrecord::Records::new(pieces)),
            Form::Lines | Form::Mds(_) => Self::Lines(Lines::new(pieces, LINE_BYTES)),
        })
    }

    /// Return the next record; `None` after the last.
    fn next_record(&mut self) -> std::result::Result<Option<&[u8]>, FormatError> {
        match self {
            Self::Lines(lines) => {
                let Some(line) = lines.next_line()? else {
                    return Ok(None);
                };
                let line = lines.bytes(line);
                Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
            }
            Self::TfRecord(records) => records.next_record(),
            Self::Mds(records) => records.next_record(),
        }
    }
}

/// Framed records, one part for each block.
#[derive(Default)]
struct Window {
    parts: Vec<Part>,
    bytes: usize,
}

impl Window {
    /// Add the record with this index in the sequence.
    fn push(&mut self, index: u64, record: &[u8]) {
        let block = index / BLOCK_RECORDS;
        if self.parts.last().is_none_or(|part| part.block != block) {
            self.parts.push(Part {
                block,
                bytes: Vec::new(),
            });
        }
        if let Some(part) = self.parts.last_mut() {
            part.bytes.extend_from_slice(&(record.len() as u64).to_le_bytes());
            part.bytes.extend_from_slice(record);
        }
        self.bytes += record.len() + 8;
    }
}

/// Reads the records of files, each with its length before it.
struct Framed<'a> {
    inputs: &'a [Arc<FileInput>],
    form: &'a Form,
    /// The open file, and its index.
    open: Option<(usize, Records)>,
    /// The index of the next file.
    next: usize,
    records: u64,
    mixed_line_ends: Option<MixedLineEnds>,
}

impl<'a> Framed<'a> {
    const fn new(inputs: &'a [Arc<FileInput>], form: &'a Form) -> Self {
        Self {
            inputs,
            form,
            open: None,
            next: 0,
            records: 0,
            mixed_line_ends: None,
        }
    }

    /// Read some records, one part for each block; none after the last.
    fn next_window(&mut self, control: &Control) -> Result<Vec<Part>> {
        control.check()?;
        let mut window = Window::default();
        while window.bytes < WINDOW_BYTES {
            let Some((index, records)) = &mut self.open else {
                let Some(input) = self.inputs.get(self.next) else {
                    break;
                };
                let records =
                    Records::open(input, self.form, self.next).map_err(|error| input.error(error))?;
                self.open = Some((self.next, records));
                self.next += 1;
                continue;
            };
            let input = &self.inputs[*index];
            let Some(record) = records.next_record().map_err(|error| input.error(error))? else {
                if let Records::Lines(lines) = records
                    && self.mixed_line_ends.is_none()
                {
                    self.mixed_line_ends = MixedLineEnds::of(*index, lines.ends());
                }
                self.open = None;
                continue;
            };
            window.push(self.records, record);
            self.records += 1;
        }
        Ok(window.parts)
    }
}

/// The digests of blocks, whose parts come in order.
pub(crate) struct BlockHashes {
    algorithms: Algorithms,
    done: Vec<Digests>,
    /// The last block, of which more parts may come.
    open: Option<(u64, Hasher)>,
}

impl BlockHashes {
    pub const fn new(algorithms: Algorithms) -> Self {
        Self {
            algorithms,
            done: Vec::new(),
            open: None,
        }
    }

    /// Hash records, of which the first has the index `first` in the sequence.
    pub fn add_records(&mut self, first: u64, records: &[Vec<u8>]) {
        let mut window = Window::default();
        for (index, record) in (first..).zip(records) {
            window.push(index, record);
            if window.bytes >= WINDOW_BYTES {
                self.add(std::mem::take(&mut window).parts);
            }
        }
        self.add(window.parts);
    }

    /// Hash the parts of a window, each of another block.
    fn add(&mut self, window: Vec<Part>) {
        if window.is_empty() {
            return;
        }
        let mut open = self.open.take();
        let mut started = Vec::with_capacity(window.len());
        for part in window {
            let hasher = match open.take() {
                Some((block, hasher)) if block == part.block => hasher,
                Some((_, hasher)) => {
                    self.done.push(hasher.finish());
                    Hasher::new(self.algorithms)
                }
                None => Hasher::new(self.algorithms),
            };
            started.push((part, hasher));
        }
        let mut hashed: Vec<(u64, Hasher)> = started
            .into_par_iter()
            .with_max_len(1)
            .map(|(part, mut hasher)| {
                hasher.update(&part.bytes);
                (part.block, hasher)
            })
            .collect();
        self.open = hashed.pop();
        self.done.extend(hashed.iter().map(|(_, hasher)| hasher.finish()));
    }

    pub fn finish(mut self, records: u64) -> Digests {
        self.done
            .extend(self.open.take().map(|(_, hasher)| hasher.finish()));
        let mut digests = Digests::default();
        for algorithm in self.algorithms.iter() {
            let blocks: Vec<Hash> = self
                .done
                .iter()
                .filter_map(|block| block.get(algorithm))
                .collect();
            digests.set(algorithm, description::sequence(algorithm, records, &blocks));
        }
        digests
    }
}
