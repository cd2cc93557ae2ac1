/**
 * Copies on a file system that shares blocks. `scripts/shared-blocks.sh` makes one and names it in the variable; elsewhere
 * there is nothing to see.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PART_SIZE, contentOfDigests, piecePath, piecesOf } from '../../../src/store/objects/layout.ts'
import { checkObject, writeObject } from '../../../src/store/objects/read.ts'
import { keepObject } from '../../../src/store/objects/write.ts'
import { storeIn } from '../../../src/store/store.ts'
import { paint } from '../../support/folder.ts'

const where = process.env['LINEAPRINT_SHARED_BLOCKS']

let root = ''

beforeEach(() => {
  if (where !== undefined) root = mkdtempSync(join(where, 'keep-'))
})

afterEach(() => {
  if (root !== '') rmSync(root, { recursive: true })
})

/** Return whether a file has extents, and shares each of them with another file. */
function isShared(path: string): boolean {
  const flags = execFileSync('filefrag', ['-v', path], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^ *\d+: /.test(line))
    .map((line) => line.split(':').at(-1)?.trim() ?? 'none')
  return flags.length > 0 && flags.every((each) => each.includes('shared'))
}

test.skipIf(where === undefined).each(['blake3', 'sha256'] as const)(
  'parts share their blocks with the file, and a file that is got shares them with the parts (%s)',
  async (algorithm) => {
    const store = storeIn(root)
    const bytes = Buffer.from(paint(2 * PART_SIZE + 12_345))
    const path = join(root, 'file')
    writeFileSync(path, bytes)
    const kept = await keepObject(store, path, { algorithm })
    const content = contentOfDigests(kept.digests, kept.size)
    const pieces = (await piecesOf(store, content)) ?? []
    expect(pieces).toHaveLength(3)
    for (const piece of pieces) expect(isShared(piecePath(store, piece))).toBe(true)
    const to = join(root, 'again')
    await writeObject(store, content, to, { mode: 0o644 })
    expect(isShared(to)).toBe(true)
    // A write to either file changes neither the parts nor the other file.
    for (const written of [path, to]) {
      const file = openSync(written, 'r+')
      writeSync(file, 'other', PART_SIZE + 5)
      closeSync(file)
    }
    expect(await checkObject(store, content)).toBe('same')
    await writeObject(store, content, to, { mode: 0o644, replace: true })
    expect(readFileSync(to).equals(bytes)).toBe(true)
  },
)

test.skipIf(where === undefined)('a file of one piece shares its blocks both ways', async () => {
  const store = storeIn(root)
  const path = join(root, 'file')
  writeFileSync(path, paint(1_000_000))
  const kept = await keepObject(store, path, { algorithm: 'blake3' })
  const content = contentOfDigests(kept.digests, kept.size)
  const to = join(root, 'again')
  await writeObject(store, content, to, { mode: 0o644 })
  expect([isShared(piecePath(store, content)), isShared(to), isShared(path)]).toEqual([true, true, true])
})
