/** The values of a run that was read from its folder. */
import type { ValuedRun } from './columns.ts'
import type { FoundRun } from './evaluate.ts'

/** Return a run with its values, as the columns of a list take them. */
export function valued({ run, facts: { parameters, metrics, contents } }: FoundRun): ValuedRun {
  const names = new Map(contents.map(({ list, name }) => [JSON.stringify([list, name]), { list, name }]))
  const inOrder = [...names].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, content]) => content)
  return {
    run,
    parameters: new Map([...parameters].map(([name, { value }]) => [name, value])),
    metrics,
    contents: inOrder,
  }
}
