/**
 * Hash files from short to long and folders from small to large, record few and many labels, and print the time
 * per byte, file and label.
 * Times are shown and not judged: they depend on other users of the machine.
 */
import { join } from 'node:path'
import { hashFile } from '../src/hash/file.ts'
import { hashTree } from '../src/hash/tree.ts'
import { readRun } from '../src/store/runs.ts'
import { ExperimentTracker } from '../src/tracking/tracker.ts'
import { manyFiles, sparseFile } from './support/many.ts'
import { withFolder } from './support/folders.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link linearRound}. */
export interface LinearOptions extends Omit<RoundOptions, 'seed'> {
  /** Lengths of the files, in bytes. */
  readonly bytes: readonly number[]
  /** Numbers of files in the folders. */
  readonly files: readonly number[]
  /** Numbers of calls of `addMetadata` and `addTags`, each with one entry. */
  readonly calls: readonly number[]
}

/** Milliseconds over which short work is repeated. */
const REPEAT = 300

/** Run the round. It has no controls and no promise: it only measures. */
export async function linearRound({ bytes, files, calls, progress }: LinearOptions): Promise<Outcome> {
  return withFolder(async (folder) => {
    const numbers: Record<string, number> = {}
    for (const length of bytes) {
      const path = sparseFile(join(folder, 'file'), length)
      for (const algorithm of ['blake3', 'sha256'] as const) {
        const ms = await fastest(() => hashFile(path, { algorithm }))
        const perByte = (ms * 1e6) / length
        numbers[`${algorithm}, ns per byte of ${length}`] = Math.round(perByte * 1e4) / 1e4
        progress(row(`${length / 2 ** 20} MiB, ${algorithm}`, ms, `${perByte.toFixed(4)} ns per byte`))
      }
    }
    for (const count of files) {
      const path = manyFiles(join(folder, `tree-${count}`), count, progress)
      const ms = await fastest(() => hashTree(path))
      numbers[`us per file of ${count}`] = Math.round((ms * 1e5) / count) / 100
      progress(row(`${count} files`, ms, `${((ms * 1e3) / count).toFixed(2)} us per file`))
    }
    for (const count of calls) {
      const { logMs, readMs } = await labelRun(folder, count)
      numbers[`us per label of ${count}, written`] = Math.round((logMs * 1e5) / count) / 100
      numbers[`us per label of ${count}, read`] = Math.round((readMs * 1e5) / count) / 100
      progress(row(`${count} labels, written`, logMs, `${((logMs * 1e3) / count).toFixed(2)} us per label`))
      progress(row(`${count} labels, read`, readMs, `${((readMs * 1e3) / count).toFixed(2)} us per label`))
    }
    return {
      name: 'linear',
      promise: 'time grows with what is hashed or recorded and no faster (shown, not judged)',
      rounds: bytes.length * 2 + files.length + calls.length * 2,
      failures: 0,
      examples: [],
      controls: [],
      numbers,
      skipped: [],
    }
  })
}

/** Add metadata and tags one by one, and read the journal back. Return the milliseconds of both. */
async function labelRun(folder: string, count: number): Promise<{ logMs: number; readMs: number }> {
  const options = { enableEnvironmentTracking: false, enableGitTracking: false, outputDir: folder }
  const tracker = new ExperimentTracker(options, { environment: {} })
  await tracker.startExperiment()
  const from = performance.now()
  for (let index = 0; index < count; index++) {
    tracker.addMetadata({ [`key ${index}`]: index })
    tracker.addTags(`tag ${index}`)
  }
  await tracker.flush()
  const logMs = performance.now() - from
  const start = performance.now()
  // The run has not ended, so its state is computed from the journal.
  const { record } = await readRun(tracker.runDirectory)
  const readMs = performance.now() - start
  if (record.tags.length !== count) throw new Error(`${record.tags.length} of ${count} tags were read`)
  await tracker.finishExperiment()
  return { logMs, readMs }
}

/** Return the milliseconds of the fastest of some runs; of one, if it takes long. */
async function fastest(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity
  const end = performance.now() + REPEAT
  do {
    const from = performance.now()
    await work()
    best = Math.min(best, performance.now() - from)
  } while (performance.now() < end)
  return best
}

function row(what: string, ms: number, rate: string): string {
  return `${what.padEnd(26)}${ms.toFixed(ms < 10 ? 3 : 1).padStart(12)} ms${rate.padStart(24)}`
}
