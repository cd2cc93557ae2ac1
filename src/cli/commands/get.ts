/** `lineaprint get`: what a run kept, written into a folder. */
import { relative } from 'node:path'
import { cwd } from 'node:process'
import { Command, Option } from 'commander'
import { TRACKED_SECTIONS } from '../../record/record.ts'
import { checkSeal } from '../../record/seal.ts'
import { getKept } from '../../store/objects/get.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { findRun } from '../../database/runs.ts'
import { plural } from '../../util/plural.ts'
import { collect } from '../shared/arguments.ts'
import { bytes, escapeText, print, printError, printJson } from '../shared/output.ts'
import { progressBar } from '../shared/progress.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { TrackedSection } from '../../record/record.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface GetArguments extends StoreOptions {
  readonly to?: string
  readonly section?: TrackedSection
  readonly file: readonly string[]
  readonly force?: boolean
}

const EXAMPLE = `
Writes a copy of an output, dataset, model or tokenizer that the run kept (run --keep) under the name that it had.
Every file is verified against its digest before it appears. Existing files are not replaced without --force.

Examples:
  lineaprint get @latest model
  lineaprint get baseline checkpoints --file epoch-3/weights.safetensors --to restored/`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('get'))
    .argument('<run>', REFERENCE_HELP)
    .argument('<name>', 'name of the output, dataset, model or tokenizer')
    .option('--to <folder>', 'the folder to write into (default: the working directory)')
    .addOption(
      new Option('--section <name>', 'section to use, if several have the name').choices(TRACKED_SECTIONS),
    )
    .option('--file <path>', 'only this file below a folder; repeatable', collect, [])
    .option('--force', 'replace existing files')
    .addHelpText('after', EXAMPLE)
    .action((reference: string, name: string, options: GetArguments) =>
      get(reference, name, options, context),
    )
}

async function get(
  reference: string,
  name: string,
  { to, section, file, force, ...options }: GetArguments,
  { signal }: CommandContext,
): Promise<void> {
  const { store } = await openStore(options)
  const run = await findRun(store, reference)
  if (checkSeal(run.record) === 'broken')
    printError('lineaprint: warning: the record does not match its seal: it was changed after the run')
  const progress = progressBar('copying')
  const { onProgress } = progress
  const written = await getKept(run, name, {
    to,
    section,
    ...(file.length > 0 && { files: file }),
    replace: force,
    signal,
    onProgress,
  }).finally(progress.end)
  if (options.json === true) return printJson({ id: run.id, ...written })
  for (const { path } of written.files) print(escapeText(shownPath(path)))
  printError(
    `lineaprint: wrote ${plural(written.files.length, 'file')}, ${bytes(written.bytes)}, all verified`,
  )
}

/** Return the path as one who stands in the working directory would write it. */
function shownPath(path: string): string {
  const below = relative(cwd(), path)
  return below.startsWith('..') ? path : below
}
