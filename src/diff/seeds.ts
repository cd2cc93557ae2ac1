/** The seeds that were effective in two runs: those that their Python programs set themselves replace that of the run. */
import { seedsOf } from '../capture/records.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { compareText } from './causes.ts'
import type { RecordedProgram } from '../capture/seeds/types.ts'
import type { RunRecord } from '../record/record.ts'
import type { Part } from './causes.ts'

/** Fields that differ with the seed of a run, and with nothing else. */
const OF_THE_RUN = /^seeds\.(?:seed|generators\.default\.state)$/

/** Compare the seeds that the programs of two runs set themselves. A record that does not list them is not compared. */
export function diffOwnSeeds(before: RunRecord, after: RunRecord): Part {
  const [first, second] = [ownSeeds(before), ownSeeds(after)]
  if (first === undefined || second === undefined) return { differences: [], notCompared: [] }
  const names = [...new Set([...first.keys(), ...second.keys()])].toSorted(compareUtf8)
  return {
    differences: names.flatMap((name) =>
      compareText(`seeds.ownSeeds.${name}`, first.get(name), second.get(name)),
    ),
    notCompared: [],
  }
}

/**
 * Return why a difference of the seeds of two runs explains nothing; `undefined` for other fields, and if a program drew
 * from the seed of its run.
 */
export function seedWithoutEffect(
  before: RunRecord,
  after: RunRecord,
): (field: string) => string | undefined {
  const isWithoutEffect = [before, after].every(hasNoEffect)
  return (field) =>
    isWithoutEffect && OF_THE_RUN.test(field) ? 'no effect: the programs set their own seeds' : undefined
}

/** Return whether the programs of a run set their own seeds, and none of them drew from that of the run. */
function hasNoEffect(record: RunRecord): boolean {
  const programs = programsOf(record)
  if (programs === undefined || !programs.some(({ ownSeeds: own = [] }) => own.length > 0)) return false
  return programs.every(({ kind, used, hasEnded, setSeeds }) =>
    // A forked process is listed only if it reported something, and ends without a report of its seeds.
    kind === 'forked'
      ? (used ?? []).length === 0
      : hasEnded === true && used !== undefined && (used.length === 0 || setSeeds.length > 0),
  )
}

/** Return the programs of a run; `undefined` if not all of them are known. */
function programsOf(record: RunRecord): readonly RecordedProgram[] | undefined {
  const python = unlessDamaged(() => seedsOf(record))?.python
  return python?.status === 'reached' && (python.unlisted ?? 0) === 0 ? python.programs : undefined
}

/** Return the seeds that programs set themselves, as text by generator. Those of workers follow from their programs. */
function ownSeeds(record: RunRecord): Map<string, string> | undefined {
  const programs = programsOf(record)?.filter(
    ({ kind, origin }) => kind === 'program' && origin !== 'derived',
  )
  if (programs === undefined || programs.some(({ used }) => used === undefined)) return undefined
  const byName = new Map<string, string[]>()
  for (const { ownSeeds: own = [] } of programs)
    for (const { name, seed } of own)
      byName.set(name, [...(byName.get(name) ?? []), seed ?? 'from the system'])
  return new Map([...byName].map(([name, seeds]) => [name, [...new Set(seeds)].join(', ')]))
}
