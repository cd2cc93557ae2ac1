/** The option `systemMetrics`. */
import { z } from 'zod/mini'

/** How the machine is looked at while a run goes on. */
export interface SystemMetricsOptions {
  /** Seconds between two looks, from 0.1 to 86,400. @default 10 */
  readonly intervalSeconds?: number | undefined
}

/** The option with its default filled in; `false` where nothing is looked at. */
export type SystemMetricsConfiguration = false | { readonly intervalSeconds: number }

const DEFAULT_SECONDS = 10

/** Bounds of the interval, in seconds. */
export const INTERVAL_BOUNDS: readonly [least: number, most: number] = [0.1, 86_400]

/** Checks the option. */
export const systemMetricsSchema: z.ZodMiniType = z.custom(
  isOption,
  `true, false or { intervalSeconds: ${INTERVAL_BOUNDS.join(' to ')} }`,
)

function isOption(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { intervalSeconds, ...others } = value as Record<string, unknown>
  if (Object.keys(others).length > 0) return false
  if (intervalSeconds === undefined) return true
  const [least, most] = INTERVAL_BOUNDS
  return typeof intervalSeconds === 'number' && intervalSeconds >= least && intervalSeconds <= most
}

/** The option as it is recorded and used. */
export function systemMetricsOf(
  option: boolean | SystemMetricsOptions | undefined,
): SystemMetricsConfiguration {
  if (option === undefined || option === false) return false
  const intervalSeconds = option === true ? undefined : option.intervalSeconds
  return Object.freeze({ intervalSeconds: intervalSeconds ?? DEFAULT_SECONDS })
}

/** The option as a variable says it: seconds, or a word for yes or no; other text is left to be refused. */
export function systemMetricsFromText(text: string): unknown {
  const word = text.trim().toLowerCase()
  if (['true', 'yes', 'on'].includes(word)) return true
  if (['false', 'no', 'off', '0'].includes(word)) return false
  const seconds = Number(word)
  return word !== '' && Number.isFinite(seconds) ? { intervalSeconds: seconds } : text
}
