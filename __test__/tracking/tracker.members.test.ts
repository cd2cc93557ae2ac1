/** The members of `ExperimentTracker`: those that people call, and no other. */
import { readFileSync } from 'node:fs'
import { isolatedDeclarationSync } from 'rolldown/experimental'
import { expect, expectTypeOf, test } from 'vitest'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'

const MEMBERS = [
  'addMetadata',
  'addTags',
  'captureEnvironment',
  'captureGit',
  'configuration',
  'derive',
  'expectOutput',
  'fail',
  'finishExperiment',
  'flush',
  'getExperimentSummary',
  'id',
  'isRunning',
  'logDigest',
  'logMetric',
  'logMetrics',
  'logParameters',
  'run',
  'runDirectory',
  'setNotes',
  'setSeeds',
  'startExperiment',
  'trackBatches',
  'trackDataset',
  'trackModel',
  'trackOutput',
  'trackTokenizer',
  'verify',
] as const

test('the class has them by itself, and an instance shows nothing else', () => {
  expect(Object.getPrototypeOf(ExperimentTracker)).toBe(Function.prototype)
  const names = Object.getOwnPropertyNames(ExperimentTracker.prototype)
  expect(names.filter((name) => name !== 'constructor').toSorted()).toEqual(MEMBERS)
  expect(Object.getOwnPropertySymbols(ExperimentTracker.prototype)).toEqual([Symbol.asyncDispose])
  expect(Reflect.ownKeys(new ExperimentTracker({}, { environment: {} }))).toEqual([])
})

test('its published declaration has them, and nothing else', () => {
  expectTypeOf<keyof ExperimentTracker>().toEqualTypeOf<
    (typeof MEMBERS)[number] | typeof Symbol.asyncDispose
  >()
  const path = 'src/tracking/tracker.ts'
  const { code, errors } = isolatedDeclarationSync(path, readFileSync(path, 'utf8'))
  expect(errors).toEqual([])
  const [, body = ''] = /export declare class ExperimentTracker \{\n(.*?)\n\}/s.exec(code) ?? []
  const names = [...body.matchAll(/^\t(?:get )?(#?\w+|\[[\w.]+\])/gm)].flatMap(([, name]) => name ?? [])
  expect([...new Set(names)].toSorted(byCodeUnit)).toEqual(
    ['#private', 'constructor', '[Symbol.asyncDispose]', ...MEMBERS].toSorted(byCodeUnit),
  )
})

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
