/** Output of `lineaprint diff` about models, folders and files, and line wrapping. */
import {
  bytes,
  count,
  escapeText,
  isTerminal,
  lineWidth,
  paint,
  shortDigests,
  table,
} from '../../shared/output.ts'
import { nameList } from '../../../util/name-list.ts'
import { plural } from '../../../util/plural.ts'
import type { TreeChange, TreeDiff } from '../../../hash/tree-diff.ts'
import type { ModelDiff, TensorChange, ValueComparison } from '../../../model/diff/diff.ts'

/** Findings shown on a terminal, unless all are requested. */
export const SHOWN = 20

const STYLES = { added: 'green', removed: 'red', changed: 'yellow', renamed: 'dim' } as const

/** Truncate a text to a width. */
export function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(1, room - 1))}…`
}

/** Format the first few items, and the number of the others. */
export function few<T>(items: readonly T[], all: boolean, line: (item: T) => readonly string[]): string[] {
  const shown = all || !isTerminal() ? items : items.slice(0, SHOWN)
  const rest = items.length - shown.length
  return [
    ...shown.flatMap(line),
    ...(rest === 0 ? [] : [paint('dim', `… and ${count(rest)} more (--all shows them)`)]),
  ]
}

/** Format a verdict in green or red, with a summary. */
export function verdict(same: boolean, words: string): string {
  return `${paint(same ? 'green' : 'red', same ? 'the same' : 'different')}${words === '' ? '' : `: ${words}`}`
}

function counted(counts: Readonly<Record<TreeChange['status'], number>>, noun: string): string {
  const parts = (['changed', 'renamed', 'added', 'removed'] as const).flatMap((status) =>
    counts[status] === 0 ? [] : [`${count(counts[status])} ${status}`],
  )
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0)
  return parts.length === 0 ? '' : `${parts.join(', ')} ${noun}${total === 1 ? '' : 's'}`
}

/** Format two folders or files. */
export function treeLines(diff: TreeDiff, all: boolean): string[] {
  if (!isTerminal()) {
    return diff.changes.map(({ status, path, from, before, after }) =>
      table([[status, path === '' ? diff.after.path : path, from ?? '', size(before), size(after)]]),
    )
  }
  const lines = few(diff.changes, all, (change) => treeLine(change, diff))
  return [...lines, verdict(diff.same, diff.kind === 'file' ? '' : counted(diff.counts, 'file'))]
}

function treeLine({ status, path, from, before, after }: TreeChange, diff: TreeDiff): string[] {
  const name = escapeText(path === '' ? diff.after.path : path)
  const sizes =
    before && after && before.size !== after.size ? `  ${bytes(before.size)} → ${bytes(after.size)}` : ''
  const head = `${paint(STYLES[status], status.padEnd(7))}  ${cut(name, lineWidth() - 9 - sizes.length)}${sizes}`
  return [head, ...(from === undefined ? [] : [`         was ${cut(escapeText(from), lineWidth() - 13)}`])]
}

function size(entry: { readonly size: number } | undefined): string {
  return entry === undefined ? '' : String(entry.size)
}

/** Format two models. */
export function modelLines(diff: ModelDiff, all: boolean): string[] {
  if (!isTerminal()) return modelRows(diff)
  const config = few(diff.config, all, ({ key, before, after }) =>
    pair(`config ${escapeText(key)}`, before, after),
  )
  const parts = [
    diff.sameArchitecture ? '' : 'architecture differs',
    diff.sameGraph === false ? 'graph differs' : '',
    diff.samePipeline === false ? pipelineWords(diff) : '',
    diff.sameTokenizer === false ? 'tokenizer differs' : '',
    counted(diff.counts, 'tensor'),
  ]
  const same = `${plural(diff.after.tensorCount, 'tensor')}, ${plural(diff.after.parameters, 'parameter')}`
  const words = diff.same ? same : parts.filter((part) => part !== '').join('; ')
  return [...config, ...few(diff.tensors, all, tensorLines), ...tokenizer(diff), verdict(diff.same, words)]
}

/** Say which components of two pipelines differ; of none, the settings of the pipeline do. */
function pipelineWords({ components }: ModelDiff): string {
  return components.length === 0
    ? 'pipeline differs'
    : `pipeline differs in ${nameList(components.map((name) => escapeText(name)))}`
}

function tokenizer({ sameTokenizer, before, after }: ModelDiff): string[] {
  if (sameTokenizer !== false) return []
  return pair('tokenizer', before.tokenizer?.toString(), after.tokenizer?.toString())
}

/** Format a field with its earlier and later value: in one line if it fits, else below each other. */
export function pair(
  name: string,
  before: string | undefined,
  after: string | undefined,
  width: number = lineWidth(),
): string[] {
  const [textBefore, textAfter] = [before, after].map((text) =>
    text === undefined ? undefined : shortDigests(escapeText(text)),
  )
  const line = `${name}: ${textBefore ?? 'absent'} → ${textAfter ?? 'absent'}`
  if (line.length <= width) return [line]
  return [
    cut(name, width),
    `  - ${textBefore === undefined ? paint('dim', 'absent') : cut(textBefore, width - 4)}`,
    `  + ${textAfter === undefined ? paint('dim', 'absent') : cut(textAfter, width - 4)}`,
  ]
}

function tensorLines({ status, name, from, before, after, differs = [], values }: TensorChange): string[] {
  const form = (tensor: typeof before): string =>
    tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : ''
  const [formBefore, formAfter] = [form(before), form(after)]
  const facts =
    formBefore !== '' && formAfter !== '' && formBefore !== formAfter
      ? `${formBefore} → ${formAfter}`
      : formAfter === ''
        ? formBefore
        : formAfter
  const tail = `  ${facts}`
  const room = lineWidth() - 9 - tail.length
  const head = `${paint(STYLES[status], status.padEnd(7))}  ${cut(escapeText(name), Math.max(20, room))}${tail}`
  return [
    head,
    ...(from === undefined ? [] : [`         was ${cut(escapeText(from), lineWidth() - 13)}`]),
    ...(values === undefined ? [] : wrap(valueWords(values, differs), '         ')),
  ]
}

/** Wrap words into lines. */
export function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > lineWidth()) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line]
}

function valueWords(values: ValueComparison, differs: readonly string[]): string {
  if (values.status === 'not-compared') return `values not compared: ${values.reason}`
  const { elements, changed, share, maxAbsolute, nan, infinite } = values
  const percent = share * 100
  const shown =
    percent === 0 || percent === 100 ? percent : percent < 0.01 ? '< 0.01' : percent.toPrecision(3)
  // Equal values in different bits: zeros of another sign, other codes of NaN, or another dtype that holds
  // them all.
  const bits =
    changed === 0
      ? differs.includes('dtype')
        ? ', the values are the same'
        : ', only bits without a value differ'
      : ''
  return [
    `${count(changed)} of ${count(elements)} changed (${shown} %)${bits}`,
    ...(changed === 0
      ? []
      : [`max |Δ| ${maxAbsolute === null ? 'none' : Number(maxAbsolute.toPrecision(4))}`]),
    ...(nan.before + nan.after === 0 ? [] : [`NaN ${count(nan.before)} → ${count(nan.after)}`]),
    ...(infinite.before + infinite.after === 0
      ? []
      : [`Inf ${count(infinite.before)} → ${count(infinite.after)}`]),
  ].join(', ')
}

function modelRows(diff: ModelDiff): string[] {
  const rows = [
    ...diff.config.map(({ key, before, after }) => ['config', key, before ?? '', after ?? '']),
    ...diff.tensors.map(({ status, name, from, before, after, differs = [], values }) => [
      status,
      name,
      from ?? differs.join(','),
      before ? `${before.dtype} [${before.shape.join(',')}]` : '',
      after ? `${after.dtype} [${after.shape.join(',')}]` : '',
      ...(values ? [valueWords(values, differs)] : []),
    ]),
    ...(diff.sameGraph === false
      ? [['graph', '', diff.before.graph?.toString() ?? '', diff.after.graph?.toString() ?? '']]
      : []),
    ...(diff.samePipeline === false
      ? [
          [
            'pipeline',
            diff.components.map((name) => escapeText(name)).join(','),
            String(diff.before.pipeline),
            String(diff.after.pipeline),
          ],
        ]
      : []),
    ...(diff.sameTokenizer === false
      ? [['tokenizer', '', diff.before.tokenizer?.toString() ?? '', diff.after.tokenizer?.toString() ?? '']]
      : []),
  ]
  return rows.length === 0 ? [] : [table(rows)]
}
