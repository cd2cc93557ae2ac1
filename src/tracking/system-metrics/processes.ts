/** Processor time and memory of a process and its descendants. */
import { readFile, readdir } from 'node:fs/promises'
import { platform } from 'node:process'
import { runProgram } from '../../subprocess/run.ts'
import { LineaprintError } from '../../core/errors.ts'
import { errorCode } from '../../util/fs.ts'
import type { SystemSource } from './system-source.ts'

/** A process at one moment. */
export interface ProcessSample {
  readonly pid: number
  readonly parent: number
  /** Seconds of processor time; on Linux including children that have ended. */
  readonly seconds: number
  /** Start time in ticks since boot. It distinguishes processes that reuse an ID. */
  readonly started?: number
  /** Resident memory. If it needs a separate read, it is read only for the processes of the tree. */
  readonly bytes?: number
}

/**
 * Shortest usable interval in seconds. The system counts in hundredths of a second, so a shorter one is too
 * inaccurate.
 */
const MIN_INTERVAL_SECONDS = 0.1

/**
 * Create the source of `process_cpu_percent` (since the previous sample; 100 means one busy processor),
 * `process_memory_bytes` (shared memory counts once per process) and `process_count`. It returns no values
 * once the process has ended.
 *
 * @param root ID of the process at the root of the tree.
 */
export function processSource(root: number): SystemSource {
  let before: { seconds: number; at: number } | undefined
  let started: number | undefined
  return {
    name: 'processes',
    sample: async (signal) => {
      const tree = treeOf(await processes(signal), root)
      const at = performance.now()
      const [first] = tree
      started ??= first?.started
      if (first === undefined || first.started !== started) return {}
      const seconds = tree.reduce((sum, process) => sum + process.seconds, 0)
      const sizes = await Promise.all(tree.map(async ({ pid, bytes }) => bytes ?? residentBytes(pid)))
      before ??= { seconds, at }
      const elapsed = (at - before.at) / 1000
      // The sum can decrease when a process ends without its time being added to its parent.
      const spent = Math.max(0, seconds - before.seconds)
      if (elapsed >= MIN_INTERVAL_SECONDS) before = { seconds, at }
      return {
        ...(elapsed >= MIN_INTERVAL_SECONDS && { process_cpu_percent: (spent / elapsed) * 100 }),
        process_memory_bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
        process_count: tree.length,
      }
    },
  }
}

/** Return a process and all its descendants; empty if the process does not exist. */
export function treeOf(all: readonly ProcessSample[], root: number): ProcessSample[] {
  const children = Map.groupBy(all, ({ parent }) => parent)
  const tree = all.filter(({ pid }) => pid === root)
  // The list grows during the loop. A process has one parent, so none is added twice.
  for (const { pid } of tree) tree.push(...(children.get(pid) ?? []).filter((child) => child.pid !== root))
  return tree
}

function processes(signal: AbortSignal): Promise<ProcessSample[]> {
  if (platform === 'linux') return fromProc(signal)
  if (platform !== 'win32') return fromPs(signal)
  throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'processes are not counted on Windows')
}

/** Ticks per second in /proc; the same on every architecture that Node supports. */
const TICKS = 100

/** Number of files read at a time. */
const CONCURRENCY = 32

async function fromProc(signal: AbortSignal): Promise<ProcessSample[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const samples: ProcessSample[] = []
  for (let first = 0; first < pids.length; first += CONCURRENCY) {
    signal.throwIfAborted()
    const texts = await Promise.all(
      pids.slice(first, first + CONCURRENCY).map((pid) => readOrNothing(`/proc/${pid}/stat`)),
    )
    samples.push(...texts.filter((text) => text !== '').map(parseStat))
  }
  return samples
}

/** Parse the content of `/proc/<pid>/stat`, see proc_pid_stat(5). */
export function parseStat(text: string): ProcessSample {
  // The second field is the program name in parentheses. It may contain any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (field: number): number => Number(fields[field - 3])
  const ticks = number(14) + number(15) + number(16) + number(17)
  return { pid: Number.parseInt(text, 10), parent: number(4), seconds: ticks / TICKS, started: number(22) }
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readOrNothing(`/proc/${pid}/status`)
  // A process that has just ended has no memory, and the status of a zombie has no such line.
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

/** Read a file. Return an empty text if the process ended in the meantime. */
async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return ''
    throw error
  }
}

/** List all processes with `ps`, which every Unix system has. */
export async function fromPs(signal: AbortSignal): Promise<ProcessSample[]> {
  const result = await runProgram('ps', ['-A', '-o', 'pid=,ppid=,rss=,time='], {
    directory: '/',
    environment: { PATH: process.env['PATH'], LC_ALL: 'C' },
    timeout: 5000,
    signal,
  })
  if (result.status !== 'ended')
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `processes cannot be counted: ${result.reason}`)
  return result.stdout.toString().split('\n').flatMap(parsePs)
}

function parsePs(line: string): ProcessSample[] {
  const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s*$/.exec(line)
  if (match === null) return []
  const [pid = 0, parent = 0, kibibytes = 0, days = 0, hours = 0, minutes = 0, rest = 0] = match
    .slice(1)
    .map((text) => Number((text as string | undefined) ?? 0))
  const seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
  return [{ pid, parent, seconds, bytes: kibibytes * 1024 }]
}
