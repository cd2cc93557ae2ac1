/** The run that a run continues. */
import { storeIn } from '../store/store.ts'
import type { Configuration } from '../config/options.ts'

/**
 * Return the id of the run that the option `continues` names; `undefined` without it.
 *
 * @throws ERR_LINEAPRINT_RUN if no run matches, AMBIGUOUS if several do.
 */
export async function continuedRun({ continues, outputDir }: Configuration): Promise<string | undefined> {
  if (continues === undefined) return undefined
  // Loaded on demand: most runs look up no other run.
  const { findRun } = await import('../database/runs.ts')
  return (await findRun(storeIn(outputDir), continues)).id
}
