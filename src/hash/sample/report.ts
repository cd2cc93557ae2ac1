/** The extent of a sample and its probability of missing a change. */
import { LineaprintError } from '../../core/errors.ts'
import { UNITS } from '../../core/sample-plan.ts'
import type { NativeExtent } from '../../native/load.ts'
import type { Sampled } from '../../core/sample-plan.ts'

/** Numbers of changed units for which the JSON form gives the probability of missing all of them. */
const CHANGES = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]

/** The extent of a sample, and the probability that it missed a change. */
export class SampleReport {
  /** The unit that is counted. */
  readonly unit: 'bytes/16384' | 'element' | 'file'
  /** Units in total. */
  readonly units: number
  /** Units read; all of them if the threshold or the amount covers everything. */
  readonly read: number
  /** Share of the units read, from 0 to 1. */
  readonly share: number
  /** Bytes of the units read. The system reads whole pages for them. */
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
   * Return the probability that a change is missed, from 0 to 1.
   *
   * Of n units k were read. If m units change and every set of m is equally likely, the probability that none
   * of them was read is C(n - m, k) / C(n, k) (the hypergeometric distribution at 0). It does not apply to
   * changes made on purpose or clustered together.
   *
   * @param changedUnits Number of units that change, from 0 to all.
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
    // C(n - m, k) / C(n, k) equals C(n - k, m) / C(n, m); the shorter product is used. Logarithms, as the
    // factors are close to 1. Below this sum the probability is smaller than any double but 0.
    const factors = Math.min(k, changedUnits)
    const other = Math.max(k, changedUnits)
    let logarithm = 0
    for (let i = 0; i < factors && logarithm > -746; i++) logarithm += Math.log1p(-other / (n - i))
    return Math.exp(logarithm)
  }

  /**
   * Return the form for records: a table from numbers of changed units to the probability of missing them.
   */
  toJSON(): object {
    const changes = CHANGES.filter((changed) => changed <= this.units)
    const chances = changes.map((changed) => [String(changed), this.missProbability(changed)])
    const { unit, units, read, share, bytesRead, bytesTotal } = this
    const missProbability: Readonly<Record<string, number>> = Object.fromEntries(chances)
    return { unit, units, read, share, bytesRead, bytesTotal, missProbability }
  }
}
