"""What the vectors hash. reference.py adds the digests; ABOUT is what each file says of itself."""

import base64
import json
import struct

ABOUT = {
    "plain": "Plain digests. Content is painted (byte i is i modulo 251), text in UTF-8, or base64.",
    "tree": "`root` is a list of entries: a file with its content, a folder with its entries, a link with its target. "
    "Names and targets that are not UTF-8 are in base64. `sameAs` names a case with equal digests; all others differ.",
    "tensor": "One tensor; `dataDigests` are the plain digests of its bytes.",
    "weights": "The named tensors of a model, in the order of their bytes in a file.",
    "architecture": "Tensors, and the text of a configuration or null; `canonicalConfig` is what is hashed of it. "
    "`embedded` configurations are those that a model file holds itself.",
    "family": "Tensors without elements, and the text of a configuration or null; `document` is what is hashed. "
    "`embedded` configurations are those that a model file holds itself.",
    "tokenizer": "Files of a folder. `counts` says whether a file counts, `canonical` what is hashed of one in JSON.",
    "sequence": "Files of lines. `counted` lines are the decimal numbers of a range, each with a line feed.",
    "splits": "Named splits of a dataset, each with the kind of its digest and the digest in hexadecimal.",
    "json": "Digests of JSON records; `canonical` is the text that is hashed.",
    "canonical-json": "JSON text or the bits of a double (big-endian), with its canonical text; `lossyIntegers` are "
    "integers that a double does not keep. `refused` texts have no canonical form.",
    "cbor": "Values of the canonical description and their encoding. Integers are written as decimal text.",
}


def painted(length):
    return {"painted": length}


def text(value):
    return {"text": value}


def data(value):
    return {"base64": base64.b64encode(value).decode()}


def raw(name):
    return {"nameBase64": base64.b64encode(name).decode()}


def file(name, content):
    return {"name": name, "file": content}


def folder(name, *entries):
    return {"name": name, "folder": list(entries)}


def link(name, target):
    return {"name": name, "link": target}


# --- plain --------------------------------------------------------------------------------------------

# What the project's threads take from a large file at a time; it leaves no trace in a digest.
SUBTREE = 4 << 20
# Every length of the test vectors of BLAKE3 itself, then the edges of blocks of SHA-256 and of larger pieces.
PAINTED = [0, 1, 2, 3, 4, 5, 6, 7, 8, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025, 2048, 2049, 3072, 3073, 4096]
PAINTED += [4097, 5120, 5121, 6144, 6145, 7168, 7169, 8192, 8193, 16384, 31744, 102400]
PAINTED += [55, 56, 119, 120, SUBTREE - 1, SUBTREE, SUBTREE + 1, 2 * SUBTREE + 12345]

# Where hash functions pad differently or start another block or chunk.
EDGES = [1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 121, 127, 128, 129, 1023, 1024, 1025, 2047, 2048, 2049]

PLAIN = [{"name": f"painted {length}", "content": painted(length)} for length in PAINTED]
PLAIN += [
    {"name": "text", "content": text("abc")},
    {"name": "text beyond ASCII", "content": text("Grüße 😀\n")},
    {"name": "bytes that are not text", "content": data(b"\xff\x00\xfe")},
]

# --- tree ---------------------------------------------------------------------------------------------

HELLO = file("hello.txt", text("hello\n"))
NESTED = [
    HELLO,
    folder("sub", file("empty", text("")), folder("deep", file("data.bin", painted(5000)))),
    folder("other", file("empty", text(""))),
]


def tree(name, *root, links="follow", same_as=None):
    return {"name": name, "links": links, **({"sameAs": same_as} if same_as else {}), "root": list(root)}


