import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PLATFORMS } from '../../src/native/platform.ts'

interface Manifest {
  readonly type: string
  readonly engines: unknown
  readonly exports: unknown
  readonly bin: unknown
  readonly files: readonly string[]
  readonly scripts: Record<string, string>
  readonly dependencies: Record<string, string>
  readonly optionalDependencies?: unknown
  readonly napi: { readonly targets: readonly string[] }
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest

test('what the package promises', () => {
  expect(manifest).toMatchObject({
    type: 'module',
    engines: { node: '>=22.13' },
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './schema/run.json': './schema/run.schema.json',
      './package.json': './package.json',
    },
    bin: { lineaprint: 'dist/cli/main.js' },
    man: 'docs/lineaprint.1',
    files: [
      'dist',
      'native/index.d.ts',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'docs',
      'python',
      'schema/run.schema.json',
    ],
  })
})

test('what is to be published is there', () => {
  for (const path of [...manifest.files, 'README.md', 'LICENSE']) expect(existsSync(path), path).toBe(true)
})

test('nothing runs on install or on packing', () => {
  const hooks = /^(pre|post)?(install|uninstall|prepare|pack|publish)$|^prepublishOnly$|^dependencies$/
  expect(Object.keys(manifest.scripts).filter((name) => hooks.test(name))).toEqual([])
})

test('here it depends on no platform package, so that it installs before any is published', () => {
  expect(manifest.optionalDependencies).toBeUndefined()
})

test('every user gets the very dependencies that were tested', () => {
  for (const [name, range] of Object.entries(manifest.dependencies))
    expect(range, name).toMatch(/^\d+\.\d+\.\d+$/)
})

test('the platforms that the help speaks of are those that are built', () => {
  const names = manifest.napi.targets.map((target) => {
    const [processor, , system, abi] = target.split('-')
    return [
      system === 'windows' ? 'win32' : system,
      processor === 'x86_64' ? 'x64' : 'arm64',
      ...(abi === undefined ? [] : [abi]),
    ].join('-')
  })
  expect(names.toSorted()).toEqual(PLATFORMS.toSorted())
})
