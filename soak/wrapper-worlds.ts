/** Random worlds for the round `wrapper`: everything that a command inherits, and what it does there. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Generator } from '../src/capture/seeds/generator.ts'

/** A stream of a command: its kind, and what an input holds. */
export interface StreamSpec {
  readonly kind: string
  /** In base64. */
  readonly data?: string
  readonly offset?: number
}

/** The world of a command, in the form that `children/wrapper_driver.py` reads. */
export interface World {
  readonly argv: readonly string[]
  /** The folder of its files. */
  readonly folder: string
  readonly cwd: string
  /** `NAME=value`, bytes as Latin-1. */
  readonly environment: readonly string[]
  readonly umask: number
  readonly nice: number
  readonly oom: number | null
  readonly limits: Readonly<Record<string, readonly [soft: number, hard: number]>>
  readonly ignored: readonly string[]
  readonly blocked: readonly string[]
  readonly session: 'same' | 'group' | 'session'
  readonly stdin: StreamSpec
  readonly stdout: StreamSpec
  readonly stderr: StreamSpec
  readonly further: readonly { readonly fd: number; readonly kind: string; readonly flag: string }[]
  readonly terminal: {
    readonly rows: number
    readonly columns: number
    readonly off: readonly string[]
  } | null
  /** The moment of a SIGKILL: after this many bytes of output, or milliseconds after the start. */
  readonly kill: { readonly bytes: number } | { readonly ms: number } | null
}

/** A step of a command: `read` bytes, `write` random bytes or `text` to a descriptor, and its end. */
export type Step =
  | readonly ['read', number]
  | readonly ['write', number, number, number]
  | readonly ['text', number, string]
  | readonly ['exit', number]
  | readonly ['signal', string]

/** A world, and what the command does in it. */
export interface Case {
  readonly world: World
  readonly plan: readonly Step[]
  /** True if Python is the command itself, and not a shell. */
  readonly isPython: boolean
}

const COMMAND = fileURLToPath(new URL('children/wrapper_command.py', import.meta.url))

const UNLIMITED = -1

/** Chooser of random values. */
export class Choice {
  readonly #random: Generator

  constructor(random: Generator) {
    this.#random = random
  }

  /** Return a whole number from `least` to `most`. */
  number(least: number, most: number): number {
    return least + Math.floor(this.#random.next() * (most - least + 1))
  }

  /** Return true once in `count` times. */
  once(count: number): boolean {
    return this.number(1, count) === 1
  }

  /** Return one of the elements. */
  of<T>(elements: readonly T[]): T {
    const element = elements[this.number(0, elements.length - 1)]
    if (element === undefined) throw new Error('there is nothing to choose from')
    return element
  }

  /** Return each element with a probability of one in `count`. */
  subset<T>(elements: readonly T[], count: number): T[] {
    return elements.filter(() => this.once(count))
  }
}

let interpreter: string | undefined

/** Return the path of Python itself: what is first on `PATH` can be a program that changes variables. */
export function python(): string {
  interpreter ??= execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).trim()
  return interpreter
}

/** Return the argv of the command that reports its world to `report` and follows the plan. */
export function commandOf(report: string, { plan, isPython }: Case): string[] {
  if (isPython) return [python(), COMMAND, 'self', report, JSON.stringify(plan)]
  // A shell ignores no signal, as Python does, but it blocks none.
  const script = '"$0" "$1" world "$2" $$ && exec "$0" "$1" act "$2" "$3"'
  return ['/bin/sh', '-c', script, python(), COMMAND, report, JSON.stringify(plan)]
}

/** Return the argv of the command that prints lines until it has ended. */
export function streamOf(folder: string, lines: number): string[] {
  return [python(), COMMAND, 'stream', folder, String(lines)]
}

/** Variables that every world has: captures are slow, and their rounds are others. */
export function variablesIn(home: string): string[] {
  return [
    `PATH=${process.env['PATH'] ?? ''}`,
    `HOME=${home}`,
    `XDG_CACHE_HOME=${process.env['XDG_CACHE_HOME'] ?? join(home, 'cache')}`,
    'LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING=false',
    'LINEAPRINT_ENABLE_GIT_TRACKING=false',
    'TERM=xterm',
  ]
}

/** Variables that are passed on in a wrong form by programs that take them for text, or for names of their own. */
const VARIABLES = [
  'EMPTY=',
  'LINES_OF_TEXT=a\nb\n',
  'NOT_UTF8=caf\xe9',
  'name.with-others=x',
  'EQUALS=a=b==',
  'NODE_OPTIONS=',
  'PYTHONPATH=/nowhere',
  'LC_ALL=C',
  'TZ=Asia/Tokyo',
  'SHLVL=7',
  'OLDPWD=/nowhere',
  'PWD=/nowhere',
  '_=/nowhere/x',
  'BASH_FUNC_f%%=() {  :; }',
  `LONG=${'x'.repeat(100_000)}`,
] as const

/** Signals that programs leave ignored or blocked for those they start. */
const SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTERM',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
] as const
const IGNORED = [
  ...SIGNALS,
  'SIGPIPE',
  'SIGCHLD',
  'SIGWINCH',
  'SIGXFSZ',
  'SIGALRM',
  'SIGIO',
  'SIGRTMAX',
] as const
const BLOCKED = [...SIGNALS, 'SIGWINCH', 'SIGALRM', 'SIGURG', 'SIGRTMIN'] as const

