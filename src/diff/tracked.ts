/** Comparison of datasets, models, tokenizers and outputs of two runs, by name. */
import { diffTensors } from '../model/diff/tensors.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { identityDigests, parseTracked } from '../record/tracked.ts'
import { fileDifferences, leftOutSentence, volatileFiles } from '../compare/file-lists.ts'
import { compareRecordedFiles, compareRecordedTensors, haveSameFields } from '../compare/recorded-content.ts'
import { sequenceDifference, splitsDifference, tableDifference } from '../compare/tables.ts'
import { readTensorList } from '../record/tensor-list.ts'
import { ownProperty } from './captures.ts'
import { NOTHING, compareText, joinParts } from './causes.ts'
import { compareContents } from '../compare/file-contents.ts'
import { readContents } from '../record/content-list.ts'
import { isRedacted } from '../secrets/redact.ts'
import { isDerivedData, isProduct } from '../record/products.ts'
import type { WrittenDigests } from '../core/digest.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'
import type {
  TrackedContent,
  TrackedFile,
  TrackedFolder,
  TrackedModel,
  TrackedTokenizer,
} from '../record/tracked.ts'
import type { RecordedSide } from '../compare/recorded-content.ts'
import type { PathMatcher } from '../util/path-pattern.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTensor } from '../record/tensor-list.ts'
import type { Cause, Part } from './causes.ts'

type Content = TrackedContent | TrackedTokenizer

/**
 * Compare everything that two runs tracked by its recorded description. Nothing is read again.
 *
 * @param outputIgnore Patterns of files of outputs that are left out, in addition to the built-in ones.
 */
export async function diffTracked(
  before: StoredRun,
  after: StoredRun,
  outputIgnore: readonly string[] = [],
): Promise<Part> {
  const isVolatile = volatileFiles(outputIgnore)
  const parts: Part[] = []
  for (const section of TRACKED_SECTIONS) {
    const [entriesBefore, entriesAfter] = [before.record[section], after.record[section]]
    for (const name of [
      ...new Set([...Object.keys(entriesBefore), ...Object.keys(entriesAfter)]),
    ].toSorted()) {
      const field = `${section}.${name}`
      if (isRedacted(name)) {
        parts.push(notCompared(field, 'its name held a secret, so it may be another item'))
        continue
      }
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
        part = await diffContent(
          field,
          [before.folder, parseTracked(section, name, entryBefore)],
          [after.folder, parseTracked(section, name, entryAfter)],
          section === 'outputs' ? isVolatile : undefined,
        )
      parts.push(isResult ? withCause(part, 'outputs') : isDerived ? withCause(part, 'reported data') : part)
    }
  }
  return joinParts(parts)
}

