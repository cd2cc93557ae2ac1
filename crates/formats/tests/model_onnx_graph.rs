//! The `graph` of ONNX files: the digests of the Python reference, and hostile graphs.

#[path = "../../engine/src/digest/model/cbor.rs"]
mod cbor;
#[path = "model_files/protobuf.rs"]
mod protobuf;
#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use cbor::Cbor;
use lineaprint_digest::{Algorithm, Algorithms, Digests, description};
use lineaprint_formats::FormatError;
use lineaprint_formats::model::onnx::graph::describe;
use proptest::prelude::*;
use protobuf::{bytes as field, number, varint};
use std::fmt::Write as _;
use support::{bytes, elements, expected};

/// Return the written `graph` digest of a file.
fn graph(file: &Bytes, algorithm: Algorithm) -> Result<String, FormatError> {
    let mut digest_of = |tensor: &_| {
        let data = elements(tensor, file, &|_| Bytes::new())?;
        let digests = Digests::of(&data, Algorithms::BOTH);
        Ok(digests.get(algorithm).expect("both were asked for"))
    };
    let Cbor(items) = describe(file, &mut digest_of)?;
    let hash = description::graph(algorithm, &items);
    let mut text = format!("graph.v1.{}:", algorithm.name());
    for byte in hash {
        write!(text, "{byte:02x}").expect("writes to a text");
    }
    Ok(text)
}

#[test]
fn digests_equal_those_of_the_reference() {
    for case in expected("graph") {
        let file = bytes("graph", case["file"].as_str().expect("has a name"));
        for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
            let received =
                graph(&file, algorithm).unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
            assert_eq!(case["digests"][algorithm.name()], received, "{}", case["name"]);
        }
    }
}

#[test]
fn names_order_and_texts_do_not_count_and_everything_else_does() {
    let cases = expected("graph");
    let digest = |name: &str| {
        let file = cases.iter().find(|case| case["name"] == name).expect("is there");
        graph(
            &bytes("graph", file["file"].as_str().expect("has a name")),
            Algorithm::Blake3,
        )
        .expect("reads")
    };
    let mut firsts = std::collections::HashMap::new();
    for case in &cases {
        let name = case["name"].as_str().expect("has a name");
        let same = case["sameAs"].as_str().unwrap_or(name);
        assert_eq!(*firsts.entry(digest(name)).or_insert(name), same, "{name}");
    }
}

/// Return a model of a graph.
fn model(graph: &[Vec<u8>]) -> Bytes {
    Bytes::from([number(1, 13), field(7, &graph.concat())].concat())
}

fn node(inputs: &[&str], outputs: &[&str], more: &[u8]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
    let outputs = outputs.iter().flat_map(|name| field(2, name.as_bytes()));
    let body: Vec<u8> = inputs
        .chain(outputs)
        .chain(field(4, b"Op"))
        .chain(more.to_vec())
        .collect();
    field(1, &body)
}

fn output(name: &str) -> Vec<u8> {
    field(12, &field(1, name.as_bytes()))
}

fn input(name: &str) -> Vec<u8> {
    field(11, &field(1, name.as_bytes()))
}

fn refusal(file: &Bytes) -> FormatError {
    graph(file, Algorithm::Blake3).expect_err("must be refused")
}

#[test]
fn cycles_are_refused() {
    let two = [node(&["b"], &["a"], &[]), node(&["a"], &["b"], &[]), output("a")];
    assert!(refusal(&model(&two)).message.contains("cycle"));
    assert!(
        refusal(&model(&[node(&["a"], &["a"], &[]), output("a")]))
            .message
            .contains("cycle")
    );
    // A branch that uses the output of its own node.
    let branch = field(
        5,
        &[field(1, b"g"), number(20, 5), field(6, &output("a"))].concat(),
    );
    assert!(
        refusal(&model(&[node(&[], &["a"], &branch), output("a")]))
            .message
            .contains("cycle")
    );
    // A dead cycle is no part of the graph.
    let dead = [
        node(&["b"], &["a"], &[]),
        node(&["a"], &["b"], &[]),
        input("x"),
        output("x"),
    ];
    graph(&model(&dead), Algorithm::Blake3).expect("reads");
}

#[test]
fn a_long_chain_is_followed() {
    let mut parts: Vec<_> = (0..50_000)
        .map(|at| node(&[&format!("v{}", at + 1)], &[&format!("v{at}")], &[]))
        .collect();
    parts.extend([input("v50000"), output("v0")]);
    graph(&model(&parts), Algorithm::Blake3).expect("reads");
}

#[test]
fn doubling_chains_take_no_more_than_their_nodes() {
    // Each node uses the one before twice: 2^60 paths.
    let mut parts: Vec<_> = (0..60)
        .map(|at| {
            node(
                &[&format!("v{}", at + 1), &format!("v{}", at + 1)],
                &[&format!("v{at}")],
                &[],
            )
        })
        .collect();
    parts.extend([input("v60"), output("v0")]);
    graph(&model(&parts), Algorithm::Blake3).expect("reads");
}

#[test]
fn values_without_a_maker_are_refused() {
    assert!(refusal(&model(&[output("a")])).message.contains("nothing"));
    assert!(
        refusal(&model(&[node(&["x"], &["a"], &[]), output("a")]))
            .message
            .contains("nothing")
    );
}

