/** A source of system metrics. */
export interface SystemSource {
  /** For the warning when it fails. */
  readonly name: string
  /** True if it is left out where somebody waits for the sample. */
  readonly slow?: boolean
  /** Values by the end of their name; `undefined` if there is nothing here to sample, now and later. */
  sample(signal: AbortSignal): Promise<Readonly<Record<string, number>> | undefined>
}
