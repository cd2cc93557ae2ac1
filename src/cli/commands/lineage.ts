/** `lineaprint lineage`: what led to something, and what came of it. */
import { relative } from 'node:path'
import { Command, Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { readLineage } from '../../lineage/read.ts'
import { REFERENCE_KINDS } from '../../lineage/start.ts'
import { evidenceOf, nounOf, shortDigest } from '../../lineage/describe.ts'
import { treeLines } from '../../lineage/tree.ts'
import { isInside } from '../../util/paths.ts'
import { plural } from '../../util/plural.ts'
import { wholeNumber } from '../shared/arguments.ts'
import { wrapWords } from '../shared/help.ts'
import {
  escapeText,
  isTerminal,
  lineWidth,
  paint,
  paintStatus,
  print,
  printError,
  printLongJson,
  shortDigests,
} from '../shared/output.ts'
import { progressBar } from '../shared/progress.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { EdgeCheck, Lineage, LineageEdge, LineageNode } from '../../lineage/graph.ts'
import type { ReferenceKind } from '../../lineage/start.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

const FORMATS = ['tree', 'json', 'mermaid', 'svg'] as const

interface LineageArguments extends StoreOptions {
  readonly format: (typeof FORMATS)[number]
  readonly as?: ReferenceKind
  readonly depth?: number
  readonly verify?: boolean
}

const EXAMPLE = `
Prints what something was made from, and what was made from it. A name stands for what the newest run has under it.
Runs are linked by equal digests: an input is the output of an earlier run that has the same digest, whatever the names.
Each edge is recorded (a run read or made it), inferred (from equal digests) or declared (with derive or --from).

Exit codes: 0 done, 1 with --verify: an edge changed or is missing, 2 wrong usage, 3 nothing has this name, or the store
could not be read.

Examples:
  lineaprint lineage model
  lineaprint lineage @latest --verify
  lineaprint lineage model --format svg > lineage.svg`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('lineage'))
    .argument('<name|digest|run>', 'a dataset, model or output by its name or digest, or a run')
    .addOption(new Option('--format <form>', 'the form of the answer').choices(FORMATS).default('tree'))
    .addOption(new Option('--as <kind>', 'kind of the argument, if it fits several').choices(REFERENCE_KINDS))
    .option(
      '--depth <runs>',
      'at most this many runs in either direction',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--verify', 'compare each edge with the files as they are now')
    .addHelpText('after', EXAMPLE)
    .action((reference: string, options: LineageArguments) => lineage(reference, options, context))
}

async function lineage(reference: string, options: LineageArguments, context: CommandContext): Promise<void> {
  const isJson = options.json === true || options.format === 'json'
  if (options.json === true && options.format !== 'tree' && options.format !== 'json') {
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `--json and --format ${options.format} are two forms`,
      {
        field: 'format',
        hint: 'give one of them',
      },
    )
  }
  const { store } = await openStore(options)
  const { signal } = context
  const read = await readLineage(store, reference, { as: options.as, depth: options.depth, signal })
  const answer = options.verify === true ? await verified(read) : read
  if (isJson) await printLongJson(answer, signal)
  else if (options.format === 'mermaid')
    print((await import('../../lineage/mermaid.ts')).lineageToMermaid(answer).trimEnd())
  else if (options.format === 'svg')
    print((await (await import('../../lineage/svg.ts')).lineageToSvg(answer)).trimEnd())
  else {
    print(tree(answer))
    for (const note of answer.notes) printError(`lineaprint: ${escapeText(note)}`)
  }
  if (answer.edges.some(({ check }) => check?.status === 'changed' || check?.status === 'missing'))
    context.exit(1)

  async function verified(unchecked: Lineage): Promise<Lineage> {
    const { verifyLineage } = await import('../../lineage/verify.ts')
    const progress = progressBar('verifying')
    return verifyLineage(store, unchecked, { signal, onProgress: progress.onProgress }).finally(progress.end)
  }
}

function tree(answer: Lineage): string {
  const nodes = new Map(answer.nodes.map((node) => [node.id, node]))
  const parts = answer.start.flatMap((id) => {
    const node = nodes.get(id)
    if (node === undefined) return []
    const head = [fit(describe(node))]
    if (node.kind === 'item') head.push(fit(`of ${describe(runOf(node.run, nodes))}`))
    return [[...head, ...section(answer, node, 'up'), ...section(answer, node, 'down')].join('\n')]
  })
  const counts = checkCounts(answer)
  return [...parts, ...(counts === undefined ? [] : [counts])].join('\n\n')
}

/** Return the node of a run, or what stands for a run of which the lineage shows no more than its item. */
function runOf(run: string, nodes: ReadonlyMap<string, LineageNode>): LineageNode | string {
  return nodes.get(`run ${run}`) ?? run
}

function section(answer: Lineage, node: LineageNode, direction: 'up' | 'down'): string[] {
  const title = direction === 'up' ? 'made from' : 'used by'
  const lines = treeLines(answer, node.id, direction)
  if (lines.length === 0) return [`${title}  ${paint('dim', 'nothing that is recorded')}`]
  return [
    title,
    ...lines.map(({ node: shown, edge, branches, isRepeated }) => {
      const bars = barsOf(branches)
      const suffix = [...edgeWords(edge, shown), ...(isRepeated ? ['shown above'] : [])].join('; ')
      return fit(describe(shown), suffix, { bars, isBad: isBadCheck(edge.check) })
    }),
    ...problems(lines.flatMap(({ edge }) => edge.check ?? [])),
  ]
}

