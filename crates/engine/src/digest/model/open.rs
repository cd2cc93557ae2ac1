//! The open files of a model, and what of them is hashed how.
//!
//! A tensor that lies in one piece is a span of its file: spans are not empty and do not overlap, so that one read from
//! front to back serves all of them. Tensors that share a span have its digest. What else there is becomes a stream:
//! elements that are decoded or held in memory, and ranges that overlap a span.

use super::list::{Listed, list};
use super::streams::StreamDigests;
use super::{Contents, Location, Rules, Shard, ShardTensor, SideFile, TensorDigests, sibling};
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::source::Source;
use crate::tensors::health::{Health, Numbers};
use bytes::Bytes;
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::Dtype;
use lineaprint_formats::model::listing::{Checked, Decode, Elements};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A part of a file that is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Span {
    /// Return the number of bytes.
    pub const fn length(&self) -> u64 {
        self.end - self.start
    }
}

/// An open file with its spans, sorted.
pub(crate) struct OpenFile {
    pub source: Arc<Source>,
    pub spans: Vec<Span>,
    /// Parts whose CRC-32 is checked, sorted. They do not overlap.
    pub checked: Vec<Checked>,
    /// The numbers of each span, as far as their health is computed; empty where it is not wanted.
    pub numbers: Vec<Option<Numbers>>,
}

/// The digests of one file that a read has computed.
pub(crate) struct FileDigests {
    /// One for each span; none where they are not hashed.
    pub spans: Vec<Digests>,
    pub file: Option<Digests>,
    /// The CRC-32 of each checked part; none where they were not read.
    pub sums: Vec<u32>,
    /// One for each span where it was wanted, else none.
    pub health: Vec<Option<Health>>,
}

/// Elements that are hashed by themselves.
pub(crate) struct Stream {
    /// Index of the file that they come from.
    pub file: usize,
    pub elements: StreamElements,
    /// Its numbers, as far as their health is computed.
    pub numbers: Option<Numbers>,
    /// True if bytes other than 0 and 1 are looked for.
    pub is_boolean: bool,
}

pub(crate) enum StreamElements {
    Held(Bytes),
    Range(Span),
    Decoded(Arc<dyn Decode>),
}

impl Stream {
    /// Return the number of bytes.
    pub fn length(&self) -> u64 {
        match &self.elements {
            StreamElements::Held(bytes) => bytes.len() as u64,
            StreamElements::Range(span) => span.length(),
            StreamElements::Decoded(decode) => decode.length(),
        }
    }
}

/// Location of the elements of a tensor, in their final form or on the way to it.
#[derive(Clone)]
pub(crate) enum TensorElements {
    /// In one piece of a file.
    Range {
        source: Arc<Source>,
        /// First byte.
        start: u64,
    },
    /// In memory.
    Held(Bytes),
    /// In a form that is decoded from first to last byte.
    Decoded {
        source: Arc<Source>,
        decode: Arc<dyn Decode>,
    },
}

/// Source of the digest of a tensor.
#[derive(Clone, Copy)]
enum Slot {
    /// It has no bytes.
    Empty,
    /// A span of a file.
    Span { file: usize, index: usize },
    /// A stream.
    Stream(usize),
}

/// One shard: a file of the model that lists tensors.
pub(crate) struct OpenShard {
    /// Index of its file.
    pub file: usize,
    /// Indices of the files beside it that hold elements of its tensors.
    pub siblings: Vec<usize>,
    pub contents: Contents,
    slots: Vec<Slot>,
}

/// The open files of a model.
pub(crate) struct OpenModel {
    pub shards: Vec<OpenShard>,
    pub files: Vec<OpenFile>,
    pub streams: Vec<Stream>,
    /// True if the health of the tensors is wanted.
    health: bool,
}

/// Limits of the bytes that a listing may name: so many times those of its file, or so many for any file. Views of one storage
/// and compressed elements are normal, a file that keeps the processor busy for days is not.
const REPEATS: u64 = 1024;
const ALWAYS: u64 = 16 << 30;

