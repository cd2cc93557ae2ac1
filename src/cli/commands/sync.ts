/** `lineaprint sync`: the runs of this store in the database of a team. */
import { Command } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { plural } from '../../util/plural.ts'
import { databaseAddress } from '../shared/database.ts'
import { escapeText, print, printError, printJson } from '../shared/output.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { CommandContext } from '../shared/context.ts'
import type { DatabaseOptions } from '../shared/database.ts'

interface SyncCommandOptions extends DatabaseOptions {
  readonly all?: boolean
  readonly prune?: boolean
}

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('sync'))
    .option(
      '--database <address>',
      'database in PostgreSQL, postgres://USER@HOST/DATABASE (default: LINEAPRINT_DATABASE)',
    )
    .option('--all', 'also write runs again that did not change')
    .option('--prune', 'remove runs from the database that this store no longer has')
    .addHelpText(
      'after',
      "\nExamples:\n  lineaprint sync --database postgres://ada@db.example.org/runs\n  lineaprint list --database postgres://ada@db.example.org/runs --where 'metrics.loss < 0.3'",
    )
    .action(async (options: SyncCommandOptions) => {
      const address = databaseAddress({ database: options.database })
      if (address === undefined)
        throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'sync needs a database', {
          field: '--database',
          expected: 'postgres://USER@HOST/DATABASE, or the variable LINEAPRINT_DATABASE',
          received: 'none',
        })
      const { store } = await openStore(options)
      const { RunDatabase } = await import('../../database/team/database.ts')
      const database = RunDatabase.open(address)
      try {
        const { all, prune } = options
        const report = await database.sync(store, { all, prune, signal: context.signal })
        const { written, unchanged, removed, damaged, warnings } = report
        if (options.json === true)
          printJson({
            database: database.address,
            written,
            unchanged,
            removed,
            damaged: damaged.map(({ id, error }) => ({ id, code: error.code, message: error.message })),
            warnings,
          })
        else
          print(
            `${escapeText(database.address)}: ${plural(written, 'run')} written, ${unchanged} unchanged${prune === true ? `, ${removed} removed` : ''}`,
          )
        for (const warning of warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
        for (const { error } of damaged) printError(`lineaprint: ${escapeText(error.message)}`)
        if (damaged.length > 0) context.exit(3)
      } finally {
        await database.close()
      }
    })
}
