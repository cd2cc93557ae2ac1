/**
 * Make every system call of one save fail, once and from then on, with the errors of a bad or full disk: the
 * failure is reported with a code and a path, acknowledged events are present, a failed flush is never
 * treated as a success, no temporary file is left, and the store works afterwards.
 *
 * The control is a program that treats every flush as a success, and must lose events.
 */
import { join } from 'node:path'
import { inParallel } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import { failureOf } from './support/save-checks.ts'
import { pointsOf, save, spreadOver } from './support/saves.ts'
import { straceRefusal } from './support/strace.ts'
import type { Outcome, RoundOptions } from './support/round.ts'
import type { CallPoint, Save, SaveOptions } from './support/saves.ts'

/** Options of {@link saveFaultRound}. */
export interface SaveFaultOptions extends Omit<RoundOptions, 'seed'> {
  /** Maximum number of faults; they are spread over the calls. */
  readonly faults: number
}

/** Calls whose failure is reported; those that clean up after a failure are not among them. */
const STORE = /^(?:openat|pwrite64|fsync|fdatasync|rename|renameat|renameat2|mkdir|mkdirat)$/

/** Return the errors of a call if a disk is bad or full, or too many files are open. */
function errorsOf(name: string): readonly string[] {
  return name === 'openat' ? ['EIO', 'ENOSPC', 'EMFILE'] : ['EIO', 'ENOSPC']
}

interface Fault extends CallPoint {
  readonly error: string
  /** True if all calls of the name fail from then on. */
  readonly lasting: boolean
}

/** Run the round. */
export async function saveFaultRound({ faults, progress }: SaveFaultOptions): Promise<Outcome> {
  const tally = new Tally()
  const refusal = await straceRefusal()
  if (refusal !== undefined) return outcomeOf(tally, { tried: 0, caught: 0 }, {}, [refusal])
  return withFolder(async (base) => {
    const points = await pointsOf(join(base, 'first'), STORE)
    const all = points.flatMap((point) =>
      errorsOf(point.name).flatMap((error) => [false, true].map((lasting) => ({ ...point, error, lasting }))),
    )
    const numbers = {
      'faults there are': all.length,
      'said by start': 0,
      'said by flush': 0,
      'said by finish': 0,
    }
    const chosen = spreadOver(all, faults)
    await inParallel(chosen.length, 2, async (index) => {
      const fault = chosen[index] as Fault
      const folder = join(base, String(index))
      const { made, failure } = await saveWith(fault, { folder, id: 'run' })
      const step = made.lines.find(({ error }) => error !== undefined)?.step
      if (step !== undefined && step !== 'ready') numbers[`said by ${step}`]++
      tally.count(failure && `${injectionOf(fault)}: ${failure}`)
      if (tally.rounds % 50 === 0) progress(`${tally.failures}/${tally.rounds} faults did harm`)
    })
    const caught = { tried: 0, caught: 0 }
    for (const { name, number } of points.filter((point) => point.name === 'pwrite64')) {
      const fault: Fault = { name, number, error: 'EIO', lasting: false }
      const options: SaveOptions = { folder: join(base, `deaf-${number}`), id: 'run', control: 'deaf' }
      const { made, failure } = await saveWith(fault, options)
      // The control only ignores failures of the journal's writes.
      if (!made.calls.some(({ injected, line }) => injected && line.includes('events.jsonl'))) continue
      caught.tried++
      if (failure !== undefined) caught.caught++
    }
    return outcomeOf(tally, caught, numbers, [])
  })
}

function injectionOf({ name, number, error, lasting }: Fault): string {
  return `${name}:error=${error}:when=${number}${lasting ? '+' : ''}`
}

async function saveWith(
  fault: Fault,
  options: SaveOptions,
): Promise<{ made: Save; failure: string | undefined }> {
  const made = await save({ ...options, inject: injectionOf(fault) })
  return { made, failure: await failureOf(made, options) }
}

function outcomeOf(
  tally: Tally,
  caught: { readonly tried: number; readonly caught: number },
  numbers: Outcome['numbers'],
  skipped: readonly string[],
): Outcome {
  return {
    name: 'save-fault',
    promise:
      'a system call that fails is said, loses nothing that was acknowledged and leaves the store usable',
    ...tally.result,
    controls: [{ what: 'program that takes every flush for a success', ...caught }],
    numbers,
    skipped,
  }
}
