/**
 * Track a run without end and print the number of the last event that is on disk, until the process is
 * killed.
 *
 * Arguments: folder of the store, id of the run, number of events after which the run is finished, `early`
 * for the control: it reports an event as on disk when it was only queued.
 */
import { writeSync } from 'node:fs'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

const [outputDir, experimentId, last, early] = process.argv.slice(2)
const tracker = new ExperimentTracker({ ...NO_CAPTURES, outputDir, experimentId }, { environment: {} })

/** Write directly to the pipe, so that the line survives a kill of this process. */
function printLine(word: string | number): void {
  for (;;) {
    try {
      writeSync(1, `${word}\n`)
      return
    } catch (error) {
      // The pipe is full until the other side reads.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

printLine('ready')
await tracker.startExperiment()
printLine(0)
for (let event = 1; event <= Number(last); event++) {
  tracker.logMetric('event', event)
  if (event % 7 === 0) tracker.setNotes(`notes ${event} ${'x'.repeat(event % 5000)}`)
  if (event % 11 === 0) tracker.addTags(`tag ${event % 50}`)
  if (early === 'early') printLine(event)
  else if (event % 5 === 0) {
    await tracker.flush()
    printLine(event)
  }
}
await tracker.finishExperiment()
printLine('finished')
