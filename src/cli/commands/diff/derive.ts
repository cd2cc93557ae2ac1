/** Output of `lineaprint diff --derive`: how a model follows from another. */
import { cut, few, wrap } from './text.ts'
import { plural } from '../../../util/plural.ts'
import { VERDICTS, isExplained } from '../../../model/derivation/report.ts'
import { count, escapeText, isTerminal, lineWidth, paint, table } from '../../shared/output.ts'
import type { ModelDerivation, TensorDerivation } from '../../../model/derivation/report.ts'

/** Format a derivation: what is explained in groups of one rule, what is not tensor by tensor, and a verdict. */
export function derivationLines(derivation: ModelDerivation, all: boolean): string[] {
  if (!isTerminal()) return rows(derivation)
  const { tensors, unused, dropped } = derivation
  const faulty = tensors.filter(({ verdict }) => !isExplained(verdict))
  const lines = all
    ? tensors.filter(({ verdict }) => isExplained(verdict)).flatMap(tensorLines)
    : groups(derivation)
  return [
    ...lines,
    ...(dropped.length === 0 ? [] : [paint('dim', `left out by a map: ${plural(dropped.length, 'tensor')}`)]),
    ...few(faulty, all, tensorLines),
    ...few(unused, all, ({ name, dtype, shape }) => [
      `${paint('yellow', 'unused'.padEnd(WIDTH))} ${cut(`${escapeText(name)}  ${dtype} [${shape.join(', ')}]`, lineWidth() - WIDTH - 1)}`,
    ]),
    verdictLine(derivation),
  ]
}

/** The longest verdict. */
const WIDTH = 11

function verdictLine({ explained, tensors, unused }: ModelDerivation): string {
  const faulty = tensors.filter(({ verdict }) => !isExplained(verdict)).length
  const facts = [
    `${count(tensors.length - faulty)} of ${plural(tensors.length, 'tensor')}`,
    ...(unused.length === 0 ? [] : [`${plural(unused.length, 'tensor')} of the first model not used`]),
  ]
  return `${paint(explained ? 'green' : 'red', explained ? 'explained' : 'not explained')}: ${facts.join('; ')}`
}

/** Count the explained tensors of each verdict and rule. */
function groups({ tensors }: ModelDerivation): string[] {
  const counts = new Map<string, { readonly tensor: TensorDerivation; number: number }>()
  for (const tensor of tensors) {
    if (!isExplained(tensor.verdict)) continue
    const key = [tensor.verdict, ...tensor.rule.map(general)].join('\0')
    const known = counts.get(key)
    if (known) known.number++
    else counts.set(key, { tensor, number: 1 })
  }
  const sorted = [...counts.values()].toSorted((a, b) => order(a.tensor.verdict) - order(b.tensor.verdict))
  return sorted.flatMap(({ tensor, number }) => {
    const words = [plural(number, 'tensor'), ...tensor.rule.map(general)].join('; ')
    const [first = '', ...rest] = wrap(escapeText(words), ' '.repeat(WIDTH + 1))
    return [paint('green', tensor.verdict.padEnd(WIDTH)) + first.slice(WIDTH), ...rest]
  })
}

function order(verdict: TensorDerivation['verdict']): number {
  return VERDICTS.indexOf(verdict)
}

/** Leave out the positions of parts, which differ from tensor to tensor. */
function general(words: string): string {
  return words
    .replace(/^(rows|elements) [0-9]+ to [0-9]+ (?:along|of)/, '$1 of a range along')
    .replace('along each', 'in each')
}

function tensorLines({
  verdict,
  name,
  dtype,
  shape,
  sources,
  rule,
  alternatives,
  bound,
  findings,
}: TensorDerivation): string[] {
  const style = isExplained(verdict) ? 'green' : verdict === 'changed' ? 'red' : 'yellow'
  const form = `  ${dtype} [${shape.join(', ')}]`
  const head = `${paint(style, verdict.padEnd(WIDTH))} ${cut(escapeText(name), Math.max(20, lineWidth() - WIDTH - 1 - form.length))}${form}`
  const from = sources
    .filter((source) => source.name !== name || sources.length > 1)
    .map((source) => source.name)
  const notes = [
    ...(from.length === 0 ? [] : [`from ${from.join(' + ')}`]),
    ...rule,
    ...(bound === undefined ? [] : [bound]),
    ...(alternatives === undefined
      ? []
      : [`or from ${alternatives.join(', ')}, which it follows from equally well`]),
    ...findings,
  ]
  return [head, ...notes.flatMap((note) => wrap(escapeText(note), ' '.repeat(WIDTH + 1)))]
}

/** Return verdict, name, sources, rule and findings of each tensor. */
function rows({ tensors, unused, dropped }: ModelDerivation): string[] {
  const cells = [
    ...tensors.map(({ verdict, name, sources, rule, alternatives, bound, findings }) => [
      verdict,
      escapeText(name),
      escapeText(sources.map((source) => source.name).join(' + ')),
      escapeText([...rule, ...(bound === undefined ? [] : [bound])].join('; ')),
      escapeText(
        [...(alternatives === undefined ? [] : [`or from ${alternatives.join(', ')}`]), ...findings].join(
          '; ',
        ),
      ),
    ]),
    ...dropped.map((name) => ['left out', '', escapeText(name), '', '']),
    ...unused.map(({ name }) => ['unused', '', escapeText(name), '', '']),
  ]
  return cells.length === 0 ? [] : [table(cells)]
}
