/** Child processes of the rounds. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

/** A child with all three streams as pipes. */
export type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** The end of a child and its output. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link startChild}. */
export interface ChildOptions {
  /** Maximum address space in KiB, as `ulimit -v` counts. */
  readonly addressSpace?: number
  /** Maximum number of open files, as `ulimit -n` counts. */
  readonly descriptors?: number
  /** Environment variables. @default those of this process */
  readonly environment?: NodeJS.ProcessEnv
}

/** Start one of the programs in `children/` on this Node. */
export function startChild(file: URL, args: readonly string[], options: ChildOptions = {}): Child {
  const command = [process.execPath, fileURLToPath(file), ...args]
  const { addressSpace, descriptors, environment } = options
  const limits = [
    ...(addressSpace === undefined ? [] : [`ulimit -v ${addressSpace}`]),
    ...(descriptors === undefined ? [] : [`ulimit -n ${descriptors}`]),
  ]
  if (limits.length === 0) return start(command, environment)
  // Node cannot set a limit; the shell sets its own and becomes the child.
  return start(['sh', '-c', `${limits.join(' && ')} && exec "$0" "$@"`, ...command], environment)
}

/** Start a program of any kind. */
export function start([program = '', ...args]: readonly string[], env?: NodeJS.ProcessEnv): Child {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
  // A killed child no longer reads; `ending` reports how it ended.
  child.stdin.on('error', () => undefined)
  return child
}

/** Wait for a child to end. Call it before the first `await` after the start: it listens to the streams. */
export function ending(child: Child): Promise<Ending> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    )
  })
}

/** Resolve when the child has printed `word`; reject if it ends without. */
export function waitForOutput(child: Child, word: string): Promise<void> {
  let heard = ''
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      heard += String(chunk)
      if (heard.includes(word)) resolve()
    })
    child.on('close', (code, signal) =>
      reject(new Error(`the child ended (${code ?? signal}) before it said ${word}`)),
    )
  })
}

/** Return the JSON that a child printed, once it has ended well. */
export function printed({ code, signal, stdout, stderr }: Ending): unknown {
  if (code !== 0) throw new Error(`a child ended with ${code ?? signal}: ${stderr.slice(-2000)}`)
  return JSON.parse(stdout)
}

/** Run `work` for 0, 1, … `count - 1`, at most `width` at a time. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}
