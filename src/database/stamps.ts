/** Stamps of records: they tell whether a record changed since it was read, without reading it. */
import { lstatSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { BigIntStats } from 'node:fs'

/** The stamp of a file. */
export interface Stamp {
  readonly stamp: string
  /** Milliseconds since 1970, by the clock of the file system. */
  readonly changedAt: number
}

/**
 * Milliseconds that a record must be unchanged before its stamp is trusted: some file systems store times in
 * whole seconds, or in two, and would hide a change within one step.
 */
export const REST = 3000

/** Milliseconds after which other work of the event loop gets its turn. */
const SLICE = 5

/** Milliseconds of one stat from which on the file system is slow, as over a network. */
const SLOW = 1

/**
 * Reads the stamps of many files. A stat from this thread takes less time than one through a promise, and blocks the event
 * loop: it stops for other work, and on a slow file system the stats go through promises.
 */
export class StampReader {
  #isSlow = false
  #sliceStart = 0

  /** Return the stamp of a file; `undefined` if it has none. */
  async read(path: string): Promise<Stamp | undefined> {
    if (this.#isSlow) return stampOf(path)
    const from = performance.now()
    if (from - this.#sliceStart > SLICE) {
      await setImmediate()
      this.#sliceStart = performance.now()
    }
    const before = performance.now()
    const info = statIfPresent(path)
    this.#isSlow = performance.now() - before > SLOW
    return info && stampFrom(info)
  }
}

function statIfPresent(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    // Reading the record reports the problem.
    return undefined
  }
}

/** Return the stamp of a file; `undefined` if it has none. */
export async function stampOf(path: string): Promise<Stamp | undefined> {
  try {
    return stampFrom(await stat(path, { bigint: true }))
  } catch {
    // Reading the record reports the problem.
    return undefined
  }
}

/**
 * Return the stamp of a folder, which changes when an entry of it is added, removed or renamed; `undefined` for a
 * folder that changed a moment ago.
 */
export function folderStamp(folder: string): string | undefined {
  const info = lstatSync(folder, { bigint: true, throwIfNoEntry: false })
  if (info === undefined) return undefined
  const { stamp, changedAt } = stampFrom(info)
  return Date.now() - changedAt > REST ? `${info.dev} ${info.birthtimeNs} ${stamp}` : undefined
}

/** The stamp changes with the file: each version of a record is a new file, renamed over the old one. */
function stampFrom({ ino, size, mtimeNs, ctimeNs }: BigIntStats): Stamp {
  const changedAt = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n)
  return { stamp: `${ino} ${size} ${mtimeNs} ${ctimeNs}`, changedAt }
}
