import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { runPython } from './python.ts'
import { temporaryFolder } from './support.ts'

interface Written {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly blake3: string
}

// NumPy's own bytes are hashed in Python, so nothing of the project stands on that side.
const SCRIPT = `
import json, sys
import numpy, safetensors.numpy
from blake3 import blake3

random = numpy.random.default_rng(7)
tensors = {
    "f32": random.standard_normal((64, 33), dtype="f4"),
    "f16": random.standard_normal((5, 7, 2)).astype("f2"),
    "f64": random.standard_normal(3),
    "i64": random.integers(-(2**62), 2**62, (17,), dtype="i8"),
    "u8": random.integers(0, 256, (2**23 + 5,), dtype="u1"),
    "bool": random.integers(0, 2, (9, 3)).astype("?"),
    "scalar": numpy.array(2.5, dtype="f4"),
    "empty": numpy.zeros((0, 4), dtype="i4"),
    "special": numpy.array([0.0, -0.0, numpy.nan, numpy.inf, -numpy.inf, 5e-324]),
    "model.layers.0.weight": numpy.arange(12, dtype="i2").reshape(3, 4),
}
safetensors.numpy.save_file(tensors, sys.argv[1], metadata={"format": "np"})
names = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
names |= {"int32": "I32", "int16": "I16"}
print(json.dumps({
    name: {"dtype": names[str(array.dtype)], "shape": array.shape, "blake3": blake3(array.tobytes("C")).hexdigest()}
    for name, array in tensors.items()
}))
`

test('a file that Python wrote has the digests of the bytes that NumPy holds', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'model.safetensors')
  const { status, output } = runPython(['-c', SCRIPT, path])
  expect({ status, output }).toEqual({ status: 0, output: expect.stringMatching(/^\{.*\}\n$/) })
  const written = JSON.parse(output) as Readonly<Record<string, Written>>
  const model = await readModel(path)
  const found = model.tensors.map(({ name, dtype, shape, digest }) => [
    name,
    { dtype, shape, blake3: digest.hex },
  ])
  expect(Object.fromEntries(found)).toEqual(written)
})
