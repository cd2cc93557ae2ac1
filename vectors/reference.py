#!/usr/bin/env python3
"""The digests of docs/format.md, recomputed from that text alone.

This file shares no code with the project. It is written to be read: everything is held in memory and nothing
is fast. Which units a sample reads stands in sampling.py, what the blocks of a table are in tables.py, what consists of
several models in composites.py, records and samples in records.py; what is hashed stands in cases.py, composite_cases.py,
record_cases.py, sample_cases.py and table_cases.py; orders.py has the order of samples; the results are the JSON files in this folder, which the tests of every language read.

    python vectors/reference.py --check    recompute everything, exit 1 naming each difference
    python vectors/reference.py --write    write the JSON files again

Needs the packages blake3 and cbor2 (scripts/setup-python.sh installs them).
"""

import argparse
import base64
import hashlib
import json
import math
import re
import struct
import sys
from decimal import Decimal
from pathlib import Path

import blake3
import cbor2
import sampling
import tables

HERE = Path(__file__).resolve().parent

# --- Plain digests and the written form ---------------------------------------------------------------

ALGORITHMS = {
    "blake3": lambda data: blake3.blake3(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def structured(kind, algorithm, items):
    """The canonical description of a kind, and its digest."""
    description = cbor2.dumps([f"lineaprint/{kind}/v1", *items], canonical=True)
    return description, ALGORITHMS[algorithm](description)


def written_plain(data):
    return {name: f"{name}:{hash_of(data).hex()}" for name, hash_of in ALGORITHMS.items()}


def result(kind, items_of, plan=""):
    """What a vector says of a structured digest: both written forms, and a short description for debugging."""
    made = {algorithm: structured(kind, algorithm, items_of(algorithm)) for algorithm in ALGORITHMS}
    digests = {algorithm: f"{kind}{plan}.v1.{algorithm}:{digest.hex()}" for algorithm, (_, digest) in made.items()}
    description = made["blake3"][0]
    return {"digests": digests, **({"blake3Description": description.hex()} if len(description) <= 200 else {})}


def content(source):
    """The bytes that a vector describes: painted, as text, or in base64."""
    if "painted" in source:
        return bytes(i % 251 for i in range(251)) * (source["painted"] // 251) + bytes(range(source["painted"] % 251))
    if "text" in source:
        return source["text"].encode()
    return base64.b64decode(source["base64"], validate=True)


# --- Canonical JSON: RFC 8785, and a form for what JSON cannot write ---------------------------------


class Refused(Exception):
    """The input has no digest."""


def number_text(value):
    """A double as ECMAScript writes it (Number::toString, radix 10)."""
    if not math.isfinite(value):
        name = "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        return f'{{"__float__":"{name}"}}'
    if value == 0:
        return "0"
    # repr gives the shortest digits that read back as the same double, which is what ECMAScript asks for.
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    point = len(digits) + exponent
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        text = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return "-" * sign + text


ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def string_text(value):
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Refused("half a surrogate pair")
    escaped = (ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value)
    return f'"{"".join(escaped)}"'


def canonical(value):
    """Canonical JSON of a parsed value, as text."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    # By UTF-16 code units: big-endian bytes sort like the units themselves.
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return f"{{{','.join(f'{string_text(key)}:{canonical(value[key])}' for key in keys)}}}"


def parse_json(text):
    """A parsed document, every number a float, and the integers whose digits a double does not keep."""
    lossy = []

    def double(digits):
        value = float(digits)
        if math.isinf(value):
            raise Refused("beyond a double")
        return value

    def integer(digits):
        value = double(digits)
        if int(value) != int(digits):
            lossy.append(digits)
        return value

    def members(pairs):
        if len({key for key, _ in pairs}) != len(pairs):
            raise Refused("a key twice")
        return dict(pairs)

    try:
        value = json.loads(
            text, object_pairs_hook=members, parse_int=integer, parse_float=double, parse_constant=float
        )
    except json.JSONDecodeError as error:
        raise Refused(f"not JSON: {error}") from error
    return value, lossy


# --- Trees ------------------------------------------------------------------------------------------

SKIPPED = (b".git", b".lineaprint")
SKIPPED_BELOW = ((b".cache", b"huggingface"),)


def entry_name(entry):
    return base64.b64decode(entry["nameBase64"]) if "nameBase64" in entry else entry["name"].encode()


def is_skipped(folder, name):
    """Whether an entry is skipped; the name of the folder that it is in is empty for the root."""
    return name in SKIPPED or (folder, name) in SKIPPED_BELOW


def target_of(entry):
    return base64.b64decode(entry["linkBase64"]) if "linkBase64" in entry else entry["link"].encode()


def is_link(entry):
    return "link" in entry or "linkBase64" in entry


def find(folders, name):
    return next(entry for entry in folders[-1] if entry_name(entry) == name)


def follow(entry, folders):
    """What a link leads to, and the folders from the root to where that lies."""
    while is_link(entry):
        *way, last = target_of(entry).split(b"/")
        for segment in way:
            folders = folders[:-1] if segment == b".." else [*folders, find(folders, segment)["folder"]]
        entry = find(folders, last)
    return entry, folders


def tree_items(algorithm, folders, links, folder=b""):
    """The entries of the last of `folders`, which has the name `folder`, as they stand in its description."""
    items = []
    for entry in sorted(folders[-1], key=entry_name):
        name, above = entry_name(entry), folders
        if is_skipped(folder, name):
            continue
        if is_link(entry):
            if links == "record":
                items.append([name, "link", target_of(entry)])
                continue
            entry, above = follow(entry, folders)
        if "file" in entry:
            data = content(entry["file"])
            items.append([name, "file", len(data), ALGORITHMS[algorithm](data)])
        else:
            inner = tree_items(algorithm, [*above, entry["folder"]], links, name)
            if inner:
                items.append([name, "dir", structured("tree", algorithm, [inner])[1]])
    return items


# --- Models -----------------------------------------------------------------------------------------


def by_name(tensors):
    return sorted(tensors, key=lambda tensor: tensor["name"].encode())


def tensor_items(tensor, algorithm):
    return [tensor["dtype"], tensor["shape"], ALGORITHMS[algorithm](content(tensor["data"]))]


def weights_items(tensors, algorithm):
    return [[[tensor["name"], *tensor_items(tensor, algorithm)] for tensor in by_name(tensors)]]


def architecture_items(tensors, config, algorithm):
    names = [[tensor["name"], tensor["dtype"], tensor["shape"]] for tensor in by_name(tensors)]
    return [names, None if config is None else ALGORITHMS[algorithm](config.encode())]


LEFT_OUT = {
    "_name_or_path",
    "name_or_path",
    "base_model_name_or_path",
    "_commit_hash",
    "transformers_version",
    "_diffusers_version",
    "peft_version",
    "torch_dtype",
    "dtype",
}
SETS = {"target_modules", "modules_to_save", "exclude_modules"}


# What Keras writes anew with each save into the configuration that a model file holds itself.
EMBEDDED = {"build_config", "compile_config", "date_saved", "keras_version", "shared_object_id"}
TOKENIZER_PATHS = {"merges_file", "special_tokens_map_file", "tokenizer_file", "vocab_file"}


def meaningful(value, more=frozenset()):
    """A configuration without what does not change the model."""
    if isinstance(value, list):
        return [meaningful(item, more) for item in value]
    if not isinstance(value, dict):
        return value
    left_out = LEFT_OUT | more
    kept = {key: meaningful(member, more) for key, member in value.items() if key not in left_out}
    for key in SETS & kept.keys():
        if isinstance(kept[key], list) and all(isinstance(item, str) for item in kept[key]):
            kept[key] = sorted(kept[key], key=str.encode)
    return kept


SIZES = set("""
    attention_head_dim batch_input_shape batch_shape block_out_channels bos_token_id d_ff d_inner d_kv d_model
    decoder_attention_heads decoder_ffn_dim decoder_layers decoder_start_token_id depth depths dim embed_dim
    embed_dims embedding_dim embedding_size encoder_attention_heads encoder_ffn_dim encoder_layers eos_token_id
    ffn_dim filters first_k_dense_replace head_dim hidden_dim hidden_size hidden_sizes id2label image_size
    in_channels inbound_nodes input_dim input_layers input_length input_size intermediate_size kernel_size key_dim
    kv_lora_rank label2id layers_per_block max_position_embeddings max_source_positions max_target_positions
    max_window_layers mlp_dim moe_intermediate_size n_ctx n_embd n_head n_heads n_inner n_layer n_layers
    n_positions n_routed_experts n_shared_experts name num_attention_heads num_channels num_classes num_experts
    num_experts_per_tok num_heads num_hidden_layers num_key_value_heads num_labels num_layers num_local_experts
    num_mel_bins original_max_position_embeddings out_channels output_dim output_layers pad_token_id patch_size
    pool_size projection_dim q_lora_rank qk_head_dim qk_nope_head_dim qk_rope_head_dim r sample_size
    shared_expert_intermediate_size sliding_window state_size target_shape type_vocab_size units v_head_dim
    value_dim vocab_size window_size word_embed_proj_dim
""".split())
LAYERS = {"block_types", "down_block_types", "layer_types", "layers", "up_block_types"}


def name_pattern(name):
    """A name with `{}` for each run of ASCII digits that is a whole part of it."""
    parts = re.split("([./_:-])", name)
    return "".join("{}" if re.fullmatch("[0-9]+", part) else part for part in parts)


def element_class(dtype):
    if dtype == "BOOL":
        return "bool"
    for start, name in (("OPAQUE", "opaque"), ("C", "complex"), ("U", "int")):
        if dtype.startswith(start):
            return name
    return "int" if re.fullmatch("I[0-9]+", dtype) else "float"


def without_sizes(value):
    if isinstance(value, list):
        return [without_sizes(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, member in value.items():
        if key in SIZES or (key in LAYERS and not isinstance(member, list)):
            continue
        kept[key] = without_sizes(member)
        if key in LAYERS:
            texts = {canonical(item): item for item in kept[key]}
            kept[key] = [texts[text] for text in sorted(texts, key=str.encode)]
    return kept


def family_document(tensors, config):
    kinds = {(name_pattern(tensor["name"]), element_class(tensor["dtype"]), len(tensor["shape"])) for tensor in tensors}
    ordered = sorted(kinds, key=lambda kind: (kind[0].encode(), kind[1], kind[2]))
    return canonical({"config": without_sizes(config), "tensors": [[name, of, float(rank)] for name, of, rank in ordered]})


TOKENIZER_FILES = {
    "added_tokens.json",
    "bpe.codes",
    "chat_template.jinja",
    "chat_template.json",
    "encoder.json",
    "merges.txt",
    "normalizer.json",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "source.spm",
    "special_tokens_map.json",
    "spiece.model",
    "spm.model",
    "target.spm",
    "tekken.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.bpe",
    "vocab.json",
    "vocab.txt",
}


def is_tokenizer_file(name, names):
    folder, _, last = name.rpartition("/")
    if folder:
        is_template = folder == "additional_chat_templates" and last.endswith(".jinja")
        return is_template and any(is_tokenizer_file(other, names) for other in names if "/" not in other)
    return name in TOKENIZER_FILES or name.endswith(".tiktoken")


def tokenizer_content(file):
    data = content(file["content"])
    if not file["name"].endswith(".json"):
        return data
    value = parse_json(data.decode())[0]
    # The only one of these files that says where it was loaded from and by which version.
    return canonical(meaningful(value, TOKENIZER_PATHS) if file["name"] == "tokenizer_config.json" else value).encode()


def tokenizer_items(files, algorithm):
    names = [file["name"] for file in files]
    counted = (file for file in files if is_tokenizer_file(file["name"], names))
    kept = sorted(counted, key=lambda file: file["name"].encode())
    return [[[file["name"], ALGORITHMS[algorithm](tokenizer_content(file))] for file in kept]]


# --- Samples ----------------------------------------------------------------------------------------


def sampled_result(of, plan, head, content_of):
    written = f"({sampling.written(of, plan)})"
    return result("sampled", lambda name: [*sampling.head(of, plan, *head), content_of(name)], written)


def sampled_file(case):
    plan, data = case["plan"], content(case["content"])
    stream, is_sample = sampling.read(plan, data, 16384)
    if not is_sample:
        return {"digests": written_plain(data)}
    head = (math.ceil(len(data) / 16384), len(data))
    return {"bytesRead": len(stream)} | sampled_result("file", plan, head, lambda name: ALGORITHMS[name](stream))


def read_tensor(plan, tensor):
    """The elements that are read, whether those are not all, and how many there are; bytes where they are narrower."""
    import cases

    data, width = content(tensor["data"]), max(1, cases.BITS[tensor["dtype"]] // 8)
    return *sampling.read(plan, data, width), len(data) // width, len(data)


def sampled_tensor(case):
    stream, is_sample, *head = read_tensor(case["plan"], case)
    if not is_sample:
        return result("tensor", lambda name: tensor_items(case, name))
    about = [case["dtype"], case["shape"]]
    made = sampled_result("tensor", case["plan"], head, lambda name: [*about, ALGORITHMS[name](stream)])
    return {"bytesRead": len(stream)} | made


def listed(folders, links, path=b""):
    """Every file and recorded link below a folder, by its path: the content, or the target in a list."""
    found = {}
    for entry in folders[-1]:
        name, above = entry_name(entry), folders
        if is_skipped(path.rstrip(b"/").rpartition(b"/")[2], name):
            continue
        if is_link(entry) and links == "record":
            found[path + name] = [target_of(entry)]
            continue
        if is_link(entry):
            entry, above = follow(entry, folders)
        if "file" in entry:
            found[path + name] = content(entry["file"])
        else:
            found |= listed([*above, entry["folder"]], links, path + name + b"/")
    return found


def sampled_tree(case):
    entries = listed([case["root"]], case["links"])
    paths = sorted(path for path, held in entries.items() if isinstance(held, bytes))
    chosen = sampling.select(case["plan"], len(paths))
    if chosen is None:
        return result("tree", lambda name: [tree_items(name, [case["root"]], case["links"])])
    read = {paths[unit] for unit in chosen}

    def items(algorithm):
        return [
            [path, "link", held[0]]
            if isinstance(held, list)
            else [path, len(held), ALGORITHMS[algorithm](held) if path in read else None]
            for path, held in sorted(entries.items())
        ]

    head = (len(paths), sum(len(entries[path]) for path in paths))
    made = sampled_result("tree", case["plan"], head, items)
    return {"bytesRead": sum(len(entries[path]) for path in read)} | made


def sampled_weights(case):
    tensors = by_name(case["tensors"])
    reads = [read_tensor(case["plan"], tensor) for tensor in tensors]
    if not any(is_sample for _, is_sample, _, _ in reads):
        return result("weights", lambda name: weights_items(case["tensors"], name))

    def items(algorithm):
        return [
            [tensor["name"], tensor["dtype"], tensor["shape"], ALGORITHMS[algorithm](stream), is_sample]
            for tensor, (stream, is_sample, _, _) in zip(tensors, reads)
        ]

    head = (len(tensors), sum(size for *_, size in reads))
    return {"bytesRead": sum(len(stream) for stream, *_ in reads)} | sampled_result("weights", case["plan"], head, items)


# --- Tables -----------------------------------------------------------------------------------------


def table_vector(case):
    made = result("table", lambda name: tables.table_items(case, ALGORITHMS[name]))
    unordered = result("table-unordered", lambda name: tables.unordered_items(case, ALGORITHMS[name]))
    return case | made | {"unordered": unordered["digests"]}


def table_vectors(cases):
    """The files of a case are named after its place in the list."""
    made = []
    for index, case in enumerate(cases):
        files = [f"{index:02}.{suffix}" for suffix in case.get("files", [])]
        made.append(table_vector(case | ({"files": files} if files else {})))
    by_name = {case["name"]: case for case in made}
    for case in made:
        other = by_name[case.get("unorderedAs", case["name"])]
        assert case["unordered"] == other["unordered"], case["name"]
    return made


# --- What each vector file says of its cases ----------------------------------------------------------


def plain_vector(case):
    return case | {"digests": written_plain(content(case["content"]))}


def tree_vector(case):
    return case | result("tree", lambda name: [tree_items(name, [case["root"]], case["links"])])


def tensor_vector(case):
    data = {"dataDigests": written_plain(content(case["data"]))}
    return case | data | result("tensor", lambda name: tensor_items(case, name))


def weights_vector(case):
    return case | result("weights", lambda name: weights_items(case["tensors"], name))


def meaningful_config(case):
    text, more = case["config"], EMBEDDED if case.get("embedded") else frozenset()
    return None if text is None else meaningful(parse_json(text)[0], more)


def architecture_vector(case):
    config = None if case["config"] is None else canonical(meaningful_config(case))
    digests = result("architecture", lambda name: architecture_items(case["tensors"], config, name))
    return case | {"canonicalConfig": config} | digests


def family_vector(case):
    document = family_document(case["tensors"], meaningful_config(case))
    return case | {"document": document} | result("family", lambda name: [ALGORITHMS[name](document.encode())])


def tokenizer_vector(case):
    files, names = [], [file["name"] for file in case["files"]]
    for file in case["files"]:
        counts = is_tokenizer_file(file["name"], names)
        is_json = counts and file["name"].endswith(".json")
        files.append(file | {"counts": counts} | ({"canonical": tokenizer_content(file).decode()} if is_json else {}))
    return case | {"files": files} | result("tokenizer", lambda name: tokenizer_items(files, name))


def sequence_content(file):
    if "counted" in file:
        return "".join(f"{number}\n" for number in range(*file["counted"])).encode()
    return content(file)


def sequence_vector(case):
    records = []
    for file in case["files"]:
        lines = sequence_content(file).split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        records += [line[:-1] if line.endswith(b"\r") else line for line in lines]
    blocks = []
    for start in range(0, len(records), 65536):
        block = records[start : start + 65536]
        blocks.append(b"".join(len(record).to_bytes(8, "little") + record for record in block))
    described = result("sequence", lambda name: [len(records), [ALGORITHMS[name](block) for block in blocks]])
    return case | {"records": len(records)} | described


def splits_vector(case):
    parts = sorted(case["splits"], key=lambda part: part["name"].encode())
    items = [[[part["name"], part["kind"], bytes.fromhex(part["digest"])] for part in parts]]
    return case | result("splits", lambda name: items)


def json_vector(case):
    text = canonical(parse_json(case["text"])[0])
    return case | {"canonical": text} | result(case["kind"], lambda name: [ALGORITHMS[name](text.encode())])


def canonical_json_vector(case):
    if "bits" in case:
        return case | {"canonical": number_text(struct.unpack(">d", bytes.fromhex(case["bits"]))[0])}
    try:
        value, lossy = parse_json(case["text"])
        return case | {"canonical": canonical(value), "lossyIntegers": lossy}
    except Refused as reason:
        return case | {"refused": str(reason).split(":")[0]}


def selection_vector(case):
    chosen = sampling.select(case["plan"], int(case["units"]))
    text = None if chosen is None else " ".join(map(str, chosen))
    return case | {"amount": sampling.amount_of(case["plan"]), "chosen": text}


def sampled_vector(case):
    of = {"file": sampled_file, "tensor": sampled_tensor, "tree": sampled_tree, "weights": sampled_weights}[case["of"]]
    return case | {"amount": sampling.amount_of(case["plan"])} | of(case)


def cbor_value(value):
    """A value of cases.py: integers as decimal text, because JSON readers round them."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [cbor_value(item) for item in value]
    (kind, inner), *_ = value.items()
    return {"integer": int, "bytes": bytes.fromhex, "text": str}[kind](inner)


def cbor_vector(case):
    return case | {"hex": cbor2.dumps(cbor_value(case["value"]), canonical=True).hex()}


# --- The files --------------------------------------------------------------------------------------


def vector_files():
    """The content of every vector file, by name."""
    import cases
    import composite_cases
    import composites
    import orders
    import record_cases
    import records
    import sample_cases
    import table_cases

    modules = (cases, composite_cases, orders, record_cases, sample_cases, table_cases)
    given, about = {}, {}
    for module in modules:
        given, about = given | module.CASES, about | module.ABOUT
    makers = {
        "plain": plain_vector,
        "tree": tree_vector,
        "tensor": tensor_vector,
        "weights": weights_vector,
        "architecture": architecture_vector,
        "family": family_vector,
        "tokenizer": tokenizer_vector,
        "settings": composites.settings_vector,
        "pipeline": composites.pipeline_vector,
        "adapter": composites.adapter_vector,
        "splits": splits_vector,
        "sequence": sequence_vector,
        "samples": records.samples_vector,
        "shards": records.shards_vector,
        "items": records.items_vector,
        "tfrecord": records.tfrecord_vector,
        "order": orders.order_vector,
        "json": json_vector,
        "canonical-json": canonical_json_vector,
        "cbor": cbor_vector,
        "selection": selection_vector,
        "sampled": sampled_vector,
    }
    files = {}
    for name, make in makers.items():
        vectors = [make(case) for case in given[name]]
        check_relations(name, vectors)
        files[f"{name}.json"] = {"about": about[name], "cases": vectors}
    vectors = table_vectors(given["table"])
    check_relations("table", vectors)
    files["table.json"] = {"about": about["table"], "cases": vectors}
    return files


def check_relations(file, vectors):
    """Cases have names of their own; `sameAs` means equal digests, and all others differ."""
    named = {vector["name"]: vector for vector in vectors}
    assert len(named) == len(vectors), f"{file}: two cases have one name"
    if "digests" not in vectors[0]:
        return
    for algorithm in ALGORITHMS:
        first = {}
        for name, vector in named.items():
            same, digest = vector.get("sameAs"), vector["digests"][algorithm]
            other = first.setdefault(digest, name)
            assert other == (same or name), f"{file}: {name} has the digest of {other}, and sameAs is {same}"


def differences(expected, found, path=""):
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() | found.keys():
            yield from differences(expected.get(key), found.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path}: {len(expected)} recomputed, {len(found)} in the file"
        for index, pair in enumerate(zip(expected, found)):
            name = pair[0].get("name", index) if isinstance(pair[0], dict) else index
            yield from differences(*pair, f"{path}[{name}]")
    elif expected != found or type(expected) is not type(found):
        yield f"{path}: recomputed {json.dumps(expected)}, in the file {json.dumps(found)}"


def check():
    """Compares the files with what is recomputed, and prints every difference."""
    wrong = []
    for name, expected in vector_files().items():
        try:
            found = json.loads((HERE / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            wrong.append(f"{name}: {error}")
            continue
        wrong += [name + line for line in differences(expected, found)]
    extra = {path.name for path in HERE.glob("*.json")} - set(vector_files())
    wrong += [f"{name}: no such vector file is known" for name in sorted(extra)]
    for line in wrong:
        print(line)
    print(f"reference: {len(wrong)} differences" if wrong else "reference: every vector agrees")
    return 1 if wrong else 0


def write():
    from layout import layout

    for name, expected in vector_files().items():
        (HERE / name).write_text(layout(expected) + "\n", "utf-8")
        print(f"reference: wrote vectors/{name}")
    return 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="reference.py"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="recompute, compare with the files, exit 1 on a difference")
    action.add_argument("--write", action="store_true", help="write the files again")
    chosen = parser.parse_args()
    if chosen.check:
        return check()
    if chosen.write:
        return write()
    parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
