/** Cases of lineage in a store of 10,000 runs. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { listRuns } from '../../src/database/runs.ts'
import { readLineage } from '../../src/lineage/read.ts'
import { readRun } from '../../src/store/runs.ts'
import { RECORD_FILE, storeIn } from '../../src/store/store.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { entry } from './entry.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'
import type { Store } from '../../src/store/store.ts'

/** Runs of a chain, each of which reads what the one before it made. */
const CHAIN = 10

/** A record is trusted when it has been unchanged this long; see `docs/store.md`. */
const REST_MS = 3500

/** Return the cases. All runs read one dataset beside what their chain hands on. */
export function lineageCases(inputs: Inputs, quick: boolean): Case[] {
  const runs = quick ? 1000 : 10_000
  let made: Promise<{ store: Store; bytes: number }> | undefined
  const prepared = (): Promise<{ store: Store; bytes: number }> =>
    (made ??= storeWith(runs, join(inputs.directory, 'lineage')))
  const count = runs.toLocaleString('en')
  const single = (
    name: string,
    title: string,
    nodes: number,
    read: (store: Store) => ReturnType<typeof readLineage>,
  ): Case => ({
    name,
    title,
    prepare: async () => {
      const { store, bytes } = await prepared()
      // The first look makes the index.
      await listRuns(store, { limit: 1 })
      const contestant: Contestant = {
        name: 'lineaprint readLineage',
        role: 'ours',
        child: false,
        run: async () => {
          const lineage = await read(store)
          if (lineage.nodes.length < nodes) throw new Error(`${name}: ${lineage.nodes.length} nodes`)
          return undefined
        },
      }
      return entry(bytes, [contestant], [], new Map())
    },
  })
  return [
    single(
      'lineage-chain',
      `what led to an output of a chain of ${CHAIN} runs, among ${count}`,
      CHAIN,
      (store) => readLineage(store, nameOf(runs - 1)),
    ),
    single('lineage-run', `what is around a run, one run in either direction, among ${count}`, 3, (store) =>
      readLineage(store, idOf(runs / 2 + 3), { depth: 1 }),
    ),
    single(
      'lineage-wide',
      `all users of a dataset that ${count} runs read, up to the limit of nodes`,
      1000,
      (store) => readLineage(store, 'shared', { depth: 1 }),
    ),
  ]
}

function idOf(run: number): string {
  return `copy-${String(run).padStart(6, '0')}`
}

function nameOf(run: number): string {
  return `made-${run}`
}

async function storeWith(runs: number, folder: string): Promise<{ store: Store; bytes: number }> {
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
  await tracker.run(() => undefined)
  const { record } = await readRun(tracker.runDirectory)
  let bytes = 0
  for (let run = 0; run < runs; run++) {
    const text = JSON.stringify({
      ...record,
      id: idOf(run),
      name: 'chain',
      runName: `run-${run}`,
      startedAt: new Date(Date.UTC(2026, 0, 1) + run * 1000).toISOString(),
      datasets: { shared: file(runs + 1), ...(run % CHAIN > 0 && { before: file(run - 1) }) },
      outputs: { [nameOf(run)]: file(run) },
    })
    mkdirSync(join(store.runs, idOf(run)))
    writeFileSync(join(store.runs, idOf(run), RECORD_FILE), `${text}\n`)
    bytes += text.length
  }
  await setTimeout(REST_MS)
  return { store, bytes }
}

function file(content: number): object {
  return {
    status: 'tracked',
    kind: 'file',
    path: `/data/${content}`,
    bytes: 1000,
    digest: `blake3:${content.toString(16).padStart(64, '0')}`,
  }
}
