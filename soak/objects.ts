/**
 * Collect garbage beside processes that keep files, kill some of both kinds, and remove runs: every object that a run
 * names is present and intact.
 *
 * The control is a process that names an object a while after it kept it, without a lease, and must lose some.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Generator } from '../src/capture/seeds/generator.ts'
import { isRunId } from '../src/core/run-id.ts'
import { isJsonObject } from '../src/json/read-fields.ts'
import { keptCopyOf } from '../src/record/overwritten.ts'
import { collectObjects } from '../src/store/objects/collect.ts'
import { contentOf } from '../src/store/objects/layout.ts'
import { checkObject } from '../src/store/objects/read.ts'
import { readRun } from '../src/store/read.ts'
import { removeRunFolder } from '../src/store/remove-folder.ts'
import { storeIn } from '../src/store/store.ts'
import { ending, startChild, waitForOutput } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { ObjectContent } from '../src/store/objects/layout.ts'
import type { WrittenDigests } from '../src/core/digest.ts'
import type { Store } from '../src/store/store.ts'
import type { StoredRun } from '../src/store/read.ts'
import type { RunRecord } from '../src/record/record.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link objectsRound}. */
export interface ObjectsOptions extends RoundOptions {
  /** Number of collections beside the writers. */
  readonly rounds: number
  readonly writers: number
}

const WRITER = new URL('./children/keep.ts', import.meta.url)
const COLLECTOR = new URL('./children/collect.ts', import.meta.url)

/** Most rounds of the control, which ends when it has lost an object. */
const CONTROLS = 200

/** Runs that are left when others are removed. */
const REMAINING = 10

/** A process that keeps files. */
interface Writer {
  readonly kill: () => Promise<void>
  readonly signal: (name: 'SIGSTOP' | 'SIGCONT') => void
  /** Number of copies that it acknowledged. */
  readonly count: () => number
}

/** Run the round. */
export async function objectsRound({ rounds, writers, seed, progress }: ObjectsOptions): Promise<Outcome> {
  // In memory, so that the writers wait for each other and not for the disk.
  const work = async (folder: string): Promise<Outcome> => {
    const tally = new Tally()
    const numbers = {
      collections: 0,
      'writers killed': 0,
      'collectors killed': 0,
      removed: 0,
      checked: 0,
      acknowledged: 0,
    }
    const random = new Generator(seed)
    const store = storeIn(folder)
    const start = (index: number): Promise<Writer> =>
      startWriter(folder, join(folder, `writer-${index}`), random.integer(0, 2 ** 30))
    const active = await Promise.all(Array.from({ length: writers }, (_, index) => start(index)))
    try {
      for (let round = 0; round < rounds; round++) {
        if (round % 5 === 4) {
          await killCollector(folder, random.next() * 300)
          numbers['collectors killed']++
        }
        const collecting = collectObjects(store, { dryRun: false })
        const victim = random.integer(0, writers * 2)
        const killing = active[victim]?.kill()
        const { removed } = await collecting
        await killing
        if (active[victim] !== undefined) {
          numbers['writers killed']++
          numbers.acknowledged += active[victim].count()
          active[victim] = await start(victim)
        }
        numbers.collections++
        numbers.removed += removed.count
        // The check takes longer than a collection, and they would make thousands of runs meanwhile.
        for (const writer of active) writer.signal('SIGSTOP')
        const runs = await readAll(store)
        const { checked, fault } = await faultOf(store, runs)
        numbers.checked += checked
        tally.count(fault)
        await removeSome(runs, random)
        for (const writer of active) writer.signal('SIGCONT')
        await setTimeout(random.next() * 40)
        if (round % 20 === 19)
          progress(`${tally.failures}/${tally.rounds} lost, ${numbers.removed} objects removed`)
      }
    } finally {
      for (const writer of active) {
        numbers.acknowledged += writer.count()
        await writer.kill()
      }
    }
    return {
      name: 'objects',
      promise: 'gc beside processes that keep files removes no object that a run names, whatever is killed',
      ...tally.result,
      controls: [
        { what: 'writer without a lease', tried: 1, caught: await controlLoses(join(folder, 'control')) },
      ],
      numbers,
      skipped: [],
    }
  }
  return existsSync('/dev/shm') ? withFolder(work, '/dev/shm') : withFolder(work)
}

