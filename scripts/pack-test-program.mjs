// A program that uses an installed lineaprint as people do, for every runtime and every way to install it. This file is
// copied into a folder with the package and run there. It prints what it did as JSON.
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { ExperimentTracker, LineaprintError, VERSION, hashFile, readRun } from 'lineaprint'

async function main() {
  const tracker = new ExperimentTracker({ experimentName: 'runtime' })
  await tracker.startExperiment()
  tracker.logMetric('loss', 0.5, { step: 1 })
  const dataset = await tracker.trackDataset('data.bin', 'data')
  const { status } = await tracker.finishExperiment()
  const { record } = await readRun(tracker.runDirectory)
  const refused = await hashFile('absent').catch((error) => error)
  return {
    version: VERSION,
    digest: String((await hashFile('data.bin')).digest),
    tracked: String(dataset.digests.blake3),
    status,
    environment: record.captures.environment.status,
    runtime: record.captures.environment.value?.node.version,
    commit: record.captures.git.value?.commit,
    refused: refused instanceof LineaprintError && refused.code,
  }
}

async function inWorker() {
  const worker = new Worker(new URL(import.meta.url))
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is the port of a thread
if (!isMainThread) parentPort.postMessage(await main())
else if (process.argv[2] === 'worker')
  console.log(JSON.stringify(await Promise.all([inWorker(), inWorker()])))
else console.log(JSON.stringify(await main()))
