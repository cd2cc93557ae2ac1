/** Entries of every kind of source: each is understood, and what is not understood is counted. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEnvironmentCapture } from '../../../../src/capture/environment/capture.ts'
import {
  NPM_LOCK_FILES,
  PYTHON_LOCK_FILES,
} from '../../../../src/capture/environment/lock-files/lock-files.ts'
import { findDrift } from '../../../../src/capture/environment/lock-files/locked.ts'
import { objectAt } from '../../fixture.ts'
import { folderOf } from '../fakes.ts'
import type { Locked } from '../../../../src/capture/environment/lock-files/locked.ts'

/** Reads a text as the file of that name. */
async function readAs(name: string, text: string): Promise<Locked> {
  const reader = { ...NPM_LOCK_FILES, ...PYTHON_LOCK_FILES }[name]
  if (reader === undefined) throw new Error(`no reader of ${name}`)
  return reader(text)
}

function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8')
}

function versionsOf({ packages }: Locked): string[] {
  return packages.map(({ name, version }) => `${name}@${version}`).toSorted()
}

const SOURCES: readonly (readonly [
  file: string,
  name: string,
  expected: {
    readonly seen: number
    readonly versions: readonly string[]
    readonly unversioned: readonly string[]
  },
])[] = [
  [
    'package-lock.json',
    'package-lock.json',
    {
      seen: 13,
      versions: [
        'debug@4.3.4',
        'fsevents@2.3.3',
        'git-dep@7.8.9',
        'is-number@7.0.0',
        'local-dep@1.2.3',
        'ms@2.0.0',
        'ms@2.1.2',
        'ms@2.1.2',
      ],
      unversioned: [],
    },
  ],
  [
    'pnpm-lock.yaml',
    'pnpm-lock.yaml',
    {
      seen: 8,
      versions: ['debug@4.3.4', 'fsevents@2.3.3', 'is-number@7.0.0', 'ms@2.0.0', 'ms@2.1.2'],
      unversioned: ['git-dep', 'local-dep', 'local-dep'],
    },
  ],
  [
    'yarn-1.lock',
    'yarn.lock',
    {
      seen: 10,
      versions: [
        'debug@4.3.4',
        'fsevents@2.3.3',
        'git-dep@7.8.9',
        'is-number@7.0.0',
        'local-dep@1.2.3',
        'ms@2.0.0',
        'ms@2.1.2',
        'ms@2.1.2',
        'tar-dep@1.2.3',
      ],
      unversioned: ['linked-dep'],
    },
  ],
  [
    'yarn-4.lock',
    'yarn.lock',
    {
      seen: 11,
      versions: [
        'debug@4.3.4',
        'kleur@4.1.5',
        'kleur@4.1.5',
        'local-dep@1.2.3',
        'ms@2.0.0',
        'ms@2.1.2',
        'tar-dep@1.2.3',
      ],
      unversioned: ['linked-dep', 'portal-dep'],
    },
  ],
  [
    'bun.lock',
    'bun.lock',
    {
      seen: 11,
      versions: ['debug@4.3.4', 'fsevents@2.3.3', 'ms@2.0.0', 'ms@2.1.2', 'ms@2.1.2'],
      unversioned: ['git-dep', 'is-number', 'linked-dep', 'local-dep', 'member', 'local-dep'],
    },
  ],
  [
    'Pipfile.lock',
    'Pipfile.lock',
    {
      seen: 5,
      versions: ['click@8.1.7', 'idna@3.7', 'iniconfig@2.0.0', 'six@1.16.0'],
      unversioned: ['lib-dep'],
    },
  ],
]

test.each(SOURCES)(
  '%s: every entry is understood, with either ending of lines',
  async (file, name, expected) => {
    for (const text of [fixture(`sources/${file}`), fixture(`sources/${file}`).replaceAll('\n', '\r\n')]) {
      const locked = await readAs(name, text)
      expect(versionsOf(locked)).toEqual(expected.versions)
      expect(locked.unversioned).toEqual(expected.unversioned)
      expect(locked.entries).toEqual({ seen: expected.seen, understood: expected.seen })
    }
  },
)

