/** `lineaprint verify`: compare what a run recorded with the current state. */
import { Command, Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { verifyRun } from '../../verify/verify.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { findRun } from '../../database/runs.ts'
import { collect, wholeNumber } from '../shared/arguments.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import { progressBar } from '../shared/progress.ts'
import { escapeText, isTerminal, paint, print, printJson, table } from '../shared/output.ts'
import type { Verification, VerifyItem, VerifyLevel, VerifyStatus } from '../../verify/verify.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface VerifyArguments extends StoreOptions {
  readonly details?: boolean
  readonly strict?: boolean
  readonly data?: boolean
  readonly code?: boolean
  readonly seed?: number
  readonly directory?: string
  readonly outputIgnore: readonly string[]
  readonly objects?: boolean
}

const EXAMPLE = `
Compares the code, environment, seeds, datasets, models, tokenizers and outputs recorded by the run with the present,
and checks that its record and files are unchanged. Give a command and a seed, as for "lineaprint run", to compare
them as well. Starts no program that the record names: git and the Python of this shell are started in the working
directory, or in --directory. Every difference is shown. The level decides which differences set the exit code to 1.
The seal of the record always counts.

Exit codes: 0 no difference that counts, 1 a difference that counts, 2 wrong usage, 3 the run or a configuration
could not be read.

Examples:
  lineaprint verify @latest
  lineaprint verify @latest --data
  lineaprint verify baseline --strict --seed 42 -- python train.py --rate 0.1`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('verify'))
    .argument('<run>', REFERENCE_HELP)
    .argument('[command...]', 'after --: the command to compare with the recorded one')
    .addOption(
      new Option('--data', 'count only datasets, models, tokenizers and outputs').conflicts([
        'code',
        'strict',
      ]),
    )
    .addOption(new Option('--code', 'count only git and the command').conflicts(['data', 'strict']))
    .addOption(
      new Option(
        '--strict',
        'count everything, including the machine and items that were not checked',
      ).conflicts(['data', 'code']),
    )
    .option(
      '--seed <number>',
      'the seed to compare with the recorded one',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option(
      '--directory <folder>',
      'the folder whose code and environment are compared (default: the working directory)',
    )
    .option(
      '--output-ignore <glob>',
      'leave out matching files of output folders (gitignore syntax); repeatable',
      collect,
      [],
    )
    .option('--objects', 'also read the copies that the store keeps for the run')
    .option('--details', 'print each file and each difference on its own line')
    .addHelpText('after', EXAMPLE)
    .action((reference: string, argv: string[], options: VerifyArguments) =>
      verify(reference, argv, options, context),
    )
}

async function verify(
  reference: string,
  argv: readonly string[],
  options: VerifyArguments,
  context: CommandContext,
): Promise<void> {
  // Without the dashes, a second run or an unknown option would look like a command.
  if (argv.length > 0 && !process.argv.includes('--')) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `unexpected argument ${JSON.stringify(argv[0])}`, {
      field: 'command',
      hint: 'only one run can be verified at a time; put -- before a command to compare',
    })
  }
  const { store, configuration } = await openStore(options)
  const run = await findRun(store, reference)
  const progress = progressBar('verifying')
  const answer = await verifyRun(run, {
    level: levelOf(options),
    ...(argv.length > 0 && { command: argv }),
    directory: options.directory,
    seed: options.seed,
    outputIgnore: options.outputIgnore,
    objects: options.objects,
    trackers: configuration.trackers,
    signal: context.signal,
    onProgress: progress.onProgress,
  }).finally(progress.end)
  if (options.json === true) printJson(answer)
  else {
    const asked = { command: argv.length > 0, seed: options.seed !== undefined }
    const details = options.details === true
    const items = details ? answer.items : answer.items.filter((item) => !isUnasked(item, asked))
    print(lines(items, details))
    if (isTerminal()) print(verdict({ ...answer, items }))
  }
  context.exit(answer.same ? 0 : 1)
}

function levelOf({ strict, data, code }: VerifyArguments): VerifyLevel {
  if (strict === true) return 'strict'
  if (data === true) return 'data'
  return code === true ? 'code' : 'default'
}

