//! Files of tables that lie: a typed error, and nothing reserved on their word.

use arrow_array::builder::{Int8Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int8Array, Int32Array, Int64Array, ListViewArray, NullArray, RecordBatch,
    StringArray, new_empty_array,
};
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema, UnionMode};
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{Format, Reading, block, open, parquet as reader};
use parquet::arrow::ArrowWriter;
use std::sync::Arc;

fn batch(name: &str, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).expect("a batch")
}

fn parquet_of(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.into_inner().expect("closed")
}

fn stream_of(batch: &RecordBatch, options: IpcWriteOptions) -> Vec<u8> {
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect("a writer");
    writer.write(batch).expect("written");
    writer.into_inner().expect("closed")
}

/// Read everything, and gives how many rows there were.
fn read(bytes: Vec<u8>, format: Format) -> Result<usize, FormatError> {
    let input: Arc<dyn Input> = Arc::new(Bytes::from(bytes));
    let mut rows = 0;
    let mut take = |pieces: &[ArrayRef]| {
        rows += pieces.iter().map(|piece| piece.len()).sum::<usize>();
        block::write(pieces, &mut |_| {})
    };
    match open(input, format, None)? {
        Reading::Columns(table) => {
            for column in 0..table.columns().len() {
                let mut blocks = table.read(column, 0..table.blocks());
                while let Some(pieces) = blocks.next_block()? {
                    take(&pieces)?;
                }
            }
        }
        Reading::Rows(mut reader) => {
            while let Some(found) = reader.next_rows()? {
                take(&found.columns)?;
            }
        }
    }
    Ok(rows)
}