impl OpenModel {
    /// Open all shards on the threads of the current pool, and read what they list. `health` is true if the numbers of the
    /// tensors are wanted for it.
    pub fn open(paths: &[PathBuf], rules: Rules, health: bool, control: &Control) -> Result<Self> {
        let listed: Vec<Listed> = paths
            .par_iter()
            .with_max_len(1)
            .map(|path| list(path, rules, control))
            .collect::<Result<_>>()?;
        let mut model = Self {
            shards: Vec::with_capacity(listed.len()),
            files: Vec::with_capacity(listed.len()),
            streams: Vec::new(),
            health,
        };
        for listed in listed {
            let path = listed.source.path().to_owned();
            let shard = model.add(listed)?;
            model.check_amount(&shard, &path)?;
            model.shards.push(shard);
        }
        Ok(model)
    }

    fn add(&mut self, listed: Listed) -> Result<OpenShard> {
        let Listed {
            source,
            mut contents,
            elements,
            checked,
            siblings,
        } = listed;
        let file = self.push(source);
        self.files[file].checked = checked;
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        for (path, source) in siblings {
            others.insert(path, self.push(source));
        }
        let mut ranges: Vec<(usize, Span, usize)> = Vec::with_capacity(elements.len());
        let mut slots = vec![Slot::Empty; elements.len()];
        for (index, elements) in elements.into_iter().enumerate() {
            let tensor = &contents.tensors[index];
            let is_boolean = tensor.dtype.name() == "BOOL";
            let health = self.health;
            let mut stream = |elements| {
                let numbers = health.then(|| Numbers::of(tensor.dtype, &tensor.shape)).flatten();
                self.streams.push(Stream {
                    file,
                    elements,
                    numbers,
                    is_boolean,
                });
                Slot::Stream(self.streams.len() - 1)
            };
            match elements {
                Elements::Held(bytes) => slots[index] = stream(StreamElements::Held(bytes)),
                Elements::Decoded(decode) => slots[index] = stream(StreamElements::Decoded(decode)),
                Elements::InPlace { start, end } => ranges.push((file, Span { start, end }, index)),
                Elements::External { path, start, end } => {
                    let at = if let Some(at) = others.get(&path) {
                        *at
                    } else {
                        let source = sibling::open(self.files[file].source.path(), &path)
                            .map_err(|error| error.of_tensor(&tensor.name))?;
                        let at = self.push(Arc::new(source));
                        others.insert(path, at);
                        at
                    };
                    let end = end.unwrap_or_else(|| self.files[at].source.size());
                    ranges.push((at, Span { start, end }, index));
                }
            }
        }
        for (at, span, index) in &ranges {
            let tensor = &mut contents.tensors[*index];
            self.check_range(*at, *span, tensor)?;
            tensor.location = Location::Range {
                sibling: (*at != file).then(|| *at - file - 1),
                start: span.start,
                end: span.end,
            };
        }
        self.assign(&contents, ranges, &mut slots);
        let siblings = (file + 1..self.files.len()).collect();
        Ok(OpenShard {
            file,
            siblings,
            contents,
            slots,
        })
    }

    fn push(&mut self, source: Arc<Source>) -> usize {
        self.files.push(OpenFile {
            source,
            spans: Vec::new(),
            checked: Vec::new(),
            numbers: Vec::new(),
        });
        self.files.len() - 1
    }

    /// Check a range against the file and against the size of the tensor.
    fn check_range(&self, file: usize, span: Span, tensor: &ShardTensor) -> Result<()> {
        let source = &self.files[file].source;
        let fault = |message: &str, expected: String, received: String| {
            Error::new(Code::Format, message)
                .with_expected(expected, received)
                .of_tensor(&tensor.name)
                .at(source.path())
        };
        if span.start > span.end || span.end > source.size() {
            return Err(fault(
                "its elements are outside the file",
                format!("at most {} bytes", source.size()),
                format!("bytes {} to {}", span.start, span.end),
            ));
        }
        if span.length() != tensor.bytes {
            return Err(fault(
                "the length of its elements does not fit its dtype and shape",
                format!("{} bytes", tensor.bytes),
                format!("{} bytes", span.length()),
            ));
        }
        Ok(())
    }

