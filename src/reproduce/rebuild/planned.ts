/** The programs that a rebuild would start, as far as the record tells before the work tree exists. */
import { join } from 'node:path'
import { environmentOf } from '../../capture/records.ts'
import { managersFor } from './javascript.ts'
import type { RunRecord } from '../../record/record.ts'

/** Return the package managers and interpreters that a rebuild of a run may start. */
export function plannedManagers(record: RunRecord): string[] {
  const environment = environmentOf(record)
  if (environment === undefined) return []
  const { npm, python } = environment
  const managers = npm.status === 'present' ? managersFor(Object.keys(npm.lockFiles)) : []
  if (python.status === 'absent' || python.packages === null) return managers
  const tool = Object.hasOwn(python.lockFiles, 'uv.lock') ? 'uv sync, or pip install' : 'uv or pip install'
  const base = python.basePrefix ?? ''
  // The interpreter from which the new environment is made.
  const interpreter = base === '' ? 'python3' : join(base, 'bin', 'python3')
  return [...managers, `${tool} for Python`, interpreter]
}
