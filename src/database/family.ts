/** Runs, the runs that their commands made, and those that continue them. */
import type { ListedRun } from '../store/listed-run.ts'

/** A run at its position below its parents. */
export interface FamilyMember {
  readonly run: ListedRun
  /** Number of its parents that are shown. */
  readonly depth: number
  /** For it and each parent below the first: whether it is the last child. */
  readonly branches: readonly boolean[]
  /** True if the run that made it is not in the store. */
  readonly parentIsMissing: boolean
  /** True if the run that it continues is not in the store. */
  readonly continuedIsMissing: boolean
}

/** Return all runs, each before its children, children in the order of the list. */
export function forestOf(runs: readonly ListedRun[]): FamilyMember[] {
  const { children, roots } = linksOf(runs)
  return walk(roots, children, new Set(runs.map(({ id }) => id as string)))
}

/** Return the parents of a run, the run, and everything below it. */
export function familyOf(runs: readonly ListedRun[], id: string): FamilyMember[] {
  const byId = new Map<string, ListedRun>(runs.map((run) => [run.id, run]))
  const path: ListedRun[] = []
  const seen = new Set<string>()
  // A record can name any parent, and so a circle.
  for (
    let run = byId.get(id);
    run !== undefined && !seen.has(run.id);
    run = byId.get(aboveOf(run, byId) ?? '')
  ) {
    seen.add(run.id)
    path.unshift(run)
  }
  const { children } = linksOf(runs)
  const only = new Map<string, readonly ListedRun[]>(children)
  // Of the parents, only the child on the way is shown.
  path.slice(0, -1).forEach((run, index) => only.set(run.id, path.slice(index + 1, index + 2)))
  return walk(path.slice(0, 1), only, new Set(byId.keys()))
}

/** Return the run below which another is shown: the one that it continues, or the one that made it. */
function aboveOf(
  { parent, continues }: ListedRun,
  known: ReadonlyMap<string, ListedRun>,
): string | undefined {
  if (continues !== null && known.has(continues)) return continues
  return parent !== null && known.has(parent) ? parent : undefined
}

interface Links {
  readonly children: ReadonlyMap<string, readonly ListedRun[]>
  readonly roots: readonly ListedRun[]
}

function linksOf(runs: readonly ListedRun[]): Links {
  const byId = new Map<string, ListedRun>(runs.map((run) => [run.id, run]))
  const children = new Map<string, ListedRun[]>()
  const roots: ListedRun[] = []
  const reached = new Set<string>()
  for (const run of runs) {
    const above = aboveOf(run, byId)
    if (above === undefined) roots.push(run)
    else {
      const siblings = children.get(above) ?? []
      children.set(above, siblings)
      siblings.push(run)
    }
  }
  const mark = (start: ListedRun): void => {
    const queue = [start]
    for (const run of queue) {
      if (reached.has(run.id)) continue
      reached.add(run.id)
      queue.push(...(children.get(run.id) ?? []))
    }
  }
  for (const root of roots) mark(root)
  // What is left is in circles, or below them: each begins with its oldest run.
  for (const run of runs) {
    if (reached.has(run.id)) continue
    roots.push(run)
    mark(run)
  }
  return { children, roots }
}

function walk(
  roots: readonly ListedRun[],
  children: ReadonlyMap<string, readonly ListedRun[]>,
  known: ReadonlySet<string>,
): FamilyMember[] {
  const members: FamilyMember[] = []
  const seen = new Set<string>()
  const stack: FamilyMember[] = []
  const push = (runs: readonly ListedRun[], depth: number, branches: readonly boolean[]): void => {
    runs
      .map((run, index): FamilyMember => ({
        run,
        depth,
        branches: depth === 0 ? [] : [...branches, index === runs.length - 1],
        parentIsMissing: run.parent !== null && !known.has(run.parent),
        continuedIsMissing: run.continues !== null && !known.has(run.continues),
      }))
      .toReversed()
      .forEach((member) => stack.push(member))
  }
  push(roots, 0, [])
  for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
    if (seen.has(member.run.id)) continue
    seen.add(member.run.id)
    members.push(member)
    push(
      (children.get(member.run.id) ?? []).filter(({ id }) => !seen.has(id)),
      member.depth + 1,
      member.branches,
    )
  }
  return members
}
