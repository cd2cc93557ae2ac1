/** Files of a model that are pointers, error pages or archives. */
import { LineaprintError } from '../core/errors.ts'
import { disguiseOfFile } from '../util/disguised.ts'

/**
 * Refuse files that are not what their names say.
 *
 * @param options `archives` false: an archive is no reason, because its members say what it is.
 * @throws ERR_LINEAPRINT_FORMAT naming the first of them and the remedy.
 */
export async function refuseDisguised(
  paths: readonly string[],
  expected: string,
  { archives = true }: { readonly archives?: boolean } = {},
): Promise<void> {
  for (const path of paths) {
    const disguise = await disguiseOfFile(path)
    if (disguise === undefined || (!archives && disguise.isArchive)) continue
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `this is ${disguise.what}, not what its name says`, {
      path,
      expected,
      received: disguise.what,
      hint: disguise.remedy,
    })
  }
}

/**
 * Do `work` on files while they are looked at, and refuse those that are not what their names say, however the work ends.
 *
 * @throws The error of {@link refuseDisguised} before that of the work; but the reason of the signal before both.
 */
export async function unlessDisguised<T>(
  paths: readonly string[],
  expected: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const refusal = refuseDisguised(paths, expected, { archives: false })
  // If the work fails first, the refusal is awaited later.
  refusal.catch(() => undefined)
  try {
    const result = await work()
    await refusal
    return result
  } catch (cause) {
    if (!signal?.aborted) await refusal
    throw cause
  }
}
