//! Rows that differ, against a slow reference, with records in memory and in a temporary file.

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use lineaprint_digest::Algorithms;
use lineaprint_engine::digest::table::{Columns, Dialect, Options, hash};
use lineaprint_engine::rows::difference::{Comparison, DiffRows, Outcome, ReadTables, RowDifference};
use lineaprint_engine::rows::leaks::FindLeaks;
use lineaprint_engine::rows::listing::Change;
use lineaprint_engine::rows::side::TableFiles;
use lineaprint_engine::{Code, Control};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Row = (Option<i64>, u64, String);

fn batch(rows: &[Row]) -> RecordBatch {
    let ids: Int64Array = rows.iter().map(|row| row.0).collect();
    let values: Float64Array = rows.iter().map(|row| Some(f64::from_bits(row.1))).collect();
    let texts: StringArray = rows.iter().map(|row| Some(row.2.as_str())).collect();
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(ids), true),
        ("value", Arc::new(values), true),
        ("text", Arc::new(texts), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

fn write(path: &Path, rows: &[Row], group: usize) -> TableFiles {
    let batch = batch(rows);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .build();
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    files(path)
}

fn files(path: &Path) -> TableFiles {
    TableFiles {
        paths: vec![path.to_owned()],
        options: Options {
            algorithms: Algorithms::BLAKE3,
            format: None,
            schema: None,
            dialect: Dialect::default(),
            table: None,
            unordered: false,
            statistics: false,
        },
    }
}

fn request(before: TableFiles, after: TableFiles) -> DiffRows {
    DiffRows {
        before,
        after,
        key: Vec::new(),
        secret: [7; 32],
        list: 0,
        output: None,
        memory: None,
    }
}

/// Compare tables, whose digests must be those of each table alone.
fn read(request: &DiffRows) -> ReadTables {
    let Comparison::Read(read) = request.compare(&Control::new()).expect("compared") else {
        panic!("a wrong key");
    };
    for (own, files) in [(&read.before, &request.before), (&read.after, &request.after)] {
        let alone = hash(&files.paths, &files.options, &Control::new()).expect("hashed");
        assert_eq!(own.digests, alone.digests);
        assert_eq!(
            (own.rows, own.size, own.format),
            (alone.rows, alone.size, alone.format)
        );
        let (Columns::Ordered(own), Columns::Ordered(alone)) = (&own.columns, &alone.columns) else {
            panic!("columns without digests");
        };
        for (own, alone) in own.iter().zip(alone) {
            assert_eq!((&own.column, &own.digests), (&alone.column, &alone.digests));
            assert_eq!(own.blocks, alone.blocks);
        }
    }
    *read
}

fn compared(request: &DiffRows) -> RowDifference {
    match read(request).rows {
        Outcome::Compared(difference) => *difference,
        Outcome::NotCompared(reason) => panic!("{reason}"),
    }
}

fn row(range: i64) -> impl Strategy<Value = Row> {
    let bits = prop_oneof![Just(0), Just(1 << 63), Just(0x7ff8 << 48), Just(0x7ff9 << 48)];
    (proptest::option::weighted(0.9, 0..range), bits, "[ab]{0,2}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn multisets_of_rows_differ_as_a_count_of_each_says(
        before in proptest::collection::vec(row(50), 0..4000),
        after in proptest::collection::vec(row(50), 0..4000),
        shared in proptest::collection::vec(row(10_000), 0..4000),
        memory in prop_oneof![Just(None), Just(Some(20_000))],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let join = |own: &[Row]| -> Vec<Row> { shared.iter().chain(own).cloned().collect() };
        let (before, mut after) = (join(&before), join(&after));
        after.rotate_left(shared.len() / 3);
        let x = write(&folder.path().join("a.parquet"), &before, 1000);
        let y = write(&folder.path().join("b.parquet"), &after, 700);
        let difference = compared(&DiffRows { memory, ..request(x, y) });
        let mut counts: HashMap<&Row, i64> = HashMap::new();
        for row in &before {
            *counts.entry(row).or_default() += 1;
        }
        for row in &after {
            *counts.entry(row).or_default() -= 1;
        }
        let removed: i64 = counts.values().filter(|count| **count > 0).sum();
        let added: i64 = -counts.values().filter(|count| **count < 0).sum::<i64>();
        let total = |own: u64| i64::try_from(own + difference.changed).expect("a count");
        prop_assert_eq!(total(difference.removed), removed);
        prop_assert_eq!(total(difference.added), added);
    }
}

fn numbered(count: i64) -> Vec<Row> {
    (0..count)
        .map(|id| (Some(id), id.cast_unsigned() * 3, format!("text {id}")))
        .collect()
}

#[test]
fn changed_cells_of_a_key_are_counted_and_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = numbered(150_000);
    let mut after = before.clone();
    after[70_000].2 = "other".to_owned();
    after[149_999].1 = 1;
    after.remove(3);
    after.insert(100_000, (Some(-1), 0, "new".to_owned()));
    let x = write(&folder.path().join("a.parquet"), &before, 50_000);
    let y = write(&folder.path().join("b.parquet"), &after, 60_000);
    let output = folder.path().join("changes.parquet");
    let difference = compared(&DiffRows {
        key: vec!["id".to_owned()],
        list: 10,
        output: Some(output.clone()),
        memory: Some(1 << 20),
        ..request(x, y)
    });
    assert_eq!(
        (difference.changed, difference.removed, difference.added),
        (2, 1, 1)
    );
    assert!(difference.same_order);
    let cells: Vec<u64> = difference.columns.iter().map(|(_, cells)| *cells).collect();
    assert_eq!(cells, [0, 1, 1]);
    assert_eq!(difference.listed.len(), 4);
    let written = std::fs::File::open(&output).expect("written");
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(written).expect("Parquet");
    assert_eq!(reader.metadata().file_metadata().num_rows(), 4);
    let remaining: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(remaining.len(), 3, "no temporary file is left: {remaining:?}");
}

