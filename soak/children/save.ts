/**
 * Tracks and finishes one run once a line comes in, and says of each step whether it went well, one JSON object per
 * line.
 *
 * Arguments: folder of the store, id of the run, and for the controls `early` (says of events that they are on disk
 * before they are) or `deaf` (takes every flush for a success); or `files=N`: no more than N files can be opened.
 */
import { once } from 'node:events'
import { closeSync, openSync, writevSync } from 'node:fs'
import { LineaprintError } from '../../src/core/errors.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

/** A line that this program prints. */
export interface SaveLine {
  readonly step: 'ready' | 'start' | 'flush' | 'finish'
  /** The last event that is on disk. */
  readonly last?: number
  /** Why it went wrong. */
  readonly error?: {
    readonly name: string
    readonly code?: string
    readonly path?: string
    readonly message: string
  }
}

const [outputDir, experimentId, control] = process.argv.slice(2)
const options = { ...NO_CAPTURES, outputDir, experimentId, experimentName: 'save', saveToJson: true }
const tracker = new ExperimentTracker(options, { environment: {} })

/** By a call of its own: those that write the store can be made to fail without this one. */
function say(line: SaveLine): void {
  writevSync(1, [Buffer.from(JSON.stringify(line)), Buffer.from('\n')])
}

async function step(name: SaveLine['step'], work: () => Promise<unknown>, last?: number): Promise<boolean> {
  try {
    await work()
    say({ step: name, ...(last !== undefined && { last }) })
    return true
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { name: kind, message } = error
    const typed = LineaprintError.is(error)
    const path = typed ? error.path : undefined
    say({
      step: name,
      error: { name: kind, message, ...(typed && { code: error.code }), ...(path !== undefined && { path }) },
    })
    return false
  }
}

/** Opens files until no more than a few can be opened. */
function leaveDescriptors(count: number): void {
  const open: number[] = []
  try {
    for (;;) open.push(openSync('/dev/null', 'r'))
  } catch {
    for (const descriptor of open.splice(0, count)) closeSync(descriptor)
  }
}

/** Takes three events and says that they are on disk. */
function events(first: number): Promise<boolean> {
  const last = first + 2
  if (control === 'early') say({ step: 'flush', last })
  return step(
    'flush',
    async () => {
      // More than a page: a disk that is nearly full takes a part of it, and not what comes after.
      tracker.setNotes(`${last} `.repeat(3000))
      for (let event = first; event <= last; event++) tracker.logMetric('event', event)
      const flushed = tracker.flush()
      await (control === 'deaf' ? flushed.catch(() => undefined) : flushed)
    },
    last,
  )
}

const left = /^files=(\d+)$/.exec(control ?? '')?.[1]
if (left !== undefined) leaveDescriptors(Number(left))
say({ step: 'ready' })
await once(process.stdin, 'data')
if (await step('start', () => tracker.startExperiment(), 0)) {
  await events(1)
  await events(4)
  await events(7)
  await step('finish', () => tracker.finishExperiment(), 9)
}
process.exit()
