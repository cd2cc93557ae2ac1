//! Checks of how the tensors of one model follow from those of another.

use crate::digests::number;
use crate::enums::NativeAlgorithm;
use crate::job::{NativeJob, start};
use crate::model::NativeKnownFile;
use lineaprint_digest::Algorithms;
use lineaprint_engine::derivation::{
    Adapter, Check, CheckDerivations, Derived, HashAndCheck, HashDerived, Method, Outcome, PackedBy, Sources,
};
use lineaprint_engine::digest::model::Rules;
use lineaprint_formats::derivation::float::Rounding;
use lineaprint_formats::derivation::layout::Part;
use lineaprint_formats::derivation::packed::Scheme;
use lineaprint_formats::derivation::quantise::Arithmetic;
use lineaprint_formats::derivation::rule::Rule;
use lineaprint_formats::model::dtype::{DTYPES, OTHER_DTYPES};
use lineaprint_formats::model::gguf;
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;

/// The files of both models, and of the adapter.
#[napi(object, object_to_js = false)]
pub struct NativeDerivationFiles {
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub adapter: Vec<String>,
    pub lenient: bool,
}

/// One source of the elements of a tensor.
#[napi(object, object_to_js = false)]
pub struct NativeDerivationPart {
    /// Name of the tensor.
    pub name: String,
    /// The axes with which it is viewed.
    pub view: Vec<i64>,
    /// The axis of which a range is taken; -1 for none.
    pub slice_axis: i32,
    pub slice_start: i64,
    pub slice_end: i64,
    /// The axes of the view in the order of the result.
    pub order: Vec<u32>,
}

/// Location of the elements of a tensor in others.
#[napi(object, object_to_js = false)]
pub struct NativeDerivationSources {
    pub view: Vec<i64>,
    pub axis: u32,
    pub parts: Vec<NativeDerivationPart>,
}

/// The rule by which elements become others.
#[napi(string_enum = "kebab-case")]
pub enum NativeDerivationRule {
    Copy,
    Cast,
    CastThroughSingle,
    Offset,
    OffsetNarrow,
    Quantise,
    QuantiseFused,
    Dequantise,
    Near,
    Scale,
    PackedGptq,
    PackedGptqZeros,
    PackedAwq,
    Adapter,
    Rank,
}

/// One check.
#[napi(object, object_to_js = false)]
pub struct NativeDerivationCheck {
    pub target: String,
    pub sources: NativeDerivationSources,
    pub rule: NativeDerivationRule,
    /// The constant of an offset, or the scaling of an adapter; 0 for others.
    pub constant: f64,
    /// Names of the two matrices of an adapter; empty for others.
    pub adapter_down: String,
    pub adapter_up: String,
    /// Name of the tensor with the scales; empty for others.
    pub scales: String,
    /// Names of the tensors with the zero points and the groups of the inputs of a packed matrix; empty for others.
    pub zeros: String,
    pub order: String,
    /// Stated bits of a code, and inputs of a group; 0 where nothing is stated.
    pub bits: u32,
    pub group: u32,
}

/// The result of a check.
#[napi(
    discriminant = "kind",
    discriminant_case = "kebab-case",
    object_from_js = false
)]
pub enum NativeDerivationOutcome {
    NotChecked {
        reason: String,
    },
    Compared {
        different: i64,
        /// -1 for none.
        first: i64,
        other_nan: i64,
        cut_off: i64,
        scales: i64,
        largest: f64,
        /// The largest error of a block as a share of its length.
        worst: f64,
        /// NaN for none.
        least: f64,
        greatest: f64,
    },
    LowRank {
        outside: i64,
        /// -1 for none.
        first: i64,
        largest: f64,
        bound: f64,
        telling: i64,
        fitted: f64,
        rank: i64,
    },
    Scaled {
        outside: i64,
        /// -1 for none.
        first: i64,
        /// The largest distance as a share of its bound.
        worst: f64,
    },
    Packed {
        /// Rows outside their bounds.
        outside: i64,
        /// The first element of the first of them; -1 for none.
        first_row: i64,
        /// Elements farther than half a step.
        farther: i64,
        /// -1 for none.
        first: i64,
        clipped: i64,
        /// The largest error of a row as a share of its length.
        worst: f64,
        /// The largest error of a row as a share of the length of its steps.
        steps: f64,
        /// The mean of all errors, in steps.
        mean: f64,
        bits: u32,
        groups: i64,
        ordered: bool,
        /// The factors of the inputs that fit best; NaN for none.
        least_factor: f64,
        greatest_factor: f64,
    },
    Rank {
        rank: i64,
        most: i64,
        tolerance: f64,
    },
}

/// The outcomes of all checks, in their order.
#[napi(object, object_from_js = false)]
pub struct NativeDerivationOutcomes {
    pub outcomes: Vec<NativeDerivationOutcome>,
}

/// Digests of two models, and the outcomes of the checks that were made in the same read.
#[napi(object, object_from_js = false)]
pub struct NativeHashedAndChecked {
    pub known: Vec<NativeKnownFile>,
    /// Indices of the checks that were made.
    pub made: Vec<u32>,
    /// Their outcomes.
    pub outcomes: Vec<NativeDerivationOutcome>,
}

