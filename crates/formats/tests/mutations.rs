//! Files of every model format, changed at random: an answer within a second and within bounded memory, never a panic;
//! and what is accepted lies in the file, with shapes, dtypes and lengths that agree.
//!
//! The same cases are tried in every run. `npm run soak -- --only models` tries others, through the addon.

mod any_bytes;
#[path = "model_files/hdf5_checksums.rs"]
mod checksums;
#[path = "mutations/memory.rs"]
mod memory;
#[path = "mutations/mutate.rs"]
mod mutate;
#[path = "mutations/random.rs"]
mod random;
#[path = "mutations/seeds.rs"]
mod seeds;
#[path = "zip/support.rs"]
mod zip;

use any_bytes::{Parser, answer};
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::format::Format;
use lineaprint_formats::pieces::Compression;
use lineaprint_formats::table::Format as TableFormat;
use random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Cases of each parser.
const CASES: usize = 1000;

/// The longest that one file of these sizes may take.
const SLOW: Duration = Duration::from_secs(1);

/// The memory that a file may take: so much for any, and so many bytes for each of its bytes.
const MEMORY: usize = 64 << 20;
const FACTOR: usize = 4;

/// The work of a parser on the bytes of a file.
type Work<'a> = dyn Fn(&Bytes) -> Result<(), FormatError> + 'a;

/// Return the time that this thread has had a processor for, or where the system does not tell, the time of day.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let reported = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = reported
        .as_deref()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// Run a parser; gives whether it accepted the file, or what is wrong with its answer.
fn judge(work: &Work<'_>, file: &Bytes) -> Result<bool, String> {
    let mut slow = Duration::ZERO;
    // What is slow must be slow again, because the time of day counts other programs as well.
    for _ in 0..2 {
        let mut outcome = None;
        let start = processor_time();
        let peak = memory::peak_of(|| {
            outcome = Some(catch_unwind(AssertUnwindSafe(|| work(file).is_ok())));
        });
        slow = processor_time().saturating_sub(start);
        let most = MEMORY + FACTOR * file.len();
        let Some(Ok(accepted)) = outcome else {
            return Err("it panicked, or gave an answer that cannot be".to_owned());
        };
        if peak > most {
            return Err(format!("it took {peak} bytes of memory, of at most {most}"));
        }
        if slow <= SLOW {
            return Ok(accepted);
        }
    }
    Err(format!("it took {slow:?}"))
}

/// Change the files of a parser, and judge every answer.
fn try_all(parser: Parser) {
    let files = seeds::of(parser);
    let mut random = Random::new(0x11ea_9217);
    let (mut accepted, mut refused) = (0, 0);
    let blocks: Vec<_> = files.iter().map(|file| mutate::blocks(file)).collect();
    for case in 0..CASES {
        let index = case % files.len();
        let file = mutate::mutated(&files[index], &blocks[index], &files, &mut random);
        let file = Bytes::from(file);
        match judge(&|bytes| answer(parser, bytes), &file) {
            Ok(true) => accepted += 1,
            Ok(false) => refused += 1,
            Err(fault) => {
                let path = std::env::temp_dir()
                    .join(format!("lineaprint-{parser:?}-{case}").replace(['(', ')'], "-"));
                std::fs::write(&path, &file).expect("is written");
                panic!("{parser:?}, case {case}: {fault}; the file is {}", path.display());
            }
        }
    }
    // A reader that takes everything, or nothing, is no test of the other.
    assert!(
        accepted > 0 && refused > 0,
        "{parser:?}: {accepted} accepted, {refused} refused"
    );
}

#[test]
fn changed_safetensors_files_are_answered() {
    try_all(Parser::Model(Format::Safetensors));
    try_all(Parser::Lenient);
}

#[test]
fn changed_shard_indexes_are_answered() {
    try_all(Parser::Shards);
}

#[test]
fn changed_checkpoints_of_pytorch_are_answered() {
    try_all(Parser::Model(Format::PyTorch));
}

#[test]
fn changed_databases_are_answered() {
    try_all(Parser::Table(TableFormat::Sqlite));
}

