/** Comparison of two folders whose digests differ, file by file. */
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { hashTree } from '../../hash/tree.ts'
import { compareFiles, compareWeights } from '../../compare/tensor-files.ts'
import type { Difference } from '../../core/component.ts'
import type { FileVerdict, Tolerance } from '../../compare/file-verdict.ts'
import type { ReproduceVerdict } from '../types.ts'

/** Verdicts from best to worst. The verdict of a folder is that of its worst file. */
const ORDER: readonly ReproduceVerdict[] = [
  'same',
  'same-tensors',
  'same-table',
  'within-tolerance',
  'different',
]

/** Compare two folders whose digests differ. */
export async function compareFolders(
  before: string,
  after: string,
  options: Tolerance,
): Promise<FileVerdict> {
  const changed = changedFiles(await list(before, options), await list(after, options))
  if (changed.length === 0)
    return { verdict: 'different', detail: 'the folder digests differ, but no file does', differences: [] }
  if (changed.every(({ field }) => WEIGHTS.test(field))) {
    // The same tensors in other shards are other files, but the same model.
    const model = await compareWeights(before, after, options)
    if (!LineaprintError.is(model)) return model
  }
  return byFile(before, after, changed, options)
}

/** Files at the top of a folder that belong to the weights of a model. */
const WEIGHTS = /^[^/]+\.safetensors(?:\.index\.json)?$/

async function byFile(
  before: string,
  after: string,
  changed: readonly Difference[],
  options: Tolerance,
): Promise<FileVerdict> {
  let verdict: ReproduceVerdict = 'same'
  let largest: number | undefined
  const details: string[] = []
  for (const { field, before: digestBefore, after: digestAfter } of changed) {
    const result: FileVerdict =
      digestBefore === undefined || digestAfter === undefined
        ? { verdict: 'different', detail: digestBefore === undefined ? 'new' : 'gone', differences: [] }
        : await compareFiles(join(before, field), join(after, field), options)
    if (ORDER.indexOf(result.verdict) > ORDER.indexOf(verdict)) verdict = result.verdict
    if (result.maxDifference !== undefined) largest = Math.max(largest ?? 0, result.maxDifference)
    details.push(`${field}: ${result.detail}`)
  }
  const more = details.length > 3 ? `; and ${details.length - 3} more files` : ''
  const detail = `${details.slice(0, 3).join('; ')}${more}`
  return { verdict, detail, differences: changed, ...(largest !== undefined && { maxDifference: largest }) }
}

function changedFiles(
  filesBefore: ReadonlyMap<string, string>,
  filesAfter: ReadonlyMap<string, string>,
): Difference[] {
  return [...new Set([...filesBefore.keys(), ...filesAfter.keys()])].flatMap((field) => {
    const [before, after] = [filesBefore.get(field), filesAfter.get(field)]
    if (before === after) return []
    return [{ field, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }]
  })
}

async function list(folder: string, { signal }: Tolerance): Promise<Map<string, string>> {
  const { entries = [] } = await hashTree(folder, { list: true, signal })
  return new Map(entries.map(({ path, digests }) => [path, String(digests.blake3)]))
}
