/** Tracked datasets, models, tokenizers and outputs in their recorded form. Digests are in written form. */
import { boolean, listOf, number, objectOf, oneOf, optional, text } from '../json/read-fields.ts'
import type { WrittenDigests } from '../core/digest.ts'
import type { FieldParser } from '../json/read-fields.ts'
import type { TrackedRecord, TrackedSection } from './record.ts'

/** A column of a recorded table. */
export interface RecordedColumn {
  readonly name: string
  readonly type: string
  readonly digest: string
}

/** The recorded part of the table in a file. */
export interface RecordedTable {
  /** The name of the table in a database, if it was chosen by its name. */
  readonly name?: string
  readonly digest: string
  readonly rows: number
  readonly columns: readonly RecordedColumn[]
}

/** The recorded part of a sequence of records. */
export interface RecordedSequence {
  readonly digest: string
  readonly records: number
}

/** The recorded part of what is in an archive. */
export interface RecordedArchive extends DigestedEntry {
  readonly format: string
  readonly bytes: number
  readonly files: number
  /** Path of the list of its files below the folder of the run, a manifest. */
  readonly filesFile?: string
}

/** The recorded part of a split of a dataset: its table, or its sequence of records. */
export interface RecordedSplit {
  readonly name: string
  readonly table?: RecordedTable
  readonly sequence?: RecordedSequence
}

/** The recorded part of the splits of a dataset. */
export interface RecordedSplits {
  readonly digest: string
  readonly list: readonly RecordedSplit[]
  /** Absent unless they were counted. */
  readonly leaks?: RecordedLeaks
}

/** The rows that are in several splits of a dataset, or several times in one. */
export interface RecordedLeaks {
  readonly splits: readonly { readonly name: string; readonly items: number; readonly duplicates: number }[]
  readonly pairs: readonly {
    readonly first: string
    readonly second: string
    readonly firstItems: number
    readonly secondItems: number
  }[]
}

/** A file of an output that has volatile fields, such as times, and the digest of all its other fields. */
export interface StableFields {
  /** Path below the output; the name of an output that is a file. */
  readonly path: string
  /** Plain digest of the canonical JSON of the other fields. */
  readonly digest: string
}

interface DigestedEntry {
  readonly digest: string
  readonly digests?: WrittenDigests
}

/** A file. */
export interface TrackedFile extends DigestedEntry {
  readonly kind: 'file'
  readonly path: string
  readonly bytes: number
  readonly table?: RecordedTable
  /** Its lines, records or samples. */
  readonly sequence?: RecordedSequence
  /** Its content, if it is an archive. */
  readonly archive?: RecordedArchive
  /** Weights digest of an output that is a model. */
  readonly weights?: string
  /** Path of the tensor list below the folder of the run; only for an output that is a model. */
  readonly tensorsFile?: string
  /** Path of the content of an array below the folder of the run; only for an output. */
  readonly contentsFile?: string
  readonly stableFields?: readonly StableFields[]
}

/** A folder. */
export interface TrackedFolder extends DigestedEntry {
  readonly kind: 'folder'
  readonly path: string
  readonly bytes: number
  /** Number of regular files in the folder. */
  readonly files: number
  /** Number of folders in it that hold a file. */
  readonly folders: number
  /** The table that its table files are; only for a dataset. */
  readonly table?: RecordedTable
  /** The records of its JSON lines; only for a dataset without tables. */
  readonly sequence?: RecordedSequence
  /** One table or sequence for each split that its files name; only for a dataset. */
  readonly splits?: RecordedSplits
  /** Weights digest of an output that is a model. */
  readonly weights?: string
  readonly tensorsFile?: string
  /** Path of the list of its files below the folder of the run, a manifest. */
  readonly filesFile?: string
  /** Path of the contents of its tables, arrays and models below the folder of the run; only for an output. */
  readonly contentsFile?: string
  readonly stableFields?: readonly StableFields[]
}

/** An array in memory. */
export interface TrackedArray extends DigestedEntry {
  readonly kind: 'array'
  readonly path?: never
  readonly bytes: number
  readonly dtype: string
  readonly shape: readonly number[]
}

/** An array of a group in memory. */
export interface RecordedArray {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly digest: string
}

/** A table, a sequence, a stream, splits or a group of arrays in memory. */
export interface TrackedMemory extends DigestedEntry {
  readonly kind: 'memory'
  readonly path?: never
  readonly bytes: number
  readonly table?: RecordedTable
  readonly sequence?: RecordedSequence
  readonly splits?: RecordedSplits
  readonly arrays?: readonly RecordedArray[]
}

/** A dataset or an output. */
export type TrackedContent = TrackedFile | TrackedFolder | TrackedArray | TrackedMemory

/** A file of a model. */
export interface TrackedModelFile {
  readonly name: string
}

