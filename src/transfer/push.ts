/** Sending a run to the server of a team, with what it kept. */
import { constants } from 'node:fs'
import { lstat, open, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown } from '../core/options.ts'
import { hashFile, hashFiles } from '../hash/file.ts'
import { PART_SIZE, listPath, piecePath, piecesOf } from '../store/objects/layout.ts'
import { checkRun } from '../store/read.ts'
import { RECORD_FILE, storeOf } from '../store/store.ts'
import { SAFE } from '../util/own-file.ts'
import { keptContents } from './arrived.ts'
import { filesOfRun } from './files-of-run.ts'
import { withRetries } from './retry.ts'
import { OBJECT_LIMIT, checkRunPaths, isLiveFile, objectName } from './wire.ts'
import type { JobOptions } from '../core/options.ts'
import type { StoredRun } from '../store/read.ts'
import type { TransferClient } from './client.ts'
import type { CommitBody, ObjectName, RunFile } from './wire.ts'

/** Options of {@link pushRun}. */
export type PushOptions = Pick<JobOptions, 'signal' | 'onProgress'>

/** The result of a push. */
export interface PushReport {
  readonly id: string
  /** `unchanged`: the server had the run before. `lost`: the run never ended, and the server has its journal and logs. */
  readonly state: 'pushed' | 'unchanged' | 'lost'
  /** Contents that were sent, and their bytes. */
  readonly sent: number
  readonly bytes: number
  /** Kept contents that neither this store nor the server has, as written digests. */
  readonly missingObjects: readonly string[]
  /** Paths in the folder of the run that its record does not list. They are not sent. */
  readonly unlisted: readonly string[]
}

/** Rounds in which missing contents are sent. Another push can take some of them. */
const ROUNDS = 5

/** Bytes of a piece of a file that grew. */
const PIECE = 1 << 20

/** Counts what is sent. */
interface Tally {
  sent: number
  bytes: number
}

/**
 * Send a run that has ended to a server, unless the server has it. The server checks its seal and all digests before it
 * appears there. A push that broke off continues where it ended. Of a run whose process is gone, the server gets what is
 * there, and shows it as lost.
 *
 * @throws ERR_LINEAPRINT_STATE if the run goes on, or if the server has another run of its id; ERR_LINEAPRINT_RECORD
 * if it is not as it was sealed; and the errors of the client.
 */
export async function pushRun(
  client: TransferClient,
  run: StoredRun,
  options: PushOptions = {},
): Promise<PushReport> {
  checkRun(run)
  checkKnown(options, ['signal', 'onProgress'])
  const { signal } = options
  const { id, folder, record, status } = run
  if (record.seal === null && status === 'lost') return pushLost(client, run, options)
  if (record.seal === null)
    throw new LineaprintError('ERR_LINEAPRINT_STATE', `the run ${id} has no seal`, {
      path: folder,
      expected: 'a run that has ended',
      received: `one that is ${status}`,
      hint: 'a running run is sent live by the option "server" of the tracker',
    })
  const { files, unlisted } = await listFiles(run, options)
  const tally: Tally = { sent: 0, bytes: 0 }
  await sendObjects(client, run, tally, signal)
  const committed = await sendFiles(client, run, files, tally, signal)
  return {
    id,
    state: committed.state === 'unchanged' ? 'unchanged' : 'pushed',
    ...tally,
    missingObjects: committed.missingObjects,
    unlisted,
  }
}

/** Send the first record, the journal and the logs of a run that never ended, from where the server has them. */
async function pushLost(
  client: TransferClient,
  run: StoredRun,
  { signal }: PushOptions,
): Promise<PushReport> {
  const { id, folder } = run
  const tally: Tally = { sent: 0, bytes: 0 }
  await sendObjects(client, run, tally, signal)
  const names = (await readdir(folder)).filter((name) => isLiveFile(name) && name !== RECORD_FILE)
  const record = new Uint8Array(await readFile(join(folder, RECORD_FILE)))
  await withRetries(async () => client.live(id, RECORD_FILE, 0, record, { signal }), signal)
  for (const name of names.toSorted()) await sendRest(client, run, name, tally, signal)
  const { files } = await withRetries(async () => client.files(id, { signal }), signal)
  const present = new Map(files.map((file) => [file.path, file.blake3]))
  for (const name of names) {
    const { digest } = await hashFile(join(folder, name), { signal })
    if (present.get(name) !== digest.hex) throw otherFile(client, id, name, digest.hex, present.get(name))
  }
  await withRetries(async () => client.reportLost(id, { signal }), signal)
  return { id, state: 'lost', ...tally, missingObjects: [], unlisted: [] }
}

