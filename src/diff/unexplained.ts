/** Sentences for two runs whose results differ although nothing that was recorded explains it. */
import { seedsOf } from '../capture/records.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { plural } from '../util/plural.ts'
import { executionOf } from './execution.ts'
import { isCause } from './causes.ts'
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

/** Name pools of workers: their tasks have no fixed order. Ranks of a job have fixed tasks. */
function workers(records: readonly RunRecord[]): string[] {
  const counts = records.map((record) => {
    const programs = [...(executionOf(record)?.programs.values() ?? [])]
    const isJob = programs.some(({ rank }) => rank !== undefined)
    const started = programs.map((program) =>
      isJob && program.rank === undefined ? 0 : (program.workers ?? 0),
    )
    return Math.max(0, ...started)
  })
  const count = Math.max(...counts)
  if (count < 2) return []
  return [
    `possible: a pool of ${count} worker processes whose tasks have no fixed order: which worker gets which task, and in which order results arrive, can vary`,
  ]
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
