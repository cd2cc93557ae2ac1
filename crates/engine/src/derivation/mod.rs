//! Checks of how the tensors of one model follow from those of another.
//!
//! A check names a tensor of the second model, where its elements lie in tensors of the first, and the rule by which they
//! become what is there. The tensor is cut into tiles, which the threads of a pool take one by one: a tile is gathered,
//! converted and compared with the bytes that are there. The memory in use is that of a tile for each thread.

mod adapter;
mod gather;
mod packed;
mod rank;
mod scaled;
mod stored;
mod together;

pub use adapter::{Adapter, LowRank};
pub use packed::{PackedBy, PackedNear};
pub use scaled::Scaled;
pub use together::{HashAndCheck, HashedAndChecked};

use crate::control::Control;
use crate::digest::model::Rules;
use crate::error::{Code, Error, Result};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use crate::tensors::simd::{Vectorized, vectorize};
use fearless_simd::Simd;
use gather::{Memory, gather};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use lineaprint_formats::Dtype;
use lineaprint_formats::derivation::layout::{Layout, Part, Strided};
use lineaprint_formats::derivation::rule::{Comparison, Conversion, Rule, Scratch};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use stored::{Stored, Tensors};

/// Elements of a tile: its bytes stay in the caches of a core.
const TILE: u64 = 128 << 10;

/// Elements that are converted at once: what they become stays in the first caches. A multiple of the elements of every
/// block.
const CONVERTED: usize = 4096;

/// Elements of a tile of a transposed tensor: so many rows that a read takes more than a few bytes.
const TRANSPOSED_TILE: u64 = 2 << 20;

/// A request for checks.
#[derive(Clone, Debug)]
pub struct CheckDerivations {
    /// The files of the first model.
    pub before: Vec<PathBuf>,
    /// The files of the second model.
    pub after: Vec<PathBuf>,
    /// The files of an adapter; empty without one.
    pub adapter: Vec<PathBuf>,
    /// The rules that safetensors files are read by.
    pub rules: Rules,
    /// Checks to make.
    pub checks: Vec<Check>,
}

/// Location of the elements of a tensor in tensors of the first model.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The axes with which the tensor is viewed: their product is its number of elements, or of blocks of a block type
    /// where bytes are copied.
    pub view: Vec<u64>,
    /// The axis along which the parts lie side by side.
    pub axis: usize,
    /// Name of the tensor of each part, and the part.
    pub parts: Vec<(String, Part)>,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// Name of the tensor of the second model.
    pub target: String,
    /// Location of its elements.
    pub sources: Sources,
    /// Method by which they become those of the target.
    pub by: Method,
}

