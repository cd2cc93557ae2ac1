//! Text that would take more memory than it may: each is refused with its line, and soon.

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{Format, Reading, open};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A head, and then a text again and again.
struct Repeated {
    head: &'static [u8],
    text: &'static [u8],
    length: u64,
    /// The bytes that were read.
    read: AtomicU64,
}

impl Input for Repeated {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError> {
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        let mut bytes = Vec::with_capacity(length + self.text.len());
        let start = usize::try_from(offset).expect("short");
        bytes.extend_from_slice(self.head.get(start..).unwrap_or_default());
        let into = start.saturating_sub(self.head.len()) % self.text.len();
        bytes.extend_from_slice(&self.text[into..]);
        while bytes.len() < length {
            bytes.extend_from_slice(self.text);
        }
        bytes.truncate(length);
        Ok(bytes.into())
    }
}

fn input(head: &'static [u8], text: &'static [u8], length: u64) -> Arc<Repeated> {
    Arc::new(Repeated {
        head,
        text,
        length,
        read: AtomicU64::new(0),
    })
}

fn rows(input: Arc<Repeated>, format: Format, spelling: &str) -> Result<usize, FormatError> {
    let schema = [("a".to_owned(), spelling.to_owned())];
    let schema = (format == Format::Jsonl || spelling != "utf8").then_some(&schema[..]);
    let Reading::Rows(mut reader) = open(input, format, schema)? else {
        panic!("columns");
    };
    let mut rows = 0;
    while let Some(some) = reader.next_rows()? {
        rows += some.count;
    }
    Ok(rows)
}

const MIB: u64 = 1 << 20;

#[test]
fn record_without_an_end_is_refused_with_its_line() {
    for (format, head, line) in [
        (Format::Csv, &b"a\n1\n\"2,3\n"[..], "line 3: "),
        (Format::Csv, b"a\n1\n2", "line 3: "),
        (Format::Csv, b"a", "line 1: "),
        (Format::Jsonl, b"{\"a\":\"1\"}\n{\"a\":\"", "line 2: "),
    ] {
        let text: &[u8] = if head.contains(&b'"') && format == Format::Csv {
            b"4,5\n"
        } else {
            b"xyz"
        };
        let input = input(head, text, 1000 * MIB);
        let error = rows(Arc::clone(&input), format, "utf8").expect_err("refused");
        assert!(!error.unsupported);
        assert!(error.message.starts_with(line), "{error}");
        let read = input.read.load(Ordering::Relaxed);
        assert!(read < 66 * MIB, "{format:?}: {read} bytes");
    }
}

#[test]
fn longest_record_is_read() {
    let limit = 64 * MIB;
    // Its line end counts.
    assert_eq!(rows(input(b"a\n", b"x", 2 + limit), Format::Csv, "utf8"), Ok(1));
    rows(input(b"a\n", b"x", 3 + limit), Format::Csv, "utf8").expect_err("refused");
}

#[test]
fn rows_of_one_block_are_bounded_together() {
    static LONG: [u8; 8192] = {
        let mut text = [b'x'; 8192];
        text[8191] = b'\n';
        text
    };
    static OBJECT: [u8; 8192] = {
        let mut text = [b' '; 8192];
        text[0] = b'{';
        text[8190] = b'}';
        text[8191] = b'\n';
        text
    };
    // 32,768 rows of 8 KiB are 256 MiB, and 32,772 lines without their ends: one more is too many.
    for (format, head, text) in [
        (Format::Csv, &b"a\n"[..], &LONG[..]),
        (Format::Jsonl, b"", &OBJECT[..]),
    ] {
        let length = |rows: u64| head.len() as u64 + rows * 8192;
        assert_eq!(
            rows(input(head, text, length(32_768)), format, "utf8"),
            Ok(32_768)
        );
        let error = rows(input(head, text, length(65_536)), format, "utf8").expect_err("refused");
        let line = if format == Format::Csv {
            "line 32770: "
        } else {
            "line 32773: "
        };
        assert!(error.message.starts_with(line), "{error}");
    }
}

#[test]
fn columns_and_elements_are_bounded() {
    let error = rows(input(b"a", b",a", MIB * 8), Format::Csv, "utf8").expect_err("refused");
    assert!(error.message.contains("too many cells"), "{error}");
    for spelling in [
        "fixed_list<2147483647,int8>",
        "fixed_list<1000000,fixed_list<1000000,null>>",
    ] {
        for (format, head) in [(Format::Csv, &b"a\n\n\n\n"[..]), (Format::Jsonl, b"{}\n{}\n")] {
            let length = head.len() as u64;
            rows(input(head, b"\n", length), format, spelling).expect_err("refused");
        }
    }
}
