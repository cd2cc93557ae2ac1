//! Tables of several blocks: the same digest whatever the threads, formats, row groups and batches.

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BinaryArray, Float32Array, Float64Array, Int64Array, NullArray, RecordBatch, StringArray,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use lineaprint_digest::Algorithms;
use lineaprint_engine::digest::table::compare::distances;
use lineaprint_engine::digest::table::{
    ColumnDigest, Columns, Dialect, Options, TableDigest, hash, hash_bytes,
};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control};
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{Format, parquet as reader};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROWS: usize = 200_000;
const LAST: i32 = 200_000;

fn options() -> Options {
    Options {
        algorithms: Algorithms::BLAKE3,
        format: None,
        schema: None,
        dialect: Dialect::default(),
        table: None,
        unordered: false,
        statistics: true,
    }
}

fn table() -> RecordBatch {
    let numbers: Int64Array = (0..LAST)
        .map(|row| (row % 7 != 0).then_some(i64::from(row)))
        .collect();
    let texts: StringArray = (0..ROWS)
        .map(|row| (row % 11 != 0).then(|| format!("{:x}", row * row)))
        .collect();
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..LAST {
        (0..row % 5).for_each(|index| lists.values().append_value(row + index));
        lists.append(row % 13 != 0);
    }
    RecordBatch::try_from_iter_with_nullable([
        ("numbers", Arc::new(numbers) as ArrayRef, true),
        ("texts", Arc::new(texts), true),
        ("lists", Arc::new(lists.finish()), true),
        ("nothing", Arc::new(NullArray::new(ROWS)), true),
    ])
    .expect("a batch")
}

fn pieces(batch: &RecordBatch, rows: usize) -> impl Iterator<Item = RecordBatch> {
    (0..batch.num_rows())
        .step_by(rows)
        .map(move |start| batch.slice(start, rows.min(batch.num_rows() - start)))
}

fn parquet_table(file: &[u8]) -> reader::Parts {
    let input: Arc<dyn Input> = Arc::new(bytes::Bytes::copy_from_slice(file));
    reader::Parts::open([input]).expect("opened")
}

fn parquet_file(batch: &RecordBatch, group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_data_page_row_count_limit(1000)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("written");
    writer.into_inner().expect("closed")
}

fn ipc_file(batch: &RecordBatch, rows: usize) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    pieces(batch, rows).for_each(|piece| writer.write(&piece).expect("written"));
    writer.into_inner().expect("closed")
}

fn ipc_stream(batch: &RecordBatch, rows: usize) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    pieces(batch, rows).for_each(|piece| writer.write(&piece).expect("written"));
    writer.into_inner().expect("closed")
}

fn run(bytes: &[u8], options: &Options, threads: usize) -> TableDigest {
    let pool = pool::create(threads).expect("a pool");
    pool.install(|| hash_bytes(bytes.to_vec(), options, &Control::new()))
        .expect("hashed")
}

fn ordered(table: &TableDigest) -> &[ColumnDigest] {
    match &table.columns {
        Columns::Ordered(columns) => columns,
        Columns::Unordered(_) => panic!("rows in any order"),
    }
}

#[test]
fn layout_and_threads_do_not_count() {
    let batch = table();
    let files = [
        parquet_file(&batch, ROWS),
        parquet_file(&batch, 30_000),
        parquet_file(&batch, 65_536),
        ipc_file(&batch, ROWS),
        ipc_file(&batch, 1_000),
        ipc_stream(&batch, 65_537),
    ];
    let wanted = run(&files[0], &options(), 1);
    assert_eq!(wanted.rows, ROWS as u64);
    assert_eq!(
        ordered(&wanted)
            .iter()
            .map(|column| column.blocks.len())
            .collect::<Vec<_>>(),
        [4; 4]
    );
    for (index, file) in files.iter().enumerate() {
        for threads in [1, 2, 5] {
            let hashed = run(file, &options(), threads);
            assert_eq!(
                hashed.digests, wanted.digests,
                "file {index} on {threads} threads"
            );
            for (column, expected) in ordered(&hashed).iter().zip(ordered(&wanted)) {
                assert_eq!(column.blocks, expected.blocks, "{}", column.column.name);
            }
        }
    }
}

