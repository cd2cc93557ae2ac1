/** Comparison of the candidates of one folder, before one of them is read as the model. */
import { primary, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { runJob } from '../native/job.ts'
import { LineaprintError } from '../core/errors.ts'
import { dtypeOf, shapeOf } from './columns.ts'
import type { JobOptions } from '../core/options.ts'
import type { NativeModel } from '../native/load.ts'
import type { Candidate } from './candidates.ts'

/**
 * Check whether all candidates hold the same named tensors with the same bits.
 *
 * Cost: one read of each candidate if the headers of all are equal, otherwise one of the headers.
 *
 * @returns False also if one of them is incomplete or cannot be read as a model: the caller has to choose.
 */
export async function haveEqualWeights(
  candidates: readonly Candidate[],
  options: JobOptions,
): Promise<boolean> {
  if (candidates.some(({ missing }) => missing.length > 0)) return false
  try {
    return (
      (await allEqual(candidates, async (candidate) =>
        headersOf(await read(candidate, 'headers', options)),
      )) &&
      (await allEqual(candidates, async (candidate) => weightsOf(await read(candidate, 'tensors', options))))
    )
  } catch (error) {
    options.signal?.throwIfAborted()
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_FORMAT') return false
    throw error
  }
}

async function allEqual(
  candidates: readonly Candidate[],
  textOf: (candidate: Candidate) => Promise<string>,
): Promise<boolean> {
  let first: string | undefined
  for (const candidate of candidates) {
    const text = await textOf(candidate)
    if (text !== (first ??= text)) return false
  }
  return true
}

function read(
  { weights, index }: Candidate,
  parts: 'headers' | 'tensors',
  { signal, threads }: JobOptions,
): Promise<NativeModel> {
  const reading = { kind: 'full', parts } as const
  const wanted = { algorithm: 'blake3', lenient: false, reading, ...(index && { index }) } as const
  return runJob({ signal, threads }, (job, count) => native.readModel(job, [...weights], wanted, count))
}

function headersOf({ shards }: NativeModel): string {
  const tensors = shards.flatMap((shard) =>
    shard.names.map((name, index) => JSON.stringify([name, dtypeOf(shard, index), shapeOf(shard, index)])),
  )
  return tensors.toSorted().join('\n')
}

function weightsOf({ weights }: NativeModel): string {
  return weights.kind === 'listed' ? '' : primary(toDigests(weights.digests, 'weights')).toString()
}
