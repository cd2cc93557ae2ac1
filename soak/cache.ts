/**
 * Hash with the cache, change every file behind its back, hash again: no digest may be that of the old
 * content.
 *
 * The control is the key that other tools use (inode, length and modification time). It must go stale:
 * otherwise the changes are not hard enough to detect.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Generator } from '../src/capture/seeds/generator.ts'
import { hashFiles } from '../src/hash/file.ts'
import { hashTree } from '../src/hash/tree.ts'
import { EDITS, Mapper, contentOf, edit } from './cache-edits.ts'
import { withWorkFolders } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { TreeHash } from '../src/hash/tree.ts'
import type { Edit } from './cache-edits.ts'
import type { WorkFolder } from './support/folders.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link cacheRound}. */
export interface CacheOptions extends RoundOptions {
  /** Number of changes over all file systems that are cached. */
  readonly rounds: number
  /** Files that are changed together. */
  readonly batch: number
}

/** The results on one file system. */
interface FolderResult {
  readonly tally: Tally
  readonly kept: number
  readonly hits: number
  readonly dvcStale: number
}

/** Milliseconds that a file must be unchanged before it is cached; see `docs/cache.md`. */
const WINDOW = 2300

/** Run the round. */
export async function cacheRound({ rounds, batch, seed, progress }: CacheOptions): Promise<Outcome> {
  return withWorkFolders(async ({ folders: workFolders, skipped }) => {
    let remaining = rounds
    const more = (done: number): boolean => (remaining -= done) > 0
    const results = await Promise.all(
      workFolders.map((workFolder, index) =>
        runIn(workFolder, { batch, seed: seed + index, progress, more }),
      ),
    )
    const numbers: Record<string, number> = {}
    for (const [index, { tally, kept, hits, dvcStale }] of results.entries()) {
      const name = workFolders[index]?.name ?? ''
      numbers[`${name} rounds`] = tally.rounds
      numbers[`${name} stale`] = tally.failures
      numbers[`${name} kept`] = kept
      numbers[`${name} hits`] = hits
      numbers[`${name} stale with the other key`] = dvcStale
      if (kept === 0) skipped = [...skipped, `more than a batch on ${name}: nothing is kept there`]
    }
    // A cache that stores or finds nothing is never stale and proves nothing.
    if (results.every(({ hits }) => hits === 0)) throw new Error('nothing was found again on any file system')
    const sum = (part: (result: FolderResult) => number): number =>
      results.reduce((total, result) => total + part(result), 0)
    const total = sum(({ tally, kept }) => (kept > 0 ? tally.rounds : 0))
    return {
      name: 'cache',
      promise: 'a digest from the cache is that of the present content',
      rounds: total,
      failures: sum(({ tally }) => tally.failures),
      examples: results.flatMap(({ tally }) => tally.examples),
      controls: [
        {
          what: 'key of inode, length and time of change goes stale',
          tried: total,
          caught: sum(({ kept, dvcStale }) => (kept > 0 ? dvcStale : 0)),
        },
      ],
      numbers,
      skipped,
    }
  })
}

interface Plan extends Omit<CacheOptions, 'rounds'> {
  /** Receives the number of changes made, and returns true for more. */
  readonly more: (done: number) => boolean
}

async function runIn(workFolder: WorkFolder, { batch, seed, progress, more }: Plan): Promise<FolderResult> {
  const random = new Generator(seed)
  const root = join(workFolder.folder, 'data')
  const cache = join(workFolder.folder, 'cache')
  const paths = Array.from({ length: batch }, (_, index) => join(root, `file-${index}`))
  const mapper = new Mapper()
  const tally = new Tally()
  let [kept, hits, dvcStale, version] = [0, 0, 0, 0]
  mkdirSync(root)
  for (const path of paths) {
    // A few are longer than one read call takes.
    const size = random.integer(0, 19) === 0 ? random.integer(65_537, 99_999) : random.integer(8, 9999)
    writeFileSync(path, contentOf(version++, size))
  }
  try {
    let done: number
    do {
      done = -tally.rounds
      // One more than there are kinds: some files stay unchanged, and those must be cache hits.
      const ways = paths.map(() => EDITS[random.integer(0, EDITS.length)])
      const pathsOf = (way: Edit): string[] => paths.filter((_, index) => ways[index] === way)
      await mapper.do('dirty', pathsOf('mapped-before'))
      // Whole seconds, as archives unpack them: every file system can restore them exactly.
      for (const [index, path] of paths.entries()) utimesSync(path, 1.7e9, 1.7e9 + index)
      await setTimeout(WINDOW)
      const first = await hashTree(root, { cache, algorithm: 'both', list: true })
      kept += first.cache?.stored ?? 0
      const before = paths.map((path) => ({ key: dvcKey(path), sha256: sha256Of(path) }))
      for (const [index, path] of paths.entries()) {
        const way = ways[index]
        if (way !== undefined && way !== 'mapped-before' && way !== 'mapped-late') edit(way, path, version++)
      }
      await mapper.do('late', pathsOf('mapped-late'))
      await mapper.do('store', pathsOf('mapped-before'))
      const second = await hashTree(root, { cache, algorithm: 'both', list: true })
      hits += second.cache?.hits ?? 0
      const secondByName = byName(second)
      const fresh = await hashFiles(paths)
      for (const [index, path] of paths.entries()) {
        const way = ways[index]
        const sha256 = sha256Of(path)
        if ((sha256 === before[index]?.sha256) !== (way === undefined))
          throw new Error(`${way ?? 'nothing'} was done to ${path}, and its content shows otherwise`)
        const digests = secondByName.get(path.slice(root.length + 1))
        const blake3 = fresh[index]
        const right =
          digests?.sha256?.hex === sha256 &&
          blake3 !== undefined &&
          'digest' in blake3 &&
          digests.blake3?.hex === blake3.digest.hex
        const failure = right ? undefined : `${workFolder.name}: wrong digest after ${way ?? 'nothing'}`
        if (way === undefined) {
          if (failure !== undefined) tally.fail(failure)
          continue
        }
        tally.count(failure)
        if (dvcKey(path) === before[index]?.key) dvcStale++
      }
      await mapper.do('drop')
      done += tally.rounds
      progress(`${workFolder.name}: ${tally.failures}/${tally.rounds} stale, ${kept} entries kept`)
      // If nothing is cached nothing can be stale, and further rounds would only inflate the count.
    } while (kept > 0 && more(done))
  } finally {
    await mapper.end()
  }
  return { tally, kept, hits, dvcStale }
}

function byName(tree: TreeHash): Map<string, TreeHash['digests']> {
  return new Map(tree.entries?.map(({ path, digests }) => [path, digests]))
}

/** Hash a file without code of lineaprint. */
function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** Return the key by which DVC stores a digest. */
function dvcKey(path: string): string {
  const { ino, mtimeMs, size } = statSync(path)
  return `${ino} ${mtimeMs} ${size}`
}
