//! Checkpoints of PyTorch, as PyTorch writes them.

#[path = "model_files/support.rs"]
mod files;
#[path = "pickle/support.rs"]
mod support;

use bytes::Bytes;
use files::{bytes, check, elements, expected};
use lineaprint_formats::archive::zip::Archive;
use lineaprint_formats::model::listing::{Elements, Listing};
use lineaprint_formats::model::pytorch::{read, recognise, root};
use support::{Pickle, dictionary, view, zip, zipped};

fn listing(file: &str) -> Listing {
    read(&bytes("pytorch", file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn spans(listing: &Listing) -> Vec<&str> {
    let all = listing.tensors.iter();
    all.filter(|tensor| matches!(tensor.elements, Elements::InPlace { .. }))
        .map(|tensor| tensor.name.as_str())
        .collect()
}

#[test]
fn files_of_pytorch_have_the_tensors_that_pytorch_reads() {
    let files = expected("pytorch");
    assert!(files.len() > 20);
    for file in files {
        check("pytorch", read, &file);
    }
}

#[test]
fn files_are_recognised_by_their_content() {
    for file in expected("pytorch") {
        let name = file["file"].as_str().expect("a name");
        let input = bytes("pytorch", name);
        let is_zip = input.starts_with(b"PK");
        assert_eq!(recognise(&input[..input.len().min(4096)]), !is_zip, "{name}");
        if is_zip {
            let archive = Archive::read(&input).expect("an archive");
            let stem = name.split('.').next();
            assert_eq!(
                root(archive.names()).map(|root| root.split('.').next()),
                Some(stem),
                "{name}"
            );
        }
    }
    assert!(!recognise(b"\x80\x02}q\0."));
    let keras = zip::write(&[zip::stored("config.json", b"{}")]);
    assert!(root(Archive::read(&Bytes::from(keras)).expect("an archive").names()).is_none());
}

#[test]
fn tensors_in_one_piece_are_not_decoded() {
    let whole = ["whole", "row", "scalar", "scalar.of.view", "one", "tail"];
    assert_eq!(spans(&listing("views.pt")), whole);
    assert_eq!(spans(&listing("views.legacy.pt")), whole);
    assert_eq!(spans(&listing("views.deflated.pt")), [""; 0]);
    // Bytes have no order.
    assert_eq!(spans(&listing("views.big.pt")), ["tail"]);
    assert_eq!(spans(&listing("complex.pt")), ["plain"]);
    assert_eq!(spans(&listing("dtypes.pt")).len(), 21);
    assert_eq!(spans(&listing("old.tar.pt")), ["w", "n", "again"]);
}

#[test]
fn names_that_share_a_storage_are_reported() {
    for file in ["tied.pt", "tied.legacy.pt", "tied.deflated.pt", "tied.big.pt"] {
        assert_eq!(listing(file).shared, [["embed", "head", "part"]], "{file}");
    }
    assert_eq!(listing("old.tar.pt").shared, [["w", "again", "t"]]);
    assert_eq!(listing("dtypes.pt").shared, [[""; 0]; 0]);
}

#[test]
fn every_global_is_in_the_remarks() {
    let tied = listing("tied.pt").remarks;
    assert_eq!(tied.len(), 1);
    assert_eq!(
        tied[0],
        "The pickle names these globals, none of which was imported or called: collections.OrderedDict, \
         torch.FloatStorage, torch._utils._rebuild_tensor_v2."
    );
    let module = listing("module.pt").remarks;
    assert!(module[0].contains("somewhere.Inner"), "{module:?}");
    assert!(module[1].contains("runs code of these") && module[1].contains("somewhere.Inner"));
    assert!(module[2].contains("4 modules as objects"), "{module:?}");
    let big = listing("tied.big.pt").remarks;
    assert!(big.iter().any(|remark| remark.contains("big-endian")), "{big:?}");
    let script = listing("script.pt").remarks;
    assert!(
        script.iter().any(|remark| remark.contains("TorchScript")),
        "{script:?}"
    );
}

#[test]
fn tensors_that_are_not_read_are_named() {
    let listed = listing("not-dense.pt");
    let reasons: Vec<&str> = listed.not_read.iter().map(|part| part.reason.as_str()).collect();
    for (reason, part) in reasons
        .iter()
        .zip(["quantised", "sparse", "sparse", "meta", "nested", "dtype"])
    {
        assert!(reason.contains(part), "{reason}");
    }
    let incomplete = listed.incomplete.expect("no weights");
    assert!(incomplete.starts_with("6 tensors are not read"), "{incomplete}");
    let frozen = listing("frozen.pt");
    assert!(
        frozen
            .incomplete
            .is_some_and(|why| why.contains("constants.pkl/0"))
    );
}

/// A storage of 32-bit numbers, each its own index.
fn counted(numel: u32) -> Vec<u8> {
    (0..numel).flat_map(u32::to_le_bytes).collect()
}

/// Gather the numbers of a view of a counted storage.
fn gathered(offset: i64, size: &[i64], stride: &[i64]) -> Vec<u8> {
    let mut numbers = vec![offset];
    for (length, stride) in size.iter().zip(stride) {
        let next = numbers
            .iter()
            .flat_map(|start| (0..*length).map(move |index| start + index * stride));
        numbers = next.collect();
    }
    let number = |number: i64| u32::try_from(number).expect("small").to_le_bytes();
    numbers.into_iter().flat_map(number).collect()
}

#[test]
fn large_views_are_gathered_block_by_block() {
    // 24 MB: larger than a block, a window, and what is read in one piece.
    let numel = 6_000_000;
    let storage = counted(6_000_000);
    let views: [(i64, &[i64], &[i64]); 9] = [
        (0, &[3000, 2000], &[1, 3000]),
        (0, &[2, 3_000_000], &[1, 2]),
        (0, &[3_000_000, 2], &[1, 3_000_000]),
        (7, &[1000, 999], &[6000, 5]),
        (0, &[100, 200, 300], &[1, 30_000, 100]),
        (5, &[50, 3, 2000], &[2000, 0, 1]),
        (0, &[2_500_000, 2], &[0, 1]),
        (1, &[2, 2_500_000], &[1, 0]),
        (0, &[1500, 1500], &[1, 1]),
    ];
    for (offset, size, stride) in views {
        let input = zipped(&dictionary(&view(numel, offset, size, stride)), &[&storage]);
        let listed = read(&input).expect("reads");
        let bytes = elements(&listed.tensors[0], &input, &|_| Bytes::new()).expect("gathers");
        assert!(bytes == gathered(offset, size, stride), "{size:?} {stride:?}");
    }
}

#[test]
fn pieces_are_at_most_a_mebibyte() {
    let storage = counted(600_000);
    for (size, stride) in [([600_000, 1], [1, 1]), ([1000, 600], [1, 1000])] {
        let pickle = dictionary(&view(600_000, 0, &size, &stride));
        let members = [
            zip::stored("a/data.pkl", &pickle),
            zip::deflated("a/data/0", &storage),
        ];
        let input = Bytes::from(zip::write(&members));
        let listed = read(&input).expect("reads");
        let Elements::Decoded(decode) = &listed.tensors[0].elements else {
            panic!("{:?}", listed.tensors[0]);
        };
        let mut all = Vec::new();
        decode
            .decode(&input, &mut |piece| {
                assert!(!piece.is_empty() && piece.len() <= 1 << 20);
                all.extend_from_slice(piece);
                Ok(())
            })
            .expect("decodes");
        assert!(all == gathered(0, &size, &stride));
        let stop = decode.decode(&input, &mut |_| {
            Err(lineaprint_formats::FormatError::new("enough"))
        });
        assert_eq!(stop.expect_err("stops").message, "enough");
    }
}

#[test]
fn a_flipped_bit_in_a_compressed_storage_is_found() {
    let storage = counted(1000);
    let mut member = zip::deflated("a/data/0", &storage);
    (member.crc, member.local_crc) = (1, 1);
    let members = [
        zip::stored("a/data.pkl", &dictionary(&view(1000, 10, &[5], &[1]))),
        member,
    ];
    let input = Bytes::from(zip::write(&members));
    let listed = read(&input).expect("lists");
    let error = elements(&listed.tensors[0], &input, &|_| Bytes::new()).expect_err("is refused");
    assert!(error.message.contains("CRC-32"), "{error}");
}

#[test]
fn objects_beyond_a_thousand_are_counted() {
    let numbers = (0..1500)
        .fold(Pickle::new().raw(b"]("), Pickle::int)
        .raw(b"e")
        .end();
    let listed = read(&zipped(&numbers, &[])).expect("reads");
    assert_eq!(listed.not_read.len(), 1000);
    assert_eq!(listed.remarks, ["500 more objects are no tensors."]);
}

#[test]
fn dictionaries_of_python_2_are_read() {
    let tensor = view(4, 0, &[4], &[1]);
    let pickle = Pickle::new()
        .global("collections", "OrderedDict")
        .raw(b"]]U\x01aa")
        .raw(b"q\x01");
    let pickle = pickle.tensor(&tensor).raw(b"aa\x85R").end();
    let listed = read(&zipped(&pickle, &[&[0; 16]])).expect("reads");
    assert_eq!(listed.tensors[0].name, "a");
}
