/** Comparison of what a command differences and left with and without a wrapper. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { World } from './wrapper-worlds.ts'

/** The answer of `children/wrapper_driver.py`. */
export interface Answer {
  readonly error?: string
  readonly status?: readonly [isSignal: boolean, number: number] | null
  readonly killed: boolean
  readonly hung: boolean
  /** The process that was started, and the group of the driver. */
  readonly pid: number
  readonly driver: number
  /** Names of the pipes of the world, by their inodes. */
  readonly labels: Readonly<Record<string, string>>
  readonly terminal: unknown
  readonly offsets: Readonly<Record<string, number>>
  readonly rest: string | null
  readonly [others: string]: unknown
}

interface Descriptor {
  readonly target: string
  readonly flags: string
  readonly position: string
}

/** The report of the command. */
interface Report {
  readonly descriptors: Readonly<Record<string, Descriptor>>
  readonly environment: readonly string[]
  readonly group: number
  readonly session: number
  readonly steps?: readonly string[]
  readonly [others: string]: unknown
}

/** One execution of a command. */
export interface Execution {
  readonly world: World
  readonly answer: Answer
}

/** Variables that the documentation says `run` sets for its command. */
const SET_BY_RUN = /^(?:LINEAPRINT_(?:RUN_ID|RUN_DIRECTORY|BRIDGE|SCRATCH)|PYTHONPATH)=/

/** Lines that lineaprint itself writes to stderr. */
const OWN_LINES = /^(?:\r?\n)?(?:lineaprint: [^\n]*\r?\n)*$/

const ACCESS = 0o3

/** A flag that the C library sets or not, and that changes nothing. */
const LARGE_FILE = 0o100000

/** The bit of SIGCHLD in a set of signals. */
const CHILD = 1n << 16n

/** Characters of an environment up to which the launcher notes every variable. */
const NOTED_ENVIRONMENT = 40_000

/**
 * Return the differences between a command alone and the same one under a wrapper, but for those that the
 * documentation lists: variables that `run` sets; stdout and stderr that are pipes, or another terminal; own lines on
 * stderr; and 128 plus the number of a signal as the exit code.
 */
export function differencesOf(alone: Execution, wrapped: Execution): string[] {
  const { answer: a } = alone
  const b = wrapped.answer
  if (a.error !== undefined || a.hung)
    throw new Error(`a command could not run alone: ${a.error ?? 'it hung'}`)
  if (b.error !== undefined || b.hung) return [`wrapper: ${b.error ?? 'it hung'}`]
  const differences: string[] = []
  const compare = (what: string, before: unknown, after: unknown): void => {
    const [x, y] = [JSON.stringify(before) ?? 'none', JSON.stringify(after) ?? 'none']
    if (x !== y) differences.push(`${what}: ${cut(x)} became ${cut(y)}`)
  }
  const [before, after] = [reportOf(alone), reportOf(wrapped)]
  if (before === undefined) throw new Error(`a command alone did not report its world: ${JSON.stringify(a)}`)
  compare('end', endOf(a.status), b.status?.[0] === true ? endOf(b.status) : ['exit', b.status?.[1]])
  compare('input that is left', a.rest, b.rest)
  compare('flags of stdin afterwards', a['stdin flags'], b['stdin flags'])
  compare('terminal afterwards', a.terminal, b.terminal)
  for (const name of ['stdout', 'stderr', 'screen']) compareOutput(name, alone, wrapped, differences)
  if (after === undefined) return [...differences, 'command: it did not report its world']
  const ownFields = new Set(['descriptors', 'environment', 'group', 'session', 'steps'])
  for (const key of Object.keys(before).filter((name) => !ownFields.has(name))) {
    const [x, y] = [before[key], after[key]]
    if (!isObject(x) || !isObject(y)) compare(key, x, y)
    else
      for (const name of new Set([...Object.keys(x), ...Object.keys(y)])) {
        compare(`${key} ${name}`, x[name], y[name])
      }
  }
  compare('steps', before.steps, after.steps)
  compare('process group', originOf(before.group, a), originOf(after.group, b))
  compare('session', originOf(before.session, a), originOf(after.session, b))
  compareVariables(before, after, differences)
  for (const number of new Set([...Object.keys(before.descriptors), ...Object.keys(after.descriptors)])) {
    const [x, y] = [before.descriptors[number], after.descriptors[number]]
    compare(
      `descriptor ${number}`,
      targetOf(x, alone, number === '1' || number === '2'),
      targetOf(y, wrapped, number === '1' || number === '2'),
    )
  }
  return differences
}

