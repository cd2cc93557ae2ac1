//! The records of samples in shards of MosaicML: CBOR of `[[name, encoding, value]…]`, sorted by the bytes of the names.

use lineaprint_digest::cbor::Encoder;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::mds::{Samples, Shard};
use std::sync::Arc;

/// Reads the samples of a shard as records.
pub struct SampleRecords {
    samples: Samples,
    /// For each column, in the order of the record: its place in the sample, and what is written before its value.
    columns: Vec<(usize, Encoder)>,
    record: Encoder,
}

impl SampleRecords {
    /// Create a reader.
    pub fn new(input: Arc<dyn Input>, shard: Shard) -> Result<Self, FormatError> {
        let samples = Samples::new(input, shard)?;
        let mut order: Vec<usize> = (0..samples.columns().len()).collect();
        order.sort_by(|a, b| samples.columns()[*a].name.cmp(&samples.columns()[*b].name));
        let columns = order.into_iter().map(|place| {
            let column = &samples.columns()[place];
            let mut head = Encoder::new();
            head.array(3).text(&column.name).text(&column.encoding);
            (place, head)
        });
        Ok(Self {
            columns: columns.collect(),
            samples,
            record: Encoder::new(),
        })
    }

    /// Return the next record; `None` after the last.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, FormatError> {
        let Some(sample) = self.samples.next_sample()? else {
            return Ok(None);
        };
        self.record.clear();
        self.record.array(self.columns.len());
        for (place, head) in &self.columns {
            self.record
                .append(head)
                .bytes(&sample.bytes[sample.values[*place].clone()]);
        }
        Ok(Some(self.record.as_bytes()))
    }
}
