/** Cases of the page: what its server answers, and what the browser draws. */
import { cpSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { browserPath, startBrowser } from '../../scripts/page/browser.mjs'
import { groupRuns } from '../../src/database/groups.ts'
import { encodeLines, RunLines } from '../../src/server/lines.ts'
import { reduceLine } from '../../src/server/reduce.ts'
import { RunLists, sourceOf } from '../../src/server/run-lists.ts'
import { RunReader } from '../../src/server/run-reader.ts'
import { servePage } from '../../src/server/serve.ts'
import { COLUMNS_FILE } from '../../src/store/metrics/columns.ts'
import { OVERVIEW_FILE } from '../../src/store/metrics/overview.ts'
import { readRun } from '../../src/store/runs.ts'
import { JOURNAL_FILE, RECORD_FILE, storeIn } from '../../src/store/store.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { entry } from './entry.ts'
import { WHERE, storeWith } from './find.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'
import type { MetricSeries } from '../../src/store/metrics/series.ts'
import type { Store } from '../../src/store/store.ts'
import type { Made } from './find.ts'

/** Columns of a picture. */
const PIXELS = 2048

/** Return the cases. */
export function pageCases(inputs: Inputs, quick: boolean): Case[] {
  const runs = quick ? 2000 : 100_000
  const values = quick ? 1_000_000 : 10_000_000
  let made: Promise<Made> | undefined
  const store = async (): Promise<Made> => (made ??= storeWith(runs, join(inputs.directory, 'page')))
  const shape = `${runs.toLocaleString('en')} runs`
  return [
    listCase('page-first', `the first part of a list of ${shape}, auto columns`, store, async (lists) => {
      await lists.part({ offset: 0, limit: 100 })
    }),
    listCase('page-filter', `a filter and an order on ${shape}, the first part`, store, async (lists) => {
      await lists.part({ where: WHERE, sort: ['-metrics.accuracy'], offset: 0, limit: 100 })
    }),
    {
      name: 'page-groups',
      title: `${shape} by a parameter, with the range of a metric`,
      prepare: async () => {
        const { store: at, bytes } = await store()
        await new RunLists(sourceOf(at)).part({ offset: 0, limit: 1 })
        const question = { by: 'params.lr', measure: 'metrics.loss' }
        const lists = new RunLists(sourceOf(at))
        const contestants = [
          own('lineaprint', async () => lists.groups(question)),
          own('lineaprint, with nothing kept', async () => groupRuns(at, question), 'part'),
        ]
        return entry(bytes, contestants, [], new Map())
      },
    },
    lineCase(values),
    compareCase(inputs, quick ? { runs: 10, values: 10_000 } : { runs: 100, values: 100_000 }),
    drawCase(inputs, values),
  ]
}

function own(name: string, work: () => unknown, role: Contestant['role'] = 'ours'): Contestant {
  return {
    name,
    role,
    child: false,
    run: async () => {
      await work()
      return undefined
    },
  }
}

function listCase(
  name: string,
  title: string,
  store: () => Promise<Made>,
  work: (lists: RunLists) => Promise<void>,
): Case {
  return {
    name,
    title,
    prepare: async () => {
      const { store: at, bytes } = await store()
      const lists = new RunLists(sourceOf(at))
      // The first look makes the index.
      await lists.part({ offset: 0, limit: 1 })
      const anew = async (): Promise<void> => work(new RunLists(sourceOf(at)))
      const contestants = [
        own('lineaprint', async () => work(lists)),
        own('lineaprint, with nothing kept', anew, 'part'),
      ]
      return entry(bytes, contestants, [], new Map())
    },
  }
}

function longSeries(values: number): MetricSeries {
  const series = {
    run: 'r',
    name: 'loss',
    values: new Float64Array(values),
    steps: new Float64Array(values),
    times: new Float64Array(values),
    parts: [{ run: 'r', count: values, replaced: 0 }],
  }
  for (let at = 0; at < values; at++) {
    series.values[at] = Math.sin(at * at)
    series.steps[at] = at
    series.times[at] = 1e12 + at
  }
  return series
}

function lineCase(values: number): Case {
  return {
    name: 'page-line',
    title: `a picture of ${values.toLocaleString('en')} points, ${PIXELS} columns`,
    prepare: async () => {
      const series = longSeries(values)
      const lines = new RunLines(1e12)
      lines.reduce(series, [series], { axis: 'step', pixels: PIXELS })
      const whole = (): void => {
        encodeLines([lines.reduce(series, [series], { axis: 'step', pixels: PIXELS })], [])
      }
      const zoomed = (): void => {
        const range = { from: values * 0.31, to: values * 0.77 }
        encodeLines([lines.reduce(series, [series], { axis: 'step', pixels: PIXELS, ...range })], [])
      }
      const slow = (): void => {
        reduceLine({ x: series.steps, y: series.values }, -Infinity, Infinity, PIXELS)
      }
      const built = (): void => {
        new RunLines(1e12).reduce(series, [series], { axis: 'step', pixels: PIXELS })
      }
      const contestants = [
        own('lineaprint, all of it', whole),
        own('lineaprint, zoomed', zoomed, 'peer'),
        own('a look at each value', slow, 'peer'),
        own('lineaprint, with building the pyramid', built, 'peer'),
      ]
      return entry(values * 16, contestants, [], new Map())
    },
  }
}

const NO_CAPTURES = {
  enableEnvironmentTracking: false,
  enableGitTracking: false,
  enableSeedTracking: false,
}

/** Record a run with metrics of this many values each. */
async function recordRun(outputDir: string, metrics: number, values: number): Promise<string> {
  const tracker = new ExperimentTracker({ outputDir, ...NO_CAPTURES }, { environment: {} })
  await tracker.startExperiment()
  for (let step = 0; step < values; step++) {
    for (let metric = 0; metric < metrics; metric++)
      tracker.logMetric(`metric_${metric}`, Math.sin(step * (metric + 1)), { step })
    // The journal is written in between.
    if (step % 10_000 === 0) await tracker.flush()
  }
  await tracker.finishExperiment()
  return tracker.runDirectory
}

/** Metrics of each run of a comparison. */
export const COMPARED = 10

/** Make a store of runs that have the same long metrics. */
export async function comparedStore(
  folder: string,
  { runs, values }: { readonly runs: number; readonly values: number },
): Promise<{ readonly store: Store; readonly ids: readonly string[] }> {
  const first = await recordRun(folder, COMPARED, values)
  rmSync(join(first, JOURNAL_FILE))
  const { record } = await readRun(first)
  const store = storeIn(folder)
  const ids: string[] = [record.id]
  for (let run = 1; run < runs; run++) {
    const id = `copy-${run}`
    mkdirSync(join(store.runs, id))
    writeFileSync(join(store.runs, id, RECORD_FILE), JSON.stringify({ ...record, id }))
    for (const file of [COLUMNS_FILE, OVERVIEW_FILE]) copied(join(first, file), join(store.runs, id, file))
    ids.push(id)
  }
  return { store, ids }
}

function compareCase(inputs: Inputs, { runs, values }: { runs: number; values: number }): Case {
  return {
    name: 'page-compare',
    title: `${runs} runs with ${COMPARED} metrics of ${values.toLocaleString('en')} points compared, 512 columns`,
    prepare: async () => {
      const { store, ids } = await comparedStore(join(inputs.directory, 'page-compare'), { runs, values })
      const kept = new RunReader(store)
      const again = async (): Promise<void> => compare(kept, ids, values)
      await again()
      const contestants = [
        own('lineaprint', again),
        own('lineaprint, the first time', async () => compare(new RunReader(store), ids, values), 'peer'),
      ]
      return entry(runs * COMPARED * values * 24, contestants, [], new Map())
    },
  }
}

/** Give a file a second name, which costs no room. */
function copied(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    cpSync(from, to)
  }
}

