/**
 * A look at Python that begins before anybody asks for it. Python takes longer to answer than all else that a run does
 * before its command, and has nothing to wait for.
 */
import { OPTIONS } from '../../../config/table.ts'
import { findPython } from './find.ts'
import type { FoundPython } from './find.ts'
import type { SourceContext } from '../source.ts'

/** What the answer depends on. */
type Question = Pick<SourceContext, 'directory' | 'command' | 'variables'>

let begun: { readonly question: string; readonly answer: Promise<FoundPython> } | undefined

/**
 * Begins. The answer goes to the first capture that asks the same; if none does, the program is killed with this
 * process at the latest.
 */
export function beginEarly(question: Question): void {
  const answer = findPython({
    ...question,
    signal: new AbortController().signal,
    options: OPTIONS.environment.default,
    warnings: [],
    unseen: new Map(),
  })
  // Its failure is told to whoever asks.
  answer.catch(() => undefined)
  begun = { question: key(question), answer }
}

/** Looks for Python, or takes the answer to the same question that was begun early. */
export function findPythonEarly(context: SourceContext): Promise<FoundPython> {
  const early = begun?.question === key(context) ? begun.answer : undefined
  // A second look is meant to see what changed.
  begun = undefined
  return early ?? findPython(context)
}

function key({ directory, command, variables }: Question): string {
  const names = Object.keys(variables).filter(
    (name) => name === 'PATH' || /^(?:PY|VIRTUAL_ENV$|CONDA)/.test(name),
  )
  return JSON.stringify([directory, command, names.toSorted().map((name) => [name, variables[name]])])
}
