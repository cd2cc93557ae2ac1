/** What a sample can and cannot say. */
import { LineaprintError } from '../../core/errors.ts'
import { UNITS } from '../../core/sample-plan.ts'
import type { NativeExtent } from '../../native/load.ts'
import type { Sampled } from '../../core/sample-plan.ts'

/** Changes whose chance of being missed is written into JSON, in units. */
const CHANGES = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]

/** How much was read, and how likely it is that a change was missed. */
export class SampleReport {
  /** What is counted. */
  readonly unit: 'bytes/16384' | 'element' | 'file'
  /** Units of the whole. */
  readonly units: number
  /** Units that were read; all of them where the threshold or the amount said so. */
  readonly read: number
  /** Share of the units that was read, from 0 to 1. */
  readonly share: number
  /** Bytes of the units that were read. The system reads whole pages for them. */
  readonly bytesRead: number
  readonly bytesTotal: number

  constructor(of: Sampled, { units, unitsRead, bytes, bytesRead }: NativeExtent) {
    this.unit = UNITS[of]
    this.units = units
    this.read = unitsRead
    this.share = units === 0 ? 1 : unitsRead / units
    this.bytesRead = bytesRead
    this.bytesTotal = bytes
    Object.freeze(this)
  }

  /**
   * The chance that a change is missed, from 0 to 1.
   *
   * Of n units k were read. If m units change and every set of m is as likely as any other, none of those that
   * were read is among them with the chance C(n - m, k) / C(n, k) (the hypergeometric distribution at 0). For
   * changes that somebody placed, or that lie side by side, this says nothing.
   *
   * @param changedUnits How many units change, from 0 to all.
   */
  missProbability(changedUnits: number): number {
    const { units: n, read: k } = this
    if (!Number.isSafeInteger(changedUnits) || changedUnits < 0 || changedUnits > n) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a number of units', {
        field: 'changedUnits',
        expected: `a whole number from 0 to ${n}`,
        received: String(changedUnits),
      })
    }
    if (changedUnits > n - k) return 0
    // C(n - m, k) / C(n, k) is C(n - k, m) / C(n, m): of both products the shorter one. In logarithms, as the
    // factors are close to 1; where the sum is this low, the chance is less than any double but 0.
    const factors = Math.min(k, changedUnits)
    const other = Math.max(k, changedUnits)
    let logarithm = 0
    for (let i = 0; i < factors && logarithm > -746; i++) logarithm += Math.log1p(-other / (n - i))
    return Math.exp(logarithm)
  }

  /** For records: the method as a table, from changed units to the chance of missing them. */
  toJSON(): object {
    const changes = CHANGES.filter((changed) => changed <= this.units)
    const chances = changes.map((changed) => [String(changed), this.missProbability(changed)])
    const { unit, units, read, share, bytesRead, bytesTotal } = this
    const missProbability: Readonly<Record<string, number>> = Object.fromEntries(chances)
    return { unit, units, read, share, bytesRead, bytesTotal, missProbability }
  }
}
