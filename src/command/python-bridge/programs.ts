/** The Python programs of a run, and their description in the record. */
import { formatProcessors } from '../../capture/environment/system/execution.ts'
import { redactText } from '../../secrets/redact.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import type { ExecutionFindings, ProgramExecution } from '../../capture/environment/types.ts'
import type { OwnSeed, PythonProgram, PythonSeeds } from '../../capture/seeds/types.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { ReportingProcess } from '../../record/record.ts'
import type { Recorder } from '../../tracking/recorder.ts'
import type { MessageOf } from './messages.ts'

/** Largest number of programs that are distinguished. A run can start any number. */
const PROGRAM_LIMIT = 100_000

/** Largest number of programs that the record lists, and whose start and end states are saved. */
export const LISTED = 32

/** Largest number of seeds recorded per program. */
const SEED_LIMIT = 100

/** Largest number of passes of DataLoaders recorded per program, and of workers of each. */
const LOADER_LIMIT = 32
const WORKER_LIMIT = 64

/** Largest number of settings recorded per program. */
const SETTING_LIMIT = 100

/** Generators whose inherited states are compared. */
const INHERITED_LIMIT = 100_000

/** A process that runs Python. */
export interface Program {
  /** Number of the program: 1, 2, 3, … in the order of the greetings. */
  readonly number: number
  readonly hello: MessageOf<'hello'>
  report: MessageOf<'seeds'> | undefined
  /** Seeds that the program set itself, in the order of its reports. */
  readonly seeds: number[]
  /** Generator states at the start. Libraries are added as they are loaded. */
  start: JsonObject
  readonly files: Set<string>
  /** Generators with which a forked process drew from the state that it began with. */
  readonly inherited: Set<string>
  /** The first passes of DataLoaders over their data. */
  readonly loaders: MessageOf<'loader'>[]
  /** Number of further passes. */
  moreLoaders: number
  /** Report at the end; `undefined` while the program runs, or if it was killed. */
  end: { readonly script: string; readonly at: number } | undefined
  /** Settings at its end; `undefined` while it runs, and if it was killed. */
  execution: MessageOf<'execution'> | undefined
  /** The process as it was recorded; `undefined` before it reports something. */
  announced: ReportingProcess | undefined
  /** When it connected, in milliseconds of the monotonic clock. */
  readonly begin: number
}

/** The programs of one run. */
export class Programs {
  readonly #all: Program[] = []
  #others = 0
  /** Number of processes with one path. */
  readonly #claims = new Map<string, number>()
  /** Processes that drew from one inherited state, by generator and state. */
  readonly #inherited = new Map<string, { readonly name: string; readonly programs: Set<Program> }>()

