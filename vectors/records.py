"""Records of TFRecord, samples of tar archives and of MDS, and items in memory, recomputed from docs/format.md alone."""

import base64

import cbor2
import orders
import reference

BLOCK_RECORDS = 65536


def described(records_of):
    """The digests of a sequence; `records_of` gives the records under an algorithm."""

    def items(algorithm):
        records = records_of(algorithm)
        blocks = []
        for start in range(0, len(records), BLOCK_RECORDS):
            block = records[start : start + BLOCK_RECORDS]
            framed = b"".join(len(record).to_bytes(8, "little") + record for record in block)
            blocks.append(reference.ALGORITHMS[algorithm](framed))
        return [len(records), blocks]

    return reference.result("sequence", items)


# --- TFRecord ---------------------------------------------------------------------------------------------


def masked(data):
    """The CRC-32C of bytes, bit by bit, rotated and added to."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(payload):
    """A record as it stands in a file."""
    length = len(payload).to_bytes(8, "little")
    return length + masked(length).to_bytes(4, "little") + payload + masked(payload).to_bytes(4, "little")


def payloads(data):
    records = []
    while data:
        length = int.from_bytes(data[:8], "little")
        assert masked(data[:8]) == int.from_bytes(data[8:12], "little")
        payload, sum_of = data[12 : 12 + length], data[12 + length : 16 + length]
        assert len(payload) == length and masked(payload) == int.from_bytes(sum_of, "little")
        records.append(payload)
        data = data[16 + length :]
    return records


def tfrecord_vector(case):
    records = [record for file in case["files"] for record in payloads(reference.content(file))]
    return case | {"records": len(records)} | described(lambda _: records)


# --- Samples ----------------------------------------------------------------------------------------------


def samples_of(archive):
    """Neighbours with one key, as lists of (suffix, content)."""
    samples, last = [], None
    for member in archive:
        path = "/".join(part for part in member["name"].split("/") if part not in ("", "."))
        folder, _, name = path.rpartition("/")
        stem, dot, suffix = name.partition(".")
        assert stem and dot, path
        if (folder, stem) != last:
            last = (folder, stem)
            samples.append([])
        samples[-1].append((suffix, reference.content(member)))
    return samples


def samples_vector(case):
    samples = [sample for archive in case["archives"] for sample in samples_of(archive)]

    def records(algorithm):
        hashed = reference.ALGORITHMS[algorithm]
        ordered = [sorted(sample, key=lambda part: part[0].encode()) for sample in samples]
        return [cbor2.dumps([[suffix, hashed(data)] for suffix, data in sample], canonical=True) for sample in ordered]

    return case | {"records": len(samples)} | described(records)


# --- Shards -----------------------------------------------------------------------------------------------


def shards_vector(case):
    records = []
    for sample in case["samples"]:
        ordered = sorted(sample, key=lambda value: value["name"].encode())
        values = [[value["name"], value["encoding"], base64.b64decode(value["base64"])] for value in ordered]
        records.append(cbor2.dumps(values, canonical=True))
    return case | {"records": len(records)} | described(lambda _: records)


# --- Items in memory --------------------------------------------------------------------------------------


def items_vector(case):
    items = case["items"]
    if all(orders.named(item, "bytes") for item in items):
        records = [base64.b64decode(item["bytes"]) for item in items]
    else:
        records = [b"lineaprint/item/v1\n" + orders.encoded(item) for item in items]
    return case | {"records": len(records)} | described(lambda _: records)