#[test]
fn moved_rows_are_another_order_and_no_difference() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = numbered(10_000);
    let mut after = before.clone();
    after.reverse();
    let x = write(&folder.path().join("a.parquet"), &before, 5000);
    let y = write(&folder.path().join("b.parquet"), &after, 5000);
    let difference = compared(&request(x, y));
    assert_eq!(
        (difference.changed, difference.removed, difference.added),
        (0, 0, 0)
    );
    assert!(!difference.same_order);
}

#[test]
fn cancelled_comparison_leaves_no_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let x = write(&folder.path().join("a.parquet"), &numbered(10), 5);
    let y = write(&folder.path().join("b.parquet"), &numbered(9), 5);
    let control = Control::new();
    control.cancel();
    let output = folder.path().join("changes.parquet");
    let request = DiffRows {
        output: Some(output.clone()),
        ..request(x, y)
    };
    let error = request.compare(&control).expect_err("cancelled");
    assert_eq!(error.code, Code::Cancelled);
    assert!(!output.exists());
}

#[test]
fn rows_of_several_splits_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = numbered(20_000);
    let mut train = all[..15_000].to_vec();
    train.extend_from_slice(&all[..10]);
    let splits = [
        write(&folder.path().join("train.parquet"), &train, 4000),
        write(&folder.path().join("test.parquet"), &all[14_900..], 4000),
    ];
    for memory in [None, Some(10_000)] {
        let leaks = FindLeaks {
            splits: splits.to_vec(),
            text: Vec::new(),
            near: None,
            secret: [1; 32],
            list: 3,
            memory,
        };
        let leaks = leaks.find(&Control::new()).expect("counted");
        assert_eq!(leaks.rows, [15_010, 5100]);
        assert_eq!(leaks.within, [10, 0]);
        assert_eq!(leaks.between, [0, 100, 100, 0]);
        let rows: Vec<_> = leaks
            .examples
            .iter()
            .map(|example| (example.row, example.other_row))
            .collect();
        assert_eq!(rows, [(14_900, 0), (14_901, 1), (14_902, 2)]);
    }
}