/// The method of a check.
#[derive(Clone, Debug)]
pub enum Method {
    /// A rule that gives every byte.
    Rule(Rule),
    /// A product of two matrices is added.
    Adapter(Adapter),
    /// Numbers of eight bits, times scales that another tensor of the second model holds: its name.
    Scale(String),
    /// Codes of a few bits with scales and zero points, of a matrix of GPTQ or AWQ.
    Packed(PackedBy),
    /// The numerical rank of the difference, of which no rule is known.
    Rank,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was not made, with a sentence that says why.
    NotChecked(String),
    /// Every element was compared.
    Compared(Comparison),
    /// Every element was compared with a sum.
    LowRank(LowRank),
    /// Every element was compared with its code times its scale.
    Scaled(Scaled),
    /// Every element was compared with what packed codes stand for.
    Packed(PackedNear),
    /// The rank, and whether it may be larger.
    Rank {
        /// Rank that was found.
        rank: usize,
        /// The largest rank that is looked for.
        most: usize,
        /// Differences below it count as zero.
        tolerance: f64,
    },
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Memory that one thread uses again and again.
#[derive(Default)]
struct Buffers {
    memory: Memory,
    scratch: Scratch,
    source: Vec<u8>,
    target: Vec<u8>,
}

impl Job for CheckDerivations {
    type Output = Vec<Outcome>;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: &self.after,
            digests: 1,
        }
    }

    fn run(self, control: &Control) -> Result<Vec<Outcome>> {
        let before = Tensors::open(&self.before, self.rules, control)?;
        let after = Tensors::open(&self.after, self.rules, control)?;
        let adapter = Tensors::open(&self.adapter, self.rules, control)?;
        let mut prepared = Vec::with_capacity(self.checks.len());
        let mut tiles: Vec<(usize, Range<u64>)> = Vec::new();
        for (index, check) in self.checks.iter().enumerate() {
            let check = Prepared::new(check, &before, &after)?;
            if let Plan::Tiles {
                layout,
                conversion,
                unit,
            } = &check.plan
            {
                let budget = tile_budget(layout);
                let block = (conversion.block().0 as u64 / unit).max(1);
                let own = layout.tiles((budget / unit).max(1), block);
                tiles.extend(own.into_iter().map(|range| (index, range)));
                control.add_file(check.bytes());
            }
            prepared.push(check);
        }
        // Tiles that are left of each check: after the last one, what was unpacked for it is let go.
        let remaining: Vec<AtomicUsize> = prepared.iter().map(|_| AtomicUsize::new(0)).collect();
        for (index, _) in &tiles {
            remaining[*index].fetch_add(1, Ordering::Relaxed);
        }
        let compared: Vec<(usize, Comparison)> = tiles
            .into_par_iter()
            .with_max_len(1)
            .map(|(index, range)| {
                let check = &prepared[index];
                let compared = BUFFERS.with_borrow_mut(|buffers| check.tile(range, buffers, control))?;
                if remaining[index].fetch_sub(1, Ordering::Relaxed) == 1 {
                    check.target.release();
                    check.sources.iter().for_each(|source| source.release());
                }
                Ok((index, compared))
            })
            .collect::<Result<_>>()?;
        let mut sums: Vec<Comparison> = vec![Comparison::default(); prepared.len()];
        for (index, comparison) in compared {
            sums[index].add(&comparison);
        }
        let mut outcomes = Vec::with_capacity(prepared.len());
        for (check, sum) in prepared.iter().zip(sums) {
            control.check()?;
            outcomes.push(match (&check.plan, check.method) {
                (Plan::NotChecked(reason), _) => Outcome::NotChecked(reason.clone()),
                (Plan::Tiles { .. }, _) => Outcome::Compared(sum),
                (Plan::Whole, Method::Adapter(own)) => {
                    adapter::check(own, check.sources[0], check.target, &adapter, control)?
                }
                (Plan::Whole, Method::Scale(scale)) => {
                    scaled::check(check.sources[0], check.target, after.get(scale)?, control)?
                }
                (Plan::Whole, Method::Packed(by)) => {
                    packed::check(by, check.sources[0], check.target, &after, control)?
                }
                (Plan::Whole, _) => rank::check(check.sources[0], check.target, control)?,
            });
        }
        before.verify_unchanged()?;
        after.verify_unchanged()?;
        adapter.verify_unchanged()?;
        Ok(outcomes)
    }
}

/// A check with its tensors.
struct Prepared<'a> {
    target: &'a Stored,
    sources: Vec<&'a Stored>,
    method: &'a Method,
    plan: Plan,
}

enum Plan {
    NotChecked(String),
    Tiles {
        layout: Layout,
        conversion: Conversion,
        /// Elements of a step of the layout.
        unit: u64,
    },
    Whole,
}

