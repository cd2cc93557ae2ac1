/**
 * The state that this process was started with, and that Node changed before any of our code ran: ignored and blocked signals, the
 * limit of open files, descriptors, variables. The shell at the head of `main.js` notes it in one variable.
 */
import { constants } from 'node:os'

/** The world of the command, as it would be without lineaprint. */
export interface Inherited {
  /** Signals as in `/proc/self/status`: signal N is bit N - 1, in hexadecimal. */
  readonly ignored: string
  readonly blocked: string
  /** Soft limit of open files; absent if it is not known or there is none. */
  readonly limit: number | undefined
  /** Numbers of the open descriptors; absent if they are not known. */
  readonly open: readonly number[] | undefined
}

const VARIABLE = 'LINEAPRINT_START'

const FORM =
  /^pid=(\d+) limit=(\w*) (?:blocked=([\da-f]+) ignored=([\da-f]+)|trap=([\w,]*)) open=([\d,]*) environ=([^]*)$/

/** Variables that shells set or change by themselves. */
const OF_SHELLS: ReadonlySet<string> = new Set(['_', 'OLDPWD', 'PWD', 'SHLVL'])

/** Signals that end or stop a process unless it listens. Others are harmless, or cannot be listened to. */
const IGNORABLE: readonly string[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGIO',
  'SIGPWR',
]

let known: Inherited | undefined

/**
 * Read the notes of the shell and remove them, so that no program that this one starts has them. Ignored signals are
 * ignored again, and variables that the shell dropped or changed are as they were.
 *
 * Without notes (`node main.js`) nothing changes.
 */
export function takeInherited(): void {
  const text = process.env[VARIABLE]
  delete process.env[VARIABLE]
  const [, pid, limit = '', blocked, ignored, trap = '', open = '', environ = ''] =
    FORM.exec(text ?? '') ?? []
  // The variable may have been left by another process.
  if (pid === undefined || Number(pid) !== process.pid) return
  known = {
    ignored: ignored ?? setOf(trap.split(',')),
    blocked: blocked ?? '0',
    limit: /^\d+$/.test(limit) ? Number(limit) : undefined,
    open: open === '' ? undefined : open.split(',').filter(Boolean).map(Number),
  }
  for (const name of IGNORABLE) if (isIgnored(name)) process.on(name, () => undefined)
  if (environ !== '') restoreEnvironment(environ)
}

/** Return what this process was started with; `undefined` if nothing noted it. */
export function inherited(): Inherited | undefined {
  return known
}

/** Return whether this process was started with a signal ignored, as `nohup` does. */
export function isIgnored(signal: string): boolean {
  const number = numberOf(signal)
  if (known === undefined || number === undefined) return false
  return ((BigInt(`0x${known.ignored}`) >> BigInt(number - 1)) & 1n) === 1n
}

function numberOf(signal: string): number | undefined {
  return (constants.signals as Readonly<Record<string, number | undefined>>)[signal]
}

/** Return the set of signals that a shell lists as `HUP` or `SIGHUP`. */
function setOf(names: readonly string[]): string {
  const numbers = names.flatMap((name) => numberOf(`SIG${name.replace(/^SIG/, '')}`) ?? [])
  return numbers.reduce((set, number) => set | (1n << BigInt(number - 1)), 0n).toString(16)
}

/** Make `process.env` as it was before the shell. Its lines are variables, and a line break in one is a byte 1. */
function restoreEnvironment(text: string): void {
  const before = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0) before.set(line.slice(0, at), line.slice(at + 1).replaceAll('\u0001', '\n'))
  }
  for (const name of Object.keys(process.env)) if (!before.has(name)) delete process.env[name]
  for (const [name, value] of before)
    if (process.env[name] === undefined || OF_SHELLS.has(name)) process.env[name] = value
}
