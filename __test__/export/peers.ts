/** The programs of others that outputs are handed to; scripts/setup-peers.sh brings them. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'

/** Whether a peer is there; a test that needs one is skipped without it. */
export function hasPeer(name: 'wandb' | 'mlflow' | 'validators' | 'uv'): boolean {
  return existsSync(resolve('.peers', name, 'lineaprint-stamp'))
}

/** What a program left. */
export interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs a program of a peer, with nothing of this machine's settings for it. */
export async function runPeer(
  name: 'wandb' | 'mlflow' | 'validators',
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Outcome> {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(WANDB|MLFLOW)_/.test(key))
  const child = spawn(resolve('.peers', name, 'bin', 'python'), args, {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), HOME: options.cwd, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output: Buffer.concat(parts).toString() }
}

/** A server of MLflow with a database and artefacts of its own. */
export interface MlflowServer {
  readonly url: string
  /** Ends it and removes what it kept. */
  stop(): Promise<void>
}

/** Starts one on this machine. The first start after its installation takes longest. */
export async function startMlflow(): Promise<MlflowServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lineaprint-mlflow-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`]
  const artifacts = ['--artifacts-destination', `${folder}/artifacts`]
  const place = ['--workers', '1', '--host', '127.0.0.1', '--port', String(port)]
  const args = ['-m', 'mlflow', 'server', ...place, ...store, ...artifacts]
  const child = spawn(resolve('.peers/mlflow/bin/python'), args, {
    cwd: folder,
    env: {
      ...process.env,
      HOME: folder,
      // Without these it starts more processes, and speaks to others.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => (log += part.toString()))
  const ended = once(child, 'close')
  const stop = async (): Promise<void> => {
    // Its workers are of its process group.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  while (!(await isUp(url))) {
    if (child.exitCode !== null) throw new Error(`the MLflow server ended: ${log}`)
    await sleep(200)
  }
  return { url, stop }
}

async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) })
    return response.ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
