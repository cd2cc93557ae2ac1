/** Files of a model that are pointers, error pages or archives. */
import { LineaprintError } from '../core/errors.ts'
import { disguiseOfFile } from '../util/disguised.ts'

/**
 * Refuse files that are not what their names say.
 *
 * @throws ERR_LINEAPRINT_FORMAT naming the first of them and the remedy.
 */
export async function refuseDisguised(paths: readonly string[], expected: string): Promise<void> {
  for (const path of paths) {
    const disguise = await disguiseOfFile(path)
    if (disguise === undefined) continue
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `this is ${disguise.what}, not what its name says`, {
      path,
      expected,
      received: disguise.what,
      hint: disguise.remedy,
    })
  }
}
