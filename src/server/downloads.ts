/**
 * Files of runs for the disk of the user: logs, and what a run kept. A browser saves a file without the header by which it
 * is signed in, so each download has an address of its own, which is good once and for a minute.
 */
import { LineaprintError } from '../core/errors.ts'
import { randomHex } from '../core/random.ts'
import { safeFileName } from '../core/run-id.ts'
import { keptCopyOf } from '../record/overwritten.ts'
import { contentOf } from '../store/objects/layout.ts'
import { openObject } from '../store/objects/read.ts'
import { storeOf } from '../store/store.ts'
import { Refusal } from './errors.ts'
import { openLog } from './files.ts'
import type { TrackedSection } from '../record/record.ts'
import type { StoredRun } from '../store/read.ts'

/** A file that is sent. */
export interface SentFile {
  readonly name: string
  readonly size: number
  readonly blocks: (signal: AbortSignal) => AsyncIterable<Uint8Array>
}

/** A log, or a file of what a run kept. */
export type DownloadRequest =
  | { readonly kind: 'log'; readonly name: string }
  | {
      readonly kind: 'kept'
      readonly section: TrackedSection
      readonly name: string
      /** Path below a folder; empty for a file. */
      readonly path: string
    }

/** Downloads that wait to be fetched. */
const LIMIT = 1000

/** Milliseconds for which an address is good. */
const GOOD_MS = 60_000

/** The downloads of one server. */
export class Downloads {
  readonly #waiting = new Map<string, { readonly file: SentFile; readonly until: number }>()

  /** Return the name of a download, for one fetch. */
  add(file: SentFile): string {
    const time = performance.now()
    for (const [name, { until }] of this.#waiting)
      if (until < time || this.#waiting.size >= LIMIT) this.#waiting.delete(name)
    const name = randomHex(32)
    this.#waiting.set(name, { file, until: time + GOOD_MS })
    return name
  }

  /** Return a file that was asked for. @throws Refusal if its address was used, or is too old. */
  take(name: string): SentFile {
    const waiting = this.#waiting.get(name)
    this.#waiting.delete(name)
    if (waiting !== undefined && waiting.until >= performance.now()) return waiting.file
    throw new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', 'this download was fetched, or is too old', {
      do: 'press the button again',
    })
  }
}

/**
 * Open a file of a run. The digest of a kept file is checked first.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND if the run has no such file, ERR_LINEAPRINT_CHANGED if it is damaged.
 */
export async function openDownload(
  run: StoredRun,
  wanted: DownloadRequest,
  signal: AbortSignal,
): Promise<SentFile> {
  if (wanted.kind === 'log') {
    const { size, blocks } = await openLog(run, wanted.name)
    return { name: `${run.id}-${safeFileName(wanted.name.replaceAll('/', '-'))}`, size, blocks }
  }
  const { section, name, path } = wanted
  const { record, folder } = run
  const entry = Object.hasOwn(record[section], name) ? record[section][name] : undefined
  const copy = entry === undefined ? undefined : keptCopyOf(section, name, entry)
  const file = copy?.status === 'kept' ? copy.files.find((other) => other.path === path) : undefined
  const content = file === undefined ? undefined : contentOf(file.digests, file.size)
  if (content === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the run kept no such file', {
      path: folder,
      field: `${section}.${name.slice(0, 200)}`,
      received: JSON.stringify(path.slice(0, 200)),
      hint: copy?.status === 'failed' ? copy.reason : 'a run keeps its outputs with --keep',
    })
  }
  const store = storeOf(folder)
  const object = await openObject(store, content, signal)
  const written = entry !== undefined && 'path' in entry && typeof entry.path === 'string' ? entry.path : name
  const last = (path === '' ? written : path).split(/[/\\]/).at(-1) ?? name
  return { name: safeFileName(last), size: content.size, blocks: object }
}
