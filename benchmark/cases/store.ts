/** Cases of a store: listing its runs, and logging into one. */
import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { listRuns } from '../../src/database/runs.ts'
import { JOURNAL_FILE, RECORD_FILE, storeIn } from '../../src/store/store.ts'
import { entry } from './entry.ts'
import type { Store } from '../../src/store/store.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** A new record is read every time until it has been unchanged this long; see `docs/store.md`. */
const REST_MS = 3500

/** Values in one measurement. */
const VALUES = 100_000

/** Keys of metadata, and tags, in one measurement. */
const LABELS = 20_000

/** Return the cases of the store. */
export function storeCases(inputs: Inputs, quick: boolean): Case[] {
  return [
    ...[1000, ...(quick ? [] : [10_000])].map((runs) => listCase(inputs, runs)),
    metricsCase(inputs),
    labelsCase(inputs),
  ]
}

function listCase(inputs: Inputs, runs: number): Case {
  return {
    name: `list-${runs}`,
    title: `list of ${runs.toLocaleString('en')} runs with the captures of this machine`,
    prepare: async () => {
      const { store, bytes } = await storeWith(runs, join(inputs.directory, `store-${runs}`))
      const first = listing('without an index, as the first time', 'peer', async () => {
        for (const name of readdirSync(store.root))
          if (name.includes('.sqlite')) rmSync(join(store.root, name))
        return listed(store)
      })
      return entry(bytes, [listing('lineaprint listRuns', 'ours', () => listed(store)), first], [], new Map())
    },
  }
}

function listing(name: string, role: Contestant['role'], read: () => Promise<string>): Contestant {
  return { name, role, child: false, run: read, check: { label: 'the list', read } }
}

async function listed(store: Store): Promise<string> {
  const { runs, damaged } = await listRuns(store)
  return hash('sha256', JSON.stringify([runs, damaged]))
}

/** Create a store with one real run, and copies of its record under other ids. */
async function storeWith(runs: number, folder: string): Promise<{ store: Store; bytes: number }> {
  mkdirSync(folder)
  const tracker = new ExperimentTracker({ outputDir: folder }, { environment: {} })
  await tracker.run(() => tracker.logMetric('loss', 0.5))
  const text = readFileSync(join(tracker.runDirectory, RECORD_FILE), 'utf8')
  const store = storeIn(folder)
  for (let index = 1; index < runs; index++) {
    const id = `copy-${index}`
    mkdirSync(join(store.runs, id))
    writeFileSync(join(store.runs, id, RECORD_FILE), text.replaceAll(tracker.id, id))
  }
  await setTimeout(REST_MS)
  return { store, bytes: runs * Buffer.byteLength(text) }
}

const NO_CAPTURES = {
  enableEnvironmentTracking: false,
  enableGitTracking: false,
  enableSeedTracking: false,
}

/** Return the case of logging a metric. */
function metricsCase(inputs: Inputs): Case {
  return loggingCase(
    inputs,
    'metrics',
    `${VALUES.toLocaleString('en')} values of a metric into one run`,
    logAll,
  )
}

/** Return the case of metadata and tags that are added one by one: the time must grow with their number. */
function labelsCase(inputs: Inputs): Case {
  const title = `${LABELS.toLocaleString('en')} keys of metadata and as many tags, one by one, into one run`
  return loggingCase(inputs, 'labels', title, labelAll)
}

/**
 * Return a case of logging. Each measurement is a run of its own; its folder is removed before the next.
 *
 * @param log Logs everything into a run.
 */
function loggingCase(
  inputs: Inputs,
  name: string,
  title: string,
  log: (tracker: ExperimentTracker) => void,
): Case {
  return {
    name,
    title,
    prepare: async () => {
      const folder = join(inputs.directory, name)
      const start = async (): Promise<ExperimentTracker> => {
        rmSync(folder, { recursive: true, force: true })
        const tracker = new ExperimentTracker({ ...NO_CAPTURES, outputDir: folder }, { environment: {} })
        await tracker.startExperiment()
        return tracker
      }
      const example = await start()
      log(example)
      await example.flush()
      const journal = join(example.runDirectory, JOURNAL_FILE)
      const bytes = statSync(journal).size
      const lines = readFileSync(journal, 'utf8')
      await example.finishExperiment()
      const own: Contestant = {
        name: 'lineaprint, start to finish',
        role: 'ours',
        child: false,
        run: async () => {
          const tracker = await start()
          log(tracker)
          await tracker.finishExperiment()
          return undefined
        },
      }
      const write: Contestant = {
        name: 'writing the same bytes',
        role: 'part',
        child: false,
        run: async () => {
          writeFileSync(join(inputs.directory, 'lines'), lines, { flush: true })
          return undefined
        },
      }
      return entry(bytes, [own, write], [], new Map())
    },
  }
}

function logAll(tracker: ExperimentTracker): void {
  for (let step = 0; step < VALUES; step++) tracker.logMetric('loss', Math.sin(step), { step })
}

function labelAll(tracker: ExperimentTracker): void {
  for (let index = 0; index < LABELS; index++) {
    tracker.addMetadata({ [`key ${index}`]: index })
    tracker.addTags(`tag ${index}`)
  }
}
