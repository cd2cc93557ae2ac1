import { execFileSync } from 'node:child_process'
import { realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { OPTIONS } from '../../../../src/config/table.ts'
import { environmentDigestFields } from '../../../../src/capture/environment/digest-fields.ts'
import { parseEnvironmentCapture } from '../../../../src/capture/environment/parse.ts'
import { createEnvironmentCapture } from '../../../../src/capture/environment/capture.ts'
import {
  describeRanPython,
  isSamePython,
  withRanPythons,
} from '../../../../src/capture/environment/python/ran.ts'
import { folderOf } from '../../../support/folder.ts'
import type { CapturedEnvironment } from '../../../../src/capture/environment/types.ts'
import type { RanPython } from '../../../../src/capture/environment/python/ran.ts'

const SLOW = { timeout: 120_000 }

/** A virtual environment with one package, and what a program of it reports. */
function virtualPython(name: string): RanPython & Required<Pick<RanPython, 'reported'>> {
  const root = realpathSync(folderOf())
  execFileSync('python3', ['-m', 'venv', '--without-pip', root])
  const executable = join(root, 'bin/python')
  const source =
    'import json, platform, sys; print(json.dumps([sys.base_prefix, platform.python_version(), sys.path[1:]]))'
  const [basePrefix, version, paths] = JSON.parse(
    execFileSync(executable, ['-c', source], { encoding: 'utf8' }),
  ) as [string, string, string[]]
  const more = folderOf({ [`${name}-1.dist-info/METADATA`]: `Name: ${name}\nVersion: 1\n` })
  const reported = { prefix: root, basePrefix, version, implementation: 'cpython', paths: [...paths, more] }
  return { foundBy: 'bridge', executable, reported }
}

async function captured(): Promise<CapturedEnvironment> {
  const capture = createEnvironmentCapture({ ...OPTIONS.environment.default, timeoutMs: 30_000 })
  return (await capture.capture({ directory: folderOf(), algorithm: 'blake3' })).value as CapturedEnvironment
}

const context = (): Parameters<typeof describeRanPython>[1] => ({
  directory: folderOf(),
  variables: process.env,
  options: { ...OPTIONS.environment.default, timeoutMs: 30_000 },
})

test('a Python that ran is described, and where it cannot be started, from its metadata', SLOW, async () => {
  const ran = virtualPython('some')
  const { sources } = await describeRanPython(ran, context())
  expect(sources.python).toMatchObject({
    status: 'present',
    prefix: ran.reported.prefix,
    packages: { some: ['1'] },
  })
  rmSync(ran.executable)
  const { sources: read } = await describeRanPython(ran, context())
  expect(read.python).toMatchObject({
    status: 'present',
    version: ran.reported.version,
    implementation: 'CPython',
    packages: { some: ['1'] },
    foundBy: 'bridge',
  })
})

test('the files of another system are not taken for those of the program', SLOW, async () => {
  const ran = virtualPython('some')
  const { sources } = await describeRanPython({ ...ran, unreadable: 'it ran in a container' }, context())
  expect(sources.python).toMatchObject({
    status: 'present',
    version: ran.reported.version,
    packages: null,
    unseen: { packages: 'it ran in a container' },
  })
})

test('an executable that is another Python by now is not the one that ran', SLOW, async () => {
  const [ran, other] = [virtualPython('some'), virtualPython('other')]
  expect(await isSamePython(ran, { prefix: ran.reported.prefix })).toBe(true)
  expect(await isSamePython(ran, { prefix: other.reported.prefix })).toBe(false)
  // Both are links to one interpreter.
  const seen = { foundBy: 'proc', executable: ran.executable } as const
  expect(await isSamePython(seen, { executable: other.executable })).toBe(false)
  const swapped = { ...ran, executable: other.executable }
  const { sources } = await describeRanPython(swapped, context())
  expect(sources.python).toMatchObject({ status: 'present', packages: { some: ['1'] } })
})

test('the first Python that ran replaces the captured one, and the others are listed', SLOW, async () => {
  const before = await captured()
  const [first, second] = [
    await describeRanPython(virtualPython('one'), context()),
    await describeRanPython(virtualPython('two'), context()),
  ]
  const own: RanPython = { foundBy: 'bridge', executable: '/usr/bin/python' }
  const warnings = ['python: about the captured one', 'git: stays']
  const corrected = withRanPythons({ value: before, warnings }, [first, second, own])
  expect(corrected.warnings).not.toContain('python: about the captured one')
  expect(corrected.warnings).toContain('git: stays')
  expect(corrected.value.python).toMatchObject({ packages: { one: ['1'] } })
  expect(corrected.value.otherPythons).toMatchObject({
    status: 'present',
    pythons: [{ packages: { two: ['1'] } }, { executable: '/usr/bin/python' }],
  })
  // The record reads back as it was written.
  const value = JSON.parse(JSON.stringify(corrected.value)) as CapturedEnvironment
  expect(parseEnvironmentCapture(value)).toEqual(value)
  expect(environmentDigestFields(parseEnvironmentCapture(value))).toEqual(environmentDigestFields(value))
  // The captured one ran itself: only the evidence changes.
  const kept = withRanPythons({ value: before, warnings }, [own])
  expect(kept.value.python).toEqual({ ...before.python, foundBy: 'bridge' })
  expect(kept.warnings).toEqual(warnings)
  expect(withRanPythons({ value: before, warnings }, [])).toEqual({ value: before, warnings })
})
