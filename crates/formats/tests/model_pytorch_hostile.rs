//! Pickles that lie: refused by name, or read without doing what they ask.

#[path = "model_files/support.rs"]
mod files;
#[path = "pickle/support.rs"]
mod support;

use bytes::Bytes;
use files::{bytes, check_any, mutate};
use lineaprint_formats::model::pytorch::read;
use proptest::prelude::*;
use support::{Pickle, View, assert_refused, dictionary, listing, refusal, stacked, view, zipped};

#[track_caller]
fn assert_view_refused(view: &View, part: &str) {
    let error = refusal(&zipped(&dictionary(view), &[&[0; 16]]));
    assert!(error.message.contains(part), "{error}");
    assert_eq!(error.tensor.as_deref(), Some("a"), "{error}");
}

#[test]
fn an_honest_file_is_read() {
    let listed = listing(&zipped(&dictionary(&view(4, 0, &[2, 2], &[2, 1])), &[&[0; 16]]));
    assert_eq!(listed.tensors.len(), 1);
    assert!(listed.incomplete.is_none());
}

#[test]
fn calls_are_listed_and_not_made() {
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("torch", "load"),
        ("webbrowser", "open"),
    ] {
        let pickle = Pickle::new()
            .raw(b"}")
            .text("a")
            .tensor(&view(4, 0, &[4], &[1]))
            .raw(b"s");
        let pickle = pickle
            .text("b")
            .call(module, name, "touch executed")
            .raw(b"s")
            .end();
        let listed = listing(&zipped(&pickle, &[&[0; 16]]));
        let global = format!("{module}.{name}");
        assert!(listed.remarks.iter().all(|remark| !remark.contains("safe")));
        assert!(listed.remarks[0].contains(&global), "{:?}", listed.remarks);
        assert!(listed.remarks[1].contains("runs code of these") && listed.remarks[1].contains(&global));
        assert_eq!(listed.not_read[0].name, "b");
        assert!(
            listed.not_read[0].reason.contains(&global),
            "{:?}",
            listed.not_read
        );
        assert_eq!(listed.tensors.len(), 1);
    }
    assert!(!std::path::Path::new("executed").exists());
}

#[test]
fn chains_of_getattr_are_listed() {
    // getattr(getattr(builtins, '__import__')('os'), 'system')('id'), as STACK_GLOBAL and as GLOBAL.
    let pickle = Pickle::new()
        .global("builtins", "getattr")
        .global("builtins", "getattr")
        .global("builtins", "__import__")
        .text("os")
        .raw(b"\x85R")
        .text("system")
        .raw(b"\x86R")
        .text("__call__")
        .raw(b"\x86R")
        .text("id")
        .raw(b"\x85R")
        .text("posix")
        .text("system")
        .raw(b"\x930");
    let listed = listing(&zipped(&pickle.end(), &[]));
    for global in ["builtins.getattr", "builtins.__import__", "posix.system"] {
        assert!(listed.remarks[0].contains(global), "{:?}", listed.remarks);
    }
    assert!(
        listed.not_read[0]
            .reason
            .contains("something that the pickle made")
    );
}

#[test]
fn a_state_that_runs_code_is_listed() {
    // Objects by every instruction that makes one: REDUCE and BUILD, INST, OBJ, NEWOBJ, NEWOBJ_EX.
    let made = [
        Pickle::new().global("evil", "Thing").raw(b")R}b"),
        Pickle::new().raw(b"(ievil\nThing\n"),
        Pickle::new().raw(b"(").global("evil", "Thing").raw(b"o"),
        Pickle::new().global("evil", "Thing").raw(b")\x81"),
        Pickle::new().global("evil", "Thing").raw(b")}\x92"),
    ];
    for pickle in made {
        let listed = listing(&zipped(&pickle.end(), &[]));
        assert!(listed.remarks[1].contains("evil.Thing"), "{:?}", listed.remarks);
        assert!(listed.not_read[0].reason.contains("an object of evil.Thing"));
    }
}

#[test]
fn names_of_globals_are_escaped() {
    let listed = listing(&zipped(
        &Pickle::new().global("\x1b[2J", "a").raw(b")R").end(),
        &[],
    ));
    assert!(listed.remarks[0].contains(r"\u{1b}[2J.a"), "{:?}", listed.remarks);
    assert!(listed.remarks.iter().all(|remark| !remark.contains('\x1b')));
    assert!(listed.not_read.iter().all(|part| !part.reason.contains('\x1b')));
}

