/** The digest of named splits. */
import { primary, toDigests } from '../../core/digest.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { native } from '../../native/load.ts'
import type { AlgorithmChoice, Digest, Digests } from '../../core/digest.ts'
import type { DatasetSequence } from '../describe-sequence.ts'
import type { DatasetTable } from '../describe-table.ts'
import type { LeakReport } from '../leaks.ts'

/** A split of a dataset: the table that its files are, or the sequence of its records. */
export type DatasetSplit = { readonly name: string } & SplitContent

/** The content of a split. */
export type SplitContent =
  | { readonly table: DatasetTable; readonly sequence?: never }
  | { readonly sequence: DatasetSequence; readonly table?: never }

/** The rows that are in several splits, or several times in one. The digest does not cover them. */
export type SplitLeaks = Pick<LeakReport, 'splits' | 'pairs'>

/** Named splits. */
export interface DatasetSplits {
  /** Digest of kind `splits`: the same names with the same tables or sequences, in any order. */
  readonly digest: Digest
  readonly digests: Digests
  /** In the order of the bytes of their names. */
  readonly list: readonly DatasetSplit[]
  /** Absent unless they were counted. */
  readonly leaks?: SplitLeaks
}

/** Compute the `splits` digest (section 3 of `docs/format.md`) of splits in any order. */
export function splitsDigest(
  splits: readonly DatasetSplit[],
  algorithm: AlgorithmChoice = 'blake3',
): DatasetSplits {
  const list = splits.toSorted((a, b) => compareUtf8(a.name, b.name))
  const described = list.map(({ name, table, sequence }) => {
    const { digest, digests } = table ?? sequence
    return {
      name,
      kind: digest.kind ?? '',
      ...(digests.blake3 && { blake3: digests.blake3.bytes }),
      ...(digests.sha256 && { sha256: digests.sha256.bytes }),
    }
  })
  const digests = toDigests(native.splitsDigest(described, algorithm), 'splits')
  return { digest: primary(digests), digests, list }
}
