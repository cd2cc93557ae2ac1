/** Cases of finding runs in a large store, and of reading metrics back. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { findRun, listRuns } from '../../src/database/runs.ts'
import { readMetrics } from '../../src/store/metrics/series.ts'
import { readRun } from '../../src/store/runs.ts'
import { RECORD_FILE, storeIn } from '../../src/store/store.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { entry } from './entry.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'
import type { Store } from '../../src/store/store.ts'
import type { StoredRun } from '../../src/store/runs.ts'

/** Parameters and metrics of each run. */
const PARAMETERS = 30
const METRICS = 50

/** A record is trusted when it has been unchanged this long; see `docs/store.md`. */
const REST_MS = 3500

/** A filter that one in six of the runs passes, and less. */
export const WHERE = 'metrics.loss < 0.3 and params.lr = 0.01 and tags has "base"'

/** Return the cases. */
export function findCases(inputs: Inputs, quick: boolean): Case[] {
  const runs = quick ? 2000 : 100_000
  const values = quick ? 1_000_000 : 10_000_000
  let made: Promise<Made> | undefined
  const store = (): Promise<Made> => (made ??= storeWith(runs, join(inputs.directory, 'find')))
  const count = runs.toLocaleString('en')
  const shape = `${count} runs with ${PARAMETERS} parameters and ${METRICS} metrics`
  return [
    single('find-index', `the index of ${shape}, built`, store, async (at) => {
      for (const name of readdirSync(at.root)) if (name.includes('.sqlite')) rmSync(join(at.root, name))
      await listRuns(at, { limit: 1 })
    }),
    single('find-list', `list of ${shape}, with a filter and an order, the first 20`, store, async (at) => {
      await listRuns(at, { where: WHERE, sort: ['-metrics.accuracy'], limit: 20, columns: ['metrics.loss'] })
    }),
    single('find-latest', `@latest of ${count} runs`, store, async (at) => {
      await findRun(at, '@latest')
    }),
    single('find-name', `a run of ${count} by its name`, store, async (at) => {
      await findRun(at, 'run-77')
    }),
    metricsCase(inputs, values),
  ]
}

/** A store, and the bytes of its records. */
export interface Made {
  readonly store: Store
  readonly bytes: number
}

function single(
  name: string,
  title: string,
  store: () => Promise<Made>,
  work: (store: Store) => Promise<void>,
): Case {
  return {
    name,
    title,
    prepare: async () => {
      const { store: at, bytes } = await store()
      // The first look makes the index.
      await listRuns(at, { limit: 1 })
      return entry(bytes, [own('lineaprint', () => work(at))], [], new Map())
    },
  }
}

function own(name: string, work: () => Promise<void>): Contestant {
  return {
    name,
    role: 'ours',
    child: false,
    run: async () => {
      await work()
      return undefined
    },
  }
}

/** Return numbers that look random and are the same every time. */
function numberOf(run: number, index: number): number {
  return (((run * 2_654_435_761 + index * 40_503) >>> 0) % 10_007) / 10_007
}

/** Make a store of runs with parameters and metrics. */
export async function storeWith(runs: number, folder: string): Promise<Made> {
  const store = storeIn(folder)
  mkdirSync(folder, { recursive: true })
  const tracker = new ExperimentTracker(
    {
      outputDir: folder,
      enableEnvironmentTracking: false,
      enableGitTracking: false,
      enableSeedTracking: false,
    },
    { environment: {} },
  )
  await tracker.run(() => tracker.logMetric('loss', 0.5))
  const { record, recordBytes } = await readRun(tracker.runDirectory)
  let bytes = recordBytes.length
  for (let run = 1; run < runs; run++) {
    const id = `copy-${String(run).padStart(6, '0')}`
    const value = (index: number): object => {
      const last = numberOf(run, index)
      return { count: 100, nanCount: 0, first: 1, last, min: last / 2, max: last * 2, lastStep: 99 }
    }
    const text = JSON.stringify({
      ...record,
      id,
      name: 'sweep',
      runName: `run-${run}`,
      startedAt: new Date(Date.UTC(2026, 0, 1) + run * 1000).toISOString(),
      tags: [run % 2 === 0 ? 'base' : 'other'],
      metrics: Object.fromEntries(
        Array.from({ length: METRICS }, (_, index) => [
          ['loss', 'accuracy'][index] ?? `eval/metric_${index}`,
          value(index),
        ]),
      ),
      parameters: Object.fromEntries(
        Array.from({ length: PARAMETERS }, (_, index) => [
          index === 0 ? 'lr' : `group.parameter_${index}`,
          {
            value: [[0.1, 0.01, 0.001][run % 3], `text ${run % 7}`, run % 50][index % 3],
            sources: ['argparse'],
          },
        ]),
      ),
    })
    mkdirSync(join(store.runs, id))
    writeFileSync(join(store.runs, id, RECORD_FILE), `${text}\n`)
    bytes += text.length
  }
  await setTimeout(REST_MS)
  return { store, bytes }
}

function metricsCase(inputs: Inputs, values: number): Case {
  return {
    name: 'read-metrics',
    title: `${values.toLocaleString('en')} values of four metrics, read back`,
    prepare: async () => {
      const folder = join(inputs.directory, 'read-metrics')
      const tracker = new ExperimentTracker(
        {
          outputDir: folder,
          enableEnvironmentTracking: false,
          enableGitTracking: false,
          enableSeedTracking: false,
        },
        { environment: {} },
      )
      await tracker.startExperiment()
      for (let index = 0; index < values; index++) {
        tracker.logMetric(`metric_${index % 4}`, Math.sin(index), { step: index })
        // The journal is written in between.
        if (index % 100_000 === 0) await tracker.flush()
      }
      await tracker.finishExperiment()
      const run = await readRun(tracker.runDirectory)
      const read = (from: StoredRun) => async (): Promise<void> => {
        const { series, warnings } = await readMetrics([from])
        const count = series.reduce((sum, { values: given }) => sum + given.length, 0)
        if (count !== values || warnings.length > 0) throw new Error(`read-metrics: ${count} values`)
      }
      const unsealed = { ...run, record: { ...run.record, seal: null } }
      const journal: Contestant = { ...own('from the journal', read(unsealed)), role: 'peer' }
      return entry(values * 24, [own('lineaprint readMetrics', read(run)), journal], [], new Map())
    },
  }
}
