import { expect, test } from 'vitest'
import * as lineaprint from '../src/index.ts'

test('the public surface is this, and a change of it is meant', () => {
  expect(Object.keys(lineaprint).toSorted()).toEqual([
    'Digest',
    'ExperimentTracker',
    'Generator',
    'LineaprintError',
    'RunDatabase',
    'TeamClient',
    'VERSION',
    'annotate',
    'checkManifest',
    'checkTensors',
    'collectObjects',
    'createGenerator',
    'createManifest',
    'derivationStatement',
    'deriveModel',
    'describeModel',
    'diffCode',
    'diffListedTensors',
    'diffModels',
    'diffRuns',
    'diffTables',
    'diffTrees',
    'environmentCapture',
    'exportToMlflow',
    'exportToWandb',
    'findLeaks',
    'findRun',
    'formatManifest',
    'getKept',
    'gitCapture',
    'hashArchive',
    'hashArray',
    'hashBytes',
    'hashFile',
    'hashFiles',
    'hashLines',
    'hashPart',
    'hashRecords',
    'hashStream',
    'hashTable',
    'hashTensors',
    'hashTree',
    'lineageToMermaid',
    'lineageToSvg',
    'listModel',
    'listRuns',
    'manifestOf',
    'mergeParts',
    'metricsAsParquet',
    'parseManifest',
    'parsePart',
    'planRemoval',
    'pullRun',
    'pushRun',
    'readAnnotations',
    'readDataset',
    'readLineage',
    'readMetrics',
    'readModel',
    'readRun',
    'readTokenizer',
    'removeStoredRun',
    'reproduceRun',
    'restoreSeeds',
    'seedVariables',
    'seedsCapture',
    'setSeeds',
    'storeIn',
    'verifyLineage',
    'verifyRun',
    'writeSafetensors',
  ])
})

/** Functions that have no argument or check theirs when the capture is made. */
const CAPTURES: ReadonlySet<string> = new Set(['environmentCapture', 'gitCapture', 'seedsCapture'])

const WRONG: readonly (readonly unknown[])[] = [
  [undefined],
  [null],
  [{}],
  [[]],
  [[null]],
  [Symbol('x')],
  [1n],
  [() => 1],
  ['', null],
  ['x', null],
  ['x', 'y', null],
  [{}, {}, null],
]

test.each(
  Object.entries(lineaprint).filter(([name, value]) => /^[a-z]/.test(name) && typeof value === 'function'),
)('%s throws an error with a code for arguments of a wrong type', async (name, called) => {
  const errors: unknown[] = []
  for (const args of WRONG) {
    try {
      await (called as (...given: readonly unknown[]) => unknown)(...args)
    } catch (error) {
      errors.push(error)
    }
  }
  expect(errors.filter((error) => !lineaprint.LineaprintError.is(error))).toEqual([])
  expect(errors.length > 0 || CAPTURES.has(name)).toBe(true)
})
