/**
 * Where a catalog lies. Its file has a name that is used once: SQLite finds the log of a database by the name of its
 * file, so that a new file of an old name could be given the log of another.
 */
import { randomBytes } from 'node:crypto'
import { accessSync, constants, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { systemReason } from '../../util/fs.ts'

/** The version of what stands in a catalog; part of the name, so that two versions do not fight over one file. */
const VERSION = 1

const NAME = new RegExp(`^index-v${VERSION}-[0-9a-f]{16}\\.sqlite$`)

/** Paths of the catalogs in a folder; all but the first were made at the same moment and are too many. */
export function catalogsIn(folder: string): string[] {
  // A link could lead to a database that is none of ours.
  const files = readdirSync(folder, { withFileTypes: true }).filter((file) => file.isFile())
  const names = files.map(({ name }) => name).filter((name) => NAME.test(name))
  return names.toSorted().map((name) => join(folder, name))
}

/** The path of a new catalog. */
export function newCatalogPath(folder: string): string {
  return join(folder, `index-v${VERSION}-${randomBytes(8).toString('hex')}.sqlite`)
}

/** Removes a catalog, which somebody else may have open. What cannot be removed stays; it is only in the way. */
export function removeCatalog(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    try {
      rmSync(`${path}${suffix}`, { force: true })
    } catch {
      // On Windows nobody can remove what another has open.
    }
  }
}

/** Why a folder can hold no catalog, if so: SQLite needs a file system of this machine that it can write to. */
export function placeRefusal(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK)
  } catch (error) {
    return `the folder cannot be written (${systemReason(error)})`
  }
  const network = networkKind(folder)
  return network === undefined ? undefined : `it lies on a network file system (${network})`
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
  // The numbers are those of Linux; elsewhere they mean nothing.
  if (process.platform !== 'linux') return undefined
  return NETWORK[Number(BigInt.asUintN(32, BigInt(statfsSync(folder).type)))]
}