TREE = [
    tree("empty root"),
    tree("one file", HELLO),
    tree("one empty file", file("hello.txt", text(""))),
    tree("nested", *NESTED),
    tree(
        "empty folders do not count",
        *NESTED,
        folder("nothing"),
        folder("nothing at any depth", folder("a", folder("b")), folder("c")),
        same_as="nested",
    ),
    tree("only empty folders", folder("a", folder("b"), folder("c")), same_as="empty root"),
    tree("the folder of a file counts", folder("hello.txt", HELLO)),
    tree("a file is not the folder of its name", file("a", text("b"))),
    tree("content cannot move into the name", file("ab", text(""))),
    tree(
        "names that are prefixes: file",
        *(file(name, text(name)) for name in ("a", "a-b", "a.b", "a b", "ab", "a0")),
    ),
    tree(
        "names that are prefixes: folder",
        folder("a", file("b", text("a/b"))),
        *(file(name, text(name)) for name in ("a-b", "a.b", "a b", "ab", "a0")),
    ),
    tree("names sort by bytes", file("\uff5e", text("1")), file("\U0001f600", text("2"))),
    tree("the same contents under swapped names", file("\uff5e", text("2")), file("\U0001f600", text("1"))),
    tree(
        "letters sort by bytes",
        *(file(name, text(name)) for name in ("Z", "z", "\u00e9", "e", "10", "9", "_")),
    ),
    tree("names are not normalised", file("\u00e9", text("composed")), file("e\u0301", text("decomposed"))),
    tree("a name that is not UTF-8", {**raw(b"caf\xe9"), "file": text("latin-1")}, HELLO),
    tree("a folder name that is not UTF-8", {**raw(b"\xff\x01"), "folder": [HELLO]}),
    tree("a long name", file("n" * 255, text("255 bytes")), file("n" * 24, text("24")), file("n" * 23, text("23"))),
    tree(
        "lengths of every width",
        *(file(f"f{length}", painted(length)) for length in (0, 23, 24, 255, 256, 65535, 65536)),
    ),
    tree("lengths at the edges of a block", *(file(f"{length:04}", painted(length)) for length in EDGES)),
    tree("a file of several subtrees", file("large", painted(SUBTREE + 1))),
    tree("more entries than a short array has", *(file(f"{number}", text("")) for number in range(30))),
    tree("a .gitignore is a file", file(".gitignore", text("*.txt\n")), HELLO),
    tree(
        "repositories and stores are skipped at any depth",
        *NESTED[:2],
        folder(
            "other",
            file("empty", text("")),
            folder(".git", file("HEAD", text("ref"))),
            file(".lineaprint", text("")),
        ),
        folder(".git", file("config", text(""))),
        folder(".lineaprint", folder("runs", file("x", text("y")))),
        same_as="nested",
    ),
    tree(
        "the state of a download is skipped at any depth",
        folder(".cache", folder("huggingface", folder("download", file("hello.txt.metadata", text("1700000000.5"))))),
        *NESTED[:2],
        folder(
            "other",
            file("empty", text("")),
            folder(".cache", file("huggingface", text("a file of that name"))),
        ),
        same_as="nested",
    ),
    tree(
        "a followed link to the state of a download is skipped",
        HELLO,
        folder(".cache", link("huggingface", "../hello.txt")),
        same_as="one file",
    ),
    tree(
        "a recorded link to the state of a download is skipped",
        HELLO,
        folder(".cache", link("huggingface", "/elsewhere")),
        links="record",
        same_as="one file",
    ),
    tree("huggingface counts elsewhere", folder("huggingface", HELLO), HELLO),
    tree("huggingface below another folder of .cache counts", folder(".cache", folder("a", folder("huggingface", HELLO)))),
    tree("other entries of .cache count", folder(".cache", folder("huggingface2", HELLO), file("x", text("")))),
    tree("other names with a dot count", folder(".github", file("x", text(""))), file(".gitattributes", text(""))),
    tree("a recorded link", HELLO, link("link", "hello.txt"), links="record"),
    tree("a recorded link to somewhere else", HELLO, link("link", "./hello.txt"), links="record"),
    tree("a recorded link that leads nowhere", HELLO, link("link", "nowhere/at all"), links="record"),
    tree("a folder that holds only a recorded link", folder("sub", link("link", "../x")), links="record"),
    tree(
        "a recorded target that is not UTF-8",
        HELLO,
        {"name": "link", "linkBase64": base64.b64encode(b"caf\xe9/\xff").decode()},
        links="record",
    ),
    tree("a materialised copy", HELLO, file("link", text("hello\n"))),
    tree("a followed link", HELLO, link("link", "hello.txt"), same_as="a materialised copy"),
    tree(
        "followed links as a model cache has them",
        folder("blobs", file("abc", text("weights")), file("def", text("config"))),
        folder("snapshots", folder("1", link("config.json", "../../blobs/def"), link("model.bin", "../../blobs/abc"))),
        link("latest", "snapshots/1"),
    ),
    tree(
        "the same cache, materialised",
        folder("blobs", file("abc", text("weights")), file("def", text("config"))),
        folder("snapshots", folder("1", file("config.json", text("config")), file("model.bin", text("weights")))),
        folder("latest", file("config.json", text("config")), file("model.bin", text("weights"))),
        same_as="followed links as a model cache has them",
    ),
    tree("a followed link to an empty folder", HELLO, folder("none"), link("link", "none"), same_as="one file"),
    tree("a skipped name that is a link", HELLO, link(".git", "hello.txt"), same_as="one file"),
]

