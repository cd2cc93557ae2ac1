/**
 * What a capture of the seeds records. {@link CapturedSeeds} is what this version records; {@link SeedsCapture} is what is
 * read from a record of any version, which may lack fields.
 */
import type { Recorded } from '../recorded.ts'
import type { GeneratorState } from './state.ts'

/** Where a seed came from. */
export type SeedSource = 'setSeeds' | 'LINEAPRINT_SEED'

/** Variables of the process that hold seeds or ask for deterministic results. */
export type SeedVariable =
  'PYTHONHASHSEED' | 'LINEAPRINT_SEED' | 'CUBLAS_WORKSPACE_CONFIG' | 'TF_DETERMINISTIC_OPS'

/** What became of one source of randomness in a Python program. */
export type PythonTarget = { readonly name: string; readonly status: string; readonly detail: string }

/** One process of the run that ran Python. */
export type PythonProgram = {
  /** 1, 2, 3, … in the order of their first messages. */
  readonly number: number
  readonly kind: 'program' | 'spawned' | 'forked'
  readonly pid: number
  readonly script: string
  readonly version: string
  readonly implementation: string
  readonly hashSeed: string | null
  readonly seed: number | null
  readonly origin: 'run' | 'set_seeds' | 'derived' | null
  /** Seeds that it set itself, in that order. */
  readonly setSeeds: readonly number[]
  readonly deterministic: boolean
  readonly targets: readonly PythonTarget[]
  /** Files with saved states, below the folder of the run. */
  readonly states: readonly string[]
  readonly hasEnded: boolean
  /** Numbers by which it derives its seed from that of the run. */
  readonly path?: readonly number[]
}

/** What the Python programs of a run reported. */
export type PythonSeeds<P = PythonProgram> =
  | {
      readonly status: 'reached'
      /** The first of them. */
      readonly programs: readonly P[]
      /** How many more there were. */
      readonly unlisted?: number
    }
  | { readonly status: 'not-reached'; readonly reason: string; readonly programs: readonly P[] }

/** The seeds of a process as this version captures them. */
export type CapturedSeeds = {
  /** A whole number from 0 to 2^53 - 1; `null` if none was set. */
  readonly seed: number | null
  readonly source: SeedSource | null
  readonly variables: Readonly<Record<SeedVariable, string | null>>
  /** By their names. */
  readonly generators: Readonly<Record<string, GeneratorState>>
  readonly v8: string
  /** What `--random-seed` was given. */
  readonly mathRandomSeed: string | null
  /** Sources of randomness whose state nothing can read. */
  readonly unreachable: readonly string[]
  /** Only where programs of the run reported, or a program that looks like Python did not. */
  readonly python?: PythonSeeds
}

/**
 * What a record of any version holds of a generator. The digest covers `algorithm` and `state`; whether it can be
 * restored, and so is a {@link GeneratorState}, is known once it is to be.
 */
export type RecordedGenerator = { readonly algorithm: string; readonly state: string } & Recorded<
  Readonly<Record<'version' | 'seed' | 'stream', number>>
>

/** What a record of any version holds of a Python program. */
export type RecordedProgram = Pick<PythonProgram, 'setSeeds'> & Recorded<Omit<PythonProgram, 'setSeeds'>>

/** The seeds as a record of any version holds them. */
export type SeedsCapture = Pick<CapturedSeeds, 'seed'> & {
  readonly variables: Readonly<Record<string, string | null>>
  readonly generators: Readonly<Record<string, RecordedGenerator>>
  readonly python?: PythonSeeds<RecordedProgram>
} & Recorded<Pick<CapturedSeeds, 'source' | 'v8' | 'mathRandomSeed' | 'unreachable'>>
