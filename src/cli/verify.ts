/** `lineaprint verify`: what a run recorded against the present. */
import { Command } from 'commander'
import { verifyRun } from '../experiment/verify.ts'
import { findRun } from '../store/runs.ts'
import { openStore, storeOptions } from './list.ts'
import { escapeText, isTerminal, paint, print, printJson, table } from './output.ts'
import type { Verification, VerifyItem, VerifyStatus } from '../experiment/verify.ts'
import type { CommandContext } from './context.ts'
import type { StoreOptions } from './list.ts'

interface VerifyArguments extends StoreOptions {
  readonly details?: boolean
}

const EXAMPLE = `
Looks again at the code, the environment, the seeds, datasets, models, tokenizers and outputs of the run, and
checks that its record and files are as they were written.

Example:
  lineaprint verify @latest`

/** The command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('verify'))
    .argument('<run>', 'an id, the beginning of one, the name of an experiment, or @latest')
    .option('--details', 'every file and every difference on a line of its own')
    .addHelpText('after', EXAMPLE)
    .action((reference: string, options: VerifyArguments) => verify(reference, options, context))
}

async function verify(reference: string, options: VerifyArguments, context: CommandContext): Promise<void> {
  const { store, configuration } = await openStore(options)
  const run = await findRun(store, reference)
  const answer = await verifyRun(run, { trackers: configuration.trackers, signal: context.signal })
  if (options.json === true) printJson(answer)
  else {
    print(lines(answer, options.details === true))
    if (isTerminal()) print(verdict(answer))
  }
  context.exit(answer.same ? 0 : 1)
}

const STYLES: Readonly<Record<VerifyStatus, 'green' | 'red' | 'dim'>> = {
  same: 'green',
  changed: 'red',
  missing: 'red',
  'not-checked': 'dim',
}

function lines({ items }: Verification, details: boolean): string {
  const shown = details ? items : gatherFiles(items)
  const rows = shown.flatMap((item) => [row(item), ...(details ? differences(item) : [])])
  if (!isTerminal()) return table(rows)
  // What it says about an item goes below it, so that the columns fit 80 characters.
  const heads = table(rows.map((cells) => cells.slice(0, -1))).split('\n')
  return rows
    .flatMap((cells, index) => {
      const words = cells.at(-1) ?? ''
      return [heads[index] ?? '', ...(words === '' ? [] : [`    ${words}`])]
    })
    .filter((line) => line.trim() !== '')
    .join('\n')
}

/** More unchanged files of the run folder than this become one line: what differs must not drown among them. */
const FILES_SHOWN = 3

function gatherFiles(items: readonly VerifyItem[]): VerifyItem[] {
  const same = items.filter(({ section, status }) => section === 'files' && status === 'same')
  const [first] = same
  if (first === undefined || same.length <= FILES_SHOWN) return [...items]
  const gathered = { ...first, name: `${same.length} files of the run folder` }
  return items.flatMap((item) => (item === first ? [gathered] : same.includes(item) ? [] : [item]))
}

function row({ section, name, status, detail, differences: found }: VerifyItem): string[] {
  const shown = found.slice(0, 3).map(({ field }) => field)
  const fields = [...shown, ...(found.length > 3 ? [`and ${found.length - 3} more`] : [])].join(', ')
  const words = detail === '' && status !== 'same' ? fields : detail
  return [paint(STYLES[status], status), section, escapeText(name), escapeText(words)]
}

function differences({ section, name, differences: found }: VerifyItem): string[][] {
  return found.map(({ field, before, after }) => [
    '',
    section,
    escapeText(name),
    escapeText(`${field}: ${before ?? 'not there'} → ${after ?? 'gone'}`),
  ])
}

function verdict({ items, same }: Verification): string {
  const parts = (['same', 'changed', 'missing', 'not-checked'] as const).flatMap((status) => {
    const found = items.filter((item) => item.status === status).length
    return found === 0 ? [] : [`${found} ${status}`]
  })
  return `\n${paint(same ? 'green' : 'red', same ? 'no difference' : 'differences found')}: ${parts.join(', ')}`
}
