/**
 * Track runs into one store from eight processes at once: none is lost, an id that all request goes to one,
 * and concurrent readers, which update the index, never see a damaged run or fewer runs than before. The list
 * is the same with the index and without.
 *
 * The control is a store that keeps its runs in one file, read, changed and written back, which must lose
 * some.
 */
import { readdirSync, rmSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { listRuns } from '../src/database/runs.ts'
import { readRun } from '../src/store/runs.ts'
import { storeIn } from '../src/store/store.ts'
import { ending, inParallel, printed, startChild } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { Store } from '../src/store/store.ts'
import type { StoreReport } from './children/store.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link storeRound}. */
export interface StoreOptions extends Omit<RoundOptions, 'seed'> {
  readonly runs: number
  readonly processes: number
}

const PROGRAM = new URL('./children/store.ts', import.meta.url)

/** Run the round. */
export async function storeRound({ runs, processes, progress }: StoreOptions): Promise<Outcome> {
  return withFolder(async (folder) => {
    const store = storeIn(folder)
    const tally = new Tally()
    // Every tenth run of a process has an id that only one of the processes gets.
    const each = Math.ceil(runs / (processes * 0.9 + 0.1))
    const from = performance.now()
    let working = true
    const writers = Promise.all(
      Array.from({ length: processes }, async (_, index) => {
        const child = startChild(PROGRAM, [folder, each, index].map(String))
        return printed(await ending(child)) as StoreReport
      }),
    ).finally(() => (working = false))
    const readers = [
      watch(store, () => working, tally, progress),
      watch(
        store,
        () => working,
        tally,
        () => undefined,
      ),
    ]
    const reports = await writers
    const lists = (await Promise.all(readers)).reduce((sum, count) => sum + count, 0)
    const seconds = (performance.now() - from) / 1000

    const ids = reports.flatMap((report) => report.ids)
    await checkAll(store, ids, tally)
    const won = reports.flatMap((report) => report.won)
    if (new Set(won).size !== won.length) tally.fail('an id went to two processes')
    if (new Set(won).size !== Math.ceil(each / 10)) tally.fail('an id that all wanted went to nobody')
    return {
      name: 'store',
      promise: 'processes that write to one store lose no run of each other',
      ...tally.result,
      controls: [{ what: 'one file that is read, changed and written back', ...(await oneFile(folder)) }],
      numbers: {
        processes,
        'ids refused because another had them': reports.reduce((sum, { refused }) => sum + refused, 0),
        'lists read meanwhile': lists,
        seconds: Math.round(seconds),
        'ms per run': Math.round((seconds * 1e4) / ids.length) / 10,
      },
      skipped: [],
    }
  })
}

/** List the store repeatedly; return the number of lists. */
async function watch(
  store: Store,
  working: () => boolean,
  tally: Tally,
  progress: RoundOptions['progress'],
): Promise<number> {
  let [lists, most] = [0, 0]
  while (working()) {
    const { runs, damaged } = await listRuns(store)
    lists++
    for (const { id, error } of damaged) tally.fail(`a reader saw ${id} damaged: ${error.message}`)
    if (runs.length < most) tally.fail(`a reader saw ${runs.length} runs after ${most}`)
    most = Math.max(most, runs.length)
    const latest = await readFile(join(store.root, 'soak_latest.json'), 'utf8').catch(() => '{}')
    try {
      JSON.parse(latest)
    } catch {
      tally.fail('a reader saw a torn soak_latest.json')
    }
    progress(`${most} runs`)
    // Reading a long list keeps a core busy that the writers need.
    await setTimeout(200 + most / 4)
  }
  return lists
}

/** Check that every run that a process finished is in the list and complete, and no other is. */
async function checkAll(store: Store, ids: readonly string[], tally: Tally): Promise<void> {
  const { runs, damaged, slow } = await listRuns(store)
  if (slow !== undefined) tally.fail(slow)
  for (const name of readdirSync(store.root)) {
    if (name.includes('.sqlite')) rmSync(join(store.root, name))
  }
  const { runs: read } = await listRuns(store)
  if (JSON.stringify(runs) !== JSON.stringify(read)) tally.fail('the list by the index is another')
  const listed = new Set<string>(runs.map(({ id }) => id))
  for (const { id } of damaged) tally.fail(`${id} is damaged`)
  if (listed.size !== ids.length) tally.fail(`${ids.length} runs were finished and ${listed.size} are listed`)
  await inParallel(ids.length, 8, async (index) => {
    const id = ids[index] ?? ''
    if (!listed.has(id)) {
      tally.count(`${id} is lost`)
      return
    }
    // Reading checks the record against its own digest.
    const { status, record } = await readRun(join(store.runs, id))
    const whole = status === 'finished' && record.metrics['process']?.count === 1
    tally.count(whole ? undefined : `${id} is not whole`)
  })
}

/**
 * Run the control, which keeps its runs in one file, even replaced atomically: a writer overwrites concurrent
 * changes.
 */
async function oneFile(folder: string): Promise<{ tried: number; caught: number }> {
  const path = join(folder, 'index.json')
  const read = async (): Promise<number[]> => JSON.parse(await readFile(path, 'utf8')) as number[]
  await writeFile(path, '[]')
  const tried = 80
  await inParallel(tried, 8, async (index) => {
    const all = await read()
    await writeFile(`${path}.${index}`, JSON.stringify([...all, index]))
    await rename(`${path}.${index}`, path)
  })
  return { tried, caught: tried - (await read()).length }
}
