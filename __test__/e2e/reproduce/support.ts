/** What the tests of running again share. */
import { createHash } from 'node:crypto'
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { reproduceRun } from '../../../src/reproduce/reproduce.ts'
import { findRun } from '../../../src/database/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { formatRecord, sealRecord } from '../../../src/record/seal.ts'
import { storeIn } from '../../../src/store/store.ts'
import { emptyRepository, git, temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import type { ReproduceOptions, Reproduction } from '../../../src/reproduce/reproduce.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

/** The environment is looked at by the tests of the command. */
export const FAST: Readonly<Record<string, string>> = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }

/** A program that copies a file. */
export const COPY: string = 'require("fs").copyFileSync("in.txt", "out.txt")'

/** A repository with these files in its only commit. */
export function repositoryOf(files: Readonly<Record<string, string>>): string {
  const root = emptyRepository()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
  return root
}

/** A run of a program of Node, made by the command. */
export async function recorded(
  root: string,
  source: string,
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  cwd: string = root,
): Promise<StoredRun> {
  const args = ['run', '--output-dir', root, ...options, '--', process.execPath, '-e', source]
  const { code, stderr } = await lineaprint(args, { cwd, env: { ...FAST, ...env } })
  expect(code, stderr).toBe(0)
  return findRun(storeIn(root), '@latest')
}

/** Reproduces it into a folder that goes when the test ends. */
export async function again(run: StoredRun, options: ReproduceOptions = {}): Promise<Reproduction> {
  const into = join(temporaryFolder('into'), 'tree')
  const log = join(into, '..', 'log')
  const descriptor = openSync(log, 'a')
  onTestFinished(() => closeSync(descriptor))
  return reproduceRun(run, { into, targets: [descriptor, descriptor], ...options })
}

/** Every item in short. */
export function verdicts({ items }: Reproduction): string[] {
  return items.map(({ section, name, verdict }) => `${section} ${name} ${verdict}`)
}

/**
 * Everything below a folder, with times: nothing may be written, not even the same again. Git itself renews the times
 * of objects that it finds when it would write them, so theirs are left out; and so is the index of a store, which is
 * made again by whoever reads it.
 */
export function snapshot(
  root: string,
  except: (name: string) => boolean = () => false,
  times = true,
): string[] {
  const lines: string[] = []
  // Names need not be UTF-8.
  const walk = (folder: Buffer): void => {
    for (const name of readdirSync(folder, { encoding: 'buffer' }).toSorted((a, b) => a.compare(b))) {
      if (except(name.toString()) || /^index-v\d+-.*\.sqlite/.test(name.toString())) continue
      const path = Buffer.concat([folder, Buffer.from('/'), name])
      const info = lstatSync(path)
      const content = info.isSymbolicLink()
        ? readlinkSync(path)
        : info.isFile()
          ? createHash('sha256').update(readFileSync(path)).digest('hex')
          : ''
      const isObject = path.includes('/.git/objects/') || name.toString() === '.lineaprint'
      const stamps = isObject ? '' : `${info.mtimeMs} ${info.ctimeMs}`
      const time = times ? `${stamps} ${info.mode}` : info.mode & 0o100 ? 'x' : ''
      lines.push([path.toString('latin1').slice(root.length), content, time].join(' '))
      if (info.isDirectory()) walk(path)
    }
  }
  walk(Buffer.from(root))
  return lines
}

/** The run with another record, sealed again, as somebody could who wants to deceive. */
export async function forged(run: StoredRun, change: (git: JsonObject) => JsonObject): Promise<StoredRun> {
  const before = run.record.captures['git']
  if (before?.status !== 'captured') throw new Error('no capture')
  const captures = { ...run.record.captures, git: { ...before, value: change(before.value) } }
  writeFileSync(join(run.folder, 'run.json'), formatRecord(sealRecord({ ...run.record, captures })))
  return readRun(run.folder)
}
