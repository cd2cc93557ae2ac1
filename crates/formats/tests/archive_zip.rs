//! zip archives, honest and lying.

#[path = "zip/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::archive::zip::{Archive, Method, recognise};
use proptest::prelude::*;
use support::{End, Member, crc, deflated, end_record, stored, write, write_with};

/// Read an archive and all its members.
fn read(file: Vec<u8>) -> Result<Vec<(String, Bytes)>, FormatError> {
    let input = Bytes::from(file);
    let archive = Archive::read(&input)?;
    let members = archive.members().iter();
    members
        .map(|member| Ok((member.name.clone(), member.bytes(&input, 1 << 20)?)))
        .collect()
}

fn refusal(file: Vec<u8>) -> String {
    read(file).expect_err("must be refused").to_string()
}

fn assert_refused(file: Vec<u8>, part: &str) {
    let message = refusal(file);
    assert!(message.contains(part), "{message}");
}

#[test]
fn stored_and_deflated_members_are_read() {
    let text = b"words words words words words words".repeat(40_000);
    let file = write(&[
        stored("a/data.pkl", b"pickle"),
        deflated("a/data/0", &text),
        stored("empty", b""),
    ]);
    assert!(recognise(&file));
    let input = Bytes::from(file.clone());
    let archive = Archive::read(&input).expect("an archive");
    let member = archive.get("a/data.pkl").expect("there");
    let (start, end) = member.span().expect("stored");
    let range = usize::try_from(start).expect("small")..usize::try_from(end).expect("small");
    assert_eq!(&file[range], b"pickle");
    let big = archive.get("a/data/0").expect("there");
    assert_eq!((big.method, big.length), (Method::Deflated, text.len() as u64));
    assert!(big.span().is_none());
    assert!(archive.get("data.pkl").is_none());
    let all: Vec<_> = archive
        .members()
        .iter()
        .map(|member| member.name.as_str())
        .collect();
    assert_eq!(all, ["a/data.pkl", "a/data/0", "empty"]);
    let mut read = Vec::new();
    big.stream(&input, &mut |piece| {
        assert!(piece.len() <= 256 << 10);
        read.extend_from_slice(piece);
        Ok(())
    })
    .expect("streams");
    assert_eq!(read, text);
}

#[test]
fn folders_and_a_comment_are_no_members() {
    let end = End {
        comment: b"made by hand",
        ..End::default()
    };
    let file = write_with(&[stored("a/", b""), stored("a/b", b"x")], end);
    assert_eq!(
        read(file).expect("reads"),
        [("a/b".to_owned(), Bytes::from_static(b"x"))]
    );
    assert_eq!(read(write(&[])).expect("an empty archive"), []);
}

#[test]
fn sizes_behind_the_data_are_compared() {
    let late = |descriptor: Vec<u8>| {
        let mut file = stored("a", b"data");
        file.flags |= 8;
        (file.local_crc, file.local_length) = (0, 0);
        file.descriptor = descriptor;
        write(&[file, stored("b", b"")])
    };
    let (sum, four) = (crc(b"data").to_le_bytes(), 4_u32.to_le_bytes());
    let long = 4_u64.to_le_bytes();
    let signature: &[u8] = b"PK\x07\x08";
    for sound in [
        [signature, &sum, &four, &four].concat(),
        [&sum[..], &four, &four].concat(),
        [signature, &sum, &long, &long].concat(),
        [&sum[..], &long, &long].concat(),
    ] {
        assert_eq!(read(late(sound)).expect("reads").len(), 2);
    }
    let lying = [signature, &sum, &four, &5_u32.to_le_bytes()].concat();
    assert_refused(late(lying), "other than its data descriptor");
    assert_refused(late(Vec::new()), "other than its data descriptor");
}

