/** The options of a run that readers of its record need. */
import { oneOf, optional, parseMembers, text } from '../json/read-fields.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { RunRecord } from './record.ts'

const algorithm = optional(oneOf(['blake3', 'sha256', 'both']))

/**
 * Return the hash function that a run used.
 *
 * @throws ERR_LINEAPRINT_RECORD for an unknown one.
 */
export function recordedAlgorithm({ configuration }: Pick<RunRecord, 'configuration'>): AlgorithmChoice {
  return parseMembers({ algorithm }, configuration, '').algorithm ?? 'blake3'
}

/**
 * Return the folder that held the store of a run when it was recorded.
 *
 * @throws ERR_LINEAPRINT_RECORD if the record does not have it.
 */
export function recordedOutputDir({ configuration }: Pick<RunRecord, 'configuration'>): string {
  return parseMembers({ outputDir: text }, configuration, '').outputDir
}
