/** Inputs that the run also declares as outputs, and copies of them. */
import { basename } from 'node:path'
import { keptCopyOf } from '../../record/overwritten.ts'
import { CHANGED, failedCopy, keepFiles, recordCopy, sizeOf } from '../kept/keep.ts'
import { fingerprintOrWarn, labelOf, overwrittenBy } from './flags.ts'
import { nameList } from '../../util/name-list.ts'
import { TOKENIZER_FILES } from '../../model/tokenizer.ts'
import type { ModelReport } from '../../model/report.ts'
import type { KeptCopy } from '../../record/overwritten.ts'
import type { KeepRequest } from '../kept/keep.ts'
import type { RunWriter } from '../run-writer.ts'
import type { InputSnapshot } from './input-snapshots.ts'

/** Most bytes of the copies of one kind that a run keeps. */
const BYTES = 64 * 2 ** 30

/**
 * Keep a copy of each input that an announced output will write over. An input that cannot be copied is a warning and
 * stops nothing.
 */
export async function keepOverwritten(writer: RunWriter, signal: AbortSignal | undefined): Promise<void> {
  let total = 0
  for (const input of writer.snapshots.inputs) {
    const { section, name, path } = input
    const entry = writer.state.tracked[section].get(name)
    if (entry?.status !== 'tracked' || overwrittenBy(writer, path) === undefined) continue
    if (keptCopyOf(section, name, entry)?.status === 'kept') continue
    const limit = BYTES - total
    const make = (): Promise<KeptCopy> => keepInput(writer, input, signal, { limit })
    const copy = await recordCopy(writer, { section, name }, labelOf(input), make, signal)
    if (copy.status === 'kept') total += sizeOf(copy.files)
  }
}

/**
 * Keep a copy of a model: its weights, its configuration, its tokenizer and the shard index. The other files of its
 * folder are not copied.
 *
 * Each copy is hashed, and the model must be as it was before it was digested. So the copy is what the digests of the
 * model stand for.
 *
 * @returns The digests of the copies, or the reason why there are none.
 */
export async function keepModel(
  writer: RunWriter,
  input: Omit<InputSnapshot, 'recheck'>,
  report: ModelReport,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  const weights = new Set(report.files.map(({ name }) => name))
  const isPart = (path: string): boolean => weights.has(path) || isModelText(path)
  const copy = await keepInput(writer, input, signal, { limit: BYTES, isPart })
  if (copy.status === 'failed') return copy
  const copied = new Set(copy.files.map(({ path }) => (path === '' ? basename(input.path) : path)))
  const missing = [...weights].filter((name) => !copied.has(name))
  return missing.length === 0
    ? copy
    : failedCopy(`these weights are not below its path: ${nameList(missing)}`)
}

/** Keep a copy of an input, which must be as it was before it was digested. */
export async function keepInput(
  writer: RunWriter,
  input: Omit<InputSnapshot, 'recheck'>,
  signal: AbortSignal | undefined,
  limits: Pick<KeepRequest, 'limit' | 'isPart'>,
): Promise<KeptCopy> {
  const check = async (): Promise<string | undefined> => {
    const after = await fingerprintOrWarn(writer, labelOf(input), input.path)
    return after?.status === 'present' && after.text === input.before.text ? undefined : CHANGED
  }
  return keepFiles(writer, { path: input.path, ...limits, check }, signal)
}

/** Check whether a file below a model, or below a component of a pipeline, is text that belongs to it. */
function isModelText(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return (
    name.endsWith('.json') ||
    name.endsWith('.tiktoken') ||
    TOKENIZER_FILES.includes(name) ||
    name.endsWith('.jinja')
  )
}
