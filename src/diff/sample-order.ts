/** Words for two runs that got samples in different orders, or different samples. */

/** The part of the comparison of a logged digest that is needed here. */
interface ComparedDigest {
  readonly name: string
  readonly same: boolean
  /** Null if the run logged none of that name. */
  readonly before: object | null
  readonly after: object | null
  /** Steps of one run alone. */
  readonly onlyBefore: number
  readonly onlyAfter: number
}

/** Name of the digests of an order, as `trackBatches` records them; a rank is named after the epoch. */
const ORDER = /^(index )?order of (.*, epoch \d+.*)$/s

/** Batches up to which each has a digest; after them, a digest can stand for several. */
const EACH = 1024

/**
 * Say what two orders of samples have in common.
 *
 * @param name Name of the digests that diverge.
 * @param batch Number of the first batch whose digests differ, from 1; `null` if it has none.
 * @param digests All logged digests of both runs.
 * @returns `undefined` for digests that are not of an order of samples.
 */
export function orderDetail(
  name: string,
  batch: number | null | undefined,
  digests: readonly ComparedDigest[],
): string | undefined {
  const [, index = '', label] = ORDER.exec(name) ?? []
  if (label === undefined || typeof batch !== 'number') return undefined
  const from = batch <= EACH ? `from batch ${batch} on` : `from a batch up to ${batch} on`
  const named = (what: string): ComparedDigest | undefined =>
    digests.find((digest) => digest.name === `${index}${what} of ${label}`)
  const samples = named('samples')
  if (samples?.before && samples.after) {
    if (!samples.same) return `other data, ${from}`
    const order = digests.find((digest) => digest.name === name)
    // The digests of an order are of its batches: with other batches, they differ also where the samples have one order.
    return order !== undefined && order.onlyBefore + order.onlyAfter > 0
      ? `the same data in batches of other sizes, ${from}; its order may be the same`
      : `the same data in another order, ${from}`
  }
  const batches = named('batches')
  if (batches?.before && batches.after)
    return batches.same
      ? `the same batches in another order, ${from}`
      : `other batches, ${from}; their samples could not be told apart, so these may be the same`
  return `another order or other data, ${from}; an epoch that did not end does not tell which`
}
