/** Moments as people write them. */

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The accepted forms, for messages. */
export const MOMENT_HELP = 'a date such as 2025-01-31 or 2025-01-31T12:00Z, or 90m, 12h or 7d'

/**
 * Return milliseconds since 1970 of a date, or of an age such as `90m`, `12h` or `7d`; `undefined` for other text.
 *
 * @param current Milliseconds since 1970 from which an age counts.
 */
export function parseMoment(text: string, current: number = Date.now()): number | undefined {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  // Date.parse accepts many other forms, and they differ between runtimes.
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
  // A day begins at midnight of this zone, as a time without a zone is one of this zone.
  const time = isDate
    ? Date.parse(text.includes('T') ? text : `${text}T00:00`)
    : current - Number(count) * (UNITS[unit ?? ''] ?? NaN)
  return Number.isFinite(time) ? time : undefined
}
