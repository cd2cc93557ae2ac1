/** Output of `lineaprint model --health`. */
import { count, escapeText, isTerminal, paint } from './output.ts'
import { nameTable, shortNumber } from './name-table.ts'
import { plural } from '../../util/plural.ts'
import type { TensorInfo } from '../../model/read.ts'
import type { TensorHealth } from '../../model/health.ts'

/** The most tensors that are listed on a terminal; all are in a pipe and in JSON. */
const LISTED = 40

type Counted = TensorInfo & { readonly health: TensorHealth }

function isIll({ health }: Counted): boolean {
  return health.nan + health.infinite > 0
}

/**
 * Format the health of tensors as a table, those with NaN or infinities first, and a sentence about all of them.
 * Tensors without floating-point numbers are only counted.
 */
export function healthLines(tensors: readonly TensorInfo[]): string[] {
  const counted = tensors.filter((tensor): tensor is Counted => tensor.health !== undefined)
  const ill = counted.filter(isIll)
  const ordered = [...ill, ...counted.filter((tensor) => !isIll(tensor))]
  const shown = isTerminal() ? ordered.slice(0, LISTED) : ordered
  const rows = shown.map(({ name, dtype, health }) => [
    escapeText(name),
    dtype,
    count(health.nan),
    count(health.infinite),
    `${shortNumber(health.zeroShare * 100)} %`,
    shortNumber(health.minimum),
    shortNumber(health.maximum),
    shortNumber(health.mean),
    shortNumber(health.norm),
  ])
  const head = ['tensor', 'dtype', 'NaN', 'Inf', 'zeros', 'min', 'max', 'mean', 'norm']
  const without = tensors.length - counted.length
  return [
    ...(rows.length > 0 ? [nameTable(rows, head)] : []),
    ...(shown.length < ordered.length
      ? [paint('dim', `… and ${plural(ordered.length - shown.length, 'more tensor')}: see --json`)]
      : []),
    ...(isTerminal() ? [verdict(counted.length, ill.length, without)] : []),
  ]
}

function verdict(counted: number, ill: number, without: number): string {
  const rest =
    without === 0 ? '' : `; ${plural(without, 'tensor')} without floating-point numbers that are decoded`
  return ill === 0
    ? `${paint('green', 'no NaN, no infinity')} in ${plural(counted, 'tensor')}${rest}`
    : `${paint('red', 'NaN or infinity')} in ${count(ill)} of ${plural(counted, 'tensor')}${rest}`
}
