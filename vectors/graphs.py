"""The items of a `graph` digest of an ONNX model: docs/format.md, Graphs. Uses the Python package onnx to read."""

import struct
import sys

from onnx import AttributeProto, TensorProto
from write_onnx import DTYPES, bits_of

# A chain of nodes is followed by recursion.
sys.setrecursionlimit(100_000)

KINDS = {
    "float": "f", "int": "i", "string": "s", "tensor": "t", "graph": "g", "floats": "floats", "ints": "ints",
    "strings": "strings", "tensors": "tensors", "graphs": "graphs", "sparse_tensor": "sparse_tensor",
    "sparse_tensors": "sparse_tensors", "type": "tp", "types": "type_protos",
}  # fmt: skip


def plain_domain(domain):
    return "" if domain == "ai.onnx" else domain


def dtype_name(number):
    return "TEXT" if number == TensorProto.STRING else DTYPES[TensorProto.DataType.Name(number)]


def without_end(names):
    names = list(names)
    while names and names[-1] == "":
        names.pop()
    return names


def type_items(of):
    """A type; None if it is not stated."""
    kind = of.WhichOneof("value")
    if kind is None:
        return None
    if kind in ("tensor_type", "sparse_tensor_type"):
        tensor = getattr(of, kind)
        element = dtype_name(tensor.elem_type) if tensor.elem_type else None
        shape = None
        if tensor.HasField("shape"):
            shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
        return [kind.removesuffix("_type"), element, shape]
    if kind == "map_type":
        return ["map", dtype_name(of.map_type.key_type), type_items(of.map_type.value_type)]
    if kind == "opaque_type":
        return ["opaque", of.opaque_type.domain, of.opaque_type.name]
    return [kind.removesuffix("_type"), type_items(getattr(of, kind).elem_type)]


def info_type(info):
    return type_items(info.type) if info.HasField("type") else None


class Scope:
    """The names of a graph, and what makes each."""

    def __init__(self, number, parent):
        self.number, self.parent, self.makers = number, parent, {}

    def find(self, name):
        scope = self
        while name not in scope.makers:
            scope = scope.parent
        return scope, scope.makers[name]


