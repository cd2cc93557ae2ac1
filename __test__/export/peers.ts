/** The programs of others that outputs are handed to; scripts/setup-peers.sh brings them. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChildProcessByStdio } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import type { Readable, Writable } from 'node:stream'

/** Whether a peer is there; a test that needs one is skipped without it. */
export function hasPeer(name: 'wandb' | 'mlflow' | 'validators' | 'uv'): boolean {
  return existsSync(resolve('.peers', name, 'lineaprint-stamp'))
}

/** What a program left. */
export interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Where a program of a peer works, and what it is told. */
interface PeerOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

function startPeer(
  name: 'wandb' | 'mlflow' | 'validators',
  args: readonly string[],
  options: PeerOptions,
): ChildProcessByStdio<Writable, Readable, Readable> {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(WANDB|MLFLOW)_/.test(key))
  return spawn(resolve('.peers', name, 'bin', 'python'), args, {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), HOME: options.cwd, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Runs a program of a peer, with nothing of this machine's settings for it. */
export async function runPeer(
  name: 'wandb' | 'mlflow' | 'validators',
  args: readonly string[],
  options: PeerOptions,
): Promise<Outcome> {
  const child = startPeer(name, args, options)
  child.stdin.end()
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output: Buffer.concat(parts).toString() }
}

/** A program of a peer that answers one line with one line, as often as it is asked: loading a peer takes seconds. */
export class AnsweringPeer {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  #log = ''

  constructor(name: 'wandb' | 'mlflow' | 'validators', args: readonly string[], options: PeerOptions) {
    this.#child = startPeer(name, args, options)
    this.#child.stderr.on('data', (part: Buffer) => (this.#log += part.toString()))
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** What it answers. @throws If it ends without an answer. */
  async ask(question: string): Promise<string> {
    this.#child.stdin.write(`${question}\n`)
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error(`it ended: ${this.#log}`)
    return value
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const ended = once(this.#child, 'close')
    this.#child.stdin.end()
    await ended
  }
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
