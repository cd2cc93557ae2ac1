/** The ranks of a launch, for `lineaprint show`, one line per item. */
import { plural } from '../../../util/plural.ts'
import { duration } from '../../shared/time.ts'
import type { LaunchRecord, RankRecord } from '../../../record/record.ts'

/** Largest number of ranks in the output; `--json` has all. */
const SHOWN = 16

type Line = readonly [name: string, text: string]

/** Return names and texts; nothing for a run without ranks. */
export function describeRanks(launch: LaunchRecord | undefined): Line[] {
  if (launch === undefined) return []
  const { launcher, group, node, size, ranks } = launch
  const of = size === undefined ? '' : ` of ${size}`
  const number = plural(ranks.length, 'rank')
  // Those that did not end well come first if there are too many.
  const shown =
    ranks.length <= SHOWN ? ranks : ranks.toSorted((a, b) => Number(isWell(a)) - Number(isWell(b)))
  const rest = ranks.length - SHOWN
  return [
    ['launch', `${launcher}, ${JSON.stringify(group)}`],
    ['here', `${number}${of} on ${node}`],
    ...shown.slice(0, SHOWN).map((rank): Line => [`rank ${rank.rank}`, describeRank(rank)]),
    ...(rest > 0 ? [['', plural(rest, 'more rank')] as Line] : []),
  ]
}

function isWell({ status, exitCode }: RankRecord): boolean {
  return status === 'ended' && exitCode === 0
}

function describeRank({ status, exitCode, signal, durationMs, stdout }: RankRecord): string {
  const end = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
  const facts = [
    { running: 'not ended', lost: 'lost: its wrapper ended without a report', ended: end }[status],
    durationMs === undefined ? '' : duration(durationMs),
    stdout?.status === 'captured' ? stdout.file : '',
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}