# --- tensor -------------------------------------------------------------------------------------------

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


def tensor(name, dtype, shape, content):
    return {"name": name, "dtype": dtype, "shape": shape, "data": content}


def f64(*values):
    return data(struct.pack(f"<{len(values)}d", *values))


def f32(*values):
    return data(struct.pack(f"<{len(values)}f", *values))


def f32_bits(bits):
    return data(struct.pack("<I", bits))


TENSOR = [
    tensor("scalar", "F32", [], f32(1)),
    tensor("one element", "F32", [1], f32(1)),
    tensor("one element in two axes", "F32", [1, 1], f32(1)),
    tensor("no elements", "F32", [0], text("")),
    tensor("no elements, three columns", "F32", [0, 3], text("")),
    tensor("no elements, three rows", "F32", [3, 0], text("")),
    tensor("no elements, other dtype", "F64", [0], text("")),
    tensor("two rows", "F32", [2, 3], f32(1, 2, 3, 4, 5, 6)),
    tensor("three rows", "F32", [3, 2], f32(1, 2, 3, 4, 5, 6)),
    tensor("flat", "F32", [6], f32(1, 2, 3, 4, 5, 6)),
    tensor("zero", "F64", [1], f64(0.0)),
    tensor("negative zero", "F64", [1], f64(-0.0)),
    tensor("eight zero bytes", "F32", [2], f32(0, 0)),
    tensor("quiet NaN", "F32", [], f32_bits(0x7FC00000)),
    tensor("NaN with a payload", "F32", [], f32_bits(0x7FC00001)),
    tensor("infinities", "F64", [2], f64(float("inf"), float("-inf"))),
    tensor("integers", "I64", [3], data(struct.pack("<3q", -(2**63), 0, 2**63 - 1))),
    tensor("unsigned integers", "U64", [2], data(struct.pack("<2Q", 0, 2**64 - 1))),
    tensor("dimensions of every width", "U8", [0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296], text("")),
    tensor("the largest dimension", "U8", [9007199254740991, 0], text("")),
    tensor("several subtrees", "U8", [1025, 4099], painted(1025 * 4099)),
] + [tensor(f"dtype {dtype}", dtype, [2, 4], painted(bits)) for dtype, bits in BITS.items()]

# --- weights ------------------------------------------------------------------------------------------

TWO = [tensor("b", "F32", [2], f32(3, 4)), tensor("a", "F32", [2], f32(1, 2))]


def weights(name, tensors, same_as=None):
    return {"name": name, **({"sameAs": same_as} if same_as else {}), "tensors": tensors}


WEIGHTS = [
    weights("no tensors", []),
    weights("two tensors", TWO),
    weights("two tensors in another order", TWO[::-1], same_as="two tensors"),
    weights("swapped names", [tensor("a", "F32", [2], f32(3, 4)), tensor("b", "F32", [2], f32(1, 2))]),
    weights("another shape", [TWO[0], tensor("a", "F32", [1, 2], f32(1, 2))]),
    weights("another dtype", [TWO[0], tensor("a", "I32", [2], f32(1, 2))]),
    weights("a tie is listed under every name", [*TWO, tensor("c", "F32", [2], f32(1, 2))]),
    weights(
        "names sort by UTF-8 bytes",
        [
            tensor(name, "U8", [number], painted(number))
            for number, name in enumerate(["\U0001f600", "\uff5e", "z", "Z", "é", "aa", "a.b", "a-b", "a"])
        ],
    ),
    weights(
        "names with anything in them",
        [
            tensor(name, "U8", [number], painted(number))
            for number, name in enumerate(['"', "\\", "\n", "/", "\x7f", "e\u0301", "é", "\u0000", ""])
        ],
    ),
    weights(
        "scalars and tensors without elements",
        [
            tensor("empty", "F16", [0], text("")),
            tensor("scalar", "F64", [], f64(0.1)),
            tensor("flat", "F64", [1], f64(0.1)),
            tensor("rows", "BF16", [3, 0, 2], text("")),
        ],
    ),
    weights("every dtype", [tensor(f"t.{dtype}", dtype, [2, 4], painted(bits)) for dtype, bits in BITS.items()]),
    weights(
        "more tensors than a one-byte length has",
        [tensor(f"l.{number}", "U8", [1], painted(1)) for number in range(260)],
    ),
    weights("lengths at the edges of a block", [tensor(f"{n:04}", "U8", [n], painted(n)) for n in EDGES]),
    weights(
        "tensors around the size of a subtree",
        [
            *(tensor(f"{extra:+}", "U8", [SUBTREE + extra], painted(SUBTREE + extra)) for extra in (-1, 0, 1)),
            tensor("small", "U8", [7], painted(7)),
        ],
    ),
]

