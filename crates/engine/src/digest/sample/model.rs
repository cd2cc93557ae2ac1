//! Tensors of safetensors files, in elements; in bytes where elements are narrower.

use super::stream::FileStream;
use super::{Extent, describe, each};
use crate::control::Control;
use crate::digest::memory::PARALLEL_FROM;
use crate::digest::model::{Shard, open};
use crate::error::Result;
use crate::io::source::{Source, retry_once};
use lineaprint_digest::description::Tensor as Described;
use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{Layout, Plan};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use lineaprint_formats::model::safetensors::Tensor;
use rayon::prelude::*;
use std::path::PathBuf;

/// A model of which a sample was asked for.
#[derive(Clone, Debug)]
pub struct ModelSample {
    /// The shards. The digests of a tensor are plain where it was read whole, else its own `sampled` ones.
    pub shards: Vec<Shard>,
    /// Whether a tensor was sampled, in the order of the shards and of their headers.
    pub sampled: Vec<Vec<bool>>,
    /// `sampled` digests of the weights; `weights` digests where every tensor was read whole.
    pub weights: Digests,
    /// How much was read.
    pub extent: Extent,
}

/// Reads the shards of a model and samples their tensors, on the threads of the current pool.
pub fn sample(
    paths: &[PathBuf],
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Result<ModelSample> {
    retry_once(|| sample_once(paths, plan, algorithms, control))
}

/// One tensor to read.
struct Task<'a> {
    source: &'a Source,
    start: u64,
    layout: Layout,
}

fn sample_once(
    paths: &[PathBuf],
    plan: &Plan,
    algorithms: Algorithms,
    control: &Control,
) -> Result<ModelSample> {
    let opened = paths
        .par_iter()
        .map(|path| open(path))
        .collect::<Result<Vec<_>>>()?;
    let (sources, mut shards): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    let mut tasks = Vec::new();
    let mut extents = Vec::with_capacity(shards.len());
    for (shard, source) in shards.iter().zip(&sources) {
        let first = tasks.len();
        for tensor in &shard.header.tensors {
            let width = (tensor.dtype.bits / 8).max(1);
            tasks.push(Task {
                source,
                start: tensor.start,
                layout: Layout::new(plan, tensor.end - tensor.start, width),
            });
        }
        let own: Vec<Extent> = tasks[first..]
            .iter()
            .map(|task| Extent::of(&task.layout))
            .collect();
        control.add_file(own.iter().map(|extent| extent.bytes_read).sum());
        extents.push(own);
    }
    let mut digests = hash_tasks(&tasks, algorithms, control)?.into_iter();
    for (shard, own) in shards.iter_mut().zip(&extents) {
        shard.digests = digests.by_ref().take(own.len()).collect();
    }
    for source in &sources {
        source.verify_unchanged()?;
        control.file_done();
    }
    let mut extent = Extent::default();
    extents.iter().flatten().for_each(|own| extent.add(own));
    let weights = each(algorithms, |algorithm| {
        weights(&shards, &extents, plan, &extent, algorithm)
    });
    for (shard, own) in shards.iter_mut().zip(&extents) {
        for ((tensor, digests), extent) in shard.header.tensors.iter().zip(&mut shard.digests).zip(own) {
            if extent.sampled {
                *digests = alone(plan, tensor, digests, extent);
            }
        }
    }
    Ok(ModelSample {
        shards,
        sampled: extents
            .iter()
            .map(|own| own.iter().map(|extent| extent.sampled).collect())
            .collect(),
        weights,
        extent,
    })
}

/// The digest of all tensors, from the plain digests of what was read of each.
fn weights(
    shards: &[Shard],
    extents: &[Vec<Extent>],
    plan: &Plan,
    whole: &Extent,
    algorithm: Algorithm,
) -> Hash {
    let mut tensors: Vec<(Described<'_>, bool)> = Vec::new();
    for (shard, own) in shards.iter().zip(extents) {
        for ((tensor, digests), extent) in shard.header.tensors.iter().zip(&shard.digests).zip(own) {
            let described = Described {
                name: &tensor.name,
                dtype: tensor.dtype.name,
                shape: &tensor.shape,
                digest: digests.get(algorithm).unwrap_or_default(),
            };
            tensors.push((described, extent.sampled));
        }
    }
    if whole.sampled {
        return description::weights(algorithm, plan, whole.bytes, &mut tensors);
    }
    let mut full: Vec<Described<'_>> = tensors.into_iter().map(|(tensor, _)| tensor).collect();
    lineaprint_digest::description::weights(algorithm, &mut full)
}

/// The `sampled` digests of one tensor alone, from the plain ones of its chosen elements.
fn alone(plan: &Plan, tensor: &Tensor, digests: &Digests, extent: &Extent) -> Digests {
    let whole = Whole {
        units: extent.units,
        bytes: extent.bytes,
    };
    describe(digests, |algorithm, hash| {
        description::tensor(algorithm, plan, whole, (tensor.dtype.name, &tensor.shape), hash)
    })
}

/// Short streams beside each other, one per thread; long ones one after the other, each on all threads.
fn hash_tasks(tasks: &[Task<'_>], algorithms: Algorithms, control: &Control) -> Result<Vec<Digests>> {
    let hash = |task: &Task<'_>| {
        let stream = FileStream {
            source: task.source,
            base: task.start,
            layout: &task.layout,
            control,
        };
        stream.hash(algorithms)
    };
    let is_short = |task: &Task<'_>| task.layout.bytes_read() < PARALLEL_FROM as u64;
    let mut digests = tasks
        .par_iter()
        .with_max_len(1)
        .map(|task| {
            if is_short(task) {
                hash(task)
            } else {
                Ok(Digests::default())
            }
        })
        .collect::<Result<Vec<_>>>()?;
    for (task, place) in tasks.iter().zip(&mut digests) {
        if !is_short(task) {
            *place = hash(task)?;
        }
    }
    Ok(digests)
}
