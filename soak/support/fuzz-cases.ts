/** The child's side of {@link fuzzRound}: it changes files and reads them. */
import type { FuzzReport } from './fuzz.ts'

/** Maximum milliseconds of one read: the files have a few kilobytes at most. */
const SLOW = 1000

/** Cases per line. */
const LINE = 50

/** The result of one case. */
export interface FuzzCase {
  readonly outcome: 'read' | 'refused'
  /** Milliseconds of one read. */
  readonly took: number
  /** True if the control accepts a refused file. */
  readonly naive?: boolean
  /** Description of the failure, if there is one. */
  readonly failure?: string | undefined
}

/**
 * Run the cases given by the arguments of this process (first case, number of cases, seed, folder) and print
 * a line of JSON regularly, so that the parent can detect a hang.
 *
 * @param once Runs one case, drawn from its seed; its temporary files belong into the folder.
 */
export async function fuzzCases(once: (seed: number, folder: string) => Promise<FuzzCase>): Promise<void> {
  const [first, count, seed, folder = ''] = process.argv.slice(2)
  let [done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
  let failures: string[] = []
  const end = Number(first) + Number(count)
  for (let index = Number(first); index < end; index++) {
    const own = Number(seed) + index
    let result = await once(own, folder)
    // Another program may have had the processor: the read must be slow again.
    if (result.took > SLOW) result = await once(own, folder)
    if (result.outcome === 'read') read++
    else refused++
    if (result.naive === true) naive++
    slowest = Math.max(slowest, result.took)
    const failure = result.took > SLOW ? `took ${Math.round(result.took)} ms` : result.failure
    if (failure !== undefined) failures.push(`seed ${own}: ${failure}`)
    if (++done < LINE && index + 1 < end) continue
    const report: FuzzReport = { done, read, refused, naive, slowest, failures }
    process.stdout.write(`${JSON.stringify(report)}\n`)
    ;[done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
    failures = []
  }
}
