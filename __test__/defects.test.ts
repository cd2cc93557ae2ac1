/**
 * What goes wrong in a Python tracker, defect by defect, and does not here. Each is named by what went wrong there; most
 * of them are tested more closely beside the code they are about, and asserted briefly again here, in one list.
 */
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import {
  createEnvironmentCapture,
  environmentDigestFields,
  parseEnvironmentCapture,
} from '../src/capture/environment/capture.ts'
import { gitCapture } from '../src/capture/git/git-capture.ts'
import {
  Generator,
  createGenerator,
  defaultGenerator,
  releaseGenerator,
  restoreSeeds,
  seedVariables,
  seedsCapture,
  setSeeds,
} from '../src/capture/seeds/capture.ts'
import { readDataset } from '../src/dataset/read.ts'
import { diffRuns } from '../src/diff/runs.ts'
import { reproduceRun } from '../src/reproduce/reproduce.ts'
import { verifyRun } from '../src/verify/verify.ts'
import { hashFile } from '../src/hash/file.ts'
import { hashTree } from '../src/hash/tree.ts'
import { readModel } from '../src/model/read.ts'
import { readTokenizer } from '../src/model/tokenizer.ts'
import { readRun } from '../src/store/runs.ts'
import { GIT_ENVIRONMENT, git, listAt, objectAt } from './capture/fixture.ts'
import { finished, inRun, runProgram, started } from './tracking/support.ts'
import { folderOf, paint } from './support/folder.ts'
import { floats, fromHeader, safetensors } from './support/safetensors.ts'
import type { Captured } from '../src/core/component.ts'
import type { DatasetSource } from '../src/dataset/read.ts'
import type { JsonObject } from '../src/core/json-value.ts'
import type { SampledHashOptions } from '../src/hash/sample/options.ts'
import type { TensorToWrite } from './support/safetensors.ts'

const digestOf = async (source: DatasetSource, options: SampledHashOptions = {}): Promise<string> =>
  String((await readDataset(source, options)).digest)

const fileOf = (content: string | Uint8Array): string => join(folderOf({ file: content }), 'file')

const modelOf = (
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata?: Record<string, string>,
): string => join(folderOf({ 'm.safetensors': safetensors(tensors, metadata) }), 'm.safetensors')

const weightsOf = async (path: string): Promise<string> => String((await readModel(path)).weights)

const capturedGit = (directory: string): Promise<Captured> =>
  gitCapture.capture({ directory, algorithm: 'blake3' })

const capturedSeeds = (): Promise<Captured> => seedsCapture.capture({ directory: '/', algorithm: 'blake3' })

function repository(files: Readonly<Record<string, string>> = { 'a.py': '1\n' }): string {
  const root = folderOf(files)
  git(root, 'init', '-q', '-b', 'main')
  git(root, 'add', '.')
  git(root, 'commit', '-qm', 'first')
  return root
}

