/** What a capture of the environment recorded beside its stable fields: of use where every difference counts. */
import { asObject, flatten } from '../capture/fields.ts'
import { isPresent } from '../capture/environment/digest-fields.ts'
import type { Captured, Difference } from '../core/component.ts'
import type { JsonObject } from '../core/json-value.ts'

/**
 * Fields of each source that say what the machine is. Left out is what differs at every look (free memory and disk) and
 * what only says which machine or job it is (host name, addresses, numbers of jobs).
 */
const MACHINE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  node: ['uv', 'execPath', 'execArgv'],
  system: ['kernel', 'cores', 'physicalCores', 'cpuFlags', 'memoryTotal', 'swapTotal'],
  container: ['runtime', 'image', 'imageId', 'memoryLimit', 'cpuLimit'],
  python: ['compiler', 'executable', 'prefix', 'basePrefix'],
  pip: ['version'],
  conda: ['prefix'],
}

/** Recorded variables that say who this is, or are checked as seeds. All others count. */
const NO_MACHINE_VARIABLES: ReadonlySet<string> = new Set([
  'PYTHONHASHSEED',
  'LINEAPRINT_SEED',
  'MASTER_ADDR',
  'MASTER_PORT',
])

/** Differences in these fields, each under `machine.`. */
export function machineDifferences(before: Captured, after: Captured): Difference[] {
  const [was, is] = [machineFields(before.value), machineFields(after.value)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .toSorted()
    .filter((field) => was.get(field) !== is.get(field))
    .map((field) => ({ field, before: was.get(field), after: is.get(field) }))
}

function machineFields(value: JsonObject): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [source, names] of Object.entries(MACHINE_FIELDS)) {
    if (value[source] === undefined || !isPresent(value, source)) continue
    const found = asObject(value[source], source)
    for (const name of names) {
      if (found[name] === undefined || found[name] === null) continue
      for (const [field, text] of flatten(found[name], `machine.${source}.${name}`)) fields.set(field, text)
    }
  }
  for (const [name, text] of Object.entries(recordedVariables(value))) {
    if (typeof text === 'string' && !NO_MACHINE_VARIABLES.has(name))
      fields.set(`machine.variables.${name}`, text)
  }
  return fields
}

function recordedVariables(value: JsonObject): JsonObject {
  if (value['variables'] === undefined || !isPresent(value, 'variables')) return {}
  return asObject(asObject(value['variables'], 'variables')['recorded'], 'variables.recorded')
}
