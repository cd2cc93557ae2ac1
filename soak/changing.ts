/**
 * Hash a file that another process writes to, truncates, replaces and renames: the digest is that of
 * something the file held at one moment of the read, or there is an error.
 *
 * Every call of the writer makes a new state, and the writer logs its digest and the moments between which it
 * lasted. The control is a reader that reads the file piece by piece without a check, which must produce
 * mixtures.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { changedDuring, judge } from './changing-judge.ts'
import { byFile, byFiles, byTree, checkingTwice, naively } from './changing-readers.ts'
import { ending, waitForOutput, startChild } from './support/child.ts'
import { withWorkFolders } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { Algorithm } from '../src/core/digest.ts'
import type { Attempt, Judgement, State } from './changing-judge.ts'
import type { Reader } from './changing-readers.ts'
import type { WorkFolder } from './support/folders.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link changingRound}. */
export interface ChangingOptions extends RoundOptions {
  /** Reads during which the file changed. */
  readonly rounds: number
  /** Milliseconds that one writer works. */
  readonly turn: number
}

interface Turn {
  readonly name: string
  readonly read: Reader
  readonly length: number
  readonly algorithm: Algorithm
}

const WRITER = new URL('./children/changing-writer.ts', import.meta.url)

/**
 * Short and long files, below and above the size of one read call and the size that is split between threads.
 */
const TURNS: readonly Turn[] = [
  { name: 'file', read: byFile, length: 65_536, algorithm: 'blake3' },
  { name: 'file', read: byFile, length: 6 << 20, algorithm: 'blake3' },
  { name: 'file', read: byFile, length: 1 << 20, algorithm: 'sha256' },
  { name: 'files', read: byFiles, length: 8192, algorithm: 'sha256' },
  { name: 'tree', read: byTree, length: 65_536, algorithm: 'blake3' },
  { name: 'tree', read: byTree, length: 200_000, algorithm: 'sha256' },
]

/** Largest number of turns for the control. */
const MOST_TURNS = 50

const FAIR: ReadonlySet<Judgement> = new Set(['whole', 'refused', 'absent'])

/** Run the round. */
export async function changingRound({ rounds, turn, seed, progress }: ChangingOptions): Promise<Outcome> {
  return withWorkFolders(async ({ folders: workFolders, skipped }) => {
    const tally = new Tally()
    const seen: Record<Judgement, number> = zero()
    const coarse = { reads: 0, mixed: 0 }
    const each = Math.ceil(
      rounds / TURNS.length / workFolders.filter((workFolder) => !workFolder.coarse).length,
    )
    const note = (workFolder: WorkFolder, { name, length, algorithm }: Turn, judgement: Judgement): void => {
      const wrong = !FAIR.has(judgement)
      if (workFolder.coarse) {
        // If time stamps are whole seconds, two changes within one second cannot be detected: reported, but
        // not a failure.
        coarse.reads++
        if (wrong) coarse.mixed++
        return
      }
      seen[judgement]++
      const label = `${workFolder.name}: ${judgement}, ${name} of ${length} bytes, ${algorithm}`
      tally.count(wrong ? label : undefined)
    }
    for (const [index, kind] of TURNS.entries()) {
      const work = workFolders.map(async (workFolder) => {
        for (let [done, writer] = [0, seed + index * 1000]; done < each; writer++) {
          const judgements = await readDuringWrites({
            ...kind,
            name: `${index}`,
            workFolder,
            seed: writer,
            turn,
          })
          for (const judgement of judgements) note(workFolder, kind, judgement)
          done += judgements.length
        }
      })
      await Promise.all(work)
      progress(`${tally.failures}/${tally.rounds} wrong, ${seen.whole} whole, ${seen.refused} refused`)
    }
    const workFolder = workFolders[0] ?? { name: '', folder: '', coarse: false }
    const plan = { workFolder, algorithm: 'sha256', seed, turn } as const
    const naive: Judgement[] = []
    // On a busy machine a short turn may contain only a few reads.
    for (let turns = 0; turns === 0 || (mixed(naive) === 0 && turns < MOST_TURNS); turns++)
      naive.push(...(await readDuringWrites({ ...plan, name: 'naive', read: naively, length: 6 << 20 })))
    const checkedReads = await readDuringWrites({
      ...plan,
      name: 'looking',
      read: checkingTwice,
      length: 65_536,
    })
    return {
      name: 'changing',
      promise:
        'a file that changes while it is hashed gives the digest of one moment, or ERR_LINEAPRINT_CHANGED',
      ...tally.result,
      controls: [
        { what: 'reader that asks nothing gets a mixture', tried: naive.length, caught: mixed(naive) },
      ],
      numbers: {
        ...seen,
        'reads with whole seconds': coarse.reads,
        'mixtures with whole seconds': coarse.mixed,
        // A write is stamped before its bytes arrive, so a stat before and after is not enough. Too rare for
        // a control.
        'reads that look before and after': checkedReads.length,
        'mixtures that look before and after': mixed(checkedReads),
      },
      skipped,
    }
  })
}

function mixed(judgements: readonly Judgement[]): number {
  return judgements.filter((judgement) => judgement === 'mixed').length
}

interface Plan extends Turn {
  readonly workFolder: WorkFolder
  readonly seed: number
  /** Milliseconds. */
  readonly turn: number
}

/** Read repeatedly while a writer works, and judge the reads during which the file changed. */
async function readDuringWrites(plan: Plan): Promise<Judgement[]> {
  const { workFolder, name, read, length, algorithm, seed, turn } = plan
  // The file is alone in its folder; other files of the writer are in another folder.
  const [folder, aside] = [join(workFolder.folder, `read-${name}`), join(workFolder.folder, `aside-${name}`)]
  for (const path of [folder, aside]) mkdirSync(path, { recursive: true })
  const path = join(folder, 'file')
  const child = startChild(WRITER, [path, aside, length, seed, turn, algorithm].map(String))
  const ended = ending(child)
  await waitForOutput(child, 'ready\n')
  const attempts: Attempt[] = []
  const end = performance.now() + turn
  while (performance.now() < end) {
    const from = monotonicNs()
    const result = await read(path, algorithm)
    attempts.push({ from, until: monotonicNs(), result })
  }
  const { code, stdout, stderr } = await ended
  if (code !== 0) throw new Error(`the writer failed: ${stderr}`)
  const states = JSON.parse(stdout.slice('ready\n'.length)) as State[]
  return attempts.filter((each) => changedDuring(each, states)).map((each) => judge(each, states))
}

/** Return nanoseconds of a clock that all processes share. */
function monotonicNs(): number {
  return Number(process.hrtime.bigint())
}

function zero(): Record<Judgement, number> {
  return { whole: 0, refused: 0, absent: 0, mixed: 0, outdated: 0, 'false alarm': 0 }
}
