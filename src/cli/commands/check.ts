/** `lineaprint check`: check a folder, file or model against a manifest. */
import { stderr } from 'node:process'
import { addAbortSignal } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { WARNINGS } from '../../hash/tree-warnings.ts'
import { LineaprintError } from '../../core/errors.ts'
import { checkManifest } from '../../manifest/check.ts'
import { threadsOption } from '../shared/arguments.ts'
import { count, escapeText, paint, print, printError, printJson } from '../shared/output.ts'
import { progressBar } from '../shared/progress.ts'
import type { Algorithm } from '../../core/digest.ts'
import type { CheckItem, ManifestCheck } from '../../manifest/check.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'

interface Options extends CommonOptions {
  readonly ignoreAdded?: boolean
  readonly refuseLinks?: boolean
  readonly quiet?: boolean
  readonly algorithm?: Algorithm
  readonly allowOutside?: boolean
  readonly lenient?: boolean
  readonly threads?: number
}

/** Build the command. */
export function command(context: CommandContext): Command {
  return new Command('check')
    .argument('<manifest>', 'what "lineaprint manifest", b3sum or sha256sum wrote; - is standard input')
    .argument('[path]', 'what to check (default: the folder of the manifest; for checksums, this one)')
    .option('--ignore-added', 'do not report files that the manifest does not list')
    .option(
      '--refuse-links',
      'report links that the manifest would follow as differences, and do not open them',
    )
    .option('-q, --quiet', 'print no differences, only set the exit code')
    .addOption(
      new Option('-a, --algorithm <name>', 'checksums: algorithm of lines without a tag').choices([
        'blake3',
        'sha256',
      ]),
    )
    .option('--allow-outside', 'checksums: allow absolute names and names with ..')
    .option('--lenient', 'checksums: skip malformed lines')
    .addOption(threadsOption())
    .addHelpText('after', EXAMPLES)
    .action((manifest: string, path: string | undefined, options: Options) =>
      check(manifest, path, options, context),
    )
}

const EXAMPLES = `
Prints one line per difference: changed, missing, added or unreadable, two spaces, the path.
Exit codes: 0 the same, 1 a difference, 2 wrong usage, 3 something could not be read.

Examples:
  lineaprint check data/manifest.json
  lineaprint check bert-base.json models/bert-base --ignore-added
  lineaprint check SHA256SUMS
  ssh host cat data.json | lineaprint check - data`

async function check(
  manifest: string,
  path: string | undefined,
  options: Options,
  context: CommandContext,
): Promise<void> {
  const { ignoreAdded, refuseLinks, algorithm, allowOutside, lenient, threads } = options
  const source = manifest === '-' ? await readInput(context.signal) : manifest
  const progress = progressBar('checking')
  const answer = await checkManifest(source, path, {
    ignoreAdded,
    refuseLinks,
    algorithm,
    allowOutside,
    lenient,
    threads,
    signal: context.signal,
    onProgress: progress.onProgress,
  })
    .catch((error: unknown) => {
      throw manifest === '-' ? ofInput(error) : error
    })
    .finally(progress.end)
  if (options.json === true) printJson(answer)
  else show(answer, options.quiet === true)
  // Unreadable entries outweigh known differences: their state is unknown.
  if (answer.unreadable.length > 0) context.exit(3)
  else context.exit(answer.same ? 0 : 1)
}

async function readInput(signal: AbortSignal): Promise<Uint8Array> {
  try {
    return new Uint8Array(await buffer(addAbortSignal(signal, process.stdin)))
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}

/** Add the source to an error about the manifest itself. */
function ofInput(error: unknown): unknown {
  if (!LineaprintError.is(error) || error.path !== undefined) return error
  return new LineaprintError(error.code, error.message, { path: '-', cause: error })
}

function show(answer: ManifestCheck, silent: boolean): void {
  for (const { kind, path } of answer.warnings)
    printError(`lineaprint: warning: ${escapeText(path)}: ${WARNINGS[kind] ?? kind}`)
  if (answer.malformed.length > 0) {
    const lines = answer.malformed.map(({ line }) => line)
    const shown = `${lines.slice(0, 5).join(', ')}${lines.length > 5 ? ', …' : ''}`
    printError(`lineaprint: warning: ${lines.length} malformed lines were not checked: ${shown}`)
  }
  for (const item of answer.unreadable)
    printError(`lineaprint: ${escapeText(nameOf(item))}: ${escapeText(item.detail)}`)
  if (!silent) {
    for (const kind of ['changed', 'missing', 'added', 'unreadable'] as const) {
      const colour = kind === 'unreadable' ? 'yellow' : 'red'
      for (const item of answer[kind]) print(`${paint(colour, kind)}  ${escapeText(nameOf(item))}`)
    }
  }
  const { entries, missing } = answer.counts
  if (entries === 0) printError('lineaprint: the manifest lists nothing, so nothing was compared')
  else if (missing === entries)
    printError(`lineaprint: no listed file exists in ${escapeText(answer.root)}: is that the right folder?`)
  if (stderr.isTTY === true) printError(summary(answer))
}

/** Return the name of an item: `model.safetensors: tensor w` is the file, and the tensor in it. */
function nameOf({ path, tensor, digest }: CheckItem): string {
  if (tensor !== undefined) return `${path}: tensor ${tensor}`
  return digest === undefined ? path : `${path}: ${digest}`
}

function summary({ same, counts, ignore }: ManifestCheck): string {
  const parts = (['same', 'changed', 'missing', 'added', 'unreadable'] as const).flatMap((kind) =>
    counts[kind] === 0 ? [] : [`${count(counts[kind])} ${kind}`],
  )
  const excluded = ignore.length === 0 ? '' : `; ignored: ${escapeText(ignore.join(', '))}`
  return `${same ? 'no difference' : 'differences found'}: ${parts.join(', ') || 'nothing is listed'}${excluded}`
}
