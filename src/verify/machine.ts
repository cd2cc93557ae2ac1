/**
 * Comparison of the fields of an environment capture that its digest does not cover, for the level at which
 * every difference counts.
 */
import { fieldDifferences, flatten } from '../capture/compare-fields.ts'
import { parseEnvironmentCapture } from '../capture/environment/parse.ts'
import type { Captured, Difference } from '../core/component.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { EnvironmentCapture, RecordedSources, SourceName } from '../capture/environment/types.ts'

/**
 * Fields of each source that describe the machine. Fields that differ at every capture (free memory and disk)
 * or only identify the machine or job (host name, addresses, job numbers) are left out.
 */
const MACHINE_FIELDS: { readonly [N in SourceName]?: readonly (keyof RecordedSources[N])[] } = {
  node: ['uv', 'execPath', 'execArgv'],
  system: ['kernel', 'cores', 'physicalCores', 'cpuFlags', 'memoryTotal', 'swapTotal'],
  container: ['runtime', 'image', 'imageId', 'memoryLimit', 'cpuLimit'],
  python: ['compiler', 'executable', 'prefix', 'basePrefix'],
  pip: ['version'],
  conda: ['prefix'],
}

/** Recorded variables that identify a process, or that are checked as seeds. All others are compared. */
const NO_MACHINE_VARIABLES: ReadonlySet<string> = new Set([
  'PYTHONHASHSEED',
  'LINEAPRINT_SEED',
  'MASTER_ADDR',
  'MASTER_PORT',
])

/** Return the differences in these fields, each under `machine.`. */
export function machineDifferences(before: Captured, after: Captured): Difference[] {
  const [fieldsBefore, fieldsAfter] = [before, after].map(({ value }) =>
    machineFields(parseEnvironmentCapture(value)),
  )
  return fieldDifferences(fieldsBefore ?? new Map(), fieldsAfter ?? new Map())
}

function machineFields(value: EnvironmentCapture): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [source, names] of Object.entries(MACHINE_FIELDS)) {
    const sourceFields: Readonly<Record<string, JsonValue>> = value[source as SourceName]
    for (const name of names) {
      const member = sourceFields[name]
      if (member === undefined || member === null) continue
      for (const [field, text] of flatten(member, `machine.${source}.${name}`)) fields.set(field, text)
    }
  }
  const recorded = value.variables.status === 'present' ? (value.variables.recorded ?? {}) : {}
  for (const [name, text] of Object.entries(recorded)) {
    if (!NO_MACHINE_VARIABLES.has(name)) fields.set(`machine.variables.${name}`, text)
  }
  return fields
}
