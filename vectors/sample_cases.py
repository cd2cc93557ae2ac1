"""What the vectors of samples hash; written like cases.py."""

from cases import BITS, TWO, f32, file, folder, link, painted, raw, tensor, text

ABOUT = {
    "selection": "Which of `units` a plan reads, as text since JSON readers round large integers; null where it reads "
    "all of them. `amount` is the share or count as it stands in a description.",
    "sampled": "Samples of a file, a tensor, a folder or the tensors of a model, as in the other vectors. Where the "
    "plan reads everything the digests are the ordinary ones. Digests of two plans are never compared.",
}

BLOCK = 16384


def plan(strategy="strided", **amount):
    return {"strategy": strategy, **amount}


def random(seed=0, **amount):
    return {"strategy": "random", "seed": str(seed), **amount}


STRATEGIES = [plan(), random(), random(42), random(2**64 - 1), plan("blocks")]

# --- selection ----------------------------------------------------------------------------------------


def name_of(chosen, units):
    return ", ".join(f"{key} {value}" for key, value in chosen.items()) + f" of {units}"


def selection(units, chosen):
    return {"name": name_of(chosen, units), "plan": chosen, "units": str(units)}


AMOUNTS = [
    (0, {"count": 1}),
    (1, {"count": 1}),
    (2, {"count": 2}),
    (3, {"count": 1}),
    (3, {"count": 2}),
    (3, {"count": 3}),
    (3, {"count": 4}),
    (10, {"count": 3}),
    (10, {"count": 5}),
    (10, {"count": 9}),
    (10, {"share": "1/2"}),
    (10, {"share": "2/8"}),
    (10, {"share": "0.31"}),
    (10, {"share": "91%"}),
    (10, {"share": "1e-3"}),
    (10, {"share": "1"}),
    (1000, {"share": "0.1%"}),
    (1001, {"share": "0.3%"}),
    (100, {"count": 50, "above": 99}),
    (100, {"count": 50, "above": 100}),
    (300, {"count": 129}),
    (300, {"count": 200}),
    (300, {"count": 299}),
    (2**32 + 1, {"count": 7}),
    (2**53 - 1, {"share": "1/9007199254740991"}),
    (2**53 - 1, {"share": "0.000000000000001"}),
    (2**64 - 1, {"count": 11}),
    (2**60, {"share": "1/9007199254740991"}),
]
SELECTION = [
    selection(units, chosen | amount)
    for units, amount in AMOUNTS
    for chosen in (STRATEGIES if "count" in amount else (plan(), random(7), plan("blocks")))
]

# --- sampled ------------------------------------------------------------------------------------------


def sampled(of, name, chosen, **what):
    return {"name": f"{of}: {name}", "of": of, "plan": chosen, **what}


def files(name, content, amount, strategies=STRATEGIES):
    return [sampled("file", f"{name}, {name_of(s | amount, 'it')}", s | amount, content=content) for s in strategies]


SEVEN = painted(100_000)
FILES = [
    *files("seven blocks", SEVEN, {"count": 3}),
    *files("seven blocks", SEVEN, {"share": "1/3"}),
    *files("exactly five blocks", painted(5 * BLOCK), {"count": 4}),
    *files("a last block of one byte", painted(5 * BLOCK + 1), {"share": "0.5"}, STRATEGIES[:1]),
    *files("three blocks", painted(2 * BLOCK + 1), {"count": 1}, STRATEGIES[:1]),
    *files("many blocks", painted(1001 * BLOCK + 77), {"count": 200}),
    *files("many blocks", painted(1001 * BLOCK + 77), {"share": "0.1"}),
    *files("nothing", text(""), {"count": 2}, STRATEGIES[:1]),
    *files("one byte", text("x"), {"count": 1}, STRATEGIES[:1]),
    *files("two blocks", painted(BLOCK + 1), {"share": "1%"}, STRATEGIES[:1]),
    *files("six blocks, read whole up to six", painted(6 * BLOCK), {"count": 2, "above": 6}, STRATEGIES[-1:]),
]


def tensors(name, dtype, shape, content, amount, strategies=STRATEGIES):
    what = {"dtype": dtype, "shape": shape, "data": content}
    return [sampled("tensor", f"{name}, {name_of(s | amount, 'it')}", s | amount, **what) for s in strategies]


