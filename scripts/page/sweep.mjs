// 200 runs in a store of lineaprint, and the same runs in a server of MLflow: what scripts/page/tasks.mjs looks at.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExperimentTracker } from '../../dist/index.js'
import { startMlflow } from '../mlflow.mjs'

/** Number of finished runs. */
const RUNS = 200

/** Return the runs: each has other parameters, and one is the best. */
function sweep() {
  return Array.from({ length: RUNS }, (_, index) => {
    const lr = [0.001, 0.003, 0.01, 0.03, 0.1][index % 5]
    const layers = 2 + (index % 4)
    const accuracy = 0.7 + 0.2 * Math.abs(Math.sin(index * 12.9898))
    return {
      name: `run ${index}`,
      lr,
      layers,
      accuracy: index === 137 ? 0.97 : accuracy,
      data: index < 100 ? 'a' : 'b',
    }
  })
}

/** Return a model of safetensors with three numbers. */
function modelOf({ lr, layers, accuracy }) {
  const header = Buffer.from('{"weights":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, Buffer.from(Float32Array.of(lr, layers, accuracy).buffer)])
}

/** Steps of each run. */
const STEPS = 20

function valueAt(accuracy, step) {
  return accuracy * (1 - Math.exp(-(step + 1) / 4))
}

/** Record the runs. @returns The ids by the names of the runs, and what ends the one that goes on. */
export async function recordSweep(folder) {
  mkdirSync(join(folder, 'data'), { recursive: true })
  for (const name of ['a', 'b'])
    writeFileSync(
      join(folder, `data/${name}.csv`),
      `x,y\n${Array.from({ length: 50 }, (_, row) => `${row},${row * (name === 'a' ? 2 : 3)}`).join('\n')}\n`,
    )
  const ids = new Map()
  const start = async (name, { lr, layers, data }) => {
    const tracker = new ExperimentTracker(
      {
        outputDir: folder,
        experimentName: 'sweep',
        runName: name,
        enableEnvironmentTracking: false,
        enableGitTracking: false,
        enableSeedTracking: false,
        keep: { outputs: true },
        metadata: { lr, layers },
      },
      { directory: folder },
    )
    await tracker.startExperiment()
    await tracker.trackDataset(join(folder, `data/${data}.csv`), 'train')
    return tracker
  }
  for (const run of sweep()) {
    const tracker = await start(run.name, run)
    for (let step = 0; step < STEPS; step++)
      tracker.logMetric('accuracy', valueAt(run.accuracy, step), { step })
    const path = join(folder, 'model.safetensors')
    writeFileSync(path, modelOf(run))
    await tracker.trackOutput(path, 'model')
    await tracker.finishExperiment()
    ids.set(run.name, tracker.runDirectory.split(/[/\\]/).at(-1))
  }
  const live = await start('goes on', { lr: 0.5, layers: 9, data: 'b' })
  live.logMetric('accuracy', 0.2, { step: 0 })
  await live.flush()
  ids.set('goes on', live.runDirectory.split(/[/\\]/).at(-1))
  return { ids, end: async () => live.finishExperiment() }
}

/** Start a server of MLflow with the same runs. @returns Its address, the id of the experiment, and what stops it. */
export async function startSweep(folder) {
  const { url: address, stop } = await startMlflow(folder)
  const post = async (path, body) => {
    const response = await fetch(`${address}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`MLflow: ${path}: ${await response.text()}`)
    return response.json()
  }
  const { experiment_id: experiment } = await post('experiments/create', { name: 'sweep' })
  const log = async ({ name, lr, layers, accuracy, data }, isFinished) => {
    const now = Date.now()
    const { run } = await post('runs/create', { experiment_id: experiment, run_name: name, start_time: now })
    const { run_id: id, artifact_uri: place } = run.info
    const steps = isFinished ? STEPS : 1
    await post('runs/log-batch', {
      run_id: id,
      params: [
        { key: 'lr', value: String(lr) },
        { key: 'layers', value: String(layers) },
      ],
      metrics: Array.from({ length: steps }, (_, step) => ({
        key: 'accuracy',
        value: valueAt(accuracy, step),
        step,
        timestamp: now + step,
      })),
    })
    const dataset = {
      name: `${data}.csv`,
      digest: `digest-${data}`,
      source_type: 'local',
      source: `data/${data}.csv`,
    }
    await post('runs/log-inputs', {
      run_id: id,
      datasets: [{ dataset, tags: [{ key: 'mlflow.data.context', value: 'train' }] }],
    })
    if (!isFinished) return
    const path = place.replace(/^mlflow-artifacts:/, '')
    const sent = await fetch(`${address}/api/2.0/mlflow-artifacts/artifacts${path}/model.safetensors`, {
      method: 'PUT',
      body: modelOf({ lr, layers, accuracy }),
    })
    if (!sent.ok) throw new Error(`MLflow: ${path}: ${await sent.text()}`)
    await post('runs/update', { run_id: id, status: 'FINISHED', end_time: now + 1000 })
  }
  const all = sweep()
  // The first runs make the datasets; two at once would both make one.
  const [first, second] = [all[0], all[RUNS / 2]]
  try {
    for (const run of [first, second]) await log(run, true)
    const others = all.filter((run) => run !== first && run !== second)
    for (let at = 0; at < others.length; at += 8)
      await Promise.all(others.slice(at, at + 8).map(async (run) => log(run, true)))
    await log({ name: 'goes on', lr: 0.5, layers: 9, accuracy: 0.2, data: 'b' }, false)
  } catch (error) {
    await stop()
    throw error
  }
  return { address, experiment, stop }
}
