/** Tracked datasets, models, tokenizers and outputs as a record holds them. Digests are in written form. */
import { listOf, number, objectOf, oneOf, optional, text } from '../json/read-fields.ts'
import type { WrittenDigests } from '../core/digest.ts'
import type { FieldParser } from '../json/read-fields.ts'
import type { TrackedRecord, TrackedSection } from './record.ts'

/** A column of a recorded table. */
export interface RecordedColumn {
  readonly name: string
  readonly type: string
  readonly digest: string
}

/** What a record keeps of the table in a file. */
export interface RecordedTable {
  readonly digest: string
  readonly rows: number
  readonly columns: readonly RecordedColumn[]
}

interface TrackedThing {
  readonly digest: string
  readonly digests?: WrittenDigests
}

/** A file. */
export interface TrackedFile extends TrackedThing {
  readonly kind: 'file'
  readonly path: string
  readonly bytes: number
  readonly table?: RecordedTable
  /** The list of its tensors, below the folder of the run; of an output that is a model. */
  readonly tensorsFile?: string
}

/** A folder. */
export interface TrackedFolder extends TrackedThing {
  readonly kind: 'folder'
  readonly path: string
  readonly bytes: number
  /** Regular files in it. */
  readonly files: number
  /** Folders in it that hold a file. */
  readonly folders: number
  readonly tensorsFile?: string
}

/** An array in memory. */
export interface TrackedArray extends TrackedThing {
  readonly kind: 'array'
  readonly path?: never
  readonly bytes: number
  readonly dtype: string
  readonly shape: readonly number[]
}

/** A dataset or an output. */
export type TrackedContent = TrackedFile | TrackedFolder | TrackedArray

/** A file of a model. */
export interface TrackedModelFile {
  readonly name: string
}

/** A model; without a path where it was in memory. */
export interface TrackedModel {
  readonly architecture: string
  readonly weights: string
  readonly tokenizer?: string
  readonly tree?: string
  readonly digests?: {
    readonly architecture?: WrittenDigests
    readonly weights?: WrittenDigests
    readonly tokenizer?: WrittenDigests
    readonly tree?: WrittenDigests
  }
  readonly path?: string
  readonly format?: string
  readonly tensorCount: number
  readonly parameters: number
  readonly bytes: number
  readonly files?: readonly TrackedModelFile[]
  /** The configuration file. */
  readonly config?: TrackedModelFile
  /** The list of its tensors, below the folder of the run. */
  readonly tensorsFile?: string
}

/** A tokenizer. */
export interface TrackedTokenizer extends TrackedThing {
  readonly path: string
  /** Names of the files that count. */
  readonly files?: readonly string[]
}

/** What each section of a record holds. */
export interface TrackedBySection {
  readonly datasets: TrackedContent
  readonly models: TrackedModel
  readonly tokenizers: TrackedTokenizer
  readonly outputs: TrackedContent
}

/** An entry of something that was read. */
export type TrackedEntry = Extract<TrackedRecord, { status: 'tracked' }>

const digests: FieldParser<WrittenDigests> = objectOf({ blake3: optional(text), sha256: optional(text) })

const table: FieldParser<RecordedTable> = objectOf({
  digest: text,
  rows: number,
  columns: listOf(objectOf({ name: text, type: text, digest: text })),
})

const THING = { digest: text, digests: optional(digests) }

const file: FieldParser<Omit<TrackedFile, 'kind'>> = objectOf({
  ...THING,
  path: text,
  bytes: number,
  table: optional(table),
  tensorsFile: optional(text),
})

const folder: FieldParser<Omit<TrackedFolder, 'kind'>> = objectOf({
  ...THING,
  path: text,
  bytes: number,
  files: number,
  folders: number,
  tensorsFile: optional(text),
})

const array: FieldParser<Omit<TrackedArray, 'kind' | 'path'>> = objectOf({
  ...THING,
  bytes: number,
  dtype: text,
  shape: listOf(number),
})

const content: FieldParser<TrackedContent> = (value, field) => {
  const { kind } = objectOf({ kind: oneOf(['file', 'folder', 'array']) })(value, field)
  if (kind === 'file') return { kind, ...file(value, field) }
  return kind === 'folder' ? { kind, ...folder(value, field) } : { kind, ...array(value, field) }
}

const modelFile: FieldParser<TrackedModelFile> = objectOf({ name: text })

const model: FieldParser<TrackedModel> = objectOf({
  architecture: text,
  weights: text,
  tokenizer: optional(text),
  tree: optional(text),
  digests: optional(
    objectOf({
      architecture: optional(digests),
      weights: optional(digests),
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
  config: optional(modelFile),
  tensorsFile: optional(text),
})

const tokenizer: FieldParser<TrackedTokenizer> = objectOf({
  ...THING,
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
 * @throws ERR_LINEAPRINT_RECORD naming the field that does not have the form it is recorded in.
 */
export function parseTracked<S extends TrackedSection>(
  section: S,
  name: string,
  entry: TrackedEntry,
): TrackedBySection[S] {
  return PARSERS[section](entry, `${section}.${name}`)
}

/** Return the path of an entry, also of one that could not be read; `undefined` for what was in memory. */
export function trackedPath(entry: TrackedRecord): string | undefined {
  return 'path' in entry && typeof entry.path === 'string' ? entry.path : undefined
}

/**
 * Return the digest in which two things of one content agree; of a model its architecture and weights.
 *
 * @throws What {@link parseTracked} throws.
 */
export function identityDigests(
  section: TrackedSection,
  name: string,
  entry: TrackedEntry,
): string | { readonly architecture: string; readonly weights: string } {
  if (section !== 'models') return parseTracked(section, name, entry).digest
  const { architecture, weights } = parseTracked(section, name, entry)
  return { architecture, weights }
}
