/** Sending a run to the server of a team, with what it kept. */
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown } from '../core/options.ts'
import { hashFiles } from '../hash/file.ts'
import { PART_SIZE, listPath, piecePath, piecesOf } from '../store/objects/layout.ts'
import { checkRun } from '../store/read.ts'
import { storeOf } from '../store/store.ts'
import { keptContents } from './arrived.ts'
import { filesOfRun } from './files-of-run.ts'
import { withRetries } from './retry.ts'
import { OBJECT_LIMIT, checkRunPaths, objectName } from './wire.ts'
import type { JobOptions } from '../core/options.ts'
import type { StoredRun } from '../store/read.ts'
import type { TransferClient } from './client.ts'
import type { CommitBody, ObjectName, RunFile } from './wire.ts'

/** Options of {@link pushRun}. */
export type PushOptions = Pick<JobOptions, 'signal' | 'onProgress'>

/** The result of a push. */
export interface PushReport {
  readonly id: string
  /** `unchanged`: the server had the run before. */
  readonly state: 'pushed' | 'unchanged'
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

/** Counts what is sent. */
interface Tally {
  sent: number
  bytes: number
}

/**
 * Send a run that has ended to a server, unless the server has it. The server checks its seal and all digests before it
 * appears there. A push that broke off continues where it ended.
 *
 * @throws ERR_LINEAPRINT_STATE if the run has no seal, or if the server has another run of its id; ERR_LINEAPRINT_RECORD
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
