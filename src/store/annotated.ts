/**
 * The list of the runs that were annotated, in the order in which they were: an index learns from it which runs to read
 * again, without looking at all of them. A run is in it once for each annotation.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isMissing, storeError } from '../util/fs.ts'
import { modesIn } from '../util/modes.ts'
import { SAFE, readUnlinked } from '../util/own-file.ts'

/** Name of the list, in the folder of the runs. */
const ANNOTATED_FILE = '.annotated'

/** Bytes of a list that is read: half a million annotations. */
const LIMIT = 1 << 24

/** The part of the list that an index has read. */
export interface Annotated {
  /** Ids of the runs that were annotated since then; `undefined` if that cannot be known. */
  readonly ids: readonly string[] | undefined
  /** To be given the next time. */
  readonly state: string
}

/**
 * Add a run to the list.
 *
 * @param folder The folder of the run, which has its annotation already: who reads the list finds it.
 * @throws ERR_LINEAPRINT_STORE if it cannot be written.
 */
export async function addAnnotated(folder: string): Promise<void> {
  const path = join(dirname(folder), ANNOTATED_FILE)
  const { O_APPEND, O_CREAT, O_WRONLY } = constants
  try {
    const file = await open(path, O_APPEND | O_CREAT | O_WRONLY | SAFE, modesIn(folder).file)
    try {
      // One write, so that lines of several writers do not mix.
      await file.appendFile(`${basename(folder)}\n`)
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw storeError(path, 'the annotation was written, but lists may show it late', cause)
  }
}

/**
 * Return the runs that were annotated since an earlier call.
 *
 * @param runs The folder of the runs.
 * @param state That of the earlier call; `undefined` before the first.
 */
export async function annotatedSince(runs: string, state: string | undefined): Promise<Annotated> {
  const path = join(runs, ANNOTATED_FILE)
  let text: string
  try {
    text = (await readUnlinked(path, LIMIT)).toString('latin1')
  } catch (error) {
    const isEmpty = isMissing(error)
    return { ids: isEmpty && (state === undefined || state === EMPTY) ? [] : undefined, state: EMPTY }
  }
  // A line that is being written counts the next time.
  const length = text.lastIndexOf('\n') + 1
  const before = state === undefined || state === EMPTY ? 0 : Number(state)
  const isLonger =
    Number.isSafeInteger(before) && before <= length && (before === 0 || text[before - 1] === '\n')
  const ids = isLonger ? text.slice(before, length).split('\n').filter(Boolean) : undefined
  return { ids, state: String(length) }
}

const EMPTY = 'none'
