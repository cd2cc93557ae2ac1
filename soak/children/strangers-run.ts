/**
 * Track a run with every kind of event and end without finishing it.
 *
 * Arguments: folder of the store, id of the run.
 */
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

const [outputDir, experimentId] = process.argv.slice(2)
const tracker = new ExperimentTracker({ ...NO_CAPTURES, outputDir, experimentId }, { environment: {} })
await tracker.startExperiment()
tracker.setNotes('notes')
tracker.addTags('tag')
tracker.addMetadata({ key: 'value', list: [1, { a: null }] })
for (let step = 0; step < 20; step++) tracker.logMetric('loss', step % 7 === 0 ? NaN : 1 / step, { step })
await tracker.flush()
process.kill(process.pid, 'SIGKILL')
