//! Hash the rows of a file of Parquet or Arrow with arrow-digest or starfix, as their documentation shows it, on one
//! thread: neither has an option for more. `arrow-hashers arrow-digest|starfix FILE` prints the digest.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;

/// Rows of a batch, as many as a block of lineaprint has.
const BATCH: usize = 65_536;

/// Defines how each of the two versions of Arrow reads a file batch by batch.
macro_rules! reader {
    ($name:ident, $arrow:ident, $parquet:ident) => {
        fn $name(
            path: &str,
            mut take: impl FnMut(&$arrow::record_batch::RecordBatch) -> Result<(), Box<dyn Error>>,
        ) -> Result<(), Box<dyn Error>> {
            let file = File::open(path)?;
            if path.ends_with(".parquet") {
                let builder = $parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)?;
                for batch in builder.with_batch_size(BATCH).build()? {
                    take(&batch?)?;
                }
            } else {
                for batch in $arrow::ipc::reader::FileReader::try_new(BufReader::new(file), None)? {
                    take(&batch?)?;
                }
            }
            Ok(())
        }
    };
}

reader!(read, arrow, parquet);
reader!(read_for_starfix, arrow_of_starfix, parquet_of_starfix);

fn arrow_digest(path: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    use arrow_digest::{RecordDigest, RecordDigestV0};
    let mut digest: Option<RecordDigestV0<sha2::Sha256>> = None;
    read(path, |batch| {
        digest
            .get_or_insert_with(|| RecordDigestV0::new(&batch.schema()))
            .update(batch);
        Ok(())
    })?;
    Ok(digest.ok_or("the file has no rows")?.finalize().to_vec())
}

fn starfix(path: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut digester: Option<starfix::ArrowDigester> = None;
    read_for_starfix(path, |batch| {
        digester
            .get_or_insert_with(|| {
                starfix::ArrowDigester::new(&batch.schema(), starfix::HasherConfig::default())
            })
            .update(batch);
        Ok(())
    })?;
    Ok(digester.ok_or("the file has no rows")?.finalize())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(which), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: arrow-hashers arrow-digest|starfix FILE".into());
    };
    let digest = match which.as_str() {
        "arrow-digest" => arrow_digest(&path)?,
        "starfix" => starfix(&path)?,
        other => return Err(format!("{other} is no hasher").into()),
    };
    println!("{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Ok(())
}
