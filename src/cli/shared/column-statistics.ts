/** The statistics of a column as one line. */
import { count, isTerminal } from './output.ts'
import type { ColumnStatistics } from '../../dataset/statistics.ts'

/** Return what is known of the values of a column of this type; on a terminal with a picture of its histogram. */
export function statisticsText(statistics: ColumnStatistics, type: string): string {
  const { nulls, minimum, maximum, mean, shortest, longest, trues, histogram } = statistics
  const unit = /^(?:list|map)</.test(type) ? 'element' : 'byte'
  const infinite = (statistics.infinity ?? 0) + (statistics.negativeInfinity ?? 0)
  return [
    ...(minimum === undefined || maximum === undefined ? [] : [between(minimum, maximum)]),
    ...(shortest === undefined || longest === undefined
      ? []
      : [`${between(shortest, longest)} ${unit}${longest === 1 ? '' : 's'}`]),
    ...(mean === undefined ? [] : [`mean ${shortNumber(mean)}`]),
    ...(trues === undefined ? [] : [`${count(trues)} true`]),
    ...(nulls === 0 ? [] : [`${count(nulls)} null`]),
    ...(statistics.nan === undefined ? [] : [`${count(statistics.nan)} NaN`]),
    ...(infinite === 0 ? [] : [`${count(infinite)} infinite`]),
    ...(histogram === undefined || !isTerminal() ? [] : [picture(histogram.counts)]),
  ].join(', ')
}

function between(low: number | string, high: number | string): string {
  return low === high ? String(low) : `${low} to ${high}`
}

/** Return a number with six digits, without zeros at its end. */
function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)))
}

/** Draw a bar for each bin; one with few values is not empty. */
function picture(counts: readonly number[]): string {
  const most = Math.max(...counts)
  return counts.map((bin) => (bin === 0 ? ' ' : ('▁▂▃▄▅▆▇█'[Math.ceil((bin / most) * 8) - 1] ?? ''))).join('')
}