#[test]
fn unordered_digest_ignores_row_order() {
    let batch = table().slice(0, 70_000);
    let any = Options {
        unordered: true,
        statistics: false,
        algorithms: Algorithms::BOTH,
        ..options()
    };
    let reversed: Vec<RecordBatch> = pieces(&batch, 999).collect();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    reversed
        .iter()
        .rev()
        .for_each(|piece| writer.write(piece).expect("written"));
    let shuffled = writer.into_inner().expect("closed");
    let wanted = run(&parquet_file(&batch, 20_000), &any, 1);
    for (file, threads) in [(&shuffled, 1), (&shuffled, 3), (&parquet_file(&batch, 65_536), 4)] {
        let hashed = run(file, &any, threads);
        assert_eq!(hashed.digests, wanted.digests);
        assert_eq!(hashed.rows, 70_000);
    }
    let ordered = run(&shuffled, &options(), 2);
    assert_ne!(
        ordered.digests,
        run(&ipc_stream(&batch, 999), &options(), 2).digests
    );
}

#[test]
fn progress_is_reported_and_cancel_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let bytes = parquet_file(&table(), 50_000);
    std::fs::write(&path, &bytes).expect("written");
    let control = Control::new();
    let hashed = hash(std::slice::from_ref(&path), &options(), &control).expect("hashed");
    assert_eq!(
        (hashed.format, hashed.size),
        (Format::Parquet, bytes.len() as u64)
    );
    let progress = control.progress();
    assert_eq!(
        (progress.bytes_done, progress.bytes_total),
        (hashed.size, hashed.size)
    );
    assert_eq!((progress.files_done, progress.files_total), (1, 1));
    control.cancel();
    let error = hash(std::slice::from_ref(&path), &options(), &control).expect_err("cancelled");
    assert_eq!(error.code, Code::Cancelled);
}

#[test]
fn malformed_tables_are_errors_with_the_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let whole = parquet_file(&table().slice(0, 100), 10);
    let code = |path: &Path| {
        let error = hash(&[path.to_owned()], &options(), &Control::new()).expect_err("no table");
        if error.code != Code::NotFound {
            assert_eq!(error.path.as_deref(), Some(path));
        }
        error.code
    };
    assert_eq!(
        code(&write("cut.parquet", &whole[..whole.len() - 9])),
        Code::Format
    );
    assert_eq!(code(&write("empty.parquet", b"")), Code::Format);
    assert_eq!(code(&write("text.arrow", b"a,b\n")), Code::Format);
    assert_eq!(code(&write("old.feather", b"FEA1....FEA1")), Code::Unsupported);
    assert_eq!(code(&write("what.bin", b"a,b\n")), Code::Unsupported);
    assert_eq!(code(&write("rows.jsonl", b"{}\n")), Code::Unsupported);
    assert_eq!(code(&folder.path().join("nothing.csv")), Code::NotFound);
}

