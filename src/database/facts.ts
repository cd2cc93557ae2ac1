/** The facts of a run that it can be found by: the same for every database and for the reader of folders. */
import { hash } from 'node:crypto'
import { entryOf } from '../store/listed-run.ts'
import { decodeFloat } from '../json/special-floats.ts'
import { isResult } from '../record/products.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { contentDigests } from '../record/tracked.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { MetricPart, ValueField } from './expression/expression.ts'
import type { RunRecord } from '../record/record.ts'
import type { RunLabels } from '../store/annotations.ts'
import type { RunEntry } from '../store/listed-run.ts'

/** The summary of a metric; NaN where there is no number. */
export type MetricFacts = Readonly<Record<MetricPart, number>>

/** A parameter. A text that spells a number counts as both. */
export interface ParameterFacts {
  readonly value: JsonValue
  readonly number: number | null
  readonly text: string | null
}

/** An input or output with one of its digests. */
export interface ContentFacts {
  readonly list: 'inputs' | 'outputs'
  readonly name: string
  /** Written form. */
  readonly digest: string
}

/** Everything by which a run can be found. */
export interface RunFacts {
  readonly entry: RunEntry
  readonly metrics: ReadonlyMap<string, MetricFacts>
  readonly parameters: ReadonlyMap<string, ParameterFacts>
  readonly contents: readonly ContentFacts[]
}

/**
 * Return the facts of a record.
 *
 * @param labels Those that the run has by its annotations.
 */
export function factsOf(record: RunRecord, labels: Pick<RunLabels, 'runName' | 'tags'>): RunFacts {
  const metrics = Object.entries(record.metrics).map(
    ([name, { last, min, max, count }]) =>
      [keyText(name), { last: decodeFloat(last), min: numberOr(min), max: numberOr(max), count }] as const,
  )
  const parameters = Object.entries(record.parameters ?? {}).map(
    ([name, { value }]) => [keyText(name), parameterFacts(value)] as const,
  )
  return {
    entry: entryOf(record, labels),
    metrics: new Map(metrics),
    parameters: new Map(parameters),
    contents: contentsOf(record),
  }
}

function numberOr(value: RunRecord['metrics'][string]['min']): number {
  return value === null ? NaN : decodeFloat(value)
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

function parameterFacts(value: JsonValue): ParameterFacts {
  if (typeof value === 'number') return { value, number: finiteOrNull(value), text: null }
  if (typeof value === 'boolean') return { value, number: null, text: String(value) }
  if (value === null) return { value, number: null, text: null }
  if (typeof value !== 'string') return { value, number: null, text: storedText(JSON.stringify(value)) }
  const number = DECIMAL.test(value) ? finiteOrNull(Number(value)) : null
  return { value, number, text: storedText(value) }
}

/** JSON text such as `1e999` gives an infinity. */
function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/**
 * Return text in the form in which every database holds and compares it alike: without NUL, which PostgreSQL refuses, and
 * without halves of surrogate pairs and U+FFFE and U+FFFF, which SQLite takes for U+FFFD in patterns.
 */
export function storedText(text: string): string {
  return text.toWellFormed().replace(/[\0\ufffe\uffff]/g, '\u{fffd}')
}

/** Bytes of the longest key. A row of an index in PostgreSQL has room for four of them. */
const KEY_LIMIT = 600

/** Characters with which a longer one begins. */
const KEY_BEGIN = 120

/**
 * Return a name, tag or digest in the form in which every database finds it: as {@link storedText}, and a very long one by its
 * beginning and a digest of all of it. An index has no room for a text of any length.
 */
export function keyText(text: string): string {
  const stored = storedText(text)
  // Three bytes at most for each unit of UTF-16.
  if (stored.length * 3 <= KEY_LIMIT || Buffer.byteLength(stored) <= KEY_LIMIT) return stored
  return `${storedText(stored.slice(0, KEY_BEGIN))}…${hash('sha256', stored)}`
}

/** Return text in the form in which a field has it: names are keys, notes and values are not. */
export function fieldText(field: ValueField, text: string): string {
  const isLong = field.kind !== 'text' || field.column === 'notes' || field.column === 'command'
  return isLong ? storedText(text) : keyText(text)
}

function contentsOf(record: RunRecord): ContentFacts[] {
  return TRACKED_SECTIONS.flatMap((section) =>
    Object.entries(record[section]).flatMap(([name, entry]) => {
      if (entry.status !== 'tracked') return []
      const digests = unlessDamaged(() => contentDigests(section, name, entry)) ?? []
      const list = isResult(section, name, record) ? ('outputs' as const) : ('inputs' as const)
      return digests.map((digest) => ({ list, name: keyText(name), digest: keyText(digest) }))
    }),
  )
}

/** Return the hexadecimal digits of a digest in written form. */
export function hexOf(digest: string): string {
  return digest.slice(digest.lastIndexOf(':') + 1)
}

/** Fewer digits of a digest name nothing. */
export const HEX_LEAST = 8

/** Return the digits that a text could begin a digest with, in written form or bare; `undefined` for other texts. */
export function hexPrefix(text: string): string | undefined {
  const hex = hexOf(text)
  return hex.length >= HEX_LEAST && /^[0-9a-f]+$/.test(hex) ? hex : undefined
}
