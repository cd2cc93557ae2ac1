//! What this addon and this processor can do.

use crate::job::{NativeJob, start};
use lineaprint_engine::Control;
use lineaprint_engine::schedule::pool;
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

/// The version the addon was built as; TypeScript refuses an addon of another version.
#[napi]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Threads a job gets when it does not say.
#[napi]
pub fn default_threads() -> u32 {
    u32::try_from(pool::default_threads()).unwrap_or(u32::MAX)
}

/// The instruction sets of this processor that the hashers can use.
#[napi]
pub fn instruction_sets() -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let candidates = [
            ("sse4.1", is_x86_feature_detected!("sse4.1")),
            ("avx2", is_x86_feature_detected!("avx2")),
            (
                "avx512",
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl"),
            ),
            ("sha-ni", is_x86_feature_detected!("sha")),
        ];
        found.extend(
            candidates
                .iter()
                .filter(|(_, there)| *there)
                .map(|(name, _)| *name),
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        found.push("neon");
        if std::arch::is_aarch64_feature_detected!("sha2") {
            found.push("sha2");
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

/// Fails inside a job on purpose, so that a packed release can be shown to survive it.
#[napi(ts_return_type = "Promise<string | NativeFailure>")]
pub fn panic_on_purpose<'env>(env: &'env Env, job: &NativeJob) -> napi::Result<Object<'env>> {
    start(
        env,
        None,
        job,
        None,
        |_: &Control| -> lineaprint_engine::Result<String> { panic!("a panic on purpose") },
    )
}