describe('digests that were wrong or ambiguous', () => {
  test('1: element type and shape of an array did not count', async () => {
    const [a, b] = [new Float32Array(2), new Float64Array(1)]
    expect(await digestOf(a)).not.toBe(await digestOf(b))
    const data = Float32Array.of(1, 2, 3, 4, 5, 6)
    expect(await digestOf({ data, shape: [2, 3] })).not.toBe(await digestOf({ data, shape: [3, 2] }))
  })

  test('2: of large arrays a part was read, and nothing said so', async () => {
    const data = new Float32Array(1_999_999)
    const before = await digestOf(data)
    for (const at of [1, 999_999, 1_999_998]) {
      const other = data.slice()
      other[at] = 1
      expect(await digestOf(other), `element ${at}`).not.toBe(before)
    }
    expect(await digestOf(data, { sample: { count: 1000 } })).toMatch(/^sampled\(tensor,strided,count=1000/)
  })

  test('3: the end was never read', async () => {
    const rows = Array.from({ length: 1999 }, (_, row) => `row ${row}\n`).join('')
    expect(await digestOf(fileOf(rows))).not.toBe(await digestOf(fileOf(`${rows.slice(0, -2)}X\n`)))
    // Where somebody asks for a sample, the last unit is always in it.
    const data = new Int32Array(10_999)
    const sample = { count: 100 }
    const before = await digestOf(data, { sample })
    data[data.length - 1] = 1
    expect(await digestOf(data, { sample })).not.toBe(before)
  })

  test('4: the digest depended on processors and memory, and what could not be read was skipped', async () => {
    const path = fileOf(paint(3_000_001))
    const digests = await Promise.all([1, 2, 4].map((threads) => hashFile(path, { threads })))
    expect(new Set(digests.map(({ digest }) => String(digest))).size).toBe(1)
    const root = folderOf({ a: '1' })
    symlinkSync('nowhere', join(root, 'b'))
    await expect(hashTree(root)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_LINK' })
  })

  test('5: 32-bit and 64-bit numbers were equal, and so was another order', async () => {
    expect(await digestOf(Int32Array.of(1, 2))).not.toBe(await digestOf(BigInt64Array.of(1n, 2n)))
    expect(await digestOf(Int32Array.of(1, 2))).not.toBe(await digestOf(Int32Array.of(2, 1)))
  })

  test('6: in a folder, name and content ran into each other', async () => {
    expect(await digestOf(folderOf({ a: 'bc' }))).not.toBe(await digestOf(folderOf({ ab: 'c' })))
    const { files, folders } = await readDataset(folderOf({ 'a/b': '1', 'a/c': '2' }))
    expect({ files, folders }).toEqual({ files: 2, folders: 2 })
  })

  test('7: the record named another hash function than was used', async () => {
    const path = fileOf('abc')
    const sha256 = createHash('sha256').update('abc').digest('hex')
    expect(await digestOf(path, { algorithm: 'sha256' })).toBe(`sha256:${sha256}`)
    const run = await finished(folderOf(), { algorithm: 'sha256' }, (tracker) =>
      tracker.trackDataset(path, 'd'),
    )
    expect(run.record.datasets['d']).toMatchObject({ digest: `sha256:${sha256}` })
  })

  test('8: the order in which the parts of a dataset came decided', async () => {
    const one = folderOf({ train: '1', test: '2' })
    const other = folderOf({ test: '2', train: '1' })
    expect(await digestOf(one)).toBe(await digestOf(other))
  })
})

describe('caches that gave old answers', () => {
  test('9: another array, an edited file and a nested edit had the digest of before', async () => {
    const root = folderOf({ 'a/b/c': 'xxxx' })
    expect(await digestOf(Float32Array.of(1, 2))).not.toBe(await digestOf(Float32Array.of(1, 3)))
    const before = await digestOf(root)
    const { atime, mtime } = statSync(join(root, 'a/b/c'))
    writeFileSync(join(root, 'a/b/c'), 'yyyy')
    utimesSync(join(root, 'a/b/c'), atime, mtime)
    expect(await digestOf(root)).not.toBe(before)
    const { record } = await finished(root, {}, async (tracker) => {
      await tracker.trackDataset('a/b/c', 'd')
      writeFileSync(join(root, 'a/b/c'), 'zzzz')
      await expect(tracker.trackDataset('a/b/c', 'd')).rejects.toThrow(/stands for other content/)
    })
    expect(Object.keys(record.datasets)).toEqual(['d'])
  })

  test('10: weights after training had the digest from before', async () => {
    const path = modelOf({ w: floats([1, 2, 3]) })
    const before = await weightsOf(path)
    writeFileSync(path, safetensors({ w: floats([1, 2, 3.5]) }))
    expect(await weightsOf(path)).not.toBe(before)
  })

  test('11: after a new commit the old one was recorded', async () => {
    const root = repository()
    const first = (await capturedGit(root)).value['commit']
    git(root, 'commit', '-q', '--allow-empty', '-m', 'second')
    expect((await capturedGit(root)).value['commit']).not.toBe(first)
  })

  test('12: a cache on disk was trusted, and hits were not recorded', async () => {
    // Nothing is cached unless somebody asks for it, and a check never asks.
    const root = folderOf({ d: '1' })
    const [one, two] = [
      await finished(root, {}, (tracker) => tracker.trackDataset('d', 'd')),
      await finished(root, {}, (tracker) => tracker.trackDataset('d', 'd')),
    ]
    expect(one.record.datasets).toEqual(two.record.datasets)
    expect(readdirSync(join(root, '.lineaprint')).filter((name) => name.includes('cache'))).toEqual([])
  })
})

describe('models', () => {
  test('13: over 100 million parameters only the count counted', { timeout: 120_000 }, async () => {
    const sparse = (shape: readonly number[], last: number): string => {
      const bytes = shape.reduce((product, length) => product * length, 1)
      const path = fileOf(fromHeader(JSON.stringify({ w: { dtype: 'U8', shape, data_offsets: [0, bytes] } })))
      truncateSync(path, statSync(path).size + bytes)
      const file = openSync(path, 'r+')
      writeSync(file, Uint8Array.of(last), 0, 1, statSync(path).size - 1)
      closeSync(file)
      return path
    }
    const [wide, high, other] = [
      await readModel(sparse([10_001, 10_000], 0)),
      await readModel(sparse([10_000, 10_001], 0)),
      await readModel(sparse([10_001, 10_000], 1)),
    ]
    expect(wide.parameters).toBe(100_010_000)
    expect(String(wide.architecture)).not.toBe(String(high.architecture))
    expect(String(wide.weights)).not.toBe(String(high.weights))
    expect(String(wide.weights)).not.toBe(String(other.weights))
  })

  test('14: names, shapes, types and buffers did not count, and bfloat16 failed', async () => {
    const data = new Uint8Array(8)
    const variants: Record<string, TensorToWrite>[] = [
      { w: { dtype: 'F32', shape: [2], data } },
      { v: { dtype: 'F32', shape: [2], data } },
      { w: { dtype: 'F32', shape: [1, 2], data } },
      { w: { dtype: 'I32', shape: [2], data } },
      { w: { dtype: 'BF16', shape: [4], data } },
      { w: { dtype: 'F32', shape: [2], data }, 'norm.running_mean': floats([0]) },
      { w: { dtype: 'F32', shape: [2], data }, 'norm.running_mean': floats([1]) },
    ]
    const digests = await Promise.all(variants.map((tensors) => weightsOf(modelOf(tensors))))
    expect(new Set(digests).size).toBe(variants.length)
  })

  test('15: the digest of an architecture changed with the version of a library', async () => {
    const folder = (version: string): string =>
      folderOf({
        'model.safetensors': safetensors({ w: floats([1]) }, { format: version }),
        'config.json': JSON.stringify({ hidden_size: 1, transformers_version: version }),
      })
    const [one, two] = [await readModel(folder('4.0')), await readModel(folder('5.0'))]
    expect(String(one.architecture)).toBe(String(two.architecture))
  })

  test('16: another vocabulary had the same digest, another path another one, and errors stood for digests', async () => {
    const tokenizer = (vocab: object): string =>
      folderOf({ 'tokenizer.json': JSON.stringify({ model: { vocab } }) })
    const digest = async (path: string): Promise<string> => String((await readTokenizer(path)).digest)
    expect(await digest(tokenizer({ a: 0, b: 1 }))).not.toBe(await digest(tokenizer({ a: 1, b: 0 })))
    expect(await digest(tokenizer({ a: 0 }))).toBe(await digest(tokenizer({ a: 0 })))
    const { record } = await finished(folderOf(), {}, async (tracker) => {
      await expect(tracker.trackTokenizer('/nowhere', 't')).rejects.toThrow(/nowhere/)
    })
    expect(record.tokenizers['t']).toMatchObject({ status: 'failed' })
    expect(record.tokenizers['t']).not.toHaveProperty('digest')
  })
})

test('17: seeds could not be told apart, changed with a draw, and were restored in part', async () => {
  setSeeds(1)
  const one = await capturedSeeds()
  setSeeds(2)
  const two = await capturedSeeds()
  expect(one.digest).not.toBe(two.digest)
  defaultGenerator().next()
  expect((await capturedSeeds()).value['seed']).toBe(2)
  createGenerator(7, { name: 'loader' })
  const { value } = await capturedSeeds()
  expect(objectAt(value, 'generators')).toMatchObject({ loader: { seed: 7 } })
  const before = defaultGenerator().state()
  const broken = { ...value, generators: { default: new Generator(9).state(), loader: { version: 1 } } }
  expect(() => restoreSeeds(broken as unknown as JsonObject)).toThrow(
    expect.objectContaining({ name: 'LineaprintError' }),
  )
  expect(defaultGenerator().state()).toEqual(before)
  // Told when a program starts, since Python reads it before its first line.
  expect(seedVariables(42, { deterministic: true })).toMatchObject({
    PYTHONHASHSEED: '42',
    CUBLAS_WORKSPACE_CONFIG: ':4096:8',
  })
  // And where seeds are switched off, they are.
  const run = await finished(folderOf(), {}, (tracker) => tracker.setSeeds(3))
  expect(run.record.captures['seeds']).toEqual({ status: 'off' })
  releaseGenerator('loader')
})

describe('git and environment', () => {
  test('18: tokens in addresses were stored, and one address replaced the other', async () => {
    const root = repository()
    git(root, 'remote', 'add', 'origin', 'https://user:TOKEN@example.org/a.git')
    git(root, 'remote', 'set-url', '--push', 'origin', 'https://TOKEN:x-oauth-basic@example.org/b.git')
    const { value } = await capturedGit(root)
    expect(JSON.stringify(value)).not.toContain('TOKEN')
    expect(listAt(value, 'remotes')[0]).toMatchObject({
      fetch: ['https://example.org/a.git'],
      push: ['https://example.org/b.git'],
    })
  })

  test('19: edits of a dirty file were invisible, and what was changed was not kept', async () => {
    const root = repository()
    const digests = new Set<string>()
    for (const text of ['2\n', '3\n']) {
      writeFileSync(join(root, 'a.py'), text)
      digests.add((await capturedGit(root)).digest)
      writeFileSync(join(root, 'new.py'), text)
      digests.add((await capturedGit(root)).digest)
    }
    expect(digests.size).toBe(4)
    const filesDirectory = join(folderOf(), 'git')
    await gitCapture.capture({ directory: root, algorithm: 'blake3', filesDirectory })
    expect(readFileSync(join(filesDirectory, 'diff.patch'), 'utf8')).toContain('-1\n+3\n')
    expect(readFileSync(join(filesDirectory, 'untracked/new.py'), 'utf8')).toBe('3\n')
  })

  test('20: an unstaged change read as staged, names were cut, and no repository looked clean', async () => {
    const root = repository({ 'a.py': '1\n', 'ä "b".py': '1\n' })
    expect(GIT_ENVIRONMENT['GIT_AUTHOR_NAME']).toContain('|')
    appendFileSync(join(root, 'a.py'), '2\n')
    appendFileSync(join(root, 'ä "b".py'), '2\n')
    const { value } = await capturedGit(root)
    expect(value).toMatchObject({
      author: GIT_ENVIRONMENT['GIT_AUTHOR_NAME'],
      staged: [],
      modified: ['a.py', 'ä "b".py'],
      clean: false,
    })
    const none = (await capturedGit(folderOf())).value
    expect(none['available']).toBe(false)
    expect(none).not.toHaveProperty('clean')
  })

  test(
    '21: lock files were unknown, a failure was text, and the GPU did not count',
    { timeout: 60_000 },
    async () => {
      const root = folderOf({ 'uv.lock': 'one', 'package.json': '{}' })
      const capture = createEnvironmentCapture(undefined, { variables: { PATH: '/nowhere' } })
      const look = async (): Promise<Captured> => capture.capture({ directory: root, algorithm: 'blake3' })
      const { value } = await look()
      expect(objectAt(value, 'python')).toMatchObject({ status: 'absent' })
      expect(objectAt(value, 'pip')['version']).toBeUndefined()
      writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3,"packages":{}}')
      const before = await look()
      writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3,"packages":{"":{}}}')
      expect(capture.compare(before, await look()).differences.map(({ field }) => field)).toContainEqual(
        expect.stringMatching(/^npm\.lockFiles\.package-lock\.json/),
      )
      const gpu = (driver: string): JsonObject => ({
        ...value,
        gpu: { status: 'present', driver, cuda: '12.4', devices: [] },
      })
      const fields = (driver: string): JsonObject =>
        environmentDigestFields(parseEnvironmentCapture(gpu(driver)))
      expect(fields('1')).not.toEqual(fields('2'))
    },
  )
})