# --- architecture -------------------------------------------------------------------------------------

CONFIG = {
    "architectures": ["TinyForCausalLM"],
    "hidden_size": 64,
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "rope_scaling": None,
    "vocab_size": 32000,
}
ADAPTER = {"peft_type": "LORA", "r": 16, "target_modules": ["v_proj", "q_proj"]}


def architecture(name, config, same_as=None, tensors=None, embedded=False):
    written = config if config is None or isinstance(config, str) else json.dumps(config)
    case = {"name": name, **({"sameAs": same_as} if same_as else {}), **({"embedded": True} if embedded else {})}
    return case | {"config": written, "tensors": TWO if tensors is None else tensors}


def keras(units, **changes):
    """What Keras 3 writes about a model of dense layers, shortened."""
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "input"}}]
    for place, width in enumerate(units):
        settings = {"name": f"dense_{place}", "units": width, "activation": "relu", "dtype": {"class_name": "DTypePolicy"}}
        build = {"build_config": {"input_shape": [None, 4]}, "shared_object_id": 139_000 + place}
        layers.append({"class_name": "Dense", "config": settings, **build})
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}} | changes


def adapter(**changes):
    return ADAPTER | changes


ARCHITECTURE = [
    architecture("no configuration", None),
    architecture(
        "other elements, other order",
        None,
        same_as="no configuration",
        tensors=[tensor("a", "F32", [2], f32(9, 9)), tensor("b", "F32", [2], f32(8, 8))],
    ),
    architecture("no tensors", None, tensors=[]),
    architecture("another shape", None, tensors=[TWO[0], tensor("a", "F32", [1, 2], f32(1, 2))]),
    architecture("another dtype", None, tensors=[TWO[0], tensor("a", "I32", [2], f32(1, 2))]),
    architecture("a null configuration is not none", "null"),
    architecture("an empty configuration", "{}"),
    architecture("a configuration", CONFIG),
    architecture(
        "indented, keys in another order, numbers written in another way",
        '{\n  "vocab_size": 3.2e4,\n  "tie_word_embeddings": false,\n  "rope_theta": 10000,\n  "rope_scaling": null,\n'
        '  "rms_norm_eps": 0.00001,\n  "initializer_range": 2e-2,\n  "hidden_size": 64.0,\n'
        '  "architectures": ["Tiny\\u0046orCausalLM"]\n}\n',
        same_as="a configuration",
    ),
    architecture(
        "keys that do not count",
        {
            **CONFIG,
            "_name_or_path": "/home/someone/tiny",
            "name_or_path": "someone/tiny",
            "base_model_name_or_path": None,
            "_commit_hash": "0123",
            "transformers_version": "4.57.0",
            "_diffusers_version": "0.35.0",
            "torch_dtype": "bfloat16",
            "dtype": {"a": [1]},
        },
        same_as="a configuration",
    ),
    architecture("keys that do not count, deeper", {**CONFIG, "text_config": {"layers": [{"dtype": "x", "size": 1}]}}),
    architecture(
        "the same without them",
        {**CONFIG, "text_config": {"layers": [{"size": 1}]}},
        same_as="keys that do not count, deeper",
    ),
    architecture("a key that only looks like one", {**CONFIG, "torch_dtypes": "x"}),
    architecture("another value", {**CONFIG, "hidden_size": 65}),
    architecture("a missing null", {key: value for key, value in CONFIG.items() if value is not None}),
    architecture("an adapter", adapter()),
    architecture("sets in another order", adapter(target_modules=["q_proj", "v_proj"]), same_as="an adapter"),
    architecture(
        "all sets, sorted by UTF-8 bytes",
        adapter(target_modules=["\uff5e", "\U0001f600"], modules_to_save=["b", "a", "a"], exclude_modules=[]),
    ),
    architecture(
        "all sets, sorted by UTF-16",
        adapter(target_modules=["\U0001f600", "\uff5e"], modules_to_save=["a", "b", "a"], exclude_modules=[]),
        same_as="all sets, sorted by UTF-8 bytes",
    ),
    architecture("a set keeps what stands twice", adapter(modules_to_save=["a", "b"])),
    architecture("a set as one text", adapter(target_modules="all-linear")),
    architecture("an array of other things is no set", adapter(target_modules=["b", 1, "a"])),
    architecture("which keeps its order", adapter(target_modules=["a", 1, "b"])),
    architecture("sets at depth", {"peft": [{"target_modules": ["b", "a"]}]}),
    architecture("sets at depth, sorted", {"peft": [{"target_modules": ["a", "b"]}]}, same_as="sets at depth"),
    architecture("the order of other arrays counts", {"architectures": ["b", "a"]}),
    architecture("the order of other arrays, turned", {"architectures": ["a", "b"]}),
    architecture("numbers that JSON does not have", '{"a": NaN, "b": Infinity, "c": [-Infinity]}'),
    architecture("the key __proto__", '{"__proto__": {"dtype": "x", "a": 1}, "constructor": 2}'),
    architecture("a configuration that is an array", '[{"dtype": 1, "b": 2}]'),
    architecture("what Keras writes", keras([8, 2]), embedded=True),
    architecture(
        "what Keras writes anew with each save",
        keras([8, 2], compile_config={"optimizer": "adam"}, keras_version="3.1", date_saved="2025-01-01@00:00:00"),
        same_as="what Keras writes",
        embedded=True,
    ),
    architecture("the same keys beside a file count", keras([8, 2])),
    architecture("other layers", keras([8, 8, 2]), embedded=True),
]

