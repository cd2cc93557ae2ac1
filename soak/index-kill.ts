/**
 * Kill a process at every system call of a list that creates or updates the index: the next list is correct,
 * and the index works.
 *
 * The control is a program that overwrites its list in place, which must be found torn.
 */
import { cpSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ExperimentTracker } from '../src/tracking/tracker.ts'
import { listRuns } from '../src/database/runs.ts'
import { storeIn } from '../src/store/store.ts'
import { ending, waitForOutput, startChild } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import { pointsIn, spreadOver } from './support/saves.ts'
import { attach, seenCalls, straceRefusal } from './support/strace.ts'
import { NO_CAPTURES } from './support/tracker.ts'
import type { Store } from '../src/store/store.ts'
import type { Outcome, RoundOptions } from './support/round.ts'
import type { CallPoint } from './support/saves.ts'
import type { SeenCall } from './support/strace.ts'

/** Options of {@link indexKillRound}. */
export interface IndexKillOptions extends Omit<RoundOptions, 'seed'> {
  /**
   * Names of the traced calls. The threads of the runtime wake each other by `write`; SQLite writes at
   * positions.
   */
  readonly kills: number
}

const PROGRAM = new URL('./children/list.ts', import.meta.url)

const RUNS = 24

/** The threads of the runtime wake each other by `write`; SQLite writes at positions. */
const INDEX = /^(?!write$)/

/** Run the round. */
export async function indexKillRound({ kills, progress }: IndexKillOptions): Promise<Outcome> {
  const tally = new Tally()
  const numbers = {
    'killed while it made the index': 0,
    'killed while it changed it': 0,
    'came to their end': 0,
  }
  const control = { tried: 0, caught: 0 }
  const refusal = await straceRefusal()
  if (refusal === undefined)
    await withFolder(async (folder) => {
      const store = storeIn(folder)
      await fill(store, folder)
      const log = join(folder, 'strace.log')
      for (const kind of ['makes', 'changes'] as const) {
        await prepare(store, kind)
        const points = pointsIn((await list(folder, { log })).calls, INDEX)
        for (const point of spreadOver(points, kills)) {
          await prepare(store, kind)
          const inject = `${point.name}:signal=KILL:when=${point.number}`
          const { killed } = await list(folder, { log, inject })
          if (!killed) numbers['came to their end']++
          else numbers[kind === 'makes' ? 'killed while it made the index' : 'killed while it changed it']++
          tally.count(await faultOf(store, kind, point))
        }
        progress(`${tally.failures}/${tally.rounds} lists were wrong`)
      }
      for (const number of [2, 3, 4]) {
        const inject = `pwrite64:signal=KILL:when=${number}`
        await prepare(store, 'changes')
        await listRuns(store)
        const { killed } = await list(folder, { log, inject, control: 'in-place' })
        if (killed) control.tried++
        if (isTorn(join(store.root, 'list.json'))) control.caught++
      }
    })
  return {
    name: 'index-kill',
    promise: 'a kill at any system call of a list leaves an index with which the next list is right',
    ...tally.result,
    controls: [{ what: 'program that writes over its list', ...control }],
    numbers,
    skipped: refusal === undefined ? [] : [refusal],
  }
}

async function fill(store: Store, folder: string): Promise<void> {
  const options = { ...NO_CAPTURES, outputDir: folder, experimentId: 'run-0' }
  const tracker = new ExperimentTracker(options, { environment: {} })
  await tracker.run(() => undefined)
  for (let index = 1; index < RUNS; index++)
    cpSync(tracker.runDirectory, join(store.runs, `run-${index}`), { recursive: true })
}

/** Prepare a store without an index, or with one that lacks a run and has a deleted one. */
async function prepare(store: Store, kind: 'makes' | 'changes'): Promise<void> {
  for (const name of readdirSync(store.root)) if (name.startsWith('index-')) rmSync(join(store.root, name))
  rmSync(join(store.runs, 'more'), { recursive: true, force: true })
  rmSync(join(store.runs, 'gone'), { recursive: true, force: true })
  if (kind === 'makes') return
  cpSync(join(store.runs, 'run-0'), join(store.runs, 'gone'), { recursive: true })
  await rested(() => listRuns(store))
  rmSync(join(store.runs, 'gone'), { recursive: true })
  cpSync(join(store.runs, 'run-0'), join(store.runs, 'more'), { recursive: true })
}

/** Run work with a clock at which everything written so far is old enough for the index. */
async function rested<T>(work: () => Promise<T>): Promise<T> {
  const systemNow = Date.now
  Date.now = () => systemNow() + 60_000
  try {
    return await work()
  } finally {
    Date.now = systemNow
  }
}

interface ListOptions {
  readonly log: string
  readonly inject?: string
  readonly control?: 'in-place'
}

async function list(
  folder: string,
  { log, inject, control }: ListOptions,
): Promise<{ killed: boolean; calls: SeenCall[] }> {
  const environment = { ...process.env, UV_THREADPOOL_SIZE: '1' }
  const child = startChild(PROGRAM, [folder, ...(control === undefined ? [] : [control])], { environment })
  const ended = ending(child)
  await waitForOutput(child, 'ready\n')
  const tracer = await attach(child, { log, ...(inject !== undefined && { inject }) })
  child.stdin.end('go\n')
  const { code, signal, stderr } = await ended
  await tracer.ended
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the program failed: ${stderr}`)
  return { killed: signal === 'SIGKILL', calls: seenCalls(log) }
}

async function faultOf(store: Store, kind: string, { name, number }: CallPoint): Promise<string | undefined> {
  const due = kind === 'makes' ? RUNS : RUNS + 1
  // The first list repairs the index after the kill, the second reads the entries that the first has saved.
  for (const attempt of ['first', 'second']) {
    const { runs, damaged, slow } = await rested(() => listRuns(store))
    const isRight = runs.length === due && damaged.length === 0 && slow === undefined
    if (!isRight || runs.some(({ status }) => status !== 'finished'))
      return `${kind}, ${name} ${number}: the ${attempt} list after it has ${runs.length} of ${due} runs, ${slow}`
  }
  const indexes = readdirSync(store.root).filter((file) => file.endsWith('.sqlite'))
  return indexes.length === 1 ? undefined : `${kind}, ${name} ${number}: there are ${indexes.length} indexes`
}

function isTorn(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, 'utf8'))
    return false
  } catch {
    return true
  }
}