const STYLES: Readonly<Record<VerifyStatus, 'green' | 'red' | 'dim'>> = {
  same: 'green',
  changed: 'red',
  missing: 'red',
  'not-checked': 'dim',
}

/** The inputs of the comparison that the user gave. */
interface Asked {
  readonly command: boolean
  readonly seed: boolean
}

/** Tell whether an item is only about something that the user did not ask about, and does not count. */
function isUnasked({ section, name, status, detail, counts }: VerifyItem, asked: Asked): boolean {
  // A `same` with a detail is one of two sides without a seed.
  if (counts || (status !== 'not-checked' && !(status === 'same' && detail !== ''))) return false
  return (
    (section === 'command' && name === 'argv' && !asked.command) ||
    (section === 'seeds' && name === 'seeds' && !asked.seed)
  )
}

function lines(items: readonly VerifyItem[], details: boolean): string {
  const shown = details ? items : gatherFiles(items)
  const rows = shown.flatMap((item) => [row(item), ...(details ? differences(item) : [])])
  if (!isTerminal()) return table(rows)
  // Details are on a line below their item, so that the columns fit 80 characters.
  const heads = table(rows.map((cells) => cells.slice(0, -1))).split('\n')
  return rows
    .flatMap((cells, index) => {
      const words = cells.at(-1) ?? ''
      return [heads[index] ?? '', ...(words === '' ? [] : [`    ${words}`])]
    })
    .filter((line) => line.trim() !== '')
    .join('\n')
}

/** More unchanged files of the run folder than this become one line, so that differences stand out. */
const FILES_SHOWN = 3

function gatherFiles(items: readonly VerifyItem[]): VerifyItem[] {
  const same = items.filter(({ section, status }) => section === 'files' && status === 'same')
  const [first] = same
  if (first === undefined || same.length <= FILES_SHOWN) return [...items]
  const gathered = { ...first, name: `${same.length} files of the run folder` }
  return items.flatMap((item) => (item === first ? [gathered] : same.includes(item) ? [] : [item]))
}

function row({ section, name, status, detail, counts, differences: changes }: VerifyItem): string[] {
  const ranked = changes.toSorted((a, b) => Number(b.counts) - Number(a.counts))
  const shown = ranked.slice(0, 3).map(({ field }) => field)
  const fields = [...shown, ...(changes.length > 3 ? [`and ${changes.length - 3} more`] : [])].join(', ')
  const words = detail === '' && status !== 'same' ? fields : detail
  const isIgnored = !counts && (status === 'changed' || status === 'missing')
  const style = isIgnored ? 'dim' : STYLES[status]
  return [paint(style, status), section, escapeText(name), escapeText(words) + (isIgnored ? IGNORED : '')]
}

const IGNORED = ' (does not count at this level)'

function differences({ section, name, differences: changes }: VerifyItem): string[][] {
  return changes.map(({ field, before, after, counts }) => [
    '',
    section,
    escapeText(name),
    escapeText(`${field}: ${before ?? 'absent'} → ${after ?? 'gone'}`) + (counts ? '' : IGNORED),
  ])
}

function verdict({ items, same, level }: Verification): string {
  const parts = (['same', 'changed', 'missing', 'not-checked'] as const).flatMap((status) => {
    const matching = items.filter((item) => item.status === status)
    const ignored = matching.filter(({ counts }) => !counts).length
    const isDifference = status === 'changed' || status === 'missing'
    const rest = isDifference && ignored > 0 ? ` (${ignored} of them not counted)` : ''
    return matching.length === 0 ? [] : [`${matching.length} ${status}${rest}`]
  })
  const counted = items.filter(({ counts }) => counts)
  const unchecked = counted.every(({ status }) => status === 'not-checked')
  const words = same ? 'no difference' : unchecked ? 'not everything could be checked' : 'differences found'
  const at = level === 'default' ? '' : ` (${level})`
  return `\n${paint(same ? 'green' : 'red', words)}${at}: ${parts.join(', ')}`
}