#[test]
fn memo_bombs_are_refused() {
    // Each list holds the one before twice: 2^60 paths.
    let mut pickle = Pickle::new().raw(b"]q\0");
    for level in 1..60_u8 {
        pickle = pickle.raw(&[b']', b'q', level, b'h', level - 1, b'a', b'h', level - 1, b'a']);
    }
    let error = refusal(&zipped(&pickle.end(), &[]));
    assert!(
        error.unsupported && error.message.contains("too many for the size"),
        "{error}"
    );
}

#[test]
fn one_tensor_under_a_million_names_is_refused() {
    // Ten tensors in a list, ten times that list in a list, and so on.
    let mut pickle = Pickle::new().raw(b"]q\0(");
    pickle = pickle
        .tensor(&view(4, 0, &[4], &[1]))
        .raw(b"q\x01")
        .raw(&b"h\x01".repeat(9))
        .raw(b"e0");
    for level in 2..9_u8 {
        let inner = if level == 2 { 0 } else { level - 1 };
        let ten = [b'h', inner].repeat(10);
        pickle = pickle.raw(&[b']', b'q', level, b'(']).raw(&ten).raw(b"e0");
    }
    let error = refusal(&zipped(&pickle.raw(b"h\x08").end(), &[&[0; 16]]));
    assert!(error.message.contains("too many for the size"), "{error}");
}

#[test]
fn very_many_tiny_tensors_in_a_short_file_are_read() {
    const COUNT: i64 = 60_000;
    let mut pickle = b"\x80\x02}(".to_vec();
    for index in 0..COUNT {
        let name = index.to_string();
        // Appended to one vector: the builder copies what it has.
        let entry = Pickle::new().text(&name).tensor(&view(COUNT, index, &[1], &[1]));
        pickle.extend(&entry.end()[2..]);
        pickle.pop();
    }
    pickle.extend(b"u.");
    let storage = vec![1; usize::try_from(COUNT * 4).expect("small")];
    assert_eq!(listing(&zipped(&pickle, &[&storage])).tensors.len(), 60_000);
}

#[test]
fn mentions_of_storages_that_are_none_are_refused() {
    let pickle = Pickle::new().raw(&b"NQ".repeat(3 << 20)).end();
    let error = refusal(&zipped(&pickle, &[]));
    assert!(
        error.unsupported && error.message.contains("too many for the size"),
        "{error}"
    );
}

#[test]
fn numbers_of_the_memo_reserve_nothing() {
    let pickle = Pickle::new().raw(b"}r\xff\xff\xff\xffj\xff\xff\xff\xffp4294967294\ng4294967294\n");
    assert_eq!(listing(&zipped(&pickle.end(), &[])).tensors.len(), 0);
    assert_refused(
        &zipped(&Pickle::new().raw(b"j\xff\xff\xff\x7f").end(), &[]),
        "not in its memo",
    );
    assert_refused(
        &zipped(&Pickle::new().raw(b"g-1\n").end(), &[]),
        "malformed number",
    );
}

#[test]
fn stacks_of_one_byte_each_are_refused() {
    for code in [b'N', b'(', b']', b'}', b'2'] {
        let pickle = Pickle::new().raw(b"N").raw(&[code].repeat(8 << 20)).end();
        let error = refusal(&zipped(&pickle, &[]));
        assert!(
            error.unsupported && error.message.contains("too many for the size"),
            "{code}: {error}"
        );
    }
}

#[test]
fn huge_lengths_are_refused() {
    let lengths: [&[u8]; 7] = [
        b"X\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"T\xff\xff\xff\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\xff",
    ];
    for length in lengths {
        assert_refused(
            &zipped(&Pickle::new().raw(length).end(), &[]),
            "ends before its last instruction",
        );
        let file = stacked(&Pickle::new().raw(length).end(), &[], b"");
        assert_refused(&file, "the file ends inside a pickle");
    }
}

#[test]
fn deep_and_endless_nesting_is_refused() {
    let deep = Pickle::new()
        .raw(&b"]".repeat(100_000))
        .raw(&b"a".repeat(99_999))
        .end();
    assert_refused(&zipped(&deep, &[]), "nested deeper");
    let endless = Pickle::new().raw(b"]q\0h\0a").end();
    assert_refused(&zipped(&endless, &[]), "nested deeper");
    let mut wrapped = Pickle::new().raw(b"N");
    for _ in 0..100_000 {
        wrapped = Pickle(wrapped.0).raw(b"\x85");
    }
    assert_refused(&zipped(&wrapped.end(), &[]), "nested deeper");
}