# --- family -------------------------------------------------------------------------------------------


def family(name, tensors, config=None, same_as=None, embedded=False):
    """`tensors` are names with a dtype and a shape."""
    listed = [{"name": key, "dtype": dtype, "shape": shape} for key, (dtype, *shape) in tensors.items()]
    case = architecture(name, config, same_as, tensors=listed, embedded=embedded)
    return case


def decoder(layers, width, dtype="BF16"):
    tensors = {"model.embed_tokens.weight": (dtype, 1000, width), "model.norm.weight": (dtype, width)}
    for layer in range(layers):
        tensors[f"model.layers.{layer}.self_attn.q_proj.weight"] = (dtype, width, width)
        tensors[f"model.layers.{layer}.input_layernorm.weight"] = (dtype, width)
    return tensors


def sized(layers, width, **changes):
    sizes = {"hidden_size": width, "num_hidden_layers": layers, "vocab_size": 1000, "layer_types": ["full"] * layers}
    return {"model_type": "tiny", "hidden_act": "silu", "rope_theta": 10000.0, "torch_dtype": "bfloat16"} | sizes | changes


FAMILY = [
    family("no tensors", {}),
    family("two tensors", {"a": ("F32", 2), "b": ("F32", 2)}),
    family("a decoder", decoder(2, 64)),
    family("more and wider layers", decoder(12, 4096), same_as="a decoder"),
    family("other floats", decoder(3, 64, "F32"), same_as="a decoder"),
    family("integers", decoder(3, 64, "I8")),
    family("another rank", decoder(2, 64) | {"model.norm.weight": ("BF16", 1, 64)}),
    family("another tensor", decoder(2, 64) | {"lm_head.weight": ("BF16", 1000, 64)}),
    family("with a configuration", decoder(2, 64), sized(2, 64)),
    family("of other sizes", decoder(4, 128), sized(4, 128), same_as="with a configuration"),
    family("sizes at depth", decoder(2, 64), {"text_config": {"hidden_size": 64, "hidden_act": "silu"}}),
    family(
        "sizes at depth, others",
        decoder(2, 64),
        {"text_config": {"hidden_size": 65, "hidden_act": "silu"}},
        same_as="sizes at depth",
    ),
    family("another activation", decoder(2, 64), sized(2, 64, hidden_act="gelu")),
    family("another type of layers", decoder(2, 64), sized(2, 64, layer_types=["full", "sliding"])),
    family(
        "in another order",
        decoder(3, 64),
        sized(3, 64, layer_types=["sliding", "full", "full"]),
        same_as="another type of layers",
    ),
    family("an empty configuration", decoder(2, 64), "{}"),
    family("a number of layers", decoder(2, 64), {"layers": 12}, same_as="an empty configuration"),
    family("numbers in names", {"h_0/dense-1:0": ("F32", 2), "conv2d.w8.08": ("F32", 2), "7": ("F32",)}),
    family(
        "other numbers in names",
        {"h_11/dense-2:1": ("F32", 3), "conv2d.w8.9": ("F32", 1), "0": ("F32",), "1": ("F32",)},
        same_as="numbers in names",
    ),
    family("numbers that are no part", {"h0.conv2.weight": ("F32", 2)}),
    family("another of them", {"h1.conv2.weight": ("F32", 2)}),
    family("digits of another script", {"h.\u0663.w": ("F32", 2)}),
    family("braces in a name", {"h.{}.w": ("F32", 2)}),
    family("which a number equals", {"h.3.w": ("F32", 2)}, same_as="braces in a name"),
    family("the order of ranks and classes", {"0": ("F32",), "1": ("F32", 1), "2": ("BOOL", 1), "3": ("C64",)}),
    family("opaque elements", {"a": ("OPAQUE2", 2)}),
    family("blocks", {"blk.0.w": ("GGML_Q4_K", 256)}),
    family("other blocks", {"blk.1.w": ("GGML_IQ2_XS", 512)}, same_as="blocks"),
    family("what Keras writes", {"layers/dense/vars/0": ("F32", 4, 8)}, keras([8]), embedded=True),
    family(
        "what Keras writes of more layers",
        {"layers/dense/vars/0": ("F32", 4, 16)},
        keras([16, 3], compile_config=None),
        same_as="what Keras writes",
        embedded=True,
    ),
]

