/** `lineaprint gc`: removes kept files that no run names. */
import { Command } from 'commander'
import { collectObjects } from '../../store/objects/collect.ts'
import { plural } from '../../util/plural.ts'
import { bytes, escapeText, print, printError, printJson } from '../shared/output.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { Collection, ObjectTotal } from '../../store/objects/collect.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface GcArguments extends StoreOptions {
  readonly yes?: boolean
}

const EXAMPLE = `
Removes the copies that no run of the store names: those of removed runs, and of runs that were killed while they
kept a file. Without --yes it only says what it would remove. Other runs may be running meanwhile. If a run cannot
be read, nothing is removed, because nobody knows what it keeps.

Examples:
  lineaprint gc
  lineaprint gc --yes`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('gc'))
    .option('--yes', 'remove them')
    .addHelpText('after', EXAMPLE)
    .action((options: GcArguments) => gc(options, context))
}

async function gc({ yes, ...options }: GcArguments, { signal }: CommandContext): Promise<void> {
  const { store } = await openStore(options)
  const collection = await collectObjects(store, { dryRun: yes !== true, signal })
  if (options.json === true) return printJson(collection)
  print(linesOf(collection).join('\n'))
  for (const path of collection.foreign)
    printError(`lineaprint: warning: ${escapeText(path)} is not an object, and stays`)
  const { isDryRun, removed, temporary } = collection
  if (isDryRun && removed.count + temporary.count > 0)
    printError('lineaprint: nothing was removed; "lineaprint gc --yes" removes them')
}

function linesOf({ isDryRun, kept, removed, temporary }: Collection): string[] {
  return [
    `kept     ${total(kept, 'file')}, which runs name`,
    `${isDryRun ? 'garbage' : 'removed'}  ${total(removed, 'file')}, which no run names`,
    ...(temporary.count === 0 ? [] : [`         ${total(temporary, 'unfinished file')}`]),
  ]
}

function total({ count, bytes: size }: ObjectTotal, noun: string): string {
  return `${plural(count, noun)}, ${bytes(size)}`
}
