/** Tools that list runs and show one. */
import { z } from 'zod/mini'
import { LineaprintError } from '../../core/errors.ts'
import { unlistedFiles } from '../../compare/run-files.ts'
import { gitOf } from '../../capture/records.ts'
import { FIELD_HELP } from '../../database/expression/fields.ts'
import { findRun } from '../../database/runs.ts'
import { unlessDamaged } from '../../json/read-fields.ts'
import { checkSeal } from '../../record/seal.ts'
import { TRACKED_SECTIONS } from '../../record/record.ts'
import { identityDigests } from '../../record/tracked.ts'
import { logsOf } from '../../server/files.ts'
import { journalProblems } from '../../store/journal-read.ts'
import { labelsOf, readAnnotations } from '../../store/annotations.ts'
import { matchesGlob } from '../../util/glob.ts'
import { BYTES, CURSOR, positionOf, runArgument, textArgument, textsArgument } from '../arguments.ts'
import { asJson, listFrom, tool } from '../tool.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'
import type { RunRecord } from '../../record/record.ts'
import type { StoredRun } from '../../store/read.ts'
import type { Tool } from '../tool.ts'

/** Runs of one answer: no answer has room for more. */
const RUNS = 200

/** List runs. */
export const LIST_RUNS: Tool = tool({
  name: 'list_runs',
  title: 'List runs',
  description: `List the runs of the store, the newest first, or those for which an expression is true, in an order, with the values of fields. Fields: ${FIELD_HELP}.`,
  schema: z.strictObject({
    where: z.optional(
      textArgument(
        `Only runs of which it is true, as metrics.loss < 0.3 and tags has 'base' and name ~ 'mnist*'`,
      ),
    ),
    sort: z.optional(
      textsArgument('Order by these fields, each descending after a minus, as -metrics.accuracy', 8),
    ),
    columns: z.optional(
      textsArgument('Fields whose values are wanted, or auto: the parameters and metrics that differ', 100),
    ),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ where, sort, columns, cursor }, { lists }) => {
    const [, list, position] = /^(\S{1,80}):(\d+)$/.exec(cursor ?? '') ?? []
    const offset = positionOf(list === undefined ? cursor : position)
    const part = await lists.part({ where, sort, columns: columns ?? [], list, offset, limit: RUNS })
    return {
      head: {
        matched: part.matched,
        total: part.total,
        ...(part.damaged.length > 0 && { damaged: asJson(part.damaged) }),
      },
      list: {
        name: 'runs',
        items: part.runs.map((run) =>
          asJson({
            id: run.id,
            name: run.name,
            ...(run.runName !== null && { runName: run.runName }),
            status: run.status,
            startedAt: run.startedAt,
            durationMs: run.durationMs,
            ...(run.parent !== null && { parent: run.parent }),
            ...(run.tags.length > 0 && { tags: run.tags }),
            ...(part.columns.length > 0 && { values: run.values }),
          }),
        ),
        total: part.matched,
        offset,
        cursorAt: (next) => `${part.list}:${next}`,
      },
    }
  },
})

/** List the names that fields can have. */
export const LIST_FIELDS: Tool = tool({
  name: 'list_fields',
  title: 'List names of metrics and parameters',
  description:
    'List the names of the metrics and parameters that runs of the store have, as fields for list_runs (metrics.NAME, params.NAME).',
  schema: z.strictObject({
    pattern: z.optional(textArgument('Only names that match, * for any characters')),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ pattern = '*', cursor }, { lists }) => {
    const { names } = await lists.part({ columns: [], offset: 0, limit: 1 })
    const all = [
      ...names.metrics.map((name) => ['metrics', name] as const),
      ...names.parameters.map((name) => ['params', name] as const),
    ]
    const wanted = all.flatMap(([kind, name]) => (matchesGlob(pattern, name) ? [`${kind}.${name}`] : []))
    return { head: { fields: FIELD_HELP }, list: listFrom('names', wanted, positionOf(cursor)) }
  },
})