test.each([
  'package-lock.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'uv.lock',
  'pylock.toml',
  'requirements.txt',
] as const)('%s of a project from a registry is understood as a whole', async (file) => {
  for (const text of [fixture(file), fixture(file).replaceAll('\n', '\r\n')]) {
    const { entries, unnamed } = await readAs(file, text)
    expect(entries.seen).toBeGreaterThan(0)
    expect(entries.understood).toBe(entries.seen)
    expect(unnamed).toBe(0)
  }
})

test('yarn.lock: an entry of another form is seen and not understood; a long key and git are', async () => {
  const head = '__metadata:\n  version: 8\n\n'
  const long = `? "ms@npm:2.0.0, ${'ms@npm:^2.0.0, '.repeat(80)}ms@npm:~2.0.0"\n:\n  version: 2.0.0\n  resolution: "ms@npm:2.0.0"\n`
  const git = `"g@https://example.org/g.git#commit=abc":\n  version: 1.0.0\n  resolution: "g@https://example.org/g.git#commit=abc"\n`
  const both = await readAs('yarn.lock', head + long + git)
  expect(versionsOf(both)).toEqual(['g@1.0.0', 'ms@2.0.0'])
  expect(both.entries).toEqual({ seen: 2, understood: 2 })
  const strange = await readAs(
    'yarn.lock',
    `${head}${git}"h@npm:1":\n  resolved-version: 1.0.0\n\n<<<<<<< HEAD\n`,
  )
  expect(strange.entries).toEqual({ seen: 3, understood: 1 })
})

test('pnpm-lock.yaml: addresses of earlier versions have no name; a key of another form is not understood', async () => {
  const head = `lockfileVersion: '6.0'\n\npackages:\n\n`
  const sources = [
    'github.com/a/b/0123456:\n    name: b\n    version: 1.0.0',
    "'@codeload.github.com/a/b/tar.gz/0123':\n    name: c",
    'file:../local:\n    name: d',
    '/ms@2.1.2:\n    dev: false',
  ]
  const locked = await readAs('pnpm-lock.yaml', head + sources.map((one) => `  ${one}\n\n`).join(''))
  expect(versionsOf(locked)).toEqual(['ms@2.1.2'])
  expect(locked).toMatchObject({ entries: { seen: 4, understood: 4 }, unnamed: 3 })
  const strange = await readAs(
    'pnpm-lock.yaml',
    `${head}  ? /${'long'.repeat(300)}\n  : dev: false\n\n  nothing:\n    dev: true\n`,
  )
  expect(strange.entries).toEqual({ seen: 2, understood: 0 })
})

test('bun.lock, Pipfile.lock and TOML: an entry without what makes it one is not understood', async () => {
  expect((await readAs('bun.lock', '{"packages":{"a":["a@1.0.0"],"b":"b@1.0.0","c":[1]}}')).entries).toEqual({
    seen: 3,
    understood: 1,
  })
  const pipfile = {
    default: { a: { version: '==1' }, b: { version: '*' }, c: { git: 'https://x', ref: 'y' } },
  }
  expect((await readAs('Pipfile.lock', JSON.stringify(pipfile))).entries).toEqual({ seen: 3, understood: 2 })
  const nameless = '[[package]]\nname = "a"\nversion = "1"\n[[package]]\nversion = "1"\n'
  expect((await readAs('pdm.lock', nameless)).entries).toEqual({ seen: 2, understood: 1 })
  const folder = '[[packages]]\nname = "a"\n[packages.directory]\npath = "a"\n'
  expect(await readAs('pylock.toml', folder)).toMatchObject({
    unversioned: ['a'],
    entries: { seen: 1, understood: 1 },
  })
  const git = '[[package]]\nname = "a"\nversion = "1"\n[package.source]\ntype = "git"\nurl = "https://x"\n'
  expect((await readAs('poetry.lock', git)).entries).toEqual({ seen: 1, understood: 1 })
  const editable = '[[package]]\nname = "app"\nsource = { editable = "." }\n'
  expect(await readAs('uv.lock', editable)).toMatchObject({
    packages: [],
    entries: { seen: 1, understood: 1 },
  })
})

