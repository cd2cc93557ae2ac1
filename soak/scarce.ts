/**
 * Save on a disk that fills up at any byte of the save, and with a limit on open files: the failure is
 * reported with a code and a path, acknowledged events are present, no temporary file is left, and the store
 * works once there is space again.
 *
 * The control is a program that treats every flush as a success, and must lose events.
 */
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withFolder, withMount } from './support/folders.ts'
import { Tally } from './support/round.ts'
import { failureOf } from './support/save-checks.ts'
import { saveUntraced, spreadOver } from './support/saves.ts'
import type { Outcome, RoundOptions } from './support/round.ts'
import type { SaveOptions } from './support/saves.ts'

/** Options of {@link scarceRound}. */
export interface ScarceOptions extends Omit<RoundOptions, 'seed'> {
  /** Maximum numbers of full disks and of limits on open files; they are spread from none to enough. */
  readonly saves: number
}

/** Upper bound of the pages of 4 KiB that a save needs. */
const PAGES = 48

/** Numbers of pages that suffice for the start, but not for the flushed events. */
const DEAF = [4, 5, 6, 7, 8, 9]

/**
 * Upper bound of the files that a save has open at once, threads of the runtime and of the addon included.
 */
const FILES = 16

/** Limit on open files of the program: it needs some 20 for itself. */
const LIMIT = 128

/** Run the round. */
export async function scarceRound({ saves, progress }: ScarceOptions): Promise<Outcome> {
  const tally = new Tally()
  const numbers = { 'full disks that were told': 0, 'too many open files that were told': 0 }
  const control = { tried: 0, caught: 0 }
  const skipped: string[] = []
  const upTo = (count: number): number[] => spreadOver([...Array(count).keys()], saves)
  await withFolder(async (base) => {
    const disk = join(base, 'disk')
    const refusal = await withMount(disk, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs'], async () => {
      for (const pages of upTo(PAGES)) {
        const { failure, reported } = await onFullDisk(disk, pages, {})
        if (reported) numbers['full disks that were told']++
        tally.count(failure && `${pages} pages left: ${failure}`)
      }
      progress(`${tally.failures}/${tally.rounds} full disks did harm`)
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
      const made = await saveUntraced({ ...options, control: `files=${files}`, descriptors: LIMIT })
      if (made.lines.some(({ error }) => error !== undefined)) numbers['too many open files that were told']++
      const failure = await failureOf(made, options)
      tally.count(failure && `${files} files can be opened: ${failure}`)
    }
  })
  return {
    name: 'scarce',
    promise: 'a full disk and too many open files are said, lose nothing and leave the store usable',
    ...tally.result,
    // Without a disk to fill, the control cannot run.
    controls:
      skipped.length > 0 ? [] : [{ what: 'program that takes every flush for a success', ...control }],
    numbers,
    skipped,
  }
}

/** Make one save with so many free pages; the store is checked once there is space again. */
async function onFullDisk(
  disk: string,
  pages: number,
  { control }: Pick<SaveOptions, 'control'>,
): Promise<{ failure: string | undefined; reported: boolean }> {
  const folder = join(disk, 'store')
  const ballast = join(disk, 'ballast')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail - pages) * bsize))
  const options: SaveOptions = { folder, id: 'run', ...(control !== undefined && { control }) }
  const made = await saveUntraced(options)
  rmSync(ballast)
  const failure = await failureOf(made, options)
  return { failure, reported: made.lines.some(({ error }) => error !== undefined) }
}
