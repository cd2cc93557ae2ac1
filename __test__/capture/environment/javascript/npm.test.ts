import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { npmSource } from '../../../../src/capture/environment/javascript/npm.ts'
import { folderOf } from '../fakes.ts'
import type { JsonObject } from '../../../../src/core/json-value.ts'

async function look(
  directory: string,
): Promise<{ value: JsonObject; warnings: string[]; unseen: Record<string, string> }> {
  const warnings: string[] = []
  const unseen = new Map<string, string>()
  const signal = new AbortController().signal
  const value = await npmSource.probe({
    directory,
    variables: {},
    options: { variables: [], packages: true, timeoutMs: 1000 },
    signal,
    warnings,
    unseen,
    nonexistent: new Set<string>(),
  })
  return { value, warnings, unseen: Object.fromEntries(unseen) }
}

test('the tree as npm lists it: nested versions, scopes, aliases; workspaces and links are own code', async () => {
  const folder = folderOf({
    'package.json': { name: 'app', version: '1.2.3' },
    'node_modules/.package-lock.json': {
      packages: {
        'node_modules/a': { version: '1.0.0' },
        'node_modules/b/node_modules/a': { version: '2.0.0' },
        'node_modules/c/node_modules/a': { version: '1.0.0' },
        'node_modules/@scope/d': { version: '3.0.0-beta.1' },
        'node_modules/alias': { name: 'real', version: '4.0.0' },
        'node_modules/workspace': { resolved: 'packages/workspace', link: true },
        'packages/workspace': { version: '9.9.9' },
        'node_modules/__proto__': { version: '5.0.0' },
        'node_modules/broken': null,
      },
    },
  })
  const { value, warnings } = await look(folder)
  expect(value).toMatchObject({
    name: 'app',
    version: '1.2.3',
    packagesFrom: 'node_modules/.package-lock.json',
  })
  expect(JSON.stringify(value['packages'])).toBe(
    '{"@scope/d":["3.0.0-beta.1"],"__proto__":["5.0.0"],"a":["1.0.0","2.0.0"],"real":["4.0.0"]}',
  )
  expect(warnings).toEqual([])
})

test('without a list the folders are looked at, at every depth', async () => {
  const folder = folderOf({
    'package.json': {},
    'node_modules/a/package.json': { name: 'a', version: '1.0.0' },
    'node_modules/a/node_modules/b/package.json': { name: 'b', version: '2.0.0' },
    'node_modules/a/node_modules/b/node_modules/c/package.json': { name: 'c', version: '3.0.0' },
    'node_modules/@s/d/package.json': { name: '@s/d', version: '4.0.0' },
    'node_modules/.bin/tool/package.json': { name: 'no', version: '0.0.0' },
    'node_modules/broken/package.json': '{',
    'elsewhere/package.json': { name: 'linked', version: '5.0.0' },
  })
  symlinkSync('../elsewhere', join(folder, 'node_modules/linked'))
  const { value, warnings } = await look(folder)
  expect(value['packages']).toEqual({
    '@s/d': ['4.0.0'],
    a: ['1.0.0'],
    b: ['2.0.0'],
    c: ['3.0.0'],
    linked: ['5.0.0'],
  })
  expect(warnings).toEqual([])
})

test('in a workspace, lock file and modules are those of the root', async () => {
  const folder = folderOf({
    'package.json': { name: 'root' },
    'pnpm-lock.yaml': 'lock',
    'node_modules/.package-lock.json': { packages: { 'node_modules/a': { version: '1.0.0' } } },
    'packages/one/package.json': { name: 'one' },
    'packages/one/node_modules/.cache/x': '',
  })
  const { value } = await look(join(folder, 'packages/one'))
  expect(value).toMatchObject({
    name: 'one',
    lockFiles: {
      'pnpm-lock.yaml': { size: 4, digest: `sha256:${createHash('sha256').update('lock').digest('hex')}` },
    },
    packages: { a: ['1.0.0'] },
  })
})

test('every lock file is found, and nothing above the repository', async () => {
  const names = [
    'package-lock.json',
    'npm-shrinkwrap.json',
    'pnpm-lock.yaml',
    'yarn.lock',
    'bun.lock',
    'bun.lockb',
  ]
  const folder = folderOf({ ...Object.fromEntries(names.map((name) => [name, name])), 'inner/x': '' })
  expect(Object.keys((await look(folder)).value['lockFiles'] ?? {})).toEqual(names)
  mkdirSync(join(folder, 'inner/.git'))
  await expect(look(join(folder, 'inner'))).rejects.toThrow('no package.json')
})

test('an installed-package list that cannot be parsed, and no node_modules', async () => {
  const folder = folderOf({ 'package.json': {}, 'node_modules/.package-lock.json': '{"packages": 1}' })
  const { value, unseen } = await look(folder)
  expect(value).toMatchObject({ packages: null, packagesFrom: null })
  expect(unseen).toMatchObject({
    packages: 'node_modules does not exist',
    name: 'package.json has no such field',
    lockFiles: expect.stringMatching(/found none of package-lock\.json, .*bun\.lockb/) as string,
  })
})
