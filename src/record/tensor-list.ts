/**
 * The tensor list of a tracked model, in a separate file, so that a later check can name the tensor that
 * changed.
 */
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { parseStandardJson } from '../json/parse.ts'
import { ENGLISH } from '../util/schema.ts'
import { readRunFile } from './run-file.ts'
import type { Difference } from '../core/component.ts'
import type { TensorInfo } from '../model/read.ts'

/** Version of the file. */
export const TENSORS_SCHEMA = 'lineaprint/tensors/v1'

/** A tensor in its recorded form. */
export interface RecordedTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly digest: string
  /** Name of the file that contains it; absent if it was in memory. */
  readonly file?: string
}

const fileSchema = z.looseObject({
  schema: z.literal(TENSORS_SCHEMA),
  tensors: z.array(
    z.looseObject({
      name: z.string(),
      dtype: z.string(),
      shape: z.array(z.number()),
      digest: z.string(),
      file: z.exactOptional(z.string()),
    }),
  ),
})

/** Return the content of the file: JSON with one tensor per line. */
export function formatTensors(tensors: readonly TensorInfo[]): string {
  const lines = tensors.map(({ name, dtype, shape, digest, file }) =>
    JSON.stringify({ name, dtype, shape, digest, file }),
  )
  return `{"schema":"${TENSORS_SCHEMA}","tensors":[\n${lines.join(',\n')}\n]}\n`
}

/**
 * Parse the content of the file.
 *
 * @throws ERR_LINEAPRINT_RECORD if it is damaged.
 */
export function parseTensors(bytes: Uint8Array, path: string): readonly RecordedTensor[] {
  try {
    return fileSchema.parse(parseStandardJson(bytes, path), ENGLISH).tensors
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the tensor list is damaged', { path, cause })
  }
}

/**
 * Read the tensor list of a tracked item.
 *
 * @param folder The folder of the run.
 * @returns `undefined` if the run has none.
 * @throws ERR_LINEAPRINT_RECORD if it is damaged.
 */
export async function readTensorList(
  folder: string,
  { tensorsFile }: { readonly tensorsFile?: string },
): Promise<readonly RecordedTensor[] | undefined> {
  const file = await readRunFile(folder, tensorsFile, 'tensor list', 'tensorsFile')
  return file && parseTensors(file.bytes, file.path)
}

/** Return the tensors in which two lists differ, by name. */
export function compareTensors(
  before: readonly RecordedTensor[],
  after: readonly (TensorInfo | RecordedTensor)[],
): Difference[] {
  const unmatched = new Map(
    after.map(({ name, dtype, shape, digest }) => [name, { dtype, shape, digest: digest.toString() }]),
  )
  const differences: Difference[] = []
  for (const tensor of before) {
    const other = unmatched.get(tensor.name)
    unmatched.delete(tensor.name)
    const [textBefore, textAfter] = [describe(tensor), other && describe(other)]
    if (textBefore !== textAfter)
      differences.push({
        field: tensor.name,
        before: textBefore,
        ...(textAfter !== undefined && { after: textAfter }),
      })
  }
  for (const [name, tensor] of unmatched) differences.push({ field: name, after: describe(tensor) })
  return differences
}

function describe({ dtype, shape, digest }: Omit<RecordedTensor, 'name'>): string {
  return `${dtype} [${shape.join(', ')}] ${digest}`
}
