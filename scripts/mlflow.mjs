// Start a server of MLflow on loopback for tests, the page and the benchmark; scripts/setup-peers.sh installs it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.mjs'

/** The Python with MLflow, as scripts/setup-peers.sh installs it. */
export const MLFLOW = resolve(import.meta.dirname, '../.peers/mlflow/bin/python')

/**
 * Start a server. The first start after its installation takes longest.
 *
 * @param folder Folder of its files; it is made.
 * @param options.backend Address of its database; SQLite in the folder by default.
 * @param options.workers Processes that answer.
 * @param options.environment Further variables.
 */
export async function startMlflow(folder, { backend, workers = 1, environment = {} } = {}) {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const store = ['--backend-store-uri', backend ?? `sqlite:///${join(folder, 'mlflow.db')}`]
  const artifacts = ['--artifacts-destination', join(folder, 'artifacts')]
  const place = ['--workers', String(workers), '--host', '127.0.0.1', '--port', String(port)]
  const child = spawn(MLFLOW, ['-m', 'mlflow', 'server', ...place, ...store, ...artifacts], {
    cwd: folder,
    env: {
      ...process.env,
      HOME: folder,
      // Without these it starts more processes, and speaks to others.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: 'true',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part) => (log = (log + part).slice(-100_000)))
  const ended = once(child, 'close')
  const stop = async () => {
    // Its workers are of its process group.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await ended
  }
  while (!(await isUp(url))) {
    if (child.exitCode !== null) throw new Error(`the MLflow server ended: ${log}`)
    await sleep(200)
  }
  return { url, pid: child.pid, stop }
}

async function isUp(url) {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) })
    return response.ok
  } catch {
    return false
  }
}
