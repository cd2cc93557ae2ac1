/** Faults at chosen system calls of a running process, by strace. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { ending, start } from './child.ts'
import type { Child } from './child.ts'

/** Calls that change a store. Those with `?` do not exist on every processor. */
export const STORE_CALLS =
  '?open,openat,?creat,write,pwrite64,fsync,fdatasync,?rename,renameat,renameat2,?link,linkat,?unlink,unlinkat,?mkdir,mkdirat,?rmdir,ftruncate'

/** Options of strace. */
export interface Tracing {
  /** Path of strace's log of calls. */
  readonly log: string
  /**
   * Fault in the syntax of strace, for example `fsync:error=EIO:when=2`. Calls of one name in one thread are
   * counted.
   */
  readonly inject?: string
}

/** An attached strace. */
export interface Tracer {
  /** Detach from the child. */
  stop(): void
  /** Resolves once its log is complete. */
  readonly ended: Promise<unknown>
}

/** Return the reason why faults cannot be injected here, if they cannot. */
export async function straceRefusal(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'strace is a program of Linux'
  const version = spawnSync('strace', ['-V'], { encoding: 'utf8' })
  if (version.status !== 0) return `strace is not installed: ${version.error?.message ?? version.stderr}`
  // The system may forbid tracing a process that is not a child.
  const sleeper = start(['sleep', '60'])
  const ended = ending(sleeper)
  try {
    const tracer = await attach(sleeper, { log: '/dev/null' })
    tracer.stop()
    await tracer.ended
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    sleeper.kill('SIGKILL')
    await ended
  }
}

/**
 * Attach strace to a child and all its threads. It ends when the child does.
 *
 * @throws If strace cannot be attached.
 */
export async function attach(child: Child, { log, inject }: Tracing): Promise<Tracer> {
  const options = ['-f', '-y', '-s', '0', '-o', log, '-e', `trace=${STORE_CALLS}`, '-e', 'signal=none']
  if (inject !== undefined) options.push('-e', `inject=${inject}`)
  const tracer = spawn('strace', [...options, '-p', String(child.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let messages = ''
  tracer.stderr.on('data', (chunk: Buffer) => (messages += String(chunk)))
  const ended = once(tracer, 'close')
  await new Promise<void>((resolve, reject) => {
    tracer.on('error', reject)
    tracer.stderr.on('data', () => messages.includes(' attached') && resolve())
    ended.then(() => reject(new Error(`strace cannot be attached: ${messages.trim()}`)), reject)
  })
  return { stop: () => void tracer.kill('SIGTERM'), ended }
}

/** A call in the log of strace. */
export interface SeenCall {
  readonly name: string
  /** Number of the call among those of its name in its thread, from 1. */
  readonly number: number
  /** True if strace made it fail. */
  readonly injected: boolean
  /** The line of the log. */
  readonly line: string
}

/** Read the log of strace. */
export function seenCalls(log: string): SeenCall[] {
  const counts = new Map<string, number>()
  const calls: SeenCall[] = []
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, name] = /^(\d+) +([a-z0-9_]+)\(/.exec(line) ?? []
    if (thread === undefined || name === undefined) continue
    const number = (counts.get(`${thread} ${name}`) ?? 0) + 1
    counts.set(`${thread} ${name}`, number)
    calls.push({ name, number, injected: line.endsWith('(INJECTED)'), line })
  }
  return calls
}
