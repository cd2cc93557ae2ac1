/** `lineaprint pull`: runs from the server of a team into this store. */
import { Command } from 'commander'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { pullRun } from '../../transfer/pull.ts'
import { plural } from '../../util/plural.ts'
import { checkChoice, moveRuns, warn } from '../shared/moved-runs.ts'
import { bytes, escapeText, print, printError } from '../shared/output.ts'
import { openClient, serverOptions } from '../shared/server.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { TeamClient } from '../../server/team/client.ts'
import type { PullReport } from '../../transfer/pull.ts'
import type { CommandContext } from '../shared/context.ts'
import type { ServerOptions } from '../shared/server.ts'

interface PullCommandOptions extends ServerOptions {
  readonly from?: string
  readonly all?: boolean
  readonly objects: boolean
}

const HELP = `
Gets runs from the server into the store of this folder, with the files that they kept. Every digest and seal is checked
before a run appears. With --all, a run that fails does not stop the others.

Examples:
  lineaprint pull 20261130-201415-224gvw7k --from https://runs.example.org
  lineaprint pull --all --from https://runs.example.org --no-objects`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(serverOptions(new Command('pull'), '--from'))
    .argument('[run...]', REFERENCE_HELP)
    .option('--all', 'every run of the project that has ended')
    .option('--no-objects', 'leave out the files that the runs kept')
    .addHelpText('after', HELP)
    .action(async (references: string[], options: PullCommandOptions) => {
      checkChoice('pull', references, options.all)
      const { signal } = context
      const { store } = await openStore(options)
      const client = await openClient('--from', options.from, options)
      const moves = {
        server: client.url,
        runs: chosen(client, references, signal),
        idOf: (id: string) => id,
        move: async (id: string) => pullRun(client, store, id, { signal, objects: options.objects }),
        show,
      }
      await moveRuns(moves, options, context)
    })
}

async function* chosen(
  client: TeamClient,
  references: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (const reference of references) yield client.find(reference, { signal })
  if (references.length > 0) return
  for await (const { id, status } of client.allRuns({ signal }))
    if (status === 'running' || status === 'lost')
      printError(`lineaprint: warning: ${escapeText(id)} is ${status} and has no seal; it is left out`)
    else yield id
}

function show({ id, state, taken, bytes: length, missingObjects }: PullReport): void {
  print(`${escapeText(id)}  ${state}${taken > 0 ? `, ${plural(taken, 'file')}, ${bytes(length)}` : ''}`)
  if (missingObjects.length > 0)
    warn(id, `${plural(missingObjects.length, 'kept file is', 'kept files are')} not on the server`)
}
