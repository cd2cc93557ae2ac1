//! Arrow IPC: the file format (Feather version 2) and the stream format.
//!
//! The crate `arrow-ipc` makes arrays of messages and validates them; where messages lie and what their buffers state
//! is checked here first. A message is read as a whole, so memory holds one batch and the dictionaries.

mod message;

use super::foreign::foreign;
use super::{Column, MAX_ROWS, RowReader, Rows};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use arrow_array::{Array as _, ArrayRef};
use arrow_buffer::Buffer;
use arrow_ipc::{Endianness, MessageHeader, MetadataVersion, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use message::{Location, check_batch, check_version, following, locate, message, without_prefix};
use std::collections::HashMap;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// The magic at the start and the end of a file.
pub const MAGIC: &[u8; 6] = b"ARROW1";

/// The marker at the start of a message of a stream.
pub const CONTINUATION: [u8; 4] = [0xff; 4];

/// The magic of Feather version 1, which is another format.
pub const FEATHER_1: &[u8; 4] = b"FEA1";

/// An open file or stream.
pub struct Reader {
    input: Arc<dyn Input>,
    schema: SchemaRef,
    columns: Vec<Column>,
    dictionaries: HashMap<i64, ArrayRef>,
    messages: Messages,
    rows: u64,
}

/// The locations of the messages that were not read yet.
enum Messages {
    /// In a file: those in the footer, dictionaries before batches.
    Listed(VecDeque<(Location, MessageKind)>),
    /// In a stream: one behind the other, from here on.
    Following(u64),
    /// Of a stream that has ended. Whatever comes behind is not read.
    Ended,
}

/// The kinds of messages that a footer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageKind {
    Dictionary,
    Batch,
}

/// The head of a message, the range of its buffers, and the kind that the footer lists for it, if there is a footer.
type Found = (Bytes, Range<u64>, Option<MessageKind>);

fn broken(error: ArrowError) -> FormatError {
    match error {
        ArrowError::NotYetImplemented(what) => {
            FormatError::unsupported(format!("unsupported Arrow data: {what}"))
        }
        other => FormatError::new(format!("invalid Arrow data: {other}")),
    }
}

fn invalid(what: &str) -> FormatError {
    FormatError::new(format!("invalid Arrow data: {what}"))
}

impl Reader {
    /// Open a file or a stream, whichever it is.
    pub fn open(input: &Arc<dyn Input>) -> Result<Self, FormatError> {
        let length = input.length();
        let start = input.read(0, usize::try_from(length.min(8)).unwrap_or(8))?;
        if start.starts_with(FEATHER_1) {
            return Err(FormatError::unsupported("Feather version 1 is not supported"));
        }
        if start.starts_with(MAGIC) {
            Self::open_file(input)
        } else {
            Self::open_stream(input)
        }
    }

    fn open_file(input: &Arc<dyn Input>) -> Result<Self, FormatError> {
        let length = input.length();
        // The magic and its padding, the length of the footer, the magic again.
        let Some(tail_start) = length.checked_sub(10).filter(|start| *start >= 8) else {
            return Err(invalid("it is too short for a file"));
        };
        let tail = input.read(tail_start, 10)?;
        if &tail[4..] != MAGIC {
            return Err(
                FormatError::new("the Arrow magic is missing at the end of the file")
                    .with_expected("ARROW1", tail[4..].escape_ascii()),
            );
        }
        let footer_length = i32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
        let footer_start = u64::try_from(footer_length)
            .ok()
            .and_then(|footer_length| tail_start.checked_sub(footer_length))
            .ok_or_else(|| {
                FormatError::new("its footer is outside the file")
                    .with_expected(format!("at most {tail_start} bytes"), footer_length)
            })?;
        let bytes = read_checked(
            input.as_ref(),
            footer_start,
            tail_start - footer_start,
            "its footer",
        )?;
        let footer = foreign(|| arrow_ipc::root_as_footer(&bytes))?
            .map_err(|error| invalid(&format!("its footer is damaged: {error}")))?;
        check_version(footer.version())?;
        let schema = footer
            .schema()
            .ok_or_else(|| invalid("its footer has no schema"))?;
        let mut messages = VecDeque::new();
        let lists = [
            (footer.dictionaries(), MessageKind::Dictionary),
            (footer.recordBatches(), MessageKind::Batch),
        ];
        for (blocks, kind) in lists {
            for block in blocks.into_iter().flatten() {
                let location = locate(
                    block.offset(),
                    i64::from(block.metaDataLength()),
                    block.bodyLength(),
                );
                let location = location
                    .filter(|location| location.body.end <= footer_start)
                    .ok_or_else(|| invalid("a block named in its footer is outside the file"))?;
                messages.push_back((location, kind));
            }
        }
        Self::new(Arc::clone(input), schema, Messages::Listed(messages))
    }

