//! The members of tar archives as samples, as WebDataset groups them: a sequence of records.

use super::member_error;
use super::members::{Content, Member, Members};
use crate::control::Control;
use crate::digest::file::FileDigest;
use crate::digest::sequence::{BlockHashes, SequenceDigest};
use crate::error::{Code, Error, Result};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::cbor::Encoder;
use lineaprint_digest::{Algorithm, Algorithms, Digests};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Samples that were hashed.
pub type SamplesDigest = SequenceDigest;

/// The files of a sample: suffix and digests, sorted by the bytes of the suffix.
pub type Sample<'a> = Vec<(&'a str, Digests)>;

/// A request for the digest of the samples in tar archives, one archive after the other.
#[derive(Clone, Debug)]
pub struct HashSamples {
    /// The archives.
    pub paths: Vec<PathBuf>,
    /// Hash functions, all in one read.
    pub algorithms: Algorithms,
}

impl Job for HashSamples {
    type Output = SamplesDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded { paths: &self.paths }
    }

    fn run(self, control: &Control) -> Result<SamplesDigest> {
        hash(&self.paths, self.algorithms, control)
    }
}

/// Hash the samples of the archives at `paths`, in this order, on the threads of the current pool.
pub fn hash(paths: &[PathBuf], algorithms: Algorithms, control: &Control) -> Result<SamplesDigest> {
    let mut hashes = SampleHashes::new(algorithms);
    let mut size = 0;
    for path in paths {
        size += add_archive(path, &mut hashes, control)?;
    }
    Ok(hashes.finish(size))
}

/// Add the samples of an archive; gives its length in bytes.
fn add_archive(path: &Path, hashes: &mut SampleHashes, control: &Control) -> Result<u64> {
    // A file that changes is read twice, so its samples are added once it was read in full.
    let algorithms = hashes.algorithms;
    let (records, size) = super::read(path, algorithms, control, |members, size| {
        let samples = of(members)?;
        Ok((records_of(&samples, algorithms), size))
    })?;
    hashes.add_records(&records);
    Ok(size)
}

/// Group the members of an archive into samples: neighbours with the same path up to the first dot of the name.
pub(super) fn of(members: &Members) -> Result<Vec<Sample<'_>>> {
    let fault = |member: &Member, what: &str| {
        Err(member_error(
            Code::Unsupported,
            members.format,
            &member.path,
            what,
        ))
    };
    if members.format == super::Format::Zip {
        return Err(
            Error::new(Code::Unsupported, "a zip has no order of samples").with_expected("a tar", "a zip")
        );
    }
    let mut files: HashMap<&[u8], FileDigest> = HashMap::new();
    let mut keys = HashSet::new();
    let mut samples: Vec<Sample<'_>> = Vec::new();
    let mut last_key: Option<&[u8]> = None;
    for member in &members.list {
        let file = match &member.content {
            Content::Folder => continue,
            Content::Link(_) => return fault(member, "is a link and no file of a sample"),
            Content::File(file) => *file,
            Content::HardLink(target) => match files.get(target.as_slice()) {
                Some(file) => *file,
                None => return fault(member, "is another name of no file before it"),
            },
        };
        files.insert(&member.path, file);
        let name_start = member
            .path
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |slash| slash + 1);
        let dot = member.path[name_start..].iter().position(|byte| *byte == b'.');
        let Some(dot) = dot.filter(|dot| *dot > 0).map(|dot| name_start + dot) else {
            return fault(member, "has no name of a sample: a key, a dot and a suffix");
        };
        let key = &member.path[..dot];
        let Ok(suffix) = std::str::from_utf8(&member.path[dot + 1..]) else {
            return fault(member, "has a suffix that is not UTF-8");
        };
        if last_key != Some(key) {
            if !keys.insert(key) {
                return fault(member, "is not next to the other files of its sample");
            }
            last_key = Some(key);
            samples.push(Vec::new());
        }
        if let Some(sample) = samples.last_mut() {
            sample.push((suffix, file.digests));
        }
    }
    for sample in &mut samples {
        sample.sort_unstable_by(|a, b| a.0.cmp(b.0));
        // Two members of one path are refused with the archive; samples are read without its folders.
        if let Some(pair) = sample.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let message = format!(
                "a sample of the tar has two files with the suffix {:?}",
                pair[0].0
            );
            return Err(Error::new(Code::Format, message));
        }
    }
    Ok(samples)
}

/// The records of samples under each algorithm.
type Records = Vec<(Algorithm, Vec<Vec<u8>>)>;

/// Return the record of each sample: the CBOR of its suffixes and digests.
fn records_of(samples: &[Sample<'_>], algorithms: Algorithms) -> Records {
    let record = |algorithm: Algorithm, sample: &Sample<'_>| {
        let mut encoder = Encoder::new();
        encoder.array(sample.len());
        for (suffix, digests) in sample {
            let digest = digests.get(algorithm).unwrap_or_default();
            encoder.array(2).text(suffix).bytes(&digest);
        }
        encoder.into_bytes()
    };
    algorithms
        .iter()
        .map(|algorithm| {
            let records = samples.iter().map(|sample| record(algorithm, sample));
            (algorithm, records.collect())
        })
        .collect()
}

/// The hashes of samples. A record holds digests, so there is a sequence for each algorithm.
pub(super) struct SampleHashes {
    algorithms: Algorithms,
    sequences: Vec<(Algorithm, BlockHashes)>,
    records: u64,
}

impl SampleHashes {
    pub fn new(algorithms: Algorithms) -> Self {
        let sequences = algorithms.iter().map(|algorithm| {
            let alone = match algorithm {
                Algorithm::Blake3 => Algorithms::BLAKE3,
                Algorithm::Sha256 => Algorithms::SHA256,
            };
            (algorithm, BlockHashes::new(alone))
        });
        Self {
            algorithms,
            sequences: sequences.collect(),
            records: 0,
        }
    }

    pub fn add(&mut self, samples: &[Sample<'_>]) {
        self.add_records(&records_of(samples, self.algorithms));
    }

    fn add_records(&mut self, records: &Records) {
        let mut count = 0;
        for ((_, hashes), (_, list)) in self.sequences.iter_mut().zip(records) {
            count = list.len() as u64;
            hashes.add_records(self.records, list);
        }
        self.records += count;
    }

    /// Return the digests of all samples of files of `size` bytes.
    pub fn finish(self, size: u64) -> SamplesDigest {
        let mut digests = Digests::default();
        for (algorithm, hashes) in self.sequences {
            let own = hashes.finish(self.records);
            if let Some(hash) = own.get(algorithm) {
                digests.set(algorithm, hash);
            }
        }
        SamplesDigest {
            size,
            records: self.records,
            digests,
            mixed_line_ends: None,
        }
    }
}
