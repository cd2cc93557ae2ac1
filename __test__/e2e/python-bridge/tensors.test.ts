/** Arrays and models in the memory of a program: their digests are those of the same content elsewhere. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashArray } from '../../../src/hash/array.ts'
import { readModel } from '../../../src/model/read.ts'
import { python } from './support.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

const SLOW = { timeout: 120_000 }

test('arrays: dtype, shape and bits count, and not how they lie in memory', SLOW, async () => {
  const { said, stderr } = await python(`import lineaprint, numpy as np, array
base = np.arange(6, dtype="<f4").reshape(2, 3)
def digest(value, name): return lineaprint.track_dataset(value, name)["digest"]
say([digest(value, "a%d" % at) for at, value in enumerate((
    base, np.asfortranarray(base), base.astype(">f4"), base.T.copy().T, np.repeat(base, 2, 1)[:, ::2],
    memoryview(base)))])
say(digest(base.T, "t"), digest(base.astype("f8"), "f8"), digest(np.float32(1.5), "scalar"), digest(np.zeros((0, 3), "i8"), "empty"))
say(digest(np.array([True, False]), "bool"), digest(np.array([1 + 2j], "c8"), "c8"), digest(b"bytes", "bytes"))
class Frame:
    __module__ = "pandas.core.frame"
    def __array__(self, *_, **__): return base
os.environ["LINEAPRINT_STRICT"] = "1"
for value in (np.array(["text"]), np.array([1j]), np.array(["2020"], "M8[D]"), np.array([object()]), np.ma.array(base), Frame()):
    try:
        lineaprint.track_dataset(value, "no")
    except lineaprint.LineaprintError as error:
        say(error.code)`)
  expect(stderr).not.toContain('Traceback')
  const data = Float32Array.of(0, 1, 2, 3, 4, 5)
  const digest = async (array: Parameters<typeof hashArray>[0]): Promise<string> =>
    (await hashArray(array)).digest.toString()
  expect(said[0]).toEqual(Array(6).fill(await digest({ data, shape: [2, 3] })))
  expect(said.slice(1, 5)).toEqual([
    await digest({ data: Float32Array.of(0, 3, 1, 4, 2, 5), shape: [3, 2] }),
    await digest({ data: Float64Array.from(data), shape: [2, 3] }),
    await digest({ data: Float32Array.of(1.5), shape: [] }),
    await digest({ data: new BigInt64Array(0), shape: [0, 3] }),
  ])
  expect(said[7]).toBe(await digest(Buffer.from('bytes')))
  expect(said.slice(8)).toEqual(Array(6).fill('ERR_LINEAPRINT_UNSUPPORTED'))
})

test('models of NumPy arrays have the digests of their safetensors file', SLOW, async () => {
  const { said, record, root } = await python(`import lineaprint, numpy as np
from safetensors.numpy import save_file
tensors = {"b.weight": np.arange(6, dtype="f4").reshape(2, 3), "a": np.array(3, "i8"), "h": np.ones(3, "f2"), "e": np.zeros((0, 2))}
save_file(tensors, "model.safetensors")
def both(report): return [report["weights"], report["architecture"], report["tensorCount"], report["parameters"]]
say(both(lineaprint.track_model("model.safetensors", "file")))
say(both(lineaprint.track_model(tensors, "flat")))
nested = {"b": {"weight": tensors["b.weight"].T.copy().T}, "a": tensors["a"], "h": tensors["h"], "e": tensors["e"], "lr": 0.1, "names": ["x"]}
say(both(lineaprint.track_model(nested, "nested")))
say(both(lineaprint.track_model({"list": [tensors["a"], tensors["h"]]}, "list")))
import os
os.environ["LINEAPRINT_STRICT"] = "1"
for bad in ({"a": {"b": tensors["a"]}, "a.b": tensors["a"]}, {}, 7, {"__metadata__": tensors["a"]}, {3.5: tensors["a"]}, {"x": np.array(["text"])}):
    try:
        lineaprint.track_model(bad, "bad")
        say("tracked")
    except lineaprint.LineaprintError as error:
        say(error.code)`)
  expect(said[1]).toEqual(said[0])
  expect(said[2]).toEqual(said[0])
  expect(said[3]).toMatchObject({ 2: 2, 3: 4 })
  expect(said.slice(4)).toEqual([
    'ERR_LINEAPRINT_ARGUMENT',
    'ERR_LINEAPRINT_ARGUMENT',
    'ERR_LINEAPRINT_ARGUMENT',
    'ERR_LINEAPRINT_FORMAT',
    'ERR_LINEAPRINT_ARGUMENT',
    'ERR_LINEAPRINT_UNSUPPORTED',
  ])
  expect(record.models['nested']).toMatchObject({
    status: 'tracked',
    ignored: ['lr', 'names.0'],
    ignoredCount: 2,
  })
  expect(record.models['flat']).not.toHaveProperty('path')
  expect((await readModel(join(root, 'model.safetensors'))).weights.toString()).toBe((said[0] as string[])[0])
  expect(JSON.stringify(record)).not.toContain('/proc/')
})

test('each tensor of a model in memory can be told apart later', SLOW, async () => {
  const { record, folder } = await python(`import lineaprint, numpy as np
lineaprint.track_model({"a": np.zeros(2), "b": np.ones(3)}, "net")`)
  const model = record.models['net'] as JsonObject
  const file = readFileSync(join(folder, model['tensorsFile'] as string), 'utf8')
  const { tensors } = JSON.parse(file) as { tensors: { name: string; file: string }[] }
  expect(tensors.map(({ name, file: place }) => [name, place])).toEqual([
    ['a', ''],
    ['b', ''],
  ])
})

test('where memory is short, tensors go through the disk, and nothing stays', SLOW, async () => {
  const { said, root } = await python(`import lineaprint, numpy as np
from lineaprint import _handing, _tensors
array = np.arange(1000.0)
say(lineaprint.track_dataset(array, "memory")["digest"])
_handing._memory_to_spare = lambda: 0
say(lineaprint.track_dataset(array, "unnamed file")["digest"])
usual = _handing._anonymous
_handing._anonymous = lambda total: None
say(lineaprint.track_dataset(array, "named file")["digest"])
_handing._anonymous = usual
_handing.os.fstat = lambda descriptor: os.stat_result((0, 1, 2, 0, 0, 0, 0, 0, 0, 0))
say(lineaprint.track_dataset(array, "another container")["digest"])
_handing.os = os
say(os.listdir(os.environ["LINEAPRINT_SCRATCH"]))
def fail(take): raise RuntimeError("half-way")
tensor = _tensors.describe(array, "x")
tensor.write = fail
try:
    with _handing.Raw([tensor]): pass
except RuntimeError as error:
    say(str(error), os.listdir(os.environ["LINEAPRINT_SCRATCH"]))`)
  expect(said[1]).toBe(said[0])
  expect(said[2]).toBe(said[0])
  expect(said[3]).toBe(said[0])
  const nothing = ['.lineaprint-owner', 'bridge']
  const [before, message, after] = said.slice(4) as [string[], string, string[]]
  expect([before.toSorted(), message, after.toSorted()]).toEqual([nothing, 'half-way', nothing])
  expect(spawnSync('ls', ['-A', root], { encoding: 'utf8' }).stdout).toBe('.lineaprint\nprogram.py\n')
})
