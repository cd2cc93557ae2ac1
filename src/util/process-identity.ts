/** Who writes a run, and whether that process is still there. */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { errorCode } from './fs.ts'

/** The process that writes the run. */
export interface ProcessRecord {
  readonly pid: number
  /** Clock ticks from boot to its start; null where the system does not say. */
  readonly startTime: number | null
  readonly host: string
  readonly bootId: string | null
  readonly pidNamespace: string | null
}

/** The identity of this process. A pid alone is not one: pids are used again. */
export function thisProcess(): ProcessRecord {
  return {
    pid: process.pid,
    startTime: ticksOf(statFields(process.pid)),
    host: hostname(),
    bootId: bootId(),
    pidNamespace: pidNamespace(),
  }
}

/**
 * Whether the process that a record names is there: `unknown` where it cannot be told, because it runs on
 * another host or in another container.
 */
export function isAlive(record: ProcessRecord): 'alive' | 'gone' | 'unknown' {
  if (record.host !== hostname()) return 'unknown'
  if (record.bootId !== null && bootId() !== null && record.bootId !== bootId()) return 'gone'
  if (record.pidNamespace !== pidNamespace()) return 'unknown'
  if (!exists(record.pid)) return 'gone'
  const fields = statFields(record.pid)
  // Where /proc hides the processes of other users, the signal's answer stands.
  if (record.startTime === null || fields === undefined) return 'alive'
  // A zombie has ended and only waits for its parent to look.
  return ticksOf(fields) === record.startTime && fields[0] !== 'Z' ? 'alive' : 'gone'
}

/** The identity of this process as a part of a file name, which {@link isMarkedAlive} reads. */
export function processMark(): string {
  const { pid, startTime, host, bootId: boot, pidNamespace: namespace } = thisProcess()
  return [pid, startTime ?? NONE, short(host), short(boot), short(namespace)].join('-')
}

/** Whether the process of a mark is there, as {@link isAlive} says it; `unknown` for what is no mark. */
export function isMarkedAlive(mark: string): 'alive' | 'gone' | 'unknown' {
  const [, pid, startTime, host = '', boot = '', namespace = ''] =
    /^([0-9]+)-([0-9]+|none)-(\w+)-(\w+)-(\w+)$/.exec(mark) ?? []
  if (pid === undefined) return 'unknown'
  const here = thisProcess()
  return isAlive({
    pid: Number(pid),
    startTime: startTime === NONE ? null : Number(startTime),
    host: long(host, here.host) ?? '',
    bootId: long(boot, here.bootId),
    pidNamespace: long(namespace, here.pidNamespace),
  })
}

const NONE = 'none'

/** Enough of a text to tell it from that of another machine. */
function short(text: string | null): string {
  return text === null ? NONE : createHash('sha256').update(text).digest('hex').slice(0, 8)
}

/** The text of this machine if that is what was made short, and else one that is no text of this machine. */
function long(part: string, here: string | null): string | null {
  if (part === short(here)) return here
  return part === NONE ? null : `another, ${part}`
}

function exists(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    // Signal 0 reaches nobody: the call only says whether it could.
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/** Clock ticks from boot to the start of a process; null where the system does not say (all but Linux). */
function ticksOf(fields: readonly string[] | undefined): number | null {
  // Field 22 of proc_pid_stat(5); the list starts at field 3.
  const ticks = Number(fields?.[19])
  return Number.isSafeInteger(ticks) ? ticks : null
}

/**
 * Whether a Ctrl-C at the terminal reaches the children of this process as well: they are in the process
 * group in the foreground.
 */
export function isForeground(): boolean {
  const fields = statFields(process.pid)
  if (fields !== undefined) return fields[2] === fields[5]
  return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
}

function statFields(pid: number): string[] | undefined {
  const text = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The second field is the name of the program, in parentheses, and may hold any character.
  return text === null ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Neither changes while this process runs, and a list asks for each run that has not ended. */
const known = new Map<string, string | null>()

function bootId(): string | null {
  return once('boot', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
}

function pidNamespace(): string | null {
  return once('namespace', () => readlinkSync('/proc/self/ns/pid'))
}

function once(name: string, read: () => string): string | null {
  const before = known.get(name)
  if (before !== undefined) return before
  const value = readOrNull(read)
  known.set(name, value)
  return value
}

/** Where there is no /proc, or not this file, the answer is unknown and not an error. */
function readOrNull(read: () => string): string | null {
  try {
    return read()
  } catch {
    return null
  }
}
