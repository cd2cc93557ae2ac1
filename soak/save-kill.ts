/**
 * Kill a process at every system call of one save, from the creation of the store to the copy of the finished
 * record: acknowledged events are present, nothing is damaged, no temporary file is treated as a run, and the
 * next run works.
 *
 * The control is a program that acknowledges events before they are flushed, and must lose some.
 */
import { join } from 'node:path'
import { storeIn } from '../src/store/store.ts'
import { faultOf } from './support/acknowledged.ts'
import { inParallel } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import { lastReported, temporaryFiles, unusableReason } from './support/save-checks.ts'
import { pointsOf, save, spreadOver } from './support/saves.ts'
import { straceRefusal } from './support/strace.ts'
import type { Outcome, RoundOptions } from './support/round.ts'
import type { CallPoint, SaveOptions } from './support/saves.ts'

/**
 * Names of the traced calls. The runtime's own threads wake each other by `write`; the store is written at
 * positions.
 */
const STORE = /^(?!write$)/

/** Options of {@link saveKillRound}. */
export interface SaveKillOptions extends Omit<RoundOptions, 'seed'> {
  /** Maximum number of kills; they are spread over the calls. */
  readonly kills: number
  /** Passes over the calls; every second one has the usual number of threads. */
  readonly passes: number
}

/** Run the round. */
export async function saveKillRound({ kills, passes, progress }: SaveKillOptions): Promise<Outcome> {
  const tally = new Tally()
  const refusal = await straceRefusal()
  if (refusal !== undefined) return outcomeOf(tally, { caught: 0, tried: 0 }, {}, [refusal])
  return withFolder(async (base) => {
    const points = await pointsOf(join(base, 'first'), STORE)
    const numbers = {
      'calls of one save': points.length,
      killed: 0,
      'came to their end': 0,
      'temporary files left': 0,
    }
    const chosen = spreadOver(points, Math.ceil(kills / passes))
    for (let pass = 0; pass < passes; pass++) {
      await inParallel(chosen.length, 2, async (index) => {
        const point = chosen[index] as CallPoint
        const folder = join(base, `${pass}-${index}`)
        const { killed, fault } = await killAt(point, { folder, id: 'run', threads: pass % 2 === 0 ? 1 : 4 })
        if (killed) numbers.killed++
        else numbers['came to their end']++
        numbers['temporary files left'] += temporaryFiles(folder).length
        tally.count(fault && `${point.name} ${point.number}: ${fault}`)
        if (tally.rounds % 20 === 0) progress(`${tally.failures}/${tally.rounds} lost`)
      })
    }
    // A program that acknowledges too early must lose events at the writes of the journal.
    const caught = { tried: 0, caught: 0 }
    for (const point of points.filter(({ name }) => name === 'pwrite64')) {
      const { killed, fault } = await killAt(point, {
        folder: join(base, `early-${point.number}`),
        id: 'run',
        control: 'early',
      })
      if (killed) caught.tried++
      if (fault?.includes('lost') === true) caught.caught++
      if (caught.caught > 0 && kills < points.length) break
    }
    return outcomeOf(tally, caught, numbers, [])
  })
}

async function killAt(
  { name, number }: CallPoint,
  options: Omit<SaveOptions, 'inject'>,
): Promise<{ killed: boolean; fault: string | undefined }> {
  const store = storeIn(options.folder)
  const { lines, signal, code, stderr } = await save({
    ...options,
    inject: `${name}:signal=KILL:when=${number}`,
  })
  const killed = signal === 'SIGKILL'
  if (!killed && code !== 0) throw new Error(`the program failed: ${stderr}`)
  const finished = lines.at(-1)?.step === 'finish'
  const last = lastReported(lines)
  // After the last flush it may have finished without a report.
  const expected = finished
    ? (['finished'] as const)
    : last === 9
      ? (['lost', 'finished'] as const)
      : (['lost'] as const)
  const fault =
    (await faultOf(store, options.id, { last, expected })) ??
    (await unusableReason(store, options.folder, 'next'))
  return { killed, fault }
}

function outcomeOf(
  tally: Tally,
  caught: { readonly tried: number; readonly caught: number },
  numbers: Outcome['numbers'],
  skipped: readonly string[],
): Outcome {
  return {
    name: 'save-kill',
    promise: 'a kill at any system call of a save loses nothing that was acknowledged and damages nothing',
    ...tally.result,
    controls: [{ what: 'program that acknowledges before it flushes', ...caught }],
    numbers,
    skipped,
  }
}
