/** `lineaprint tree`: runs with those that their commands made, and those that continue them. */
import { Argument, Command } from 'commander'
import { findRun, listRuns } from '../../database/runs.ts'
import { familyOf, forestOf } from '../../database/family.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { escapeText, paintStatus, print, printError, printJson } from '../shared/output.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { FamilyMember } from '../../database/family.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('tree'))
    .addArgument(new Argument('[run]', `the run, with its parents and children: ${REFERENCE_HELP}`))
    .addHelpText('after', '\nExample:\n  lineaprint tree sweep')
    .action(async (reference: string | undefined, options: StoreOptions) => {
      const { store } = await openStore(options)
      const chosen = reference === undefined ? undefined : (await findRun(store, reference)).id
      const { runs, damaged } = await listRuns(store)
      const members = chosen === undefined ? forestOf(runs) : familyOf(runs, chosen)
      if (options.json === true) printJson({ runs: members.map(describe) })
      else if (members.length > 0) print(members.map(line).join('\n'))
      else printError(`lineaprint: no runs in ${escapeText(store.root)}`)
      for (const { error } of damaged) printError(`lineaprint: ${escapeText(error.message)}`)
      if (damaged.length > 0) context.exit(3)
    })
}

function describe({ run, depth, parentIsMissing, continuedIsMissing }: FamilyMember): object {
  const { id, name, runName, status, parent, continues, startedAt } = run
  return {
    id,
    name,
    runName,
    status,
    parent,
    continues,
    startedAt,
    depth,
    parentIsMissing,
    continuedIsMissing,
  }
}

function line({ run, branches, parentIsMissing, continuedIsMissing }: FamilyMember): string {
  const bars = branches
    .map((isLast, index) => {
      if (index === branches.length - 1) return isLast ? '└─ ' : '├─ '
      return isLast ? '   ' : '│  '
    })
    .join('')
  const names = [run.name, run.runName ?? ''].filter(Boolean).map(escapeText).join('  ')
  const missing = parentIsMissing ? `  (made by ${escapeText(run.parent ?? '')}, which is not here)` : ''
  const absent = continuedIsMissing ? ', which is not here' : ''
  const continued = run.continues === null ? '' : `  (continues ${escapeText(run.continues)}${absent})`
  return `${bars}${run.id}  ${names}  ${paintStatus(run.status)}${continued}${missing}`
}
