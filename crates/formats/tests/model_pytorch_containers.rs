//! The containers of checkpoints, zips, stacked storages and tars, that lie: refused by name.

#[path = "model_files/support.rs"]
mod files;
#[path = "pickle/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::model::pytorch::recognise;
use support::{
    Pickle, View, assert_refused, dictionary, listing, refusal, stacked, start, tarred, view, zip, zipped,
};

#[test]
fn zip_bombs_are_refused() {
    // A deflated storage that is named by many tensors is decompressed for each.
    let zeros = vec![0; 8 << 20];
    let numel = i64::try_from(zeros.len() / 4).expect("small");
    let mut pickle = Pickle::new().raw(b"](");
    for offset in 0..200 {
        pickle = pickle.tensor(&view(numel, offset, &[2], &[1]));
    }
    let members = [
        zip::stored("a/data.pkl", &pickle.raw(b"e").end()),
        zip::deflated("a/data/0", &zeros),
    ];
    let error = refusal(&Bytes::from(zip::write(&members)));
    assert!(
        error.unsupported && error.message.contains("too large for the size of the file"),
        "{error}"
    );
    // A strided view needs all of it in memory.
    let zeros = vec![0; 24 << 20];
    let numel = i64::try_from(zeros.len() / 4).expect("small");
    let members = [
        zip::stored("a/data.pkl", &dictionary(&view(numel, 0, &[4], &[2]))),
        zip::deflated("a/data/0", &zeros),
    ];
    let error = refusal(&Bytes::from(zip::write(&members)));
    assert!(
        error.unsupported && error.message.contains("too large to be held in memory"),
        "{error}"
    );
    // So does the pickle.
    let text = Pickle::new().text(&"a".repeat(60 << 20)).end();
    let error = refusal(&Bytes::from(zip::write(&[zip::deflated("a/data.pkl", &text)])));
    assert!(
        error.unsupported && error.message.contains("too large to be held in memory"),
        "{error}"
    );
}

#[test]
fn storages_of_another_size_are_refused() {
    let pickle = dictionary(&view(4, 0, &[4], &[1]));
    assert_refused(&zipped(&pickle, &[&[0; 12]]), "another size than its storage");
    assert_refused(&zipped(&pickle, &[&[0; 20]]), "another size than its storage");
    assert_refused(&zipped(&pickle, &[]), "is not in the file");
    let other = View {
        kind: "LongStorage",
        ..view(2, 0, &[2], &[1])
    };
    let two = Pickle::new()
        .raw(b"](")
        .tensor(&view(4, 0, &[4], &[1]))
        .tensor(&other)
        .raw(b"e")
        .end();
    assert_refused(&zipped(&two, &[&[0; 16]]), "twice, with different types or sizes");
}

#[test]
fn names_that_appear_twice_are_refused() {
    let tensor = view(4, 0, &[4], &[1]);
    let twice = |keys: [&str; 2]| {
        let pickle = keys.iter().fold(Pickle::new().raw(b"}"), |pickle, key| {
            pickle.text(key).tensor(&tensor).raw(b"s")
        });
        zipped(&pickle.end(), &[&[0; 16]])
    };
    assert_refused(&twice(["a", "a"]), "set twice in one dictionary");
    let hidden = Pickle::new()
        .raw(b"}")
        .text("a")
        .tensor(&tensor)
        .raw(b"s")
        .text("a")
        .raw(b"Ns")
        .end();
    assert_refused(&zipped(&hidden, &[&[0; 16]]), "set twice in one dictionary");
    let numbers = Pickle::new()
        .raw(b"}")
        .int(1)
        .tensor(&tensor)
        .raw(b"s\x88Ns")
        .end();
    assert_refused(&zipped(&numbers, &[&[0; 16]]), "set twice in one dictionary");
    let dotted = Pickle::new().raw(b"}").text("a.b").tensor(&tensor).raw(b"s");
    let dotted = dotted
        .text("a")
        .raw(b"}")
        .text("b")
        .tensor(&tensor)
        .raw(b"ss")
        .end();
    assert_refused(&zipped(&dotted, &[&[0; 16]]), "stands for two tensors");
}

#[test]
fn two_folders_in_a_zip_are_refused() {
    let pickle = dictionary(&view(4, 0, &[4], &[1]));
    let other = [
        zip::stored("b/data.pkl", &pickle),
        zip::stored("b/data/0", &[0; 16]),
        zip::stored("a/data.pkl", &pickle),
        zip::stored("a/data/0", &[1; 16]),
    ];
    assert_refused(
        &Bytes::from(zip::write(&other)),
        "two folders of the zip could be the checkpoint",
    );
    let order = zip::stored("a/byteorder", b"middle");
    let members = [zip::stored("a/data.pkl", &pickle), order];
    assert_refused(
        &Bytes::from(zip::write(&members)),
        "the byte order is neither of the two",
    );
    assert_refused(
        &Bytes::from(zip::write(&[zip::stored("a/b/data.pkl", &pickle)])),
        "no data.pkl directly below",
    );
}

