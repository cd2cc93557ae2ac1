/**
 * A run in W&B's offline format: `offline-run-<time>-<id>/` with the file that `wandb sync` sends and
 * `files/`. Nothing is sent here, and no credentials are included.
 */
import { checkRun } from '../../store/read.ts'
import { checkObject } from '../../core/options.ts'
import { copyFile, readdir, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { modesIn } from '../../util/modes.ts'
import { LineaprintError } from '../../core/errors.ts'
import { makeFolders, storeError, writeAtomic } from '../../util/fs.ts'
import { safeFileName } from '../../core/run-id.ts'
import { RECORD_FILE } from '../../store/store.ts'
import { VERSION } from '../../core/version.ts'
import { exitCodeOf, findFiles, gitFacts } from '../facts.ts'
import { metricsSvg } from '../plot/run.ts'
import { readPoints, sourceOf } from '../source.ts'
import { columnsOf, environmentOf, headOf, rowsOf, summaryOf } from './describe.ts'
import { Framer } from './framing.ts'
import { RecordMaker } from './records.ts'
import type { RunRecord } from '../../record/record.ts'
import type { MetricPoint, RunSource } from '../source.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { WandbOptions, WandbTarget } from '../../config/outputs.ts'

/** The result of an export. */
export interface WandbFolder {
  /** Absolute path; the argument of `wandb sync`. */
  readonly folder: string
  /** Names below `files/`. */
  readonly files: readonly string[]
  /** Values in the history. */
  readonly values: number
  readonly warnings: readonly string[]
}

/** Target and limits of an export. */
export interface WandbExportOptions extends WandbOptions {
  /** Aborts the export; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Records between two checks of the signal. */
const SIGNAL_INTERVAL = 4096

/**
 * Write a run in W&B's offline format, for `wandb sync`, and replace an earlier export of the same run.
 * Nothing is sent, and no credentials are included. All values are held in memory.
 *
 * @param run A run of a store; see `findRun`.
 * @throws ERR_LINEAPRINT_STORE if something cannot be read or written.
 */
export async function exportToWandb(run: StoredRun, given: WandbExportOptions = {}): Promise<WandbFolder> {
  checkRun(run)
  checkObject(given)
  const { signal, ...options } = given
  // A run of a store is in its folder `runs`.
  const directory = options.directory ?? join(run.folder, '..', '..', 'wandb')
  return writeWandbFolder(sourceOf(run), resolve(directory), options, signal)
}

/**
 * Create a folder and its parents.
 *
 * @param mode Mode of the folders, as those of a run have it.
 * @throws ERR_LINEAPRINT_STORE if it cannot be created.
 */
export async function makeWandbFolder(path: string, mode: number): Promise<void> {
  try {
    await makeFolders(path, mode)
  } catch (cause) {
    throw storeError(path, 'the folder cannot be created', cause)
  }
}

/** Return the name of a run's folder; it contains the time of the start, in UTC. */
export function folderName({ id, startedAt }: RunRecord): string {
  const time = startedAt.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_')
  // An untrusted record can have any text as its id.
  return `offline-run-${time}-${safeFileName(id)}`
}

/** Return the name of the run file in that folder. */
export function fileName({ id }: RunRecord): string {
  return `run-${safeFileName(id)}.wandb`
}

/**
 * Write the folder, replacing one of the same run. All values are held in memory.
 *
 * @param parent Folder of all runs; created if missing.
 * @throws ERR_LINEAPRINT_STORE if something cannot be read or written.
 */
export async function writeWandbFolder(
  source: RunSource,
  parent: string,
  target: WandbTarget,
  signal?: AbortSignal,
): Promise<WandbFolder> {
  const { record } = source
  const folder = join(parent, folderName(record))
  const points: MetricPoint[] = []
  const problems = await readPoints(source, (point) => points.push(point), signal)
  const { rows, warnings } = rowsOf(points)
  const files = await writeFiles(source, join(folder, 'files'), points)
  const framer = new Framer()
  const parts: Buffer[] = []
  for (const bytes of recordsOf(record, target, { rows, points, files })) {
    parts.push(framer.frame(bytes))
    if (parts.length % SIGNAL_INTERVAL === 0) await setImmediate(undefined, { signal })
  }
  await writeAtomic(join(folder, fileName(record)), Buffer.concat(parts), modesIn(folder).file)
  // Without this marker's removal, `wandb sync` would skip the new content of a run that was sent before.
  await rm(join(folder, `${fileName(record)}.synced`), { force: true })
  const values = rows.reduce((total, row) => total + row.values.size, 0)
  const running = record.status === 'running' ? ['the run is still running: W&B will show it as failed'] : []
  return { folder, files, values, warnings: [...problems, ...warnings, ...running] }
}

function* recordsOf(
  record: RunRecord,
  target: WandbTarget,
  content: Pick<ReturnType<typeof rowsOf>, 'rows'> & {
    readonly points: readonly MetricPoint[]
    readonly files: readonly string[]
  },
): Generator<Buffer> {
  const maker = new RecordMaker()
  const startTime = Date.parse(record.startedAt)
  yield* openingRecords(maker, record, target)
  for (const row of content.rows) yield maker.history(row.step, columnsOf(row, startTime))
  const runtime = (record.durationMs ?? 0) / 1000
  yield maker.summary({ ...summaryOf(content.points, content.rows), _runtime: runtime })
  yield maker.files(content.files)
  const code = exitCodeOf(record)
  if (code === undefined) return
  yield maker.exit(code, Math.round(runtime))
  yield maker.final()
  yield maker.footer()
}

/** Return the records with which every run begins. */
export function openingRecords(maker: RecordMaker, record: RunRecord, target: WandbTarget): Buffer[] {
  return [
    maker.header(`lineaprint ${VERSION}`),
    maker.run(headOf(record, target)),
    maker.environment(environmentOf(record)),
  ]
}

/** The most bytes of a patch: a run keeps none of more than 256 MiB for a file. */
const PATCH_LIMIT = 2 ** 30

/** Refuse patches that no run has: a copy would fill the disk. */
async function refuseLong(patches: readonly { readonly realPath: string }[]): Promise<void> {
  for (const { realPath: path } of patches) {
    const { size } = await stat(path)
    if (size <= PATCH_LIMIT) continue
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'not a patch of a run', {
      path,
      expected: `at most ${PATCH_LIMIT} bytes`,
      received: `${size} bytes`,
    })
  }
}

/** Write the record, the patches and the plots; remove those of an earlier export. */
async function writeFiles(
  source: RunSource,
  folder: string,
  points: readonly MetricPoint[],
): Promise<string[]> {
  const { record, recordBytes } = source
  const patches = await findFiles(source.folder, gitFacts(record).patches)
  await refuseLong(patches)
  const plot = metricsSvg(record.id, points)
  const written: string[] = []
  await makeWandbFolder(folder, modesIn(source.folder).folder)
  try {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
    for (const { realPath, path } of patches) {
      await copyFile(realPath, join(folder, basename(path)))
      written.push(basename(path))
    }
  } catch (cause) {
    throw storeError(folder, 'the files of the run cannot be written', cause)
  }
  if (recordBytes !== undefined) {
    await writeAtomic(join(folder, RECORD_FILE), recordBytes, modesIn(folder).file)
    written.push(RECORD_FILE)
  }
  if (plot !== undefined) {
    await writeAtomic(join(folder, 'metrics.svg'), plot, modesIn(folder).file)
    written.push('metrics.svg')
  }
  return written.toSorted()
}