async function compare(reader: RunReader, ids: readonly string[], values: number): Promise<void> {
  const { signal } = new AbortController()
  const parts = await Promise.all(
    ids.map(async (id) => reader.lines(id, { axis: 'step', pixels: 512 }, () => true, signal)),
  )
  const series = parts.flatMap((part) => part.series)
  encodeLines(series, [])
  if (series.some(({ head }) => head.count !== values)) throw new Error('page-compare: values are missing')
}

function drawCase(inputs: Inputs, values: number): Case {
  return {
    name: 'page-draw',
    title: `a run with ${values.toLocaleString('en')} points drawn anew in Chromium, up to the next frame`,
    prepare: async () => {
      if (browserPath() === undefined) return entry(0, [], [], new Map())
      const folder = join(inputs.directory, 'page-draw')
      const run = await recordRun(folder, 1, values)
      const store: Store = storeIn(folder)
      const served = await servePage({ store, directory: folder, trackers: [], port: 0 })
      const browser = await startBrowser()
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      await page.goto(served.link(`/runs/${run.split('/').at(-1) ?? ''}`))
      await page.waitForSelector('.chart canvas', { timeout: 120_000 })
      const draw = async (): Promise<void> => {
        // The scale is another one, so everything is drawn again.
        await page.evaluate(`new Promise((done) => {
          document.querySelectorAll('#metrics .chart-tools > .button')[0].click()
          requestAnimationFrame(() => requestAnimationFrame(done))
        })`)
      }
      return {
        ...entry(0, [own('lineaprint', draw)], [], new Map()),
        after: () => {
          void browser.close()
          void served.close()
        },
      }
    },
  }
}
