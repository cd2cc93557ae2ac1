#!/usr/bin/env python3
"""Writes the models of vectors/models/graph with the Python package onnx, and their `graph` digests.

    python vectors/write_graphs.py            write them again
    python vectors/write_graphs.py --into F   write them into another folder

Needs what write_onnx.py needs. `sameAs` names a case with equal digests; all others differ.
"""

import onnx
from graphs import graph_items
from model_files import main
from onnx import AttributeProto, TensorProto, helper
from reference import ALGORITHMS, check_relations, structured

FLOAT = TensorProto.FLOAT


def info(name, shape=("n", 4), kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, values=(1.0, 2.0, 3.0, 4.0), shape=(4,)):
    return helper.make_tensor(name, FLOAT, shape, values)


def model(nodes, initialisers=(), inputs=None, outputs=None, opset=22, functions=(), imports=(), **more):
    inputs = [info("x"), info("y")] if inputs is None else inputs
    outputs = [info("out")] if outputs is None else outputs
    graph = helper.make_graph(nodes, "fixture", inputs, outputs, list(initialisers))
    opsets = [helper.make_opsetid("", opset), *imports]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=list(functions), **more)


def base():
    return [
        helper.make_node("Mul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["y", "v"], ["b"]),
        helper.make_node("Gemm", ["a", "b"], ["c"], alpha=0.5, transB=1),
        helper.make_node("Relu", ["c"], ["out"]),
    ]


def weights():
    return [weight("w"), weight("v")]


def change(nodes, place, **attributes):
    """The nodes again, with attributes of one changed."""
    node = nodes[place]
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return nodes


def renamed():
    nodes = base()
    for node in nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(list(names)):
                names[place] = f"other/{name}"
        node.name = f"node of {node.output[0]}"
    named = [weight("other/w"), weight("other/v")]
    return model(nodes, named, [info("other/x", ("m", 4)), info("other/y", ("k", 4))], [info("other/out")])


def documented():
    made = model(base(), weights(), producer_name="another", producer_version="9", doc_string="a text")
    made.graph.doc_string = made.graph.node[0].doc_string = made.graph.input[0].doc_string = "a text"
    made.graph.name = "another"
    made.graph.value_info.append(info("a"))
    made.model_version, made.ir_version = 7, 11
    helper.set_model_props(made, {"key": "value"})
    return made


def branch(name, nodes, initialisers=(), outputs=("z",)):
    return helper.make_graph(nodes, name, [], [info(output) for output in outputs], list(initialisers))


def conditional(value=3.0, unused=False, order=1):
    """Branches that use values of the graph around them, and an initialiser of their own."""
    then = [helper.make_node("Mul", ["m", "k"], ["z"])]
    other = [helper.make_node("Neg", ["y"], ["z"])]
    if unused:
        then.append(helper.make_node("Sin", ["z"], ["nothing"]))
    attributes = {
        "then_branch": branch("then", then, [weight("k", [value] * 4)]),
        "else_branch": branch("else", other),
    }
    nodes = [
        helper.make_node("Exp", ["x"], ["m"]),
        helper.make_node("If", ["flag"], ["out"], **dict(list(attributes.items())[::order])),
    ]
    return model(nodes, [], [info("x"), info("y"), info("flag", (), TensorProto.BOOL)])


def moved_into_the_branch():
    then = [helper.make_node("Exp", ["x"], ["m"]), helper.make_node("Mul", ["m", "k"], ["z"])]
    nodes = [
        helper.make_node(
            "If",
            ["flag"],
            ["out"],
            then_branch=branch("then", then, [weight("k", [3.0] * 4)]),
            else_branch=branch("else", [helper.make_node("Neg", ["y"], ["z"])]),
        )
    ]
    return model(nodes, [], [info("x"), info("y"), info("flag", (), TensorProto.BOOL)])


def loop():
    """A body with inputs, and a loop in the loop."""

    def body(name, inner):
        inputs = [info("i", (), TensorProto.INT64), info("go", (), TensorProto.BOOL), info("s")]
        outputs = [info("go", (), TensorProto.BOOL), info("t")]
        return helper.make_graph(inner, name, inputs, outputs)

    inner = body("inner", [helper.make_node("Add", ["s", "u"], ["t"])])
    outer = body(
        "outer",
        [
            helper.make_node("Mul", ["s", "x"], ["u"]),
            helper.make_node("Loop", ["count", "go", "s"], ["t"], body=inner),
        ],
    )
    nodes = [helper.make_node("Loop", ["count", "", "y"], ["out"], body=outer)]
    return model(nodes, [], [info("x"), info("y"), info("count", (), TensorProto.INT64)])


def functions(order=1, unused=False, default=0.5, names=("p", "q")):
    """A function that calls another one, with an attribute that it passes on, and one with a default."""
    first, second = names
    imports = [helper.make_opsetid("", 22), helper.make_opsetid("own", 1)]
    passed = AttributeProto(name="alpha", type=AttributeProto.FLOAT, ref_attr_name="slope")
    leaky = helper.make_node("LeakyRelu", [first], [second])
    leaky.attribute.append(passed)
    inner = helper.make_function(
        "own", "Inner", [first], [second], [leaky], imports, attribute_protos=[helper.make_attribute("slope", default)]
    )
    call = helper.make_node("Inner", [first], ["t"], domain="own")
    outer = helper.make_function(
        "own", "Outer", [first], [second], [call, helper.make_node("Neg", ["t"], [second])], imports, ["unused", "a"]
    )
    extra = helper.make_function("own", "Extra", ["p"], ["q"], [helper.make_node("Sin", ["p"], ["q"])], imports)
    nodes = [
        helper.make_node("Add", ["x", "y"], ["s"]),
        helper.make_node("Outer", ["s"], ["out"], domain="own", a=1, unused="text"),
    ]
    listed = [inner, outer, *([extra] if unused else [])][::order]
    return model(nodes, functions=listed, imports=[helper.make_opsetid("own", 1)])


def constants(value=1.0, name=""):
    tensor = helper.make_tensor(name, FLOAT, [4], [value] * 4)
    values = helper.make_tensor("", FLOAT, [1], [2.0])
    sparse = helper.make_sparse_tensor(values, helper.make_tensor("", TensorProto.INT64, [1], [3]), [4])
    nodes = [
        helper.make_node("Constant", [], ["k"], value=tensor),
        helper.make_node("Constant", [], ["l"], sparse_value=sparse),
        helper.make_node("Constant", [], ["words"], value_strings=["a", "b"]),
        helper.make_node("Constant", [], ["ints"], value_ints=[-1, 0, 1 << 40]),
        helper.make_node("Constant", [], ["floats"], value_floats=[0.5, -0.0]),
        helper.make_node(
            "Own",
            ["x", "k", "l", "words", "ints", "floats"],
            ["out"],
            domain="own",
            of=helper.make_tensor_type_proto(FLOAT, ["n", 2]),
            types=[helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.STRING, None))],
            tensors=[tensor, tensor],
        ),
    ]
    return model(nodes, imports=[helper.make_opsetid("own", 1)])