#[test]
fn deep_wrapping_is_refused() {
    let mut pickle = Pickle::new();
    for _ in 0..100_000 {
        pickle = pickle.global("torch._utils", "_rebuild_parameter");
    }
    pickle = pickle.tensor(&view(4, 0, &[4], &[1]));
    for _ in 0..100_000 {
        pickle = pickle.raw(b"\x89N\x87R");
    }
    assert_refused(&zipped(&pickle.end(), &[&[0; 16]]), "wrapped too often");
    let mut tagged = Pickle::new();
    for _ in 0..100_000 {
        tagged = tagged.global("torch.jit._pickle", "restore_type_tag");
    }
    tagged = tagged.raw(b"]").raw(&b"N\x86R".repeat(100_000));
    assert_eq!(listing(&zipped(&tagged.end(), &[])).tensors.len(), 0);
}

#[test]
fn storages_out_of_range_are_refused() {
    assert_view_refused(&view(4, 1, &[4], &[1]), "reaches beyond its storage");
    assert_view_refused(&view(4, 0, &[2, 2], &[3, 1]), "reaches beyond its storage");
    assert_view_refused(&view(4, 5, &[], &[]), "reaches beyond its storage");
    assert_view_refused(&view(4, i64::MAX, &[1], &[1]), "reaches beyond its storage");
    let empty = listing(&zipped(&dictionary(&view(4, i64::MAX, &[0], &[1])), &[&[0; 16]]));
    assert_eq!(empty.tensors[0].shape, [0]);
}

#[test]
fn negative_numbers_are_refused() {
    assert_view_refused(&view(4, 3, &[4], &[-1]), "negative");
    assert_view_refused(&view(4, 0, &[-1], &[1]), "negative");
    assert_view_refused(&view(4, -1, &[1], &[1]), "malformed offset");
    assert_refused(
        &zipped(&dictionary(&view(-4, 0, &[4], &[1])), &[&[0; 16]]),
        "malformed number of elements",
    );
}

#[test]
fn overflow_is_refused() {
    let huge = i64::MAX;
    assert_view_refused(&view(4, 0, &[huge, huge], &[1, 1]), "overflows 64 bits");
    assert_view_refused(&view(4, 0, &[huge], &[0]), "overflows 64 bits");
    assert_view_refused(&view(4, 0, &[4, 2], &[huge, 1]), "overflows 64 bits");
    assert_view_refused(&view(4, huge, &[3], &[huge - 1]), "overflows 64 bits");
    assert_view_refused(&view(4, 0, &[huge, huge, 0], &[1, 1, 1]), "overflows 64 bits");
    assert_refused(
        &zipped(&dictionary(&view(huge, 0, &[4], &[1])), &[&[0; 16]]),
        "another size than its storage",
    );
}

#[test]
fn other_numbers_of_strides_are_refused() {
    assert_view_refused(&view(4, 0, &[4], &[1, 1]), "another number of strides");
    assert_view_refused(&view(4, 0, &[2, 2], &[1]), "another number of strides");
}

#[test]
fn expansions_beyond_the_file_are_refused() {
    let error = refusal(&zipped(&dictionary(&view(4, 0, &[1 << 40], &[0])), &[&[0; 16]]));
    assert!(
        error.unsupported && error.message.contains("too large for the size of the file"),
        "{error}"
    );
}

#[test]
fn names_that_are_not_text_are_refused() {
    let pickle = Pickle::new()
        .raw(b"}X\x02\0\0\0\xff\x1b")
        .tensor(&view(4, 0, &[4], &[1]))
        .raw(b"s")
        .end();
    assert_refused(
        &zipped(&pickle, &[&[0; 16]]),
        r#"the key b"\xff\x1b" is not UTF-8"#,
    );
}

