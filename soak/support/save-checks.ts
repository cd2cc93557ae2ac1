/** Checks of a save in which a call failed, and of its store afterwards. */
import { existsSync, readdirSync } from 'node:fs'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { faultOf } from './acknowledged.ts'
import { NO_CAPTURES } from './tracker.ts'
import type { Store } from '../../src/store/store.ts'
import type { SaveLine } from '../children/save.ts'
import type { Save, SaveOptions } from './saves.ts'

/** Return the promise that a save with a failure broke, if there is one. */
export async function failureOf(made: Save, options: SaveOptions): Promise<string | undefined> {
  return unreported(made, options.folder) ?? (await damageOf(made, options))
}

/** The listing of the runs, in which leftovers of killed runs are looked for. The next run does it again. */
const SWEEP = /\/runs", [A-Z_|]*O_DIRECTORY/

/** Return the missing or wrong report about a failed call, if there is one. */
function unreported({ lines, calls, code, signal, stderr }: Save, folder: string): string | undefined {
  if (code !== 0) return `the program ended with ${code ?? signal}: ${stderr.slice(-300)}`
  if (stderr !== '') return `it wrote ${stderr}`
  const hit = calls.filter(({ injected, line }) => injected && line.includes(folder) && !SWEEP.test(line))
  const reported = lines.filter(({ error }) => error !== undefined)
  if (hit.length > 0 && reported.length === 0) return `nobody said that it failed: ${hit[0]?.line}`
  for (const { step, error } of reported) {
    if (error?.code === undefined) return `${step} failed without a code: ${error?.name}: ${error?.message}`
    if (error.path === undefined) return `${step} failed without a path: ${error.message}`
  }
  // After a failed write the data is not on disk, whatever the next sync returns.
  const firstFailed = lines.findIndex(({ step, error }) => step === 'flush' && error !== undefined)
  const afterFailure = firstFailed < 0 ? [] : lines.slice(firstFailed)
  const wrong = afterFailure.find(({ error }) => error === undefined)
  return wrong === undefined ? undefined : `${wrong.step} went well after a flush had failed`
}

/** Return the damage that the failure left in the store: extra or missing files. */
async function damageOf({ lines }: Save, { folder, id }: SaveOptions): Promise<string | undefined> {
  const temporary = temporaryFiles(folder)
  if (temporary.length > 0) return `it left ${temporary.join(', ')}`
  const store = storeIn(folder)
  const finish = lines.find(({ step }) => step === 'finish')
  const ended = finish !== undefined && finish.error === undefined
  // A run whose end could not be made durable may still be finished.
  const expected = ended ? (['finished'] as const) : (['lost', 'finished'] as const)
  return (
    (await faultOf(store, id, { last: lastReported(lines), expected })) ??
    (await unusableReason(store, folder, 'next'))
  )
}

/** Return the last event that a program reported as on disk; 0 for the start, -1 for nothing. */
export function lastReported(lines: readonly SaveLine[]): number {
  return lines.findLast(({ last }) => last !== undefined)?.last ?? -1
}

/**
 * Return the reason why a store is unusable, if it is: it must list, hold no damage, and accept another run.
 */
export async function unusableReason(store: Store, folder: string, id: string): Promise<string | undefined> {
  const tracker = new ExperimentTracker(
    { ...NO_CAPTURES, outputDir: folder, experimentId: id },
    { environment: {} },
  )
  await tracker.run(() => tracker.logMetric('event', 1))
  const { runs, damaged } = await listRuns(store)
  const [first] = damaged
  if (first !== undefined) return `${first.id} is damaged: ${first.error.message}`
  const strange = runs.find((run) => !/^[a-z0-9-]+$/.test(run.id))
  if (strange !== undefined) return `${strange.id} is listed as a run`
  return runs.some((run) => run.id === id && run.status === 'finished') ? undefined : `${id} is not listed`
}

/** List the temporary files below a folder. */
export function temporaryFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?:^|\/)\.new-|\.tmp$/.test(name),
  )
}