/// A form of a tensor whose digest is wanted.
#[napi(object, object_to_js = false)]
pub struct NativeDerivedForm {
    pub sources: NativeDerivationSources,
    pub rule: NativeDerivationRule,
    pub constant: f64,
    pub dtype: String,
}

/// The digests of forms: 32 bytes each; zeros for one that cannot be made.
#[napi(object, object_from_js = false)]
pub struct NativeDerivedDigests {
    pub digests: Uint8Array,
    /// 1 for each form that could be made.
    pub known: Uint8Array,
}

/// Check how tensors of one model follow from those of another.
#[napi(ts_return_type = "Promise<NativeDerivationOutcomes | NativeFailure>")]
pub fn check_derivations<'env>(
    env: &'env Env,
    job: &NativeJob,
    files: NativeDerivationFiles,
    checks: Vec<NativeDerivationCheck>,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = CheckDerivations {
        before: paths(files.before),
        after: paths(files.after),
        adapter: paths(files.adapter),
        rules: rules(files.lenient),
        checks: checks.into_iter().map(check).collect::<napi::Result<_>>()?,
    };
    start(env, job, threads, request, |outcomes| NativeDerivationOutcomes {
        outcomes: outcomes.into_iter().map(outcome).collect(),
    })
}

/// Hash two models, and make the checks that the same read allows.
#[napi(ts_return_type = "Promise<NativeHashedAndChecked | NativeFailure>")]
pub fn hash_and_check<'env>(
    env: &'env Env,
    job: &NativeJob,
    files: NativeDerivationFiles,
    checks: Vec<NativeDerivationCheck>,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = HashAndCheck {
        before: paths(files.before),
        after: paths(files.after),
        rules: rules(files.lenient),
        checks: checks.into_iter().map(check).collect::<napi::Result<_>>()?,
    };
    start(env, job, threads, request, |found| {
        let made = found.outcomes.into_iter().enumerate();
        let made = made.filter_map(|(index, outcome)| Some((u32::try_from(index).ok()?, outcome?)));
        let (made, outcomes) = made.map(|(index, own)| (index, outcome(own))).unzip();
        NativeHashedAndChecked {
            known: found.known.into_iter().map(NativeKnownFile::from).collect(),
            made,
            outcomes,
        }
    })
}

/// Compute the digests of what tensors would become.
#[napi(ts_return_type = "Promise<NativeDerivedDigests | NativeFailure>")]
pub fn hash_derived<'env>(
    env: &'env Env,
    job: &NativeJob,
    files: Vec<String>,
    lenient: bool,
    forms: Vec<NativeDerivedForm>,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let algorithms = Algorithms::from(algorithm);
    let first = algorithms
        .iter()
        .next()
        .ok_or_else(|| napi::Error::from_reason("no algorithm"))?;
    let request = HashDerived {
        paths: paths(files),
        rules: rules(lenient),
        algorithms,
        forms: forms.into_iter().map(form).collect::<napi::Result<_>>()?,
    };
    start(env, job, threads, request, move |digests| {
        let hashes: Vec<_> = digests
            .iter()
            .map(|digests| digests.and_then(|digests| digests.get(first)))
            .collect();
        NativeDerivedDigests {
            known: hashes
                .iter()
                .map(|hash| u8::from(hash.is_some()))
                .collect::<Vec<_>>()
                .into(),
            digests: hashes
                .iter()
                .flat_map(|hash| hash.unwrap_or_default())
                .collect::<Vec<u8>>()
                .into(),
        }
    })
}

fn paths(paths: Vec<String>) -> Vec<PathBuf> {
    paths.into_iter().map(PathBuf::from).collect()
}

const fn rules(lenient: bool) -> Rules {
    if lenient { Rules::Lenient } else { Rules::Strict }
}

fn unsigned(value: i64) -> napi::Result<u64> {
    u64::try_from(value).map_err(|_| napi::Error::from_reason("a number of elements is negative"))
}