# --- sequence -----------------------------------------------------------------------------------------


def sequence(name, *files, same_as=None):
    return {"name": name, **({"sameAs": same_as} if same_as else {}), "files": list(files)}


def counted(count, start=0):
    return {"counted": [start, start + count]}


SEQUENCE = [
    sequence("no records", text("")),
    sequence("an empty record", text("\n")),
    sequence("two records", text("a\nb\n")),
    sequence("without a line feed at the end", text("a\nb"), same_as="two records"),
    sequence("with carriage returns", text("a\r\nb\r\n"), same_as="two records"),
    sequence("in two files", text("a"), text("b\n"), same_as="two records"),
    sequence("another order", text("b\na\n")),
    sequence("an empty record more", text("a\nb\n\n")),
    sequence("framed", text("ab\n")),
    sequence("bytes that are not text", data(b"\xff\x00\xfe\n\r\r\n")),
    sequence("one block", counted(65536)),
    sequence("one block and a record", counted(65537)),
    sequence("the same in files", counted(65535), counted(1, 65535), text(""), counted(1, 65536), same_as="one block and a record"),
    sequence("two blocks and a record", counted(131073)),
]

# --- splits -------------------------------------------------------------------------------------------


def split(name, kind, byte):
    return {"name": name, "kind": kind, "digest": bytes([byte] * 32).hex()}


def splits(name, *parts, same_as=None):
    return {"name": name, **({"sameAs": same_as} if same_as else {}), "splits": list(parts)}


SPLITS = [
    splits("no splits"),
    splits("one", split("train", "table", 1)),
    splits("two", split("test", "table", 2), split("train", "table", 1)),
    splits("two in another order", split("train", "table", 1), split("test", "table", 2), same_as="two"),
    splits("their tables exchanged", split("test", "table", 1), split("train", "table", 2)),
    splits("rows in any order", split("train", "table-unordered", 1)),
    splits("names by their bytes", split("\uff5e", "table", 1), split("\U0001f600", "table", 1), split("a", "table", 1)),
]

# --- tokenizer ----------------------------------------------------------------------------------------


def tokenizer(name, files, same_as=None):
    contents = {key: text(value) if isinstance(value, str) else value for key, value in files.items()}
    case = {"name": name, **({"sameAs": same_as} if same_as else {})}
    return case | {"files": [{"name": key, "content": value} for key, value in contents.items()]}


TINY = '{"version":"1.0","model":{"vocab":{"a":0,"b":1},"merges":[["a","b"]]}}'
TURNED = '{\n  "model": { "merges": [["a", "b"]], "vocab": { "b": 1, "a": 0 } },\n  "version": "1.0"\n}\n'