describe('the record of a run', () => {
  test('22: each logged value rewrote every file', async () => {
    const root = folderOf()
    const tracker = await started(root)
    const files = (): string[] => readdirSync(root, { recursive: true }).map(String).toSorted()
    const before = files()
    const record = statSync(join(tracker.runDirectory, 'run.json'))
    for (let step = 0; step < 30; step++) {
      tracker.logMetric('loss', step, { step })
      await tracker.flush()
    }
    expect(files()).toEqual(before)
    expect(statSync(join(tracker.runDirectory, 'run.json')).mtimeMs).toBe(record.mtimeMs)
    await tracker.finishExperiment()
  })

  test('23: NaN broke the JSON, the YAML was unsafe, and states of generators could not be read back', async () => {
    const run = await finished(
      folderOf(),
      { saveToYaml: true, enableSeedTracking: true },
      async (tracker) => {
        await tracker.setSeeds(42)
        tracker.logMetric('loss', NaN)
      },
    )
    const text = readFileSync(inRun(run, 'run.json'), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ metrics: { loss: { last: { __float__: 'NaN' } } } })
    const yaml = readFileSync(inRun(run, 'experiment.yaml'), 'utf8')
    expect(yaml).not.toMatch(/!!|&\w/)
    expect(parseYaml(yaml)).toMatchObject({ metrics: { loss: { last: NaN } } })
    const seeds = run.record.captures['seeds']
    const state = seeds?.status === 'captured' ? objectAt(objectAt(seeds.value, 'generators'), 'default') : {}
    expect(Generator.restore(state).next()).toBe(new Generator(42).next())
  })

  test(
    '24: two runs overwrote each other, a name led out of the folder, and a crash left no trace',
    { timeout: 60_000 },
    async () => {
      const root = folderOf({ 'inner/keep': '' })
      const inner = join(root, 'inner')
      const options = { experimentName: '../x', saveToJson: true }
      const [one, two] = [await finished(inner, options), await finished(inner, options)]
      expect(one.folder).not.toBe(two.folder)
      expect(readdirSync(root)).toEqual(['inner'])
      const program = `const tracker = new ExperimentTracker(off); await tracker.startExperiment(); console.log(tracker.runDirectory); process.exit(1)`
      const { stdout } = await runProgram(program, inner)
      expect((await readRun(stdout.trim())).status).toBe('lost')
    },
  )

  test('25: a missing path counted as tracked, a tokenizer as a model, and work could not be stopped', async () => {
    const run = await finished(folderOf({ 't/vocab.txt': 'a' }), {}, async (tracker) => {
      await expect(tracker.trackDataset('missing', 'd')).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_NOT_FOUND',
      })
      await tracker.trackTokenizer('t', 't')
    })
    expect(run.record.datasets['d']).toMatchObject({ status: 'failed' })
    expect(Object.keys(run.record.models)).toEqual([])
    expect(Object.keys(run.record.tokenizers)).toEqual(['t'])
    const stop = new AbortController()
    stop.abort(new Error('stop'))
    await expect(hashFile(fileOf(paint(1000)), { signal: stop.signal })).rejects.toThrow('stop')
  })

  test('26: everything went to a service unasked, without the metrics', async () => {
    const run = await finished(folderOf(), {}, (tracker) => tracker.logMetric('loss', 1, { step: 7 }))
    expect(run.record.configuration).toMatchObject({ saveToWandb: false, saveToMlflow: false })
    expect(run.record.metrics['loss']).toMatchObject({ lastStep: 7 })
  })

  test('27: nothing could be verified, compared or reproduced', { timeout: 120_000 }, async () => {
    const root = folderOf({ d: '1' })
    const run = (): ReturnType<typeof finished> =>
      finished(root, {}, (tracker) => tracker.trackDataset('d', 'd'))
    const before = await run()
    expect((await verifyRun(before)).same).toBe(true)
    writeFileSync(join(root, 'd'), '2')
    expect((await verifyRun(before)).same).toBe(false)
    expect((await diffRuns(before, await run())).firstCause).toBe('data')
    // A run that wrapped no command says so, and is not taken for reproduced.
    await expect(reproduceRun(before)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
  })
})
