/** `save_file`, `load_file` and `check_tensors` of the Python package, outside of a run. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createManifest, formatManifest } from '../../../src/manifest/manifest.ts'
import { readModel } from '../../../src/model/read.ts'
import { writeSafetensors } from '../../../src/model/safetensors.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { fromHeader } from '../../support/safetensors.ts'
import { COMMAND } from './standalone.ts'
import { PYTHON, plainPython } from './support.ts'

const SLOW = { timeout: 120_000 }

const HEAD = `import lineaprint, numpy as np
def code(call):
    try:
        return call() or "no error"
    except lineaprint.LineaprintError as error:
        return error.code
tensors = {
    "layer.weight": np.arange(6, dtype="<f4").reshape(2, 3), "layer.bias": np.array([1, -0.0, np.nan], "<f4"), "count": np.array(-7, "<i8"),
    "half": np.ones(3, "<f2"), "none": np.zeros((0, 3), "i1"), "mask": np.array([True, False]), "é\\u2028\\"": np.array([1], "u1"),
    "large": np.arange(5 * 2**20 + 3, dtype="<u4"), "large.bytes": np.arange(9 * 2**20 + 77, dtype="u4").astype("u1"),
}
`

/** Runs a program with the command under test. */
function run(source: string, root: string, env: Readonly<Record<string, string>> = {}): unknown[] {
  return plainPython(HEAD + source, root, { LINEAPRINT_COMMAND: COMMAND, ...env })
}

/** Variables with which no command is found. */
const WITHOUT = { LINEAPRINT_COMMAND: '/no/such/lineaprint' }

