import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { findLauncher } from '../../../src/command/launcher/find.ts'
import { isOneFile, isOneTerminal } from '../../../src/command/launcher/one-target.ts'
import { native } from '../../../src/native/load.ts'
import { keptFolder } from '../../support/kept-folder.ts'

const LAUNCHER: string = findLauncher() ?? ''
const ON_LINUX: boolean = process.platform === 'linux' && LAUNCHER !== ''

/** A launcher that can compare nothing. */
const NONE = join('/', 'nothing', 'launcher')

const opened: number[] = []

afterEach(() => {
  for (const number of opened.splice(0)) closeSync(number)
})

function file(path: string, flags: string): number {
  const number = openSync(path, flags)
  opened.push(number)
  return number
}

test.runIf(ON_LINUX)('a file is one if it was opened once, or twice to append', () => {
  const path = join(keptFolder(), 'out')
  const [once, again] = [file(path, 'w'), file(path, 'w')]
  expect(isOneFile([once, once], LAUNCHER)).toBe(true)
  expect(isOneFile([once, again], LAUNCHER)).toBe(false)
  const [end, other] = [file(path, 'a'), file(path, 'a')]
  expect(isOneFile([end, other], LAUNCHER)).toBe(true)
  expect(isOneFile([once, end], LAUNCHER)).toBe(false)
  expect(isOneFile([end, file(`${path}2`, 'a')], LAUNCHER)).toBe(false)
})

test.runIf(ON_LINUX)('what cannot be known is not one file', () => {
  const once = file(join(keptFolder(), 'out'), 'w')
  expect(isOneFile([once, once], NONE)).toBe(false)
  expect(isOneFile([once, 10_000], LAUNCHER)).toBe(false)
})

test.runIf(ON_LINUX)('a pipe is one, and its two ends are not', () => {
  const { readEnd, writeEnd } = native.openPipe() ?? { readEnd: -1, writeEnd: -1 }
  opened.push(readEnd, writeEnd)
  expect(isOneFile([writeEnd, writeEnd], NONE)).toBe(true)
  expect(isOneFile([readEnd, writeEnd], NONE)).toBe(false)
})

test.runIf(ON_LINUX)('a FIFO that was opened twice is one', () => {
  const path = join(keptFolder(), 'fifo')
  spawnSync('mkfifo', [path])
  // For reading as well, so that opening waits for nobody.
  expect(isOneFile([file(path, 'r+'), file(path, 'r+')], NONE)).toBe(true)
})

test.runIf(ON_LINUX)('a device that keeps nothing is no one file, and nobody is asked', () => {
  const number = file('/dev/null', 'w')
  expect(isOneFile([number, number], NONE)).toBe(false)
})

test.runIf(ON_LINUX)('files and devices are no terminal', () => {
  const number = file('/dev/null', 'w')
  expect(isOneTerminal([number, number])).toBe(false)
})