#[test]
fn malformed_pickles_are_refused() {
    let cases: [(&[u8], &str); 14] = [
        (b"\x80\x06.", "unknown protocol 6"),
        (b"\x82\x01.", "registry of extensions"),
        (b"\x84\x01\0\0\0.", "registry of extensions"),
        (b"\x97.", "buffers out of band"),
        (b"\xff.", "unknown instruction 0xff"),
        (b".", "takes a value where there is none"),
        (b"(a.", "takes a value where there is none"),
        (b"t.", "has no mark"),
        (b"N)R.", "calls something that is no object"),
        (b"cos\nsystem\nNR.", "arguments that are no tuple"),
        (b"NN\x93.", "other than text"),
        (b"]Nb.", "sets the state of something that has none"),
        (b"NNa.", "adds to something that takes nothing"),
        (b"}(Nu.", "a key without a value"),
    ];
    for (pickle, part) in cases {
        assert_refused(&zipped(pickle, &[]), part);
    }
    for pickle in [&b"Ix\n."[..], b"Fx\n.", b"S'a\n.", b"V\\u12\n.", b"L1.5L\n."] {
        assert_refused(&zipped(pickle, &[]), "malformed");
    }
}

#[test]
fn older_instructions_are_read() {
    let pickle = b"(dp0\nS'it\\'s \\x41'\np1\n(lp2\nI01\naI-5\naL99999999999999999999L\naF1.5\nasV\\u00e9\ng2\nsV\\U0001f600\nNs.";
    let listed = listing(&zipped(pickle, &[]));
    let names: Vec<&str> = listed.not_read.iter().map(|part| part.name.as_str()).collect();
    let wanted = [
        "it's A.0", "it's A.1", "it's A.2", "it's A.3", "é.0", "é.1", "é.2", "é.3", "😀",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn bytes_behind_the_pickle_are_reported() {
    let pickle = [dictionary(&view(4, 0, &[4], &[1])), b"cos\nsystem\n.".to_vec()].concat();
    let listed = listing(&zipped(&pickle, &[&[0; 16]]));
    assert!(
        listed.remarks[0].starts_with("12 bytes follow the end of the pickle"),
        "{:?}",
        listed.remarks
    );
}

#[test]
fn changed_files_are_answered() {
    for (file, step) in [
        ("tied.pt", 3),
        ("tied.deflated.pt", 2),
        ("tied.legacy.pt", 1),
        ("tied.legacy.protocol-1.pt", 1),
        ("tied.protocol-4.pt", 5),
        ("complex.big.pt", 7),
        ("views.legacy.pt", 11),
        ("old.tar.pt", 29),
        ("script.pt", 13),
        ("module.pt", 11),
        ("checkpoint.pt", 31),
        ("not-dense.pt", 17),
    ] {
        mutate(read, &bytes("pytorch", file), step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pickles_of_any_instructions_are_answered(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(check_any(read, &zipped(&noise, &[&[0; 16]])));
    }

    #[test]
    fn changed_pickles_are_answered(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut pickle = dictionary(&view(4, 0, &[2, 2], &[1, 2]));
        let length = pickle.len();
        for (at, value) in changes {
            pickle[at % length] = value;
        }
        drop(check_any(read, &zipped(&pickle, &[&[0; 16]])));
    }

    #[test]
    fn views_of_any_numbers_are_answered(
        numel in 0_i64..40, offset in -2_i64..40,
        axes in proptest::collection::vec((-1_i64..5, -1_i64..9), 0..5),
    ) {
        let (size, stride): (Vec<i64>, Vec<i64>) = axes.into_iter().unzip();
        let storage: Vec<u8> = (0..u8::try_from(numel * 4).expect("small")).collect();
        let input = zipped(&dictionary(&view(numel, offset, &size, &stride)), &[&storage]);
        let negative = offset < 0 || size.iter().chain(&stride).any(|number| *number < 0);
        let is_empty = size.contains(&0);
        let last = offset + size.iter().zip(&stride).map(|(size, stride)| (size - 1) * stride).sum::<i64>();
        match check_any(read, &input) {
            Ok(listing) => {
                prop_assert!(!negative && (is_empty || last < numel));
                let listed = files::elements(&listing.tensors[0], &input, &|_| Bytes::new()).expect("reads");
                prop_assert_eq!(listed, naive(&storage, offset, &size, &stride));
            }
            Err(_) => prop_assert!(negative || (!is_empty && last >= numel)),
        }
    }
}

/// Gather element by element.
fn naive(storage: &[u8], offset: i64, size: &[i64], stride: &[i64]) -> Vec<u8> {
    let Some((length, sizes)) = size.split_first() else {
        let start = usize::try_from(offset).expect("small") * 4;
        return storage[start..start + 4].to_vec();
    };
    (0..*length)
        .flat_map(|index| naive(storage, offset + index * stride[0], sizes, &stride[1..]))
        .collect()
}