    fn open_stream(input: &Arc<dyn Input>) -> Result<Self, FormatError> {
        let mut position = 0;
        let Some(head) = following(input.as_ref(), &mut position)? else {
            return Err(invalid("it is empty"));
        };
        let message = message(&head)?;
        let Some(schema) = message.header_as_schema() else {
            return Err(invalid("a stream begins with a schema"));
        };
        Self::new(Arc::clone(input), schema, Messages::Following(position))
    }

    fn new(
        input: Arc<dyn Input>,
        schema: arrow_ipc::Schema<'_>,
        messages: Messages,
    ) -> Result<Self, FormatError> {
        if schema.endianness() != Endianness::Little {
            return Err(FormatError::unsupported("big-endian Arrow data is not supported"));
        }
        let schema = foreign(|| arrow_ipc::convert::try_fb_to_schema(schema))?.map_err(broken)?;
        let schema = Arc::new(schema);
        let columns = schema
            .fields()
            .iter()
            .map(|field| Column::new(field.name(), field.data_type()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            input,
            schema,
            columns,
            dictionaries: HashMap::new(),
            messages,
            rows: 0,
        })
    }

    /// Return the next message.
    fn next_message(&mut self) -> Result<Option<Found>, FormatError> {
        match &mut self.messages {
            Messages::Listed(locations) => {
                let Some((location, kind)) = locations.pop_front() else {
                    return Ok(None);
                };
                let length = location.head.end - location.head.start;
                let head = read_checked(self.input.as_ref(), location.head.start, length, "a message")?;
                let head = without_prefix(&head).ok_or_else(|| invalid("a message is truncated"))?;
                Ok(Some((head, location.body, Some(kind))))
            }
            Messages::Following(position) => {
                let Some(head) = following(self.input.as_ref(), position)? else {
                    let (end, length) = (*position, self.input.length());
                    self.messages = Messages::Ended;
                    if end < length {
                        return Err(invalid("bytes follow the end of the stream")
                            .with_expected(format!("{end} bytes"), format!("{length} bytes")));
                    }
                    return Ok(None);
                };
                let length = u64::try_from(message(&head)?.bodyLength()).unwrap_or(u64::MAX);
                let start = *position;
                *position = start
                    .checked_add(length)
                    .filter(|end| *end <= self.input.length())
                    .ok_or_else(|| invalid("a message is truncated"))?;
                Ok(Some((head, start..*position, None)))
            }
            Messages::Ended => Ok(None),
        }
    }

    fn read_batch(
        &mut self,
        batch: RecordBatch<'_>,
        body: &Buffer,
        version: MetadataVersion,
    ) -> Result<Rows, FormatError> {
        check_batch(&batch, body)?;
        let rows = u64::try_from(batch.length())
            .ok()
            .and_then(|rows| self.rows.checked_add(rows));
        self.rows = rows.filter(|rows| *rows <= MAX_ROWS).ok_or_else(|| {
            invalid("a batch has an impossible number of rows")
                .with_expected(format!("at most {MAX_ROWS} in all"), batch.length())
        })?;
        let schema = Arc::clone(&self.schema);
        let dictionaries = &self.dictionaries;
        let read = || arrow_ipc::reader::read_record_batch(body, batch, schema, dictionaries, None, &version);
        let batch = foreign(read)?.map_err(broken)?;
        Ok(Rows {
            count: batch.num_rows(),
            columns: batch.columns().to_vec(),
        })
    }
}

impl RowReader for Reader {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_rows(&mut self) -> Result<Option<Rows>, FormatError> {
        while let Some((head, body_range, listed_kind)) = self.next_message()? {
            let message = message(&head)?;
            let kind = if message.header_type() == MessageHeader::DictionaryBatch {
                MessageKind::Dictionary
            } else {
                MessageKind::Batch
            };
            if listed_kind.is_some_and(|listed| listed != kind) {
                return Err(invalid("its footer gives the wrong type for a message"));
            }
            let length = body_range.end - body_range.start;
            if i64::try_from(length).ok() != Some(message.bodyLength()) {
                return Err(invalid("its footer gives the wrong length for a message"));
            }
            let body = Buffer::from(read_checked(
                self.input.as_ref(),
                body_range.start,
                length,
                "a message",
            )?);
            if let Some(dictionary) = message.header_as_dictionary_batch() {
                if let Some(data) = dictionary.data() {
                    check_batch(&data, &body)?;
                }
                let version = message.version();
                let (schema, dictionaries) = (&self.schema, &mut self.dictionaries);
                let read =
                    || arrow_ipc::reader::read_dictionary(&body, dictionary, schema, dictionaries, &version);
                foreign(read)?.map_err(broken)?;
            } else if let Some(batch) = message.header_as_record_batch() {
                let rows = self.read_batch(batch, &body, message.version())?;
                if rows.columns.iter().any(|column| column.len() != rows.count) {
                    return Err(invalid("columns of another length than their batch"));
                }
                return Ok(Some(rows));
            } else {
                return Err(invalid("a message is neither a batch nor a dictionary"));
            }
        }
        Ok(None)
    }
}