    /// Make spans of the ranges; streams of those that overlap a span before them.
    fn assign(&mut self, contents: &Contents, mut ranges: Vec<(usize, Span, usize)>, slots: &mut [Slot]) {
        ranges.sort_unstable_by_key(|(file, span, index)| (*file, span.start, span.end, *index));
        let mut last: Option<(usize, Span, Dtype, Slot)> = None;
        for (file, span, index) in ranges {
            if span.length() == 0 {
                continue;
            }
            let ShardTensor { dtype, shape, .. } = &contents.tensors[index];
            if let Some((other, previous, kind, slot)) = last
                && (other, previous, kind) == (file, span, *dtype)
            {
                slots[index] = slot;
                continue;
            }
            // A million of them would take fifty megabytes.
            let numbers = self.health.then(|| Numbers::of(*dtype, shape));
            let OpenFile {
                spans,
                numbers: of_spans,
                ..
            } = &mut self.files[file];
            let slot = if spans.last().is_none_or(|before| before.end <= span.start) {
                spans.push(span);
                of_spans.extend(numbers);
                Slot::Span {
                    file,
                    index: spans.len() - 1,
                }
            } else {
                self.streams.push(Stream {
                    file,
                    elements: StreamElements::Range(span),
                    numbers: numbers.flatten(),
                    is_boolean: dtype.name() == "BOOL",
                });
                Slot::Stream(self.streams.len() - 1)
            };
            slots[index] = slot;
            last = Some((file, span, *dtype, slot));
        }
    }

    fn check_amount(&self, shard: &OpenShard, path: &Path) -> Result<()> {
        let files = [shard.file].into_iter().chain(shard.siblings.iter().copied());
        let stored: u64 = files.map(|file| self.files[file].source.size()).sum();
        let listed = self
            .streams
            .iter()
            .filter(|stream| stream.file >= shard.file)
            .fold(0_u64, |sum, stream| sum.saturating_add(stream.length()));
        let most = stored.saturating_mul(REPEATS).max(ALWAYS);
        if listed > most {
            return Err(Error::new(
                Code::Unsupported,
                "its tensors repeat or unpack its bytes too often",
            )
            .with_expected(format!("at most {most} bytes"), format!("{listed} bytes"))
            .at(path));
        }
        Ok(())
    }

    /// Return where the elements of a tensor of a shard are.
    pub fn elements_of(&self, shard: &OpenShard, index: usize) -> TensorElements {
        let range = |file: usize, span: Span| TensorElements::Range {
            source: Arc::clone(&self.files[file].source),
            start: span.start,
        };
        match shard.slots[index] {
            Slot::Empty => TensorElements::Held(Bytes::new()),
            Slot::Span { file, index } => range(file, self.files[file].spans[index]),
            Slot::Stream(index) => {
                let Stream { file, elements, .. } = &self.streams[index];
                match elements {
                    StreamElements::Held(bytes) => TensorElements::Held(bytes.clone()),
                    StreamElements::Range(span) => range(*file, *span),
                    StreamElements::Decoded(decode) => TensorElements::Decoded {
                        source: Arc::clone(&self.files[*file].source),
                        decode: Arc::clone(decode),
                    },
                }
            }
        }
    }

    /// Return the file and the span that hold the elements of a tensor of a shard, if they lie in one piece.
    pub fn span_of(shard: &OpenShard, index: usize) -> Option<(usize, usize)> {
        match shard.slots[index] {
            Slot::Span { file, index } => Some((file, index)),
            Slot::Empty | Slot::Stream(_) => None,
        }
    }

    /// Check that no file changed since it was opened.
    pub fn verify_unchanged(&self) -> Result<()> {
        self.files
            .iter()
            .try_for_each(|file| file.source.verify_unchanged())
    }

