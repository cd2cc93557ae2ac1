/** Times and durations for people: local times with their zone. JSON has ISO 8601 in UTC and milliseconds. */
import { isTerminal } from './output.ts'

/**
 * Format a recorded time as a local time with its offset from UTC: `2026-01-31 18:15 +01:00`, in a pipe with all of its
 * digits and without spaces: `2026-01-31T18:15:07.123+01:00`. A record is untrusted: what is no time is returned as it is.
 *
 * @param detail `seconds` shows seconds on a terminal, too.
 */
export function localTime(recorded: string, detail: 'minutes' | 'seconds' = 'minutes'): string {
  const time = new Date(recorded)
  if (Number.isNaN(time.getTime())) return recorded
  const offset = -time.getTimezoneOffset()
  const local = new Date(time.getTime() + offset * 60_000).toISOString()
  const day = local.slice(0, local.indexOf('T'))
  const clock = local.slice(local.indexOf('T') + 1, -1)
  if (!isTerminal()) return `${day}T${clock}${offset === 0 ? 'Z' : offsetText(offset)}`
  return `${day} ${clock.slice(0, detail === 'minutes' ? 5 : 8)} ${offset === 0 ? 'UTC' : offsetText(offset)}`
}

function offsetText(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${pad(hours)}:${pad(rest)}`
}

/** Format a duration for people: `412 ms`, `3.2 s`, `4 min 05 s`, `2 h 04 min`, `3 d 02 h`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  // Values that would round up to the next unit are shown in it.
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`
  return `${Math.floor(whole / 86_400)} d ${pad(Math.floor((whole % 86_400) / 3600))} h`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
