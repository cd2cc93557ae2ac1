//! Blocks of columns: the same bytes whatever pieces and forms the values come in.

#[path = "table/support.rs"]
mod support;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Encoding;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use arrow_array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use bytes::Bytes;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{Blocks, RowReader as _, arrow, block, parquet as reader};
use proptest::prelude::*;
use std::sync::Arc;
use support::{Forms, Type, Value, any_type, any_values, array, pieces, slow_block};

fn written(pieces: &[ArrayRef]) -> Vec<u8> {
    let mut bytes = Vec::new();
    block::write(pieces, &mut |some| bytes.extend_from_slice(some)).expect("written");
    bytes
}

/// Return a type with values of it.
fn any_column() -> impl Strategy<Value = (Type, Vec<Value>)> {
    (any_type(), 0..40_usize).prop_flat_map(|(of, count)| {
        let values = any_values(&of, count);
        (Just(of), values)
    })
}

fn batches(of: &Type, values: &[Value], cuts: &[usize], seed: u64) -> (Arc<Schema>, Vec<RecordBatch>) {
    let form = |values: &[Value]| array(of, values, &mut Forms::new(seed, true));
    let data_type = form(&[]).data_type().clone();
    let schema = Arc::new(Schema::new(vec![Field::new("column", data_type, true)]));
    let made = pieces(values, cuts)
        .into_iter()
        .map(|some| {
            let options = RecordBatchOptions::new().with_row_count(Some(some.len()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), vec![form(some)], &options)
                .expect("a batch")
        })
        .collect();
    (schema, made)
}

/// Return what the column of a Parquet file is as one block.
fn of_parquet(bytes: Vec<u8>) -> Vec<u8> {
    let table = reader::Parts::open([Arc::new(Bytes::from(bytes)) as Arc<dyn Input>]).expect("opened");
    let mut column = table.read(0, 0..table.blocks());
    let mut all = Vec::new();
    while let Some(pieces) = column.next_block().expect("read") {
        all.push(written(&pieces));
    }
    all.concat()
}

/// Return what the column of Arrow data is as one block.
fn of_ipc(bytes: Vec<u8>) -> Vec<u8> {
    let mut reader = arrow::Reader::open(&(Arc::new(Bytes::from(bytes)) as Arc<dyn Input>)).expect("opened");
    let mut blocks = Blocks::default();
    while let Some(rows) = reader.next_rows().expect("read") {
        blocks.add(rows);
    }
    blocks
        .take(true)
        .map_or_else(Vec::new, |block| written(&block.columns[0]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn blocks_equal_the_reference(
        (of, values) in any_column(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        seed in any::<u64>(),
    ) {
        let expected = slow_block(&of, &values);
        // The forms of all pieces of a column are the same.
        let form = |values: &[Value]| array(&of, values, &mut Forms::new(seed, false));
        let made: Vec<ArrayRef> = pieces(&values, &cuts).into_iter().map(form).collect();
        let kind = made[0].data_type().clone();
        prop_assume!(made.iter().all(|piece| *piece.data_type() == kind));
        prop_assert_eq!(written(&made), expected.clone());
        // Slices of a whole that holds more.
        let padded: Vec<Value> = values.iter().rev().chain(&values).chain(&values).cloned().collect();
        let whole = form(&padded);
        let cut: Vec<ArrayRef> = pieces(&values, &cuts)
            .into_iter()
            .scan(values.len(), |start, some| {
                let slice = whole.slice(*start, some.len());
                *start += some.len();
                Some(slice)
            })
            .collect();
        prop_assert_eq!(written(&cut), expected);
    }

    #[test]
    fn parquet_layout_does_not_count(
        (of, values) in any_column(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        seed in any::<u64>(),
        group in 1..50_usize,
        page in 1..10_usize,
        (dictionary, second, delta) in any::<(bool, bool, bool)>(),
    ) {
        let (schema, batches) = batches(&of, &values, &cuts, seed);
        let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        let mut properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_max_row_group_row_count(Some(group))
            .set_data_page_row_count_limit(page)
            .set_write_batch_size(3)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_dictionary_enabled(dictionary);
        if delta && matches!(of, Type::Text | Type::Bytes) {
            properties = properties.set_encoding(Encoding::DELTA_BYTE_ARRAY);
        }
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, schema, Some(properties.build())).expect("a writer");
        for batch in &batches {
            writer.write(batch).expect("written");
        }
        writer.close().expect("closed");
        let expected = if values.is_empty() { Vec::new() } else { slow_block(&of, &values) };
        prop_assert_eq!(of_parquet(file), expected);
    }

    #[test]
    fn arrow_batches_do_not_count(
        (of, values) in any_column(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        seed in any::<u64>(),
        compressed in any::<bool>(),
    ) {
        let (schema, batches) = batches(&of, &values, &cuts, seed);
        let codec = compressed.then_some(arrow_ipc::CompressionType::LZ4_FRAME);
        let options = || {
            arrow_ipc::writer::IpcWriteOptions::default().try_with_compression(codec).expect("a codec")
        };
        let mut stream = arrow_ipc::writer::StreamWriter::try_new_with_options(Vec::new(), &schema, options())
            .expect("a writer");
        for batch in &batches {
            stream.write(batch).expect("written");
        }
        let expected = if values.is_empty() { Vec::new() } else { slow_block(&of, &values) };
        prop_assert_eq!(of_ipc(stream.into_inner().expect("closed")), expected.clone());
        // A file has one dictionary for each column, so only one batch can have its own.
        let mut file = arrow_ipc::writer::FileWriter::try_new_with_options(Vec::new(), &schema, options())
            .expect("a writer");
        let form = array(&of, &values, &mut Forms::new(seed, true));
        file.write(&RecordBatch::try_new(Arc::clone(&schema), vec![form]).expect("a batch")).expect("written");
        prop_assert_eq!(of_ipc(file.into_inner().expect("closed")), expected);
    }
}
