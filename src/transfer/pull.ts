/** Taking a run from the server of a team into a store: everything is checked again before it shows. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown } from '../core/options.ts'
import { checkRunId } from '../core/run-id.ts'
import { hashFile } from '../hash/file.ts'
import { isAnnotationPath } from '../store/annotations.ts'
import { addAnnotated } from '../store/annotated.ts'
import { PART_SIZE, hasPiece, parseParts, piecesOf, writtenOf } from '../store/objects/layout.ts'
import { withWriterLease } from '../store/objects/lease.ts'
import { receiveList, receivePiece, wrongDigest, writeArriving } from '../store/objects/receive.ts'
import { hiddenFolder } from '../store/remove-folder.ts'
import { RECORD_FILE, checkStore, createStore, runFolder } from '../store/store.ts'
import { makeFolders, pathExists, storeError, syncFolder, syncHandle } from '../util/fs.ts'
import { OWNER_MODES, modesIn } from '../util/modes.ts'
import { checkArrived, keptContents } from './arrived.ts'
import { passing } from './answer.ts'
import { withRetries } from './retry.ts'
import { checkRunPaths } from './wire.ts'
import type { JobOptions } from '../core/options.ts'
import type { RunId } from '../core/run-id.ts'
import type { RunRecord } from '../record/record.ts'
import type { ObjectContent } from '../store/objects/layout.ts'
import type { Store } from '../store/store.ts'
import type { TransferClient } from './client.ts'
import type { RunFile } from './wire.ts'

/** Options of {@link pullRun}. */
export interface PullOptions extends Pick<JobOptions, 'signal'> {
  /** True if kept files are taken as well. @default true */
  readonly objects?: boolean | undefined
}

/** The result of a pull. */
export interface PullReport {
  readonly id: string
  /** `unchanged`: the store had the run before. */
  readonly state: 'pulled' | 'unchanged'
  /** Contents that were taken, and their bytes. */
  readonly taken: number
  readonly bytes: number
  /** Kept contents that neither the server nor this store has, as written digests. */
  readonly missingObjects: readonly string[]
}

interface Tally {
  taken: number
  bytes: number
}

/** Bytes of a list of parts. */
const LIST_LIMIT = 65 << 20

/**
 * Copy a run from a server into a store, unless the store has it. Its seal and all digests are checked before it appears in
 * the store.
 *
 * @param id Id of the run on the server.
 * @throws ERR_LINEAPRINT_RECORD if the run is not as it was sealed, ERR_LINEAPRINT_STATE if the store has another run of its
 * id, and the errors of the client.
 */
export async function pullRun(
  client: TransferClient,
  store: Store,
  id: string,
  options: PullOptions = {},
): Promise<PullReport> {
  checkStore(store)
  checkKnown(options, ['signal', 'objects'])
  const { signal, objects = true } = options
  const own = checkRunId(id)
  const { files } = await withRetries(async () => client.files(own, { signal }), signal)
  checkRunPaths(files)
  const tally: Tally = { taken: 0, bytes: 0 }
  const target = runFolder(store, own)
  if (await pathExists(target, 'keep')) {
    await addAnnotations(client, target, own, files, tally, signal)
    return { id, state: 'unchanged', ...tally, missingObjects: [] }
  }
  await createStore(store, OWNER_MODES)
  const folder = hiddenFolder(store.runs, own)
  try {
    await mkdir(folder, { mode: modesIn(store.runs).folder })
    for (const file of files) await takeFile(client, own, file, folder, tally, signal)
    const { record } = await checkArrived(folder, own, signal)
    const missingObjects = await withWriterLease(
      store,
      async () => {
        const missing = objects ? await takeObjects(client, store, record, tally, signal) : []
        for (const path of new Set(files.map((file) => dirname(join(folder, file.path)))))
          await syncFolder(path)
        await syncFolder(folder)
        await rename(folder, target)
        await syncFolder(store.runs)
        return missing
      },
      { signal },
    )
    return { id, state: 'pulled', ...tally, missingObjects }
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause instanceof Error && 'syscall' in cause
      ? storeError(target, 'the run cannot be taken', cause)
      : cause
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Take a file, checked and durable. */
async function takeFile(
  client: TransferClient,
  id: RunId,
  { path, bytes, blake3 }: RunFile,
  folder: string,
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = join(folder, path)
  const { folder: mode, file: fileMode } = modesIn(folder)
  await makeFolders(dirname(target), mode)
  await withRetries(async () => {
    const body = await client.file(id, path, { signal })
    const { digest } = await writeArriving(target, reading(body, client), {
      algorithm: 'blake3',
      limit: bytes,
    })
    if (digest === `blake3:${blake3}`) return
    await rm(target, { force: true })
    throw wrongDigest(`blake3:${blake3}`, digest)
  }, signal)
  await using file = await open(target, 'r+')
  await file.chmod(fileMode)
  await syncHandle(file)
  tally.taken++
  tally.bytes += bytes
}

/** Read a body; an end in the middle of it can be tried again. */
async function* reading(
  body: ReadableStream<Uint8Array>,
  client: TransferClient,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (cause) {
    throw passing('the answer was cut off', { path: client.url, cause })
  }
}

/** Take the kept contents that the store does not have. Returns those that the server does not have either. */
async function takeObjects(
  client: TransferClient,
  store: Store,
  record: RunRecord,
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const missing: string[] = []
  for (const content of keptContents(record)) {
    if ((await piecesOf(store, content)) !== undefined) continue
    try {
      await takeObject(client, store, content, signal)
      tally.taken++
      tally.bytes += content.size
    } catch (error) {
      if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_NOT_FOUND') throw error
      missing.push(writtenOf(content))
    }
  }
  return missing
}

async function takeObject(
  client: TransferClient,
  store: Store,
  content: ObjectContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const take = async (piece: ObjectContent): Promise<void> => {
    signal?.throwIfAborted()
    if (await hasPiece(store, piece)) return
    await withRetries(async () => {
      const body = await client.object({ ...piece, isList: false }, { signal })
      await receivePiece(store, piece, reading(body, client))
    }, signal)
  }
  if (content.size <= PART_SIZE) return take(content)
  const text = await withRetries(async () => {
    const body = await client.object({ ...content, isList: true }, { signal })
    return listText(reading(body, client))
  }, signal)
  const parts = parseParts(text, content)
  if (parts === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the server has a damaged list of parts', {
      path: client.url,
      received: writtenOf(content),
    })
  for (const part of parts) await take(part)
  await receiveList(store, content, text, signal)
}

async function listText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > LIST_LIMIT)
      throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the list of parts is too long', {
        expected: `at most ${LIST_LIMIT} bytes`,
      })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('latin1')
}

/** Take the annotations of a run that is there. */
async function addAnnotations(
  client: TransferClient,
  target: string,
  id: RunId,
  files: readonly RunFile[],
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = join(target, RECORD_FILE)
  const { digest } = await hashFile(path, { signal })
  const record = files.find((file) => file.path === RECORD_FILE)
  if (record?.blake3 !== digest.hex)
    throw new LineaprintError('ERR_LINEAPRINT_STATE', `the store has another run with the id ${id}`, {
      path,
      expected: `blake3:${record?.blake3 ?? ''}`,
      received: digest.toString(),
      hint: 'remove the one in the store, or take the run into another store',
    })
  const taken = tally.taken
  for (const file of files)
    if (isAnnotationPath(file.path) && !(await pathExists(join(target, file.path), 'keep')))
      await takeFile(client, id, file, target, tally, signal)
  if (tally.taken > taken) await addAnnotated(target)
}
