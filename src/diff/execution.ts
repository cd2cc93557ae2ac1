/**
 * Comparison of how two runs were executed: processors, threads, precision, limits. These change the bits of a result
 * without any change of code or data.
 */
import { countProcessors } from '../capture/environment/system/execution.ts'
import { environmentOf } from '../capture/records.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { distinctions } from '../record/positions.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { plural } from '../util/plural.ts'
import { NOTHING, compareText } from './causes.ts'
import type { EnvironmentCapture, ExecutionFindings, ProgramExecution } from '../capture/environment/types.ts'
import type { RunRecord } from '../record/record.ts'
import type { NotCompared, Part, RunDifference } from './causes.ts'

/** The execution of one run. */
export interface Execution extends Pick<ExecutionFindings, 'command'> {
  /** By the words that distinguish them; the main program has none. */
  readonly programs: ReadonlyMap<string, ProgramExecution>
  readonly unlisted: number
  /** Variables that the environment capture compares. */
  readonly variables: Readonly<Record<string, string>>
}

/** Return how a run was executed; `undefined` if it was not recorded. */
export function executionOf(record: RunRecord): Execution | undefined {
  const environment: EnvironmentCapture | undefined = unlessDamaged(() => environmentOf(record))
  if (environment?.execution.status !== 'present') return undefined
  const { command, programs, unlisted = 0 } = environment.execution
  const table = new Map(programs.map((program) => [program.number, program]))
  const words = distinctions([...table.keys()], table)
  const variables = environment.variables.status === 'present' ? environment.variables.hashed : {}
  return {
    command,
    programs: new Map(programs.map((program) => [words.get(program.number) ?? '', program])),
    unlisted,
    variables,
  }
}

/** Compare how two runs were executed, program by program. */
export function diffExecution(recordBefore: RunRecord, recordAfter: RunRecord): Part {
  const [before, after] = [executionOf(recordBefore), executionOf(recordAfter)]
  if (before === undefined || after === undefined) {
    // Runs without a command have no record of it, and neither have older ones.
    if (before === after) return NOTHING
    const side = before === undefined ? 'first' : 'second'
    return notCompared([{ field: 'execution', reason: `the ${side} run did not record how it was executed` }])
  }
  const differences: Omit<RunDifference, 'cause'>[] = []
  const missing: NotCompared[] = []
  for (const [words, program] of before.programs) {
    const other = after.programs.get(words)
    if (other === undefined) continue
    const prefix = words === '' ? 'execution' : `execution.${words}`
    differences.push(...compareProcessors(`${prefix}.affinity`, program.affinity, other.affinity))
    if (program.settings !== null && other.settings !== null) {
      differences.push(
        ...compareSettings(prefix, [program.settings, before.variables], [other.settings, after.variables]),
      )
    } else if (program.settings !== other.settings) {
      const side = program.settings === null ? 'first' : 'second'
      missing.push({ field: prefix, reason: `the program did not report at its end in the ${side} run` })
    }
  }
  differences.push(...compareCommands(before, after))
  return { differences, notCompared: missing }
}

function notCompared(parts: readonly NotCompared[]): Part {
  return { differences: [], notCompared: parts }
}

/** Compare the processes of the commands, where no program reported the same. */
function compareCommands(before: Execution, after: Execution): Omit<RunDifference, 'cause'>[] {
  const [first, second] = [before.command, after.command]
  if (first === null || second === null) return []
  const isReported = [before, after].every(({ programs }) => (programs.get('')?.affinity ?? null) !== null)
  return [
    ...(isReported ? [] : compareProcessors('execution.affinity', first.affinity, second.affinity)),
    ...compareText('execution.cpuLimit', limitText(first.cpuLimit), limitText(second.cpuLimit)),
    ...compareText('execution.memoryLimit', limitText(first.memoryLimit), limitText(second.memoryLimit)),
  ]
}

function limitText(limit: number | null): string | undefined {
  return limit === null ? undefined : String(limit)
}

/** Compare by number: which of equal processors a scheduler gives a job is chance. */
function compareProcessors(
  field: string,
  before: string | null,
  after: string | null,
): Omit<RunDifference, 'cause'>[] {
  if (before === null || after === null) return []
  const counts = [before, after].map(countProcessors)
  if (counts[0] === counts[1] && counts[0] !== undefined) return []
  return compareText(field, processorText(before), processorText(after))
}

function processorText(list: string): string {
  const count = countProcessors(list)
  return count === undefined ? list : `${plural(count, 'processor')} (${list})`
}

type Settings = readonly [
  settings: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
]

function compareSettings(
  prefix: string,
  [before, variablesBefore]: Settings,
  [after, variablesAfter]: Settings,
): Omit<RunDifference, 'cause'>[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted(compareUtf8)
  return names.flatMap((name) => {
    const [valueBefore, valueAfter] = [own(before, name), own(after, name)]
    // The capture of the environment has the same difference.
    if (valueBefore === own(variablesBefore, name) && valueAfter === own(variablesAfter, name)) return []
    return compareText(`${prefix}.${name}`, valueBefore, valueAfter)
  })
}

function own(values: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined
}
