/**
 * What a capture is: something that looks at the world at the start of a run, and can be compared with
 * another look later. The built-in captures and those that users register have this same form.
 */
import type { AlgorithmChoice } from './digest.ts'
import type { JsonObject } from './json-value.ts'

/** What a capture is given. */
export interface CaptureContext {
  /** Absolute path of the folder the run works in. */
  readonly directory: string
  /** Hash function of the digests. */
  readonly algorithm: AlgorithmChoice
  /** Program and arguments of the command that is run; absent for a program that tracks itself. */
  readonly command?: readonly string[] | undefined
  /**
   * Called when what is left to look at does not change with the run, so that its command may start. A capture that
   * never calls it is waited for.
   */
  readonly onSettled?: (() => void) | undefined
  /**
   * Resolves when the command runs, or never will. What need not be seen before it starts is looked at after that, so
   * that it starts sooner; absent where there is no command to wait for. Call `onSettled` before you wait for it.
   */
  readonly commandStarted?: Promise<void> | undefined
  /** Stops the capture; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Where the capture may write files that belong to the run (a patch, untracked files). Absent: writes none. */
  readonly filesDirectory?: string | undefined
}

/** What a capture found. */
export interface Captured {
  /** Written form of the structured digest of the digest fields, for example `git.v1.blake3:…`. */
  readonly digest: string
  /** Everything found, volatile parts included. */
  readonly value: JsonObject
  /** Plain sentences about what could not be seen and why. */
  readonly warnings: readonly string[]
}

/** One field in which two captures differ. */
export interface Difference {
  /** Path of the field, segments joined by `.`, for example `npm.packages.zod`. */
  readonly field: string
  /** What it was; absent if the field is new. */
  readonly before?: string | undefined
  /** What it is; absent if the field is gone. */
  readonly after?: string | undefined
}

/** The answer of a comparison. */
export interface Comparison {
  readonly status: 'same' | 'changed' | 'missing' | 'not-checked'
  /** Why, where the status alone does not say it. */
  readonly reason?: string | undefined
  readonly differences: readonly Difference[]
}

/** A capture. `name` is the field of the record that holds what it found. */
export interface Component {
  readonly name: string
  /** Looks at the world. Throws only for what makes the whole capture impossible. */
  capture(context: CaptureContext): Promise<Captured>
  /** Compares two captures of this component by their digest fields. */
  compare(before: Captured, after: Captured): Comparison
}
