/**
 * Save on a disk that has no room left, from the first byte to the last, and with no more files to open: the failure is
 * said with a code and a path, what was acknowledged is there, no temporary file is left, and the store works once
 * there is room again.
 *
 * Beside it runs a program that takes every flush for a success, and must lose events.
 */
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withFolder, withMount } from './support/places.ts'
import { Tally } from './support/round.ts'
import { failureOf } from './support/save-checks.ts'
import { plainSave, spreadOver } from './support/saves.ts'
import type { Outcome, RoundOptions } from './support/round.ts'
import type { SaveOptions } from './support/saves.ts'

/** Options of {@link scarceRound}. */
export interface ScarceOptions extends Omit<RoundOptions, 'seed'> {
  /** Full disks, and limits on open files, at most; they are spread from none to enough. */
  readonly saves: number
}

/** Pages of 4 KiB that a save needs are fewer than these. */
const PAGES = 48

/** Pages that are enough for the start and too few for what is flushed. */
const DEAF = [4, 5, 6, 7, 8, 9]

/** Files that it needs to have open at once, threads of the runtime and of the addon included, are fewer. */
const FILES = 16

/** What the program may have open at all: it needs some 20 for itself. */
const LIMIT = 128

/** The round. */
export async function scarceRound({ saves, say }: ScarceOptions): Promise<Outcome> {
  const tally = new Tally()
  const numbers = { 'full disks that were told': 0, 'too many open files that were told': 0 }
  const control = { tried: 0, caught: 0 }
  const skipped: string[] = []
  const upTo = (count: number): number[] => spreadOver([...Array(count).keys()], saves)
  await withFolder(async (base) => {
    const disk = join(base, 'disk')
    const refusal = await withMount(disk, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs'], async () => {
      for (const pages of upTo(PAGES)) {
        const { failure, told } = await onFullDisk(disk, pages, {})
        if (told) numbers['full disks that were told']++
        tally.count(failure && `${pages} pages left: ${failure}`)
      }
      say(`${tally.failures}/${tally.rounds} full disks did harm`)
      for (const pages of DEAF) {
        const { failure } = await onFullDisk(disk, pages, { control: 'deaf' })
        control.tried++
        if (failure !== undefined) control.caught++
        if (control.caught > 0 && saves < PAGES) break
      }
    })
    if (refusal !== undefined) skipped.push(`a full disk: ${refusal}`)

    for (const files of upTo(FILES)) {
      const options: SaveOptions = { folder: join(base, `files-${files}`), id: 'run' }
      const made = await plainSave({ ...options, control: `files=${files}`, descriptors: LIMIT })
      if (made.lines.some(({ error }) => error !== undefined)) numbers['too many open files that were told']++
      const failure = await failureOf(made, options)
      tally.count(failure && `${files} files can be opened: ${failure}`)
    }
  })
  return {
    name: 'scarce',
    promise: 'a full disk and too many open files are said, lose nothing and leave the store usable',
    ...tally.result,
    // Without a disk to fill there is nothing to be deaf to.
    controls:
      skipped.length > 0 ? [] : [{ what: 'program that takes every flush for a success', ...control }],
    numbers,
    skipped,
  }
}

/** One save with so many pages left; what is said of the store is said once there is room again. */
async function onFullDisk(
  disk: string,
  pages: number,
  { control }: Pick<SaveOptions, 'control'>,
): Promise<{ failure: string | undefined; told: boolean }> {
  const folder = join(disk, 'store')
  const ballast = join(disk, 'ballast')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail - pages) * bsize))
  const options: SaveOptions = { folder, id: 'run', ...(control !== undefined && { control }) }
  const made = await plainSave(options)
  rmSync(ballast)
  const failure = await failureOf(made, options)
  return { failure, told: made.lines.some(({ error }) => error !== undefined) }
}
