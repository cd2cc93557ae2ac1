/** Comparison of datasets, models, tokenizers and outputs of two runs, by name. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { diffTensors } from '../model/diff/diff.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { errorCode } from '../util/fs.ts'
import { RECORD_LIMIT } from '../record/seal.ts'
import { isSafeRelativePath } from '../util/paths.ts'
import { identityDigests, parseTracked } from '../record/tracked.ts'
import { tableDifference } from '../compare/tables.ts'
import { parseTensors } from '../record/tensor-list.ts'
import { ownProperty } from './captures.ts'
import { NOTHING, compareText, joinParts } from './causes.ts'
import { isDerivedData, isProduct } from '../record/products.ts'
import type { WrittenDigests } from '../core/digest.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'
import type { TrackedContent, TrackedModel, TrackedTokenizer } from '../record/tracked.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTensor } from '../record/tensor-list.ts'
import type { Cause, Part } from './causes.ts'

type Content = TrackedContent | TrackedTokenizer

/** Compare everything that two runs tracked by its recorded description. Nothing is read again. */
export async function diffTracked(before: StoredRun, after: StoredRun): Promise<Part> {
  const parts: Part[] = []
  for (const section of TRACKED_SECTIONS) {
    const [entriesBefore, entriesAfter] = [before.record[section], after.record[section]]
    for (const name of [
      ...new Set([...Object.keys(entriesBefore), ...Object.keys(entriesAfter)]),
    ].toSorted()) {
      const field = `${section}.${name}`
      const [entryBefore, entryAfter] = [ownProperty(entriesBefore, name), ownProperty(entriesAfter, name)]
      const entries = [entryBefore, entryAfter].filter((entry) => entry !== undefined)
      const isResult = section === 'models' && entries.every(isProduct)
      const isDerived = section === 'datasets' && entries.every(isDerivedData)
      let part: Part
      if (entryBefore?.status !== 'tracked' || entryAfter?.status !== 'tracked')
        part = diffPresence([section, name], entryBefore, entryAfter)
      else if (section === 'models')
        part = await diffModel(
          field,
          [before.folder, parseTracked(section, name, entryBefore)],
          [after.folder, parseTracked(section, name, entryAfter)],
        )
      else
        part = diffContent(
          field,
          parseTracked(section, name, entryBefore),
          parseTracked(section, name, entryAfter),
        )
      parts.push(isResult ? withCause(part, 'outputs') : isDerived ? withCause(part, 'reported data') : part)
    }
  }
  return joinParts(parts)
}

/** Return a part with another cause than that of its section. */
function withCause({ differences, notCompared: rest }: Part, cause: Cause): Part {
  return {
    differences: differences.map((difference) => ({ ...difference, cause })),
    notCompared: rest,
  }
}

function diffPresence(
  at: readonly [TrackedSection, name: string],
  before: TrackedRecord | undefined,
  after: TrackedRecord | undefined,
): Part {
  const field = at.join('.')
  for (const [entry, side] of [
    [before, 'first'],
    [after, 'second'],
  ] as const) {
    if (entry?.status === 'failed')
      return notCompared(field, `not recorded in the ${side} run: ${entry.reason}`)
    if (entry?.status === 'off') return notCompared(field, `it was disabled in the ${side} run`)
  }
  return { differences: compareText(field, presence(at, before), presence(at, after)), notCompared: [] }
}

function presence(
  [section, name]: readonly [TrackedSection, name: string],
  entry: TrackedRecord | undefined,
): string | undefined {
  if (entry?.status !== 'tracked') return undefined
  const identity = identityDigests(section, name, entry)
  return typeof identity === 'string' ? identity : identity.weights
}

function notCompared(field: string, reason: string): Part {
  return { differences: [], notCompared: [{ field, reason }] }
}

/** Return the recorded properties of the content besides its digest, as texts by name. */
function contentFacts(content: Content): Map<string, string> {
  const facts = new Map<string, string>()
  if (!('kind' in content))
    return content.files === undefined ? facts : facts.set('files', JSON.stringify(content.files))
  facts.set('kind', content.kind).set('bytes', String(content.bytes))
  if (content.kind === 'folder') {
    facts.set('files', String(content.files)).set('folders', String(content.folders))
  } else if (content.kind === 'array') {
    facts.set('dtype', content.dtype).set('shape', JSON.stringify(content.shape))
  }
  return facts
}

/** Names of the properties, in the order of a report. */
const FACTS = ['kind', 'bytes', 'files', 'folders', 'dtype', 'shape']