test('the file is that of safetensors, and what is returned is what a read of it gives', SLOW, async () => {
  const root = folderOf()
  const [report, reference] = run(
    `from safetensors.numpy import save_file
report = lineaprint.save_file({**tensors, "layer.weight": np.asfortranarray(tensors["layer.weight"])}, "m.safetensors", {"format": "pt"}, manifest=True)
save_file(tensors, "reference.safetensors", {"format": "pt"})
say(report, open("m.safetensors", "rb").read() == open("reference.safetensors", "rb").read())`,
    root,
  ) as [Record<string, unknown>, boolean]
  expect(reference).toBe(true)
  const path = join(root, 'm.safetensors')
  const model = await readModel(path, { files: true })
  expect(report).toEqual({
    path,
    size: model.files[0]?.size,
    weights: String(model.weights),
    tensors: Object.fromEntries(model.tensors.map(({ name, digest }) => [name, String(digest)])),
    file: String(model.files[0]?.digests?.blake3),
    manifest: `${path}.manifest.json`,
  })
  const text = readFileSync(`${path}.manifest.json`, 'utf8')
  expect(text).toBe(formatManifest(await createManifest(path, { tensors: true })))
  expect((await lineaprint(['check', `${path}.manifest.json`])).code).toBe(0)
  expect(readdirSync(root).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('TypeScript writes the same file', SLOW, async () => {
  const root = folderOf()
  run(
    `from safetensors.numpy import save_file
save_file({name: tensors[name] for name in ("layer.weight", "count", "none", "mask", "é\\u2028\\"")}, "r.safetensors", {"format": "pt"})`,
    root,
  )
  const path = join(root, 'm.safetensors')
  const data = {
    'layer.weight': { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] },
    count: { data: BigInt64Array.of(-7n), shape: [] },
    none: { data: new Int8Array(0), shape: [0, 3] },
    mask: { data: Uint8Array.of(1, 0), shape: [2], dtype: 'BOOL' },
    'é\u2028"': { data: Uint8Array.of(1), shape: [1] },
  }
  await writeSafetensors(path, data, { metadata: { format: 'pt' } })
  expect(readFileSync(path).equals(readFileSync(join(root, 'r.safetensors')))).toBe(true)
})

test.each([
  ['blake3', {}],
  ['sha256', WITHOUT],
])('what was saved is what is loaded: %s', SLOW, async (algorithm, env) => {
  const root = folderOf()
  const said = run(
    `report = lineaprint.save_file(tensors, "m.safetensors", manifest="own.json", algorithm="${algorithm}")
loaded = lineaprint.load_file("m.safetensors", "own.json", framework="numpy")
say(report["weights"], list(loaded) == sorted(tensors))
say(all(loaded[name].dtype == tensors[name].dtype and loaded[name].shape == tensors[name].shape and loaded[name].tobytes() == tensors[name].tobytes() for name in tensors))
say(all(array.flags.writeable and array.flags.owndata for array in loaded.values()))
with open("own.json") as file: manifest = json.load(file)
say(list(lineaprint.load_file("m.safetensors", manifest, framework="numpy")) == sorted(tensors))
say(lineaprint.check_tensors("own.json", loaded)["counts"])
say(lineaprint.check_tensors("own.json", {"layer": {"weight": tensors["layer.weight"], "bias": tensors["layer.bias"]}, **{name: tensors[name] for name in tensors if not name.startswith("layer.")}})["same"])`,
    root,
    env,
  )
  const { weights } = await readModel(join(root, 'm.safetensors'), { algorithm: algorithm as 'blake3' })
  expect(said).toEqual([
    String(weights),
    true,
    true,
    true,
    true,
    { same: 9, changed: 0, missing: 0, extra: 0, 'not-checked': 0 },
    true,
  ])
  const manifest = formatManifest(
    await createManifest(join(root, 'm.safetensors'), { tensors: true, algorithm: algorithm as 'blake3' }),
  )
  expect(readFileSync(join(root, 'own.json'), 'utf8')).toBe(manifest)
})

test.each(['blake3', 'sha256'])('a difference raises before anything is returned: %s', SLOW, (algorithm) => {
  const said = run(
    `def differs(changed):
    lineaprint.save_file(changed, "m.safetensors")
    try:
        lineaprint.load_file("m.safetensors", "own.json", framework="numpy")
    except lineaprint.TensorMismatch as error:
        return [error.code, error.tensor, error.expected.partition(":")[0], error.received.partition(":")[0], len(error.mismatches), isinstance(error, ValueError)]
listed = lineaprint.save_file(tensors, "m.safetensors", manifest="own.json", algorithm="${algorithm}")
say(differs({**tensors, "layer.bias": np.array([1, 0.0, np.nan], "<f4")}))
say(differs({**tensors, "half": tensors["half"].astype("<f4"), "z": np.ones(1)}))
say(differs({name: tensors[name] for name in tensors if name != "none"}))
say(differs({**tensors, "large": tensors["large"].reshape(1, -1)}))
lineaprint.save_file(tensors, "m.safetensors")
with open("m.safetensors", "r+b") as file:
    file.seek(-1, 2)
    file.write(b"\\xff")
try:
    lineaprint.load_file("m.safetensors", "own.json", framework="numpy")
except lineaprint.TensorMismatch as error:
    say(error.tensor, error.expected == listed["tensors"][error.tensor], str(error))`,
    folderOf(),
  )
  const code = 'ERR_LINEAPRINT_MISMATCH'
  expect(said.slice(0, 6)).toEqual([
    [code, 'layer.bias', algorithm, algorithm, 1, true],
    [code, 'half', 'F16 [3]', 'F32 [3]', 2, true],
    [code, 'none', 'I8 [0, 3]', 'no such tensor', 1, true],
    [code, 'large', 'U32 [5242883]', 'U32 [1, 5242883]', 1, true],
    'mask',
    true,
  ])
  expect(said[6]).toMatch(
    /m\.safetensors: tensor 'mask' is not the one of the manifest \(expected .*received /,
  )
})

test.each(['blake3', 'sha256'])('what is checked is what is returned: %s', SLOW, (algorithm) => {
  // The file is overwritten after each part of it was read: a second read would see other bytes.
  const said = run(
    `lineaprint.save_file(tensors, "m.safetensors", manifest=True, algorithm="${algorithm}")
read, spoiled = os.preadv, open("m.safetensors", "r+b", buffering=0)
def reading(descriptor, views, position):
    count = read(descriptor, views, position)
    if os.path.sameopenfile(descriptor, spoiled.fileno()): os.pwrite(spoiled.fileno(), b"\\xaa" * count, position)
    return count
os.preadv = reading
loaded = lineaprint.load_file("m.safetensors", framework="numpy")
os.preadv = read
say(all(loaded[name].tobytes() == tensors[name].tobytes() for name in tensors))
say(code(lambda: lineaprint.load_file("m.safetensors", framework="numpy")))`,
    folderOf(),
  )
  expect(said).toEqual([true, 'ERR_LINEAPRINT_FORMAT'])
})

test('verdicts about tensors in memory', SLOW, () => {
  const [check] = run(
    `lineaprint.save_file({"a": np.ones(2), "b": np.ones(2), "c": np.ones(2), "d": np.ones(2), "e": np.ones(2)}, "m.safetensors", manifest="own.json")
say(lineaprint.check_tensors("own.json", {"a": np.ones(2), "b": np.ones(2, "f4"), "d": np.ma.array(np.ones(2)), "e": "text", "z": np.ones(1)}))`,
    folderOf(),
  ) as [{ tensors: { reason?: string }[] }]
  expect(check).toMatchObject({
    same: false,
    tensors: [
      { name: 'a', status: 'same' },
      { name: 'b', status: 'changed', expected: 'F64 [2]', received: 'F32 [2]' },
      { name: 'c', status: 'missing' },
      { name: 'd', status: 'not-checked' },
      { name: 'e', status: 'not-checked', reason: 'it is no tensor' },
      { name: 'z', status: 'extra' },
    ],
    counts: { same: 1, changed: 1, missing: 1, extra: 1, 'not-checked': 2 },
  })
  expect(check.tensors[3]?.reason).toContain('holds more than an array')
})

test('folders of shards', SLOW, () => {
  const root = folderOf()
  const [, ...said] = run(
    `os.mkdir("model")
lineaprint.save_file({"a": tensors["large"], "b": tensors["half"]}, "model/model-1.safetensors")
lineaprint.save_file({"c": tensors["count"]}, "model/model-2.safetensors")
def index(**names): open("model/model.safetensors.index.json", "w").write(json.dumps({"metadata": {}, "weight_map": names}))
index(a="model-1.safetensors", b="model-1.safetensors", c="model-2.safetensors")
import subprocess, shlex
say(subprocess.run([*shlex.split(os.environ["LINEAPRINT_COMMAND"]), "manifest", "--tensors", "--algorithm", "both", "model", "-o", "model/manifest.json"], check=True, capture_output=True).returncode)
loaded = lineaprint.load_file("model", framework="numpy")
say(list(loaded), loaded["a"].tobytes() == tensors["large"].tobytes())
say(list(lineaprint.load_file("model/model.safetensors.index.json", "model/manifest.json", framework="numpy")))
say(list(lineaprint.load_file("model/model-2.safetensors", "model/manifest.json", framework="numpy")))
lineaprint.save_file({"c": tensors["count"]}, "model/other.safetensors")
load = lambda: code(lambda: lineaprint.load_file("model", framework="numpy"))
say(code(lambda: lineaprint.load_file("model/other.safetensors", "model/manifest.json", framework="numpy")))
index(a="model-1.safetensors", b="model-1.safetensors", c="other.safetensors", d="model-2.safetensors")
say(load())
index(a="model-1.safetensors", b="model-1.safetensors")
say(load())
for name in ("../model/model-1.safetensors", "/etc/passwd", "..", "", "sub/x", "a\\0b", "\\ud800", 7, None):
    index(a=name)
    say(load())
index(a="missing.safetensors")
say(load())
open("model/model.safetensors.index.json", "w").write('{"weight_map": {"a": "x", "a": "y"}}')
say(load())`,
    root,
  )
  const format = 'ERR_LINEAPRINT_FORMAT'
  expect(said).toEqual([
    ['a', 'b', 'c'],
    true,
    ['a', 'b', 'c'],
    ['c'],
    'ERR_LINEAPRINT_NOT_FOUND',
    format,
    'ERR_LINEAPRINT_MISMATCH',
    ...Array.from({ length: 9 }, () => format),
    'ERR_LINEAPRINT_NOT_FOUND',
    format,
  ])
})

test('files that no honest writer makes are refused', SLOW, () => {
  const root = folderOf()
  run('lineaprint.save_file({"a": np.ones(2, "f4")}, "m.safetensors", manifest="own.json")', root)
  const data = new Uint8Array(8)
  const one = '"dtype":"F32","shape":[2],"data_offsets":[0,8]'
  const files: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    short: new Uint8Array(7),
    'long header': Buffer.concat([Buffer.from('ffffffffffffff7f', 'hex'), Buffer.from('{}')]),
    'no JSON': fromHeader('{"a":', data),
    'no object': fromHeader('[]', data),
    'not UTF-8': Buffer.concat([fromHeader('{"a\xff": 1}'), data]),
    'a name twice': fromHeader(`{"a":{${one}},"a":{${one}}}`, data),
    'a member twice': fromHeader(`{"a":{${one},"shape":[2]}}`, data),
    'another member': fromHeader(`{"a":{${one},"x":1}}`, data),
    'a hole': fromHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, data),
    overlap: fromHeader(`{"a":{${one}},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, data),
    'bytes at the end': fromHeader(`{"a":{${one}}}`, data, data),
    'too few bytes': fromHeader(`{"a":{${one}}}`, data.subarray(1)),
    'a negative offset': fromHeader(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`, data),
    'a fraction': fromHeader(`{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`, data),
    'a boolean': fromHeader(`{"a":{"dtype":"F32","shape":[2,true],"data_offsets":[0,8]}}`, data),
    'a huge number': fromHeader(
      `{"a":{"dtype":"F32","shape":[${'9'.repeat(5000)}],"data_offsets":[0,8]}}`,
      data,
    ),
    'a huge product': fromHeader(
      `{"a":{"dtype":"F32","shape":[${Array.from({ length: 100_000 }, () => 4294967296).join()}],"data_offsets":[0,8]}}`,
      data,
    ),
    'a huge product of none': fromHeader(
      `{"a":{${one}},"b":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[8,8]}}`,
      data,
    ),
    NaN: fromHeader(`{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}`, data),
    depth: fromHeader('['.repeat(200_000), data),
    'a name that is not Unicode': fromHeader(`{"\\ud800":{${one}}}`, data),
    'metadata of numbers': fromHeader(`{"__metadata__":{"a":1},"a":{${one}}}`, data),
  }
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(root, `${name}.bad`), bytes)
  const [codes, others] = run(
    `def load(name): return code(lambda: lineaprint.load_file(name, "own.json", framework="numpy"))
say({name[:-4]: load(name) for name in os.listdir(".") if name.endswith(".bad")})
os.mkfifo("fifo")
os.mkdir("folder")
say([load(name) for name in ("fifo", "folder", "missing", "/dev/zero", "nul\\0")])`,
    root,
  )
  expect(codes).toEqual(Object.fromEntries(Object.keys(files).map((name) => [name, 'ERR_LINEAPRINT_FORMAT'])))
  expect(others).toEqual([
    'ERR_LINEAPRINT_NOT_REGULAR',
    'ERR_LINEAPRINT_NOT_FOUND',
    'ERR_LINEAPRINT_NOT_FOUND',
    'ERR_LINEAPRINT_NOT_REGULAR',
    'ERR_LINEAPRINT_UNREADABLE',
  ])
})