/** Say how an edge is known; across runs also of which run the shown item is. */
function edgeWords(edge: LineageEdge, shown: LineageNode): string[] {
  const across = edge.evidence === 'inferred' && shown.kind === 'item' ? [`of run ${shown.run}`] : []
  return [evidenceOf(edge), ...across, ...(edge.check === undefined ? [] : [edge.check.status])]
}

/** List why edges are not as they were recorded, each reason once. */
function problems(checks: readonly EdgeCheck[]): string[] {
  const reasons = new Set(
    checks.filter(({ status }) => status !== 'same').map(({ status, detail }) => `${status}: ${detail}`),
  )
  return [...reasons].flatMap((reason) =>
    foldText(escapeText(reason), lineWidth() - 2).map((line) => `  ${line}`),
  )
}

function describe(node: LineageNode | string): string {
  if (typeof node === 'string') return `run ${escapeText(node)}`
  if (node.kind === 'run') {
    const names = [node.name, node.runName ?? ''].filter(Boolean).map(escapeText).join('  ')
    return `run ${node.run}  ${names}  ${paintStatus(node.status)}`
  }
  const digest = node.digest === null ? `(${node.unlinked ?? 'no digest'})` : digestText(node.digest)
  const path = node.path === null ? 'in memory' : pathText(node.path)
  const location = node.section === null ? '' : `  ${escapeText(path)}`
  return `${nounOf(node)} ${escapeText(node.name)}  ${escapeText(digest)}${location}`
}

/** On a terminal, paths below the working directory are relative to it. */
function pathText(path: string): string {
  const folder = process.cwd()
  return isTerminal() && isInside(folder, path) ? relative(folder, path) || '.' : path
}

/** On a terminal the digits are cut, to leave room for the rest; a pipe has all of them. */
function digestText(written: string): string {
  return isTerminal() ? shortDigest(written) : shortDigests(written)
}

/** The bars before a line, and before those that continue it. */
interface Bars {
  readonly first: string
  readonly others: string
}

/** Draw the bars of a line. On a narrow terminal those of the outermost lines are left out, so that two thirds are left for the text. */
function barsOf(branches: readonly boolean[]): Bars {
  const most = Math.max(1, Math.floor(lineWidth() / 3 / BAR))
  const shown = branches.slice(-most)
  const above = shown.slice(0, -1).map((isLast): string => (isLast ? '   ' : '│  '))
  if (shown.length < branches.length) above[0] = '…  '
  const isLast = shown.at(-1) ?? true
  const start = above.join('')
  return { first: `${start}${isLast ? '└─ ' : '├─ '}`, others: `${start}${isLast ? '   ' : '│  '}` }
}

/** Columns of a bar. */
const BAR = 3

/** Columns that a label needs beside the words in brackets; if they are not there, the words have lines of their own. */
const LEAST_LABEL = 32

/** Cut a label, so that how it is known stays in view, behind it or on the lines below. */
function fit(
  label: string,
  suffix: string = '',
  { bars = { first: '', others: '' }, isBad = false }: { bars?: Bars; isBad?: boolean } = {},
): string {
  const room = lineWidth() - bars.first.length
  const style = isBad ? 'red' : 'dim'
  const end = suffix === '' ? '' : `[${escapeText(suffix)}]`
  if (end === '' || room - end.length - 2 >= Math.min(LEAST_LABEL, visible(label).length)) {
    const text = cutStyled(label, room - (end === '' ? 0 : end.length + 2))
    return `${bars.first}${text}${end === '' ? '' : paint(style, `  ${end}`)}`
  }
  const below = foldText(end, room).map((line) => `${bars.others}${paint(style, line)}`)
  return [`${bars.first}${cutStyled(label, room)}`, ...below].join('\n')
}

/** Fold a text into lines of this width, and a word that is longer, such as a path, as well. */
function foldText(text: string, width: number): string[] {
  const words = text.split(' ').flatMap((word) => {
    if (word.length <= width) return [word]
    return Array.from({ length: Math.ceil(word.length / width) }, (_, index) =>
      word.slice(index * width, (index + 1) * width),
    )
  })
  return wrapWords(words, width)
}

function isBadCheck(check: EdgeCheck | undefined): boolean {
  return check?.status === 'changed' || check?.status === 'missing'
}

function cutStyled(label: string, room: number): string {
  const shown = visible(label)
  return shown.length <= room ? label : `${shown.slice(0, room - 1).replace(/[… ]+$/, '')}…`
}

function visible(label: string): string {
  return label.replace(/\u001b\[[0-9]{1,2}m/g, '')
}

function checkCounts({ edges }: Lineage): string | undefined {
  const checks = edges.flatMap(({ check }) => check ?? [])
  if (checks.length === 0) return undefined
  const parts = (['same', 'changed', 'missing', 'not-checked'] as const).flatMap((status) => {
    const number = checks.filter((check) => check.status === status).length
    return number === 0 ? [] : [`${number} ${status}`]
  })
  return `${plural(checks.length, 'edge')}: ${parts.join(', ')}`
}
