//! Tensors that lie in one piece, in elements; in bytes where elements are narrower.

use super::stream::FileStream;
use super::{Extent, describe, each};
use crate::control::Control;
use crate::digest::memory::PARALLEL_FROM;
use crate::digest::model::{Location, OpenModel, Rules, SampledTensor, Shard, ShardTensor, TensorDigests};
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, retry_once};
use lineaprint_digest::description::{Tensor as Described, TensorType};
use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{Layout, Plan};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use rayon::prelude::*;
use std::path::PathBuf;

/// A model of which a sample was asked for.
#[derive(Clone, Debug)]
pub struct ModelSample {
    /// The shards, whose tensors are [`TensorDigests::Sampled`].
    pub shards: Vec<Shard>,
    /// `sampled` digests of the weights; `weights` digests where every tensor was read whole.
    pub weights: Digests,
    /// The part of a thing that was read.
    pub extent: Extent,
}

/// Read the shards of a model and samples their tensors, on the threads of the current pool.
pub fn sample(
    paths: &[PathBuf],
    rules: Rules,
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Result<ModelSample> {
    retry_once(|| sample_once(paths, rules, plan, algorithms, control))
}

/// One tensor to read.
struct Task<'a> {
    source: &'a Source,
    tensor: &'a ShardTensor,
    start: u64,
    layout: Layout,
}

fn sample_once(
    paths: &[PathBuf],
    rules: Rules,
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Result<ModelSample> {
    let model = OpenModel::open(paths, rules, false, control)?;
    let mut tasks = Vec::new();
    let mut extent = Extent::default();
    for shard in &model.shards {
        let first = tasks.len();
        let own = &model.files[shard.file].source;
        for tensor in &shard.contents.tensors {
            let Location::Range { sibling, start, .. } = tensor.location else {
                return Err(Error::new(
                    Code::Unsupported,
                    "a sample is taken only of tensors that lie in one piece, and this one does not",
                )
                .of_tensor(&tensor.name)
                .at(own.path()));
            };
            let width = (tensor.dtype.bits / 8).max(1);
            tasks.push(Task {
                source: sibling.map_or(own, |index| &model.files[shard.siblings[index]].source),
                tensor,
                start,
                layout: Layout::new(plan, tensor.bytes, width),
            });
        }
        if let Some(reason) = &shard.contents.incomplete {
            return Err(Error::new(Code::Unsupported, reason.as_str()).at(own.path()));
        }
        let bytes = tasks[first..].iter().map(|task| task.layout.bytes_read());
        control.add_file(bytes.sum());
    }
    for task in &tasks {
        extent.add(&Extent::of(&task.layout));
    }
    let content = hash_tasks(&tasks, algorithms, control)?;
    model.verify_unchanged()?;
    for _ in &model.shards {
        control.file_done();
    }
    let weights = each(algorithms, |algorithm| {
        weights(&tasks, &content, plan, &extent, algorithm)
    });
    let mut tensors = tasks
        .iter()
        .zip(content)
        .map(|(task, content)| {
            if task.layout.is_sample() {
                SampledTensor::Part(task.describe(plan, &content))
            } else {
                SampledTensor::Whole(content)
            }
        })
        .collect::<Vec<_>>()
        .into_iter();
    let sampled = model.shards.iter().map(|shard| {
        let own = tensors.by_ref().take(shard.contents.tensors.len());
        TensorDigests::Sampled(own.collect())
    });
    let sampled = sampled.collect();
    Ok(ModelSample {
        shards: model.close(sampled, &[]),
        weights,
        extent,
    })
}

/// Compute the digest of all tensors, from the plain digests of the bytes that were read of each.
fn weights(
    tasks: &[Task<'_>],
    content: &[Digests],
    plan: &Plan,
    whole: &Extent,
    algorithm: Algorithm,
) -> Hash {
    let tensors = tasks.iter().zip(content).filter_map(|(task, digests)| {
        let described = Described {
            of: TensorType {
                name: &task.tensor.name,
                dtype: task.tensor.dtype.name(),
                shape: &task.tensor.shape,
            },
            digest: digests.get(algorithm)?,
        };
        Some((described, task.layout.is_sample()))
    });
    if whole.sampled {
        let mut tensors: Vec<_> = tensors.collect();
        return description::weights(algorithm, plan, whole.bytes, &mut tensors);
    }
    let mut full: Vec<Described<'_>> = tensors.map(|(tensor, _)| tensor).collect();
    lineaprint_digest::description::weights(algorithm, &mut full)
}

impl Task<'_> {
    /// Compute the `sampled` digests of the tensor alone, from the plain digests of its chosen elements.
    fn describe(&self, plan: &Plan, content: &Digests) -> Digests {
        let whole = Whole {
            units: self.layout.units(),
            bytes: self.layout.bytes(),
        };
        let (dtype, shape) = (self.tensor.dtype.name(), self.tensor.shape.as_slice());
        describe(content, |algorithm, hash| {
            description::tensor(algorithm, plan, whole, (dtype, shape), hash)
        })
    }

    /// Return whether the stream is so short that one thread hashes it.
    fn is_short(&self) -> bool {
        self.layout.bytes_read() < PARALLEL_FROM as u64
    }

    fn hash(&self, algorithms: Algorithms, control: &Control) -> Result<Digests> {
        let stream = FileStream {
            source: self.source,
            base: self.start,
            layout: &self.layout,
            control,
        };
        stream.hash(algorithms)
    }
}

/// Hash short streams in parallel, one per thread, and long ones one after the other, each on all threads.
fn hash_tasks(tasks: &[Task<'_>], algorithms: Algorithms, control: &Control) -> Result<Vec<Digests>> {
    let short = tasks
        .par_iter()
        .with_max_len(1)
        .map(|task| {
            task.is_short()
                .then(|| task.hash(algorithms, control))
                .transpose()
        })
        .collect::<Result<Vec<_>>>()?;
    tasks
        .iter()
        .zip(short)
        .map(|(task, hashed)| hashed.map_or_else(|| task.hash(algorithms, control), Ok))
        .collect()
}
