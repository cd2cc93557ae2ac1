/** What must be true of a save that met with a failure, and of its store afterwards. */
import { existsSync, readdirSync } from 'node:fs'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { listRuns } from '../../src/store/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { faultOf } from './acknowledged.ts'
import { NO_CAPTURES } from './tracker.ts'
import type { Store } from '../../src/store/store.ts'
import type { SaveLine } from '../children/save.ts'
import type { Save, SaveOptions } from './saves.ts'

/** How a save that met with a failure broke a promise, if it did. */
export async function failureOf(made: Save, options: SaveOptions): Promise<string | undefined> {
  return unsaid(made, options.folder) ?? (await harmOf(made, options))
}

/** What a program did not say, or said wrongly, of the calls that failed under it. */
function unsaid({ lines, calls, code, signal, stderr }: Save, folder: string): string | undefined {
  if (code !== 0) return `the program ended with ${code ?? signal}: ${stderr.slice(-300)}`
  if (stderr !== '') return `it wrote ${stderr}`
  const hit = calls.filter(({ injected, line }) => injected && line.includes(folder))
  const told = lines.filter(({ error }) => error !== undefined)
  if (hit.length > 0 && told.length === 0) return `nobody said that it failed: ${hit[0]?.line}`
  for (const { step, error } of told) {
    if (error?.code === undefined) return `${step} failed without a code: ${error?.name}: ${error?.message}`
    if (error.path === undefined) return `${step} failed without a path: ${error.message}`
  }
  // What could not be written once is not on disk, whatever the system says the next time.
  const firstFailed = lines.findIndex(({ step, error }) => step === 'flush' && error !== undefined)
  const later = firstFailed < 0 ? [] : lines.slice(firstFailed)
  const wrong = later.find(({ error }) => error === undefined)
  return wrong === undefined ? undefined : `${wrong.step} went well after a flush had failed`
}

/** What the failure left in the store that should not be there, or took from it. */
async function harmOf({ lines }: Save, { folder, id }: SaveOptions): Promise<string | undefined> {
  const left = temporaryFiles(folder)
  if (left.length > 0) return `it left ${left.join(', ')}`
  const store = storeIn(folder)
  const finish = lines.find(({ step }) => step === 'finish')
  const ended = finish !== undefined && finish.error === undefined
  // One that could not be made durable may be there all the same.
  const expected = ended ? (['finished'] as const) : (['lost', 'finished'] as const)
  return (
    (await faultOf(store, id, { last: lastSaid(lines), expected })) ??
    (await uselessness(store, folder, 'next'))
  )
}

/** The last event that a program said is on disk; 0 for the start, -1 for nothing. */
export function lastSaid(lines: readonly SaveLine[]): number {
  return lines.findLast(({ last }) => last !== undefined)?.last ?? -1
}

/** How a store is not usable, if it is not: it lists, holds no damage, and takes another run. */
export async function uselessness(store: Store, folder: string, id: string): Promise<string | undefined> {
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

/** Temporary files below a folder. */
export function temporaryFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?:^|\/)\.new-|\.tmp$/.test(name),
  )
}
