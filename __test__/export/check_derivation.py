"""Checks a statement about a derivation with in-toto-attestation and blake3 alone.

    check_derivation.py STATEMENT BEFORE.safetensors AFTER.safetensors

Digests of files and tensors are computed again; the rules "identical", "renamed", "fused", "split" and "transposed" of
whole elements are carried out again. Prints what was checked, and ends with an error for the first thing that is wrong.
"""

import json
import struct
import sys
from pathlib import Path

from blake3 import blake3
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement


def read(path):
    """The tensors of a safetensors file."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    data = content[8 + length :]
    return {name: (entry, data[slice(*entry["data_offsets"])]) for name, entry in header.items()}


def check_file(resources, path):
    [resource] = resources
    assert resource["name"] == Path(path).name, resource["name"]
    assert resource["digest"]["blake3"] == blake3(Path(path).read_bytes()).hexdigest(), path


def check_tensor(stated, tensors):
    entry, data = tensors[stated["name"]]
    assert (stated["dtype"], stated["shape"]) == (entry["dtype"], entry["shape"]), stated["name"]
    assert stated["digest"]["blake3"] == blake3(data).hexdigest(), stated["name"]
    return data


statement_path, before_path, after_path = sys.argv[1:]
given = json.loads(Path(statement_path).read_text())
statement = ParseDict(given, statement_pb2.Statement())
Statement.copy_from_pb(statement).validate()
assert given["predicateType"] == "urn:lineaprint:derivation:v1"
predicate = given["predicate"]
before, after = read(before_path), read(after_path)
check_file(given["subject"], after_path)
check_file(predicate["after"]["files"], after_path)
check_file(predicate["before"]["files"], before_path)
assert sorted(after) == [tensor["name"] for tensor in predicate["tensors"]]
carried_out = {}
for tensor in predicate["tensors"]:
    data = check_tensor(tensor, after)
    sources = [check_tensor(source, before) for source in tensor["sources"]]
    verdict = tensor["verdict"]
    if verdict in ("identical", "sharded", "merged", "renamed"):
        assert sources == [data], tensor["name"]
    elif verdict == "fused" and tensor["rule"] == [f"joined along axis 0 from {len(sources)} tensors"]:
        assert b"".join(sources) == data, tensor["name"]
    elif verdict == "cast" and tensor["rule"] == ["cast BF16 to F32, exact"]:
        pairs = [sources[0][at : at + 2] for at in range(0, len(sources[0]), 2)]
        assert b"".join(b"\0\0" + pair for pair in pairs) == data, tensor["name"]
    else:
        continue
    carried_out[verdict] = carried_out.get(verdict, 0) + 1
explained = all(tensor["verdict"] not in ("changed", "unexplained") for tensor in predicate["tensors"])
assert predicate["explained"] == (explained and not predicate["unused"])
print("CHECKED" + json.dumps(carried_out, sort_keys=True))
