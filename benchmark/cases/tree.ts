/** Cases of a folder of many small files. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { hashTree } from '../../src/hash/tree.ts'
import { runProgram } from '../measure.ts'
import { NPM_PEERS } from '../peers.ts'
import { entry, fileLines, sumLines, uncached } from './entry.ts'
import type { Algorithm } from '../../src/core/digest.ts'
import type { FileSet, Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'
import type { Peers, Program } from './entry.ts'

/** Return the cases of the small files. */
export function treeCases(inputs: Inputs, peers: Peers): Case[] {
  const title = `${inputs.sizes.smallFiles.toLocaleString('en')} files of 1 to 40 KiB`
  return [
    {
      name: 'tree-blake3',
      title: `${title}, BLAKE3`,
      prepare: async () => {
        const small = inputs.smallFiles()
        return entry(small.bytes, [hashTreeContestant(small, 'blake3')], blake3Programs(small, peers), peers)
      },
    },
    {
      name: 'tree-sha256',
      title: `${title}, SHA-256`,
      prepare: async () => {
        const small = inputs.smallFiles()
        const programs = [findXargs(small, 'sha256sum', peers), modelSigning(small.path)]
        return entry(
          small.bytes,
          [hashTreeContestant(small, 'sha256')],
          programs,
          peers,
          folderHash(small.path),
        )
      },
    },
    {
      name: 'tree-cold',
      title: `${title}, not in the page cache, BLAKE3`,
      prepare: async () => {
        const small = inputs.smallFiles()
        const programs = blake3Programs(small, peers)
        const perCore: Contestant = {
          name: 'lineaprint hashTree, a thread per core',
          role: 'part',
          child: false,
          run: async () => (await hashTree(small.path, { threads: availableParallelism() })).digest.hex,
        }
        const contestants = entry(small.bytes, [hashTreeContestant(small, 'blake3')], programs, peers, [
          perCore,
        ])
        return uncached(contestants, small.path, peers)
      },
    },
    {
      name: 'tree-cached',
      title: `${title}, BLAKE3, nothing changed`,
      prepare: async () => {
        const small = inputs.smallFiles()
        return entry(small.bytes, [await cached(small, inputs.directory)], [], peers, [
          hashTreeContestant(small, 'blake3'),
        ])
      },
    },
  ]
}

function hashTreeContestant({ path }: FileSet, algorithm: Algorithm): Contestant {
  return {
    name: 'lineaprint hashTree',
    role: 'ours',
    child: false,
    run: async () => (await hashTree(path, { algorithm })).digest.hex,
    check: {
      label: 'every file',
      read: async () => {
        const { entries = [] } = await hashTree(path, { algorithm, list: true })
        return fileLines(
          entries.map((file) => ({ hex: file.digests[algorithm]?.hex ?? '', path: file.path })),
        )
      },
    },
  }
}

function blake3Programs(small: FileSet, peers: Peers): Program[] {
  // paq prints a digest of its own kind, so there is nothing to compare.
  return [{ name: 'paq', needs: ['paq'], args: [small.path] }, findXargs(small, 'b3sum', peers)]
}

/**
 * Return the contestant with a cache that holds every file. It waits first, because files changed in the last
 * seconds are never cached.
 */
async function cached({ path, files }: FileSet, folder: string): Promise<Contestant> {
  const cache = join(folder, 'cache')
  await setTimeout(2500)
  const { cache: first } = await hashTree(path, { cache })
  const name = `lineaprint hashTree, cache of ${first?.stored ?? 0} of ${files.length}`
  return { name, role: 'ours', child: false, run: async () => (await hashTree(path, { cache })).digest.hex }
}

/** Return the hashing of model_signing alone, without a signature; its digest is of its own kind. */
export function modelSigning(path: string): Program {
  const script =
    'exec "$(dirname "$1")/python" -c "import sys; from model_signing import hashing; hashing.hash(sys.argv[1])" "$2"'
  return {
    name: 'model_signing (Python)',
    needs: ['sh', 'model_signing'],
    args: ['-c', script, 'sh', join(NPM_PEERS, '../model-signing/bin/model_signing'), path],
  }
}

/** Return the npm package in a process of its own, as it would be used; its digest is of its own kind. */
function folderHash(path: string): Contestant[] {
  const module = join(NPM_PEERS, 'node_modules/folder-hash')
  if (!existsSync(module)) return []
  const code = `require(${JSON.stringify(module)}).hashElement(${JSON.stringify(path)}, { algo: 'sha256' })`
  return [
    {
      name: 'folder-hash (npm)',
      role: 'peer',
      child: true,
      run: async () => {
        await runProgram(execPath, ['--input-type=commonjs', '-e', code])
        return undefined
      },
    },
  ]
}

/** Return one process per 500 files, as many at a time as there are cores. */
function findXargs({ path }: FileSet, program: 'b3sum' | 'sha256sum', peers: Peers): Program {
  const cores = availableParallelism()
  const script = 'find "$1" -type f -print0 | xargs -0 -n 500 -P "$2" "$3"'
  return {
    name: `find | xargs -P${cores} ${program}`,
    needs: ['sh', 'find', 'xargs', program],
    args: ['-c', script, 'sh', path, String(cores), peers.get(program)?.path ?? ''],
    check: { label: 'every file', parse: (output) => sumLines(output, `${path}/`) },
  }
}