TOKENIZER = [
    tokenizer("one JSON file", {"tokenizer.json": TINY}),
    tokenizer("the same, indented and turned", {"tokenizer.json": TURNED}, same_as="one JSON file"),
    tokenizer("another name", {"vocab.json": TINY}),
    tokenizer("settings", {"tokenizer_config.json": '{"do_lower_case":true}'}),
    tokenizer(
        "settings that say where they came from",
        {"tokenizer_config.json": '{"name_or_path":"/a/b","do_lower_case":true,"transformers_version":"4.1"}'},
        same_as="settings",
    ),
    tokenizer("bytes of other files", {"vocab.txt": "[PAD]\na\n", "merges.txt": "#version: 0.2\na b\n"}),
    tokenizer("their line ends count", {"vocab.txt": "[PAD]\r\na\r\n", "merges.txt": "#version: 0.2\na b\n"}),
    tokenizer(
        "every name",
        {
            "vocab.txt": "a\n",
            "vocab.json": '{"\uff5e":1,"\U0001f600":2}',
            "tokenizer_config.json": '{"model_max_length":1000000000000000019884624838656,"add_bos_token":true}',
            "tokenizer.model": data(b"\n\x0e\n\x05<unk>\x15\x00"),
            "tokenizer.json": "{}",
            "spiece.model": data(b"\x00"),
            "special_tokens_map.json": '{"unk_token":"<unk>"}',
            "sentencepiece.bpe.model": data(b"\xff"),
            "merges.txt": "",
            "chat_template.json": '{"chat_template":"x"}',
            "chat_template.jinja": "{{ messages }}",
            "added_tokens.json": '{"</s>":2}',
            "bpe.codes": "a b</w>\n",
            "encoder.json": '{"a":0}',
            "normalizer.json": '{"colour":"color"}',
            "sentencepiece.model": data(b"\x01"),
            "source.spm": data(b"\x02"),
            "spm.model": data(b"\x03"),
            "target.spm": data(b"\x04"),
            "tekken.json": '{"config":{},"vocab":[]}',
            "vocab.bpe": "a b\n",
        },
    ),
    tokenizer("the table of tiktoken", {"qwen.tiktoken": "IQ== 0\nIg== 1\n"}),
    tokenizer("under another name", {"cl100k_base.tiktoken": "IQ== 0\nIg== 1\n"}),
    tokenizer(
        "further templates",
        {"tokenizer.json": "{}", "additional_chat_templates/tools.jinja": "{{ tools }}"},
    ),
    tokenizer(
        "files beside templates",
        {
            "tokenizer.json": "{}",
            "additional_chat_templates/tools.jinja": "{{ tools }}",
            "additional_chat_templates/README.md": "x",
        },
        same_as="further templates",
    ),
    tokenizer(
        "paths of files",
        {
            "tokenizer_config.json": '{"tokenizer_file":"/a/tokenizer.json","special_tokens_map_file":"/b",'
            '"vocab_file":"/c","merges_file":null,"do_lower_case":true}'
        },
        same_as="settings",
    ),
    tokenizer("one empty object", {"tokenizer.json": "{}"}),
    tokenizer(
        "files that do not count",
        {"tokenizer.json": "{ }", "README.md": "hello", "config.json": "{}"},
        same_as="one empty object",
    ),
]

# --- json ---------------------------------------------------------------------------------------------

RECORD = '{"b": [1, 2.50, -0.0, 1e21], "a": {"\u20ac": null, "\\n": true}, "c": "\\u00e9\\ud83d\\ude00"}'
JSON = [
    *({"name": f"{kind}: empty", "kind": kind, "text": "{}"} for kind in ("environment", "git", "run", "seeds")),
    *({"name": f"{kind}: a record", "kind": kind, "text": RECORD} for kind in ("environment", "git", "run", "seeds")),
    {
        "name": "run: the same record in another order",
        "kind": "run",
        "sameAs": "run: a record",
        "text": '{"a":{"\\n":true,"\\u20ac":null},"c":"é😀","b":[1.0,25e-1,0,1000000000000000000000]}',
    },
    {"name": "seeds: numbers that JSON does not have", "kind": "seeds", "text": '{"loss":[NaN,Infinity,-Infinity]}'},
]

# --- canonical-json -----------------------------------------------------------------------------------

# Appendix B of RFC 8785, then limits and the edges where ECMAScript changes its way of writing.
NUMBERS = """
0000000000000000 8000000000000000 0000000000000001 8000000000000001 7fefffffffffffff ffefffffffffffff
4340000000000000 c340000000000000 4430000000000000 7fffffffffffffff 7ff0000000000000 fff0000000000000
44b52d02c7e14af5 44b52d02c7e14af6 44b52d02c7e14af7 444b1ae4d6e2ef4e 444b1ae4d6e2ef4f 444b1ae4d6e2ef50
3eb0c6f7a0b5ed8c 3eb0c6f7a0b5ed8d 41b3de4355555553 41b3de4355555554 41b3de4355555555 41b3de4355555556
41b3de4355555557 becbf647612f3696 43143ff3c1cb0959 7ff8000000000000 fff8000000000001 433fffffffffffff
3ff0000000000000 bff8000000000000 0010000000000000 000fffffffffffff 3fb999999999999a 3e7ad7f29abcaf48
44b1ae4d6e2ef50e 3ff0000000000001 4415af1d78b58c40 4024000000000000 40f86a0000000000 405edd2f1a9fbe77
""".split()

