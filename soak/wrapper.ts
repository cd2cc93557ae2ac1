/**
 * Run commands with and without `lineaprint run` in random worlds: they find the same environment, descriptors,
 * limits, signals, group and terminal, leave the same output, input and exit code, and go on if the wrapper is killed.
 *
 * The controls are wrappers with one fault each, which must be seen, and one without, in which nothing may be seen.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Generator } from '../src/capture/seeds/generator.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import { differencesOf, listedReason } from './wrapper-differences.ts'
import { Choice, commandOf, python, randomCase, streamOf, variablesIn } from './wrapper-worlds.ts'
import type { Control, Outcome, RoundOptions } from './support/round.ts'
import type { Answer } from './wrapper-differences.ts'
import type { Case, World } from './wrapper-worlds.ts'

/** Options of {@link wrapperRound}. */
export interface WrapperOptions extends RoundOptions {
  /** Commands that are run with and without the wrapper. */
  readonly commands: number
  /** Wrappers that are killed. */
  readonly kills: number
  /** Called with each difference; for a test that expects some. */
  readonly onDifference?: (difference: string, example: Case) => void
  /** The program. @default `bin` of `package.json`, through a link, as npm installs it */
  readonly program?: string | undefined
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DRIVER = fileURLToPath(new URL('children/wrapper_driver.py', import.meta.url))
const PLANTED = fileURLToPath(new URL('children/wrapper_planted.py', import.meta.url))

const FAULTS = [
  'variable',
  'lost variable',
  'descriptor',
  'lost descriptors',
  'blocking',
  'limit',
  'umask',
  'ignored signal',
  'blocked signal',
  'priority',
  'folder',
  'terminal',
  'input',
  'output',
  'order',
  'group',
  'exit code',
] as const

/** Lines of the command whose wrapper is killed, and the bytes that they have. */
const LINES = 1000

/** Run the round. */
export async function wrapperRound(options: WrapperOptions): Promise<Outcome> {
  const { commands, kills, seed, progress, onDifference } = options
  const tally = new Tally()
  const kinds = new Map<string, number>()
  const numbers = { 'killed before the command began': 0, 'killed while it ran': 0, 'killed too late': 0 }
  const controls: Control[] = []
  const killed = { tried: 0, caught: 0 }
  const choice = new Choice(new Generator(seed))
  await withFolder(async (base) => {
    mkdirSync(join(base, 'home'))
    const driver = new Driver()
    try {
      const prefix = [
        options.program ?? linkIn(base),
        'run',
        '--name',
        'w',
        '--output-dir',
        join(base, 'store'),
        '--',
      ]
      for (let number = 0; number < commands; number++) {
        const example = randomCase(choice, base, number)
        const all = await compared(driver, example, prefix)
        const counted = all.filter((difference) => {
          const reason = listedReason(difference, example.world)
          if (reason !== undefined) kinds.set(`listed: ${reason}`, (kinds.get(`listed: ${reason}`) ?? 0) + 1)
          return reason === undefined
        })
        for (const difference of counted) {
          const kind = difference.split(':')[0] ?? ''
          kinds.set(`differences: ${kind}`, (kinds.get(`differences: ${kind}`) ?? 0) + 1)
          onDifference?.(difference, example)
        }
        tally.count(counted.length === 0 ? undefined : `command ${number}: ${counted.join('; ')}`)
        if ((number + 1) % 50 === 0)
          progress(`${tally.failures}/${tally.rounds} commands found or left another world`)
      }
      for (let number = 0; number < kills; number++) {
        const { failure, moment } = await kill(driver, choice, join(base, `kill-${number}`), prefix)
        numbers[moment]++
        tally.count(failure && `kill ${number}: ${failure}`)
        if ((number + 1) % 50 === 0)
          progress(`${numbers['killed while it ran']} wrappers killed while the command ran`)
      }
      const planted = (fault: string): string[] => [python(), PLANTED, fault]
      for (const [number, fault] of commands === 0 ? [] : FAULTS.entries()) {
        const seen = await compared(driver, controlCase(base, `control-${number}`, fault), planted(fault))
        controls.push({
          what: `wrapper with the fault: ${fault}`,
          tried: 1,
          caught: Math.min(1, seen.length),
        })
      }
      const none = await compared(driver, controlCase(base, 'control-none', 'none'), planted('none'))
      if (none.length > 0) tally.fail(`a wrapper that changes nothing: ${none.join('; ')}`)
      for (let number = 0; number < Math.min(3, kills); number++) {
        const { failure, moment } = await kill(
          driver,
          choice,
          join(base, `relay-${number}`),
          planted('relay'),
          1000,
        )
        if (moment !== 'killed while it ran') continue
        killed.tried++
        if (failure !== undefined) killed.caught++
      }
    } finally {
      await driver.close()
    }
  })
  return {
    name: 'wrapper',
    promise:
      'a command under `run` finds and leaves what it finds and leaves alone, and survives the wrapper',
    ...tally.result,
    controls: [
      ...controls,
      ...(kills === 0
        ? []
        : [{ what: 'wrapper that relays the output in the process that is killed', ...killed }]),
    ],
    numbers: {
      ...numbers,
      ...(kills > 0 && numbers['killed while it ran'] === 0 && { 'no kill': 'hit a running command' }),
      ...Object.fromEntries(kinds),
    },
    skipped: [],
  }
}

/** Make the link to the program that npm makes. */
function linkIn(base: string): string {
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    bin: { lineaprint: string }
  }
  const program = join(ROOT, bin.lineaprint)
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build:typescript`)
  const link = join(base, 'bin', 'lineaprint')
  mkdirSync(join(base, 'bin'))
  symlinkSync(program, link)
  return link
}

/** Run a command alone and under a wrapper, and return what differs. */
async function compared(driver: Driver, example: Case, prefix: readonly string[]): Promise<string[]> {
  const { world } = example
  const executions = []
  for (const [kind, before] of [
    ['alone', []],
    ['wrapped', prefix],
  ] as const) {
    const folder = join(world.folder, kind)
    mkdirSync(folder)
    const argv = [...before, ...commandOf(join(folder, 'report.json'), example)]
    const own = { ...world, folder, argv }
    executions.push({ world: own, answer: await driver.run(own) })
  }
  const [alone, wrapped] = executions
  if (alone === undefined || wrapped === undefined) throw new Error('a command was not run')
  return differencesOf(alone, wrapped)
}

/** Return a world in which each of the planted faults makes a difference. */
function controlCase(base: string, name: string, fault: string): Case {
  const folder = join(base, name)
  mkdirSync(join(folder, 'work'), { recursive: true })
  const data = Buffer.from('input\n'.repeat(3)).toString('base64')
  const terminal = fault === 'terminal' ? { rows: 24, columns: 80, off: [] } : null
  const world: World = {
    ...worldIn(base, folder),
    cwd: join(folder, 'work'),
    session: 'same',
    stdin: { kind: terminal ? 'tty' : 'file', data, offset: 0 },
    further: [{ fd: 11, kind: 'file', flag: '' }],
    stderr: { kind: fault === 'order' ? 'same' : 'pipe' },
    terminal,
  }
  return {
    world,
    isPython: fault === 'blocked signal',
    plan: [
      ['read', 4],
      ['write', 1, 1, 1000],
      ['text', 2, 'error\n'],
      ['exit', 5],
    ],
  }
}

function worldIn(base: string, folder: string): World {
  return {
    argv: [],
    folder,
    cwd: folder,
    environment: variablesIn(join(base, 'home')),
    umask: 0o022,
    nice: 0,
    oom: null,
    limits: {},
    ignored: [],
    blocked: [],
    session: 'group',
    stdin: { kind: 'null', data: '' },
    stdout: { kind: 'pipe' },
    stderr: { kind: 'pipe' },
    further: [],
    terminal: null,
    kill: null,
  }
}

type Moment = 'killed before the command began' | 'killed while it ran' | 'killed too late'

/**
 * Kill a wrapper at a random moment, mostly by the output that has arrived. If the command had begun, it must come to
 * its end, and its output must be there.
 */
async function kill(
  driver: Driver,
  choice: Choice,
  folder: string,
  prefix: readonly string[],
  least = 0,
): Promise<{ failure: string | undefined; moment: Moment }> {
  mkdirSync(folder)
  const kind = choice.of(['pipe', 'file', 'append'])
  const [out, err] = [expected('line'), expected('note')]
  const early = least === 0 && choice.once(5)
  const world: World = {
    ...worldIn(join(folder, '..'), folder),
    argv: [...prefix, ...streamOf(folder, LINES)],
    session: choice.of(['same', 'group', 'session'] as const),
    stdout: { kind },
    stderr: { kind },
    ignored: choice.subset(['SIGHUP', 'SIGPIPE'], 4),
    kill: early
      ? { ms: choice.number(0, 500) }
      : { bytes: choice.number(least, Math.floor(out.length * 0.9)) },
  }
  const answer = await driver.run(world)
  const has = (name: string): boolean => existsSync(join(folder, name))
  if (answer.error !== undefined) throw new Error(answer.error)
  if (answer.hung) return { failure: 'something hung', moment: 'killed while it ran' }
  if (!answer.killed) return { failure: undefined, moment: 'killed too late' }
  if (!has('started')) return { failure: undefined, moment: 'killed before the command began' }
  const faults = has('ended') ? [] : ['the command did not come to its end']
  for (const [name, text] of [
    ['stdout', out],
    ['stderr', err],
  ] as const) {
    const head = kind === 'pipe' ? '' : 'before\n'
    const arrived = readFileSync(join(folder, name), 'utf8')
    // Without the process that was killed, nobody writes a summary; warnings come before the command.
    const own = arrived.slice(head.length).replace(/^(?:lineaprint: [^\n]*\n)*/, '')
    if (own.replace(/(?:lineaprint: [^\n]*\n)*$/, '') !== text)
      faults.push(`${arrived.length - head.length} of ${text.length} bytes of ${name} arrived, to a ${kind}`)
  }
  const failure = faults.length === 0 ? undefined : faults.join('; ')
  return { failure, moment: 'killed while it ran' }
}

function expected(word: 'line' | 'note'): string {
  return Array.from({ length: LINES }, (_, number) =>
    word === 'line' ? `line ${number} ${'x'.repeat(number % 900)}\n` : `note ${number}\n`,
  ).join('')
}

/** The process that makes worlds. */
class Driver {
  readonly #child = spawn(python(), [DRIVER], { stdio: ['pipe', 'pipe', 'inherit'] })
  readonly #answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()

  /** Run one command in its world. */
  async run(world: World): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(world)}\n`)
    const { value, done } = await this.#answers.next()
    if (done === true) throw new Error('the driver ended')
    return JSON.parse(value) as Answer
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin.end()
    await ended
  }
}
