/** What is installed against what is locked, in a captured environment. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEnvironmentCapture } from '../../../../src/capture/environment/capture.ts'
import { findDrift } from '../../../../src/capture/environment/lock-files/locked.ts'
import { objectAt } from '../../fixture.ts'
import { folderOf, programs } from '../fakes.ts'
import type { Captured } from '../../../../src/core/component.ts'

function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8')
}

function look(directory: string, variables: NodeJS.ProcessEnv = { PATH: '/nowhere' }): Promise<Captured> {
  return createEnvironmentCapture(undefined, { variables }).capture({ directory, algorithm: 'blake3' })
}

test('names the package with both versions, one that is missing and one that is not locked', async () => {
  const modules = Object.fromEntries(
    Object.entries({ debug: '4.3.4', kleur: '4.1.6', ms: '2.1.2', extra: '1.0.0' }).map(([name, version]) => [
      `node_modules/${name}/package.json`,
      { name, version },
    ]),
  )
  const folder = folderOf({
    'package.json': {},
    'package-lock.json': fixture('package-lock.json'),
    ...modules,
  })
  const { value, warnings } = await look(folder)
  const lock = objectAt(objectAt(objectAt(value, 'npm'), 'lockFiles'), 'package-lock.json')
  expect(lock).toMatchObject({
    packages: 6,
    driftCount: 4,
    drift: [
      { package: '@types/ms', locked: '0.7.31', installed: null },
      { package: 'extra', locked: null, installed: '1.0.0' },
      { package: 'kleur', locked: '4.1.5', installed: '4.1.6' },
      { package: 'ms', locked: '2.0.0, 2.1.2', installed: '2.1.2' },
    ],
  })
  expect(warnings).toContain(
    'npm: 4 packages differ from package-lock.json: @types/ms (locked 0.7.31, installed none), extra (locked none, installed 1.0.0), kleur (locked 4.1.5, installed 4.1.6), and 1 more',
  )
})

test('Python: pip and the project itself are not strangers; another version is', async () => {
  const answer = {
    version: '3.12.0',
    implementation: 'CPython',
    executable: '/x/python',
    prefix: '/x',
    basePrefix: '/x',
    packages: [
      ['app', '1.0.0'],
      ['click', '8.1.8'],
      ['pip', '24.0'],
    ],
    direct: { app: '{"url":"file:///x","dir_info":{"editable":true}}' },
    broken: 0,
  }
  const python3 = `echo 'lineaprint-probe:${JSON.stringify(answer)}'`
  const folder = folderOf({
    'uv.lock': fixture('uv.lock'),
    'pixi.lock': 'x',
    'requirements.txt': 'click==8.1.8\nidna\n',
  })
  const { value } = await look(folder, { PATH: programs({ python3 }) })
  const python = objectAt(value, 'python')
  expect(objectAt(python, 'lockFiles')).toMatchObject({
    'uv.lock': { driftCount: 1, drift: [{ package: 'click', locked: '8.1.7', installed: '8.1.8' }] },
    'requirements.txt': { driftCount: 0 },
    'pixi.lock': { packages: null, drift: null },
  })
  expect(objectAt(python, 'unseen')).toMatchObject({
    'lockFiles.requirements.txt': '1 line does not pin a version: idna',
    'lockFiles.pixi.lock': expect.stringMatching(/^not compared, only its digest is recorded/) as string,
  })
})

test('a thousand departures: the first two hundred are listed, and the number is told', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [`node_modules/p${index}`, { version: '1.0.0' }]),
  )
  const folder = folderOf({
    'package.json': {},
    'package-lock.json': { packages: {} },
    'node_modules/.package-lock.json': { packages: many },
  })
  const npm = objectAt((await look(folder)).value, 'npm')
  const lock = objectAt(objectAt(npm, 'lockFiles'), 'package-lock.json')
  expect(lock['driftCount']).toBe(1000)
  expect(lock['drift']).toHaveLength(200)
  expect(objectAt(npm, 'unseen')['lockFiles.package-lock.json.drift']).toBe(
    'the first 200 of 1000 are listed',
  )
})

test('one version at a time: any of the locked ones will do', () => {
  const locked = ['1', '2'].map((version) => ({ name: 'numpy', version, optional: false }))
  const options = { single: true, ignore: new Set<string>() }
  expect(findDrift(locked, { numpy: ['2'] }, options)).toEqual([])
  expect(findDrift(locked, { numpy: ['3'] }, options)).toEqual([
    { package: 'numpy', locked: '1, 2', installed: '3' },
  ])
  expect(findDrift(locked, { numpy: ['1'] }, { ...options, single: false })).toHaveLength(1)
  // Names that are members of every object are names as others are.
  expect(findDrift([{ name: 'constructor', version: '1', optional: false }], {}, options)).toEqual([
    { package: 'constructor', locked: '1', installed: null },
  ])
})
