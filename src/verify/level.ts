/**
 * The levels of a verification: which differences make it fail. Every level reports all differences.
 *
 * `docs/verify.md` has this table for readers; `__test__/verify/level.test.ts` keeps both in agreement.
 */
import type { Difference } from '../core/component.ts'
import type { CheckedItem } from '../compare/check-item.ts'

/** Levels of strictness. */
export const VERIFY_LEVELS = ['data', 'code', 'default', 'strict'] as const

/** One of {@link VERIFY_LEVELS}. */
export type VerifyLevel = (typeof VERIFY_LEVELS)[number]

/** A difference, with its effect on the verification. */
export interface VerifyDifference extends Difference {
  readonly counts: boolean
}

/** The result for one item. */
export interface VerifyItem extends CheckedItem {
  /** True if this makes the verification fail. */
  readonly counts: boolean
  readonly differences: readonly VerifyDifference[]
}

/** A group of fields, and the levels at which a difference in one of them counts. */
export interface VerifyRule {
  readonly section: string
  /** Description of the fields. */
  readonly description: string
  /** Pattern of the fields; if absent, all fields that no earlier rule of the section matches. */
  readonly field?: RegExp
  /** True if the rule covers only fields that did not exist when the run started. */
  readonly added?: true
  readonly levels: readonly VerifyLevel[]
}

const ALWAYS: readonly VerifyLevel[] = VERIFY_LEVELS
const DATA: readonly VerifyLevel[] = ['data', 'default', 'strict']
const CODE: readonly VerifyLevel[] = ['code', 'default', 'strict']
const CHOSEN: readonly VerifyLevel[] = ['default', 'strict']
const STRICT: readonly VerifyLevel[] = ['strict']

/**
 * The rules of each level. The first matching rule of a section decides. At the default level, everything
 * that somebody chose counts (code, command, data, seeds, versions, variables), but not the properties of the
 * machine.
 */
export const VERIFY_RULES: readonly VerifyRule[] = [
  { section: 'record', description: 'the seal, and the bytes of `run.json`', levels: ALWAYS },
  { section: 'files', description: "the other files of the run's folder", levels: CHOSEN },
  { section: 'command', description: 'program and arguments', levels: CODE },
  {
    section: 'code',
    description: 'untracked files that were not there when the run started',
    field: /^untracked\./,
    added: true,
    levels: STRICT,
  },
  {
    section: 'code',
    description: 'commit, staged and other changes, untracked files of the start, submodules, modes',
    levels: CODE,
  },
  {
    section: 'environment',
    description: 'operating system, C library, processor',
    field: /^system(?:\.|$)/,
    levels: STRICT,
  },
  { section: 'environment', description: 'GPUs, driver, CUDA', field: /^gpu(?:\.|$)/, levels: STRICT },
  {
    section: 'environment',
    description:
      'kernel, cores, memory, container, paths of Node and Python, pip, recorded variables, lineaprint',
    field: /^(?:machine|lineaprint)(?:\.|$)/,
    levels: STRICT,
  },
  {
    section: 'environment',
    description:
      'Node, Python, packages, lock files, conda, builds of frameworks, compilers, variables of the list',
    levels: CHOSEN,
  },
  { section: 'seeds', description: 'seed, `PYTHONHASHSEED`, named generators', levels: CHOSEN },
  { section: 'datasets', description: 'content', levels: DATA },
  { section: 'models', description: 'architecture and weights', levels: DATA },
  { section: 'tokenizers', description: 'content', levels: DATA },
  { section: 'outputs', description: 'content', levels: DATA },
  { section: 'trackers', description: 'own trackers', levels: CHOSEN },
  {
    section: 'objects',
    description: 'copies that the store keeps, checked with `--objects`',
    levels: ALWAYS,
  },
]

/** Decide which differences of an item count at a level. */
export function judge(item: CheckedItem, level: VerifyLevel): VerifyItem {
  const differences = item.differences.map((difference) => ({
    ...difference,
    counts: item.status !== 'same' && counts(item.section, difference, level),
  }))
  return { ...item, differences, counts: itemCounts(item, differences, level) }
}

function itemCounts(
  { section, status }: CheckedItem,
  differences: readonly VerifyDifference[],
  level: VerifyLevel,
): boolean {
  if (status === 'same') return false
  if (status === 'not-checked') return level === 'strict'
  if (differences.length > 0) return differences.some((difference) => difference.counts)
  // Without differences by field the whole item differs, or is missing.
  const rules = VERIFY_RULES.filter((rule) => rule.section === section)
  return rules.length === 0 || rules.some(({ levels }) => levels.includes(level))
}

function counts(section: string, { field, before }: Difference, level: VerifyLevel): boolean {
  const rule = VERIFY_RULES.find(
    (candidate) =>
      candidate.section === section &&
      (candidate.field === undefined || candidate.field.test(field)) &&
      (candidate.added !== true || before === undefined),
  )
  // A section without a rule counts, so that nothing is missed.
  return rule === undefined || rule.levels.includes(level)
}
