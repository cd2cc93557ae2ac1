/**
 * Paths of catalogs. Each file name is used once: SQLite finds the log of a database by its file name, so a
 * new file of an old name could get the log of another.
 */
import { randomBytes } from 'node:crypto'
import { accessSync, constants, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { systemReason } from '../../util/fs.ts'

/**
 * The version of the catalog's content; part of the name, so that two versions do not replace each other's
 * files.
 */
const VERSION = 1

const NAME = new RegExp(`^index-v${VERSION}-[0-9a-f]{16}\\.sqlite$`)

/**
 * Return the paths of the catalogs in a folder. All but the first were created concurrently and are surplus.
 */
export function catalogsIn(folder: string): string[] {
  // A link could lead to a foreign database.
  const files = readdirSync(folder, { withFileTypes: true }).filter((file) => file.isFile())
  const names = files.map(({ name }) => name).filter((name) => NAME.test(name))
  return names.toSorted().map((name) => join(folder, name))
}

/** Return the path of a new catalog. */
export function newCatalogPath(folder: string): string {
  return join(folder, `index-v${VERSION}-${randomBytes(8).toString('hex')}.sqlite`)
}

/** Remove a catalog that another process may have open. If that fails it stays, which is harmless. */
export function removeCatalog(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    try {
      rmSync(`${path}${suffix}`, { force: true })
    } catch {
      // Windows does not remove a file that another process has open.
    }
  }
}

/**
 * Return the reason why a folder cannot hold a catalog, if any: SQLite needs a local file system that is
 * writable.
 */
export function folderRefusal(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK)
  } catch (error) {
    return `the folder cannot be written (${systemReason(error)})`
  }
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