fn replaced(mut bytes: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    let offset = bytes
        .windows(old.len())
        .position(|some| some == old)
        .expect("it is there");
    bytes[offset..offset + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn invalid_utf_8_is_refused() {
    let text = batch(
        "text",
        Arc::new(StringArray::from(vec!["a needle in it", "more"])),
    );
    let uncompressed = IpcWriteOptions::default();
    for (bytes, format) in [
        (parquet_of(&text), Format::Parquet),
        (stream_of(&text, uncompressed), Format::Arrow),
    ] {
        assert_eq!(read(bytes.clone(), format), Ok(2));
        let mut broken = bytes;
        while broken.windows(6).any(|some| some == b"needle") {
            broken = replaced(broken, b"needle", b"\xff\xfeedle");
        }
        let error = read(broken, format).expect_err("refused");
        assert!(!error.unsupported, "{error}");
    }
}

#[test]
fn compressed_buffers_are_bounded() {
    let numbers = batch("n", Arc::new(Int64Array::from(vec![7; 1000])));
    for codec in [
        arrow_ipc::CompressionType::LZ4_FRAME,
        arrow_ipc::CompressionType::ZSTD,
    ] {
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(codec))
            .expect("a codec");
        let bytes = stream_of(&numbers, options);
        assert_eq!(read(bytes.clone(), Format::Arrow), Ok(1000));
        let stated = 8000_i64.to_le_bytes();
        for lie in [1_i64 << 40, i64::MAX, 8_000_000_000] {
            let error = read(
                replaced(bytes.clone(), &stated, &lie.to_le_bytes()),
                Format::Arrow,
            )
            .expect_err("refused");
            assert!(error.message.contains("an impossible length"), "{error}");
        }
    }
}

#[test]
fn rows_without_bytes_are_bounded() {
    let nothing = batch("n", Arc::new(NullArray::new(1000)));
    let bytes = stream_of(&nothing, IpcWriteOptions::default());
    assert_eq!(read(bytes.clone(), Format::Arrow), Ok(1000));
    let mut lying = bytes;
    // The batch and its only node both state the rows.
    for _ in 0..2 {
        lying = replaced(lying, &1000_i64.to_le_bytes(), &(1_i64 << 41).to_le_bytes());
    }
    let error = read(lying, Format::Arrow).expect_err("refused");
    assert!(error.message.contains("an impossible number of rows"), "{error}");
}

#[test]
fn wrong_row_count_in_footer_is_refused() {
    let numbers = batch("n", Arc::new(Int64Array::from(vec![7; 1000])));
    let bytes = parquet_of(&numbers);
    let table = reader::Table::open(Arc::new(Bytes::from(bytes.clone()))).expect("opened");
    assert_eq!(table.rows(), 1000);
    // Every count in the footer is 1000, as two bytes of a zigzag number.
    let footer = bytes.len()
        - 8
        - usize::try_from(u32::from_le_bytes(
            bytes[bytes.len() - 8..bytes.len() - 4]
                .try_into()
                .expect("four bytes"),
        ))
        .expect("short");
    for count in [999_u16, 1001, 2000] {
        let mut lying = bytes.clone();
        let [low, high] = zigzag(count);
        let mut changed = 0;
        for offset in footer..lying.len() - 9 {
            if lying[offset..offset + 2] == zigzag(1000) {
                lying[offset..offset + 2].copy_from_slice(&[low, high]);
                changed += 1;
            }
        }
        assert!(changed >= 3, "{changed} counts");
        let error = read(lying, Format::Parquet).expect_err("refused");
        let words = if count < 1000 {
            "more rows than it states"
        } else {
            "fewer rows than it states"
        };
        assert!(error.message.contains(words), "{error}");
    }
}

fn zigzag(count: u16) -> [u8; 2] {
    let doubled = (count * 2).to_le_bytes();
    [doubled[0] | 0x80, (doubled[1] << 1) | (doubled[0] >> 7)]
}

#[test]
fn deep_types_are_refused() {
    for depth in [65, 200, 5000] {
        let mut data_type = DataType::Int8;
        for _ in 0..depth {
            data_type = DataType::List(Arc::new(Field::new("item", data_type, true)));
        }
        let schema = Arc::new(Schema::new(vec![Field::new("deep", data_type, true)]));
        // The writer itself goes down to the end of what it writes.
        let stack = std::thread::Builder::new().stack_size(512 << 20);
        let bytes = stack
            .spawn(move || {
                let mut writer = StreamWriter::try_new(Vec::new(), &schema).expect("a writer");
                writer.finish().expect("closed");
                writer.into_inner().expect("closed")
            })
            .expect("a thread")
            .join()
            .expect("written");
        read(bytes, Format::Arrow).expect_err("refused");
    }
}

#[test]
fn types_without_spelling_are_named() {
    let fields = [(0, Arc::new(Field::new("a", DataType::Int8, true)))];
    let union = DataType::Union(fields.into_iter().collect(), UnionMode::Sparse);
    let bytes = stream_of(&batch("gap", new_empty_array(&union)), IpcWriteOptions::default());
    let error = read(bytes, Format::Arrow).expect_err("refused");
    assert!(error.unsupported);
    assert!(
        error
            .message
            .starts_with("column \"gap\": columns of the type Union("),
        "{error}"
    );
}

#[test]
fn truncated_files_are_refused_or_shorter() {
    let table = batch("text", Arc::new(StringArray::from(vec!["one", "two", "three"])));
    let bytes = parquet_of(&table);
    for end in 0..bytes.len() {
        read(bytes[..end].to_vec(), Format::Parquet).expect_err("refused");
    }
    // A stream may end behind any message; before its first it is none.
    let bytes = stream_of(&table, IpcWriteOptions::default());
    let whole = (0..bytes.len())
        .filter_map(|end| read(bytes[..end].to_vec(), Format::Arrow).ok())
        .collect::<Vec<_>>();
    assert!(
        whole.len() < 10 && whole.iter().all(|rows| *rows == 0 || *rows == 3),
        "{whole:?}"
    );
}

#[test]
fn shared_elements_are_not_multiplied() {
    // Each row is a list of all of a million elements, and a row of the list around it all of those rows.
    let million = 1_000_000_i32;
    let numbers: ArrayRef = Arc::new(Int8Array::from(vec![1; 1_000_000]));
    let view = |values: ArrayRef, rows: usize, size: i32| -> ArrayRef {
        let field = Arc::new(Field::new("item", values.data_type().clone(), true));
        let offsets = vec![0; rows].into();
        let sizes = vec![size; rows].into();
        Arc::new(ListViewArray::new(field, offsets, sizes, values, None))
    };
    let inner = view(numbers, 60_000, million);
    let outer = view(inner.clone(), 60_000, 60_000);
    for column in [inner, outer] {
        let bytes = stream_of(&batch("shared", column), IpcWriteOptions::default());
        let error = read(bytes, Format::Arrow).expect_err("refused");
        assert!(error.unsupported, "{error}");
    }
}

#[test]
fn dictionaries_of_long_lists_are_not_multiplied() {
    let mut lists = ListBuilder::new(Int8Builder::new());
    lists.values().append_slice(&vec![1; 1_000_000]);
    lists.append(true);
    let values: ArrayRef = Arc::new(lists.finish());
    let keys = Int32Array::from(vec![0; 60_000]);
    let dictionary = DictionaryArray::<Int32Type>::new(keys, values);
    let bytes = stream_of(&batch("lists", Arc::new(dictionary)), IpcWriteOptions::default());
    let error = read(bytes, Format::Arrow).expect_err("refused");
    assert!(error.unsupported, "{error}");
}
