/** Every file in the folder of a run is changed, byte by byte, and the check of it has to say so. */
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LineaprintError } from '../../../src/core/errors.ts'
import { verifyFiles, verifyRecord } from '../../../src/compare/run-files.ts'
import { parseRecord } from '../../../src/record/seal.ts'
import { recordedProject } from './support.ts'

const { project } = recordedProject()

function flip(content: Uint8Array, at: number): Buffer {
  const flipped = Buffer.from(content)
  flipped[at] = flipped[at]! ^ (1 << (at % 8))
  return flipped
}

test('every byte of run.json', { timeout: 480_000 }, () => {
  const bytes = readFileSync(join(project.folder, 'run.json'))
  expect(isRecordRefused(bytes)).toBe(false)
  const missed: number[] = []
  for (let at = 0; at < bytes.length; at++) if (!isRecordRefused(flip(bytes, at))) missed.push(at)
  expect(missed).toEqual([])
})

test(
  'every file in it: changed, cut, gone, and one by the name of another',
  { timeout: 120_000 },
  async () => {
    const names = project.run.record.files.map(({ path }) => path)
    expect(names).toEqual(
      expect.arrayContaining([
        'events.jsonl',
        'git/diff.patch',
        'git/staged.patch',
        'git/untracked/untracked.py',
        'models/base.tensors.json',
        'side.txt',
        'stderr.log',
        'stdout.log',
      ]),
    )
    for (const name of names) {
      const path = join(project.folder, name)
      const content = readFileSync(path)
      const step = Math.max(1, Math.ceil(content.length / 8))
      for (let at = 0; at < content.length; at += step) {
        writeFileSync(path, flip(content, at))
        expect(await badFiles(), `byte ${at} of ${name}`).toEqual([`${name} changed`])
      }
      writeFileSync(path, content.subarray(0, -1))
      expect(await badFiles()).toEqual([`${name} changed`])
      rmSync(path)
      expect(await badFiles()).toEqual([`${name} missing`])
      writeFileSync(path, content)
    }
    copyFileSync(join(project.folder, 'stderr.log'), join(project.folder, 'kept.log'))
    copyFileSync(join(project.folder, 'stdout.log'), join(project.folder, 'stderr.log'))
    expect(await badFiles()).toEqual(['stderr.log changed'])
    renameSync(join(project.folder, 'kept.log'), join(project.folder, 'stderr.log'))
    expect(await badFiles()).toEqual([])
  },
)

/**
 * Whether the check of a record, given these bytes of it, says that it is not the sealed one. The full parser refuses
 * more than the quick one and gives the same, so it is asked only where the quick one finds nothing.
 */
function isRecordRefused(recordBytes: Uint8Array): boolean {
  return isRefused(recordBytes, true) || isRefused(recordBytes, false)
}

function isRefused(recordBytes: Uint8Array, quick: boolean): boolean {
  try {
    const record = parseRecord(recordBytes, 'run.json', { quick })
    // One that says that it never ended has no seal, and is told as such.
    return verifyRecord({ ...project.run, record, recordBytes, status: record.status }).some(
      ({ status }) => status !== 'same',
    )
  } catch (error) {
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_RECORD') return true
    throw error
  }
}

async function badFiles(): Promise<string[]> {
  const items = await verifyFiles(project.run, {})
  return items
    .filter(({ status }) => status === 'changed' || status === 'missing')
    .map(({ name, status }) => `${name} ${status}`)
}