def raw_constants():
    made = constants()
    tensor = made.graph.node[0].attribute[0].t
    tensor.raw_data = b"\0\0\x80\x3f" * 4
    del tensor.float_data[:]
    return made


def texts(words=(b"a", b"bc")):
    table = helper.make_tensor("words", TensorProto.STRING, [2], words)
    return model([helper.make_node("Own", ["x", "words"], ["out"], domain="own")], [table])


def sparse_initialiser(value=2.0):
    made = model([helper.make_node("Add", ["x", "s"], ["out"])])
    indices = helper.make_tensor("", TensorProto.INT64, [1], [3])
    values = helper.make_tensor("s", FLOAT, [1], [value])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    return made


def sparse_branch(value=2.0):
    made = conditional()
    then = next(attribute for attribute in made.graph.node[1].attribute if attribute.name == "then_branch").g
    del then.initializer[:]
    indices = helper.make_tensor("", TensorProto.INT64, [1], [3])
    then.sparse_initializer.append(helper.make_sparse_tensor(helper.make_tensor("k", FLOAT, [1], [value]), indices, [4]))
    return made


def types():
    tensor = helper.make_tensor_type_proto(FLOAT, [2, None, "n"])
    kinds = [
        helper.make_tensor_type_proto(TensorProto.STRING, None),
        helper.make_sequence_type_proto(tensor),
        helper.make_optional_type_proto(helper.make_sequence_type_proto(tensor)),
        helper.make_map_type_proto(TensorProto.INT64, tensor),
        helper.make_sparse_tensor_type_proto(FLOAT, [3]),
    ]
    inputs = [helper.make_value_info(f"i{place}", kind) for place, kind in enumerate(kinds)]
    names = [each.name for each in inputs]
    return model([helper.make_node("Own", names, ["out"], domain="own")], inputs=[*inputs, onnx.ValueInfoProto(name="x")])