/// Change bytes of a file one by one: an error or a digest, never a panic, and memory for a few pages at most.
#[test]
fn changed_bytes_never_panic() {
    let batch = table().slice(0, 300);
    let control = Control::new();
    let mut refused = 0;
    for file in [
        parquet_file(&batch, 120),
        ipc_stream(&batch, 100),
        ipc_file(&batch, 150),
    ] {
        let step = file.len() / 400 + 1;
        for index in (0..file.len()).step_by(step) {
            for change in [0xff_u8, 0x01, 0x80] {
                let mut bytes = file.clone();
                bytes[index] ^= change;
                match hash_bytes(bytes, &options(), &control) {
                    Ok(table) => assert!(table.rows < 1 << 40),
                    Err(error) => {
                        assert!(matches!(error.code, Code::Format | Code::Unsupported), "{error}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 100, "{refused} were refused");
}

#[test]
fn distances_are_the_largest_differences() {
    let folder = tempfile::tempdir().expect("a folder");
    let floats = |change: f64| {
        let double: Float64Array = (0..ROWS)
            .map(|row| (row % 7 != 0).then_some(if row == 150_000 { change } else { 0.5 }))
            .collect();
        let single: Float32Array = (0..ROWS).map(|_| Some(1.0)).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("double", Arc::new(double) as ArrayRef, true),
            ("single", Arc::new(single), true),
            (
                "text",
                Arc::new((0..ROWS).map(|_| Some("x")).collect::<StringArray>()),
                true,
            ),
        ])
        .expect("a batch")
    };
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let base = write("one.parquet", parquet_file(&floats(0.5), 40_000));
    let control = Control::new();
    for (change, expected) in [(0.75, 0.25), (f64::NAN, f64::INFINITY), (0.5, 0.0)] {
        for other in [
            write("other.parquet", parquet_file(&floats(change), ROWS)),
            write("other.arrow", ipc_file(&floats(change), 1_000)),
        ] {
            let largest = distances(&base, &other, &[0, 1, 2], &control).expect("compared");
            assert_eq!(largest, [Some(expected), Some(0.0), None]);
        }
    }
    let nulls = table();
    let other = write("nulls.parquet", parquet_file(&nulls, ROWS));
    let error = distances(&base, &other, &[0], &control).expect_err("other columns");
    assert_eq!(error.code, Code::Format);
    let shorter = write(
        "shorter.parquet",
        parquet_file(&floats(0.5).slice(0, 70_000), ROWS),
    );
    let error = distances(&base, &shorter, &[0], &control).expect_err("fewer rows");
    assert!(error.message.contains("number of rows"), "{error}");
}

#[test]
fn long_byte_strings_have_the_same_blocks() {
    // 70,000 values of about 2 KiB: a block of them is longer than what is held.
    let long: BinaryArray = (0..70_000_u32)
        .map(|row| (row % 10 != 3).then(|| row.to_le_bytes().repeat(600)))
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("long", Arc::new(long) as ArrayRef, true),
        (
            "row",
            Arc::new((0..70_000).map(Some).collect::<Int64Array>()),
            true,
        ),
    ])
    .expect("a batch");
    let file = parquet_file(&batch, 7_000);
    let opened = parquet_table(&file);
    assert_eq!([opened.is_long(0), opened.is_long(1)], [true, false]);
    let wanted = run(&ipc_stream(&batch, 5_000), &options(), 1);
    for threads in [1, 3] {
        let hashed = run(&file, &options(), threads);
        assert_eq!(hashed.digests, wanted.digests);
    }
}

/// Write the rows between each two of `bounds` to a file of its own, and return the paths.
fn divided(folder: &Path, batch: &RecordBatch, bounds: &[usize], write: Write<'_>) -> Vec<PathBuf> {
    bounds
        .windows(2)
        .enumerate()
        .map(|(index, pair)| {
            let path = folder.join(format!("{}-{index}", bounds.len()));
            let rows = batch.slice(pair[0], pair[1] - pair[0]);
            std::fs::write(&path, write(&rows)).expect("written");
            path
        })
        .collect()
}

type Write<'a> = &'a dyn Fn(&RecordBatch) -> Vec<u8>;

#[test]
fn files_of_a_table_are_hashed_as_one_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let batch = table();
    let wanted = run(&parquet_file(&batch, ROWS), &options(), 1);
    let divisions: [&[usize]; 5] = [
        &[0, 100_000, ROWS],
        &[0, 65_536, 131_072, ROWS],
        &[0, 1, 2, 65_537, 65_537, 199_999, ROWS],
        &[0, 0, ROWS, ROWS],
        &[0, 150_000, 150_001, ROWS],
    ];
    let writers: [Write<'_>; 3] = [
        &|rows| parquet_file(rows, ROWS),
        &|rows| parquet_file(rows, 7_000),
        &|rows| ipc_file(rows, 5_000),
    ];
    for bounds in divisions {
        for (form, write) in writers.iter().enumerate() {
            let paths = divided(folder.path(), &batch, bounds, write);
            for threads in [1, 2, 5] {
                let pool = pool::create(threads).expect("a pool");
                let hashed = pool
                    .install(|| hash(&paths, &options(), &Control::new()))
                    .expect("hashed");
                assert_eq!(
                    hashed.digests, wanted.digests,
                    "{bounds:?}, form {form}, {threads} threads"
                );
                assert_eq!(hashed.rows, wanted.rows);
            }
        }
    }
    // Rows in any order: the files in any order, too.
    let unordered = Options {
        unordered: true,
        statistics: false,
        ..options()
    };
    let small = batch.slice(0, 70_000);
    let mut paths = divided(folder.path(), &small, &[0, 30_000, 66_000, 70_000], writers[1]);
    paths.reverse();
    let wanted = run(&ipc_stream(&small, 1_000), &unordered, 2);
    let hashed = hash(&paths, &unordered, &Control::new()).expect("hashed");
    assert_eq!(hashed.digests, wanted.digests);
    // In order, another order of the files is another table.
    let hashed = hash(&paths, &options(), &Control::new()).expect("hashed");
    assert_ne!(
        hashed.digests,
        run(&ipc_stream(&small, 1_000), &options(), 2).digests
    );
}

#[test]
fn long_byte_strings_go_on_in_the_next_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let long: BinaryArray = (0..70_000_u32)
        .map(|row| Some(row.to_le_bytes().repeat(500)))
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable([("long", Arc::new(long) as ArrayRef, true)]);
    let batch = batch.expect("a batch");
    let paths = divided(folder.path(), &batch, &[0, 40_000, 40_001, 70_000], &|rows| {
        parquet_file(rows, 7_000)
    });
    let wanted = run(&ipc_stream(&batch, 5_000), &options(), 2);
    let hashed = hash(&paths, &options(), &Control::new()).expect("hashed");
    assert_eq!(hashed.digests, wanted.digests);
}

