/** `lineaprint annotate`: tags, notes and a name for a run that has its seal. */
import { Command, Option } from 'commander'
import { annotate, labelsOf, readAnnotations } from '../../store/annotations.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { findRun } from '../../database/runs.ts'
import { collect } from '../shared/arguments.ts'
import { escapeText, printError, printJson } from '../shared/output.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { StoreOptions } from '../shared/store.ts'

interface AnnotateArguments extends StoreOptions {
  readonly tag: readonly string[]
  readonly untag: readonly string[]
  readonly note?: string
  readonly name?: string
  readonly archive?: boolean
  readonly restore?: boolean
  readonly author?: string
}

const EXAMPLE = `
Annotations are files beside the record. The record and its seal do not change, and "show" prints annotations
separately. They are only added. Their time and author are not verified.

Examples:
  lineaprint annotate @latest --tag best --note "lowest loss with seed 42"
  lineaprint annotate baseline --name baseline-2 --archive`

/** Build the command. */
export function command(): Command {
  return storeOptions(new Command('annotate'))
    .argument('<run>', REFERENCE_HELP)
    .option('--tag <tag>', 'add a tag; repeatable', collect, [])
    .option('--untag <tag>', 'remove a tag, also a recorded one; repeatable', collect, [])
    .option('--note <text>', 'add a note')
    .option('--name <text>', 'give the run another name')
    .option('--archive', 'mark the run as archived')
    .addOption(new Option('--restore', 'mark it as not archived').conflicts('archive'))
    .option('--author <text>', 'name of the author (default: user and machine)')
    .addHelpText('after', EXAMPLE)
    .action((reference: string, options: AnnotateArguments) => annotateRun(reference, options))
}

async function annotateRun(reference: string, options: AnnotateArguments): Promise<void> {
  const { store, configuration } = await openStore(options)
  const { id, folder, record } = await findRun(store, reference)
  const { tag, untag, note, name, archive, restore, author } = options
  const archived = archive === true ? true : restore === true ? false : undefined
  const change = { addTags: tag, removeTags: untag, note, name, archived }
  const annotation = await annotate(folder, change, { author, redact: configuration.redact })
  const labels = labelsOf(record, await readAnnotations(folder))
  if (options.json === true) return printJson({ id, annotation, labels })
  const { runName, tags, isArchived } = labels
  const facts = [
    ...(runName === null ? [] : [`name ${JSON.stringify(runName)}`]),
    ...(tags.length === 0 ? [] : [`tags ${tags.join(', ')}`]),
    ...(isArchived ? ['archived'] : []),
  ]
  const state = facts.length === 0 ? '' : `: ${facts.join('; ')}`
  printError(`lineaprint: annotated ${id}${escapeText(state)}`)
}
