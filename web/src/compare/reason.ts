/** The first line of a comparison: why two runs differ. */
import { shown } from '../shared/text.ts'
import type { DiffBody } from '../shared/api.ts'

const WORDS: Readonly<Record<string, string>> = {
  code: 'the code',
  data: 'the data',
  'model inputs': 'the models that went in',
  seeds: 'the seeds',
  configuration: 'the configuration',
  'leftover files': 'files that another run left behind',
  packages: 'the packages',
  gpu: 'the GPU',
  variables: 'environment variables',
  execution: 'how it was executed',
  system: 'the system',
  trackers: 'what own trackers recorded',
  'reported data': 'the data that programs reported',
}

/** Fields that the line names. */
const NAMED = 3

/** Return the most likely reason, as `diff` ranks it. */
export function reasonText({ same, firstCause, differences, notCompared }: DiffBody): string {
  if (same && notCompared.length > 0) return 'No difference in what could be compared'
  if (same) return 'No difference'
  if (firstCause === null) return 'The results differ, and no recorded cause does'
  const fields = differences.filter(({ cause }) => cause === firstCause).map(({ field }) => shown(field, 80))
  const more = fields.length > NAMED ? ` and ${fields.length - NAMED} more` : ''
  return `Most likely ${WORDS[firstCause] ?? firstCause}: ${fields.slice(0, NAMED).join(', ')}${more}`
}
