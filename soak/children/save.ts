/**
 * Track and finish one run when a line comes in, and report the result of each step, one JSON object per
 * line.
 *
 * Arguments: folder of the store, id of the run, and for the controls `early` (reports events as on disk
 * before they are) or `deaf` (treats every flush as a success); or `files=N`: no more than N files can be
 * opened.
 */
import { once } from 'node:events'
import { closeSync, openSync, writevSync } from 'node:fs'
import { LineaprintError } from '../../src/core/errors.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

/** A line of this program's output. */
export interface SaveLine {
  readonly step: 'ready' | 'start' | 'flush' | 'finish'
  /** The last event that is on disk. */
  readonly last?: number
  /** The error of the step. */
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

/** Write with a separate call: calls that write the store can then fail without this one. */
function printLine(line: SaveLine): void {
  writevSync(1, [Buffer.from(JSON.stringify(line)), Buffer.from('\n')])
}

async function step(name: SaveLine['step'], work: () => Promise<unknown>, last?: number): Promise<boolean> {
  try {
    await work()
    printLine({ step: name, ...(last !== undefined && { last }) })
    return true
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { name: kind, message } = error
    const typed = LineaprintError.is(error)
    const path = typed ? error.path : undefined
    printLine({
      step: name,
      error: { name: kind, message, ...(typed && { code: error.code }), ...(path !== undefined && { path }) },
    })
    return false
  }
}

/** Open files until no more than `count` can be opened. */
function leaveDescriptors(count: number): void {
  const open: number[] = []
  try {
    for (;;) open.push(openSync('/dev/null', 'r'))
  } catch {
    for (const descriptor of open.splice(0, count)) closeSync(descriptor)
  }
}

/** Log three events, flush them and report the result. */
function events(first: number): Promise<boolean> {
  const last = first + 2
  if (control === 'early') printLine({ step: 'flush', last })
  return step(
    'flush',
    async () => {
      // More than a page: a disk that is nearly full takes only a part of it.
      tracker.setNotes(`${last} `.repeat(3000))
      for (let event = first; event <= last; event++) tracker.logMetric('event', event)
      const flushed = tracker.flush()
      await (control === 'deaf' ? flushed.catch(() => undefined) : flushed)
    },
    last,
  )
}

const limit = /^files=(\d+)$/.exec(control ?? '')?.[1]
if (limit !== undefined) leaveDescriptors(Number(limit))
printLine({ step: 'ready' })
await once(process.stdin, 'data')
if (await step('start', () => tracker.startExperiment(), 0)) {
  await events(1)
  await events(4)
  await events(7)
  await step('finish', () => tracker.finishExperiment(), 9)
}
process.exit()
