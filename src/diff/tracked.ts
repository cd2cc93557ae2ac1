/** Datasets, models, tokenizers and outputs of two runs, by name. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { diffTensors } from '../model/diff/diff.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { errorCode } from '../util/fs.ts'
import { RECORD_LIMIT } from '../record/seal.ts'
import { isSafeRelativePath } from '../util/paths.ts'
import { fieldText } from '../json/copy.ts'
import { recordedTable, tableDifference } from '../compare/tables.ts'
import { parseTensors } from '../record/tensor-list.ts'
import { own } from './captures.ts'
import { NOTHING, compareText, joinParts } from './causes.ts'
import { isProduct } from './products.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { TrackedRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTensor } from '../record/tensor-list.ts'
import type { Part } from './causes.ts'

type Tracked = Extract<TrackedRecord, { status: 'tracked' }>

/** Compares everything that two runs tracked by what was recorded; nothing is read again. */
export async function diffTracked(before: StoredRun, after: StoredRun): Promise<Part> {
  const parts: Part[] = []
  for (const section of TRACKED_SECTIONS) {
    const [was, is] = [before.record[section], after.record[section]]
    for (const name of [...new Set([...Object.keys(was), ...Object.keys(is)])].toSorted()) {
      const field = `${section}.${name}`
      const [first, second] = [own(was, name), own(is, name)]
      const isResult =
        section === 'models' && [first, second].every((entry) => entry === undefined || isProduct(entry))
      let part: Part
      if (first?.status !== 'tracked' || second?.status !== 'tracked')
        part = diffPresence(field, first, second)
      else if (section === 'models')
        part = await diffModel(field, [before.folder, first], [after.folder, second])
      else part = diffContent(field, first, second)
      parts.push(isResult ? asResult(part) : part)
    }
  }
  return joinParts(parts)
}

/** What a run made stands among its outputs, whatever section it was recorded in. */
function asResult({ differences, notCompared: rest }: Part): Part {
  return { differences: differences.map((found) => ({ ...found, cause: 'outputs' })), notCompared: rest }
}

function diffPresence(
  field: string,
  before: TrackedRecord | undefined,
  after: TrackedRecord | undefined,
): Part {
  for (const [entry, side] of [
    [before, 'first'],
    [after, 'second'],
  ] as const) {
    if (entry?.status === 'failed') return notCompared(field, `the ${side} run has none: ${entry.reason}`)
    if (entry?.status === 'off') return notCompared(field, `it was switched off in the ${side} run`)
  }
  return { differences: compareText(field, presence(before), presence(after)), notCompared: [] }
}

function presence(entry: TrackedRecord | undefined): string | undefined {
  if (entry?.status !== 'tracked') return undefined
  return fieldText(entry['digest'] ?? entry['weights'])
}

function notCompared(field: string, reason: string): Part {
  return { differences: [], notCompared: [{ field, reason }] }
}

/** Fields of a report that say what has become of the content, beside its digest. */
const FACTS = ['kind', 'bytes', 'files', 'folders', 'dtype', 'shape']

function diffContent(field: string, before: Tracked, after: Tracked): Part {
  const digests = commonDigests(before, after, 'digest')
  if (digests === undefined) return notCompared(field, 'the digests are of different kinds or hash functions')
  if (digests[0] === digests[1]) return NOTHING
  const facts = FACTS.flatMap((name) => {
    const [was, is] = [before[name], after[name]].map((value) =>
      value === undefined ? '' : fieldText(value),
    )
    return was === is ? [] : [`${name} ${was || 'none'} → ${is || 'none'}`]
  })
  const found = compareText(`${field}.digest`, ...digests)
  const table = tableFact(before, after)
  if (table !== undefined) facts.push(table)
  const detail = facts.length === 0 ? {} : { detail: facts.join(', ') }
  return { differences: found.map((difference) => ({ ...difference, ...detail })), notCompared: [] }
}

/** What became of the table in a file; `undefined` where one of the runs recorded none. */
function tableFact(before: Tracked, after: Tracked): string | undefined {
  const [was, is] = [recordedTable(before), recordedTable(after)]
  if (was === undefined || is === undefined) return undefined
  if (was.digest === is.digest) return 'the table in it is the same'
  return `table: ${tableDifference(was, is).detail}`
}

