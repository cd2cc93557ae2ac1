/** The identity of the process that writes a run, and the check whether it is still running. */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { errorCode } from './fs.ts'

/** The process that writes the run. */
export interface ProcessRecord {
  readonly pid: number
  /** Clock ticks from boot to its start; null if the system does not report them. */
  readonly startTime: number | null
  readonly host: string
  readonly bootId: string | null
  readonly pidNamespace: string | null
}

/** Return the identity of this process. A pid alone is not enough, because pids are reused. */
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
 * Check whether a recorded process is running: `unknown` if this cannot be determined, because it runs on
 * another host or in another container.
 */
export function isAlive(record: ProcessRecord): 'alive' | 'gone' | 'unknown' {
  if (record.host !== hostname()) return 'unknown'
  if (record.bootId !== null && bootId() !== null && record.bootId !== bootId()) return 'gone'
  if (record.pidNamespace !== pidNamespace()) return 'unknown'
  if (!exists(record.pid)) return 'gone'
  const fields = statFields(record.pid)
  // If /proc hides the processes of other users, only the signal shows that it is running.
  if (record.startTime === null || fields === undefined) return 'alive'
  // A zombie has ended; only its parent has not yet read its exit status.
  return ticksOf(fields) === record.startTime && fields[0] !== 'Z' ? 'alive' : 'gone'
}

/** Return the identity of this process as a part of a file name, which {@link isMarkedAlive} parses. */
export function processMark(): string {
  const { pid, startTime, host, bootId: boot, pidNamespace: namespace } = thisProcess()
  return [pid, startTime ?? NONE, short(host), short(boot), short(namespace)].join('-')
}

/**
 * Check whether the process of a mark is running, as {@link isAlive} does; `unknown` for a text that is not a
 * mark.
 */
export function isMarkedAlive(mark: string): 'alive' | 'gone' | 'unknown' {
  const [, pid, startTime, host = '', boot = '', namespace = ''] =
    /^([0-9]+)-([0-9]+|none)-(\w+)-(\w+)-(\w+)$/.exec(mark) ?? []
  if (pid === undefined) return 'unknown'
  const current = thisProcess()
  return isAlive({
    pid: Number(pid),
    startTime: startTime === NONE ? null : Number(startTime),
    host: long(host, current.host) ?? '',
    bootId: long(boot, current.bootId),
    pidNamespace: long(namespace, current.pidNamespace),
  })
}

const NONE = 'none'

/**
 * Return a short hash of a text (FNV-1a, 32 bits), long enough to distinguish machines. Nothing depends on its strength,
 * and loading `node:crypto` takes 4 ms of every start of a run.
 */
function short(text: string | null): string {
  if (text === null) return NONE
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** Return the text of this machine if its short form matches; otherwise a text that differs from it. */
function long(part: string, current: string | null): string | null {
  if (part === short(current)) return current
  return part === NONE ? null : `another, ${part}`
}

function exists(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    // Signal 0 is not delivered; the call only checks whether the process exists.
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/**
 * Return the clock ticks from boot to the start of a process; null if the system does not report them (all
 * but Linux).
 */
function ticksOf(fields: readonly string[] | undefined): number | null {
  // Field 22 of proc_pid_stat(5); the list starts at field 3.
  const ticks = Number(fields?.[19])
  return Number.isSafeInteger(ticks) ? ticks : null
}

/**
 * Return whether a Ctrl-C at the terminal also reaches the children of this process, because they are in the
 * foreground process group.
 */
export function isForeground(): boolean {
  const fields = statFields(process.pid)
  if (fields !== undefined) return fields[2] === fields[5]
  return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
}

function statFields(pid: number): string[] | undefined {
  const text = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The second field is the program name in parentheses, which may contain any character.
  return text === null ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/**
 * Values that do not change while this process runs. A list of runs needs them for each run that has not
 * ended.
 */
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

/**
 * Return the result, or null on any error: without /proc, or without this file, the value is unknown, which
 * is not an error.
 */
function readOrNull(read: () => string): string | null {
  try {
    return read()
  } catch {
    return null
  }
}
