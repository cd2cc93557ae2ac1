/** The seeds of a run, for `lineaprint show`, one line per item. */
import { seedsOf } from '../../../capture/records.ts'
import { recordedConfiguration } from '../../../config/options.ts'
import { unlessDamaged } from '../../../json/read-fields.ts'
import { plural } from '../../../util/plural.ts'
import type { PythonSeeds, RecordedProgram } from '../../../capture/seeds/types.ts'
import type { RunRecord } from '../../../record/record.ts'

/** Largest number of programs in the output; `--json` has more. */
const SHOWN = 4

type Line = [name: string, text: string]

/** Return names and texts. A record is untrusted: damaged seeds are not shown. */
export function describeSeeds(record: RunRecord): Line[] {
  const seeds = unlessDamaged(() => seedsOf(record))
  if (seeds === undefined) return []
  const { seed, source, python } = seeds
  const { deterministic, replaceMathRandom } = recordedConfiguration(record).seeds
  const asked = [
    ...(deterministic ? ['deterministic results requested'] : []),
    ...(replaceMathRandom ? ['Math.random replaced in Node programs'] : []),
  ]
  const from = source === 'LINEAPRINT_SEED' ? ', from LINEAPRINT_SEED' : ''
  return [
    ...(seed === null ? [] : [['seed', `${seed}${from}`] as Line]),
    ...(asked.length > 0 ? [['asked', asked.join(', ')] as Line] : []),
    ...(python === undefined ? [] : describePython(python)),
  ]
}

function describePython(python: PythonSeeds<RecordedProgram>): Line[] {
  if (python.status === 'not-reached') return [['python', `not reached: ${python.reason}`]]
  const { programs, unlisted = 0 } = python
  const rest = programs.length + unlisted - Math.min(SHOWN, programs.length)
  return [
    ...programs.toSorted(byRank).slice(0, SHOWN).flatMap(describeProgram),
    ...(rest > 0 ? [['', plural(rest, 'more Python process', 'more Python processes')] as Line] : []),
  ]
}

/** Order the ranks of a job by their numbers, after the programs that are none, and keep the order of the others. */
function byRank(a: RecordedProgram, b: RecordedProgram): number {
  return (a.rank ?? -1) - (b.rank ?? -1)
}

const ORIGINS = {
  run: 'from the run',
  set_seeds: 'from set_seeds',
  derived: 'derived from the seed of the run',
} as const

function describeProgram(program: RecordedProgram): Line[] {
  const { number, kind, script, version, seed = null, origin = null, states = [], hasEnded } = program
  const named = (wanted: string): string =>
    (program.targets ?? [])
      .filter(({ status }) => status === wanted)
      .map(({ name }) => name)
      .join(', ')
  const facts = [
    kind === undefined || kind === 'program' ? '' : kind,
    program.rank === undefined ? '' : `rank ${program.rank}`,
    script ?? '',
    `Python ${version ?? ''}`,
    seed === null ? 'no seed' : `seed ${seed} ${origin === null ? '' : ORIGINS[origin]}`.trim(),
    states.length === 0 ? '' : `${states.length} saved states`,
    hasEnded === true || kind !== 'program' ? '' : 'ended without a final report',
  ]
  const lines: Line[] = [
    [`python ${number ?? ''}`, facts.filter((fact) => fact !== '').join(', ')],
    [' seeded', named('seeded')],
    [' recorded', named('recorded')],
    [' own seeds', describeOwnSeeds(program) || named('own-seed')],
    [' not seeded', named('unreachable')],
    [' workers', describeLoaders(program)],
  ]
  return lines.filter(([, text]) => text !== '')
}

/** Seeds of the workers of a DataLoader, of its first pass: `DataLoader, 2 workers: 17, 18; 3 more passes`. */
function describeLoaders({ loaders = [], moreLoaders = 0 }: RecordedProgram): string {
  const [first] = loaders
  if (first === undefined) return ''
  const seeds = first.seeds.slice(0, SHOWN).join(', ') + (first.workers > SHOWN ? ', …' : '')
  const more = loaders.length - 1 + moreLoaders
  const rest = more === 0 ? '' : `; ${plural(more, 'more pass', 'more passes')}`
  return `DataLoader, ${plural(first.workers, 'worker')}: ${seeds}${rest}`
}

/** Seeds that were effective instead of that of the run: `numpy 1337, torch 7`. */
function describeOwnSeeds({ ownSeeds = [] }: RecordedProgram): string {
  return ownSeeds.map(({ name, seed }) => `${name} ${seed ?? 'from the system'}`).join(', ')
}
