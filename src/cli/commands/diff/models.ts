/** Output of `lineaprint diff` about models. */
import { STYLES, counted, cut, few, pair, verdict, wrap } from './text.ts'
import { nameList } from '../../../util/name-list.ts'
import { plural } from '../../../util/plural.ts'
import { nameTable, shortNumber } from '../../shared/name-table.ts'
import { count, escapeText, isTerminal, lineWidth, paint, table } from '../../shared/output.ts'
import type { ListedTensorsDiff } from '../../../diff/listed-tensors.ts'
import type { ModelDiff, TensorChange, ValueComparison } from '../../../model/diff/diff.ts'
import type { TensorInfo } from '../../../model/read.ts'

type Compared = Extract<ValueComparison, { readonly status: 'compared' }>

/** Format two models. */
export function modelLines(diff: ModelDiff, all: boolean): string[] {
  if (!isTerminal()) return modelRows(diff)
  const config = few(diff.config, all, ({ key, before, after }) =>
    pair(`config ${escapeText(key)}`, before, after),
  )
  const tokens = few(diff.tokenizer, all, ({ file, key, before, after }) =>
    pair(`${escapeText(file)}${key === '' ? '' : ` ${escapeText(key)}`}`, before, after),
  )
  const hasTable = isWideEnough() && diff.tensors.some(({ values }) => values?.status === 'compared')
  const listed = hasTable ? diff.tensors.filter(({ values }) => values?.status !== 'compared') : diff.tensors
  const same = `${plural(diff.after.tensorCount, 'tensor')}, ${plural(diff.after.parameters, 'parameter')}`
  return [
    ...config,
    ...few(listed, all, tensorLines),
    ...(hasTable ? valueTable(diff.tensors, all) : []),
    ...tokens,
    ...(diff.tokenizer.length === 0 ? tokenizer(diff) : []),
    verdict(diff.same, diff.same ? same : summary(diff)),
  ]
}

/** Format two lists of tensors. */
export function listedLines(diff: ListedTensorsDiff, all: boolean): string[] {
  if (!isTerminal()) return diff.tensors.length === 0 ? [] : [table(diff.tensors.map(changeRow))]
  const words = diff.same ? plural(diff.after.tensorCount, 'tensor') : tensorSummary(diff.tensors)
  return [...few(diff.tensors, all, tensorLines), verdict(diff.same, words)]
}

/** The shown facts about a tensor that differs. */
type ShownChange = Pick<TensorChange, 'status' | 'name' | 'from' | 'differs' | 'values'> & {
  readonly before?: Pick<TensorInfo, 'dtype' | 'shape'>
  readonly after?: Pick<TensorInfo, 'dtype' | 'shape'>
}

function tensorSummary(changes: readonly ShownChange[]): string {
  const counts = { added: 0, removed: 0, changed: 0, renamed: 0, retyped: 0, reshaped: 0 }
  for (const change of changes) counts[wordFor(change)]++
  const { retyped, reshaped, ...others } = counts
  const forms = [
    ...(reshaped === 0 ? [] : [`${count(reshaped)} reshaped`]),
    ...(retyped === 0 ? [] : [`${count(retyped)} retyped`]),
  ]
  const rest = counted(others, 'tensor')
  return rest === '' && forms.length > 0
    ? `${forms.join(', ')} ${retyped + reshaped === 1 ? 'tensor' : 'tensors'}`
    : [...forms, rest].join(', ')
}

function summary(diff: ModelDiff): string {
  const tensors = tensorSummary(diff.tensors)
  return [
    diff.sameArchitecture ? '' : 'architecture differs',
    diff.sameFamily === true && !diff.sameWeights ? 'one family' : '',
    diff.sameGraph === false ? 'graph differs' : '',
    diff.samePipeline === false ? pipelineWords(diff) : '',
    diff.sameTokenizer === false ? 'tokenizer differs' : '',
    tensors,
  ]
    .filter((part) => part !== '')
    .join('; ')
}

/** Say which components of two pipelines differ; of none, the settings of the pipeline do. */
function pipelineWords({ components }: ModelDiff): string {
  return components.length === 0
    ? 'pipeline differs'
    : `pipeline differs in ${nameList(components.map((name) => escapeText(name)))}`
}

/** Return the word for what happened to a tensor; a changed one may have another dtype or shape. */
function wordFor({ status, differs = [] }: ShownChange): TensorChange['status'] | 'retyped' | 'reshaped' {
  if (differs.includes('shape')) return 'reshaped'
  return differs.includes('dtype') ? 'retyped' : status
}

function tokenizer({ sameTokenizer, before, after }: ModelDiff): string[] {
  if (sameTokenizer !== false) return []
  return pair('tokenizer', before.tokenizer?.toString(), after.tokenizer?.toString())
}

function tensorLines(change: ShownChange): string[] {
  const { status, name, from, before, after, differs = [], values } = change
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
  const room = lineWidth() - 10 - tail.length
  const word = paint(STYLES[status], wordFor(change).padEnd(8))
  return [
    `${word}  ${cut(escapeText(name), Math.max(20, room))}${tail}`,
    ...(from === undefined ? [] : [`          was ${cut(escapeText(from), lineWidth() - 14)}`]),
    ...(values === undefined ? [] : wrap(valueWords(values, differs), '          ')),
  ]
}

