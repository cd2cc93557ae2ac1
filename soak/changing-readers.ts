/** Ways to get the digest of a file: those of lineaprint, and two that produce mixtures. */
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { LineaprintError } from '../src/core/errors.ts'
import { hashFile, hashFiles } from '../src/hash/file.ts'
import { hashTree } from '../src/hash/tree.ts'
import type { Algorithm } from '../src/core/digest.ts'

/** A reader that returns a hexadecimal digest, or the code of an error. */
export type Reader = (path: string, algorithm: Algorithm) => Promise<string>

const ABSENT = 'ERR_LINEAPRINT_NOT_FOUND'

/** Hash the file alone. */
export const byFile: Reader = (path, algorithm) =>
  digestOrCode(async () => (await hashFile(path, { algorithm })).digest.hex)

/** Hash the file twice in one job, which hashes several streams at once if possible. */
export const byFiles: Reader = (path, algorithm) =>
  digestOrCode(async () => {
    const [outcome] = await hashFiles([path, path], { algorithm })
    if (outcome instanceof LineaprintError) throw outcome
    return outcome?.digest.hex ?? ''
  })

/** Hash the file as the only file of its folder. */
export const byTree: Reader = (path, algorithm) =>
  digestOrCode(async () => {
    const { entries } = await hashTree(dirname(path), { algorithm, list: true })
    return entries?.[0]?.digests[algorithm]?.hex ?? ABSENT
  })

/** Read like a program that ignores changes. */
export const naively: Reader = (path) => Promise.resolve(pieceByPiece(path, () => ''))

/** Read like a program that compares length and times before and after. */
export const checkingTwice: Reader = (path) => Promise.resolve(pieceByPiece(path, statText))

async function digestOrCode(hash: () => Promise<string>): Promise<string> {
  try {
    return await hash()
  } catch (error) {
    if (LineaprintError.is(error)) return error.code
    throw error
  }
}

function pieceByPiece(path: string, stamp: (file: number) => string): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ABSENT
  }
  const before = stamp(file)
  const hash = createHash('sha256')
  const piece = Buffer.alloc(1 << 16)
  for (let count = readSync(file, piece); count > 0; count = readSync(file, piece))
    hash.update(piece.subarray(0, count))
  const same = stamp(file) === before
  closeSync(file)
  return same ? hash.digest('hex') : 'ERR_LINEAPRINT_CHANGED'
}

function statText(file: number): string {
  const { size, mtimeNs, ctimeNs } = fstatSync(file, { bigint: true })
  return `${size} ${mtimeNs} ${ctimeNs}`
}