async function controlLoses(folder: string): Promise<number> {
  mkdirSync(folder)
  const store = storeIn(folder)
  const random = new Generator(1)
  const writer = await startWriter(folder, join(folder, 'writer'), 1, 'early')
  try {
    for (let round = 0; round < CONTROLS; round++) {
      await setTimeout(20)
      await collectObjects(store, { dryRun: false })
      writer.signal('SIGSTOP')
      const runs = await readAll(store)
      if ((await faultOf(store, runs)).fault !== undefined) return 1
      await removeSome(runs, random)
      writer.signal('SIGCONT')
    }
    return 0
  } finally {
    await writer.kill()
  }
}

async function startWriter(folder: string, own: string, seed: number, mode?: 'early'): Promise<Writer> {
  mkdirSync(own, { recursive: true })
  const child = startChild(WRITER, [folder, String(seed), own, ...(mode === undefined ? [] : [mode])])
  const ended = ending(child)
  let [count, isKilled] = [0, false]
  child.stdout.on('data', (chunk: Buffer) => {
    count += chunk.toString().split('kept ').length - 1
  })
  await waitForOutput(child, 'kept ')
  return {
    count: () => count,
    signal: (name) => void child.kill(name),
    kill: async () => {
      isKilled ||= child.kill('SIGKILL')
      const { signal, stderr } = await ended
      if (signal !== 'SIGKILL') throw new Error(`the writer failed: ${stderr}`)
    },
  }
}

async function killCollector(folder: string, after: number): Promise<void> {
  const child = startChild(COLLECTOR, [folder])
  const ended = ending(child)
  await waitForOutput(child, 'ready\n')
  await setTimeout(after)
  child.kill('SIGKILL')
  const { signal, stderr } = await ended
  if (signal !== 'SIGKILL') throw new Error(`the collector failed: ${stderr}`)
}

/** Read every run. Those that are being made have no name yet. */
async function readAll({ runs }: Store): Promise<StoredRun[]> {
  const ids = readdirSync(runs).filter((name) => isRunId(name))
  return Promise.all(ids.map((id) => readRun(join(runs, id))))
}

/** Remove runs that ended, so that their objects become garbage. */
async function removeSome(runs: readonly StoredRun[], random: Generator): Promise<void> {
  const over = runs.filter(({ status }) => status !== 'running')
  for (const { folder } of random.shuffle(over).slice(0, Math.max(0, over.length - REMAINING)))
    await removeRunFolder(folder)
}

/** Check every object that a run names. */
async function faultOf(
  store: Store,
  runs: readonly StoredRun[],
): Promise<{ checked: number; fault: string | undefined }> {
  let checked = 0
  const states = new Map<string, string>()
  for (const { id, record } of runs)
    for (const content of namedBy(record)) {
      const state = states.get(content.hex) ?? (await checkObject(store, content))
      states.set(content.hex, state)
      checked++
      if (state !== 'same') return { checked, fault: `${id} names an object that is ${state}` }
    }
  return { checked, fault: undefined }
}

/** Return the objects that a record names; those of the control are in its metadata. */
function namedBy({ outputs, metadata }: RunRecord): ObjectContent[] {
  const entry = outputs['output']
  const copy = entry && keptCopyOf('outputs', 'output', entry)
  const { early } = metadata
  const files = copy?.status === 'kept' ? copy.files.map(({ digests, size }) => [digests, size] as const) : []
  if (isJsonObject(early)) files.push([earlyDigests(early['digest']), Number(early['size'])])
  return files.flatMap(([digests, size]) => {
    const content = contentOf(digests, size)
    return content === undefined ? [] : [content]
  })
}

function earlyDigests(digest: unknown): WrittenDigests {
  return typeof digest === 'string' ? { blake3: digest } : {}
}