TEXTS = [
    ("whitespace", ' \n\r\t{ "b" : [ ] , "a" : { } }\n'),
    ("keys sort by UTF-16 units", '{"\\uff5e":1,"\\ud83d\\ude00":2,"\\u20ac":3,"\\r":4,"":5,"1":6,"10":7,"2":8,"\\u0080":9,"\\u00f6":10}'),
    ("escapes", '"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\"\\\\\\/\\u007f\\u2028\\u2029\\u00e9"'),
    ("text beyond the basic plane", '"\\ud834\\udd1e é 😀"'),
    ("numbers in every way of writing", "[1, 1.0, 1e0, 10e-1, 0.1E+1, -0, 0.0, 1E2, 100.00]"),
    ("the edge of fixed and exponent form", "[1e20, 1e21, 123456789012345680000, 0.000001, 0.0000001, 1.5e-7, 1e-7, 1e300]"),
    ("integers that a double does not keep", "[9007199254740992, 9007199254740993, -9007199254740993, 12345678901234567890]"),
    ("an integer that it keeps", "[9007199254740994, 1000000000000000000000]"),
    ("a number too small", "[1e-400, 4.9e-324, 2e-324]"),
    ("numbers that JSON does not have", '{"n": NaN, "p": Infinity, "m": -Infinity}'),
    ("what they look like, written out", '{"__float__": "NaN"}'),
    ("words", "[true, false, null]"),
    ("__proto__ is a key", '{"__proto__": 1, "constructor": {"__proto__": null}}'),
    ("one value alone", "3"),
    ("deep", "[" * 100 + "]" * 100),
    ("two equal keys", '{"a": 1, "a": 1}'),
    ("two keys that are equal after escapes", '{"a": 1, "\\u0061": 2}'),
    ("beyond a double", "[1e309]"),
    ("beyond a double, negative", "-1e400"),
    ("an integer beyond a double", "1" + "0" * 309),
    ("half a surrogate pair", '"\\ud800"'),
    ("the other half", '{"\\udc00x": 1}'),
    ("a comma too many", "[1,]"),
    ("a leading zero", "[01]"),
    ("a plus sign", "+1"),
    ("no digit after the point", "1."),
    ("no digit before the point", ".5"),
    ("another spelling of NaN", "nan"),
    ("minus NaN", "-NaN"),
    ("a control character in a string", '"a\tb"'),
    ("an unknown escape", '"\\x41"'),
    ("single quotes", "{'a': 1}"),
    ("a comment", "/* */ 1"),
    ("two documents", "1 2"),
    ("nothing", ""),
    ("a byte order mark", "\ufeff{}"),
    ("a space that JSON does not know", "\u00a01"),
]

CANONICAL_JSON = [{"name": f"the double {bits}", "bits": bits} for bits in NUMBERS]
CANONICAL_JSON += [{"name": name, "text": value} for name, value in TEXTS]

# --- cbor ---------------------------------------------------------------------------------------------

INTEGERS = [0, 1, 10, 23, 24, 25, 100, 255, 256, 1000, 65535, 65536, 1000000, 2**32 - 1, 2**32, 10**12, 2**64 - 1]
INTEGERS += [-1, -10, -24, -25, -100, -256, -257, -1000, -65537, -(2**32), -(2**32) - 1, -(2**64)]

CBOR = [{"name": f"the integer {number}", "value": {"integer": str(number)}} for number in INTEGERS]
CBOR += [
    {"name": name, "value": value}
    for name, value in [
        ("false", False),
        ("true", True),
        ("null", None),
        ("no bytes", {"bytes": ""}),
        ("bytes", {"bytes": "01020304"}),
        ("24 bytes", {"bytes": "ff" * 24}),
        ("256 bytes", {"bytes": "00" * 256}),
        ("no text", {"text": ""}),
        ("text", {"text": "IETF"}),
        ("text beyond ASCII", {"text": "ü水😀"}),
        ("23 letters", {"text": "a" * 23}),
        ("24 letters", {"text": "a" * 24}),
        ("an empty array", []),
        ("an array", [{"integer": "1"}, [{"integer": "2"}, {"text": "3"}], {"bytes": "04"}, None, True]),
        ("an array of 24", [{"integer": "7"}] * 24),
    ]
]

CASES = {
    "plain": PLAIN,
    "tree": TREE,
    "tensor": TENSOR,
    "weights": WEIGHTS,
    "architecture": ARCHITECTURE,
    "family": FAMILY,
    "tokenizer": TOKENIZER,
    "splits": SPLITS,
    "sequence": SEQUENCE,
    "json": JSON,
    "canonical-json": CANONICAL_JSON,
    "cbor": CBOR,
}