function diffContent(field: string, before: Content, after: Content): Part {
  const digests = commonDigests(
    writtenDigests(before.digest, before.digests),
    writtenDigests(after.digest, after.digests),
  )
  if (digests === undefined) return notCompared(field, 'the digests are of different kinds or hash functions')
  if (digests[0] === digests[1]) return NOTHING
  const [factsBefore, factsAfter] = [contentFacts(before), contentFacts(after)]
  const facts = FACTS.flatMap((name) => {
    const [valueBefore, valueAfter] = [factsBefore.get(name), factsAfter.get(name)]
    return valueBefore === valueAfter ? [] : [`${name} ${valueBefore ?? 'none'} → ${valueAfter ?? 'none'}`]
  })
  const differences = compareText(`${field}.digest`, ...digests)
  const table = tableFact(before, after)
  if (table !== undefined) facts.push(table)
  const detail = facts.length === 0 ? {} : { detail: facts.join(', ') }
  return { differences: differences.map((difference) => ({ ...difference, ...detail })), notCompared: [] }
}

/** Describe the difference of the tables in a file; `undefined` if one of the runs recorded none. */
function tableFact(before: Content, after: Content): string | undefined {
  const [tableBefore, tableAfter] = [before, after].map((content) =>
    'table' in content ? content.table : undefined,
  )
  if (tableBefore === undefined || tableAfter === undefined) return undefined
  if (tableBefore.digest === tableAfter.digest) return 'the table is the same'
  return `table: ${tableDifference(tableBefore, tableAfter).detail}`
}

/**
 * Return the two digests with the same kind and hash function; a run with `both` has one in common with any
 * other run.
 */
function commonDigests(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly [string, string] | undefined {
  for (const [type, digestBefore] of before) {
    const digestAfter = after.get(type)
    if (digestAfter !== undefined) return [digestBefore, digestAfter]
  }
  return undefined
}

/** Map digests in written form by their type. */
function writtenDigests(main: string | undefined, all: WrittenDigests = {}): Map<string, string> {
  const written = [main, ...Object.values(all)].filter((text) => text !== undefined)
  return new Map(written.map((text) => [text.slice(0, text.lastIndexOf(':')), text]))
}

type ModelOf = readonly [folder: string, entry: TrackedModel]

async function diffModel(field: string, before: ModelOf, after: ModelOf): Promise<Part> {
  const parts: Part[] = []
  let weightsDiffer = false
  for (const name of ['architecture', 'weights', 'tokenizer'] as const) {
    const [digestBefore, digestAfter] = [before[1][name], after[1][name]]
    if (digestBefore === undefined && digestAfter === undefined) continue
    const digests = commonDigests(
      writtenDigests(digestBefore, before[1].digests?.[name]),
      writtenDigests(digestAfter, after[1].digests?.[name]),
    )
    if (digests === undefined && digestBefore !== undefined && digestAfter !== undefined)
      parts.push(notCompared(`${field}.${name}`, 'the digests are of different hash functions'))
    else {
      const changes = compareText(`${field}.${name}`, ...(digests ?? ([digestBefore, digestAfter] as const)))
      if (name === 'weights') weightsDiffer = changes.length > 0
      parts.push({ differences: changes, notCompared: [] })
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
    if (tensors === undefined) return notCompared(field, `the ${side} run has no tensor list`)
    lists.push(tensors)
  }
  const changes = diffTensors(lists[0] ?? [], lists[1] ?? [])
  const differences = changes.map(
    ({ status, name, from, before: tensorBefore, after: tensorAfter, differs }) => ({
      field: `${field}.${name}`,
      ...(tensorBefore && { before: describe(tensorBefore) }),
      ...(tensorAfter && { after: describe(tensorAfter) }),
      detail:
        from !== undefined
          ? `renamed from ${from}`
          : differs === undefined
            ? status
            : `${differs.join(', ')} changed`,
    }),
  )
  return { differences, notCompared: [] }
}

function describe({ dtype, shape, digest }: RecordedTensor): string {
  return `${dtype} [${shape.join(', ')}] ${digest}`
}

/**
 * Read the tensor list of an entry; `undefined` if it does not exist. @throws ERR_LINEAPRINT_RECORD if it is
 * damaged.
 */
async function recordedTensors(
  folder: string,
  { tensorsFile: file }: TrackedModel,
): Promise<readonly RecordedTensor[] | undefined> {
  if (file === undefined || file === '') return undefined
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
    const reason = `the tensor list cannot be read: ${errorCode(cause) ?? String(cause)}`
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', reason, { path, cause })
  }
  throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'not a tensor list', { path })
}
