/** Shares as exact fractions: a share converted to a double could select other units than the written one. */
import { greatestCommonDivisor } from '../../core/sample-plan.ts'

/**
 * Parse `1/1000`, `0.001`, `1e-3` or `0.1%` as a fraction in lowest terms.
 *
 * @returns Numerator and denominator; `undefined` for anything else, for 0, for more than 1, and for
 * fractions whose numbers exceed a double's integers.
 */
export function parseShare(text: string): [numerator: number, denominator: number] | undefined {
  const fraction = /^([0-9]{1,20})\/([0-9]{1,20})$/.exec(text)
  if (fraction) return reduce(BigInt(fraction[1] ?? 0), BigInt(fraction[2] ?? 0))
  const decimal = /^([0-9]{1,20})(?:\.([0-9]{1,40}))?(?:e([+-]?[0-9]{1,2}))?(%)?$/i.exec(text)
  if (!decimal) return undefined
  const [, whole = '', decimals = '', exponent = '0', percent] = decimal
  const power = Number(exponent) - decimals.length - (percent === undefined ? 0 : 2)
  const digits = BigInt(whole + decimals)
  return power < 0 ? reduce(digits, 10n ** BigInt(-power)) : reduce(digits * 10n ** BigInt(power), 1n)
}

function reduce(numerator: bigint, denominator: bigint): [number, number] | undefined {
  if (numerator === 0n || numerator > denominator) return undefined
  const divisor = greatestCommonDivisor(numerator, denominator)
  const reduced = denominator / divisor
  if (reduced > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return [Number(numerator / divisor), Number(reduced)]
}