/// Rows that differ, by position.
#[derive(Debug, Default, PartialEq, Eq)]
struct Different {
    removed: Vec<u64>,
    added: Vec<u64>,
    changed: Vec<(u64, u64)>,
    same_order: bool,
    /// Keys that several rows of each table have.
    duplicates: Option<(u64, u64)>,
}

/// Return what a comparison says, which lists all rows.
fn listed(difference: &RowDifference) -> Different {
    let mut rows = Different {
        same_order: difference.same_order,
        duplicates: difference.duplicates.map(|keys| (keys.before, keys.after)),
        ..Different::default()
    };
    for row in &difference.listed {
        match row.change {
            Change::Removed(row) => rows.removed.push(row),
            Change::Added(row) => rows.added.push(row),
            Change::Changed(before, after) => rows.changed.push((before, after)),
        }
    }
    assert_eq!(
        [difference.removed, difference.added, difference.changed],
        [rows.removed.len(), rows.added.len(), rows.changed.len()].map(|count| count as u64)
    );
    rows
}

/// Columns that are a key, and their cells in a row.
struct KeyOf {
    names: &'static [&'static str],
    cells: fn(&Row) -> Row,
}

const KEYS: [KeyOf; 3] = [
    KeyOf {
        names: &["id"],
        cells: |row| (row.0, 0, String::new()),
    },
    KeyOf {
        names: &["text", "id"],
        cells: |row| (row.0, 0, row.2.clone()),
    },
    KeyOf {
        names: &["id", "value", "text"],
        cells: Clone::clone,
    },
];

/// Return the rows that differ as the definition in `docs/diff.md` says, without sorting or hashes.
fn expected(before: &[Row], after: &[Row], key: Option<&KeyOf>) -> Different {
    const BLOCK: usize = 65_536;
    let both = before.len().min(after.len());
    let is_equal_at = |row: usize| row < both && before[row] == after[row];
    let mut unmatched: [Vec<usize>; 2] =
        [before.len(), after.len()].map(|rows| (0..rows).filter(|row| !is_equal_at(*row)).collect());
    let mut pairs: Vec<(usize, usize)> = (0..both)
        .filter(|row| is_equal_at(*row))
        .map(|row| (row, row))
        .collect();
    for within_blocks in [true, false] {
        let mut waiting: HashMap<(usize, &Row), VecDeque<usize>> = HashMap::new();
        let block = |row: usize| if within_blocks { row / BLOCK } else { 0 };
        for row in &unmatched[0] {
            waiting
                .entry((block(*row), &before[*row]))
                .or_default()
                .push_back(*row);
        }
        let mut taken = HashSet::new();
        unmatched[1].retain(|row| {
            let first = waiting.get_mut(&(block(*row), &after[*row]));
            let Some(other) = first.and_then(VecDeque::pop_front) else {
                return true;
            };
            pairs.push((other, *row));
            taken.insert(other);
            false
        });
        unmatched[0].retain(|row| !taken.contains(row));
    }
    let [mut removed, mut added] =
        unmatched.map(|rows| rows.into_iter().map(|row| row as u64).collect::<Vec<_>>());
    let mut duplicates = None;
    let changed: Vec<(u64, u64)> = if let Some(KeyOf { cells, .. }) = key {
        let mut rows: HashMap<Row, [Vec<u64>; 2]> = HashMap::new();
        for (side, table) in [before, after].into_iter().enumerate() {
            for (row, index) in table.iter().zip(0..) {
                rows.entry(cells(row)).or_default()[side].push(index);
            }
        }
        let repeated = |side: usize| rows.values().filter(|own| own[side].len() > 1).count() as u64;
        duplicates = Some((repeated(0), repeated(1)));
        let new: HashSet<u64> = added.iter().copied().collect();
        let partner = |row: &u64| match &rows[&cells(&before[usize::try_from(*row).expect("a row")])] {
            [one, other] if one.len() == 1 && other.len() == 1 => Some((*row, other[0])),
            _ => None,
        };
        let pairs = removed.iter().filter_map(partner);
        pairs.filter(|(_, other)| new.contains(other)).collect()
    } else {
        let new: HashSet<u64> = added.iter().copied().collect();
        let both = removed.iter().filter(|row| new.contains(row));
        both.map(|row| (*row, *row)).collect()
    };
    let gone: HashSet<u64> = changed.iter().map(|(row, _)| *row).collect();
    let new: HashSet<u64> = changed.iter().map(|(_, row)| *row).collect();
    removed.retain(|row| !gone.contains(row));
    added.retain(|row| !new.contains(row));
    if key.is_some() {
        let index = |row: &u64| usize::try_from(*row).expect("a row");
        pairs.extend(changed.iter().map(|(a, b)| (index(a), index(b))));
    }
    pairs.sort_unstable();
    Different {
        removed,
        added,
        changed,
        same_order: pairs.is_sorted_by_key(|(_, after)| *after),
        duplicates,
    }
}