const REQUIREMENTS = `\uFEFF# comment
--index-url https://example.org/simple
-i https://example.org/simple
NumPy == 1.26.4 ; python_version >= "3.9" \\
    --hash=sha256:0123 \\
    --hash=sha256:4567
torch[cuda,cpu]===2.1.0+cu121  # of an index of its own
scipy>=1,<2
pandas==2.*
requests
idna ~= 3.7
click @ https://example.org/click-8.1.7-py3-none-any.whl
attrs@file:///srv/attrs
git+https://example.org/a.git@v1#egg=a
-e .
--editable ./local
./local.tar.gz
vendor/local
-r other.txt
-c constraints.txt
wheel-1.0.whl
`

test('requirements.txt: pins, ranges, addresses, folders, other files, hashes and markers', async () => {
  for (const text of [REQUIREMENTS, REQUIREMENTS.replaceAll('\n', '\r\n')]) {
    const locked = await readAs('requirements.txt', text)
    expect(versionsOf(locked)).toEqual(['numpy@1.26.4', 'torch@2.1.0+cu121'])
    expect(locked.packages[0]?.optional).toBe(true)
    expect(locked.unversioned).toEqual(['scipy', 'pandas', 'requests', 'idna', 'click', 'attrs'])
    expect(locked).toMatchObject({ unnamed: 8, entries: { seen: 16, understood: 16 } })
    expect(locked.notCompared).toBe('14 lines do not pin a version: scipy, pandas, requests, idna, click, …')
  }
  const { entries } = await readAs('requirements.txt', 'click==8.1.7\nclick 8.1.7\n<html>\n')
  expect(entries).toEqual({ seen: 3, understood: 1 })
  // As Windows PowerShell writes the output of `pip freeze`.
  const utf16 = Buffer.from('\uFEFFclick==8.1.7\r\nidna==3.7\r\n', 'utf16le').toString()
  const { understood, seen } = (await readAs('requirements.txt', utf16)).entries
  expect(understood).toBeLessThan(seen)
})

test('a lock file that is only partly understood: a warning with both numbers, and no number of differences', async () => {
  const lock = `${fixture('sources/yarn-1.lock')}\nstrange:\n  - "1.0.0"\n`
  const modules = {
    'node_modules/debug/package.json': '{"name":"debug","version":"4.3.4"}',
    'node_modules/strange/package.json': '{"name":"strange","version":"1.0.0"}',
  }
  const folder = folderOf({ 'package.json': {}, 'yarn.lock': lock, ...modules })
  const capture = createEnvironmentCapture(undefined, { variables: { PATH: '/nowhere' } })
  const { value, warnings } = await capture.capture({ directory: folder, algorithm: 'blake3' })
  const npm = objectAt(value, 'npm')
  expect(warnings).toContain('npm: yarn.lock: 11 entries, 10 understood')
  expect(objectAt(objectAt(npm, 'lockFiles'), 'yarn.lock')).toMatchObject({
    packages: 9,
    driftCount: null,
    drift: [],
  })
  expect(objectAt(npm, 'unseen')['lockFiles.yarn.lock']).toMatch(
    /^the comparison is not complete: 11 entries, 10 understood; .*does not mark optional packages/,
  )
})

test('what is certain of a file that is not known as a whole', () => {
  const locked = ['ms', 'kleur'].map((name) => ({ name, version: '1', optional: false }))
  const installed = { ms: ['2'], extra: ['1'] }
  const options = { single: false, ignore: new Set<string>() }
  const kleur = { package: 'kleur', locked: '1', installed: null }
  const ms = { package: 'ms', locked: '1', installed: '2' }
  const extra = { package: 'extra', locked: null, installed: '1' }
  expect(findDrift(locked, installed, options)).toEqual([extra, kleur, ms])
  expect(findDrift(locked, installed, { ...options, complete: false })).toEqual([kleur, ms])
  expect(findDrift(locked, { ms: ['1', '2'], kleur: ['1'] }, { ...options, complete: false })).toEqual([])
})
