/**
 * Track many short runs into a store that other processes write to as well, and print their ids.
 *
 * Arguments: folder of the store, number of runs, number of this process.
 */
import { LineaprintError } from '../../src/core/errors.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

/** The output of this program. */
export interface StoreReport {
  /** Ids of the runs that were finished. */
  readonly ids: readonly string[]
  /** Ids that all processes requested, and that this one got. */
  readonly won: readonly string[]
  /** Number of such ids that another process already had. */
  readonly refused: number
}

const [outputDir, runs, number] = process.argv.slice(2)
const ids: string[] = []
const won: string[] = []
let refused = 0

for (let index = 0; index < Number(runs); index++) {
  // Every tenth id is requested by all; every tenth run also writes the shared file `_latest.json`.
  const experimentId = index % 10 === 0 ? `shared-${index}` : undefined
  const saveToJson = index % 10 === 5
  const options = { ...NO_CAPTURES, outputDir, experimentId, saveToJson, experimentName: 'soak' }
  const tracker = new ExperimentTracker(options, { environment: {} })
  try {
    await tracker.startExperiment()
  } catch (error) {
    if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_RUN') throw error
    refused++
    continue
  }
  tracker.logMetric('process', Number(number), { step: index })
  await tracker.finishExperiment()
  ids.push(tracker.id)
  if (experimentId !== undefined) won.push(experimentId)
}
const report: StoreReport = { ids, won, refused }
process.stdout.write(JSON.stringify(report))
