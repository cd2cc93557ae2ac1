/** A source of system metrics. */
export interface SystemSource {
  /** Name of the source, for the warning if it fails. */
  readonly name: string
  /** True if the source is skipped when a caller waits for the sample. */
  readonly slow?: boolean
  /** Return values by the last part of their name; `undefined` if this machine can never provide any. */
  sample(signal: AbortSignal): Promise<Readonly<Record<string, number>> | undefined>
}
