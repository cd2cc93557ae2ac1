/** Work folders on file systems with time stamps of different resolutions. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sparseFile } from './many.ts'

/** A folder to work in. */
export interface WorkFolder {
  /** Type of its file system. */
  readonly name: string
  readonly folder: string
  /** True if its time stamps are whole seconds, so that two writes within one cannot be distinguished. */
  readonly coarse: boolean
}

/** The available folders and the reasons why others are not. */
export interface WorkFolders {
  readonly folders: readonly WorkFolder[]
  readonly skipped: readonly string[]
}

/** Type numbers of statfs(2). */
const KINDS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
}

/** Bytes of the image of the third file system: space for some ten thousand small files. */
const IMAGE = 768 << 20

/**
 * Run work with a folder for temporary files, one in memory, and one on ext4 with inodes of 128 bytes, whose
 * time stamps are whole seconds. The last requires root and a loop device; if it is not available this is
 * reported. All are removed afterwards.
 */
export async function withWorkFolders<T>(work: (folders: WorkFolders) => Promise<T>): Promise<T> {
  return withFolder(async (base) => {
    const skipped: string[] = []
    const folders: WorkFolder[] = [{ name: kindOf(base), folder: base, coarse: false }]
    const mounted = join(base, 'mounted')
    return withMemory(async (memory: string | undefined) => {
      if (memory === undefined) skipped.push('a file system in memory: there is no /dev/shm')
      else folders.push({ name: kindOf(memory), folder: memory, coarse: false })
      const refusal = mountImage(join(base, 'image'), mounted)
      if (refusal === undefined) folders.push({ name: 'ext4-128', folder: mounted, coarse: true })
      else skipped.push(`ext4 with inodes of 128 bytes: ${refusal}`)
      // A mount that outlives the process would disturb other programs.
      return removing(
        () => unmount(mounted),
        () => work({ folders, skipped }),
      )
    })
  })
}

/**
 * Run work with a mounted folder, which requires root.
 *
 * @param args Arguments of `mount`, without the folder.
 * @returns The reason why it could not be mounted, if so; the work was not done then.
 */
export async function withMount(
  folder: string,
  args: readonly string[],
  work: () => Promise<void>,
): Promise<string | undefined> {
  mkdirSync(folder, { recursive: true })
  const { status, error, stderr } = spawnSync('mount', [...args, folder], { encoding: 'utf8' })
  if (status !== 0) return error?.message ?? stderr.trim()
  await removing(() => unmount(folder), work)
  return undefined
}

/** Run work with a folder for temporary files, removed afterwards. */
export async function withFolder<T>(
  work: (folder: string) => Promise<T>,
  parent: string = tmpdir(),
): Promise<T> {
  const folder = realpathSync(mkdtempSync(join(parent, 'lineaprint-soak-')))
  return removing(
    () => rmSync(folder, { recursive: true, force: true }),
    () => work(folder),
  )
}

async function withMemory<T>(work: (folder: string | undefined) => Promise<T>): Promise<T> {
  return existsSync('/dev/shm') ? withFolder(work, '/dev/shm') : work(undefined)
}

/** Clean up after the work, or when the process ends earlier. */
async function removing<T>(clean: () => void, work: () => Promise<T>): Promise<T> {
  // Clean up in reverse order.
  process.prependOnceListener('exit', clean)
  try {
    return await work()
  } finally {
    process.off('exit', clean)
    clean()
  }
}

function kindOf(folder: string): string {
  const { type } = statfsSync(folder)
  return KINDS[type] ?? `type 0x${type.toString(16)}`
}

/** Mount a new image; return the reason if it fails. */
function mountImage(image: string, folder: string): string | undefined {
  mkdirSync(folder)
  sparseFile(image, IMAGE)
  const steps = [
    ['mkfs.ext4', '-q', '-F', '-I', '128', '-i', '8192', image],
    ['mount', '-o', 'loop', image, folder],
  ]
  for (const [program = '', ...args] of steps) {
    const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    if (status !== 0) return `${program} failed: ${error?.message ?? stderr.trim()}`
  }
  return undefined
}

function unmount(folder: string): void {
  // A process that is still ending keeps it busy; a lazy unmount takes effect once it has ended.
  if (spawnSync('umount', [folder]).status !== 0) spawnSync('umount', ['-l', folder])
}