/** Columns that a table of values needs; on narrower terminals the values are sentences. */
const TABLE_WIDTH = 76

/** Columns that it needs with the largest relative differences. */
const RELATIVE_WIDTH = 100

function isWideEnough(): boolean {
  return lineWidth() >= TABLE_WIDTH
}

/**
 * Return one row for each tensor whose values were compared: first those with NaN or infinities, then those that changed
 * most, by the norm of the difference divided by the norm before.
 */
function valueTable(changes: readonly TensorChange[], all: boolean): string[] {
  const rows = changes.flatMap((change) =>
    change.values?.status === 'compared' ? [valueRow(change, change.values)] : [],
  )
  rows.sort((first, second) => (first.rank === second.rank ? 0 : second.rank - first.rank))
  const hasSpecial = rows.some(({ special }) => special !== '')
  const hasRelative = lineWidth() >= RELATIVE_WIDTH
  const head = [
    'tensor',
    'changed',
    'max |Δ|',
    ...(hasRelative ? ['max rel'] : []),
    'L2',
    'cosine',
    ...(hasSpecial ? ['NaN, Inf'] : []),
  ]
  const cells = rows.map(({ row, relative, special }) => [
    ...row.slice(0, 3),
    ...(hasRelative ? [relative] : []),
    ...row.slice(3),
    ...(hasSpecial ? [special] : []),
  ])
  const [titles = '', ...lines] = nameTable(cells, head).split('\n')
  return [titles, ...few(lines, all, (line) => [line])]
}

interface ValueRow {
  readonly row: string[]
  /** The largest relative difference, which narrow terminals have no room for. */
  readonly relative: string
  /** NaN and infinities, if there are any. */
  readonly special: string
  /** Size of the change: the larger, the earlier the row. */
  readonly rank: number
}

function valueRow(change: TensorChange, values: Compared): ValueRow {
  const { share, maxAbsolute, maxRelative, l2, norm, cosine, nan, infinite } = values
  const special = [
    ...(nan.before + nan.after === 0 ? [] : [`NaN ${count(nan.before)}→${count(nan.after)}`]),
    ...(infinite.before + infinite.after === 0
      ? []
      : [`Inf ${count(infinite.before)}→${count(infinite.after)}`]),
  ]
  return {
    row: [
      escapeText(change.name),
      `${percentOf(share)} %`,
      shortNumber(maxAbsolute),
      shortNumber(l2),
      cosine === null ? 'none' : cosine.toFixed(6),
    ],
    relative: shortNumber(maxRelative),
    special: special.join(' '),
    rank: special.length > 0 ? Infinity : norm.before === 0 ? l2 : l2 / norm.before,
  }
}

function percentOf(share: number): string {
  const percent = share * 100
  if (percent === 0 || percent === 100) return String(percent)
  // A share that is not all must not be shown as all.
  if (percent > 99.99) return '> 99.9'
  return percent < 0.01 ? '< 0.01' : percent.toPrecision(3)
}

function valueWords(values: ValueComparison, differs: readonly string[]): string {
  if (values.status === 'not-compared') return `values not compared: ${values.reason}`
  const { elements, changed, share, maxAbsolute, maxRelative, l2, cosine, nan, infinite } = values
  // Equal values in different bits: zeros of another sign, other codes of NaN, or another dtype that holds
  // them all.
  const bits =
    changed === 0
      ? differs.includes('dtype')
        ? ', the values are the same'
        : ', only bits without a value differ'
      : ''
  return [
    `${count(changed)} of ${count(elements)} changed (${percentOf(share)} %)${bits}`,
    ...(changed === 0
      ? []
      : [
          `max |Δ| ${maxAbsolute === null ? 'none' : Number(maxAbsolute.toPrecision(4))}`,
          ...(maxRelative === null ? [] : [`max relative ${Number(maxRelative.toPrecision(4))}`]),
          `L2 ${Number(l2.toPrecision(4))}`,
          ...(cosine === null ? [] : [`cosine ${cosine.toFixed(6)}`]),
        ]),
    ...(nan.before + nan.after === 0 ? [] : [`NaN ${count(nan.before)} → ${count(nan.after)}`]),
    ...(infinite.before + infinite.after === 0
      ? []
      : [`Inf ${count(infinite.before)} → ${count(infinite.after)}`]),
  ].join(', ')
}

function changeRow(change: ShownChange): string[] {
  const { name, from, before, after, differs = [], values } = change
  return [
    wordFor(change),
    name,
    from ?? differs.join(','),
    before ? `${before.dtype} [${before.shape.join(',')}]` : '',
    after ? `${after.dtype} [${after.shape.join(',')}]` : '',
    ...(values ? [valueWords(values, differs)] : []),
  ]
}

function modelRows(diff: ModelDiff): string[] {
  const rows = [
    ...diff.config.map(({ key, before, after }) => ['config', key, before ?? '', after ?? '']),
    ...diff.tensors.map(changeRow),
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
    ...diff.tokenizer.map(({ file, key, before, after }) => [
      'tokenizer',
      key === '' ? file : `${file} ${key}`,
      before ?? '',
      after ?? '',
    ]),
  ]
  return rows.length === 0 ? [] : [table(rows)]
}