CASES = {
    "base": (lambda: model(base(), weights()), None),
    "other names": (renamed, "base"),
    "another order of nodes": (lambda: model([base()[place] for place in (1, 0, 2, 3)], weights()), "base"),
    "another order of initialisers": (lambda: model(base(), weights()[::-1]), "base"),
    "dead nodes and initialisers": (
        lambda: model([helper.make_node("Sin", ["d"], ["e"]), *base()], [weight("d"), *weights()]),
        "base",
    ),
    "texts about the model": (documented, "base"),
    "other values of the weights": (lambda: model(base(), [weight("w", [9.0] * 4), weight("v", [8.0] * 4)]), "base"),
    "initialisers that are inputs as well": (
        lambda: model(base(), weights(), [info("w", (4,)), info("x"), info("v", (4,)), info("y")]),
        "base",
    ),
    "an attribute": (lambda: model(change(base(), 2, alpha=0.25, transB=1), weights()), None),
    "an attribute less": (lambda: model(change(base(), 2, alpha=0.5), weights()), None),
    "attributes in another order": (lambda: model(change(base(), 2, transB=1, alpha=0.5), weights()), "base"),
    "an operator": (lambda: model([*base()[:3], helper.make_node("Tanh", ["c"], ["out"])], weights()), None),
    "an operator of another domain": (
        lambda: model([*base()[:3], helper.make_node("Relu", ["c"], ["out"], domain="own")], weights()),
        None,
    ),
    "the domain of ONNX by its name": (
        lambda: model([*base()[:3], helper.make_node("Relu", ["c"], ["out"], domain="ai.onnx")], weights()),
        "base",
    ),
    "the operator set": (lambda: model(base(), weights(), opset=23), None),
    "the order of the inputs": (lambda: model(base(), weights(), [info("y"), info("x")]), None),
    "the type of an input": (lambda: model(base(), weights(), [info("x"), info("y", (2, 4))]), None),
    "an input that is not used": (lambda: model(base(), weights(), [info("x"), info("y"), info("z")]), None),
    "the order of values": (
        lambda: model([*base()[:2], helper.make_node("Gemm", ["b", "a"], ["c"], alpha=0.5, transB=1), base()[3]], weights()),
        None,
    ),
    "the shape of an initialiser": (lambda: model(base(), [weight("w", shape=(1, 4)), weight("v")]), None),
    "one initialiser twice": (
        lambda: model([base()[0], helper.make_node("Add", ["y", "w"], ["b"]), *base()[2:]], weights()),
        None,
    ),
    "one more output": (lambda: model(base(), weights(), outputs=[info("out"), info("c")]), None),
    "one node used twice": (
        lambda: model([helper.make_node("RandomUniformLike", ["x"], ["r"]), helper.make_node("Add", ["r", "r"], ["out"])]),
        None,
    ),
    "two equal nodes": (
        lambda: model(
            [
                helper.make_node("RandomUniformLike", ["x"], ["r"]),
                helper.make_node("RandomUniformLike", ["x"], ["s"]),
                helper.make_node("Add", ["r", "s"], ["out"]),
            ]
        ),
        None,
    ),
    "values that are left out": (
        lambda: model([helper.make_node("Clip", ["x", "", "hi"], ["out"])], [weight("hi", [1.0], ())]),
        None,
    ),
    "values that are left out at the end": (
        lambda: model([helper.make_node("Clip", ["x", "", "hi", ""], ["out", ""])], [weight("hi", [1.0], ())]),
        "values that are left out",
    ),
    "branches": (conditional, None),
    "branches in another order": (lambda: conditional(order=-1), "branches"),
    "a dead node in a branch": (lambda: conditional(unused=True), "branches"),
    "an initialiser of a branch": (lambda: conditional(4.0), None),
    "a node moved into a branch": (moved_into_the_branch, None),
    "loops": (loop, None),
    "functions": (functions, None),
    "functions in another order": (lambda: functions(order=-1), "functions"),
    "a function that is not called": (lambda: functions(unused=True), "functions"),
    "names in functions": (lambda: functions(names=("one", "two")), "functions"),
    "the default of a function": (lambda: functions(default=0.25), None),
    "constants": (constants, None),
    "the name of a constant": (lambda: constants(name="k"), "constants"),
    "a constant as raw data": (raw_constants, "constants"),
    "the value of a constant": (lambda: constants(2.0), None),
    "texts": (texts, None),
    "other texts": (lambda: texts((b"ab", b"c")), None),
    "a dense initialiser": (lambda: model([helper.make_node("Add", ["x", "s"], ["out"])], [weight("s")]), None),
    "a sparse initialiser": (sparse_initialiser, "a dense initialiser"),
    "the value of a sparse initialiser": (lambda: sparse_initialiser(3.0), "a dense initialiser"),
    "a sparse initialiser of a branch": (sparse_branch, None),
    "the value of a sparse initialiser of a branch": (lambda: sparse_branch(3.0), None),
    "types of inputs": (types, None),
    "one node": (lambda: model([helper.make_node("Relu", ["x"], ["out"])], inputs=[info("x")]), None),
}


def write(folder):
    listed = []
    for place, (name, (make, same_as)) in enumerate(CASES.items()):
        made, file = make(), f"{place:02}.onnx"
        (folder / file).write_bytes(made.SerializeToString(deterministic=True))
        hashes = {
            algorithm: structured("graph", algorithm, graph_items(made, ALGORITHMS[algorithm]))
            for algorithm in ALGORITHMS
        }
        digests = {algorithm: f"graph.v1.{algorithm}:{digest.hex()}" for algorithm, (_, digest) in hashes.items()}
        description = hashes["blake3"][0].hex()
        listed.append(
            {"name": name, "file": file, **({"sameAs": same_as} if same_as else {}), "digests": digests}
            | ({"blake3Description": description} if len(description) <= 400 else {})
        )
    check_relations("graph", listed)
    return listed


if __name__ == "__main__":
    main("graph", "The `graph` digests of the ONNX files in this folder. Written by vectors/write_graphs.py.", write)
