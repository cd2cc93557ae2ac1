/** The Python programs of a run, and their description in the record. */
import type { PythonProgram, PythonSeeds } from '../../capture/seeds/types.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { MessageOf } from './messages.ts'

/** Largest number of programs that are distinguished. A run can start any number. */
const PROGRAM_LIMIT = 100_000

/** Largest number of programs that the record lists, and whose start and end states are saved. */
export const LISTED = 32

/** Largest number of seeds recorded per program. */
const SEED_LIMIT = 100

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
  /** Report at the end; `undefined` while the program runs, or if it was killed. */
  end: { readonly script: string } | undefined
}

/** The programs of one run. */
export class Programs {
  readonly #all: Program[] = []
  #others = 0

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
      end: undefined,
    }
    this.#all.push(program)
    return program
  }

  /** Add a report of seeds to a program. */
  report(program: Program, report: MessageOf<'seeds'>): void {
    program.report = report
    const { seed, origin } = report
    if (origin !== 'set_seeds' || seed === null || program.seeds.length >= SEED_LIMIT) return
    if (program.seeds.at(-1) !== seed) program.seeds.push(seed)
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

const NOT_REACHED =
  'no Python program connected: the program may ignore PYTHONPATH (-E, -I), use Python older than 3.9, or run on another machine or in a container'

const NOT_AVAILABLE = 'Unix-domain sockets are not available on this system'

function describeProgram({ number, hello, report, seeds, files, end }: Program): PythonProgram {
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
  }
}
