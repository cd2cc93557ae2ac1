/** The options of running a program, and its result. */

/** Options for running a program. */
export interface ProgramOptions {
  /** Working directory. */
  readonly directory: string
  /** All environment variables of the program. */
  readonly environment: NodeJS.ProcessEnv
  /** Time limit in milliseconds, after which the program is killed. */
  readonly timeout: number
  /** Signal that kills the program; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Limit of the output in bytes, after which the program is killed. @default 256 MiB */
  readonly outputLimit?: number | undefined
  /** Bytes for the standard input. @default no bytes */
  readonly input?: Uint8Array | undefined
  /**
   * Consumer of the output, called for each chunk; the output is then not collected. An error thrown by it
   * kills the program.
   */
  readonly onOutput?: ((piece: Buffer) => void | Promise<void>) | undefined
  /**
   * Kills the program if it waits to open a FIFO, which no writer may ever open. Only processes of this name are looked
   * at, on Linux. @default the time limit alone ends it
   */
  readonly refuseFifo?: string | undefined
}

/** The result of running a program. */
export type ProgramResult =
  | {
      readonly status: 'ended'
      /** The exit code; `null` if a signal ended it. */
      readonly code: number | null
      /** Empty if `onOutput` consumed it. */
      readonly stdout: Buffer
      /** The first 64 KiB. */
      readonly stderr: string
    }
  | { readonly status: 'not-found' | 'timeout' | 'too-long' | 'failed'; readonly reason: string }