TENSORS = [
    *tensors("two rows", "F32", [2, 3], f32(1, 2, 3, 4, 5, 6), {"count": 3}),
    *tensors("three rows", "F32", [3, 2], f32(1, 2, 3, 4, 5, 6), {"count": 3}, STRATEGIES[:1]),
    *tensors("other dtype", "I32", [2, 3], f32(1, 2, 3, 4, 5, 6), {"count": 3}, STRATEGIES[:1]),
    *tensors("many", "F64", [100, 77], painted(8 * 7700), {"share": "1/10"}),
    *tensors("bytes of halves", "F4", [50, 2], painted(50), {"count": 7}, STRATEGIES[:2]),
    *tensors("three quarters", "F6_E2M3", [40], painted(30), {"share": "1/4"}, STRATEGIES[-1:]),
    *tensors("a scalar", "F32", [], f32(1), {"count": 2}, STRATEGIES[:1]),
    *tensors("no elements", "F32", [0, 3], text(""), {"count": 2}, STRATEGIES[:1]),
    *tensors("read whole", "U8", [9], painted(9), {"count": 2, "above": 9}, STRATEGIES[:1]),
    *[
        case
        for dtype, bits in BITS.items()
        for case in tensors(f"dtype {dtype}", dtype, [8, 8], painted(8 * bits), {"share": "1/7"}, STRATEGIES[:1])
    ],
]

NAMES = ["a", "a-b", "a.b", "a0", "b c", "\u00e9", "\uff5e", "\U0001f600"]
ROOT = [
    *(file(name, text(name)) for name in NAMES),
    folder("a!", file("x", text("1")), file("empty", text(""))),
    folder("sub", folder("deep", *(file(f"{number}", painted(number)) for number in range(12)))),
    folder("nothing", folder("at all")),
    folder(".git", file("HEAD", text("x"))),
]


def trees(name, root, amount, strategies=STRATEGIES, links="follow"):
    what = {"links": links, "root": root}
    return [sampled("tree", f"{name}, {name_of(s | amount, 'it')}", s | amount, **what) for s in strategies]


TREES = [
    *trees("a folder", ROOT, {"count": 5}),
    *trees("a folder", ROOT, {"share": "1/2"}),
    *trees("a folder, read whole", ROOT, {"count": 5, "above": 22}, STRATEGIES[:1]),
    *trees("recorded links", [*ROOT, link("link", "a")], {"count": 5}, STRATEGIES[:1], "record"),
    *trees("another target", [*ROOT, link("link", "b")], {"count": 5}, STRATEGIES[:1], "record"),
    *trees("followed links", [*ROOT, link("link", "a"), link("other", "sub/deep")], {"count": 5}, STRATEGIES[:1]),
    *trees("names that are not UTF-8", [*ROOT, {**raw(b"\xff"), "file": text("x")}], {"count": 2}, STRATEGIES[:1]),
    *trees("an empty folder", [], {"count": 2}, STRATEGIES[:1]),
]


def weights(name, given, amount, strategies=STRATEGIES):
    return [
        sampled("weights", f"{name}, {name_of(s | amount, 'it')}", s | amount, tensors=given) for s in strategies
    ]


MIXED = [
    tensor("large", "F32", [1000], painted(4000)),
    tensor("small", "I64", [3], painted(24)),
    tensor("scalar", "F64", [], painted(8)),
    tensor("empty", "F16", [0, 4], text("")),
    tensor("bias", "BF16", [10, 5], painted(100)),
    tensor("packed", "F4", [64], painted(32)),
]
WEIGHTS = [
    *weights("six tensors", MIXED, {"count": 4}),
    *weights("six tensors", MIXED, {"share": "1/10"}),
    *weights("six tensors, above", MIXED, {"share": "1/10", "above": 50}, [plan(), random(3)]),
    *weights("two small tensors", TWO, {"count": 2}, STRATEGIES[:1]),
    *weights("no tensors", [], {"share": "1/2"}, STRATEGIES[:1]),
    *weights("six tensors, read whole", MIXED, {"count": 4, "above": 1000}, STRATEGIES[:1]),
]

CASES = {"selection": SELECTION, "sampled": FILES + TENSORS + TREES + WEIGHTS}
