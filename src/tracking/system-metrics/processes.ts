/** Processor time and memory of a process and everything that it started. */
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
  /** Seconds of processor time; on Linux with those of its children that have ended. */
  readonly seconds: number
  /** When it started, in ticks since boot: ids are used again. */
  readonly started?: number
  /** Resident memory; where it costs a read of its own, it is read for the tree alone. */
  readonly bytes?: number
}

/** The system counts in hundredths of a second, and less says nothing. */
const LEAST_SECONDS = 0.1

/**
 * `process_cpu_percent` since the sample before, 100 for one processor kept busy; `process_memory_bytes`, where memory
 * that processes share counts once for each; `process_count`. Nothing once the process has ended.
 *
 * @param root Id of the process at the root of the tree.
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
      // What a process leaves unsaid when it ends can make the sum smaller.
      const spent = Math.max(0, seconds - before.seconds)
      if (elapsed >= LEAST_SECONDS) before = { seconds, at }
      return {
        ...(elapsed >= LEAST_SECONDS && { process_cpu_percent: (spent / elapsed) * 100 }),
        process_memory_bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
        process_count: tree.length,
      }
    },
  }
}

/** A process and all below it; none if it is not there. */
export function treeOf(all: readonly ProcessSample[], root: number): ProcessSample[] {
  const children = Map.groupBy(all, ({ parent }) => parent)
  const tree = all.filter(({ pid }) => pid === root)
  // The list grows while it is gone through. A process has one parent, so none comes twice.
  for (const { pid } of tree) tree.push(...(children.get(pid) ?? []).filter((child) => child.pid !== root))
  return tree
}

function processes(signal: AbortSignal): Promise<ProcessSample[]> {
  if (platform === 'linux') return fromProc(signal)
  if (platform !== 'win32') return fromPs(signal)
  throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'processes are not counted on Windows')
}

/** Per second, in what /proc counts; the same on every processor that Node runs on. */
const TICKS = 100

/** Files read at a time. */
const PARALLEL = 32

async function fromProc(signal: AbortSignal): Promise<ProcessSample[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: ProcessSample[] = []
  for (let first = 0; first < pids.length; first += PARALLEL) {
    signal.throwIfAborted()
    const texts = await Promise.all(
      pids.slice(first, first + PARALLEL).map((pid) => readOrNothing(`/proc/${pid}/stat`)),
    )
    found.push(...texts.filter((text) => text !== '').map(parseStat))
  }
  return found
}

/** One line of proc_pid_stat(5). */
export function parseStat(text: string): ProcessSample {
  // The second field is the name of the program, in parentheses, and may hold any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (field: number): number => Number(fields[field - 3])
  const ticks = number(14) + number(15) + number(16) + number(17)
  return { pid: Number.parseInt(text, 10), parent: number(4), seconds: ticks / TICKS, started: number(22) }
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readOrNothing(`/proc/${pid}/status`)
  // A process that has just ended has no memory, and a zombie no such line.
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

/** A process may end between two looks. */
async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return ''
    throw error
  }
}

/** Asks `ps`, which every system of the family of Unix has. */
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
