/** Lock files as their tools write them, and what each reader takes from them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  readBunLock,
  readNpmLock,
  readPnpmLock,
  readYarnLock,
} from '../../../../src/capture/environment/lock-files/javascript.ts'
import { NotLocked } from '../../../../src/capture/environment/lock-files/locked.ts'
import {
  readPdmLock,
  readPipfileLock,
  readPoetryLock,
  readPyLock,
  readRequirements,
  readUvLock,
} from '../../../../src/capture/environment/lock-files/python.ts'
import type { Locked } from '../../../../src/capture/environment/lock-files/locked.ts'

function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8')
}

/** `name@version`, with a `?` where it may be left out. */
function listed({ packages }: Locked): string[] {
  return packages.map(({ name, version, optional }) => `${name}@${version}${optional ? '?' : ''}`).toSorted()
}

test('package-lock.json: other systems and development are optional, an alias has its real name', () => {
  expect(listed(readNpmLock(fixture('package-lock.json')))).toEqual([
    '@types/ms@0.7.31',
    'debug@4.3.4',
    'fsevents@2.3.3?',
    'kleur@4.1.5?',
    'ms@2.0.0',
    'ms@2.1.2',
  ])
})

test('pnpm-lock.yaml, of the present version and of earlier ones', () => {
  expect(listed(readPnpmLock(fixture('pnpm-lock.yaml')))).toEqual([
    '@types/ms@0.7.31',
    'debug@4.3.4',
    'fsevents@2.3.3?',
    'kleur@4.1.5',
    'ms@2.0.0',
    'ms@2.1.2',
  ])
  const six = `lockfileVersion: '6.0'\n\npackages:\n\n  /@babel/core@7.0.0(supports-color@5.0.0):\n    dev: true\n\n  /ms@2.1.2:\n    dev: false\n`
  expect(listed(readPnpmLock(six))).toEqual(['@babel/core@7.0.0?', 'ms@2.1.2'])
  const five = `lockfileVersion: 5.4\n\npackages:\n\n  /@babel/core/7.0.0_abc:\n    dev: false\n\n  /fsevents/2.3.3:\n    optional: true\n`
  expect(listed(readPnpmLock(five))).toEqual(['@babel/core@7.0.0', 'fsevents@2.3.3?'])
})

test('yarn.lock of both generations', () => {
  const first = readYarnLock(fixture('yarn.lock'))
  const names = [
    '@types/ms@0.7.31?',
    'debug@4.3.4?',
    'fsevents@2.3.3?',
    'kleur@4.1.5?',
    'ms@2.0.0?',
    'ms@2.1.2?',
  ]
  expect(listed(first)).toEqual(names)
  expect(first.notCompared).toMatch(/does not mark optional packages/)
  const berry = `__metadata:\n  version: 8\n\n"@types/ms@npm:0.7.31":\n  version: 0.7.31\n  resolution: "@types/ms@npm:0.7.31"\n\n"alias@npm:ms@2.0.0":\n  version: 2.0.0\n  resolution: "ms@npm:2.0.0"\n\n"app@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "app@workspace:."\n`
  expect(listed(readYarnLock(berry))).toEqual(['@types/ms@0.7.31?', 'ms@2.0.0?'])
})

test('bun.lock', () => {
  expect(listed(readBunLock(fixture('bun.lock')))).toEqual([
    '@types/ms@0.7.31?',
    'debug@4.3.4?',
    'fsevents@2.3.3?',
    'kleur@4.1.5?',
    'ms@2.0.0?',
    'ms@2.1.2?',
  ])
  // A comma and a bracket inside of a text are no trailing comma.
  expect(listed(readBunLock('{"packages":{"a":["a@1.0.0","x,]",{},],},}'))).toEqual(['a@1.0.0?'])
})

test('uv.lock: what every system needs is required; extras, groups and other systems are not', async () => {
  expect(listed(await readUvLock(fixture('uv.lock')))).toEqual([
    'click@8.1.7',
    'colorama@0.4.6?',
    'idna@3.7?',
    'iniconfig@2.0.0?',
  ])
})

test('pylock.toml, poetry.lock, pdm.lock and Pipfile.lock', async () => {
  expect(listed(await readPyLock(fixture('pylock.toml')))).toContain('colorama@0.4.6?')
  expect(listed(await readPyLock(fixture('pylock.toml')))).toContain('click@8.1.7')
  const poetry = `
[[package]]
name = "click"
version = "8.1.7"
optional = false
groups = ["main"]
[package.dependencies]
colorama = {version = "*", markers = "platform_system == 'Windows'"}
[[package]]
name = "colorama"
version = "0.4.6"
optional = false
[[package]]
name = "Ini_Config"
version = "2.0.0"
optional = false
groups = ["dev"]
[[package]]
name = "orjson"
version = "3.10.7"
optional = true
`
  expect(listed(await readPoetryLock(poetry))).toEqual([
    'click@8.1.7',
    'colorama@0.4.6?',
    'ini-config@2.0.0?',
    'orjson@3.10.7?',
  ])
  const pdm = `
[[package]]
name = "click"
version = "8.1.7"
groups = ["default"]
[[package]]
name = "colorama"
version = "0.4.6"
groups = ["default"]
marker = "sys_platform == 'win32'"
[[package]]
name = "pytest"
version = "8.0.0"
groups = ["test"]
`
  expect(listed(await readPdmLock(pdm))).toEqual(['click@8.1.7', 'colorama@0.4.6?', 'pytest@8.0.0?'])
  const pipfile = {
    default: { Click: { version: '==8.1.7' }, git: { ref: 'abc' } },
    develop: { pytest: { version: '==8.0.0' } },
  }
  expect(listed(await readPipfileLock(JSON.stringify(pipfile)))).toEqual(['click@8.1.7', 'pytest@8.0.0?'])
})

test('requirements.txt: lines that do not pin a version are listed', async () => {
  const frozen = await readRequirements(fixture('requirements.txt'))
  expect(listed(frozen)).toEqual(['click@8.1.7', 'colorama@0.4.6?'])
  expect(frozen.notCompared).toBeUndefined()
  const loose = await readRequirements(
    '# a\n--index-url https://x\nNumPy==1.26.4 # pinned\ntorch[cuda] === 2.1.0+cu121\nscipy>=1\n-r other.txt\n./local\npandas==2.*\n',
  )
  expect(listed(loose)).toEqual(['numpy@1.26.4', 'torch@2.1.0+cu121'])
  expect(loose.notCompared).toBe('4 lines do not pin a version: scipy, another file, another file, pandas')
})

test.each([
  ['package-lock.json', readNpmLock, '{'],
  ['package-lock.json of version 1', readNpmLock, '{"dependencies":{}}'],
  ['package-lock.json', readNpmLock, '{"packages":[]}'],
  ['pnpm-lock.yaml', readPnpmLock, 'packages:'],
  ['yarn.lock', readYarnLock, 'hello'],
  ['bun.lock', readBunLock, '[]'],
  ['uv.lock', readUvLock, '[[package]'],
  ['uv.lock', readUvLock, 'package = [1]'],
  ['poetry.lock', readPoetryLock, '[[package]]\nname = 1'],
  ['Pipfile.lock', readPipfileLock, '[]'],
] as const)('%s of another form is refused with a reason', async (_, read, text) => {
  await expect((async () => read(text))()).rejects.toBeInstanceOf(NotLocked)
})
