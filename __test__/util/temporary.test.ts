import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { isShelter, makeTemporary, sweepTemporary } from '../../src/util/temporary.ts'
import { processMark } from '../../src/util/process-identity.ts'
import { folderOf } from '../support/folder.ts'

/** The identity of a process that has ended. */
function goneMark(): string {
  const source = `import { processMark } from ${JSON.stringify(resolve('src/util/process-identity.ts'))}
    process.stdout.write(processMark())`
  return spawnSync(process.execPath, ['--input-type=module-typescript', '-e', source], { encoding: 'utf8' })
    .stdout
}

/** A folder as a killed process leaves it. */
function leftBehind(parent: string, name: string, mark: string): string {
  const path = join(parent, name)
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(path, '.lineaprint-owner'), mark, { mode: 0o600 })
  mkdirSync(join(path, 'content'))
  return path
}

test('a new folder is private, and a folder of its name is never used', async () => {
  const parent = folderOf()
  const folders = await Promise.all(Array.from({ length: 20 }, () => makeTemporary('lineaprint-', parent)))
  expect(new Set(folders.map(({ path }) => path)).size).toBe(20)
  for (const { path } of folders) {
    expect(lstatSync(path).mode & 0o777).toBe(0o700)
    expect(readdirSync(path)).toEqual(['.lineaprint-owner'])
  }
  await sweepTemporary(parent)
  expect(readdirSync(parent)).toHaveLength(20)
  for (const folder of folders) await folder.remove()
  expect(readdirSync(parent)).toEqual([])
})

test('what a killed process left is swept; what lives, was kept or is foreign stays', async () => {
  const parent = folderOf()
  const gone = goneMark()
  expect(gone).toMatch(/^\d+-/)
  const swept = ['lineaprint-aaaaaa', 'lineaprint-diff-aaaaaa', 'lineaprint-reproduce-aaaaaa'].map((name) =>
    leftBehind(parent, name, gone),
  )
  const kept = await makeTemporary('lineaprint-reproduce-', parent)
  kept.keep()
  const stays = [
    kept.path,
    leftBehind(parent, 'lineaprint-bbbbbb', processMark()),
    leftBehind(parent, 'lineaprint-cccccc', 'not an identity'),
    leftBehind(parent, 'lineaprint-dddddd', gone + ' '.repeat(1000)),
    leftBehind(parent, 'lineaprint-soak-aaaaaa', gone),
    leftBehind(parent, 'other-aaaaaa', gone),
    leftBehind(parent, 'lineaprint-eeeeee', gone),
  ]
  chmodSync(join(parent, 'lineaprint-eeeeee'), 0o750)
  const target = leftBehind(folderOf(), 'lineaprint-ffffff', gone)
  symlinkSync(target, join(parent, 'lineaprint-ffffff'))
  await sweepTemporary(parent)
  for (const path of swept) expect(existsSync(path), path).toBe(false)
  for (const path of [...stays, target]) expect(existsSync(path), path).toBe(true)
})

test('a mark that is a link or has two names is not believed', async () => {
  const parent = folderOf()
  const gone = goneMark()
  const path = leftBehind(parent, 'lineaprint-aaaaaa', gone)
  const other = join(folderOf({ mark: gone }), 'mark')
  spawnSync('ln', ['-sf', other, join(path, '.lineaprint-owner')])
  await sweepTemporary(parent)
  expect(existsSync(path)).toBe(true)
})

test('a folder without an identity is removed only if it is old and empty', async () => {
  const parent = folderOf()
  const [old, young, full] = ['a', 'b', 'c'].map((letter) => join(parent, `lineaprint-${letter.repeat(6)}`))
  for (const path of [old, young, full]) mkdirSync(path ?? '', { mode: 0o700 })
  writeFileSync(join(full ?? '', 'file'), '')
  for (const path of [old, full]) utimesSync(path ?? '', 0, 0)
  await sweepTemporary(parent)
  expect(readdirSync(parent)).toEqual(['lineaprint-bbbbbb', 'lineaprint-cccccc'])
})

test('where all users can rename folders, nothing is swept', async () => {
  const parent = folderOf()
  leftBehind(parent, 'lineaprint-aaaaaa', goneMark())
  chmodSync(parent, 0o777)
  expect(await isShelter(parent)).toBe(false)
  await sweepTemporary(parent)
  expect(readdirSync(parent)).toHaveLength(1)
  chmodSync(parent, 0o1777)
  expect(await isShelter(parent)).toBe(true)
  await sweepTemporary(parent)
  expect(readdirSync(parent)).toEqual([])
})

test('a folder of a process that is killed while it has it is swept afterwards', async () => {
  const parent = folderOf()
  const source = `import { makeTemporary } from ${JSON.stringify(resolve('src/util/temporary.ts'))}
    await makeTemporary('lineaprint-', ${JSON.stringify(parent)})
    console.log('made'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source])
  await once(child.stdout, 'data')
  await sweepTemporary(parent)
  expect(readdirSync(parent)).toHaveLength(1)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await sweepTemporary(parent)
  expect(readdirSync(parent)).toEqual([])
})