#[test]
fn changed_pickles_are_answered() {
    try_all(Parser::Pickle);
}

#[test]
fn changed_gguf_files_are_answered() {
    try_all(Parser::Model(Format::Gguf));
}

#[test]
fn changed_arrays_of_numpy_are_answered() {
    try_all(Parser::Model(Format::Npy));
    try_all(Parser::Model(Format::Npz));
}

#[test]
fn changed_onnx_files_are_answered() {
    try_all(Parser::Model(Format::Onnx));
}

#[test]
fn changed_graphs_are_answered() {
    try_all(Parser::Graph);
}

#[test]
fn changed_files_of_keras_are_answered() {
    try_all(Parser::Model(Format::Keras));
}

#[test]
fn changed_hdf5_files_are_answered() {
    try_all(Parser::Model(Format::Hdf5));
}

#[test]
fn changed_models_of_tensorflow_js_are_answered() {
    try_all(Parser::Model(Format::TensorFlowJs));
}

#[test]
fn changed_tflite_files_are_answered() {
    try_all(Parser::Model(Format::Tflite));
}

#[test]
fn changed_files_of_flax_are_answered() {
    try_all(Parser::Model(Format::Flax));
}

#[test]
fn changed_archives_are_answered() {
    try_all(Parser::Zip);
    try_all(Parser::Tar);
    try_all(Parser::PackedTar(Compression::Gzip));
    try_all(Parser::PackedTar(Compression::Zstd));
}

#[test]
fn changed_records_of_tensorflow_are_answered() {
    try_all(Parser::TfRecord);
}

#[test]
fn changed_shards_of_samples_are_answered() {
    try_all(Parser::Mds);
}

#[test]
fn faults_of_a_parser_are_found() {
    let file = Bytes::from_static(&[0; 100]);
    let fault = |work: &Work<'_>| judge(work, &file).expect_err("must be found");
    let reserves = |bytes: &Bytes| {
        let taken: Vec<u8> = Vec::with_capacity(MEMORY + FACTOR * bytes.len() + 1);
        std::hint::black_box(&taken);
        Ok(())
    };
    assert!(fault(&reserves).contains("bytes of memory"));
    let waits = |_: &Bytes| {
        let start = processor_time();
        while processor_time() < start + SLOW + Duration::from_millis(10) {}
        Ok(())
    };
    assert!(fault(&waits).contains("it took 1."));
    let panics = |bytes: &Bytes| {
        std::hint::black_box(bytes[bytes.len()]);
        Ok(())
    };
    assert!(fault(&panics).contains("panicked"));
    assert_eq!(judge(&|_| Ok(()), &file), Ok(true));
    assert_eq!(judge(&|_| Err(FormatError::new("no")), &file), Ok(false));
}

#[test]
fn lists_that_lie_are_found() {
    use lineaprint_formats::model::listing::{Elements, Listing, Tensor};
    let tensor = |name: &str, shape: &[u64], start: u64, end: u64| Tensor {
        name: name.to_owned(),
        dtype: lineaprint_formats::Dtype::named("F32").expect("is a dtype"),
        shape: shape.to_vec(),
        elements: Elements::InPlace { start, end },
    };
    let file = Bytes::from_static(&[0; 100]);
    let check = |tensors: Vec<Tensor>| {
        let listing = Listing {
            tensors,
            ..Listing::default()
        };
        judge(
            &|bytes| {
                any_bytes::listing::check(&listing, bytes);
                Ok(())
            },
            &file,
        )
    };
    assert_eq!(check(vec![tensor("a", &[2, 3], 76, 100)]), Ok(true));
    for lying in [
        vec![tensor("a", &[2, 3], 80, 104)],
        vec![tensor("a", &[2, 3], 0, 20)],
        vec![tensor("a", &[1 << 32, 1 << 32], 0, 0)],
        vec![tensor("a", &[1], 0, 4), tensor("a", &[1], 4, 8)],
    ] {
        assert!(check(lying).is_err());
    }
}