/// An edit of a table, at a row that is given as a share of all.
#[derive(Clone, Debug)]
enum Edit {
    Insert(f64, usize),
    Remove(f64, usize),
    Change(f64),
    Swap(f64, f64),
    Repeat(f64, f64),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0.0..1.0, prop_oneof![1_usize..20, 60_000_usize..80_000])
            .prop_map(|(at, count)| Edit::Insert(at, count)),
        (0.0..1.0, prop_oneof![1_usize..20, 60_000_usize..80_000])
            .prop_map(|(at, count)| Edit::Remove(at, count)),
        (0.0..1.0).prop_map(Edit::Change),
        (0.0..1.0, 0.0..1.0).prop_map(|(a, b)| Edit::Swap(a, b)),
        (0.0..1.0, 0.0..1.0).prop_map(|(a, b)| Edit::Repeat(a, b)),
    ]
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of few rows"
)]
fn at(share: f64, rows: &[Row]) -> usize {
    ((rows.len() as f64 * share) as usize).min(rows.len().saturating_sub(1))
}

fn apply(edits: &[Edit], rows: &mut Vec<Row>) {
    for (number, edit) in edits.iter().enumerate() {
        let number = i64::try_from(number).expect("few");
        if rows.is_empty() && !matches!(edit, Edit::Insert(..)) {
            continue;
        }
        match *edit {
            Edit::Insert(share, count) => {
                let at = at(share, rows);
                let new = (0..count as u64).map(|row| (Some(-1 - number), row, "new".to_owned()));
                rows.splice(at..at, new);
            }
            Edit::Remove(share, count) => {
                let start = at(share, rows);
                rows.drain(start..(start + count).min(rows.len()));
            }
            Edit::Change(share) => {
                let at = at(share, rows);
                rows[at].2.push('!');
            }
            Edit::Swap(first, second) => {
                let (first, second) = (at(first, rows), at(second, rows));
                rows.swap(first, second);
            }
            Edit::Repeat(first, second) => {
                let row = rows[at(first, rows)].clone();
                let second = at(second, rows);
                rows.insert(second, row);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn edits_of_several_blocks_are_those_of_the_definition(
        edits in proptest::collection::vec(edit(), 0..5),
        memory in prop_oneof![Just(None), Just(Some(100_000))],
        modulus in prop_oneof![Just(1_000_000_i64), Just(150_000), Just(30_000)],
        key in 0..KEYS.len(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let before: Vec<Row> = (0..200_000).map(|id| (Some(id % modulus), 0, String::new())).collect();
        let mut after = before.clone();
        apply(&edits, &mut after);
        let x = write(&folder.path().join("a.parquet"), &before, 150_000);
        let y = write(&folder.path().join("b.parquet"), &after, 90_000);
        for key in [None, Some(&KEYS[key])] {
            let names = key.map_or(&[][..], |key| key.names);
            let difference = compared(&DiffRows {
                key: names.iter().map(|name| (*name).to_owned()).collect(),
                memory,
                list: 1_000_000,
                ..request(x.clone(), y.clone())
            });
            prop_assert_eq!(listed(&difference), expected(&before, &after, key));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn small_tables_differ_as_the_definition_says(
        shared in proptest::collection::vec(row(20), 0..20),
        before in proptest::collection::vec((0.0..1.0, row(20)), 0..5),
        after in proptest::collection::vec((0.0..1.0, row(20)), 0..5),
        edits in proptest::collection::vec(edit(), 0..3),
        key in 0..=KEYS.len(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let with = |own: &[(f64, Row)]| {
            let mut rows = shared.clone();
            for (share, row) in own {
                let at = at(*share, &rows);
                rows.insert(at, row.clone());
            }
            rows
        };
        let (before, mut after) = (with(&before), with(&after));
        if !after.is_empty() {
            let is_small = |edit: &&Edit| !matches!(edit, Edit::Insert(_, 60_000..));
            let edits: Vec<Edit> = edits.iter().filter(is_small).cloned().collect();
            apply(&edits, &mut after);
        }
        let x = write(&folder.path().join("a.parquet"), &before, 7);
        let y = write(&folder.path().join("b.parquet"), &after, 5);
        let key = KEYS.get(key);
        let names = key.map_or(&[][..], |key| key.names);
        let difference = compared(&DiffRows {
            key: names.iter().map(|name| (*name).to_owned()).collect(),
            list: 1000,
            ..request(x, y)
        });
        prop_assert_eq!(listed(&difference), expected(&before, &after, key));
    }
}

/// Texts that are near others in every degree: words of a sentence, some of them replaced.
fn sentence() -> impl Strategy<Value = String> {
    (
        0_usize..4,
        proptest::collection::vec((0_usize..30, 0_usize..8), 0..8),
    )
        .prop_map(|(base, edits)| {
            let mut words: Vec<String> = (0..30)
                .map(|word| format!("{}{word}", ["red", "blue", "ton", "gap"][base]))
                .collect();
            for (word, other) in edits {
                words[word] = format!("Other{other}");
            }
            words.join(" ")
        })
}

/// The Jaccard similarity of the runs of five characters of two texts, by sets of strings.
fn jaccard(a: &str, b: &str) -> f64 {
    let set = |text: &str| -> HashSet<String> {
        let characters: Vec<char> = text.to_lowercase().chars().collect();
        characters.windows(5).map(|run| run.iter().collect()).collect()
    };
    let (a, b) = (set(a), set(b));
    let count = |number: usize| f64::from(u32::try_from(number).expect("few"));
    count(a.intersection(&b).count()) / count(a.union(&b).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn near_rows_are_those_of_all_pairs(
        train in proptest::collection::vec(sentence(), 1..60),
        test in proptest::collection::vec(sentence(), 1..60),
        threshold in prop_oneof![Just(0.5), Just(0.8), Just(0.9)],
        memory in prop_oneof![Just(None), Just(Some(20_000))],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = |texts: &[String]| -> Vec<Row> {
            texts.iter().zip(0..).map(|(text, id)| (Some(id), 0, text.clone())).collect()
        };
        let splits = [
            write(&folder.path().join("train.parquet"), &rows(&train), 20),
            write(&folder.path().join("test.parquet"), &rows(&test), 30),
        ];
        let request = FindLeaks {
            splits: splits.to_vec(),
            text: vec!["text".to_owned()],
            near: Some(threshold),
            secret: [5; 32],
            list: 10_000,
            memory,
        };
        let near = request.find(&Control::new()).expect("counted").near.expect("asked for");
        // No pair that is reported is false.
        for (example, similarity) in &near.examples {
            let row = |texts: &[String], row: u64| texts[usize::try_from(row).expect("a row")].clone();
            let (a, b) = (row(&train, example.row), row(&test, example.other_row));
            prop_assert!(*similarity >= threshold);
            prop_assert_eq!(similarity.to_bits(), jaccard(&a, &b).to_bits(), "{} {}", a, b);
        }
        // And so many are found as the formula says: of the pairs at the threshold or above at least 0.99 on average.
        let unique = |texts: &[String]| -> HashSet<String> { texts.iter().map(|text| text.to_lowercase()).collect() };
        let (first, second) = (unique(&train), unique(&test));
        let all: HashSet<&String> = first.union(&second).collect();
        let all: Vec<&String> = all.into_iter().collect();
        let mut expected = 0_u32;
        for (index, text) in all.iter().enumerate() {
            for other in &all[..index] {
                expected += u32::from(jaccard(text, other) >= threshold);
            }
        }
        let reported = u32::try_from(near.pairs).expect("few");
        prop_assert!(reported <= expected);
        prop_assert!(f64::from(reported) >= f64::from(expected) * 0.97 - 3.0, "{} of {}", reported, expected);
        if reported == expected {
            let leaked = |own: &[String], others: &[String]| -> u64 {
                let is_near = |text: &&String| {
                    others.iter().any(|other| text.to_lowercase() == other.to_lowercase() || jaccard(text, other) >= threshold)
                };
                own.iter().filter(is_near).count() as u64
            };
            prop_assert_eq!(&near.between, &[0, leaked(&train, &test), leaked(&test, &train), 0]);
            let repeated = |own: &[String]| -> u64 {
                let is_near = |(index, text): &(usize, &String)| {
                    own[..*index].iter().any(|other| text.to_lowercase() == other.to_lowercase() || jaccard(text, other) >= threshold)
                };
                own.iter().enumerate().filter(is_near).count() as u64
            };
            prop_assert_eq!(&near.within, &[repeated(&train), repeated(&test)]);
        }
    }
}

#[test]
fn progress_counts_both_reads_and_the_pairs() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |id: i64| {
        format!(
            "the words of a sentence that some of the rows have in common {}",
            id / 4
        )
    };
    let rows: Vec<Row> = (0..100)
        .map(|id| (Some(id), 0, format!("{} {id}", text(id))))
        .collect();
    let files = write(&folder.path().join("train.parquet"), &rows, 100);
    let size = std::fs::metadata(&files.paths[0]).expect("a file").len();
    for (near, least) in [(None, size), (Some(0.8), 2 * size + 10_000)] {
        let request = FindLeaks {
            splits: vec![files.clone()],
            text: vec!["text".to_owned()],
            near,
            secret: [5; 32],
            list: 0,
            memory: None,
        };
        let control = Control::new();
        request.find(&control).expect("counted");
        let progress = control.progress();
        assert_eq!(progress.bytes_done, progress.bytes_total);
        assert!(
            progress.bytes_total >= least,
            "{} of {least}",
            progress.bytes_total
        );
        assert_eq!((progress.files_done, progress.files_total), (1, 1));
    }
}

#[test]
fn texts_too_much_alike_are_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "a sentence that all of the rows have in common, with a number at its end: ".repeat(4);
    let rows: Vec<Row> = (0..20_000)
        .map(|id| (Some(id), 0, format!("{text}{id}")))
        .collect();
    let request = FindLeaks {
        splits: vec![write(&folder.path().join("train.parquet"), &rows, 20_000)],
        text: vec!["text".to_owned()],
        near: Some(0.8),
        secret: [5; 32],
        list: 0,
        memory: None,
    };
    let error = request.find(&Control::new()).expect_err("too many");
    assert_eq!(error.code, Code::Unsupported);
    assert!(error.message.contains("raise the threshold"), "{}", error.message);
}