/** The two digests of one kind and hash function; `both` in one run has one in common with any other run. */
function commonDigests(before: Tracked, after: Tracked, name: string): readonly [string, string] | undefined {
  const [first, second] = [digestsOf(before, name), digestsOf(after, name)]
  for (const [type, was] of first) {
    const is = second.get(type)
    if (is !== undefined) return [was, is]
  }
  return undefined
}

function digestsOf(entry: Tracked, name: string): Map<string, string> {
  const { digests } = entry
  const list = isObject(digests) ? (name === 'digest' ? digests : digests[name]) : undefined
  const written = [entry[name], ...(isObject(list) ? Object.values(list) : [])]
  return new Map(
    written
      .filter((value) => typeof value === 'string')
      .map((text) => [text.slice(0, text.lastIndexOf(':')), text]),
  )
}

function isObject(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

type ModelOf = readonly [folder: string, entry: Tracked]

async function diffModel(field: string, before: ModelOf, after: ModelOf): Promise<Part> {
  const parts: Part[] = []
  let weightsDiffer = false
  for (const name of ['architecture', 'weights', 'tokenizer']) {
    const [was, is] = [before[1][name], after[1][name]]
    if (was === undefined && is === undefined) continue
    const digests = commonDigests(before[1], after[1], name)
    if (digests === undefined && was !== undefined && is !== undefined)
      parts.push(notCompared(`${field}.${name}`, 'the digests are of different hash functions'))
    else {
      const pair = digests ?? [was, is].map((value) => (value === undefined ? undefined : fieldText(value)))
      const found = compareText(`${field}.${name}`, pair[0], pair[1])
      if (name === 'weights') weightsDiffer = found.length > 0
      parts.push({ differences: found, notCompared: [] })
    }
  }
  if (weightsDiffer) parts.push(await diffModelTensors(`${field}.tensors`, before, after))
  return joinParts(parts)
}

async function diffModelTensors(field: string, before: ModelOf, after: ModelOf): Promise<Part> {
  const lists: (readonly RecordedTensor[])[] = []
  for (const [side, [folder, entry]] of [
    ['first', before],
    ['second', after],
  ] as const) {
    const tensors = await recordedTensors(folder, entry)
    if (tensors === undefined) return notCompared(field, `the ${side} run has no list of its tensors`)
    lists.push(tensors)
  }
  const changes = diffTensors(lists[0] ?? [], lists[1] ?? [])
  const differences = changes.map(({ status, name, from, before: was, after: is, differs }) => ({
    field: `${field}.${name}`,
    ...(was && { before: describe(was) }),
    ...(is && { after: describe(is) }),
    detail:
      from !== undefined
        ? `renamed from ${from}`
        : differs === undefined
          ? status
          : `${differs.join(', ')} changed`,
  }))
  return { differences, notCompared: [] }
}

function describe({ dtype, shape, digest }: RecordedTensor): string {
  return `${dtype} [${shape.join(', ')}] ${digest}`
}

/** @throws ERR_LINEAPRINT_RECORD if the list is damaged; one that is not there is `undefined`. */
async function recordedTensors(
  folder: string,
  entry: Tracked,
): Promise<readonly RecordedTensor[] | undefined> {
  const file = fieldText(entry['tensorsFile'] ?? '')
  if (file === '') return undefined
  if (!isSafeRelativePath(file)) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_RECORD',
      'the record names a path outside the folder of the run',
      {
        path: folder,
        field: 'tensorsFile',
        received: JSON.stringify(file),
        expected: 'a path below it',
      },
    )
  }
  const path = join(folder, file)
  try {
    const info = await stat(path)
    if (info.isFile() && info.size <= RECORD_LIMIT) return parseTensors(await readFile(path), path)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    if (LineaprintError.is(cause)) throw cause
    const reason = `the list of tensors cannot be read: ${errorCode(cause) ?? String(cause)}`
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', reason, { path, cause })
  }
  throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'it is no list of tensors', { path })
}
