import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Runs the check on the workflows of this repository, or on these instead. */
function check(workflows?: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'lineaprint-workflows-'))
  try {
    for (const [name, text] of Object.entries(workflows ?? {})) writeFileSync(join(folder, name), text)
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['scripts/release-check.mjs', ...(workflows ? [folder] : [])],
      { encoding: 'utf8', env: { ...process.env, GITHUB_REF_TYPE: 'branch', ...env } },
    )
    return { status, stdout, problems: stderr.trim().split('\n').filter(Boolean) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const release = readFileSync('.github/workflows/release.yml', 'utf8')

test('the workflows are sound', () => {
  expect(check()).toEqual({
    status: 0,
    stdout: 'release-check: ci.yml, frameworks.yml, release.yml are sound\n',
    problems: [],
  })
})

test.each([
  ['a job that is not there', release.replace('needs: package', 'needs: packages'), 'packages'],
  [
    'a runner that is not there',
    release.replace('runner: windows-11-arm', 'runner: windows-12'),
    'windows-12',
  ],
  ['an action by a name that moves', release.replace(/checkout@\S+ # \S+/, 'checkout@v7'), 'checkout@v7'],
  ['a named registry', `${release}# https://registry.example.test\n`, 'registry.example.test'],
  ['no permissions', release.replace('permissions: {}', ''), 'no permissions at the top'],
  [
    'a target that is not tried',
    release.replace(/ {10}- target: \S+\n {12}runner: \S+11-arm\n/, ''),
    'try runs for',
  ],
  ['the identity elsewhere', release.replace('  publish:', '  other:'), 'not other'],
])('it finds %s', (_, text, words) => {
  expect(text).not.toBe(release)
  const { status, problems } = check({ 'release.yml': text })
  expect(status).toBe(1)
  expect(problems.join('\n')).toContain(words)
})

test('a tag of another version is found before anything is built', () => {
  const { status, problems } = check(undefined, { GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: 'v999.0.0' })
  expect(status).toBe(1)
  expect(problems[0]).toMatch(/^the tag is v999\.0\.0, the version in package\.json /)
})