fn sources(given: NativeDerivationSources) -> napi::Result<Sources> {
    let lengths = |view: Vec<i64>| view.into_iter().map(unsigned).collect::<napi::Result<Vec<u64>>>();
    let part = |part: NativeDerivationPart| {
        let slice = match usize::try_from(part.slice_axis) {
            Ok(axis) => Some((axis, unsigned(part.slice_start)?..unsigned(part.slice_end)?)),
            Err(_) => None,
        };
        let resolved = Part {
            view: lengths(part.view)?,
            slice,
            order: part.order.into_iter().map(|axis| axis as usize).collect(),
        };
        Ok((part.name, resolved))
    };
    Ok(Sources {
        view: lengths(given.view)?,
        axis: given.axis as usize,
        parts: given.parts.into_iter().map(part).collect::<napi::Result<_>>()?,
    })
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the constants are small whole numbers"
)]
const fn rule(rule: &NativeDerivationRule, constant: f64) -> Option<Rule> {
    Some(match rule {
        NativeDerivationRule::Copy => Rule::Copy,
        NativeDerivationRule::Cast => Rule::Cast(Rounding::NearestEven),
        NativeDerivationRule::CastThroughSingle => Rule::Cast(Rounding::ThroughSingle),
        NativeDerivationRule::Offset => Rule::Offset {
            constant: constant as f32,
            narrow: false,
        },
        NativeDerivationRule::OffsetNarrow => Rule::Offset {
            constant: constant as f32,
            narrow: true,
        },
        NativeDerivationRule::Quantise => Rule::Quantise(Arithmetic::Separate),
        NativeDerivationRule::QuantiseFused => Rule::Quantise(Arithmetic::Fused),
        NativeDerivationRule::Dequantise => Rule::Dequantise,
        NativeDerivationRule::Near => Rule::Near,
        NativeDerivationRule::Scale
        | NativeDerivationRule::PackedGptq
        | NativeDerivationRule::PackedGptqZeros
        | NativeDerivationRule::PackedAwq
        | NativeDerivationRule::Adapter
        | NativeDerivationRule::Rank => return None,
    })
}

const fn scheme(rule: &NativeDerivationRule) -> Option<Scheme> {
    Some(match rule {
        NativeDerivationRule::PackedGptq => Scheme::Gptq,
        NativeDerivationRule::PackedGptqZeros => Scheme::GptqZeros,
        NativeDerivationRule::PackedAwq => Scheme::Awq,
        _ => return None,
    })
}

fn packed(given: &NativeDerivationCheck) -> Option<Method> {
    let stated = |number: u32| (number > 0).then_some(u64::from(number));
    Some(Method::Packed(PackedBy {
        scheme: scheme(&given.rule)?,
        zeros: given.zeros.clone(),
        scales: given.scales.clone(),
        order: Some(given.order.clone()).filter(|name| !name.is_empty()),
        bits: stated(given.bits),
        group: stated(given.group),
    }))
}

fn check(given: NativeDerivationCheck) -> napi::Result<Check> {
    let by = match (rule(&given.rule, given.constant), &given.rule) {
        (Some(rule), _) => Method::Rule(rule),
        (None, NativeDerivationRule::Adapter) => Method::Adapter(Adapter {
            down: given.adapter_down,
            up: given.adapter_up,
            scaling: given.constant,
        }),
        (None, NativeDerivationRule::Scale) => Method::Scale(given.scales),
        (None, _) => packed(&given).unwrap_or(Method::Rank),
    };
    Ok(Check {
        target: given.target,
        sources: sources(given.sources)?,
        by,
    })
}

fn form(given: NativeDerivedForm) -> napi::Result<Derived> {
    let rule = rule(&given.rule, given.constant)
        .ok_or_else(|| napi::Error::from_reason("the rule gives no bytes"))?;
    let dtype = gguf::block_dtypes()
        .chain(DTYPES)
        .chain(OTHER_DTYPES)
        .find(|dtype| dtype.name() == given.dtype)
        .ok_or_else(|| napi::Error::from_reason("a dtype that nothing is converted to"))?;
    Ok(Derived {
        sources: sources(given.sources)?,
        rule,
        dtype,
    })
}

fn outcome(outcome: Outcome) -> NativeDerivationOutcome {
    let index = |first: Option<u64>| first.map_or(-1, number);
    match outcome {
        Outcome::NotChecked(reason) => NativeDerivationOutcome::NotChecked { reason },
        Outcome::Compared(found) => {
            let (least, greatest) = found.range.unwrap_or((f64::NAN, f64::NAN));
            NativeDerivationOutcome::Compared {
                different: number(found.different),
                first: index(found.first),
                other_nan: number(found.other_nan),
                cut_off: number(found.cut_off),
                scales: number(found.scales),
                largest: found.largest,
                worst: found.worst,
                least,
                greatest,
            }
        }
        Outcome::LowRank(found) => NativeDerivationOutcome::LowRank {
            outside: number(found.outside),
            first: index(found.first),
            largest: found.largest,
            bound: found.bound,
            telling: number(found.telling),
            fitted: found.fitted,
            rank: number(found.rank),
        },
        Outcome::Scaled(found) => NativeDerivationOutcome::Scaled {
            outside: number(found.outside),
            first: index(found.first),
            worst: found.worst,
        },
        Outcome::Packed(found) => NativeDerivationOutcome::Packed {
            outside: number(found.near.outside),
            first_row: index(found.near.first_row),
            farther: number(found.near.farther),
            first: index(found.near.first),
            clipped: number(found.near.clipped),
            worst: found.near.worst,
            steps: found.near.steps,
            mean: found.near.mean(),
            bits: found.bits,
            groups: number(found.groups),
            ordered: found.ordered,
            least_factor: found.factors.map_or(f64::NAN, |(least, _)| least),
            greatest_factor: found.factors.map_or(f64::NAN, |(_, greatest)| greatest),
        },
        Outcome::Rank {
            rank,
            most,
            tolerance,
        } => NativeDerivationOutcome::Rank {
            rank: number(rank as u64),
            most: number(most as u64),
            tolerance,
        },
    }
}
