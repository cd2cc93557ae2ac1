/** What a reader should know if the results of two runs differ and nothing that was recorded explains it. */
import { seedsOf } from '../capture/records.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { plural } from '../util/plural.ts'
import { executionOf } from './execution.ts'
import { isCause } from './causes.ts'
import type { RecordedProgram } from '../capture/seeds/types.ts'
import type { RunRecord } from '../record/record.ts'
import type { NotCompared, RunDifference } from './causes.ts'

/** Number of fields that a sentence names. */
const NAMED = 5

/**
 * Return sentences about what could have made the results differ, if no recorded cause did; `undefined` if a cause
 * differs, or no result does.
 */
export function unexplained(
  [before, after]: readonly [RunRecord, RunRecord],
  differences: readonly RunDifference[],
  notCompared: readonly NotCompared[],
): string[] | undefined {
  const isResult = differences.some(({ cause }) => RESULTS.has(cause))
  if (!isResult || differences.some(({ cause }) => isCause(cause))) return undefined
  return [
    ...workers([before, after]),
    ...unseen(notCompared),
    ...unreported([before, after]),
    'never recorded: the time, the network, files that were not declared, variables outside of the list, and the order in which threads and graphics processors add numbers',
  ]
}

const RESULTS: ReadonlySet<string> = new Set(['outputs', 'digests', 'metrics'])

/** Name pools of workers: their tasks have no fixed order. */
function workers(records: readonly RunRecord[]): string[] {
  const counts = records.map((record) => programsOf(record).filter(isWorker).length)
  const count = Math.max(...counts)
  if (count < 2) return []
  return [
    `possible: a pool of workers (${plural(count, 'process', 'processes')}) whose tasks have no fixed order, so which worker draws which numbers, and in which order results arrive, can vary`,
  ]
}

function isWorker({ kind, path = [] }: RecordedProgram): boolean {
  return kind === 'forked' || kind === 'spawned' || path.length > 0
}

function unseen(notCompared: readonly NotCompared[]): string[] {
  const fields = [...new Set(notCompared.map(({ field }) => field))]
  if (fields.length === 0) return []
  const more = fields.length > NAMED ? ` and ${fields.length - NAMED} more` : ''
  return [`not compared: ${fields.slice(0, NAMED).join(', ')}${more}`]
}

/** Name what the programs of the runs did not report. */
function unreported(records: readonly RunRecord[]): string[] {
  const sentences = records.flatMap((record, index) => {
    const side = index === 0 ? 'first' : 'second'
    const execution = executionOf(record)
    if (execution === undefined) return [`not seen: threads, processors and precision of the ${side} run`]
    const silent = [...execution.programs.values()].filter(({ settings }) => settings === null).length
    const python = unlessDamaged(() => seedsOf(record))?.python
    return [
      ...(silent > 0
        ? [
            `not seen: threads and precision of ${plural(silent, 'program')} of the ${side} run without a report at the end`,
          ]
        : []),
      ...(execution.unlisted > 0
        ? [
            `not seen: threads and precision of ${plural(execution.unlisted, 'further program')} of the ${side} run`,
          ]
        : []),
      ...(python?.status === 'not-reached'
        ? [`not seen: the Python programs of the ${side} run, because none connected`]
        : execution.programs.size === 0
          ? [`not seen: threads and precision of the ${side} run, because only Python programs report them`]
          : []),
    ]
  })
  return [...new Set(sentences)]
}

function programsOf(record: RunRecord): readonly RecordedProgram[] {
  return unlessDamaged(() => seedsOf(record))?.python?.programs ?? []
}