  /**
   * Return the program of a greeting. A program that connects again is the same one. Return `undefined` if
   * there are too many.
   */
  greet(hello: MessageOf<'hello'>): Program | undefined {
    const known = this.#all.findLast(
      ({ hello: { pid, kind }, end }) => pid === hello.pid && kind === hello.kind && end === undefined,
    )
    if (known) return known
    if (this.#all.length >= PROGRAM_LIMIT) {
      this.#others++
      return undefined
    }
    const program: Program = {
      number: this.#all.length + 1,
      hello,
      report: undefined,
      seeds: [],
      start: {},
      files: new Set(),
      inherited: new Set(),
      loaders: [],
      moreLoaders: 0,
      end: undefined,
      execution: undefined,
      announced: undefined,
      begin: performance.now(),
    }
    this.#all.push(program)
    return program
  }

  /**
   * Record the process of a program that reports something, so that its values can be told from those of others.
   *
   * @returns The number of the process.
   */
  announce(program: Program, recorder: Pick<Recorder, 'recordProcess'>): number {
    const { announced, number } = program
    // A spawned process learns its path after its greeting, and before any code of the program runs.
    const path = program.report?.path ?? program.hello.path
    if (
      announced === undefined ||
      announced.path?.join('.') !== (path.length > 0 ? path.join('.') : undefined)
    ) {
      program.announced = processOf(program, path)
      recorder.recordProcess(program.announced)
    }
    return number
  }

  /** Add a report of seeds to a program. */
  report(program: Program, report: MessageOf<'seeds'>): void {
    program.report = report
    const { seed, origin } = report
    if (origin !== 'set_seeds' || seed === null || program.seeds.length >= SEED_LIMIT) return
    if (program.seeds.at(-1) !== seed) program.seeds.push(seed)
  }

  /** Take a pass of a DataLoader. */
  addLoader(program: Program, loader: MessageOf<'loader'>): void {
    if (program.loaders.length < LOADER_LIMIT) program.loaders.push(loader)
    else program.moreLoaders++
  }

  /** Return how many processes claimed the path of a process before it, and so would have the same seed. */
  claim({ seed, path }: MessageOf<'hello'>): number {
    const key = `${seed} ${path.join('.')}`
    const before = this.#claims.get(key) ?? 0
    this.#claims.set(key, before + 1)
    return before
  }

  /** Take which generators a forked process used in the state of its parent. */
  inherit(program: Program, { generators }: MessageOf<'inherited'>): void {
    for (const { name, state } of generators) {
      const key = `${name} ${state}`
      program.inherited.add(name)
      const group = this.#inherited.get(key)
      if (group !== undefined) group.programs.add(program)
      else if (this.#inherited.size < INHERITED_LIMIT)
        this.#inherited.set(key, { name, programs: new Set([program]) })
    }
  }

  /**
   * Describe in sentences what is wrong with the streams of random numbers of the programs.
   *
   * @param given The seed of the run, if it has one.
   */
  warnings(given: number | undefined): string[] {
    return [
      ...this.#sharedStates(),
      ...this.#sharedSeeds(),
      ...(given === undefined ? [] : this.#ownSeeds(given)),
    ]
  }

  /** Forked processes that drew the same numbers, because each began with the state of the parent. */
  #sharedStates(): string[] {
    const counts = new Map<string, number>()
    for (const { name, programs } of this.#inherited.values()) {
      const kind = name.replace(/ \d+$/, '')
      if (programs.size > 1) counts.set(kind, Math.max(counts.get(kind) ?? 0, programs.size))
    }
    return [...counts].map(
      ([name, count]) =>
        `${count} forked processes drew the same numbers from ${name}, because each began with the state of its parent; seed it in each of them, for example from their start index`,
    )
  }

  /** Programs that ran at the same time and drew from one seed, though no launcher numbered them as ranks of a job. */
  #sharedSeeds(): string[] {
    const groups = new Map<string, Program[]>()
    for (const program of this.#all) {
      const { end, report, hello } = program
      const used = report?.used ?? []
      if (end === undefined || used.length === 0 || hello.kind !== 'program' || isRank(program)) continue
      const key = JSON.stringify([end.script, report?.seed, report?.path])
      groups.set(key, [...(groups.get(key) ?? []), program])
    }
    return [...groups.values()].flatMap((programs) => {
      const count = overlapping(programs)
      const [first] = programs
      if (count < 2 || first?.report?.seed === undefined || first.report.seed === null) return []
      return `${count} processes of ${first.end?.script} ran at the same time and drew from the same seed ${first.report.seed}; start them from one Python program, or derive the seed of each from lineaprint.seed()`
    })
  }

  /** Programs that set their own seed, which replaced that of the run. */
  #ownSeeds(given: number): string[] {
    const sentences = new Set<string>()
    for (const program of this.#all) {
      const { report, hello, end } = program
      const own = report?.ownSeeds ?? []
      if (own.length === 0 || hello.kind !== 'program' || report?.origin !== 'run') continue
      const script = end === undefined || end.script === '' ? 'a program' : end.script
      const drew = own.filter(({ name }) => report.used?.includes(name) === true)
      const others = own.filter((entry) => !drew.includes(entry))
      if (others.length > 0) {
        const seeds = others.length === 1 ? 'seed' : 'seeds'
        sentences.add(`${script} set its own ${seeds}, which replaced --seed ${given}: ${listOwn(others)}`)
      }
      if (drew.length > 0) {
        const seeds = drew.length === 1 ? 'seed' : 'seeds'
        sentences.add(
          `${script} drew numbers from --seed ${given}, and then set its own ${seeds}: ${listOwn(drew)}`,
        )
      }
    }
    return [...sentences]
  }

  /** Return how many programs had a seed of lineaprint when they started, and how many had none. */
  seeded(): { readonly seeded: number; readonly unseeded: number } {
    // A forked process connects only if it reports something, so those are no count.
    const started = this.#all.filter(({ hello }) => hello.kind !== 'forked')
    const seeded = started.filter(({ hello, report }) => (report?.seed ?? hello.seed) !== null).length
    return { seeded, unseeded: started.length + this.#others - seeded }
  }

  /** Return how the programs were executed; those that launch others compute nothing. */
  executions(): Pick<ExecutionFindings, 'programs' | 'unlisted'> {
    const started = this.#all.filter(({ hello }) => hello.kind !== 'forked' && hello.launcher !== true)
    const programs = started.slice(0, LISTED).map((program): ProgramExecution => {
      const { execution, report, hello } = program
      return {
        ...processOf(program, report?.path ?? hello.path),
        affinity: execution?.affinity === undefined ? null : formatProcessors(execution.affinity),
        settings: execution === undefined ? null : cleanSettings(execution.settings),
        ...(execution?.workers !== undefined && execution.workers > 0 && { workers: execution.workers }),
      }
    })
    const unlisted = started.length - programs.length + this.#others
    return { programs, ...(unlisted > 0 && { unlisted }) }
  }

  [Symbol.iterator](): Iterator<Program> {
    return this.#all.values()
  }

  /** Return the Python part of the seeds capture; `undefined` if there is nothing to record. */
  describe(isPythonCommand: boolean, isAvailable: boolean): PythonSeeds | undefined {
    if (this.#all.length === 0) {
      if (!isPythonCommand) return undefined
      return { status: 'not-reached', reason: isAvailable ? NOT_REACHED : NOT_AVAILABLE, programs: [] }
    }
    const unlisted = Math.max(0, this.#all.length - LISTED) + this.#others
    const programs = this.#all.slice(0, LISTED).map(describeProgram)
    return { status: 'reached', programs, ...(unlisted > 0 && { unlisted }) }
  }
}

function listOwn(own: readonly OwnSeed[]): string {
  return own.map(({ name, seed }) => `${name} ${seed ?? 'from the system'}`).join(', ')
}

const NOT_REACHED =
  'no Python program connected: the program may ignore PYTHONPATH (-E, -I), use Python older than 3.9, or run on another machine or in a container'

/** Why no program can connect. */
export const NOT_AVAILABLE = 'Unix-domain sockets are not available on this system'

function processOf({ number, hello }: Program, path: readonly number[]): ReportingProcess {
  const { pid, rank, localRank, size, script, startTime } = hello
  return {
    number,
    pid,
    ...(typeof rank === 'number' && { rank }),
    ...(typeof localRank === 'number' && { localRank }),
    ...(typeof size === 'number' && { size }),
    ...(path.length > 0 && { path }),
    ...(typeof script === 'string' && script !== '' && { script: script.toWellFormed() }),
    ...(typeof startTime === 'number' && { startTime }),
  }
}

/** Return settings in a fixed order, as text that a record can hold. */
function cleanSettings(settings: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(settings).slice(0, SETTING_LIMIT)
  return Object.fromEntries(
    entries
      .map(([name, text]) => [name.toWellFormed(), redactText(text).toWellFormed()] as const)
      .toSorted(([a], [b]) => compareUtf8(a, b)),
  )
}

function isRank({ hello: { rank } }: Program): boolean {
  return rank !== undefined && rank !== null
}

/** Return the largest number of programs that ran at one time. */
function overlapping(programs: readonly Program[]): number {
  return programs.reduce((most, { begin }) => {
    const running = programs.filter((other) => other.begin <= begin && (other.end?.at ?? Infinity) > begin)
    return Math.max(most, running.length)
  }, 0)
}

function describeLoaders({ loaders, moreLoaders }: Program): Pick<PythonProgram, 'loaders' | 'moreLoaders'> {
  if (loaders.length === 0) return {}
  const described = loaders.map(({ workers, base }) => ({
    workers,
    seeds: Array.from({ length: Math.min(workers, WORKER_LIMIT) }, (_, index) =>
      String(BigInt(base) + BigInt(index)),
    ),
  }))
  return { loaders: described, ...(moreLoaders > 0 && { moreLoaders }) }
}

function describeProgram(program: Program): PythonProgram {
  const { number, hello, report, seeds, files, inherited, end } = program
  const { pid, kind, version, implementation, hashSeed, seed, origin } = hello
  const path = report?.path ?? hello.path
  return {
    number,
    kind,
    pid,
    script: end?.script ?? '',
    version,
    implementation,
    hashSeed,
    // A killed program sends no report.
    seed: report?.seed ?? seed,
    origin: report?.origin ?? origin,
    setSeeds: seeds,
    deterministic: report?.deterministic ?? false,
    targets: (report?.targets ?? []).map((target) => ({ ...target })),
    states: [...files].toSorted(),
    hasEnded: end !== undefined,
    ...(path.length > 0 && { path }),
    ...(typeof hello.rank === 'number' && { rank: hello.rank }),
    ...((report?.used !== undefined || inherited.size > 0) && { used: report?.used ?? [...inherited] }),
    ...(report?.ownSeeds !== undefined && report.ownSeeds.length > 0 && { ownSeeds: report.ownSeeds }),
    ...describeLoaders(program),
  }
}
