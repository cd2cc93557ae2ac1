//! Capabilities of this addon and of this processor.

use crate::enums::NativeInstructionSet;
use crate::job::{NativeJob, start};
use lineaprint_engine::schedule::job::Job;
use lineaprint_engine::schedule::pool;
use lineaprint_engine::schedule::readers::AccessPattern;
use lineaprint_engine::{Control, Result};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

/// Return the version the addon was built as; TypeScript refuses an addon of another version.
#[napi]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Return how many threads a job gets by default.
#[napi]
pub fn default_threads() -> u32 {
    u32::try_from(pool::default_threads()).unwrap_or(u32::MAX)
}

/// Return the instruction sets of this processor that the hashers can use.
#[napi]
pub fn instruction_sets() -> Vec<NativeInstructionSet> {
    let mut sets = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("sse4.1") {
            sets.push(NativeInstructionSet::Sse41);
        }
        if is_x86_feature_detected!("avx2") {
            sets.push(NativeInstructionSet::Avx2);
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            sets.push(NativeInstructionSet::Avx512);
        }
        if is_x86_feature_detected!("sha") {
            sets.push(NativeInstructionSet::ShaNi);
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        sets.push(NativeInstructionSet::Neon);
        if std::arch::is_aarch64_feature_detected!("sha2") {
            sets.push(NativeInstructionSet::Sha2);
        }
    }
    sets
}

/// A job that panics.
struct Panic;

impl Job for Panic {
    type Output = String;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Memory
    }

    fn run(self, _: &Control) -> Result<String> {
        panic!("a panic on purpose")
    }
}

/// Fail inside a job on purpose, so that a packed release can be shown to survive it.
#[napi(ts_return_type = "Promise<string | NativeFailure>")]
pub fn panic_on_purpose<'env>(env: &'env Env, job: &NativeJob) -> napi::Result<Object<'env>> {
    start(env, job, None, Panic, |text| text)
}
