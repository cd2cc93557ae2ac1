/** Models that a run produced itself. They are results and explain nothing. */
import { trackedPath } from './tracked.ts'
import { isInside } from '../util/paths.ts'
import { isOverwritten } from './overwritten.ts'
import { isReported, reporterOf } from './reported-by.ts'
import type { RunRecord, TrackedRecord, TrackedSection } from './record.ts'

/**
 * Check whether the run made this model: its weights were written during the run, or a program of the run
 * reported it, and it is not a file that existed before. Such a model is a result of inputs, code and seeds.
 */
export function isProduct(entry: TrackedRecord): boolean {
  if (entry.status === 'tracked' && entry['producedByRun'] === true) return true
  const reporter = reporterOf(entry)
  return reporter !== undefined && reporter.existed !== true
}

/**
 * Check whether a tracked item is a result of the run and none of its inputs: an output, or a model that the run made
 * or that is a part of an output. What was declared before the command started is an input, also if the run wrote over
 * it.
 */
export function isResult(section: TrackedSection, name: string, record: RunRecord): boolean {
  if (section === 'outputs') return true
  const entry = record[section][name]
  if (section !== 'models' || entry === undefined || isOverwritten(record, section, name)) return false
  if (isProduct(entry)) return true
  const path = trackedPath(entry)
  if (path === undefined || (record.command.wrapped && !isReported(entry))) return false
  return Object.values(record.outputs).some((output) => {
    const outputPath = trackedPath(output)
    return outputPath !== undefined && isInside(outputPath, path)
  })
}

/**
 * Check whether a dataset is data that the program had in memory, or a file that it wrote itself. It can be drawn
 * from a generator, so it follows from the seed, the code and the inputs.
 */
export function isDerivedData(entry: TrackedRecord): boolean {
  if (entry.status !== 'tracked') return false
  return isProduct(entry) || trackedPath(entry) === undefined
}
