/** Folders on file systems that keep time in different ways. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sparseFile } from './many.ts'

/** A folder to work in. */
export interface Place {
  /** What file system it is on. */
  readonly name: string
  readonly folder: string
  /** Whether its times are whole seconds, so that two writes within one cannot be told apart. */
  readonly coarse: boolean
}

/** Some places and what stood in the way of others. */
export interface Places {
  readonly places: readonly Place[]
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

/** The bytes of the image for the third place: room for some ten thousand small files. */
const IMAGE = 768 << 20

/**
 * Works in a folder for temporary files, in one in memory, and in one on ext4 with inodes of 128 bytes, which has no
 * room for parts of seconds. The last takes root and a loop device; where it cannot be had this is told. All are
 * removed afterwards.
 */
export async function withPlaces<T>(work: (places: Places) => Promise<T>): Promise<T> {
  return withFolder(async (base) => {
    const skipped: string[] = []
    const places: Place[] = [{ name: kindOf(base), folder: base, coarse: false }]
    const mounted = join(base, 'mounted')
    return withMemory(async (memory: string | undefined) => {
      if (memory === undefined) skipped.push('a file system in memory: there is no /dev/shm')
      else places.push({ name: kindOf(memory), folder: memory, coarse: false })
      const refusal = mountImage(join(base, 'image'), mounted)
      if (refusal === undefined) places.push({ name: 'ext4-128', folder: mounted, coarse: true })
      else skipped.push(`ext4 with inodes of 128 bytes: ${refusal}`)
      // A mount that outlives the process would be in the way of everybody.
      return removing(
        () => unmount(mounted),
        () => work({ places, skipped }),
      )
    })
  })
}

/**
 * Works in a folder that something is mounted on, which takes root.
 *
 * @param args Of `mount`, without the folder.
 * @returns Why it could not be mounted, if so; nothing was done then.
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

/** A folder for temporary files, removed afterwards. */
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

/** Cleans up after the work, or when the process ends before. */
async function removing<T>(clean: () => void, work: () => Promise<T>): Promise<T> {
  // The last thing made goes first.
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

/** Returns why it did not work, if it did not. */
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
  // A process that is still ending keeps it busy; then it goes once that has ended.
  if (spawnSync('umount', [folder]).status !== 0) spawnSync('umount', ['-l', folder])
}
