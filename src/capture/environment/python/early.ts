/**
 * Early probe of Python, started before the capture needs it. Python takes longer to answer than everything
 * else that a run does before its command, and the probe depends on nothing.
 */
import { OPTIONS } from '../../../config/table.ts'
import { findPython } from './find.ts'
import type { ProbedPython } from './find.ts'
import type { SourceContext } from '../source.ts'

/** The values that the answer depends on. */
type ProbeQuery = Pick<SourceContext, 'directory' | 'command' | 'variables'>

let earlyProbe: { readonly question: string; readonly answer: Promise<ProbedPython> } | undefined

/**
 * Start the probe. The first capture with the same query gets the answer; if there is none, the program is
 * killed when this process exits, at the latest.
 */
export function startEarlyProbe(question: ProbeQuery): void {
  const answer = findPython({
    ...question,
    signal: new AbortController().signal,
    options: OPTIONS.environment.default,
    warnings: [],
    unseen: new Map(),
    nonexistent: new Set(),
  })
  // The capture that awaits the answer gets the error.
  answer.catch(() => undefined)
  earlyProbe = { question: key(question), answer }
}

/** Find Python, or return the answer of the early probe if the query is the same. */
export function findPythonEarly(context: SourceContext): Promise<ProbedPython> {
  const early = earlyProbe?.question === key(context) ? earlyProbe.answer : undefined
  // A later capture must detect changes, so the answer is used only once.
  earlyProbe = undefined
  return early ?? findPython(context)
}

function key({ directory, command, variables }: ProbeQuery): string {
  const names = Object.keys(variables).filter(
    (name) => name === 'PATH' || /^(?:PY|VIRTUAL_ENV$|CONDA)/.test(name),
  )
  return JSON.stringify([directory, command, names.toSorted().map((name) => [name, variables[name]])])
}
