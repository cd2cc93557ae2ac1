/** Tools that compare: runs with each other, and a run with the present. */
import { z } from 'zod/mini'
import { findRun } from '../../database/runs.ts'
import { diffRuns } from '../../diff/runs.ts'
import { matchesGlob } from '../../util/glob.ts'
import { verifyRun } from '../../verify/verify.ts'
import { VERIFY_LEVELS } from '../../verify/level.ts'
import { BYTES, CURSOR, positionOf, runArgument, textsArgument } from '../arguments.ts'
import { asJson, listFrom, tool } from '../tool.ts'
import type { RunDiff } from '../../diff/runs.ts'
import type { Tool, ToolServices } from '../tool.ts'

const TWO_RUNS = { before: runArgument('The first run'), after: runArgument('The second run') } as const

/** Lists of a comparison. */
const LISTS = ['differences', 'notCompared', 'ignored', 'leftOut', 'metrics', 'digests'] as const

/** Compare two runs. */
export const DIFF_RUNS: Tool = tool({
  name: 'diff_runs',
  title: 'Compare two runs',
  description:
    'Say why two runs differ, from their records: the most likely cause, the differences by cause (code, data, seeds, configuration, packages, …), the first step at which what they logged differs, and what could not be compared.',
  schema: z.strictObject({
    ...TWO_RUNS,
    list: z.prefault(
      z.enum(LISTS).check(z.describe('The list of the comparison that is wanted')),
      'differences',
    ),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ list, cursor, ...runs }, services, signal) => {
    const diff = await compared(runs, services, signal)
    return {
      head: {
        same: diff.same,
        before: diff.before.id,
        after: diff.after.id,
        firstCause: diff.firstCause,
        firstDivergence: asJson(diff.firstDivergence),
        counts: Object.fromEntries(LISTS.map((name) => [name, diff[name].length])),
        ...(diff.unexplained.length > 0 && { unexplained: [...diff.unexplained] }),
        ...(diff.warnings.length > 0 && { warnings: [...diff.warnings] }),
      },
      list: listFrom(list, diff[list], positionOf(cursor)),
    }
  },
})

/** Find where two runs diverge. */
export const FIRST_DIVERGENCE: Tool = tool({
  name: 'first_divergence',
  title: 'Find where two runs diverge',
  description:
    'Find the first step at which two runs logged different values, and for each metric and logged digest its first different value. System metrics and durations have no part in the first step.',
  schema: z.strictObject({
    ...TWO_RUNS,
    metric: z.optional(textsArgument('Patterns of names, * for any characters; by default all', 100)),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ metric, cursor, ...runs }, services, signal) => {
    const diff = await compared(runs, services, signal)
    const isWanted = ({ name }: { readonly name: string }): boolean =>
      metric === undefined || metric.some((pattern) => matchesGlob(pattern, name))
    const series = [
      ...diff.digests.filter(isWanted).map((each) => ({ kind: 'digest', ...each })),
      ...diff.metrics.filter(isWanted).map((each) => ({ kind: 'metric', ...each })),
    ]
    const diverging = series.flatMap(({ kind, name, divergence }) =>
      divergence === null ? [] : [{ kind, name, ...divergence }],
    )
    return {
      head: {
        before: diff.before.id,
        after: diff.after.id,
        firstDivergence: asJson(diff.firstDivergence),
        compared: series.filter(({ before, after }) => before !== null && after !== null).length,
        onlyInOneRun: series.filter(({ before, after }) => before === null || after === null).length,
        diverging: diverging.length,
        ...(diff.warnings.length > 0 && { warnings: [...diff.warnings] }),
      },
      list: listFrom(
        'divergences',
        diverging.toSorted((a, b) => (a.step ?? Infinity) - (b.step ?? Infinity) || a.index - b.index),
        positionOf(cursor),
      ),
    }
  },
})

async function compared(
  { before, after }: { readonly before: string; readonly after: string },
  { store, trackers }: ToolServices,
  signal: AbortSignal,
): Promise<RunDiff> {
  return diffRuns(await findRun(store, before), await findRun(store, after), { trackers, signal })
}

/** Verify a run. */
export const VERIFY_RUN: Tool = tool({
  name: 'verify_run',
  title: 'Verify a run',
  description:
    'Compare what a run recorded with the present: its seal and files, code, environment, seeds, and the content of datasets, models and outputs, which are read again (that can take long). Starts no program that the record names. Lists what is not as it was.',
  schema: z.strictObject({
    run: runArgument('The run'),
    level: z.prefault(
      z
        .enum(VERIFY_LEVELS)
        .check(
          z.describe(
            'Which differences count: of data, of code, of everything that somebody chose, or of everything',
          ),
        ),
      'default',
    ),
    all: z.prefault(z.boolean().check(z.describe('Also list what is the same')), false),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ run: reference, level, all, cursor }, { store, directory, trackers }, signal) => {
    const run = await findRun(store, reference)
    const { id, same, items } = await verifyRun(run, { level, directory, trackers, signal })
    const shown = items.filter(({ status }) => all || status !== 'same')
    return {
      head: {
        run: id,
        level,
        same,
        counts: Object.fromEntries(
          (['same', 'changed', 'missing', 'not-checked'] as const).map((status) => [
            status,
            items.filter((item) => item.status === status).length,
          ]),
        ),
      },
      list: listFrom(
        'items',
        // What makes it fail comes first.
        shown.toSorted((a, b) => Number(b.counts) - Number(a.counts)),
        positionOf(cursor),
      ),
    }
  },
})
