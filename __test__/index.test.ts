import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as lineaprint from '../src/index.ts'
import { lineaprint as program } from './support/program.ts'

test('the public surface is this, and a change of it is meant', () => {
  expect(Object.keys(lineaprint).toSorted()).toEqual([
    'Digest',
    'ExperimentTracker',
    'Generator',
    'LineaprintError',
    'VERSION',
    'checkManifest',
    'createGenerator',
    'createManifest',
    'diffCode',
    'diffModels',
    'diffRuns',
    'diffTables',
    'diffTrees',
    'environmentCapture',
    'exportToMlflow',
    'exportToWandb',
    'findRun',
    'formatManifest',
    'gitCapture',
    'hashArray',
    'hashBytes',
    'hashFile',
    'hashFiles',
    'hashPart',
    'hashStream',
    'hashTable',
    'hashTree',
    'listRuns',
    'mergeParts',
    'parseManifest',
    'parsePart',
    'readDataset',
    'readModel',
    'readRun',
    'readTokenizer',
    'reproduceRun',
    'restoreSeeds',
    'seedVariables',
    'seedsCapture',
    'setSeeds',
    'storeIn',
    'verifyRun',
  ])
})

test('every command is named in the README, and has help with an example', async () => {
  const { stdout } = await program(['--help'])
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) .*/gm)].map(([, name]) => name ?? '')
  const known = commands.filter((name) => name !== 'help' && name !== 'lineaprint')
  expect(known.length).toBeGreaterThan(12)
  const readme = readFileSync('README.md', 'utf8')
  const helps = await Promise.all(known.map((name) => program([name, '--help'])))
  for (const [index, name] of known.entries()) {
    expect(readme, name).toMatch(new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``))
    expect({ name, code: helps[index]?.code }).toEqual({ name, code: 0 })
    expect(helps[index]?.stdout, name).toMatch(/Examples?:\n/)
  }
}, 60_000)