function reportOf({ world }: Execution): Report | undefined {
  try {
    return JSON.parse(readFileSync(join(world.folder, 'report.json'), 'utf8')) as Report
  } catch {
    // A signal or a wrapper can end the command before it reports.
    return undefined
  }
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length})` : text
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/**
 * Return why the documentation lists a difference; `undefined` if it does not. These depend on the world, unlike
 * those that are not compared at all.
 */
export function listedReason(
  difference: string,
  { terminal, stdin, stdout, stderr, ...world }: World,
): string | undefined {
  const hasOwnTerminal = terminal !== null && [stdin, stdout, stderr].every(({ kind }) => kind === 'tty')
  const ofTerminal =
    /^(?:process group|session|input that is left|terminal afterwards):|^screen: keys that were typed ahead/
  if (hasOwnTerminal && ofTerminal.test(difference)) return 'a terminal of its own'
  const signals = /^status SigIgn: "([0-9a-f]+)" became "([0-9a-f]+)"$/.exec(difference)
  if (signals !== null && world.ignored.includes('SIGCHLD')) {
    const [before = 0n, after = 0n] = signals.slice(1).map((text) => BigInt(`0x${text}`))
    if ((before & ~CHILD) === after) return 'SIGCHLD ignored'
  }
  const isLarge = world.environment.join('').length > NOTED_ENVIRONMENT
  if (isLarge && /^environment: "(?:PWD=|SHLVL=|name\.with|BASH_FUNC)/.test(difference))
    return 'a large environment'
  return undefined
}

/** Return the end of a process as a shell reports it. */
function endOf(status: Answer['status']): unknown {
  if (status === undefined || status === null) return undefined
  return ['exit', status[0] ? 128 + status[1] : status[1]]
}

/** Name a group or session by whose it is: numbers of processes differ. */
function originOf(number: number, { pid, driver }: Answer): string {
  if (number === pid) return 'of the process that was started'
  return number === driver ? 'of the one that started it' : 'another'
}

function variablesOf({ environment }: Report): string[] {
  return environment.map((entry) => Buffer.from(entry, 'base64').toString('latin1'))
}

function compareVariables(before: Report, after: Report, differences: string[]): void {
  const [x, y] = [variablesOf(before), variablesOf(after)]
  const pythonPath = x.find((entry) => entry.startsWith('PYTHONPATH='))?.slice('PYTHONPATH='.length)
  for (const entry of x) {
    if (y.includes(entry) || SET_BY_RUN.test(entry)) continue
    differences.push(`environment: ${cut(JSON.stringify(entry))} is missing or has another value`)
  }
  for (const entry of y) {
    if (x.includes(entry)) continue
    const isKept =
      !entry.startsWith('PYTHONPATH=') || pythonPath === undefined || entry.endsWith(`:${pythonPath}`)
    if (SET_BY_RUN.test(entry) && isKept) continue
    differences.push(`environment: ${cut(JSON.stringify(entry))} is new`)
  }
}

/** Describe a descriptor. One that is captured is a pipe or a terminal, open for writing. */
function targetOf(
  descriptor: Descriptor | undefined,
  { world, answer }: Execution,
  isCaptured: boolean,
): unknown {
  if (descriptor === undefined) return undefined
  const { target, flags, position } = descriptor
  const isTerminal = /^\/dev\/(?:pts\/|tty)/.test(target)
  const mode = Number.parseInt(flags, 8)
  if (isCaptured) return isTerminal ? 'a terminal' : ['an output', (mode & ACCESS) > 0]
  const label = answer.labels[target]
  const name = isTerminal
    ? 'a terminal'
    : (label ?? target.replace(/^(pipe|socket|anon_inode):.*/, '$1').replace(world.folder, ''))
  return [name, (mode & ~LARGE_FILE).toString(8), isTerminal ? '' : position]
}

/** A line that is typed, as a terminal shows it. */
const TYPED = 'typed line\r\n'

function without(text: string, part: string): string {
  return text.replaceAll(part, '')
}

/** Compare what arrived. The wrapper may have written lines of its own before and behind it to stderr. */
function compareOutput(name: string, alone: Execution, wrapped: Execution, differences: string[]): void {
  const [x, y] = [outputOf(name, alone), outputOf(name, wrapped)]
  if (x === undefined || y === undefined) {
    if (x !== y) differences.push(`${name}: nothing was collected`)
    return
  }
  if (x.equals(y)) return
  const { stdout, stderr } = alone.world
  const hasOwnLines =
    name === 'stderr' ||
    (name === 'screen' && stderr.kind === 'tty') ||
    (name === 'stdout' && stderr.kind === 'same')
  const [before, after] = [x.toString('latin1'), y.toString('latin1')]
  if (hasOwnLines) {
    // The pieces before the command and behind it; a file begins with what it had.
    const head =
      name !== 'screen' && ['file', 'append'].includes((name === 'stdout' ? stdout : stderr).kind)
        ? 'before\n'
        : ''
    const start = after.indexOf(before.slice(head.length), head.length)
    const front = after.slice(head.length, start)
    const back = after.slice(start + before.length - head.length)
    if (start >= 0 && after.startsWith(head) && OWN_LINES.test(front) && OWN_LINES.test(back)) return
  }
  const own = after.replace(/(?:lineaprint: [^\n]*\r?\n)*$/, '')
  if (name === 'stdout' && stderr.kind === 'same' && sorted(own) === sorted(before)) {
    differences.push('order of stdout and stderr in one file or pipe: another')
    return
  }
  const typed =
    Buffer.from(alone.world.stdin.data ?? '', 'base64')
      .toString()
      .split('\n').length - 1
  const more = own.split(TYPED).length - before.split(TYPED).length
  if (name === 'screen' && more > 0 && more <= typed && without(own, TYPED) === without(before, TYPED)) {
    differences.push('screen: keys that were typed ahead are shown twice')
    return
  }
  let at = 0
  while (at < before.length && before[at] === after[at]) at++
  const around = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 20), at + 60))
  differences.push(
    `${name}: ${x.length} bytes became ${y.length}, other from ${at} on: ${around(before)} became ${around(after)}`,
  )
}

function sorted(text: string): string {
  return Buffer.from(text, 'latin1').toSorted().join()
}

function outputOf(name: string, { world }: Execution): Buffer | undefined {
  try {
    return readFileSync(join(world.folder, name))
  } catch {
    return undefined
  }
}
