/**
 * Change a project at random and run the commands that read it in this process, with stdout and stderr as terminals.
 *
 * Arguments: first case, number of cases, seed, folder of the project. Prints a line of JSON after each case.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { command as check } from '../../src/cli/commands/check.ts'
import { command as diff } from '../../src/cli/commands/diff/diff.ts'
import { command as exporting } from '../../src/cli/commands/export.ts'
import { command as list } from '../../src/cli/commands/list/list.ts'
import { command as reproduce } from '../../src/cli/commands/reproduce.ts'
import { command as show } from '../../src/cli/commands/show/show.ts'
import { command as verify } from '../../src/cli/commands/verify.ts'
import { printError } from '../../src/cli/shared/output.ts'
import { errorText, joinLines } from '../../src/util/error-text.ts'
import { errorFault, textFault } from '../strangers-judge.ts'
import { mutate } from '../strangers-mutate.ts'
import { CHECKSUMS, GIT_VARIABLES, RUNS, marksIn } from '../strangers-project.ts'
import type { CommandContext } from '../../src/cli/shared/context.ts'

/** The report of one case. */
export interface StrangerReport {
  readonly commands: number
  readonly refused: number
  readonly slowest: number
  readonly failures: readonly string[]
}

/** Milliseconds of one call beyond the time that it takes for the project of a friend. */
const SLOW = 1000

/** Milliseconds after which a call hangs. This process then ends. */
const HANG = 20_000

const COMMANDS: Readonly<Record<string, (context: CommandContext) => Command>> = {
  list,
  show,
  verify,
  diff,
  export: exporting,
  reproduce,
  check,
}

const [first, count, seed, folder = ''] = process.argv.slice(2)
const project = join(folder, 'project')
const print = process.stdout.write.bind(process.stdout)
const written: string[] = []
/** The part of it that went to stdout. */
const documents: string[] = []

// Terminals without colours and without a bar: each escape sequence is then of a stranger.
Object.assign(process.env, GIT_VARIABLES, { NO_COLOR: '1', TERM: 'dumb' })
for (const stream of [process.stdout, process.stderr]) {
  Object.defineProperty(stream, 'isTTY', { value: true })
  Object.defineProperty(stream, 'getColorDepth', { value: () => 1 })
  Object.defineProperty(stream, 'columns', { value: 80 })
  Object.defineProperty(stream, 'write', {
    value: (chunk: string | Uint8Array) => {
      if (stream === process.stdout) documents.push(String(chunk))
      return written.push(String(chunk)) > 0
    },
  })
}
const unhandled: string[] = []
process.on('unhandledRejection', (error) => unhandled.push(`unhandled: ${String(error)}`))

/** The result of one call. */
interface Called {
  readonly took: number
  readonly isRefused: boolean
  readonly fault: string | undefined
}

async function call([name = '', ...args]: readonly string[]): Promise<Called> {
  written.length = 0
  documents.length = 0
  const context: CommandContext = {
    signal: new AbortController().signal,
    exit: () => undefined,
    program: () => Promise.resolve(new Command()),
  }
  const program = COMMANDS[name]?.(context).option('--json').option('--debug') ?? new Command()
  program.exitOverride().configureOutput({ outputError: () => undefined })
  const from = performance.now()
  let fault: string | undefined
  let isRefused = false
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<'hang'>((resolve) => {
    timer = setTimeout(() => resolve('hang'), HANG)
  })
  try {
    if ((await Promise.race([program.parseAsync(args, { from: 'user' }), hang])) === 'hang') {
      fault = 'hangs'
      hasHung = true
    }
  } catch (error) {
    isRefused = true
    fault = errorFault(error)
    printError(`lineaprint: ${joinLines(errorText(error))}`)
  }
  clearTimeout(timer)
  const took = performance.now() - from
  const text = written.join('')
  fault ??= textFault(text) ?? unhandled.pop()
  if (fault === undefined && !isRefused && args.includes('--json') && !isJson(documents.join('')))
    fault = 'no JSON'
  const marks = marksIn(folder)
  if (marks.length > 0) fault = `started ${marks.join(', ')}`
  for (const mark of marks) rmSync(join(folder, 'marks', mark))
  return { took, isRefused, fault }
}

let hasHung = false

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const STORE = ['--output-dir', '.']

