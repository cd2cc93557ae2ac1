/**
 * Kill a process that tracks a run with SIGKILL, at a random moment from the creation of the run's folder to
 * its end: every event that `flush` acknowledged is present, nothing is damaged, and the run is reported as
 * lost, or as finished if it got that far.
 *
 * The control is a program that acknowledges events before they are flushed, and must lose some.
 */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Generator } from '../src/capture/seeds/generator.ts'
import { listRuns } from '../src/database/runs.ts'
import { storeIn } from '../src/store/store.ts'
import { faultOf } from './support/acknowledged.ts'
import { ending, waitForOutput, inParallel, startChild } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { Reports } from './support/acknowledged.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link journalRound}. */
export interface JournalOptions extends RoundOptions {
  readonly kills: number
}

const PROGRAM = new URL('./children/journal.ts', import.meta.url)

/** Milliseconds after a sign of life within which the process is killed. */
const LIFE = 70

/** Events after which a run is finished: some processes are killed while finishing. */
const EVENTS = 60

/** Number of runs of the control. */
const CONTROLS = 5

/** Run the round. */
export async function journalRound({ kills, seed, progress }: JournalOptions): Promise<Outcome> {
  return withFolder(async (folder) => {
    const store = storeIn(folder)
    const random = new Generator(seed)
    const tally = new Tally()
    const moments = { start: 0, events: 0, finished: 0 }
    let acknowledged = 0
    await inParallel(kills, 4, async (index) => {
      const id = `run-${index}`
      // One in three is killed from before the start, the others from the moment the run exists.
      const word = index % 3 === 0 ? 'ready\n' : '\n0\n'
      const reports = await killed([folder, id, String(EVENTS)], word, random.next() * LIFE)
      if (reports.finished) moments.finished++
      else if (reports.last >= 0) moments.events++
      else moments.start++
      acknowledged += Math.max(reports.last, 0)
      tally.count(await faultOf(store, id, reports))
      if (tally.rounds % 50 === 0)
        progress(`${tally.failures}/${tally.rounds} lost, ${acknowledged} acknowledged events`)
    })
    const { damaged } = await listRuns(store)
    for (const { id, error } of damaged) tally.fail(`${id}: ${error.message}`)

    const other = storeIn(join(folder, 'control'))
    let lost = 0
    for (let index = 0; index < CONTROLS; index++) {
      const args = [join(folder, 'control'), `run-${index}`, '1000000', 'early']
      const reports = await killed(args, '\n0\n', random.next() * LIFE)
      if ((await faultOf(other, `run-${index}`, reports))?.includes('lost') === true) lost++
    }
    return {
      name: 'journal',
      promise: 'what flush acknowledged survives SIGKILL, and no run is damaged',
      ...tally.result,
      controls: [{ what: 'program that acknowledges before it flushes', tried: CONTROLS, caught: lost }],
      numbers: {
        'killed while it started': moments.start,
        'killed between events': moments.events,
        'killed after it finished': moments.finished,
        'events acknowledged': acknowledged,
      },
      skipped: [],
    }
  })
}

async function killed(
  args: readonly string[],
  word: string,
  after: number,
): Promise<Reports & { readonly finished: boolean }> {
  const child = startChild(PROGRAM, args)
  const ended = ending(child)
  await waitForOutput(child, word)
  await setTimeout(after)
  child.kill('SIGKILL')
  const { stdout, stderr, signal } = await ended
  if (signal !== 'SIGKILL' && !stdout.includes('finished')) throw new Error(`the program failed: ${stderr}`)
  // The last line may be torn.
  const lines = stdout.slice(0, stdout.lastIndexOf('\n')).split('\n')
  const last = Number(lines.findLast((line) => /^\d+$/.test(line)) ?? -1)
  const finished = lines.includes('finished')
  // After the last event it may have finished without a report.
  const expected = finished
    ? ['finished' as const]
    : last === EVENTS
      ? (['lost', 'finished'] as const)
      : (['lost'] as const)
  return { last, finished, expected }
}
