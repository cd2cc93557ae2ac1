/** Texts of the ticks of an axis: with as many digits as tell neighbours apart. */
import { count } from '../shared/text.ts'

/** Steps between ticks: 1, 2 and 5 times each power of ten that a double has. */
export const STEPS: readonly number[] = Array.from({ length: 628 }, (_, at) => at - 320)
  .flatMap((power) => [1, 2, 5].map((factor) => Number(`${factor}e${power}`)))
  .filter((step) => step > 0)

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400]

/** Steps of an axis of seconds: those of clocks from a second on. */
export const TIME_STEPS: readonly number[] = [
  ...STEPS.filter((step) => step < 1),
  1,
  2,
  5,
  10,
  15,
  30,
  ...[1, 2, 5, 10, 15, 30].map((step) => step * MINUTE),
  ...[1, 2, 3, 6, 12].map((step) => step * HOUR),
  ...STEPS.filter((step) => step >= 1).map((step) => step * DAY),
]

/** Return the text of a tick. @param step Distance of its neighbours. */
export function tickText(value: number, step: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  const [power, last] = [Math.floor(Math.log10(size)), Math.floor(Math.log10(step) + 1e-9)]
  if (size >= 1e7 || size < 1e-4) {
    const digits = Math.max(0, Math.min(15, power - last))
    return value
      .toExponential(digits)
      .replace(/(\.\d*?)0+e/, '$1e')
      .replace('.e', 'e')
      .replace('e+', 'e')
  }
  const decimals = Math.max(0, Math.min(12, -last))
  const [whole = '', part] = value.toFixed(decimals).split('.')
  return `${value < 0 && Number(whole) === 0 ? '-' : ''}${count(Number(whole))}${part === undefined ? '' : `.${part}`}`
}

function two(value: number): string {
  return String(Math.round(value)).padStart(2, '0')
}

/** Return the text of a tick of seconds. @param step Distance of its neighbours. */
export function timeText(seconds: number, step: number): string {
  if (seconds < 0) return `-${timeText(-seconds, step)}`
  if (step >= DAY) return `${tickText(seconds / DAY, step / DAY)} d`
  if (step >= HOUR) return `${count(seconds / HOUR)} h`
  if (step >= MINUTE)
    return seconds < HOUR
      ? `${count(seconds / MINUTE)} min`
      : `${count(Math.floor(seconds / HOUR))}:${two((seconds % HOUR) / MINUTE)} h`
  if (step < 1 || seconds < MINUTE) return `${tickText(seconds, step)} s`
  return `${count(Math.floor(seconds / MINUTE))}:${two(seconds % MINUTE)} min`
}

/** Ticks of a logarithmic axis. */
const POWERS = 6

/** Return the ticks of a logarithmic axis, as powers of ten: whole ones, or those of 1, 2 and 5, or of equal steps. */
export function powersBetween(min: number, max: number): number[] {
  const [first, last] = [Math.ceil(min), Math.floor(max)]
  if (last - first >= 2) {
    const stride = Math.ceil((last - first) / POWERS)
    const start = Math.ceil(first / stride) * stride
    return Array.from(
      { length: Math.floor((last - start) / stride) + 1 },
      (_, index) => start + index * stride,
    )
  }
  if (max - min > 0.8) {
    const powers = Array.from({ length: last - first + 3 }, (_, index) => first - 1 + index)
    return powers
      .flatMap((power) => [1, 2, 5].map((factor) => power + Math.log10(factor)))
      .filter((place) => place >= min && place <= max)
  }
  const [low, high] = [10 ** min, 10 ** max]
  const step = STEPS.find((one) => (high - low) / one <= POWERS) ?? 0
  if (step === 0) return []
  const start = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - start + 1 }, (_, index) =>
    Math.log10((start + index) * step),
  ).filter((place) => Number.isFinite(place))
}