/** Return a part with another cause than that of its section. */
function withCause({ differences, ...rest }: Part, cause: Cause): Part {
  return {
    ...rest,
    differences: differences.map((difference) => ({ ...difference, cause })),
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

type ContentOf = readonly [folder: string, content: Content]

async function diffContent(
  field: string,
  [folderBefore, before]: ContentOf,
  [folderAfter, after]: ContentOf,
  isVolatile: PathMatcher | undefined,
): Promise<Part> {
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
  const table = tableFact(before, after)
  if (table !== undefined) facts.push(table)
  const records = recordsFact(before, after)
  if (records !== undefined) facts.push(records)
  const isContent = 'kind' in before && 'kind' in after
  const inside = isContent
    ? await diffInside(
        field,
        { folder: folderBefore, content: before },
        { folder: folderAfter, content: after },
        isVolatile,
      )
    : NOTHING_INSIDE
  if (inside.omission !== '') facts.push(inside.omission)
  const detail = facts.length === 0 ? {} : { detail: facts.join(', ') }
  const difference = compareText(`${field}.digest`, ...digests).map((change) => ({ ...change, ...detail }))
  const rest = { notCompared: inside.notCompared }
  if (inside.isSame) {
    const leftOut = [{ field, reason: `every other part is the same; ${inside.omission}` }]
    return { differences: [], ...rest, leftOut }
  }
  return { differences: [...difference, ...inside.differences], ...rest }
}

/** The differences between the files and tensors of two items. */
interface Inside extends Part {
  /** True if only volatile parts of an output differ. */
  readonly isSame: boolean
  /** A sentence about volatile parts; empty if there are none. */
  readonly omission: string
}

const NOTHING_INSIDE: Inside = { ...NOTHING, isSame: false, omission: '' }

/** Compare the files of two folders, and the tensors of two outputs that are models. */
async function diffInside(
  field: string,
  before: RecordedSide,
  after: RecordedSide,
  isVolatile: PathMatcher | undefined,
): Promise<Inside> {
  const [contentBefore, contentAfter] = [before.content, after.content]
  if (contentBefore.kind === 'file' && contentAfter.kind === 'file') {
    if (isVolatile !== undefined && haveSameFields(contentBefore, contentAfter)) {
      const fields = (contentAfter.stableFields ?? []).map(({ path }) => path)
      return { ...NOTHING_INSIDE, isSame: true, omission: leftOutSentence({ files: [], fields }) }
    }
    const tensors = await diffOutputTensors(
      field,
      { ...before, content: contentBefore },
      { ...after, content: contentAfter },
    )
    const archive = await diffArchives(
      field,
      { ...before, content: contentBefore.archive },
      { ...after, content: contentAfter.archive },
    )
    return { ...NOTHING_INSIDE, ...joinParts([tensors, archive]) }
  }
  if (contentBefore.kind !== 'folder' || contentAfter.kind !== 'folder') return NOTHING_INSIDE
  const [folderBefore, folderAfter] = [
    { ...before, content: contentBefore },
    { ...after, content: contentAfter },
  ]
  const files = await compareRecordedFiles(folderBefore, folderAfter, isVolatile)
  const tensors = await diffOutputTensors(field, folderBefore, folderAfter)
  if (typeof files === 'string')
    return { ...NOTHING_INSIDE, ...joinParts([notCompared(`${field}.files`, files), tensors]) }
  const omission = leftOutSentence(files.leftOut)
  if (files.changes.length === 0) return { ...NOTHING_INSIDE, isSame: omission !== '', omission }
  const differences = fileDifferences(files.changes).flatMap(
    ({ field: path, before: digestBefore, after: digestAfter }) =>
      compareText(`${field}.files.${path}`, digestBefore, digestAfter),
  )
  const contentsBefore = await readContents(before.folder, contentBefore)
  const contentsAfter = await readContents(after.folder, contentAfter)
  for (const { path, pathAfter = path } of files.changes)
    for (const inside of compareContents(contentsBefore.get(path), contentsAfter.get(pathAfter))
      ?.differences ?? [])
      differences.push(...compareText(`${field}.files.${path}: ${inside.field}`, inside.before, inside.after))
  return { ...NOTHING_INSIDE, ...joinParts([{ differences, notCompared: [] }, tensors]), omission }
}

/** Compare the files in two archives. */
async function diffArchives(
  field: string,
  { folder: folderBefore, content: before }: RecordedSide<TrackedFile['archive']>,
  { folder: folderAfter, content: after }: RecordedSide<TrackedFile['archive']>,
): Promise<Part> {
  if (before === undefined || after === undefined) return NOTHING
  const files = await compareRecordedFiles(
    { folder: folderBefore, content: before },
    { folder: folderAfter, content: after },
    undefined,
  )
  if (typeof files === 'string') return notCompared(`${field}.archive`, files)
  const differences = fileDifferences(files.changes).flatMap(
    ({ field: path, before: digestBefore, after: digestAfter }) =>
      compareText(`${field}.archive.${path}`, digestBefore, digestAfter),
  )
  return { differences, notCompared: [] }
}

async function diffOutputTensors(
  field: string,
  before: RecordedSide<TrackedFile | TrackedFolder>,
  after: RecordedSide<TrackedFile | TrackedFolder>,
): Promise<Part> {
  const tensors = await compareRecordedTensors(before, after)
  return tensors === undefined ? NOTHING : diffLists(`${field}.tensors`, tensors.before, tensors.after)
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

/** Describe the difference of the records or splits; `undefined` if one of the runs recorded none. */
function recordsFact(before: Content, after: Content): string | undefined {
  const [sequenceBefore, sequenceAfter] = [before, after].map((content) =>
    'sequence' in content ? content.sequence : undefined,
  )
  if (sequenceBefore !== undefined && sequenceAfter !== undefined)
    return `the sequence of its records ${sequenceDifference(sequenceBefore, sequenceAfter)}`
  const [splitsBefore, splitsAfter] = [before, after].map((content) =>
    'splits' in content ? content.splits : undefined,
  )
  if (splitsBefore === undefined || splitsAfter === undefined) return undefined
  return splitsDifference(splitsBefore, splitsAfter)
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
  for (const name of ['architecture', 'weights', 'graph', 'pipeline', 'adapter', 'tokenizer'] as const) {
    const [digestBefore, digestAfter] = [before[1][name], after[1][name]]
    if (digestBefore === undefined && digestAfter === undefined) continue
    // Only files of ONNX have a graph: the same weights in another format are the same.
    if (name === 'graph' && (digestBefore === undefined || digestAfter === undefined)) continue
    if (name === 'adapter' && (digestBefore === undefined || digestAfter === undefined)) {
      parts.push(notCompared(`${field}.adapter`, 'the base of one of the adapters was not read'))
      continue
    }
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
    const tensors = await readTensorList(folder, entry)
    if (tensors === undefined) return notCompared(field, `the ${side} run has no tensor list`)
    lists.push(tensors)
  }
  return diffLists(field, lists[0] ?? [], lists[1] ?? [])
}

function diffLists(field: string, before: readonly RecordedTensor[], after: readonly RecordedTensor[]): Part {
  const changes = diffTensors(before, after)
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