    /// Compare the CRC-32 of the parts that were read with those that their files state.
    ///
    /// It is an error where programs that load the format refuse such a file, else a remark.
    pub fn check_sums(&mut self, digests: &[FileDigests]) -> Result<()> {
        for shard in &mut self.shards {
            let (OpenFile { source, checked, .. }, Some(FileDigests { sums, .. })) =
                (&self.files[shard.file], digests.get(shard.file))
            else {
                continue;
            };
            let differing: Vec<(&Checked, u32)> = checked
                .iter()
                .zip(sums)
                .filter(|(part, sum)| part.crc != **sum)
                .map(|(part, sum)| (part, *sum))
                .collect();
            if let Some((part, sum)) = differing.iter().find(|(part, _)| part.is_binding) {
                let message = format!(
                    "its member {:?} does not have the CRC-32 that the zip states",
                    part.name
                );
                return Err(Error::new(Code::Format, message)
                    .with_expected(format!("{:08x}", part.crc), format!("{sum:08x}"))
                    .at(source.path()));
            }
            if let Some((part, _)) = differing.first() {
                shard.contents.remarks.push(format!(
                    "{} of {} storages do not have the CRC-32 that the zip states, the first of them {:?}: the file is damaged, or it was saved without checksums. The program that loads it does not check them.",
                    differing.len(),
                    checked.len(),
                    part.name
                ));
            }
        }
        Ok(())
    }

    /// Close the files, and give each shard what was computed of it: `tensors` is in the order of the shards.
    pub fn close(self, tensors: Vec<TensorDigests>, digests: &[FileDigests]) -> Vec<Shard> {
        let files = self.files;
        let file = |index: usize| digests.get(index).and_then(|digests| digests.file);
        let shards = self.shards.into_iter().zip(tensors);
        shards
            .map(|(shard, tensors)| {
                let source = &files[shard.file].source;
                let siblings = shard.siblings.iter().map(|index| SideFile {
                    path: files[*index].source.path().to_owned(),
                    stamp: files[*index].source.stamp(),
                    digests: file(*index),
                });
                Shard {
                    path: source.path().to_owned(),
                    stamp: source.stamp(),
                    siblings: siblings.collect(),
                    contents: shard.contents,
                    tensors,
                    file: file(shard.file),
                    health: None,
                }
            })
            .collect()
    }
}

impl OpenShard {
    /// Collect the digests of the tensors, in their order.
    pub fn collect(
        &self,
        algorithms: Algorithms,
        files: &[FileDigests],
        streams: &[StreamDigests],
    ) -> Vec<Digests> {
        let empty = Digests::of(&[], algorithms);
        let slots = self.slots.iter().map(|slot| match *slot {
            Slot::Empty => empty,
            Slot::Span { file, index } => files[file].spans[index],
            Slot::Stream(index) => streams[index].digests,
        });
        slots.collect()
    }

    /// Collect the health of the tensors, in their order; `None` for those that are not computed.
    pub fn collect_health(&self, files: &[FileDigests], streams: &[StreamDigests]) -> Vec<Option<Health>> {
        let tensors = self.contents.tensors.iter().zip(&self.slots);
        let health = tensors.map(|(tensor, slot)| match *slot {
            Slot::Empty => Numbers::of(tensor.dtype, &tensor.shape).map(|_| Health::default()),
            Slot::Span { file, index } => files[file].health[index],
            Slot::Stream(index) => streams[index].health,
        });
        health.collect()
    }

    /// Return the indices of the BOOL tensors with bytes other than 0 and 1.
    ///
    /// The format does not forbid such bytes, and readers interpret them differently. The digest covers the bytes as they
    /// are stored. Tensors in one piece are read once more; they are rare.
    pub fn odd_booleans(
        &self,
        files: &[OpenFile],
        streams: &[StreamDigests],
        control: &Control,
    ) -> Result<Vec<usize>> {
        let mut indices = Vec::new();
        for (index, tensor) in self.contents.tensors.iter().enumerate() {
            if tensor.dtype.name() != "BOOL" {
                continue;
            }
            let mut odd = false;
            match self.slots[index] {
                Slot::Empty => {}
                Slot::Stream(index) => odd = streams[index].odd,
                Slot::Span { file, index } => {
                    let OpenFile { source, spans, .. } = &files[file];
                    source.read_range(spans[index].start, spans[index].end, control, |block| {
                        odd |= block.iter().any(|byte| *byte > 1);
                    })?;
                }
            }
            if odd {
                indices.push(index);
            }
        }
        Ok(indices)
    }
}
