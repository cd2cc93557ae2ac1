/** The side of a round of {@link fuzzRound} that changes files and reads them. */
import type { FuzzReport } from './fuzz.ts'

/** Milliseconds that a reading may take: the files are of a few kilobytes at most. */
const SLOW = 1000

/** Cases per line. */
const LINE = 250

/** What came of one case. */
export interface FuzzCase {
  readonly outcome: 'read' | 'refused'
  /** Milliseconds of one reading. */
  readonly took: number
  /** Whether the control takes a refused file. */
  readonly naive?: boolean
  /** What is wrong, if anything is. */
  readonly failure?: string | undefined
}

/**
 * Goes through the cases that the arguments of this process name (first case, number of cases, seed, folder) and prints
 * a line of JSON now and then: who listens knows that nothing hangs.
 *
 * @param once Does one case, drawn from its seed; the files under way belong into the folder.
 */
export async function fuzzCases(once: (seed: number, folder: string) => Promise<FuzzCase>): Promise<void> {
  const [first, count, seed, folder = ''] = process.argv.slice(2)
  let [done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
  let failures: string[] = []
  const end = Number(first) + Number(count)
  for (let index = Number(first); index < end; index++) {
    const own = Number(seed) + index
    const found = await once(own, folder)
    if (found.outcome === 'read') read++
    else refused++
    if (found.naive === true) naive++
    slowest = Math.max(slowest, found.took)
    const failure = found.took > SLOW ? `took ${Math.round(found.took)} ms` : found.failure
    if (failure !== undefined) failures.push(`seed ${own}: ${failure}`)
    if (++done < LINE && index + 1 < end) continue
    const report: FuzzReport = { done, read, refused, naive, slowest, failures }
    process.stdout.write(`${JSON.stringify(report)}\n`)
    ;[done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
    failures = []
  }
}
