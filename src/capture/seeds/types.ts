/**
 * Types of a seeds capture. {@link CapturedSeeds} is the form that this version records; {@link SeedsCapture}
 * is the form that is read from a record of any version, which may lack fields.
 */
import type { Recorded } from '../recorded.ts'
import type { GeneratorState } from './state.ts'

/** The origin of a seed. */
export type SeedSource = 'setSeeds' | 'LINEAPRINT_SEED'

/** Variables of the process that hold seeds or request deterministic results. */
export type SeedVariable =
  'PYTHONHASHSEED' | 'LINEAPRINT_SEED' | 'CUBLAS_WORKSPACE_CONFIG' | 'TF_DETERMINISTIC_OPS'

/** The effect of a seed on one source of randomness in a Python program. */
export type PythonTarget = { readonly name: string; readonly status: string; readonly detail: string }

/** A seed that a program set itself; `null` if it took one from the system. */
export type OwnSeed = { readonly name: string; readonly seed: string | null }

/** A process of the run that executed Python. */
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
  /** Seeds that the program set itself, in order. */
  readonly setSeeds: readonly number[]
  readonly deterministic: boolean
  readonly targets: readonly PythonTarget[]
  /** Files with saved states, below the folder of the run. */
  readonly states: readonly string[]
  readonly hasEnded: boolean
  /** The path of numbers from which its seed is derived, starting at the seed of the run. */
  readonly path?: readonly number[]
  /** Number in the job of a launcher. All ranks of a job keep the seed of the run. */
  readonly rank?: number
  /** Generators that drew from the seed; absent if the program was killed. */
  readonly used?: readonly string[]
  /** Seeds that were effective instead, by generator. */
  readonly ownSeeds?: readonly OwnSeed[]
  /** The first passes of DataLoaders of PyTorch over their data: the seed of each worker, up to a limit, as text. */
  readonly loaders?: readonly { readonly workers: number; readonly seeds: readonly string[] }[]
  /** Number of further passes. */
  readonly moreLoaders?: number
}

/** The seeds that the Python programs of a run reported. */
export type PythonSeeds<P = PythonProgram> =
  | {
      readonly status: 'reached'
      /** The first programs, up to a limit. */
      readonly programs: readonly P[]
      /** Number of further programs. */
      readonly unlisted?: number
    }
  | { readonly status: 'not-reached'; readonly reason: string; readonly programs: readonly P[] }

/** The seeds of a process as this version captures them. */
export type CapturedSeeds = {
  /** A whole number from 0 to 2^53 - 1; `null` if none was set. */
  readonly seed: number | null
  readonly source: SeedSource | null
  readonly variables: Readonly<Record<SeedVariable, string | null>>
  /** States of the generators, by name. */
  readonly generators: Readonly<Record<string, GeneratorState>>
  readonly v8: string
  /** The value of `--random-seed`. */
  readonly mathRandomSeed: string | null
  /** Sources of randomness whose state nothing can read. */
  readonly unreachable: readonly string[]
  /** Present only if programs of the run reported, or a program that seems to be Python did not. */
  readonly python?: PythonSeeds
}

/**
 * A generator in a record of any version. The digest covers `algorithm` and `state`. Whether it can be
 * restored, and so is a {@link GeneratorState}, is checked when it is restored.
 */
export type RecordedGenerator = { readonly algorithm: string; readonly state: string } & Recorded<
  Readonly<Record<'version' | 'seed' | 'stream', number>>
>

/** A Python program in a record of any version. */
export type RecordedProgram = Pick<PythonProgram, 'setSeeds'> & Recorded<Omit<PythonProgram, 'setSeeds'>>

/** The seeds in a record of any version. */
export type SeedsCapture = Pick<CapturedSeeds, 'seed'> & {
  readonly variables: Readonly<Record<string, string | null>>
  readonly generators: Readonly<Record<string, RecordedGenerator>>
  readonly python?: PythonSeeds<RecordedProgram>
} & Recorded<Pick<CapturedSeeds, 'source' | 'v8' | 'mathRandomSeed' | 'unreachable'>>