#[test]
fn file_that_does_not_fit_its_table_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let first = write("1.parquet", &parquet_file(&table().slice(0, 10), 10));
    let fewer = table().project(&[0, 1]).expect("columns").slice(0, 10);
    let named = |files: &[PathBuf]| {
        let error = hash(files, &options(), &Control::new()).expect_err("refused");
        let name = error
            .path
            .as_deref()
            .and_then(Path::file_name)
            .map(std::ffi::OsStr::to_owned);
        (
            name.expect("a path").into_string().expect("text"),
            error.code,
            error.message.clone(),
        )
    };
    let fewer = write("2.parquet", &parquet_file(&fewer, 10));
    let (name, code, message) = named(&[first.clone(), fewer]);
    assert_eq!((name.as_str(), code), ("2.parquet", Code::Unsupported));
    assert!(message.contains("not those of the first file"), "{message}");
    let arrow = write("3.arrow", &ipc_file(&table().slice(0, 10), 10));
    let (name, _, message) = named(&[first.clone(), first.clone(), arrow]);
    assert_eq!(name, "3.arrow");
    assert!(message.contains("several formats"), "{message}");
    let whole = parquet_file(&table().slice(0, 100), 10);
    let cut = write("4.parquet", &whole[..whole.len() - 9]);
    assert_eq!(named(&[first.clone(), cut, first]).0, "4.parquet");
    // A row reader opens a file only when the one before it has ended.
    let text = |name: &str, content: &str| write(name, content.as_bytes());
    let files = [text("1.csv", "a,b\n1,2\n"), text("2.csv", "a,b\n1,2\n3\n")];
    assert_eq!(named(&files).0, "2.csv");
    let files = [text("1.csv", "a,b\n1,2\n"), text("3.csv", "b,a\n1,2\n")];
    assert_eq!(named(&files).0, "3.csv");
    assert_eq!(named(&[folder.path().join("none.csv")]).1, Code::NotFound);
}
