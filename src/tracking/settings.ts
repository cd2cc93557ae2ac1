/** The settings of a tracker: its working folder, its sources of options, and the wrapped command. */
import type { Progress } from '../core/options.ts'
import type { LaunchRecord } from '../record/record.ts'
import type { ExperimentOptions } from '../config/options.ts'

/** The settings of a tracker. All of them have a default. */
export interface TrackerSettings {
  /** Working folder of the run. @default the working directory */
  readonly directory?: string | undefined
  /** Path of a configuration file, instead of the one in that folder. */
  readonly configurationFile?: string | undefined
  /** Environment variables. @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Options with a lower priority than the file and the variables. */
  readonly defaults?: ExperimentOptions | undefined
  /**
   * The options that the file and the variables may set; all others come from the options of the tracker
   * alone. @default all
   */
  readonly optionsFromSources?: readonly (keyof ExperimentOptions)[] | undefined
  /**
   * False if an error of a call that records something is a warning of the run, and the call returns `undefined`.
   * Starting and finishing a run throw in any case. @default true, or what `LINEAPRINT_STRICT` says
   */
  readonly strict?: boolean | undefined
  /** Called with the progress of the current digest. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Stops captures and digests. The current call then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** The command that a run wraps, or the program beside which the recorder of its run works. */
export interface WrappedCommand {
  /** Program and arguments. */
  readonly argv: readonly string[]
  /**
   * Resolves when the command has started, or when it will never start. Captures that can wait for it do so.
   */
  readonly started: Promise<void>
  /** False for a program that cannot be started again by its command line, as a kernel. @default true */
  readonly isRepeatable?: boolean | undefined
  /** The launch of which it is the first rank on this machine. */
  readonly launch?: LaunchRecord | undefined
}

/** The settings of a recorder: those of a tracker, and the command that the run wraps. */
export interface RecorderSettings extends TrackerSettings {
  /** The wrapped command; absent for a program that tracks itself. */
  readonly command?: WrappedCommand | undefined
}
