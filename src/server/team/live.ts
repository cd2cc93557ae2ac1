/**
 * Running runs: their journal and logs grow on the server while they do. Each piece is on disk before it is answered, so
 * a client that asks where the file ends can always go on from there.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { parseRecord } from '../../record/seal.ts'
import { readRecord } from '../../store/read.ts'
import { RECORD_FILE, createRun, runFolder } from '../../store/store.ts'
import { forgetLost, noteLost } from '../../store/reported-lost.ts'
import { pathExists, storeError, syncFolder, syncHandle, writeAll } from '../../util/fs.ts'
import { OWNER_MODES } from '../../util/modes.ts'
import { SAFE } from '../../util/own-file.ts'
import type { RunId } from '../../core/run-id.ts'
import type { LiveBody } from '../../transfer/wire.ts'
import type { Announce } from './commit.ts'
import type { Project } from './project.ts'

/**
 * Start a run, by its first record.
 *
 * @param announce Called before a new run is made.
 * @returns The length of the record, which is there as a whole.
 * @throws ERR_LINEAPRINT_RECORD for a record of a run that is not running, ERR_LINEAPRINT_STATE if another run has
 * its id.
 */
export async function startLive(
  project: Project,
  id: RunId,
  bytes: Buffer,
  announce: Announce,
): Promise<LiveBody> {
  const record = parseRecord(bytes, RECORD_FILE)
  if (record.id !== id || record.seal !== null || record.status !== 'running')
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'this is not the first record of the run', {
      field: 'body',
      expected: `the record of the running run ${id}`,
      received: `one of ${JSON.stringify(record.id)}, ${record.status}`,
    })
  const { store } = project
  return project.changes.run(id, async () => {
    const folder = runFolder(store, id)
    if (await pathExists(folder, 'keep')) {
      const { recordBytes } = await readRecord(folder)
      if (Buffer.compare(recordBytes, bytes) !== 0)
        throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the project has another run of this id', {
          field: 'id',
          expected: 'the same first record',
          received: 'another record, or the run has ended',
          hint: 'send the run with "lineaprint push" once it has ended',
        })
      return { state: 'appended', size: bytes.length }
    }
    await announce('run.start')
    await createRun(store, record, OWNER_MODES)
    project.index.invalidate()
    return { state: 'appended', size: bytes.length }
  })
}

/**
 * Append a piece to a file of a running run.
 *
 * @param from Position of the first byte. Nothing is appended unless the file ends there.
 * @param limit Bytes of the longest file.
 * @throws ERR_LINEAPRINT_STATE if the run was not started or has ended, ERR_LINEAPRINT_RANGE if the file would be too long.
 */
export async function appendLive(
  { store, changes }: Project,
  id: RunId,
  name: string,
  from: number,
  bytes: Buffer,
  limit: number,
): Promise<LiveBody> {
  if (from + bytes.length > limit)
    throw new LineaprintError('ERR_LINEAPRINT_RANGE', 'the file is too long', {
      field: name,
      expected: `at most ${limit} bytes`,
      received: `${from + bytes.length} bytes`,
    })
  return changes.run(id, async () => {
    const folder = runFolder(store, id)
    await checkGoesOn(folder, id)
    const path = join(folder, name)
    const { O_CREAT, O_RDWR } = constants
    try {
      await using file = await open(path, O_CREAT | O_RDWR | SAFE, OWNER_MODES.file)
      const info = await file.stat()
      if (!info.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'NOT_REGULAR' })
      if (info.size !== from) return { state: 'elsewhere', size: info.size }
      // What was told to be lost goes on.
      await forgetLost(folder)
      await writeAll(file, bytes, from)
      await syncHandle(file, 'data')
      if (from === 0) await syncFolder(folder)
      return { state: 'appended', size: from + bytes.length }
    } catch (cause) {
      throw LineaprintError.is(cause) ? cause : storeError(path, 'it cannot be written', cause)
    }
  })
}

/** Note that the process of a run is gone, as its machine tells. @throws ERR_LINEAPRINT_STATE as {@link appendLive}. */
export async function loseLive({ store, index, changes }: Project, id: RunId): Promise<void> {
  await changes.run(id, async () => {
    const folder = runFolder(store, id)
    await checkGoesOn(folder, id)
    await noteLost(folder, OWNER_MODES)
    index.invalidate()
  })
}

async function checkGoesOn(folder: string, id: RunId): Promise<void> {
  if (!(await pathExists(folder, 'keep')))
    throw new LineaprintError('ERR_LINEAPRINT_STATE', `the run ${id} was not started here`, {
      field: 'id',
      expected: 'a run whose first record was sent',
      hint: `send ${RECORD_FILE} first`,
    })
  const { record } = await readRecord(folder, { quick: true })
  if (record.seal === null) return
  throw new LineaprintError('ERR_LINEAPRINT_STATE', `the run ${id} has ended`, {
    field: 'id',
    expected: 'a running run',
    received: 'one with a seal',
  })
}
