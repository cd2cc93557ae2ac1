/** A folder of many small files. */
import { availableParallelism } from 'node:os'
import { hashTree } from '../../src/hash/tree.ts'
import { entry, fileLines, sumLines } from './entry.ts'
import type { Algorithm } from '../../src/digest.ts'
import type { FileSet, Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'
import type { Peers, Program } from './entry.ts'

/** The cases of the small files. */
export function treeCases(inputs: Inputs, peers: Peers): Case[] {
  const title = `${inputs.sizes.smallFiles.toLocaleString('en')} files of 1 to 40 KiB`
  return [
    {
      name: 'tree-blake3',
      title: `${title}, BLAKE3`,
      prepare: async () => {
        const small = inputs.smallFiles()
        // What paq prints is its own digest of a folder, so there is nothing to compare.
        const paq = { name: 'paq', needs: ['paq'], args: [small.path] } as const
        const programs = [paq, findXargs(small, 'b3sum', peers)]
        return entry(small.bytes, [ours(small, 'blake3')], programs, peers)
      },
    },
    {
      name: 'tree-sha256',
      title: `${title}, SHA-256`,
      prepare: async () => {
        const small = inputs.smallFiles()
        return entry(small.bytes, [ours(small, 'sha256')], [findXargs(small, 'sha256sum', peers)], peers)
      },
    },
  ]
}

function ours({ path }: FileSet, algorithm: Algorithm): Contestant {
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

/** A process for every 500 files, as many at a time as there are cores. */
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