/** A model; without a path if it was in memory. */
export interface TrackedModel {
  readonly architecture: string
  readonly weights: string
  /** Absent in records of earlier versions, and of models in memory. */
  readonly family?: string
  /** The computation of an ONNX file. */
  readonly graph?: string
  /** The components and the configuration of a pipeline of diffusers. */
  readonly pipeline?: string
  /** An adapter on its base. */
  readonly adapter?: string
  /** The base of an adapter, or the reason why it was not read. */
  readonly base?: TrackedBase
  readonly tokenizer?: string
  readonly tree?: string
  readonly digests?: {
    readonly architecture?: WrittenDigests
    readonly weights?: WrittenDigests
    readonly family?: WrittenDigests
    readonly graph?: WrittenDigests
    readonly pipeline?: WrittenDigests
    readonly adapter?: WrittenDigests
    readonly tokenizer?: WrittenDigests
    readonly tree?: WrittenDigests
  }
  readonly path?: string
  readonly format?: string
  readonly tensorCount: number
  readonly parameters: number
  readonly bytes: number
  readonly files?: readonly TrackedModelFile[]
  /** The name that chose among several weights of the folder. */
  readonly selectedWeights?: string
  /** True if all weights were written after the start of the run. */
  readonly producedByRun?: boolean
  /** The configuration file; of a model in memory what was given in its place. */
  readonly config?: TrackedModelFile
  /** Facts to know of the digests. */
  readonly remarks?: readonly string[]
  /** Names of parts of a model in memory that no digest covers, up to a limit. */
  readonly ignored?: readonly string[]
  readonly ignoredCount?: number
  /** Path of the tensor list below the folder of the run. */
  readonly tensorsFile?: string
  /** Paths of its description, as text and as JSON, below the folder of the run. */
  readonly descriptionFiles?: readonly string[]
}

/** The base of an adapter. */
export type TrackedBase =
  | {
      readonly status: 'bound'
      readonly label?: string
      readonly path: string
      readonly architecture: string
      readonly weights: string
    }
  | { readonly status: 'not-checked'; readonly label?: string; readonly reason: string }

/** A tokenizer. */
export interface TrackedTokenizer extends DigestedEntry {
  readonly path: string
  /** Names of the files that the digest covers. */
  readonly files?: readonly string[]
}

/** The type of the entries of each section of a record. */
export interface TrackedBySection {
  readonly datasets: TrackedContent
  readonly models: TrackedModel
  readonly tokenizers: TrackedTokenizer
  readonly outputs: TrackedContent
}

/** An entry whose content was read. */
export type TrackedEntry = Extract<TrackedRecord, { status: 'tracked' }>

const digests: FieldParser<WrittenDigests> = objectOf({ blake3: optional(text), sha256: optional(text) })

const table: FieldParser<RecordedTable> = objectOf({
  name: optional(text),
  digest: text,
  rows: number,
  columns: listOf(objectOf({ name: text, type: text, digest: text })),
})

const sequence: FieldParser<RecordedSequence> = objectOf({ digest: text, records: number })

const archive: FieldParser<RecordedArchive> = objectOf({
  digest: text,
  digests: optional(digests),
  format: text,
  bytes: number,
  files: number,
  filesFile: optional(text),
})

const splits: FieldParser<RecordedSplits> = objectOf({
  digest: text,
  list: listOf(objectOf({ name: text, table: optional(table), sequence: optional(sequence) })),
  leaks: optional(
    objectOf({
      splits: listOf(objectOf({ name: text, items: number, duplicates: number })),
      pairs: listOf(objectOf({ first: text, second: text, firstItems: number, secondItems: number })),
    }),
  ),
})

const stableFields: FieldParser<readonly StableFields[]> = listOf(objectOf({ path: text, digest: text }))

const DIGESTS = { digest: text, digests: optional(digests) }

const file: FieldParser<Omit<TrackedFile, 'kind'>> = objectOf({
  ...DIGESTS,
  path: text,
  bytes: number,
  table: optional(table),
  sequence: optional(sequence),
  archive: optional(archive),
  weights: optional(text),
  tensorsFile: optional(text),
  contentsFile: optional(text),
  stableFields: optional(stableFields),
})

const folder: FieldParser<Omit<TrackedFolder, 'kind'>> = objectOf({
  ...DIGESTS,
  path: text,
  bytes: number,
  files: number,
  folders: number,
  table: optional(table),
  sequence: optional(sequence),
  splits: optional(splits),
  weights: optional(text),
  tensorsFile: optional(text),
  filesFile: optional(text),
  contentsFile: optional(text),
  stableFields: optional(stableFields),
})

const array: FieldParser<Omit<TrackedArray, 'kind' | 'path'>> = objectOf({
  ...DIGESTS,
  bytes: number,
  dtype: text,
  shape: listOf(number),
})

const memory: FieldParser<Omit<TrackedMemory, 'kind' | 'path'>> = objectOf({
  ...DIGESTS,
  bytes: number,
  table: optional(table),
  sequence: optional(sequence),
  splits: optional(splits),
  arrays: optional(listOf(objectOf({ name: text, dtype: text, shape: listOf(number), digest: text }))),
})