const LIMITS: readonly (readonly [name: string, soft: readonly number[], hard: number])[] = [
  ['RLIMIT_NOFILE', [256, 1024, 4096], 4096],
  ['RLIMIT_CORE', [0, 4096], 4096],
  ['RLIMIT_STACK', [8 << 20, 64 << 20], UNLIMITED],
  ['RLIMIT_FSIZE', [1 << 30], UNLIMITED],
  ['RLIMIT_CPU', [3600], UNLIMITED],
  ['RLIMIT_MEMLOCK', [65_536], 65_536],
  ['RLIMIT_NICE', [10], 20],
  ['RLIMIT_RTPRIO', [3], 5],
  ['RLIMIT_SIGPENDING', [500], 1000],
  ['RLIMIT_MSGQUEUE', [4096], 8192],
]

const SIZES = [0, 1, 2, 100, 4096, 65_536, 65_537, 300_000] as const

/** Return a random case with files of its own below `base`. */
export function randomCase(choice: Choice, base: string, number: number): Case {
  const folder = join(base, `case-${number}`)
  const cwd = join(folder, choice.of(['work', 'a b', 'ü', "it's", 'new\nline']))
  mkdirSync(cwd, { recursive: true })
  const terminal = choice.once(5)
    ? {
        rows: choice.number(1, 200),
        columns: choice.number(20, 300),
        off: choice.subset(['ECHO', 'ISIG', 'IEXTEN', 'ECHOE'], 3),
      }
    : null
  const stdout: StreamSpec = {
    kind: terminal
      ? choice.of(['tty', 'tty', 'pipe', 'file'])
      : choice.of(['pipe', 'pipe', 'pipe', 'file', 'file', 'append', 'null', 'closed', 'broken']),
  }
  const stderr: StreamSpec = {
    kind: terminal
      ? choice.of(['tty', 'tty', 'pipe', 'file'])
      : stdout.kind === 'closed' || stdout.kind === 'broken'
        ? choice.of(['pipe', 'file'])
        : choice.of(['pipe', 'pipe', 'file', 'append', 'null', 'same']),
  }
  const stdin = inputOf(choice, terminal !== null)
  const world: World = {
    argv: [],
    folder,
    cwd,
    environment: [...variablesIn(join(base, 'home')), ...choice.subset(VARIABLES, 3)],
    umask: choice.of([0o022, 0o077, 0o027, 0o002, 0]),
    nice: choice.of([0, 0, 0, 1, 7]),
    oom: choice.of([null, null, 0, 300]),
    limits: Object.fromEntries(
      choice.subset(LIMITS, 4).map(([name, soft, hard]) => [name, [choice.of(soft), hard] as const]),
    ),
    ignored: choice.subset(IGNORED, 6),
    blocked: choice.subset(BLOCKED, 10),
    session: choice.of(['same', 'group', 'session'] as const),
    stdin,
    stdout,
    stderr,
    further: choice.subset([3, 4, 9, 10, 11, 19, 63, 100, 200], 5).map((fd) => ({
      fd,
      kind: choice.of(['file', 'pipe', 'null']),
      flag: choice.of(['', '', 'nonblocking']),
    })),
    terminal,
    kill: null,
  }
  return { world, plan: planOf(choice, world), isPython: choice.once(2) }
}

function inputOf(choice: Choice, isTerminal: boolean): StreamSpec {
  const kind = isTerminal
    ? choice.of(['tty', 'tty', 'file'])
    : choice.of(['file', 'file', 'pipe', 'pipe', 'null', 'closed'])
  const length = kind === 'tty' ? choice.number(0, 5) : choice.of([0, 1, 10, 5000, 60_000])
  const text = kind === 'tty' ? 'typed line\n'.repeat(length) : 'abcdefgh'.repeat(length).slice(0, length)
  const offset = kind === 'file' ? choice.number(0, Math.min(20, length)) : 0
  return { kind, data: Buffer.from(text).toString('base64'), offset }
}

function planOf(choice: Choice, { stdin, stdout, terminal }: World): Step[] {
  const steps: Step[] = []
  const hasInput = ['file', 'pipe'].includes(stdin.kind)
  if (hasInput && choice.once(2)) steps.push(['read', choice.of([0, 1, 7, 100])])
  if (stdin.kind === 'tty' && (stdin.data ?? '') !== '' && choice.once(2)) steps.push(['read', 11])
  if (stdout.kind === 'broken') {
    // A relay can only report a reader that is gone after it has written.
    steps.push(['write', 1, 1, 1 << 20])
  } else {
    for (let count = choice.number(0, 6); count > 0; count--) {
      const fd = choice.of([1, 1, 2])
      // The driver of a terminal changes bytes, and states of lines: there it is text.
      if (terminal !== null)
        steps.push(['text', fd, `${choice.of(['a', 'ü', 'long'.repeat(50)])} ${count}\n`])
      else steps.push(['write', fd, choice.number(0, 1e6), choice.of(SIZES)])
    }
  }
  const end = choice.of([0, 0, 0, 1, 2, 3, 77, 126, 127, 130, 200, 255])
  const signal = choice.of(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGSEGV', 'SIGABRT'])
  steps.push(choice.once(5) ? ['signal', signal] : ['exit', end])
  return steps
}
