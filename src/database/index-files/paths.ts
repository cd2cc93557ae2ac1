/**
 * Paths of indexes. Each file name is used once: SQLite finds the log of a database by its file name, so a
 * new file of an old name could get the log of another.
 */
import { randomBytes } from 'node:crypto'
import { accessSync, constants, lstatSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { systemReason } from '../../util/fs.ts'
import { folderProblem, stateOfName } from '../../util/own-file.ts'

/**
 * The version of the index's content; part of the name, so that two versions do not replace each other's
 * files.
 */
const VERSION = 4

const NAME = new RegExp(`^index-v${VERSION}-[0-9a-f]{16}\\.sqlite$`)

/** Names of the remains of a killed process: an unfinished index, or the files beside one that was removed. */
const REST = new RegExp(`^(index-v${VERSION}-[0-9a-f]{16}\\.sqlite)(?:\\.tmp)?(?:-wal|-shm|-journal)?$`)

/** Making an index takes milliseconds; younger files are never swept. */
const SAFE_AGE_MS = 3_600_000

/**
 * Return the paths of the own indexes in a folder. All but the first were created concurrently and are surplus.
 * What is not an index but has the name of one is removed. Indexes of other users of a shared store stay.
 */
export function indexesIn(folder: string): string[] {
  const names = readdirSync(folder)
  const indexes = names.filter((name) => NAME.test(name)).toSorted()
  const own = indexes.filter((name) => {
    const path = join(folder, name)
    const problem = indexProblem(path)
    if (problem === 'foreign') removeIndex(path)
    return problem === undefined
  })
  for (const name of names) {
    const index = REST.exec(name)?.[1]
    if (index !== undefined && !names.includes(index)) sweep(join(folder, name))
  }
  return own.map((name) => join(folder, name))
}

/** Return the path of one of the own indexes in a folder, and change nothing there. */
export function findIndexPath(folder: string): string | undefined {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .toSorted()
    .map((name) => join(folder, name))
    .find((path) => indexProblem(path) === undefined)
}

/**
 * Return what is wrong with an index or a file that SQLite keeps beside it: each must be a regular file of this user
 * with one name. SQLite itself follows links and waits for a FIFO.
 */
export function indexProblem(path: string): 'missing' | 'others' | 'foreign' | undefined {
  const state = stateOfName(path, 'shared')
  if (state !== 'own') return state
  if (lstatSync(path).size > SIZE_LIMIT) return 'foreign'
  const siblings = SUFFIXES.map((suffix) => stateOfName(path + suffix, 'shared'))
  return siblings.every((sibling) => sibling === 'own' || sibling === 'missing') ? undefined : 'foreign'
}

/** Bytes of an index of a few million runs with many metrics. A longer file is not one. */
const SIZE_LIMIT = 2 ** 36

/** Suffixes of the files that SQLite keeps beside a database. */
const SUFFIXES = ['-wal', '-shm', '-journal'] as const

function sweep(path: string): void {
  try {
    if (stateOfName(path, 'shared') === 'own' && Date.now() - lstatSync(path).mtimeMs > SAFE_AGE_MS)
      rmSync(path)
  } catch {
    // It is left to the next reader.
  }
}

/** Return the path of a new index. */
export function newIndexPath(folder: string): string {
  return join(folder, `index-v${VERSION}-${randomBytes(8).toString('hex')}.sqlite`)
}

/** Remove an index that another process may have open. If that fails it stays, which is harmless. */
export function removeIndex(path: string): void {
  for (const suffix of ['', ...SUFFIXES]) {
    try {
      rmSync(`${path}${suffix}`, { force: true })
    } catch {
      // Windows does not remove a file that another process has open.
    }
  }
}

/**
 * Return the reason why a folder cannot hold an index, if any: SQLite needs a local file system that is
 * writable.
 */
export function folderRefusal(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK)
  } catch (error) {
    return `the folder cannot be written (${systemReason(error)})`
  }
  const problem = folderProblem(folder, 'shared')
  if (problem !== undefined) return problem
  const network = networkKind(folder)
  return network === undefined ? undefined : `it is on a network file system (${network})`
}

/** Type numbers of statfs(2) of file systems that other machines may write to at the same time. */
const NETWORK: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xfe534d42: 'SMB',
  0xff534d42: 'CIFS',
  0x01021997: '9p',
  0x0bd00bd0: 'Lustre',
  0x47504653: 'GPFS',
  0x00c36400: 'Ceph',
  0x5346414f: 'AFS',
  0x6b414653: 'AFS',
  0x7461636f: 'OCFS2',
  0x01161970: 'GFS2',
  0x19830326: 'BeeGFS',
  0x786f4256: 'VirtualBox',
  0xaad7aaea: 'PanFS',
  0x65735546: 'FUSE',
}

function networkKind(folder: string): string | undefined {
  if (process.platform === 'win32') return /^\\\\(?![?.]\\)/.test(folder) ? 'a share' : undefined
  // The numbers are specific to Linux.
  if (process.platform !== 'linux') return undefined
  return NETWORK[Number(BigInt.asUintN(32, BigInt(statfsSync(folder).type)))]
}