/// An archive of one member whose sizes are in 64-bit fields, as are those of the end record.
fn zip64(entries: u64, start: impl Fn(u64) -> u64) -> Vec<u8> {
    let wide = [&[1, 0, 16, 0][..], &4_u64.to_le_bytes(), &4_u64.to_le_bytes()].concat();
    let member = Member {
        extra: wide,
        stored: u32::MAX,
        length: u32::MAX,
        local_length: u32::MAX,
        ..stored("a", b"data")
    };
    let short = write(&[member]);
    let mut file = short[..short.len() - 22].to_vec();
    let directory: u64 = 30 + 1 + 20 + 4;
    let end = file.len() as u64;
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([45, 0, 45, 0]);
    for number in [0, entries, entries, end - directory, start(directory)] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(end.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend(end_record(u16::MAX, u32::MAX, u32::MAX, b""));
    file
}

#[test]
fn sizes_of_64_bits_are_read() {
    let members = read(zip64(1, |start| start)).expect("reads");
    assert_eq!(members, [("a".to_owned(), Bytes::from_static(b"data"))]);
    assert_refused(zip64(2, |start| start), "the entries that its end record states");
    assert_refused(
        zip64(u64::MAX, |start| start),
        "the entries that its end record states",
    );
    assert_refused(zip64(1, |start| start + 1), "does not reach to its end record");
    assert_refused(zip64(1, |_| u64::MAX), "does not reach to its end record");
}

#[test]
fn two_end_records_are_refused() {
    let honest = write(&[stored("a", b"1")]);
    let second = end_record(0, 0, u32::try_from(honest.len()).expect("small"), b"");
    let end = End {
        comment: &second,
        ..End::default()
    };
    assert_refused(write_with(&[stored("a", b"1")], end), "two end records");
    let differing = end_record(0, 0, 0, b"");
    let mut wide = zip64(1, |start| start);
    let at = wide.len() - 22;
    wide[at..].copy_from_slice(&differing);
    assert_refused(wide, "two end records of the zip differ");
}

#[test]
fn an_archive_inside_a_member_is_data() {
    let inner = write(&[stored("a", b"1")]);
    let members = read(write(&[stored("inner.zip", &inner)])).expect("reads");
    assert_eq!(members, [("inner.zip".to_owned(), Bytes::from(inner))]);
}

#[test]
fn duplicate_members_are_refused() {
    assert_refused(
        write(&[stored("a", b"1"), stored("a", b"2")]),
        "two members named \"a\"",
    );
}

#[test]
fn overlapping_members_are_refused() {
    // Both entries name one local header: the bomb of David Fifield.
    let mut second = stored("a", b"1");
    second.offset = Some(0);
    assert_refused(write(&[stored("a", b"1"), second]), "overlaps");
    let mut long = stored("a", b"1");
    (long.stored, long.length, long.local_length) = (40, 40, 40);
    assert_refused(write(&[long, stored("b", b"2")]), "overlaps what follows it");
    let mut last = stored("a", b"1");
    (last.stored, last.length, last.local_length) = (40, 40, 40);
    assert_refused(write(&[last]), "overlaps what follows it");
}

type Change = fn(&mut Member);

#[test]
fn differing_local_headers_are_refused() {
    let cases: [(&str, Change); 4] = [
        ("another name in its local header", |member| {
            member.local_name = b"b".to_vec();
        }),
        ("another method in its local header", |member| {
            member.local_method = 8;
        }),
        ("another CRC-32 in its local header", |member| {
            member.local_crc ^= 1;
        }),
        ("another length in its local header", |member| {
            member.local_length += 1;
        }),
    ];
    for (part, change) in cases {
        let mut member = stored("a", b"1");
        change(&mut member);
        assert_refused(write(&[member]), part);
    }
}

#[test]
fn polyglots_are_refused() {
    let member = [stored("a", b"1")];
    let with = |end: End| write_with(&member, end);
    let pickle = b"\x80\x02}q\0.";
    assert_refused(
        with(End {
            prefix: pickle,
            ..End::default()
        }),
        "bytes before it that belong to no member",
    );
    assert_refused(
        with(End {
            gap: pickle,
            ..End::default()
        }),
        "belong to neither",
    );
    assert_refused(
        with(End {
            after: pickle,
            ..End::default()
        }),
        "bytes follow the end record",
    );
    let mut second = stored("b", b"2");
    second.before = pickle.to_vec();
    assert_refused(write(&[stored("a", b"1"), second]), "belong to no member");
}

#[test]
fn names_that_escape_are_refused() {
    for name in [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "\\\\host\\a",
        "a\\..\\..\\b",
        "C:/a",
        "..",
        "",
    ] {
        assert!(
            refusal(write(&[stored(name, b"1")])).contains("the name b\""),
            "{name}"
        );
    }
    assert_refused(write(&[stored("a\0b", b"1")]), "NUL byte");
    let mut bytes = stored("a", b"1");
    bytes.name = b"\x1b[2J\xff".to_vec();
    let message = refusal(write(&[bytes]));
    assert!(
        message.contains(r"\x1b[2J\xff") && message.contains("not UTF-8"),
        "{message}"
    );
    let mut unmarked = stored("é", b"1");
    unmarked.flags = 0;
    assert_refused(write(&[unmarked]), "not marked as UTF-8");
}

#[test]
fn links_encryption_and_unknown_methods_are_refused() {
    let changed = |change: fn(&mut Member)| {
        let mut member = stored("a", b"1");
        change(&mut member);
        read(write(&[member])).expect_err("must be refused")
    };
    assert!(
        changed(|member| member.attributes = 0o120_777 << 16)
            .message
            .contains("symbolic link")
    );
    let encrypted = changed(|member| member.flags |= 1);
    assert!(encrypted.unsupported && encrypted.message.contains("encrypted"));
    let method = changed(|member| (member.method, member.local_method) = (12, 12));
    assert!(method.unsupported && method.message.contains("method"));
}

#[test]
fn zip_bombs_end_at_the_stated_length() {
    let zeros = vec![0; 1 << 20];
    let mut bomb = deflated("a", &zeros);
    (bomb.length, bomb.local_length) = (10, 10);
    assert_refused(write(&[bomb]), "decompresses to more than the zip states");
    let mut short = deflated("a", &zeros);
    (short.length, short.local_length) = (1 << 20 | 1, 1 << 20 | 1);
    let input = Bytes::from(write(&[short]));
    let archive = Archive::read(&input).expect("an archive");
    let member = archive.get("a").expect("there");
    let error = member.bytes(&input, u64::MAX).expect_err("must be refused");
    assert!(error.message.contains("less than the zip states"), "{error}");
    let error = member.bytes(&input, 1 << 20).expect_err("must be refused");
    assert!(
        error.unsupported && error.message.contains("too large"),
        "{error}"
    );
}

#[test]
fn broken_data_is_refused() {
    let mut wrong = stored("a", b"1");
    (wrong.crc, wrong.local_crc) = (7, 7);
    assert_refused(write(&[wrong]), "CRC-32 that the zip states");
    let cut = |length: usize, extra: &[u8]| {
        let mut member = deflated("a", b"words words words");
        member.data.truncate(length);
        member.data.extend(extra);
        member.stored = u32::try_from(member.data.len()).expect("small");
        write(&[member])
    };
    assert_refused(cut(3, b""), "ends inside its deflate data");
    assert_refused(cut(100, b"more"), "bytes behind its deflate data");
    assert_refused(cut(0, b"\xff\xff\xff"), "not valid deflate data");
}

#[test]
fn huge_counts_reserve_nothing() {
    let more = |more_entries, more_length| {
        let end = End {
            more_entries,
            more_length,
            ..End::default()
        };
        write_with(&[stored("a", b"1")], end)
    };
    assert_refused(more(60_000, 0), "the entries that its end record states");
    assert_refused(more(0, u32::MAX / 2), "does not reach to its end record");
}

#[test]
fn cut_files_are_refused() {
    let file = write(&[stored("a", b"1"), deflated("b", b"2")]);
    for length in 0..file.len() {
        assert!(read(file[..length].to_vec()).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(at in 0_usize..1000, value: u8, other in 0_usize..1000, second: u8) {
        let mut file = write(&[stored("a/data.pkl", b"pickle"), deflated("a/data/0", &[7; 300]), stored("c", b"")]);
        let length = file.len();
        file[at % length] = value;
        file[other % length] ^= second;
        // Either it is refused, or what it yields has the stated sizes.
        if let Ok(members) = read(file) {
            prop_assert!(members.iter().all(|(_, bytes)| bytes.len() <= 1 << 20));
        }
    }
}
