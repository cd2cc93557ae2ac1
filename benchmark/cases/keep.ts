/** Cases of the objects of a store: a file is kept. */
import { copyFileSync, constants, mkdirSync, rmSync } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile } from '../../src/hash/file.ts'
import { PART_SIZE } from '../../src/store/objects/layout.ts'
import { keepObject } from '../../src/store/objects/write.ts'
import { storeIn } from '../../src/store/store.ts'
import { entry } from './entry.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** Return the cases of keeping: a file that is one object, and one in parts. */
export function keepCases(inputs: Inputs): Case[] {
  return [
    keepCase(inputs, 'keep-file', PART_SIZE),
    keepCase(inputs, 'keep-parts', Math.min(inputs.sizes.largeBytes, 8 * PART_SIZE) + 1),
  ]
}

function keepCase(inputs: Inputs, name: string, bytes: number): Case {
  return {
    name,
    title: `a file of ${bytes.toLocaleString('en')} bytes kept in the store`,
    prepare: async () => {
      const { path } = inputs.largeFile(1 << 20)
      const source = join(inputs.directory, name)
      copyFileSync(path, source)
      await using file = await open(source, 'r+')
      await file.truncate(bytes)
      await file.sync()
      const folder = join(inputs.directory, `${name}-store`)
      const clear = (): Promise<void> => {
        rmSync(folder, { recursive: true, force: true })
        mkdirSync(folder)
        return Promise.resolve()
      }
      const keep = async (): Promise<string> =>
        (await keepObject(storeIn(folder), source, { algorithm: 'blake3' })).digests.blake3?.hex ?? ''
      const hash = async (): Promise<string> => (await hashFile(source)).digest.hex
      const label = 'the digest'
      const own: Contestant = {
        name: 'lineaprint keepObject',
        role: 'ours',
        child: false,
        before: clear,
        run: keep,
        check: { label, read: () => clear().then(keep) },
      }
      const alone: Contestant = {
        name: 'hashFile, the hash alone',
        role: 'part',
        child: false,
        run: hash,
        check: { label, read: hash },
      }
      const copy: Contestant = {
        name: 'a copy of the file with fsync',
        role: 'part',
        child: false,
        before: clear,
        run: async () => {
          const target = join(folder, 'copy')
          await copyFile(source, target, constants.COPYFILE_FICLONE)
          await using copied = await open(target, 'r+')
          await copied.sync()
          return undefined
        },
      }
      const isShared = await sharesBlocks(source, join(inputs.directory, `${name}-clone`))
      return {
        ...entry(bytes, [own, alone, copy], [], new Map()),
        notes: () => [
          isShared
            ? 'this file system shares the blocks of copies'
            : 'this file system does not share the blocks of copies, so every byte is written',
        ],
      }
    },
  }
}

/** Check whether the file system makes a copy that shares its blocks. */
async function sharesBlocks(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    // Every reason means that copies are written in full.
    return false
  } finally {
    rmSync(target, { force: true })
  }
}
