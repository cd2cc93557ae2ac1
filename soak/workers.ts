/**
 * Start worker threads and terminate them while they hash; transfer and resize buffers while they are hashed.
 * The process ends with 0, and no wrong digest is returned.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ending, printed, startChild } from './support/child.ts'
import { sparseFile } from './support/many.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { WorkersReport } from './children/workers.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link workersRound}. */
export interface WorkersOptions extends RoundOptions {
  readonly workers: number
  readonly buffers: number
  /** Workers and buffers of one process: if it dies, no more than those are lost. */
  readonly batch: number
}

const PROGRAM = new URL('./children/workers.ts', import.meta.url)

/** Run the round. */
export async function workersRound(options: WorkersOptions): Promise<Outcome> {
  const { workers, buffers, batch, seed, progress } = options
  return withFolder(async (folder) => {
    prepare(folder)
    const tally = new Tally()
    const sums = { midHash: 0, refused: 0, whole: 0, naiveTried: 0, naiveWrong: 0 }
    const batches = Math.ceil(workers / batch)
    for (let index = 0; index < batches; index++) {
      const shares = [workers, buffers].map((total) => Math.ceil(total / batches))
      const failure = await runBatch([...shares, seed + index, folder], (report) => {
        for (const key of ['midHash', 'refused', 'whole', 'naiveTried', 'naiveWrong'] as const)
          sums[key] += report[key]
        for (const wrong of report.wrong) tally.fail(wrong)
        tally.rounds += report.workers + report.buffers
      })
      if (failure !== undefined) tally.count(failure)
      progress(`${tally.failures} failures in ${tally.rounds} workers and buffers`)
    }
    const crash = await runBatch([4, 0, seed, folder, 'crash'], () => undefined)
    return {
      name: 'workers',
      promise: 'threads that end and buffers that go away while they are hashed do no harm',
      ...tally.result,
      controls: [
        { what: 'process that aborts', tried: 1, caught: crash === undefined ? 0 : 1 },
        {
          what: 'slices of a resized buffer without a look at its length',
          tried: sums.naiveTried,
          caught: sums.naiveWrong,
        },
      ],
      numbers: {
        'workers ended while they hashed': sums.midHash,
        'buffers refused': sums.refused,
        'buffers hashed before they went away': sums.whole,
      },
      skipped: [],
    }
  })
}

/** Run one process; return how it failed, if it did. */
async function runBatch(
  args: readonly (number | string)[],
  take: (report: WorkersReport) => void,
): Promise<string | undefined> {
  const end = await ending(startChild(PROGRAM, args.map(String)))
  if (end.code !== 0) return `the process ended with ${end.code ?? end.signal}: ${end.stderr.slice(-500)}`
  take(printed(end) as WorkersReport)
  return undefined
}

function prepare(folder: string): void {
  sparseFile(join(folder, 'file'), 64 << 20)
  mkdirSync(join(folder, 'tree'))
  for (let index = 0; index < 200; index++) {
    writeFileSync(join(folder, 'tree', `${index}`), Buffer.alloc(1000 * index, index))
  }
}
