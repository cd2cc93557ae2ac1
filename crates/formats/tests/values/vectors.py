"""Write `vectors.json`: digests of what the reference libraries decode.

Needs numpy, ml_dtypes 0.6 and gguf 0.19:

    python crates/formats/tests/values/vectors.py > crates/formats/tests/values/vectors.json

The blocks come from a small generator that the Rust test repeats, so that only digests are kept.
"""

import hashlib
import json

import ml_dtypes
import numpy as np
from gguf import GGMLQuantizationType, quants
from gguf.constants import GGML_QUANT_SIZES

BLOCKS = 256

#: Positions of the last byte of each floating-point scale, in which one bit is cleared: none is infinite or NaN.
SCALES = {
    "Q4_0": [1],
    "Q4_1": [1, 3],
    "Q5_0": [1],
    "Q5_1": [1, 3],
    "Q8_0": [1],
    "Q2_K": [81, 83],
    "Q3_K": [109],
    "Q4_K": [1, 3],
    "Q5_K": [1, 3],
    "Q6_K": [209],
    "IQ1_S": [1],
    "IQ1_M": [55],
    "IQ2_XXS": [1],
    "IQ2_XS": [1],
    "IQ2_S": [1],
    "IQ3_XXS": [1],
    "IQ3_S": [1],
    "IQ4_NL": [1],
    "IQ4_XS": [1],
    "MXFP4": [],
    "NVFP4": [],
    "TQ1_0": [53],
    "TQ2_0": [65],
}

TABLES = {
    "F8_E5M2": (ml_dtypes.float8_e5m2, 256),
    "F8_E4M3": (ml_dtypes.float8_e4m3fn, 256),
    "F8_E5M2FNUZ": (ml_dtypes.float8_e5m2fnuz, 256),
    "F8_E4M3FNUZ": (ml_dtypes.float8_e4m3fnuz, 256),
    "F8_E8M0": (ml_dtypes.float8_e8m0fnu, 256),
    "F6_E2M3": (ml_dtypes.float6_e2m3fn, 64),
    "F6_E3M2": (ml_dtypes.float6_e3m2fn, 64),
    "F4": (ml_dtypes.float4_e2m1fn, 16),
    "BF16": (ml_dtypes.bfloat16, 65536),
    "F16": (np.float16, 65536),
}


def generate(count: int) -> bytearray:
    """Return `count` bytes: the high bytes of a linear congruential generator."""
    state = 1
    out = bytearray()
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 56)
    return out


def digest(values: np.ndarray) -> str:
    """Return the SHA-256 of values as little-endian float32, with one bit pattern for NaN."""
    values = values.astype("<f4").copy()
    values[np.isnan(values)] = np.float32(np.nan)
    return hashlib.sha256(values.tobytes()).hexdigest()


def main() -> None:
    """Print the vectors as JSON."""
    found = {"blocks": {}, "tables": {}}
    for name, scales in SCALES.items():
        kind = GGMLQuantizationType[name]
        _, size = GGML_QUANT_SIZES[kind]
        data = generate(size * BLOCKS)
        for block in range(BLOCKS):
            for at in scales:
                data[block * size + at] &= 0xBF
        blocks = np.frombuffer(bytes(data), dtype=np.uint8).reshape(BLOCKS, size)
        found["blocks"]["GGML_" + name] = {
            "bytes": size,
            "scales": scales,
            "sha256": digest(quants.dequantize(blocks, kind).reshape(-1)),
        }
    for name, (dtype, codes) in TABLES.items():
        width = np.uint16 if codes > 256 else np.uint8
        values = np.arange(codes).astype(width).view(dtype).astype(np.float32)
        found["tables"][name] = digest(values)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