impl<'a> Prepared<'a> {
    fn new(check: &'a Check, before: &'a Tensors, after: &'a Tensors) -> Result<Self> {
        let target = after.get(&check.target)?;
        let parts = &check.sources.parts;
        let sources: Vec<&Stored> = parts
            .iter()
            .map(|(name, _)| before.get(name))
            .collect::<Result<_>>()?;
        let first = sources
            .first()
            .ok_or_else(|| Error::new(Code::Internal, "a check without a source").of_tensor(&check.target))?;
        let obstacle = sources
            .iter()
            .copied()
            .chain([target])
            .find_map(Stored::obstacle)
            .or_else(|| {
                let other = sources.iter().find(|source| source.dtype != first.dtype)?;
                Some(format!(
                    "{} is {} and {} is {}",
                    first.name,
                    first.dtype.name(),
                    other.name,
                    other.dtype.name()
                ))
            });
        let plan = match (obstacle, &check.by) {
            (Some(reason), _) => Plan::NotChecked(reason),
            (None, Method::Rule(rule)) => {
                plan(*rule, &check.sources, &sources, target.dtype, target.elements)
            }
            (None, Method::Adapter(_) | Method::Scale(_) | Method::Packed(_) | Method::Rank) => Plan::Whole,
        };
        Ok(Self {
            target,
            sources,
            method: &check.by,
            plan,
        })
    }

    fn bytes(&self) -> u64 {
        let target = self.target.bytes_of(self.target.elements);
        target.saturating_mul(2)
    }

    fn tile(&self, range: Range<u64>, buffers: &mut Buffers, control: &Control) -> Result<Comparison> {
        let Plan::Tiles {
            layout,
            conversion,
            unit,
        } = &self.plan
        else {
            return Ok(Comparison::default());
        };
        let Buffers {
            memory,
            scratch,
            source,
            target,
        } = buffers;
        convert_range(
            layout,
            &self.sources,
            range.clone(),
            *unit,
            memory,
            source,
            control,
        )?;
        let (start, end) = (range.start * unit, range.end * unit);
        let bytes = self.target.bytes_of(end) - self.target.bytes_of(start);
        target.resize(usize::try_from(bytes).unwrap_or_default(), 0);
        self.target.read(self.target.bytes_of(start), target, control)?;
        control.advance(bytes.saturating_mul(2));
        Ok(compare(conversion, source, target, start, end - start, scratch))
    }
}

/// Compare what elements become with what is there. Most are what they should be, which vectors find out; what differs is
/// counted in pieces.
fn compare(
    conversion: &Conversion,
    elements: &[u8],
    stored: &[u8],
    first: u64,
    count: u64,
    scratch: &mut Scratch,
) -> Comparison {
    let mut sum = Comparison::default();
    // The last elements of a tensor may be any number: they are compared as they are.
    let pieces = count / CONVERTED as u64;
    let pieces = if pieces * CONVERTED as u64 == count {
        usize::try_from(pieces).unwrap_or(1).max(1)
    } else {
        1
    };
    let strides = [elements, stored].map(|bytes| (bytes.len() / pieces).max(1));
    let pairs = elements.chunks(strides[0]).zip(stored.chunks(strides[1]));
    let mut first = first;
    for (elements, stored) in pairs {
        let gives = vectorize(Gives {
            conversion,
            elements,
            stored,
        });
        if gives != Some(true) {
            sum.add(&conversion.compare(elements, stored, first, scratch));
        }
        first += count / pieces as u64;
    }
    sum
}

/// A check that elements become exactly the bytes that are there.
struct Gives<'b> {
    conversion: &'b Conversion,
    elements: &'b [u8],
    stored: &'b [u8],
}

impl Vectorized for Gives<'_> {
    type Output = Option<bool>;

    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run<S: Simd>(self, _: S) -> Option<bool> {
        self.conversion.gives(self.elements, self.stored)
    }
}

/// Return about how many elements a tile has.
fn tile_budget(layout: &Layout) -> u64 {
    if layout.parts().iter().all(Strided::has_rows) {
        TILE
    } else {
        TRANSPOSED_TILE
    }
}