#[test]
fn duplicate_names_are_refused() {
    let twice = [node(&[], &["a"], &[]), node(&[], &["a"], &[]), output("a")];
    assert!(refusal(&model(&twice)).message.contains("one name"));
    refusal(&model(&[input("a"), input("a"), output("a")]));
    refusal(&model(&[input("a"), node(&[], &["a"], &[]), output("a")]));
    let attribute = field(5, &[field(1, b"k"), number(20, 2), number(3, 1)].concat());
    let attributes = node(&[], &["a"], &attribute.repeat(2));
    assert!(
        refusal(&model(&[attributes, output("a")]))
            .message
            .contains("attributes")
    );
    let function = field(25, &[field(1, b"f"), field(10, b"own")].concat());
    let file = [model(&[input("x"), output("x")]).to_vec(), function.repeat(2)].concat();
    assert!(refusal(&Bytes::from(file)).message.contains("functions"));
}

#[test]
fn attributes_that_two_readers_see_differently_are_refused() {
    let with = |fields: &[Vec<u8>]| {
        let attribute = field(5, &[field(1, b"k"), fields.concat()].concat());
        graph(
            &model(&[node(&[], &["a"], &attribute), output("a")]),
            Algorithm::Blake3,
        )
    };
    with(&[number(20, 2), number(3, 1)]).expect("reads");
    with(&[number(20, 2)]).expect("a zero may be left out");
    for fields in [
        vec![number(3, 1)],
        vec![number(20, 2), number(3, 1), number(3, 2)],
        vec![number(20, 2), field(4, b"text")],
        vec![number(20, 2), number(3, 1), field(4, b"text")],
        vec![number(20, 15), number(3, 1)],
        vec![number(20, 4)],
        vec![number(20, 5)],
        vec![number(20, 2), number(3, 1), field(21, b"of")],
        vec![number(20, 2), number(3, 1), number(24, 1)],
    ] {
        with(&fields).expect_err("must be refused");
    }
}

#[test]
fn fields_that_are_not_known_are_refused() {
    for file in [
        Bytes::from([model(&[input("x"), output("x")]).to_vec(), number(27, 1)].concat()),
        model(&[input("x"), output("x"), number(17, 1)]),
        model(&[node(&[], &["a"], &number(11, 1)), output("a")]),
        model(&[field(11, &[field(1, b"x"), number(5, 1)].concat()), output("x")]),
    ] {
        assert!(refusal(&file).unsupported);
    }
}

#[test]
fn nested_graphs_have_a_depth() {
    let nested = |depth: usize| {
        let mut inner = output("x");
        for _ in 0..depth {
            let attribute = field(5, &[field(1, b"g"), number(20, 5), field(6, &inner)].concat());
            inner = [node(&[], &["a"], &attribute), output("a")].concat();
        }
        graph(&model(&[input("x"), inner]), Algorithm::Blake3)
    };
    nested(32).expect("reads");
    assert!(nested(33).expect_err("refused").message.contains("deep"));
}

#[test]
fn nested_types_have_a_depth() {
    let nested = |depth: usize| {
        let mut kind = Vec::new();
        for _ in 0..depth {
            kind = field(4, &field(1, &kind));
        }
        let info = field(11, &[field(1, b"x"), field(2, &kind)].concat());
        graph(&model(&[info, output("x")]), Algorithm::Blake3)
    };
    nested(32).expect("reads");
    assert!(nested(34).expect_err("refused").message.contains("deep"));
}

#[test]
fn functions_that_call_each_other_have_an_end() {
    let call = |name: &str| {
        let body = [
            field(1, b"p"),
            field(2, b"q"),
            field(4, name.as_bytes()),
            field(7, b"own"),
        ];
        body.concat()
    };
    let function = |name: &str, calls: &str| {
        let head = [
            field(1, name.as_bytes()),
            field(10, b"own"),
            field(4, b"p"),
            field(5, b"q"),
        ];
        field(25, &[head.concat(), field(7, &call(calls))].concat())
    };
    let main = [input("p"), field(1, &call("f")), output("q")];
    let file = [model(&main).to_vec(), function("f", "g"), function("g", "f")].concat();
    graph(&Bytes::from(file), Algorithm::Blake3).expect("reads");
}

#[test]
fn many_parts_have_a_limit() {
    let refused = |parts: &[Vec<u8>]| {
        let error = refusal(&model(parts));
        assert!(error.message.contains("too many"), "{error}");
    };
    refused(&[node(&[], &[], &[]).repeat(500_000), input("x"), output("x")]);
    let inputs = field(1, b"x").repeat(1_500_000);
    refused(&[field(1, &inputs), input("x"), output("x")]);
    let attributes = field(5, &number(20, 2)).repeat(500_000);
    refused(&[node(&[], &["y"], &attributes), output("y")]);
    let graphs = field(5, &[number(20, 10), field(11, &[]).repeat(500_000)].concat());
    refused(&[node(&[], &["y"], &graphs), output("y")]);
}

#[test]
fn lengths_beyond_the_message_are_refused() {
    let file = [number(1, 13), vec![0x3a], varint(1 << 40)].concat();
    refusal(&Bytes::from(file));
}

proptest! {
    /// Change several bytes of a file at once: an answer, never a panic.
    #[test]
    fn mutated_files_never_panic(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..5), which in 0_usize..47) {
        let cases = expected("graph");
        let case = &cases[which % cases.len()];
        let mut file = bytes("graph", case["file"].as_str().expect("has a name")).to_vec();
        for (at, to) in changes {
            let at = at % file.len();
            file[at] = to;
        }
        let file = Bytes::from(file);
        // The elements of a constant may lie outside what is there now, so they are not read here.
        let mut digest_of = |_: &_| Ok([0; 32]);
        drop(describe::<Cbor>(&file, &mut digest_of));
    }
}