/** The calls of a case. Those that start programs are rare. */
function callsOf(random: Generator): string[][] {
  const pick = (values: readonly string[]): string => values[random.integer(0, values.length - 1)] ?? ''
  const id = pick(RUNS)
  const into = join(folder, 'into')
  return [
    ['list', ...STORE],
    ['list', '--json', ...(random.integer(0, 1) === 0 ? [] : STORE)],
    ['show', id, ...STORE],
    ['show', pick([...RUNS, '@latest']), '--json', ...STORE],
    ['diff', pick(RUNS), pick(RUNS), ...STORE],
    ['diff', id, pick(RUNS), '--json', ...STORE],
    ['export', id, '-f', pick(['json', 'yaml', 'slsa', 'cyclonedx']), ...STORE],
    ['export', id, '-f', 'wandb', '--to', into, ...STORE],
    ['check', 'manifest.json', 'data'],
    ['check', 'model.json', 'model'],
    ['check', 'SUMS', '--lenient'],
    ['check', pick(CHECKSUMS), '--json'],
    ['verify', id, '--data', ...STORE],
    ...(random.integer(0, 5) === 0 ? [['verify', id, ...STORE]] : []),
    ...(random.integer(0, 3) === 0 ? [['reproduce', id, '--no-run', '--into', into, ...STORE]] : []),
  ]
}

function restore(): void {
  process.chdir(folder)
  for (const name of ['project', 'into']) rmSync(join(folder, name), { recursive: true, force: true })
  cpSync(join(folder, 'pristine'), project, { recursive: true, verbatimSymlinks: true })
  process.chdir(project)
}

/** A call of each command for the project as a friend hands it over. */
const SOUND: readonly (readonly string[])[] = [
  ['list', ...STORE],
  ['show', 'wrapped', ...STORE],
  ['diff', 'wrapped', 'second', ...STORE],
  ['export', 'wrapped', '-f', 'slsa', ...STORE],
  ['check', 'model.json', 'model'],
  ['verify', 'wrapped', '--data', ...STORE],
  ['verify', 'wrapped', ...STORE],
  ['reproduce', 'wrapped', '--no-run', '--into', join(folder, 'into'), ...STORE],
]

/** Milliseconds that each of {@link SOUND} takes. */
const usual = new Map<string, number>()

/** Return the name of the limit of a call. */
function kindOf(args: readonly string[]): string {
  return args[0] === 'verify' && !args.includes('--data') ? 'verify all' : (args[0] ?? '')
}

async function callSound(args: readonly string[]): Promise<number> {
  const { took, fault, isRefused } = await call(args)
  if (fault !== undefined || isRefused) throw new Error(`${args.join(' ')}: ${fault ?? written.join('')}`)
  rmSync(join(folder, 'into'), { recursive: true, force: true })
  return took
}

/**
 * Return what is wrong with a slow call, if it is slow for its project and not for the machine: the sound call of its
 * kind is timed again, and the changed project gets as much more time as that one takes now.
 */
async function slowness(own: number, args: readonly string[], took: number): Promise<string | undefined> {
  const kind = kindOf(args)
  const sound = SOUND.find((candidate) => kindOf(candidate) === kind) ?? []
  const before = usual.get(kind) ?? 1
  let shortest = took
  for (let attempt = 0; attempt < 3; attempt++) {
    restore()
    const current = await callSound(sound)
    mutate(project, new Generator(own))
    shortest = Math.min(shortest, (await call(args)).took)
    rmSync(join(folder, 'into'), { recursive: true, force: true })
    if (shortest <= SLOW * Math.max(1, current / before) + 2 * current) return undefined
  }
  return `took ${Math.round(shortest)} ms`
}

async function once(own: number): Promise<StrangerReport & { readonly hasHung: boolean }> {
  const calls = callsOf(new Generator(own, 1))
  const failures: string[] = []
  let [refused, slowest] = [0, 0]
  restore()
  const changes = mutate(project, new Generator(own))
  for (const args of calls) {
    const called = await call(args)
    const { took, isRefused } = called
    let { fault } = called
    if (took > SLOW + 2 * (usual.get(kindOf(args)) ?? 0) && !hasHung)
      fault ??= await slowness(own, args, took)
    slowest = Math.max(slowest, took)
    if (isRefused) refused++
    if (fault !== undefined) failures.push(`seed ${own} (${changes.join(', ')}): ${args.join(' ')}: ${fault}`)
    rmSync(join(folder, 'into'), { recursive: true, force: true })
    mkdirSync(join(folder, 'marks'), { recursive: true })
    if (hasHung) break
  }
  return { commands: calls.length, refused, slowest, failures, hasHung }
}

restore()
// Twice: the first call loads its modules.
for (let turn = 0; turn < 2; turn++) {
  for (const args of SOUND) usual.set(kindOf(args), await callSound(args))
}
const end = Number(first) + Number(count)
for (let index = Number(first); index < end; index++) {
  const { hasHung: isOver, ...report } = await once(Number(seed) + index)
  print(`${JSON.stringify(report)}\n`)
  if (isOver) break
}
// A call that hangs keeps a thread of the pool.
process.exit(0)