/// Gather a range into `into`.
fn convert_range(
    layout: &Layout,
    sources: &[&Stored],
    range: Range<u64>,
    unit: u64,
    memory: &mut Memory,
    into: &mut Vec<u8>,
    control: &Control,
) -> Result<()> {
    let width = usize::try_from(sources[0].bytes_of(unit)).unwrap_or_default();
    let count = usize::try_from(range.end - range.start).unwrap_or_default();
    into.resize(count * width, 0);
    gather(layout, sources, range, width, memory, into, control)
}

fn plan(rule: Rule, from: &Sources, sources: &[&Stored], dtype: Dtype, elements: u64) -> Plan {
    let built = (|| {
        let conversion = Conversion::new(rule, sources[0].dtype, dtype)?;
        let unit = if conversion.is_copy() {
            dtype.block
        } else {
            sources[0].dtype.block
        };
        let counts: Vec<u64> = sources.iter().map(|source| source.elements / unit).collect();
        let parts: Vec<Part> = from.parts.iter().map(|(_, part)| part.clone()).collect();
        let layout = Layout::new(elements / unit, &from.view, from.axis, &parts, &counts)?;
        Ok::<_, lineaprint_formats::FormatError>(Plan::Tiles {
            layout,
            conversion,
            unit,
        })
    })();
    built.unwrap_or_else(|error| Plan::NotChecked(error.to_string()))
}

/// A request for the digests of what tensors would become, to be looked up among those of another model.
#[derive(Clone, Debug)]
pub struct HashDerived {
    /// The files of the model.
    pub paths: Vec<PathBuf>,
    /// The rules that safetensors files are read by.
    pub rules: Rules,
    /// Hash functions.
    pub algorithms: Algorithms,
    /// The forms to hash.
    pub forms: Vec<Derived>,
}

/// A form of a tensor.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Location of its elements.
    pub sources: Sources,
    /// Rule by which they are converted.
    pub rule: Rule,
    /// Name of the dtype that they become.
    pub dtype: Dtype,
}

impl Job for HashDerived {
    type Output = Vec<Option<Digests>>;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: &self.paths,
            digests: 1,
        }
    }

    /// Return the digest of each form; `None` for one that cannot be made.
    fn run(self, control: &Control) -> Result<Vec<Option<Digests>>> {
        let tensors = Tensors::open(&self.paths, self.rules, control)?;
        let digests = self
            .forms
            .par_iter()
            .with_max_len(1)
            .map(|form| hash(form, &tensors, self.algorithms, control))
            .collect::<Result<Vec<_>>>()?;
        tensors.verify_unchanged()?;
        Ok(digests)
    }
}

fn hash(
    form: &Derived,
    tensors: &Tensors,
    algorithms: Algorithms,
    control: &Control,
) -> Result<Option<Digests>> {
    let names = form.sources.parts.iter().map(|(name, _)| name);
    let sources: Vec<&Stored> = names.map(|name| tensors.get(name)).collect::<Result<_>>()?;
    if sources.is_empty() || sources.iter().any(|source| source.obstacle().is_some()) {
        return Ok(None);
    }
    let step = sources[0].dtype.block;
    let units = form.sources.view.iter().product::<u64>();
    let planned = plan(form.rule, &form.sources, &sources, form.dtype, units * step);
    let Plan::Tiles {
        layout,
        conversion,
        unit,
    } = planned
    else {
        return Ok(None);
    };
    let mut hasher = Hasher::new(algorithms);
    let mut buffers = Buffers::default();
    let block = (conversion.block().0 as u64 / unit).max(1);
    let budget = tile_budget(&layout);
    for range in layout.tiles((budget / unit).max(1), block) {
        let Buffers {
            memory,
            scratch,
            source,
            target,
        } = &mut buffers;
        convert_range(&layout, &sources, range, unit, memory, source, control)?;
        if conversion.apply(source, scratch, target).is_none() {
            return Ok(None);
        }
        hasher.update(target);
    }
    for source in sources {
        source.release();
    }
    Ok(Some(hasher.finish()))
}
