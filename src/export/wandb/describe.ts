/** The fields of a run in W&B's form. */
import type { WandbTarget } from '../../config/outputs.ts'
import { digestFacts, gitFacts, jsonMetadata, jsonParameters, seedOf, sourceFacts, textOf } from '../facts.ts'
import type { RecordedSources } from '../../capture/environment/types.ts'
import type { RunRecord } from '../../record/record.ts'
import type { MetricPoint } from '../source.ts'
import type { RunEnvironment, RunHead } from './records.ts'

/** The service refuses a run with longer tags. */
const TAG_LIMIT = 64

const PROJECT_LIMIT = 128

/** Longer names of runs are cut; the configuration has the whole one. */
const RUN_NAME_LIMIT = 128

/** Keys of a configuration with a reserved meaning. */
const OWN_KEYS = new Set(['_wandb', 'lineaprint'])

/** Names of columns that W&B fills. */
const OWN_COLUMNS = new Set(['_step', '_timestamp', '_runtime', '_wandb'])

/** Return the head of a run. Tags that are too long are only in the configuration, which has all tags. */
export function headOf(record: RunRecord, { project, entity }: WandbTarget): RunHead {
  const { commit, remote } = gitFacts(record)
  return {
    id: record.id,
    project: projectName(project ?? record.name),
    entity,
    name: Array.from(record.runName ?? record.id)
      .slice(0, RUN_NAME_LIMIT)
      .join(''),
    notes: record.notes,
    tags: record.tags.filter((tag) => Array.from(tag).length <= TAG_LIMIT),
    host: record.process.host,
    startTime: Date.parse(record.startedAt),
    commit,
    remote,
    config: configOf(record),
  }
}

/** Return a name that W&B accepts for a project, without `/\#?%:`. */
function projectName(name: string): string {
  const usable = name.replace(/[/\\#?%:\u0000-\u001f]/g, '-').trim()
  return Array.from(usable).slice(0, PROJECT_LIMIT).join('') || 'experiment'
}

function configOf(record: RunRecord): Record<string, unknown> {
  const { id, name, runName, status, seal, lineaprint, tags, parent, command, warnings, failure } = record
  const given = { ...jsonParameters(record), ...jsonMetadata(record) }
  const metadata = Object.entries(given).map(([key, value]) => [
    OWN_KEYS.has(key) ? `metadata.${key}` : key,
    value,
  ])
  const { branch, clean } = gitFacts(record)
  const own = {
    run: id,
    experiment: name,
    ...(runName !== undefined && { runName }),
    status,
    seal,
    version: lineaprint,
    parent,
    tags,
    command: command.argv,
    git: { branch: branch ?? null, clean: clean ?? null },
    seed: seedOf(record),
    digests: digestFacts(record),
    warnings,
    failure,
  }
  return { ...Object.fromEntries(metadata), lineaprint: own }
}

/** Return the environment of the run. */
export function environmentOf(record: RunRecord): RunEnvironment {
  const { commit, remote } = gitFacts(record)
  const system = sourceFacts(record, 'system')
  const [program = '', ...args] = record.command.argv
  return {
    writer: record.id,
    os: system && osOf(system),
    python: textOf(sourceFacts(record, 'python')?.version),
    startTime: Date.parse(record.startedAt),
    program,
    args,
    directory: record.command.workingDirectory,
    host: record.process.host,
    commit,
    remote,
  }
}

function osOf({ platform, kernel, arch }: RecordedSources['system']): string | undefined {
  const parts = [platform, kernel, arch].map(textOf).filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join('-')
}

/** One row of the history: all values logged at one step. */
export interface Row {
  readonly step: number
  /** Time of its last value, in milliseconds since 1970. */
  time: number
  readonly values: Map<string, number>
}

/**
 * Return rows in the order of their steps, because W&B drops a row with a lower step than the previous one.
 */
export function rowsOf(points: readonly MetricPoint[]): { rows: Row[]; warnings: string[] } {
  const rows = new Map<number, Row>()
  const replaced = new Map<string, number>()
  for (const { name, value, step, time } of points) {
    const row = rows.get(step) ?? { step, time, values: new Map<string, number>() }
    if (row.values.has(name)) replaced.set(name, (replaced.get(name) ?? 0) + 1)
    row.values.set(name, value)
    row.time = Math.max(row.time, time)
    rows.set(step, row)
  }
  const warnings = [...replaced].map(
    ([name, count]) =>
      `W&B stores one value of a metric per step: ${count} earlier values of ${JSON.stringify(name)} at the same steps are not exported`,
  )
  return { rows: [...rows.values()].toSorted((a, b) => a.step - b.step), warnings }
}

/** Return the columns of a row. */
export function columnsOf({ step, time, values }: Row, startTime: number): Record<string, number> {
  const columns = [...values].map(([name, value]) => [columnName(name), value])
  const own = { _step: step, _timestamp: time / 1000, _runtime: Math.max(0, time - startTime) / 1000 }
  return { ...Object.fromEntries(columns), ...own }
}

function columnName(name: string): string {
  return OWN_COLUMNS.has(name) ? `metric.${name}` : name
}

/** Return the last value of every metric, in the order of logging. */
export function summaryOf(points: readonly MetricPoint[], rows: readonly Row[]): Record<string, number> {
  const last = new Map(points.map(({ name, value }) => [columnName(name), value]))
  const step = rows.at(-1)?.step
  return { ...Object.fromEntries(last), ...(step !== undefined && { _step: step }) }
}
