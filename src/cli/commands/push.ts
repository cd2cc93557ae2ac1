/** `lineaprint push`: runs of this store to the server of a team. */
import { Command } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { findRun, listRuns } from '../../database/runs.ts'
import { readRun } from '../../store/read.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { pushRun } from '../../transfer/push.ts'
import { plural } from '../../util/plural.ts'
import { bytes, escapeText, print, printError, printJson } from '../shared/output.ts'
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
Sends runs that have ended, with what they kept, and only what the server does not have. It checks every digest and seal
before a run shows. One that was cut off goes on where it ended. With --all, one run that fails does not stop the others.

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
      const reports: PushReport[] = []
      const failures: { readonly id: string; readonly error: LineaprintError }[] = []
      for await (const run of chosen(store, references)) {
        context.signal.throwIfAborted()
        try {
          const report = await pushRun(client, run, { signal: context.signal })
          reports.push(report)
          if (options.json !== true) show(report)
        } catch (error) {
          if (
            options.all !== true ||
            !LineaprintError.isFinding(error) ||
            error.code === 'ERR_LINEAPRINT_SERVICE'
          )
            throw error
          failures.push({ id: run.id, error })
          printError(`lineaprint: ${run.id}: ${escapeText(error.message)}`)
        }
      }
      if (options.json === true)
        printJson({
          server: client.url,
          runs: reports,
          failures: failures.map(({ id, error }) => ({ id, code: error.code, message: error.message })),
        })
      if (failures.length > 0) context.exit(3)
    })
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

async function* chosen(store: Store, references: readonly string[]): AsyncGenerator<StoredRun> {
  for (const reference of references) yield findRun(store, reference)
  if (references.length > 0) return
  const { runs, damaged } = await listRuns(store)
  for (const { error } of damaged) printError(`lineaprint: warning: ${escapeText(error.message)}`)
  for (const { id, folder, status } of runs)
    if (status === 'running' || status === 'lost')
      printError(`lineaprint: warning: ${id} is ${status} and has no seal; it is left out`)
    else yield readRun(folder)
}

function show({ id, state, sent, bytes: length, missingObjects }: PushReport): void {
  print(`${id}  ${state}${sent > 0 ? `, ${plural(sent, 'file')}, ${bytes(length)}` : ''}`)
  if (missingObjects.length > 0)
    printError(
      `lineaprint: warning: ${id}: ${plural(missingObjects.length, 'kept file')} is not on the server, since this store has none either`,
    )
}
