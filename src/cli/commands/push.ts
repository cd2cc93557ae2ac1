/** `lineaprint push`: runs of this store to the server of a team. */
import { Command } from 'commander'
import { findRun, listRuns } from '../../database/runs.ts'
import { readRun } from '../../store/read.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { pushRun } from '../../transfer/push.ts'
import { plural } from '../../util/plural.ts'
import { checkChoice, moveRuns, shortList, warn } from '../shared/moved-runs.ts'
import { bytes, escapeText, print, printError } from '../shared/output.ts'
import { openClient, serverOptions } from '../shared/server.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { Store } from '../../store/store.ts'
import type { StoredRun } from '../../store/read.ts'
import type { PushReport } from '../../transfer/push.ts'
import type { CommandContext } from '../shared/context.ts'
import type { ServerOptions } from '../shared/server.ts'

interface PushCommandOptions extends ServerOptions {
  readonly to?: string
  readonly all?: boolean
}

const HELP = `
Sends runs that have ended, with the files that they kept. What the server already has is not sent again, and a push that
broke off continues where it ended. The server checks every digest and seal before a run appears. Of a run whose process is
gone, push sends the journal and the logs, and the server shows it as lost. With --all, a run that fails does not stop the
others.

Examples:
  lineaprint push @latest --to https://runs.example.org
  lineaprint push --all --to https://runs.example.org --token-file ~/.config/lineaprint/token`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(serverOptions(new Command('push'), '--to'))
    .argument('[run...]', REFERENCE_HELP)
    .option('--all', 'every run of the store that has ended')
    .addHelpText('after', HELP)
    .action(async (references: string[], options: PushCommandOptions) => {
      checkChoice('push', references, options.all)
      const { store } = await openStore(options)
      const client = await openClient('--to', options.to, options)
      const { signal } = context
      const moves = {
        server: client.url,
        runs: chosen(store, references),
        idOf: ({ id }: StoredRun) => id,
        move: async (run: StoredRun) => pushRun(client, run, { signal }),
        show,
      }
      await moveRuns(moves, options, context)
    })
}

async function* chosen(store: Store, references: readonly string[]): AsyncGenerator<StoredRun> {
  for (const reference of references) yield findRun(store, reference)
  if (references.length > 0) return
  const { runs, damaged } = await listRuns(store)
  for (const { error } of damaged) printError(`lineaprint: warning: ${escapeText(error.message)}`)
  for (const { id, folder, status } of runs)
    if (status === 'running') printError(`lineaprint: warning: ${id} goes on; it is left out`)
    else yield readRun(folder)
}

function show({ id, state, sent, bytes: length, missingObjects, unlisted }: PushReport): void {
  print(`${id}  ${state}${sent > 0 ? `, ${plural(sent, 'file')}, ${bytes(length)}` : ''}`)
  if (unlisted.length > 0)
    warn(
      id,
      `${plural(unlisted.length, 'file is', 'files are')} not listed in the record, and not sent: ${shortList(unlisted)}`,
    )
  if (missingObjects.length > 0)
    warn(
      id,
      `${plural(missingObjects.length, 'kept file is', 'kept files are')} not on the server: this store has none either`,
    )
}
