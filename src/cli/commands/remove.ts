/** `lineaprint remove`: removes runs, after it told what goes. */
import { Command } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { planRemoval, removeStoredRun } from '../../database/removal.ts'
import { findRun } from '../../database/runs.ts'
import { plural } from '../../util/plural.ts'
import { bytes, escapeText, printError, printJson } from '../shared/output.ts'
import { askYes } from '../shared/question.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { DependentRun, RemovalPlan, RemovableRun } from '../../database/removal.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface RemoveArguments extends StoreOptions {
  readonly yes?: boolean
}

const EXAMPLE = `
Says what it will remove and which runs build on it, and asks; --yes removes without a question. A running run is
never removed. The copies that the store keeps for a removed run stay until "lineaprint gc".

Examples:
  lineaprint remove @latest
  lineaprint remove sweep-3 sweep-4 --yes`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('remove'))
    .argument('<run...>', REFERENCE_HELP)
    .option('--yes', 'remove without a question')
    .addHelpText('after', EXAMPLE)
    .action((references: string[], options: RemoveArguments) => remove(references, options, context))
}

async function remove(
  references: readonly string[],
  { yes, ...options }: RemoveArguments,
  context: CommandContext,
): Promise<void> {
  const { store } = await openStore(options)
  const runs = new Map<string, StoredRun>()
  for (const reference of references) {
    const run = await findRun(store, reference)
    runs.set(run.id, run)
  }
  const plan = await planRemoval(store, [...runs.values()])
  for (const line of planLines(plan)) printError(escapeText(line))
  if (yes !== true && !(await askYes('Remove this? Type yes to go on: ', context.signal)))
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'nothing was removed', {
      expected: 'the answer yes, or --yes',
      received: 'none',
    })
  const removed: string[] = []
  for (const { id } of plan.runs) {
    context.signal.throwIfAborted()
    await removeStoredRun(store, id)
    removed.push(id)
  }
  if (options.json === true) return printJson({ removed, ...plan })
  printError(`lineaprint: removed ${plural(removed.length, 'run')}`)
}

function* planLines({ runs, areInputsChecked }: RemovalPlan): Generator<string> {
  for (const run of runs) {
    yield `${run.id}  ${run.name}  ${run.status}, ${plural(run.files, 'file')}, ${bytes(run.bytes)}${keptText(run)}`
    for (const dependent of run.dependents) yield `  ${dependentText(dependent)}`
  }
  if (!areInputsChecked) yield '  there are too many runs to compare their inputs; only parents were compared'
}

function keptText({ kept }: RemovableRun): string {
  return kept.length === 0 ? '' : `; the store keeps ${kept.join(', ')} until the next gc`
}

function dependentText({ id, name, reason, input = '' }: DependentRun): string {
  const why =
    reason === 'parent'
      ? 'was started by it'
      : reason === 'continues'
        ? 'continues it'
        : `read what it made as ${JSON.stringify(input)}`
  return `the run ${id} (${name}) ${why}`
}