class Walk:
    """Visits what the outputs need, and numbers it."""

    def __init__(self, hash_of, functions):
        self.hash_of, self.functions, self.called = hash_of, functions, set()
        self.scopes, self.initialisers, self.nodes = 0, [], []
        self.numbers = {}

    def scope(self, parent, nodes, inputs, initialisers=(), sparse=()):
        """A scope, and the inputs that are inputs."""
        scope = Scope(self.scopes, parent)
        self.scopes += 1
        for proto in initialisers:
            scope.makers[proto.name] = ("initialiser", proto)
        for proto in sparse:
            scope.makers[proto.values.name] = ("sparse", proto)
        inputs = [name for name in inputs if name not in scope.makers]
        for place, name in enumerate(inputs):
            scope.makers[name] = ("input", place)
        for node in nodes:
            for place, name in enumerate(node.output):
                if name:
                    scope.makers[name] = ("node", node, place)
        return scope, inputs

    def graph_scope(self, parent, graph):
        infos = {info.name: info for info in graph.input}
        scope, inputs = self.scope(parent, graph.node, infos, graph.initializer, graph.sparse_initializer)
        return scope, [info_type(infos[name]) for name in inputs]

    def visit(self, scope, name):
        if not name:
            return
        scope, maker = scope.find(name)
        if maker[0] == "input" or (scope.number, name) in self.numbers:
            return
        if maker[0] == "node":
            self.visit_node(scope, maker[1])
        else:
            self.numbers[scope.number, name] = len(self.initialisers)
            self.initialisers.append(self.initialiser(scope, maker))

    def initialiser(self, scope, maker):
        if maker[0] == "sparse" and scope.number == 0:
            return [0, dtype_name(maker[1].values.data_type), list(maker[1].dims)]
        if maker[0] == "sparse":
            return [scope.number, "sparse", *self.sparse(maker[1])]
        if scope.number == 0 and maker[1].data_type != TensorProto.STRING:
            return [0, dtype_name(maker[1].data_type), list(maker[1].dims)]
        return [scope.number, *self.tensor(maker[1])]

    def visit_node(self, scope, node):
        inputs = without_end(node.input)
        for name in inputs:
            self.visit(scope, name)
        attributes = self.open(scope, node.attribute)
        self.visit_graphs(attributes)
        domain = plain_domain(node.domain)
        operator = (domain, node.op_type, node.overload)
        if operator in self.functions:
            self.called.add(operator)
        for name in node.output:
            self.numbers[scope.number, name] = len(self.nodes)
        items = [self.attribute(*attribute) for attribute in attributes]
        references = [self.reference(scope, name) for name in inputs]
        self.nodes.append([scope.number, *operator, items, references, len(without_end(node.output))])

    def open(self, scope, attributes):
        """The attributes by their names, each with the scopes of the graphs in it."""
        opened = []
        for attribute in sorted(attributes, key=lambda attribute: attribute.name.encode()):
            graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else list(attribute.graphs)
            graphs = [] if attribute.ref_attr_name else graphs
            opened.append((attribute, [(graph, *self.graph_scope(scope, graph)) for graph in graphs]))
        return opened

    def visit_graphs(self, attributes):
        for _, graphs in attributes:
            for graph, scope, _ in graphs:
                for output in graph.output:
                    self.visit(scope, output.name)

    def reference(self, scope, name):
        if not name:
            return None
        scope, maker = scope.find(name)
        if maker[0] == "input":
            return [0, scope.number, maker[1]]
        number = self.numbers[scope.number, name]
        return [2, number, maker[2]] if maker[0] == "node" else [1, number]

    def attribute(self, attribute, graphs):
        word = next(word for word in KINDS if AttributeProto.AttributeType.Value(self.enum(word)) == attribute.type)
        if attribute.ref_attr_name:
            return [attribute.name, word, None, attribute.ref_attr_name]
        value = getattr(attribute, KINDS[word])
        if word in ("float", "floats"):
            numbers = [value] if word == "float" else value
            return [attribute.name, word, struct.pack(f"<{len(numbers)}f", *numbers)]
        if word in ("graph", "graphs"):
            written = [
                [scope.number, types, [self.reference(scope, output.name) for output in graph.output]]
                for graph, scope, types in graphs
            ]
            return [attribute.name, word, written if word == "graphs" else written[0]]
        item = {"tensor": self.tensor, "sparse_tensor": self.sparse, "type": type_items}.get(word.removesuffix("s"))
        item = item or (lambda value: value)
        return [attribute.name, word, [item(each) for each in value] if word.endswith("s") else item(value)]

    @staticmethod
    def enum(word):
        return {"type": "TYPE_PROTO", "types": "TYPE_PROTOS"}.get(word, word.upper())

    def tensor(self, proto):
        if proto.data_type == TensorProto.STRING:
            data = b"".join(struct.pack("<Q", len(text)) + text for text in proto.string_data)
        else:
            data = bits_of(proto)
        return [dtype_name(proto.data_type), list(proto.dims), self.hash_of(data)]

    def sparse(self, proto):
        return [list(proto.dims), self.tensor(proto.values), self.tensor(proto.indices)]


def opsets(imports):
    return sorted(([plain_domain(each.domain), each.version] for each in imports), key=lambda pair: pair[0].encode())


def function_items(function, key, hash_of, functions):
    """A function, and the functions that it calls."""
    walk = Walk(hash_of, functions)
    scope, _ = walk.scope(None, function.node, function.input)
    defaults = walk.open(scope, function.attribute_proto)
    walk.visit_graphs(defaults)
    for output in function.output:
        walk.visit(scope, output)
    items = [
        *key,
        opsets(function.opset_import),
        sorted(function.attribute, key=str.encode),
        [walk.attribute(*attribute) for attribute in defaults],
        len(function.input),
        walk.initialisers,
        walk.nodes,
        [walk.reference(scope, output) for output in function.output],
    ]
    return items, walk.called


def graph_items(model, hash_of):
    """The items of the kind `graph`."""
    functions = {(plain_domain(each.domain), each.name, each.overload): each for each in model.functions}
    walk = Walk(hash_of, functions)
    scope, inputs = walk.graph_scope(None, model.graph)
    for output in model.graph.output:
        walk.visit(scope, output.name)
    outputs = [walk.reference(scope, output.name) for output in model.graph.output]
    written, called = {}, set(walk.called)
    while called:
        key = called.pop()
        if key not in written:
            written[key], more = function_items(functions[key], key, hash_of, functions)
            called |= more
    by_name = sorted(written, key=lambda key: [part.encode() for part in key])
    return [
        opsets(model.opset_import),
        inputs,
        walk.initialisers,
        walk.nodes,
        outputs,
        [written[key] for key in by_name],
    ]