/** Show one run. */
export const SHOW_RUN: Tool = tool({
  name: 'show_run',
  title: 'Show one run',
  description:
    'Show what a run was: status, command, parameters, metrics, inputs and outputs with digests, code, flags and warnings, and whether its record is as it was sealed. With a field, show that part of the whole record instead; an empty field names its parts.',
  schema: z.strictObject({
    run: runArgument('The run'),
    field: z.optional(
      textArgument('A JSON pointer (RFC 6901) into the record, as /captures/environment/value/python'),
    ),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ run: reference, field, cursor }, { store }) => {
    const run = await findRun(store, reference)
    if (field === undefined) return { head: await summaryOf(run) }
    const value = at(asJson(run.record), field)
    const head = { run: run.id, field }
    if (typeof value !== 'object' || value === null) return { head: { ...head, value } }
    if (Array.isArray(value)) return { head, list: listFrom('elements', value, positionOf(cursor)) }
    const members = Object.entries(value).map((member) => Object.fromEntries([member]))
    return { head, list: listFrom('members', members, positionOf(cursor)) }
  },
})

/** Return the part of a value that a JSON pointer names. @throws ERR_LINEAPRINT_NOT_FOUND if there is none. */
function at(record: JsonValue, pointer: string): JsonValue {
  let value = record
  const [head, ...names] = pointer.split('/')
  if (head !== '') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'field is not a JSON pointer', {
      field: 'field',
      expected: 'a slash before each name, as /metrics/loss',
      received: JSON.stringify(pointer.slice(0, 80)),
    })
  }
  for (const [index, escaped] of names.entries()) {
    const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, name)) {
      value = (value as JsonObject)[name] ?? null
      continue
    }
    const known = typeof value === 'object' && value !== null ? Object.keys(value).slice(0, 20) : []
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the record has no such part', {
      field: `/${names.slice(0, index + 1).join('/')}`.slice(0, 200),
      expected: known.join(', ') || 'nothing: it has no parts',
    })
  }
  return value
}

/** Files that are not listed in the record and that an answer names. */
const UNLISTED = 20

async function summaryOf(run: StoredRun): Promise<JsonObject> {
  const { id, record, status, journal } = run
  const annotations = await readAnnotations(run.folder)
  const { runName, tags, notes: added } = labelsOf(record, annotations)
  const git = unlessDamaged(() => gitOf(record))
  const logs = await logsOf(run)
  const problems = [
    // The last line of a running run is being written.
    ...(journal === undefined ? [] : status === 'running' ? journal.problems : journalProblems(journal)),
    ...annotations.problems,
  ]
  return withoutEmpty({
    id,
    name: record.name,
    runName,
    status,
    seal: checkSeal(record),
    unlistedFiles: (await unlistedFiles(run)).slice(0, UNLISTED),
    startedAt: record.startedAt,
    durationMs: record.durationMs,
    failure: asJson(record.failure),
    command: [...record.command.argv],
    exitCode: record.command.exitCode,
    signal: record.command.signal,
    parent: record.parent,
    continues: record.continues ?? null,
    tags: [...tags],
    notes: [record.notes, ...added.map(({ note }) => note)].filter((note) => note !== ''),
    flags: (record.flags ?? []).map(({ message }) => message),
    warnings: [...record.warnings],
    problems,
    parameters: Object.fromEntries(
      Object.entries(record.parameters ?? {}).map(([name, { value }]) => [name, value]),
    ),
    metadata: record.metadata,
    metrics: Object.fromEntries(
      Object.entries(record.metrics).map(([name, { last, min, max, count }]) => [
        name,
        asJson({ last, min, max, count }),
      ]),
    ),
    ...Object.fromEntries(TRACKED_SECTIONS.map((section) => [section, digestsOf(record, section)])),
    code:
      git === undefined
        ? 'not recorded'
        : git.available
          ? asJson({ commit: git.commit, clean: git.clean })
          : git.reason,
    logs: logs.map(({ name }) => name),
  })
}

/** Return the entries of a section: of each the digest by which equal content is recognised, or why it has none. */
function digestsOf(record: RunRecord, section: (typeof TRACKED_SECTIONS)[number]): JsonObject {
  return Object.fromEntries(
    Object.entries(record[section]).map(([name, entry]): [string, JsonValue] => {
      if (entry.status === 'failed') return [name, { failed: entry.reason }]
      if (entry.status === 'off') return [name, 'off']
      const digests = unlessDamaged(() => identityDigests(section, name, entry))
      return [name, digests === undefined ? 'damaged: it cannot be read' : asJson(digests)]
    }),
  )
}

/** Leave out members that have nothing. */
function withoutEmpty(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== null && (typeof value !== 'object' || Object.keys(value).length > 0),
    ),
  )
}
