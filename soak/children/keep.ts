/**
 * Track runs that keep an output, one after the other and for ever. Print a line for each copy that is acknowledged.
 *
 * Arguments: folder of the store, seed, folder for outputs, and `early` for the control, which takes no lease.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { keepObject } from '../../src/store/objects/write.ts'
import { storeIn } from '../../src/store/store.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

/** Number of different contents. Few, so that writers often find one that is about to be removed. */
const CONTENTS = 40

/** Runs of a process that have not ended. */
const OPEN = 3

const open: ExperimentTracker[] = []
const [folder = '', seedText, own = '', mode] = process.argv.slice(2)
const random = new Generator(Number(seedText))
const path = join(own, 'output')
process.stdout.write('ready\n')
for (;;) {
  const tracker = new ExperimentTracker({ ...NO_CAPTURES, outputDir: folder }, { environment: {} })
  await tracker.startExperiment()
  const content = random.integer(0, CONTENTS - 1)
  writeFileSync(path, `content ${content} `.repeat(500 * (content + 1)))
  if (mode === 'early') await keepEarly(tracker)
  else await tracker.trackOutput(path, 'output', { keep: true })
  process.stdout.write(`kept ${tracker.id}\n`)
  // The last runs go on while others are made and collections pass.
  open.push(tracker)
  if (open.length > OPEN) await finish(open.shift())
  await setTimeout(random.integer(0, 20))
}

/** End a run. The round can remove it as soon as its record is in place, before that is flushed to the disk. */
async function finish(tracker: ExperimentTracker | undefined): Promise<void> {
  try {
    await tracker?.finishExperiment()
  } catch (error) {
    if (tracker === undefined || existsSync(join(storeIn(folder).runs, tracker.id))) throw error
  }
}

/** Keep a file and name it a while after that, as a writer would that knows no leases. */
async function keepEarly(tracker: ExperimentTracker): Promise<void> {
  const { digests, size } = await keepObject(storeIn(folder), path, { algorithm: 'blake3' })
  await setTimeout(random.integer(0, 40))
  tracker.addMetadata({ early: { digest: String(digests.blake3), size } })
  await tracker.flush()
}
