/**
 * Contents of the tables, arrays and models below a tracked output folder, in a file of the run's folder: other bytes
 * can have the same content, and a later check can name the column or tensor that changed.
 */
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { parseStandardJson } from '../json/parse.ts'
import { ENGLISH } from '../util/schema.ts'
import { readRunFile } from './run-file.ts'
import type { RecordedTensor } from './tensor-list.ts'
import type { RecordedTable } from './tracked.ts'

/** Version of the file. */
const SCHEMA = 'lineaprint/contents/v1'

/** The content of a file. */
export type FileContent =
  | { readonly kind: 'table'; readonly table: RecordedTable }
  /** A `.npy` file: its type and shape, and the plain digest of its data. */
  | { readonly kind: 'array'; readonly array: string; readonly digest: string }
  | {
      readonly kind: 'tensors'
      readonly tensors: readonly RecordedTensor[]
      /** There if the file holds something beside the tensors, which is not read. */
      readonly holdsMore?: true
    }

/** The contents of files by their paths below the folder. */
export type ContentList = ReadonlyMap<string, FileContent>

const tensor = z.looseObject({
  name: z.string(),
  dtype: z.string(),
  shape: z.array(z.number()),
  digest: z.string(),
  file: z.exactOptional(z.string()),
})

const table = z.looseObject({
  digest: z.string(),
  rows: z.number(),
  columns: z.array(z.looseObject({ name: z.string(), type: z.string(), digest: z.string() })),
})

const content = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('table'), table }),
  z.looseObject({ kind: z.literal('array'), array: z.string(), digest: z.string() }),
  z.looseObject({
    kind: z.literal('tensors'),
    tensors: z.array(tensor),
    holdsMore: z.exactOptional(z.literal(true)),
  }),
])

const fileSchema = z.looseObject({
  schema: z.literal(SCHEMA),
  files: z.array(z.looseObject({ path: z.string(), content })),
})

/** Return the names of all files, columns and tensors. */
export function* namesIn(contents: ContentList): Generator<{ readonly name: string }> {
  for (const [name, entry] of contents) {
    yield { name }
    if (entry.kind === 'table') yield* entry.table.columns
    if (entry.kind === 'tensors') yield* entry.tensors
  }
}

/** Return the content of the file: JSON with one file per line. */
export function formatContents(contents: ContentList): string {
  const lines = [...contents].map(([path, entry]) => JSON.stringify({ path, content: entry }))
  return `{"schema":"${SCHEMA}","files":[\n${lines.join(',\n')}\n]}\n`
}

/**
 * Read the contents that a run recorded of an output folder.
 *
 * @param folder The folder of the run.
 * @returns An empty list if the run has none.
 * @throws ERR_LINEAPRINT_RECORD if it is damaged.
 */
export async function readContents(
  folder: string,
  { contentsFile }: { readonly contentsFile?: string },
): Promise<ContentList> {
  const file = await readRunFile(folder, contentsFile, 'list of contents', 'contentsFile')
  if (file === undefined) return new Map()
  const { path, bytes } = file
  try {
    const { files } = fileSchema.parse(parseStandardJson(bytes, path), ENGLISH)
    return new Map(files.map((entry) => [entry.path, entry.content]))
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the list of contents is damaged', { path, cause })
  }
}
