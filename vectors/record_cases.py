"""What the vectors of TFRecord, of samples and of items hash. reference.py adds the digests."""

import records
from cases import data, text

ABOUT = {
    "tfrecord": "Files of TFRecord in base64, one after the other.",
    "samples": "Tar archives, one after the other: each a list of files in the order of its members.",
    "shards": "Samples of MosaicML shards: each a list of values with their column, its encoding and their bytes in base64.",
    "items": "Items of a sequence in memory, in the notation of order.json.",
}


def tfrecord(name, *files, same_as=None):
    framed = [data(b"".join(records.framed(payload) for payload in file)) for file in files]
    return {"name": name, **({"sameAs": same_as} if same_as else {}), "files": framed}


TFRECORD = [
    tfrecord("no records", []),
    tfrecord("an empty record", [b""]),
    tfrecord("two records", [b"a", b"b"]),
    tfrecord("in three files", [b"a"], [], [b"b"], same_as="two records"),
    tfrecord("another order", [b"b", b"a"]),
    tfrecord("framed", [b"ab"]),
    tfrecord("bytes that are not text", [b"\xff\x00\n", bytes(range(256))]),
]


def samples(name, *archives, same_as=None):
    made = [[{"name": path} | text(content) for path, content in archive] for archive in archives]
    return {"name": name, **({"sameAs": same_as} if same_as else {}), "archives": made}


SAMPLES = [
    samples("one sample", [("1.txt", "a"), ("1.cls", "0")]),
    samples("in another order of files", [("1.cls", "0"), ("1.txt", "a")], same_as="one sample"),
    samples("with another key", [("x/0002.txt", "a"), ("x/0002.cls", "0")], same_as="one sample"),
    samples("with a dot before", [("./1.txt", "a"), (".//1.cls", "0")], same_as="one sample"),
    samples("another content", [("1.txt", "b"), ("1.cls", "0")]),
    samples("another suffix", [("1.text", "a"), ("1.cls", "0")]),
    samples("one file less", [("1.txt", "a")]),
    samples("a suffix with dots", [("1.seg.png", "a"), ("1.png", "b")]),
    samples("a suffix beyond ASCII", [("1.ß", "a"), ("1.z", "b")]),
    samples("an empty suffix", [("1.", "a")]),
    samples("two samples", [("1.txt", "a"), ("2.txt", "b")]),
    samples("in two archives", [("1.txt", "a")], [("2.txt", "b")], same_as="two samples"),
    samples("in archives with one key", [("1.txt", "a")], [], [("1.txt", "b")], same_as="two samples"),
    samples("in folders", [("a/1.txt", "a"), ("b/1.txt", "b")], same_as="two samples"),
    samples("two samples in another order", [("1.txt", "b"), ("2.txt", "a")]),
    samples("one key in two archives is two samples", [("1.txt", "a"), ("1.cls", "0")], [("1.txt", "b")]),
]

def shards(name, *samples, same_as=None):
    made = [[{"name": column, "encoding": kind} | data(value) for column, kind, value in sample] for sample in samples]
    return {"name": name, **({"sameAs": same_as} if same_as else {}), "samples": made}


ONE = (1).to_bytes(8, "little")

SHARDS = [
    shards("one number", [("n", "int", ONE)]),
    shards("the same bytes of another encoding", [("n", "int64", ONE)]),
    shards("in another column", [("m", "int", ONE)]),
    shards("two columns", [("n", "int", ONE), ("text", "str", b"a")]),
    shards("the columns in another order", [("text", "str", b"a"), ("n", "int", ONE)], same_as="two columns"),
    shards("two samples", [("text", "str", b"a")], [("text", "str", b"b")]),
    shards("in another order", [("text", "str", b"b")], [("text", "str", b"a")]),
    shards("framed", [("text", "str", b"ab")], [("text", "str", b"")]),
]


def items(name, *values):
    return {"name": name, "items": list(values)}


ITEMS = [
    items("a number, a text and a list", 1, "two", [3]),
    items("in another order", "two", 1, [3]),
    items("texts", "a", "b"),
    items("framed", "ab", ""),
    items("lists", ["a", "b"]),
    items("a text that looks like a number", 1, "1"),
    items("special numbers", -0.0, 0, 0.5, {"float": "nan"}),
    items("bytes", {"bytes": "YQ=="}, {"bytes": "Yg=="}),
    items("an array beside a text", {"array": {"dtype": "U8", "shape": [2], "data": "AQI="}}, "b"),
]

CASES = {"tfrecord": TFRECORD, "samples": SAMPLES, "shards": SHARDS, "items": ITEMS}
