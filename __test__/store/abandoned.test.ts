/** What a kill leaves of a run that was being made, and when it is removed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sweepAbandoned, unfinishedName } from '../../src/store/abandoned.ts'
import { isMarkedAlive, processMark } from '../../src/util/process-identity.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished, startProgram } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import type { ChildProcess } from 'node:child_process'

const HOUR = 3600

/** A program that gets a signal at the first call of a function that names a `.new-` folder, right behind or before it. */
function stopping(call: string, when: 'before' | 'after', signal: string): string {
  return `
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    const real = fs.${call}
    fs.${call} = async (...args) => {
      const isMeant = /\\.new-[^/]*$/.test(args[0]) || (${JSON.stringify(call)} === 'rename' && /\\.new-/.test(args[1]))
      if (isMeant && ${when === 'before'}) process.kill(process.pid, '${signal}')
      const result = await real(...args)
      if (isMeant && ${when === 'after'}) process.kill(process.pid, '${signal}')
      return result
    }
    syncBuiltinESMExports()
    const tracker = new ExperimentTracker({ outputDir: '.', experimentId: 'slow', ...off })
    await tracker.startExperiment()
    await tracker.finishExperiment()`
}

const unfinished = (root: string): string[] =>
  readdirSync(storeIn(root).runs).filter((name) => name.startsWith('.new-'))

/** Sets back the time of what was left. */
function age(root: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds
  for (const name of unfinished(root)) utimesSync(join(storeIn(root).runs, name), time, time)
}

async function killed(root: string, call: string, when: 'before' | 'after'): Promise<void> {
  const child = startProgram(stopping(call, when, 'SIGKILL'), root)
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
}

describe.skipIf(process.platform === 'win32')('a run that was being made', () => {
  test.each([
    ['mkdir', 'after', []],
    ['rename', 'before', [expect.stringMatching(/^\.run\.json\..*\.tmp$/)]],
    ['rename', 'after', ['run.json']],
  ] as const)('a kill at %s (%s) leaves a folder, which a later run removes', async (call, when, content) => {
    const root = folderOf()
    await killed(root, call, when)
    const [name = '', ...others] = unfinished(root)
    expect(others).toEqual([])
    expect(readdirSync(join(storeIn(root).runs, name))).toEqual(content)
    // Too young: a process of another kind of clock may still be at it.
    age(root, HOUR / 2)
    await finished(root)
    expect(unfinished(root)).toEqual([name])
    age(root, HOUR * 2)
    await finished(root)
    expect(unfinished(root)).toEqual([])
    expect(readdirSync(storeIn(root).runs)).toHaveLength(2)
  })

  test('one of a process that is there is kept, however old, and becomes a run', async () => {
    const root = folderOf()
    const child = startProgram(stopping('mkdir', 'after', 'SIGSTOP'), root)
    onTestFinished(() => void child.kill('SIGKILL'))
    const runs = storeIn(root).runs
    await expect.poll(() => existsSync(runs) && unfinished(root).length, { timeout: 20_000 }).toBe(1)
    age(root, 1000 * HOUR)
    await sweepAbandoned(runs)
    expect(unfinished(root)).toHaveLength(1)
    child.kill('SIGCONT')
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code).toBe(0)
    expect(readdirSync(runs)).toEqual(['slow'])
  })
})

/** The mark of a process that has ended. */
async function goneMark(): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const [, ...rest] = processMark().split('-')
  return [child.pid, ...rest].join('-')
}

test('nothing outside of such a folder is touched, and nothing in it that is not ours', async () => {
  const root = folderOf({ 'outside/run.json': 'x' })
  const { runs } = storeIn(root)
  mkdirSync(runs, { recursive: true })
  const mark = await goneMark()
  const named = (number: number): string => join(runs, `.new-${String(number).padStart(12, '0')}-${mark}`)
  symlinkSync(join(root, 'outside'), named(1))
  mkdirSync(named(2))
  symlinkSync(join(root, 'outside'), join(named(2), 'run.json'))
  mkdirSync(join(named(3), 'run.json'), { recursive: true })
  mkdirSync(named(4))
  writeFileSync(join(named(4), 'mine.txt'), 'x')
  writeFileSync(named(5), 'x')
  mkdirSync(join(runs, `.new-other-${mark}`))
  mkdirSync(join(runs, '.new-0123456789ab'))
  age(root, 2 * HOUR)
  await sweepAbandoned(runs)
  expect(readdirSync(join(root, 'outside'))).toEqual(['run.json'])
  const left = [named(1), named(3), named(4), named(5)].map((path) => basename(path))
  expect(unfinished(root)).toEqual(['.new-0123456789ab', ...left, `.new-other-${mark}`].toSorted())
  await expect(sweepAbandoned(join(root, 'nowhere'))).resolves.toBeUndefined()
})

test('a process is told by its number, its start, its machine and its container', async () => {
  expect(isMarkedAlive(processMark())).toBe('alive')
  expect(isMarkedAlive(unfinishedName().replace(/^\.new-[^-]*-/, ''))).toBe('alive')
  expect(isMarkedAlive(await goneMark())).toBe('gone')
  const parts = processMark().split('-')
  const changed = (index: number, part: string): string => parts.with(index, part).join('-')
  // Another host, another container.
  for (const index of [2, 4]) expect(isMarkedAlive(changed(index, '00000000'))).toBe('unknown')
  for (const mark of ['', 'x', '1-2', `${processMark()}-more`]) expect(isMarkedAlive(mark)).toBe('unknown')
})

test.runIf(process.platform === 'linux')(
  'a number that was given again, and a machine that was started again, are told',
  () => {
    const parts = processMark().split('-')
    for (const [index, part] of [
      [1, '1'],
      [3, '00000000'],
    ] as const)
      expect(isMarkedAlive(parts.with(index, part).join('-'))).toBe('gone')
  },
)