const content: FieldParser<TrackedContent> = (value, field) => {
  const { kind } = objectOf({ kind: oneOf(['file', 'folder', 'array', 'memory']) })(value, field)
  if (kind === 'file') return { kind, ...file(value, field) }
  if (kind === 'memory') return { kind, ...memory(value, field) }
  return kind === 'folder' ? { kind, ...folder(value, field) } : { kind, ...array(value, field) }
}

const modelFile: FieldParser<TrackedModelFile> = objectOf({ name: text })

const base: FieldParser<TrackedBase> = (value, field) => {
  const { status } = objectOf({ status: oneOf(['bound', 'not-checked']) })(value, field)
  const label = optional(text)
  return status === 'bound'
    ? { status, ...objectOf({ label, path: text, architecture: text, weights: text })(value, field) }
    : { status, ...objectOf({ label, reason: text })(value, field) }
}

const model: FieldParser<TrackedModel> = objectOf({
  architecture: text,
  weights: text,
  family: optional(text),
  graph: optional(text),
  pipeline: optional(text),
  adapter: optional(text),
  base: optional(base),
  tokenizer: optional(text),
  tree: optional(text),
  digests: optional(
    objectOf({
      architecture: optional(digests),
      weights: optional(digests),
      family: optional(digests),
      graph: optional(digests),
      pipeline: optional(digests),
      adapter: optional(digests),
      tree: optional(digests),
      tokenizer: optional(digests),
    }),
  ),
  path: optional(text),
  format: optional(text),
  tensorCount: number,
  parameters: number,
  bytes: number,
  files: optional(listOf(modelFile)),
  selectedWeights: optional(text),
  producedByRun: optional(boolean),
  config: optional(modelFile),
  remarks: optional(listOf(text)),
  ignored: optional(listOf(text)),
  ignoredCount: optional(number),
  tensorsFile: optional(text),
  descriptionFiles: optional(listOf(text)),
})

const tokenizer: FieldParser<TrackedTokenizer> = objectOf({
  ...DIGESTS,
  path: text,
  files: optional(listOf(text)),
})

const PARSERS: { readonly [S in TrackedSection]: FieldParser<TrackedBySection[S]> } = {
  datasets: content,
  models: model,
  tokenizers: tokenizer,
  outputs: content,
}

/**
 * Parse an entry of a section.
 *
 * @param name Its name in that section, for errors.
 * @throws ERR_LINEAPRINT_RECORD naming the field whose recorded form is damaged.
 */
export function parseTracked<S extends TrackedSection>(
  section: S,
  name: string,
  entry: TrackedEntry,
): TrackedBySection[S] {
  return PARSERS[section](entry, `${section}.${name}`)
}

/** Return the path of an entry, even if it could not be read; `undefined` for an entry in memory. */
export function trackedPath(entry: TrackedRecord): string | undefined {
  return 'path' in entry && typeof entry.path === 'string' ? entry.path : undefined
}

/**
 * Return the digest that entries with equal content share; for a model, the digests of its architecture and
 * weights, and that of a pipeline.
 *
 * @throws The errors of {@link parseTracked}.
 */
export function identityDigests(
  section: TrackedSection,
  name: string,
  entry: TrackedEntry,
): string | ModelIdentity {
  if (section !== 'models') return parseTracked(section, name, entry).digest
  const { architecture, weights, pipeline } = parseTracked(section, name, entry)
  return { architecture, weights, ...(pipeline !== undefined && { pipeline }) }
}

/** The digests that models with equal content share. */
export interface ModelIdentity {
  readonly architecture: string
  readonly weights: string
  /** Only of a pipeline. */
  readonly pipeline?: string
}

/**
 * Return every digest by which equal content of another run is recognised: those of {@link identityDigests}, and those of
 * the table, the records, the splits, the content of the archive or the weights in it.
 *
 * @throws The errors of {@link parseTracked}.
 */
export function contentDigests(section: TrackedSection, name: string, entry: TrackedEntry): string[] {
  const identity = identityDigests(section, name, entry)
  const all = typeof identity === 'string' ? [identity] : Object.values<string>({ ...identity })
  if (section !== 'datasets' && section !== 'outputs') return all
  const parsed = parseTracked(section, name, entry)
  if (parsed.kind === 'array') return all
  const { table: inTable, sequence: inSequence } = parsed
  const weights = parsed.kind === 'memory' ? undefined : parsed.weights
  const inArchive = parsed.kind === 'file' ? parsed.archive?.digest : undefined
  const inSplits = parsed.kind === 'file' ? undefined : parsed.splits?.digest
  const more = [inTable?.digest, inSequence?.digest, inSplits, inArchive, weights]
  return [...new Set([...all, ...more.filter((digest) => digest !== undefined)])]
}