#[test]
fn lies_about_stacked_storages_are_refused() {
    let pickle = dictionary(&view(4, 0, &[4], &[1]));
    let storage = [&4_u64.to_le_bytes()[..], &[0; 16]].concat();
    assert_eq!(listing(&stacked(&pickle, &["0"], &storage)).tensors.len(), 1);
    let numel = |numel: u64| [&numel.to_le_bytes()[..], &[0; 16]].concat();
    assert_refused(&stacked(&pickle, &["0"], &numel(5)), "another number of elements");
    assert_refused(
        &stacked(&pickle, &["0"], &storage[..20]),
        "beyond the end of the file",
    );
    assert_refused(&stacked(&pickle, &["0"], b""), "outside the file");
    assert_refused(&stacked(&pickle, &["1"], &storage), "named twice, or by no part");
    assert_refused(
        &stacked(&pickle, &["0", "0"], &storage),
        "named twice, or by no part",
    );
    assert_refused(&stacked(&pickle, &[], b""), "is not in the file");
    assert_refused(
        &stacked(
            &pickle,
            &["0"],
            &[storage.clone(), b"PK\x03\x04".to_vec()].concat(),
        ),
        "bytes follow",
    );
    let huge = dictionary(&view(1 << 62, 0, &[4], &[1]));
    assert_refused(
        &stacked(&huge, &["0"], &numel(1 << 62)),
        "beyond the end of the file",
    );
    let version = [&start()[..15], b"\x80\x02M\xea\x03."].concat();
    assert!(recognise(&version));
    assert_refused(&Bytes::from(version), "unknown protocol version");
}

#[test]
fn views_of_stacked_storages_are_checked() {
    let part = |offset: i64, size: i64| {
        let pickle = Pickle::new().global("torch._utils", "_rebuild_tensor").raw(b"((");
        let pickle = pickle
            .text("storage")
            .global("torch", "FloatStorage")
            .text("0")
            .text("cpu");
        let pickle = pickle
            .int(4)
            .raw(b"(")
            .text("1")
            .int(offset)
            .int(size)
            .raw(b"ttQ");
        let pickle = pickle.int(0).int(2).raw(b"\x85").int(1).raw(b"\x85tR").end();
        stacked(&pickle, &["0"], &[&4_u64.to_le_bytes()[..], &[0; 16]].concat())
    };
    assert_eq!(listing(&part(2, 2)).tensors[0].shape, [2]);
    assert_refused(&part(2, 1), "beyond the part of the storage");
    assert_refused(&part(3, 2), "beyond the part of the storage");
    assert_refused(&part(i64::MAX, 2), "beyond the part of the storage");
}

#[test]
fn lies_of_tars_are_refused() {
    let end = [0; 1024];
    let tar = |parts: &[Vec<u8>]| Bytes::from([parts.concat(), end.to_vec()].concat());
    assert_refused(&tar(&[tarred("pickle", b'0', 1 << 32, b"")]), "cut off");
    assert_refused(&tar(&[tarred("storages", b'1', 0, b"")]), "is a link");
    assert_refused(&tar(&[tarred("storages", b'2', 0, b"")]), "is a link");
    let twice = tarred("pickle", b'0', 1, b"N");
    assert_refused(&tar(&[twice.clone(), twice]), "a second time");
    let escape = tarred("../storages", b'0', 0, b"");
    assert_refused(
        &tar(&[tarred("pickle", b'0', 0, b""), escape]),
        "no path below the root",
    );
    let pax = b"20 path=../storages\n";
    let renamed = tarred("x", b'x', 20, pax);
    assert_refused(
        &tar(&[renamed, tarred("pickle", b'0', 0, b"")]),
        "no path below the root",
    );
    assert_refused(&tar(&[tarred("pickle", b'0', 0, b"")]), "no file named storages");
    let empty = [&b"\x80\x02K\0.\x80\x02]."[..], b"\x80\x02K\0."];
    let honest = [
        tarred("storages", b'0', 10, empty[0]),
        tarred("tensors", b'0', 5, empty[1]),
        tarred("pickle", b'0', 4, b"\x80\x02}."),
    ];
    assert_eq!(listing(&tar(&honest)).tensors.len(), 0);
    let mut second = tar(&honest).to_vec();
    second.extend(&honest[0]);
    assert_refused(&Bytes::from(second), "bytes other than zero follow");
    let many = [tarred(
        "storages",
        b'0',
        13,
        b"\x80\x02J\xff\xff\xff\x7f.\0\0\0\0\0",
    )];
    assert_refused(&tar(&[&many[..], &honest[1..]].concat()), "the pickle");
}

#[test]
fn a_pickle_alone_is_refused() {
    assert_refused(
        &Bytes::from(dictionary(&view(4, 0, &[4], &[1]))),
        "no checkpoint of PyTorch",
    );
    assert_refused(&Bytes::new(), "no checkpoint of PyTorch");
}
