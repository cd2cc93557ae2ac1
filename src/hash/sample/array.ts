/** Samples of typed arrays. */
import { setImmediate } from 'node:timers/promises'
import { native } from '../../native/load.ts'
import { checkAlgorithm } from '../../core/options.ts'
import { sampleDigests } from './digests.ts'
import { toNativePlan } from './options.ts'
import { SampleReport } from './report.ts'
import { ProgressListener } from '../../core/progress.ts'
import { stableBytes, unchanged } from '../bytes.ts'
import type { Digests } from '../../core/digest.ts'
import type { HashOptions } from '../../core/options.ts'
import type { SamplePlan } from '../../core/sample-plan.ts'

/**
 * Gather and hash the chosen elements of an array, in steps; other callbacks run in between.
 *
 * @param bytes The elements, little-endian, uncopied on a little-endian machine.
 * @param width Bytes per element.
 * @returns `undefined` if the plan reads everything: the digest is then the ordinary one.
 */
export async function sampleElements(
  bytes: Uint8Array,
  width: number,
  about: { readonly dtype: string; readonly shape: readonly number[] },
  plan: SamplePlan,
  options: HashOptions,
): Promise<{ readonly digests: Digests; readonly sample: SampleReport } | undefined> {
  const { signal, onProgress } = options
  const algorithm = checkAlgorithm(options.algorithm)
  const length = bytes.byteLength
  const sampler = new native.NativeArraySample(toNativePlan(plan), algorithm, length, width)
  const extent = sampler.extent()
  if (extent === null) return undefined
  const listener = new ProgressListener(onProgress)
  const read = stableBytes(bytes)
  for (let done = 0; done < extent.bytesRead;) {
    if (done > 0) await setImmediate()
    signal?.throwIfAborted()
    // Check the bytes again: JavaScript may have resized or transferred them between the steps.
    unchanged(bytes, length)
    done = sampler.step(read())
    listener.report({ bytesDone: done, bytesTotal: extent.bytesRead, filesDone: 0, filesTotal: 0 })
    listener.throwIfFailed()
  }
  await listener.end()
  const raw = sampler.finish(about.dtype, [...about.shape])
  return {
    digests: sampleDigests('tensor', plan, extent, raw),
    sample: new SampleReport('tensor', extent),
  }
}
