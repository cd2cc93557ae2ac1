//! Files, in blocks of 16,384 bytes.

use super::stream::FileStream;
use super::{Extent, describe};
use crate::control::Control;
use crate::digest::file::hash_source;
use crate::error::Result;
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{FILE_UNIT, Layout, Plan};
use lineaprint_digest::{Algorithms, Digests};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The size, digests and extent of one sampled file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSample {
    /// Length in bytes.
    pub size: u64,
    /// `sampled` digests; plain ones where everything was read.
    pub digests: Digests,
    /// The part of a thing that was read.
    pub extent: Extent,
}

/// Sample each of `paths` on the threads of the current pool. One failure does not stop the others.
pub fn sample_all(
    paths: &[PathBuf],
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Vec<Result<FileSample>> {
    paths
        .par_iter()
        .with_max_len(1)
        .map(|path| sample_path(path, plan, algorithms, control))
        .collect()
}

/// Sample one file by its path.
pub fn sample_path(
    path: &Path,
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Result<FileSample> {
    retry_once(|| {
        let source = Source::open(path)?;
        sample_source(&source, plan, algorithms, control)
    })
}

/// Sample an open file, and check that it did not change meanwhile.
pub fn sample_source(
    source: &Source,
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Result<FileSample> {
    let layout = Layout::new(plan, source.size(), FILE_UNIT);
    control.add_file(layout.bytes_read());
    let digests = if layout.is_sample() {
        let stream = FileStream {
            source,
            base: 0,
            layout: &layout,
            control,
        };
        let digests = stream.hash(algorithms)?;
        source.verify_unchanged()?;
        control.file_done();
        let whole = Whole {
            units: layout.units(),
            bytes: layout.bytes(),
        };
        describe(&digests, |algorithm, hash| {
            description::file(algorithm, plan, whole, hash)
        })
    } else {
        hash_source(source, algorithms, control)?.digests
    };
    Ok(FileSample {
        size: source.size(),
        digests,
        extent: Extent::of(&layout),
    })
}

/// A request for samples of files. Each file has its own result, in the order of the paths.
#[derive(Clone, Debug)]
pub struct SampleFiles {
    /// The files.
    pub paths: Vec<PathBuf>,
    /// Choice of blocks.
    pub plan: Plan,
    /// Hash functions.
    pub algorithms: Algorithms,
}

impl Job for SampleFiles {
    type Output = Vec<Result<FileSample>>;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Scattered { paths: &self.paths }
    }

    fn run(self, control: &Control) -> Result<Self::Output> {
        let files = sample_all(&self.paths, &self.plan, self.algorithms, control);
        control.check()?;
        Ok(files)
    }
}
