/** Runs that go to a server or come from one: one after the other, each with its report or its failure. */
import { LineaprintError } from '../../core/errors.ts'
import { escapeText, printError, printJson } from './output.ts'
import type { CommandContext } from './context.ts'

/** The runs of one command, and what is done with each. */
export interface RunMoves<R, P> {
  /** Address of the server. */
  readonly server: string
  readonly runs: AsyncIterable<R>
  readonly idOf: (run: R) => string
  readonly move: (run: R) => Promise<P>
  /** Prints a report for people. */
  readonly show: (report: P) => void
}

/** Move runs. With `all`, one that fails does not stop the others; a server that cannot be reached does. */
export async function moveRuns<R, P>(
  { server, runs, idOf, move, show }: RunMoves<R, P>,
  { all, json }: { readonly all?: boolean | undefined; readonly json?: boolean | undefined },
  context: CommandContext,
): Promise<void> {
  const reports: P[] = []
  const failures: { readonly id: string; readonly error: LineaprintError }[] = []
  for await (const run of runs) {
    context.signal.throwIfAborted()
    try {
      const report = await move(run)
      reports.push(report)
      if (json !== true) show(report)
    } catch (error) {
      if (all !== true || !LineaprintError.isFinding(error) || error.code === 'ERR_LINEAPRINT_SERVICE')
        throw error
      failures.push({ id: idOf(run), error })
      printError(`lineaprint: ${escapeText(idOf(run))}: ${escapeText(error.message)}`)
    }
  }
  if (json === true)
    printJson({
      server,
      runs: reports,
      failures: failures.map(({ id, error }) => ({ id, code: error.code, message: error.message })),
    })
  if (failures.length > 0) context.exit(3)
}

/** Print a warning about a run. */
export function warn(id: string, sentence: string): void {
  printError(`lineaprint: warning: ${escapeText(id)}: ${sentence}`)
}

/** Paths that a warning names. */
const SHOWN = 3

/** Return the first ones of some paths. */
export function shortList(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).map((path) => escapeText(path))
  return [...shown, ...(paths.length > SHOWN ? ['…'] : [])].join(', ')
}

/** Check that runs are named, or all are meant. @throws ERR_LINEAPRINT_ARGUMENT. */
export function checkChoice(name: string, references: readonly string[], all: boolean | undefined): void {
  if (references.length > 0 !== (all === true)) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${name} needs runs, or --all`, {
    field: 'run',
    expected: 'runs or --all',
    received: all === true ? 'both' : 'neither',
  })
}
