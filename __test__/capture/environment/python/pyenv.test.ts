import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pythonOfShim } from '../../../../src/capture/environment/python/pyenv.ts'
import { keptFolder } from '../../../support/kept-folder.ts'
import type { ShimContext } from '../../../../src/capture/environment/python/pyenv.ts'

/** A pyenv with two versions, and a shim whose scripts nobody needs. */
function pyenv(): {
  root: string
  place: (path: string, text: string, mode?: number) => string
  PATH: string
} {
  const root = join(keptFolder({}), 'pyenv')
  const place = (path: string, text: string, mode = 0o644): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text, { mode })
    return join(root, path)
  }
  for (const version of ['3.11.7', 'my-env']) place(`versions/${version}/bin/python3`, '#!/bin/sh\n', 0o755)
  place('version', '3.11.7\n')
  place('shims/python3', shim(root), 0o755)
  return { root, place, PATH: `${join(root, 'nothing')}:${join(root, 'shims')}:/usr/bin:/bin` }
}

function shim(root: string): string {
  const lines = [
    '#!/usr/bin/env bash',
    'set -e',
    'program="${0##*/}"',
    `export PYENV_ROOT="${root}"`,
    `exec "${root}/libexec/pyenv" exec "$program" "$@"`,
  ]
  return `${lines.join('\n')}\n`
}

describe('which Python a shim starts', () => {
  const { root, PATH, place } = pyenv()
  const directory = keptFolder({ 'project/.python-version': '# ours\n\n  my-env  # said\r\n', 'other/x': '' })
  const python = (version: string): string => join(root, 'versions', version, 'bin/python3')
  const find = (folder: string, variables: NodeJS.ProcessEnv = {}): string | undefined =>
    pythonOfShim('python3', { directory: join(directory, folder), variables: { PATH, ...variables } })

  test.each([
    ['the version of the root', 'other', {}, '3.11.7'],
    ['the file of the folder', 'project', {}, 'my-env'],
    ['the file of a folder above', 'project/deeper', {}, 'my-env'],
    ['a variable', 'project', { PYENV_VERSION: '3.11.7' }, '3.11.7'],
    ['an empty variable says nothing', 'project', { PYENV_VERSION: '' }, 'my-env'],
  ])('%s', async (_, folder, variables, expected) => {
    expect(find(folder, variables)).toBe(python(expected))
  })

  test.each([
    ['several versions', { PYENV_VERSION: '3.11.7:my-env' }],
    ['the system', { PYENV_VERSION: 'system' }],
    ['the beginning of a version', { PYENV_VERSION: '3.11' }],
    ['a way out of the versions', { PYENV_VERSION: '../../elsewhere' }],
    ['another folder to look in', { PYENV_DIR: '/' }],
    ['a PATH that means another file in every folder', { PATH: `:${PATH}` }],
    ['a PATH without it', { PATH: '/usr/bin' }],
  ])('the shim itself has the word: %s', async (_, variables) => {
    expect(find('other', variables)).toBeUndefined()
  })

  test('a file that cannot be read as pyenv reads it, and one that is none', () => {
    const long = keptFolder({ 'long/.python-version': '#'.repeat(5000) })
    const look = (folder: string): string | undefined =>
      pythonOfShim('python3', { directory: join(long, folder), variables: { PATH } })
    expect(look('long')).toBeUndefined()
    mkdirSync(join(long, 'folder/.python-version'), { recursive: true })
    execFileSync('mkfifo', [join(long, 'folder/.python-version/fifo')])
    expect(look('folder')).toBe(python('3.11.7'))
    expect(look('folder/.python-version/fifo')).toBeUndefined()
  })

  test('a hook of somebody may change everything, one of pyenv does not', async () => {
    const known = place('pyenv.d/exec/pip-rehash.bash', '')
    expect(find('other')).toBe(python('3.11.7'))
    place('plugins/implicit/etc/pyenv.d/version-name/implicit.bash', '')
    expect(find('other')).toBeUndefined()
    expect(readFileSync(known, 'utf8')).toBe('')
  })

  test('a file that is no shim of this folder is left alone', async () => {
    const other = pyenv()
    other.place('shims/python3', shim(root), 0o755)
    const variables = { PATH: other.PATH }
    expect(pythonOfShim('python3', { directory, variables })).toBeUndefined()
    other.place('shims/python3', '#!/bin/sh\nexec true\n', 0o755)
    expect(pythonOfShim('python3', { directory, variables })).toBeUndefined()
    expect(pythonOfShim('./python3', { directory, variables })).toBeUndefined()
  })
})

/** What the pyenv of this machine says; `undefined` where there is none. */
function ask(
  args: readonly string[],
  { directory, variables }: ShimContext = at('/', {}),
): string | undefined {
  try {
    const options = { cwd: directory, env: variables, encoding: 'utf8', stdio: 'pipe' } as const
    return execFileSync('pyenv', args, options).trim()
  } catch {
    return undefined
  }
}

function at(directory: string, more: NodeJS.ProcessEnv): ShimContext {
  return { directory, variables: { ...process.env, ...more } }
}

const VERSIONS = (ask(['versions', '--bare']) ?? '').split('\n').filter((version) => version !== '')

describe.skipIf(VERSIONS.length === 0)('the pyenv of this machine', () => {
  test('says the same of every version, or is left the word', async ({ skip }) => {
    let found = 0
    for (const version of VERSIONS) {
      const folder = keptFolder({ '.python-version': `${version}\n` })
      for (const context of [at('/', { PYENV_VERSION: version }), at(folder, {})]) {
        const python = pythonOfShim('python3', context)
        if (python === undefined) continue
        expect(python).toBe(ask(['which', 'python3'], context))
        found++
      }
    }
    skip(found === 0, 'hooks of this machine leave the word to the shims')
  })
})
