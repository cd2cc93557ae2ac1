/** The order of runs of one launch. */
import type { ListedRun } from './listed-run.ts'

/**
 * Return runs with those of one launch side by side, at the place of the first: each machine of a launch has a run, and
 * that with the lowest rank comes first.
 *
 * @param runs Oldest first.
 */
export function groupLaunches(runs: readonly ListedRun[]): readonly ListedRun[] {
  const groups: ListedRun[][] = []
  const latest = new Map<string, ListedRun[]>()
  for (const run of runs) {
    const { launch, name } = run
    const key = JSON.stringify([name, launch?.launcher, launch?.group])
    const group = launch === null ? undefined : latest.get(key)
    if (group?.every((other) => areTogether(other, run)) === true) group.push(run)
    else {
      const started = [run]
      groups.push(started)
      latest.set(key, started)
    }
  }
  return groups.flatMap((group) => group.toSorted((a, b) => rankOf(a) - rankOf(b)))
}

function rankOf({ launch }: ListedRun): number {
  return launch?.rank ?? 0
}

/**
 * Return whether two runs can be of one launch, apart from its name, which a later launch may have again: they are of
 * different machines, and the second began before the first ended.
 */
function areTogether(first: ListedRun, second: ListedRun): boolean {
  if (first.launch?.node === second.launch?.node) return false
  return first.finishedAt === null || Date.parse(second.startedAt) <= Date.parse(first.finishedAt)
}
