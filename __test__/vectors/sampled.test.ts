import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Digest } from '../../src/core/digest.ts'
import { readDataset } from '../../src/dataset/read.ts'
import { hashArray } from '../../src/hash/array.ts'
import { hashFile } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { readModel } from '../../src/model/read.ts'
import { checkSample } from '../../src/hash/sample/options.ts'
import { ALGORITHMS, contentOf, readCases, safetensors, temporaryFolder, writeEntries } from './support.ts'
import type { Digests } from '../../src/core/digest.ts'
import type { TypedArray } from '../../src/hash/array.ts'
import type { SampleOptions } from '../../src/hash/sample/options.ts'
import type { SampleReport } from '../../src/hash/sample/report.ts'
import type { Content, VectorEntry, VectorTensor, WrittenDigests } from './support.ts'

interface PlanCase {
  readonly name: string
  readonly plan: {
    readonly strategy: 'strided' | 'random' | 'blocks'
    readonly seed?: string
    readonly count?: number
    readonly share?: string
    readonly above?: number
  }
  readonly amount: number | readonly [number, number]
}

interface SampledCase extends PlanCase {
  readonly of: 'file' | 'tensor' | 'tree' | 'weights'
  readonly digests: WrittenDigests
  /** Absent where everything is read. */
  readonly bytesRead?: number
}

interface FileCase extends SampledCase {
  readonly content: Content
}

type TensorCase = SampledCase & Omit<VectorTensor, 'name'>

interface TreeCase extends SampledCase {
  readonly links: 'follow' | 'record'
  readonly root: readonly VectorEntry[]
}

interface WeightsCase extends SampledCase {
  readonly tensors: readonly VectorTensor[]
}

const cases = readCases('sampled.json') as readonly SampledCase[]

/** The cases of one kind; the caller says what is in them, as the reference holds the files to it. */
function casesOf(of: SampledCase['of']): readonly SampledCase[] {
  const found = cases.filter((each) => each.of === of)
  expect(found.length).toBeGreaterThan(10)
  return found
}

function optionsOf({ plan: { seed, ...rest } }: PlanCase): SampleOptions {
  return { ...rest, ...(seed !== undefined && { seed: BigInt(seed) }) }
}

interface Outcome {
  readonly digests: Digests
  readonly sample?: SampleReport
}

/** What a function gives for both algorithms at once, and for each alone on one thread. */
async function read(each: PlanCase, run: (options: object) => Promise<Outcome>): Promise<object> {
  const sample = optionsOf(each)
  const { digests: both, sample: report } = await run({ sample, algorithm: 'both' })
  const alone: Digests[] = []
  for (const algorithm of ALGORITHMS) alone.push((await run({ sample, algorithm, threads: 1 })).digests)
  return {
    both: ALGORITHMS.map((algorithm) => both[algorithm]),
    alone: ALGORITHMS.map((algorithm, index) => alone[index]?.[algorithm]),
    bytesRead: report?.bytesRead === report?.bytesTotal ? undefined : report?.bytesRead,
  }
}

/** What that must be. */
function expected({ digests, bytesRead }: SampledCase): object {
  const parsed = ALGORITHMS.map((algorithm) => Digest.parse(digests[algorithm]))
  return { both: parsed, alone: parsed, bytesRead }
}

test.each(casesOf('file') as readonly FileCase[])('$name', async ({ content, ...rest }) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'file')
  writeFileSync(path, contentOf(content))
  expect(await read(rest, (options) => hashFile(path, options))).toEqual(expected(rest))
  expect((await readDataset(path, { sample: optionsOf(rest) })).digest.toString()).toBe(rest.digests.blake3)
})

const VIEWS: Readonly<Record<string, (buffer: ArrayBuffer) => TypedArray>> = {
  U8: (buffer) => new Uint8Array(buffer),
  I16: (buffer) => new Int16Array(buffer),
  I32: (buffer) => new Int32Array(buffer),
  U64: (buffer) => new BigUint64Array(buffer),
  F32: (buffer) => new Float32Array(buffer),
  F64: (buffer) => new Float64Array(buffer),
}

test.each(casesOf('tensor') as readonly TensorCase[])('$name', async ({ dtype, shape, data, ...rest }) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'model.safetensors')
  writeFileSync(path, safetensors([{ name: 't', dtype, shape, data }]))
  const { tensors } = await readModel(path, { sample: optionsOf(rest) })
  const sampled = rest.bytesRead !== undefined
  // A tensor of a model that was read whole has the plain digest of its elements.
  expect(tensors[0]?.digest.toString() === rest.digests.blake3).toBe(sampled)
  const view = VIEWS[dtype]?.(new Uint8Array(contentOf(data)).buffer)
  if (view === undefined) return
  expect(await read(rest, (options) => hashArray({ data: view, shape }, options))).toEqual(expected(rest))
})

test.each(casesOf('tree') as readonly TreeCase[])('$name', async ({ root, links, ...rest }) => {
  if (process.platform !== 'linux' && JSON.stringify(root).includes('nameBase64')) return
  using folder = temporaryFolder()
  writeEntries(Buffer.from(folder.path), root)
  const hash = (options: object): Promise<Outcome> => hashTree(folder.path, { links, ...options })
  expect(await read(rest, hash)).toEqual(expected(rest))
})

test.each(casesOf('weights') as readonly WeightsCase[])('$name', async ({ tensors, ...rest }) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'model.safetensors')
  for (const order of [tensors, tensors.toReversed()]) {
    writeFileSync(path, safetensors(order))
    const hash = async (options: object): Promise<Outcome> => {
      const { digests, sample } = await readModel(path, options)
      return { digests: digests.weights, ...(sample && { sample }) }
    }
    expect(await read(rest, hash)).toEqual(expected(rest))
  }
})

test('amounts are read as they are written', () => {
  for (const each of [...cases, ...(readCases('selection.json') as readonly PlanCase[])]) {
    expect(checkSample(optionsOf(each))?.amount, each.name).toEqual(each.amount)
  }
})
