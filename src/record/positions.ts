/**
 * Positions of processes: the names by which the values of several processes of a run are told apart. Process ids
 * differ in every run; a position is the same in each equal run.
 */
import type { ReportingProcess } from './record.ts'

/** The facts that determine a position. */
type ProcessFacts = Pick<ReportingProcess, 'number' | 'pid' | 'rank' | 'path' | 'script' | 'startTime'>

/** Kinds of path elements, the largest first: the first number of each, as in `python/_lineaprint/_position.py`. */
const ELEMENTS: readonly (readonly [first: number, word: string])[] = [
  [2 ** 26, 'rank'],
  [2 ** 25, 'copy'],
  [2 ** 24, 'process'],
  [2 ** 23, 'command'],
  [2 ** 22, 'worker'],
  [2 ** 21, 'fork server'],
  [2 ** 20, 'spawn'],
  [0, 'fork'],
]

/** Kinds that are numbered from 1 for readers, and counted from 0 by the bridge. */
const FROM_ZERO: ReadonlySet<string> = new Set(['worker', 'command'])

function describeElement(element: number): string {
  const [first = 0, word = ''] = ELEMENTS.find(([least]) => element >= least) ?? []
  const index = element - first
  if (word === 'fork server' || word === 'process') return index === 0 ? word : `${word} ${index}`
  return `${word} ${FROM_ZERO.has(word) ? index + 1 : index}`
}

/**
 * Return the position of a process in words, such as `rank 1` or `rank 2, worker 1`. The first program has none: the
 * text is empty. Processes that started one after the other can have the same position.
 */
export function positionOf({ rank, path = [] }: Pick<ProcessFacts, 'rank' | 'path'>): string {
  return [...(rank === undefined ? [] : [`rank ${rank}`]), ...path.map(describeElement)].join(', ')
}

/**
 * Return the words that distinguish what a process logged. Rank 0 and a program without ranks are compared with each
 * other, so neither has any.
 */
export function distinctionOf(process: Pick<ProcessFacts, 'rank' | 'path'> | undefined): string {
  if (process === undefined) return ''
  const { rank, path = [] } = process
  return positionOf({ path, ...(rank !== undefined && (rank > 0 || path.length > 0) && { rank }) })
}

/** Return a name with the words that distinguish it: `loss/rank 1`. */
export function distinctName(name: string, distinction: string): string {
  return distinction === '' ? name : `${name}/${distinction}`
}

/**
 * Return the words that distinguish the processes that used one name. If several have the same position, the one that
 * started first keeps it, and the others are told apart by their script and their order.
 *
 * @param numbers Numbers of the processes; 0 is the process that writes the run.
 */
export function distinctions(
  numbers: readonly number[],
  processes: ReadonlyMap<number, ProcessFacts>,
): Map<number, string> {
  const inOrder = numbers.toSorted((a, b) => compareStart(a, b, processes))
  const groups = Map.groupBy(inOrder, (number) => distinctionOf(processes.get(number)))
  const distinct = new Map<number, string>()
  for (const [position, members] of groups) {
    const scripts = new Map<string, number>()
    const own = scriptOf(processes.get(members[0] ?? 0))
    members.forEach((number, index) => {
      const script = scriptOf(processes.get(number))
      const count = (scripts.get(script) ?? 0) + 1
      scripts.set(script, count)
      const more = [
        ...(script === own && position !== '' ? [] : [script]),
        ...(count === 1 ? [] : [`no. ${count}`]),
      ]
      const words = index === 0 ? [position] : [position, ...more]
      distinct.set(number, words.filter((word) => word !== '').join(', '))
    })
  }
  return distinct
}

function scriptOf(process: ProcessFacts | undefined): string {
  return process?.script === undefined || process.script === '' ? 'program' : process.script
}

/** Order by the time of the start; processes of one moment have ids in the order of their start. */
function compareStart(a: number, b: number, processes: ReadonlyMap<number, ProcessFacts>): number {
  const [first, second] = [processes.get(a), processes.get(b)]
  return (first?.startTime ?? 0) - (second?.startTime ?? 0) || (first?.pid ?? 0) - (second?.pid ?? 0) || a - b
}
