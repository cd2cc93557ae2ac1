/** Where a tracker works, and what its run wraps. */
import type { Progress } from '../core/options.ts'
import type { ExperimentOptions } from '../config/options.ts'

/** Where a tracker works; everything has a default. */
export interface TrackerSettings {
  /** Folder the run works in. @default the working directory */
  readonly directory?: string | undefined
  /** A configuration file instead of the one in that folder. */
  readonly configurationFile?: string | undefined
  /** Variables of the environment. @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Options that are weaker than file and variables. */
  readonly defaults?: ExperimentOptions | undefined
  /** The options that file and variables decide; the options of the tracker alone decide the others. @default all */
  readonly optionsFromSources?: readonly (keyof ExperimentOptions)[] | undefined
  /** Called with the progress of the digest under way. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Stops captures and digests; the call under way then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A command that a run wraps. */
export interface WrappedCommand {
  /** Program and arguments. */
  readonly argv: readonly string[]
  /** Resolves when the command runs, or never will; captures that can wait for it do. */
  readonly started: Promise<void>
}

/** The settings of a recorder: those of a tracker, and the command that the run wraps. */
export interface RecorderSettings extends TrackerSettings {
  /** Absent for a program that tracks itself. */
  readonly command?: WrappedCommand | undefined
}
