/**
 * Contents that arrive before the run that they are of: each under its digest, which was checked. A push that was cut off
 * goes on where it ended, and two of the same run share what they send.
 */
import { constants, copyFile, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomHex } from '../../core/random.ts'
import { wrongDigest, writeArriving } from '../../store/objects/receive.ts'
import { isMissing, makeFolders, syncHandle } from '../../util/fs.ts'
import { OWNER_MODES } from '../../util/modes.ts'
import { isHex } from '../../transfer/wire.ts'
import type { ByteStream } from '../../hash/stream.ts'
import type { RunFile } from '../../transfer/wire.ts'

/** Milliseconds after which a content that no run took is removed. */
const AGE_LIMIT = 24 * 3_600_000

/** The folder of contents that arrived. */
export class Incoming {
  readonly #folder: string

  /** @param folder Absolute path, in the file system of the runs. It need not exist. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Check whether a content is there. */
  async has({ blake3, bytes }: Pick<RunFile, 'blake3' | 'bytes'>): Promise<boolean> {
    try {
      const info = await lstat(this.#pathOf(blake3))
      return info.isFile() && info.size === bytes
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  /** Take a content. It is durable then. @throws ERR_LINEAPRINT_RECORD for another digest; nothing is kept then. */
  async receive(hex: string, bytes: ByteStream, limit: number): Promise<void> {
    await makeFolders(this.#folder, OWNER_MODES.folder)
    const temporary = join(this.#folder, `.${randomHex(8)}.tmp`)
    try {
      const { digest } = await writeArriving(temporary, bytes, { algorithm: 'blake3', limit })
      if (digest !== `blake3:${hex}`) throw wrongDigest(`blake3:${hex}`, digest)
      await using file = await open(temporary, 'r+')
      await syncHandle(file)
      await rename(temporary, this.#pathOf(hex))
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Return the path of a new folder in which a run is put together. */
  async newFolder(): Promise<string> {
    await makeFolders(this.#folder, OWNER_MODES.folder)
    const folder = join(this.#folder, `.run-${randomHex(8)}`)
    await mkdir(folder, { mode: OWNER_MODES.folder })
    return folder
  }

  /**
   * Move contents to the files of a folder. Files with the same content are copies.
   *
   * @returns False if one was taken by another run in the meantime.
   */
  async moveTo(folder: string, files: readonly RunFile[]): Promise<boolean> {
    const moved = new Map<string, string>()
    for (const { path, blake3 } of files) {
      const target = join(folder, path)
      await makeFolders(dirname(target), OWNER_MODES.folder)
      const same = moved.get(blake3)
      try {
        await (same === undefined ? rename(this.#pathOf(blake3), target) : copyDurably(same, target))
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
      moved.set(blake3, target)
    }
    return true
  }

  /** Remove what nobody took. At the start of a server nobody puts a run together. */
  async sweep(when: 'start' | 'later'): Promise<void> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    for (const name of names) {
      const path = join(this.#folder, name)
      const info = await lstat(path).catch(() => undefined)
      if (info === undefined) continue
      const isOld = Date.now() - info.mtimeMs > AGE_LIMIT
      if (isOld || (when === 'start' && !isHex(name))) await rm(path, { recursive: true, force: true })
    }
  }

  #pathOf(hex: string): string {
    return join(this.#folder, hex)
  }
}

/** Copy a file whose copy survives a loss of power then. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await using file = await open(to, 'r+')
  await syncHandle(file)
}