/** Send a file that grew from the end of its copy on. */
async function sendRest(
  client: TransferClient,
  { id, folder }: StoredRun,
  name: string,
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using file = await open(join(folder, name), constants.O_RDONLY | SAFE)
  const { size } = await file.stat()
  const put = async (from: number, bytes: Uint8Array<ArrayBuffer>): Promise<number> =>
    (await withRetries(async () => client.live(id, name, from, bytes, { signal }), signal)).size
  // Nothing is appended to a file that is longer; the answer tells where it ends.
  const begin = await put(0, new Uint8Array())
  for (let from = begin; from < size;) {
    const bytes = new Uint8Array(Math.min(PIECE, size - from))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
    const end = await put(from, bytes.slice(0, bytesRead))
    if (end <= from) throw otherFile(client, id, name, `${from + bytesRead} bytes`, `${end} bytes`)
    from = end
  }
  if (begin >= size) return
  tally.sent++
  tally.bytes += size - begin
}

function otherFile(
  { url }: TransferClient,
  id: string,
  name: string,
  expected: string,
  received: string | undefined,
): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_STATE', `the server has another ${name} of the run ${id}`, {
    path: url,
    field: name,
    expected,
    received: received ?? 'none',
    hint: 'an admin can delete the one on the server',
  })
}

/** List the files of a run with their digests, and what is not sent. */
async function listFiles(
  run: StoredRun,
  options: PushOptions,
): Promise<{ readonly files: readonly RunFile[]; readonly unlisted: readonly string[] }> {
  const { id, folder, record } = run
  const { paths, unlisted } = await filesOfRun(run)
  const link = record.files.find((file) => 'link' in file)
  if (link !== undefined)
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `the run ${id} cannot be sent`, {
      path: join(folder, link.path),
      expected: 'a regular file',
      received: 'a link',
    })
  const hashes = await hashFiles(
    paths.map((path) => join(folder, path)),
    options,
  )
  const files = paths.map((path, index) => {
    const hash = hashes[index]
    if (hash === undefined || hash instanceof LineaprintError)
      throw hash ?? new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path })
    return { path, bytes: hash.size, blake3: hash.digest.hex }
  })
  checkRunPaths(files)
  return { files, unlisted }
}

/** Send the objects that the run names and the server does not have. One that this store lacks is left out. */
async function sendObjects(
  client: TransferClient,
  { folder, record }: StoredRun,
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const store = storeOf(folder)
  const objects = new Map<string, { readonly name: ObjectName; readonly path: string }>()
  for (const content of keptContents(record)) {
    const pieces = await piecesOf(store, content)
    for (const piece of pieces ?? []) {
      const name = { ...piece, isList: false }
      objects.set(objectName(name), { name, path: piecePath(store, piece) })
    }
    // After its parts.
    if (pieces === undefined || content.size <= PART_SIZE) continue
    const list = { ...content, isList: true }
    objects.set(objectName(list), { name: list, path: listPath(store, content) })
  }
  const names = [...objects.keys()]
  for (let start = 0; start < names.length; start += OBJECT_LIMIT) {
    const batch = names.slice(start, start + OBJECT_LIMIT)
    const { missing } = await withRetries(async () => client.missingObjects(batch, { signal }), signal)
    const wanted = new Set(missing)
    for (const text of batch) {
      const object = wanted.has(text) ? objects.get(text) : undefined
      if (object === undefined) continue
      signal?.throwIfAborted()
      await withRetries(async () => client.sendObject(object.name, object.path, { signal }), signal)
      tally.sent++
      tally.bytes += (await lstat(object.path)).size
    }
  }
}

/** Send the files that the server asks for, until it takes the run. */
async function sendFiles(
  client: TransferClient,
  { id, folder }: StoredRun,
  files: readonly RunFile[],
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<Exclude<CommitBody, { state: 'missing' }>> {
  const byDigest = new Map(files.map((file) => [file.blake3, file]))
  for (let round = 0; ; round++) {
    const answer = await withRetries(async () => client.commit(id, files, { signal }), signal)
    if (answer.state !== 'missing') return answer
    const wanted = answer.blobs.flatMap((hex) => byDigest.get(hex) ?? [])
    if (round === ROUNDS || wanted.length === 0)
      throw new LineaprintError(
        'ERR_LINEAPRINT_SERVICE',
        `the server does not keep what it is sent of ${id}`,
        {
          path: client.url,
          expected: 'contents to be there after they were sent',
          received: `${answer.blobs.length} missing`,
        },
      )
    for (const { path, bytes, blake3 } of wanted) {
      signal?.throwIfAborted()
      await withRetries(async () => client.sendBlob(blake3, join(folder, path), { signal }), signal)
      tally.sent++
      tally.bytes += bytes
    }
  }
}
