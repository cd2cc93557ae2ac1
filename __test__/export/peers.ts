/** The programs of others that outputs are handed to; scripts/setup-peers.sh brings them. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { startMlflow as startServer } from '../../scripts/mlflow.mjs'
import type { ChildProcessByStdio } from 'node:child_process'
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

/** Starts one on this machine, with a folder that is removed when it stops. */
export async function startMlflow(): Promise<MlflowServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lineaprint-mlflow-'))
  const { url, stop } = await startServer(folder)
  return {
    url,
    stop: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
