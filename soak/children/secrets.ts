/**
 * A program that uses the tracker of the library, for the round `secrets`.
 *
 * Arguments: path of a plan, folder of the store, and `keep` to keep secrets.
 */
import { readFileSync } from 'node:fs'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'

/** Values that the program reports. */
export interface LibraryPlan {
  readonly name: string
  readonly tags: readonly string[]
  readonly notes: string
  readonly given: Readonly<Record<string, unknown>>
  readonly metadata: readonly Readonly<Record<string, unknown>>[]
  readonly metrics: readonly string[]
  readonly digests: readonly string[]
  readonly datasets: readonly string[]
}

const [path = '', outputDir = '', mode] = process.argv.slice(2)
const plan = JSON.parse(readFileSync(path, 'utf8')) as LibraryPlan
const tracker = new ExperimentTracker({
  outputDir,
  experimentName: plan.name,
  notes: plan.notes,
  metadata: plan.given,
  redact: mode !== 'keep',
  saveToJson: true,
  saveToYaml: true,
  saveToWandb: true,
})
await tracker.startExperiment()
tracker.addTags([...plan.tags])
for (const values of plan.metadata) tracker.addMetadata(values)
for (const name of plan.metrics) tracker.logMetric(name, 1)
for (const name of plan.digests) await tracker.logDigest(name, new Float32Array([1, 2]))
for (const name of plan.datasets) await tracker.trackDataset(new Float32Array([3, 4]), name)
await tracker.finishExperiment()
