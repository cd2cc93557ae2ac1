/** Cases of one model in every format that is read: its tensors hashed, next to its files hashed as plain files. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashFiles } from '../../src/hash/file.ts'
import { readModel } from '../../src/model/read.ts'
import { FORMATS } from '../formats/index.ts'
import { planModel } from '../formats/output.ts'
import { WrongDigest } from '../measure.ts'
import { PythonWorker } from '../python-worker.ts'
import type { WrittenFormat } from '../formats/index.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'
import type { Library } from '../python-worker.ts'

/** The share of the rate of plain files that tensors in one piece have to reach. */
const TARGET = 0.9

/** Interpreters: scripts/bench-peers.sh makes the first, scripts/setup-frameworks.sh the second. */
const READERS = fileURLToPath(new URL('../../.peers/model-readers/bin/python', import.meta.url))
const FRAMEWORKS = fileURLToPath(new URL('../../.peers/frameworks/bin/python', import.meta.url))

const ZTENSOR = ['ztensor', READERS] as const

/** The libraries of a format, each with its interpreter. */
const LIBRARIES: Readonly<Record<string, readonly (readonly [Library, python: string])[]>> = {
  safetensors: [['safetensors', READERS], ZTENSOR],
  pytorch: [['torch', FRAMEWORKS], ZTENSOR],
  'pytorch-legacy': [['torch', FRAMEWORKS]],
  gguf: [['gguf', READERS], ZTENSOR],
  npy: [['numpy', READERS]],
  'npy-fortran': [['numpy', READERS]],
  npz: [['numpy', READERS], ZTENSOR],
  'npz-deflated': [['numpy', READERS], ZTENSOR],
  onnx: [ZTENSOR],
  // ztensor refuses a root group whose symbol table is not cached in its entry, which the format allows.
  hdf5: [['h5py', READERS]],
  'hdf5-chunked': [['h5py', READERS]],
}

/** Return a case for each format. Only the files of one of them are on the disk at a time. */
export function modelFormatCases(inputs: Inputs): Case[] {
  const shared = new Shared(inputs)
  return FORMATS.map((format) => ({
    name: `model-format-${format.name}`,
    title: `${format.title}: the tensors of one model, BLAKE3`,
    prepare: async () => shared.entry(format),
  }))
}

/** State that the cases share: the folder, and the digest that the formats with names must agree about. */
class Shared {
  readonly #inputs: Inputs
  readonly #weights = new Map<boolean | string, string>()

  constructor(inputs: Inputs) {
    this.#inputs = inputs
  }

  async entry(format: WrittenFormat): Promise<Entry> {
    const folder = join(this.#inputs.directory, 'model-formats')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
    const path = format.write(folder, planModel(this.#inputs.sizes.modelBytes))
    const { weights, bytes, files } = await readModel(path)
    const key = format.named || format.name
    const known = this.#weights.get(key) ?? weights.hex
    if (known !== weights.hex)
      throw new WrongDigest(`${format.name} has other weights than the formats before`)
    this.#weights.set(key, known)
    const paths = files.map(({ name }) => join(path, '..', name))
    const workers: PythonWorker[] = []
    const [python, missing] = pythonContestants(format, path, workers)
    return {
      bytes,
      contestants: [readModelContestant(path, weights.hex), wholeFiles(paths, format), ...python],
      missing,
      after: () => {
        for (const worker of workers) worker.stop()
      },
    }
  }
}

function pythonContestants(
  { name }: WrittenFormat,
  path: string,
  workers: PythonWorker[],
): [contestants: Contestant[], missing: string[]] {
  const contestants: Contestant[] = []
  const missing: string[] = []
  for (const [library, python] of LIBRARIES[name] ?? []) {
    if (!existsSync(python)) {
      missing.push(`${library} (no ${python})`)
      continue
    }
    for (const what of ['hash', 'load'] as const) {
      const worker = new PythonWorker(python, library, what, path)
      workers.push(worker)
      contestants.push({
        name: what === 'hash' ? `${library}, load and SHA-256` : `${library}, load alone`,
        role: what === 'hash' ? 'peer' : 'part',
        child: true,
        cpuMs: () => worker.cpuMs,
        run: async () => worker.ask(),
        ...(what === 'hash' && {
          check: { label: 'SHA-256 of the tensors', read: async () => worker.ask() },
        }),
      })
    }
  }
  return [contestants, missing]
}

function readModelContestant(path: string, weights: string): Contestant {
  return {
    name: 'lineaprint readModel',
    role: 'ours',
    child: false,
    run: async () => {
      const { hex } = (await readModel(path)).weights
      if (hex !== weights) throw new WrongDigest(`${path} has other weights than before`)
      return hex
    },
    check: {
      label: 'SHA-256 of the tensors',
      read: async () => {
        const { tensors } = await readModel(path, { algorithm: 'sha256' })
        const whole = createHash('sha256')
        for (const { digest } of tensors) whole.update(digest.bytes)
        return whole.digest('hex')
      },
    },
  }
}

function wholeFiles(paths: readonly string[], { inPieces }: WrittenFormat): Contestant {
  return {
    name: 'lineaprint hashFiles, as plain files',
    role: 'part',
    child: false,
    ...(inPieces && { target: TARGET }),
    run: async () => {
      const outcomes = await hashFiles(paths)
      return outcomes
        .map((outcome) => {
          if (outcome instanceof Error) throw outcome
          return outcome.digest.hex
        })
        .join(' ')
    },
  }
}
