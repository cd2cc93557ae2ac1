/**
 * The interface of a capture: it records one aspect of the environment at the start of a run, and compares
 * two such records. Built-in captures and those that users register share this interface.
 */
import type { AlgorithmChoice } from './digest.ts'
import type { JsonObject } from './json-value.ts'

/** The input of a capture. */
export interface CaptureContext {
  /** Absolute path of the folder the run works in. */
  readonly directory: string
  /** Hash function of the digests. */
  readonly algorithm: AlgorithmChoice
  /** Program and arguments of the command that is run; absent for a program that tracks itself. */
  readonly command?: readonly string[] | undefined
  /**
   * Called once the capture has read everything that the run may modify, so that the command may start. The
   * start waits for a capture that never calls it.
   */
  readonly onSettled?: (() => void) | undefined
  /**
   * Resolves when the command has started, or is known never to start. A capture can put off reads until then
   * that the run cannot affect, so that the command starts sooner. Absent if there is no command. Call
   * `onSettled` before waiting for it.
   */
  readonly commandStarted?: Promise<void> | undefined
  /** Stops the capture; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Folder for files that the capture writes into the run (a patch, untracked files). Absent: it writes none.
   */
  readonly filesDirectory?: string | undefined
  /** Set if the capture is made to compare it with a run. @default the capture is that of a run */
  readonly inspection?: Inspection | undefined
}

/**
 * A capture that is compared with a run. The run may come from a stranger, and so may the folder: the capture
 * starts only programs that the person chose (on `PATH`, of the active environment, the program of
 * `command`), and none that a record or a file of a folder names.
 */
export interface Inspection {
  /** The recorded command: it may decide what is read, and never what is started. */
  readonly recordedCommand: readonly string[] | undefined
  /**
   * Report a field that cannot be captured this way, and with it everything below that field.
   *
   * @param field Path as in {@link Difference}.
   * @param when `added`: only if the run does not have the field. @default 'always'
   */
  readonly reportUnchecked: (field: string, reason: string, when?: 'always' | 'added') => void
}

/** The result of a capture. */
export interface Captured {
  /** Written form of the structured digest of the digest fields, for example `git.v1.blake3:…`. */
  readonly digest: string
  /** Everything recorded, fields outside the digest included. */
  readonly value: JsonObject
  /** Sentences about what could not be captured, and why. */
  readonly warnings: readonly string[]
}

/** One field in which two captures differ. */
export interface Difference {
  /** Path of the field, segments joined by `.`, for example `npm.packages.yaml`. */
  readonly field: string
  /** The earlier value; absent if the field is new. */
  readonly before?: string | undefined
  /** The later value; absent if the field was removed. */
  readonly after?: string | undefined
}

/** A part that could not be compared, because it was not captured on one side or both. */
export interface NotChecked {
  /** Path of the part, for example `gpu`. */
  readonly field: string
  readonly reason: string
}

/** The result of a comparison. */
export interface Comparison {
  readonly status: 'same' | 'changed' | 'missing' | 'not-checked'
  /** The reason, if the status alone does not give it. */
  readonly reason?: string | undefined
  readonly differences: readonly Difference[]
  /**
   * Parts that could not be compared. If there are any, the status is `changed` or `not-checked`: `same` means
   * that everything was captured on both sides. @default none
   */
  readonly notChecked?: readonly NotChecked[] | undefined
}

/** A capture. `name` is the field of the record that holds its result. */
export interface Component {
  readonly name: string
  /** Capture the current state. Throws only if the whole capture is impossible. */
  capture(context: CaptureContext): Promise<Captured>
  /** Compares two captures of this component by their digest fields. */
  compare(before: Captured, after: Captured): Comparison
}
