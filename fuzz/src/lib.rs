//! The parts that all targets share: each gives its bytes to one parser, as the mutation tests of `crates/formats` do.

#[path = "../../crates/formats/tests/any_bytes/mod.rs"]
pub mod any_bytes;

pub use any_bytes::{Parser, answer};
pub use lineaprint_formats::model::format::Format;
pub use lineaprint_formats::pieces::Compression;
pub use lineaprint_formats::table::Format as Table;

/// Define the target of a parser.
///
/// libfuzzer's own hook aborts at every panic. That of the standard library takes its place: the crates of Arrow panic
/// on some files, which lineaprint catches and makes an error of. A panic that nobody catches still ends the run.
#[macro_export]
macro_rules! target {
    ($parser:expr) => {
        libfuzzer_sys::fuzz_target!(
            init: drop(std::panic::take_hook()),
            |data: &[u8]| {
                let _ = $crate::answer($parser, &bytes::Bytes::copy_from_slice(data));
            }
        );
    };
}
