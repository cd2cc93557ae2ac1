//! Sequences of records: the lines of files, hashed block by block.
//!
//! One thread reads and frames the records, a window ahead of those that hash. Memory holds two windows of 32 MiB, or
//! two lines if they are longer.

use crate::control::Control;
use crate::error::Result;
use crate::io::input::FileInput;
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::{Algorithms, Digests, Hash, Hasher, description};
use lineaprint_formats::input::Input;
use lineaprint_formats::text::lines::Lines;
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
}

/// A request for the digest of the lines of files, one file after the other.
#[derive(Clone, Debug)]
pub struct HashLines {
    /// The files.
    pub paths: Vec<PathBuf>,
    /// Hash functions, all in one read.
    pub algorithms: Algorithms,
}

impl Job for HashLines {
    type Output = SequenceDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded { paths: &self.paths }
    }

    fn run(self, control: &Control) -> Result<SequenceDigest> {
        hash(&self.paths, self.algorithms, control)
    }
}

/// Hash the lines of the files at `paths`, in this order, on the threads of the current pool.
pub fn hash(paths: &[PathBuf], algorithms: Algorithms, control: &Control) -> Result<SequenceDigest> {
    retry_once(|| {
        let mut inputs = Vec::new();
        for path in paths {
            inputs.push(Arc::new(FileInput::new(Source::open(path)?.into(), control)));
        }
        let mut blocks = BlockHashes::new(algorithms);
        let mut reader = Framed::new(&inputs);
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
        })
    })
}

/// Framed records of one block, or some of them.
struct Part {
    block: u64,
    bytes: Vec<u8>,
}

/// Reads the records of files, each with its length before it.
struct Framed<'a> {
    inputs: &'a [Arc<FileInput>],
    /// The open file, and its index.
    open: Option<(usize, Lines)>,
    /// The index of the next file.
    next: usize,
    records: u64,
}

impl<'a> Framed<'a> {
    const fn new(inputs: &'a [Arc<FileInput>]) -> Self {
        Self {
            inputs,
            open: None,
            next: 0,
            records: 0,
        }
    }

    /// Read some records, one part for each block; none after the last.
    fn next_window(&mut self, control: &Control) -> Result<Vec<Part>> {
        control.check()?;
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes = 0;
        while bytes < WINDOW_BYTES {
            let Some((index, lines)) = &mut self.open else {
                let Some(input) = self.inputs.get(self.next) else {
                    break;
                };
                let shared: Arc<dyn Input> = input.clone();
                self.open = Some((self.next, Lines::new(shared, LINE_BYTES)));
                self.next += 1;
                continue;
            };
            let input = &self.inputs[*index];
            let Some(line) = lines.next_line().map_err(|error| input.error(error))? else {
                self.open = None;
                continue;
            };
            let line = lines.bytes(line);
            let record = line.strip_suffix(b"\r").unwrap_or(line);
            let block = self.records / BLOCK_RECORDS;
            if parts.last().is_none_or(|part| part.block != block) {
                parts.push(Part {
                    block,
                    bytes: Vec::new(),
                });
            }
            if let Some(part) = parts.last_mut() {
                part.bytes.extend_from_slice(&(record.len() as u64).to_le_bytes());
                part.bytes.extend_from_slice(record);
            }
            bytes += record.len() + 8;
            self.records += 1;
        }
        Ok(parts)
    }
}

/// The digests of blocks, whose parts come in order.
struct BlockHashes {
    algorithms: Algorithms,
    done: Vec<Digests>,
    /// The last block, of which more parts may come.
    open: Option<(u64, Hasher)>,
}

impl BlockHashes {
    const fn new(algorithms: Algorithms) -> Self {
        Self {
            algorithms,
            done: Vec::new(),
            open: None,
        }
    }

    /// Hash the parts of a window, each of another block.
    fn add(&mut self, window: Vec<Part>) {
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

    fn finish(mut self, records: u64) -> Digests {
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