test('manifests that were damaged or edited are refused', SLOW, async () => {
  const root = folderOf()
  run(
    'lineaprint.save_file({"a": np.ones(2, "f4"), "b": np.ones(3, "f4")}, "m.safetensors", manifest="own.json")',
    root,
  )
  const text = readFileSync(join(root, 'own.json'), 'utf8')
  const lines = text.split('\n')
  const edit = (from: string | RegExp, to: string): string => {
    const edited = text.replace(from, to)
    expect(edited).not.toBe(text)
    return edited
  }
  const rows = lines.filter((line) => line.includes('"name"'))
  const manifests: Record<string, string> = {
    truncated: text.slice(0, -20),
    schema: edit('manifest/v1', 'manifest/v2'),
    member: edit('"links"', '"linkz"'),
    'weights of others': edit(
      /"weights":\{"blake3":"weights\.v1\.blake3:.{4}/,
      '"weights":{"blake3":"weights.v1.blake3:0000',
    ),
    'the digest of weights': edit('"weights.v1.blake3:', '"weights.v2.blake3:'),
    twice: edit('"b"', '"a"'),
    order: edit(/"name":"a"/, '"name":"c"'),
    shape: edit('"shape":[2]', '"shape":[2e0]'),
    huge: edit('"shape":[2]', `"shape":[${'9'.repeat(30)}]`),
    digest: edit(/"digest":"blake3:/, '"digest":"sha256:'),
    'a member twice': edit('"type": "file"', '"type": "file", "type": "file"'),
    depth: '['.repeat(200_000),
    'files alone': formatManifest(await createManifest(join(root, 'm.safetensors'))),
    'no rows': text.replace(`\n${rows.join('\n')}\n  `, ''),
  }
  for (const [name, content] of Object.entries(manifests)) writeFileSync(join(root, `${name}.bad`), content)
  const [codes, others] = run(
    `def load(manifest): return code(lambda: lineaprint.load_file("m.safetensors", manifest, framework="numpy"))
say({name[:-4]: load(name) for name in os.listdir(".") if name.endswith(".bad")})
os.mkfifo("fifo")
say([load(manifest) for manifest in ("fifo", "missing", {}, {"schema": float("nan")}, {"schema": b""}, 7)])`,
    root,
  )
  const refused = Object.fromEntries(Object.keys(manifests).map((name) => [name, 'ERR_LINEAPRINT_FORMAT']))
  // Its tensors are others than those that it was made of.
  expect(codes).toEqual({ ...refused, 'no rows': 'ERR_LINEAPRINT_MISMATCH' })
  expect(others).toEqual([
    'ERR_LINEAPRINT_NOT_REGULAR',
    'ERR_LINEAPRINT_NOT_FOUND',
    'ERR_LINEAPRINT_FORMAT',
    'ERR_LINEAPRINT_FORMAT',
    'ERR_LINEAPRINT_ARGUMENT',
    'ERR_LINEAPRINT_ARGUMENT',
  ])
})

test('without a manifest, without the command, and with one that fails', SLOW, () => {
  const root = folderOf()
  const said = run(
    `lineaprint.save_file({"a": np.ones(2, "f4")}, "m.safetensors", manifest="own.json")
before = open("m.safetensors", "rb").read()
def told(call):
    try:
        call()
    except lineaprint.LineaprintError as error:
        return [error.code, str(error)]
say(told(lambda: lineaprint.load_file("m.safetensors", framework="numpy")))
for command in ("/no/such/lineaprint", "/bin/false", "/bin/true", "/bin/echo"):
    os.environ["LINEAPRINT_COMMAND"] = command
    say(told(lambda: lineaprint.load_file("m.safetensors", "own.json", framework="numpy")))
    say(code(lambda: lineaprint.save_file({"a": np.zeros(9 * 2**20)}, "m.safetensors")))
    say(code(lambda: lineaprint.check_tensors("own.json", {"a": np.ones(2, "f4")})))
say(open("m.safetensors", "rb").read() == before, sorted(os.listdir(".")))
say(len(os.listdir("/proc/self/fd")) < 12)`,
    root,
  )
  const missing = said[0] as [string, string]
  expect(missing[0]).toBe('ERR_LINEAPRINT_NOT_FOUND')
  expect(missing[1]).toContain(`there is no manifest ${join(root, 'm.safetensors.manifest.json')}`)
  expect(missing[1]).toContain('lineaprint manifest --tensors')
  for (const at of [1, 4, 7, 10]) {
    const [code, text] = said[at] as [string, string]
    expect([code, said[at + 1], said[at + 2]]).toEqual(Array(3).fill('ERR_LINEAPRINT_COMMAND'))
    expect(text).toMatch(/SHA-256|failed/)
  }
  expect(said.slice(13)).toEqual([true, ['m.safetensors', 'own.json', 'plain.py'], true])
})

test('what cannot be saved or loaded is refused', SLOW, () => {
  const root = folderOf()
  const said = run(
    `save = lambda what, path="m.safetensors", **options: code(lambda: lineaprint.save_file(what, path, **options))
a = {"a": np.ones(2)}
say([save({"a": np.ones(2), "b": "text"}), save({"a": np.array(["x"])}), save({"__metadata__": np.ones(1)}), save(a, metadata={"a": 1}), save(a, algorithm="md5")])
say([save(a, "missing/m.safetensors"), save(a, "."), save(a, manifest="m.safetensors"), save(a, manifest="missing/own.json")])
lineaprint.save_file(a, "m.safetensors", manifest=True, algorithm="sha256")
load = lambda **options: code(lambda: lineaprint.load_file("m.safetensors", **options))
say([load(framework="jax"), load(framework="torch"), load(framework="numpy", device="cpu")])
say("torch" in sys.modules)`,
    root,
  )
  const argument = 'ERR_LINEAPRINT_ARGUMENT'
  const store = 'ERR_LINEAPRINT_STORE'
  expect(said).toEqual([
    [argument, 'ERR_LINEAPRINT_UNSUPPORTED', argument, argument, argument],
    [store, store, argument, store],
    [argument, argument, argument],
    false,
  ])
  expect(existsSync(join(root, 'missing'))).toBe(false)
})

test('buffers are tensors, and no package is needed to save and check them', SLOW, () => {
  const said = plainPython(
    `import array, lineaprint
grid = memoryview(bytes(range(24))).cast("B", (4, 6))
tensors = {"a": array.array("f", [1, 2]), "b": grid}
lineaprint.save_file(tensors, "m.safetensors", manifest="own.json", algorithm="sha256")
say("numpy" in sys.modules, lineaprint.check_tensors("own.json", tensors)["same"])
import numpy as np
from safetensors.numpy import load_file
say(load_file("m.safetensors")["b"].tolist() == np.arange(24).reshape(4, 6).tolist())`,
    folderOf(),
  )
  expect(said).toEqual([false, true, true])
})

test('dtypes that NumPy lacks are named', SLOW, () => {
  const root = folderOf()
  writeFileSync(
    join(root, 'm.safetensors'),
    fromHeader('{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', Uint8Array.of(0, 0)),
  )
  const env = { ...process.env, PYTHONPATH: '' }
  const has = execFileSync(
    PYTHON,
    ['-c', 'import importlib.util as u; print(u.find_spec("ml_dtypes") is not None)'],
    { env },
  )
  const [code] = run(
    `import subprocess, shlex
subprocess.run([*shlex.split(os.environ["LINEAPRINT_COMMAND"]), "manifest", "--tensors", "m.safetensors", "-o", "m.safetensors.manifest.json"], check=True, capture_output=True)
say(code(lambda: str(lineaprint.load_file("m.safetensors", framework="numpy")["a"].dtype)))`,
    root,
  )
  expect(code).toBe(has.toString().trim() === 'True' ? 'bfloat16' : 'ERR_LINEAPRINT_UNSUPPORTED')
})
