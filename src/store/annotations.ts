/**
 * Annotations: what people say of a run after it ended. They lie in the folder `annotations` of the run, one file for
 * each, beside the sealed record, and change nothing in it.
 *
 * A file is written once and never changed, so that writers need no lock, and copies of a run can be merged by copying
 * files. Time and author are what the writer claims. The files are untrusted input.
 */
import { lstatSync } from 'node:fs'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod/mini'
import { checkRunName } from '../config/run-name.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown, checkPath } from '../core/options.ts'
import { randomHex } from '../core/random.ts'
import { checkName, checkText } from '../json/copy.ts'
import { parseStandardJson } from '../json/parse.ts'
import { redactText } from '../secrets/redact.ts'
import { mapConcurrently } from '../util/concurrency.ts'
import { errorText, joinLines } from '../util/error-text.ts'
import { errorCode, isMissing, isReadError, storeError, syncFolder, writeAtomic } from '../util/fs.ts'
import { modesIn } from '../util/modes.ts'
import { readUnlinked } from '../util/own-file.ts'
import { ENGLISH, lazily } from '../util/schema.ts'
import { addAnnotated } from './annotated.ts'
import type { RunRecord } from '../record/record.ts'

/** Version of the file of an annotation. */
export const ANNOTATION_SCHEMA = 'lineaprint/annotation/v1'

/** Name of the folder in the folder of a run. The seal does not cover it. */
export const ANNOTATIONS_FOLDER = 'annotations'

/** The change that an annotation makes. An absent field changes nothing. */
export interface AnnotationChange {
  readonly addTags?: readonly string[] | undefined
  readonly removeTags?: readonly string[] | undefined
  /** A further note. */
  readonly note?: string | undefined
  /** The name of the run from now on. */
  readonly name?: string | undefined
  readonly archived?: boolean | undefined
}

/** An annotation. */
export interface Annotation extends AnnotationChange {
  /** Name of its file. */
  readonly file: string
  /** ISO 8601 in UTC, by the clock of the writer. */
  readonly time: string
  /** User and machine as the writer names them. Nobody verified it. */
  readonly author: string
}

/** The annotations of a run, in the order of their times. */
export interface Annotations {
  readonly entries: readonly Annotation[]
  /** A sentence for each file that could not be used. */
  readonly problems: readonly string[]
}

/** A note of an annotation. */
export type AnnotatedNote = Pick<Annotation, 'time' | 'author'> & { readonly note: string }

/** The names, tags and notes of a run: those of its record, changed by its annotations. */
export interface RunLabels {
  /** The name that was given last, else the recorded one; null if it has none. */
  readonly runName: string | null
  readonly tags: readonly string[]
  /** The notes that were added. Those of the record are in the record. */
  readonly notes: readonly AnnotatedNote[]
  readonly isArchived: boolean
}

/** Bytes of the longest annotation. */
const ENTRY_LIMIT = 1 << 16

/** Number of annotations that are read of a run, the newest. */
const COUNT_LIMIT = 10_000

/** Files that are read at a time. */
const PARALLEL = 16

/** Names of the files sort by time. */
const NAME = /^[0-9]{8}T[0-9]{9}Z-[0-9a-f]{16}\.json$/

/** Check whether a path in the folder of a run is that of an annotation. */
export function isAnnotationPath(path: string): boolean {
  const [folder, name, ...more] = path.split('/')
  return folder === ANNOTATIONS_FOLDER && NAME.test(name ?? '') && more.length === 0
}

const entrySchema = lazily(() => {
  const text = z.string()
  return z.looseObject({
    schema: z.literal(ANNOTATION_SCHEMA),
    time: z.iso.datetime(),
    author: text,
    addTags: z.exactOptional(z.array(text)),
    removeTags: z.exactOptional(z.array(text)),
    note: z.exactOptional(text),
    name: z.exactOptional(text),
    archived: z.exactOptional(z.boolean()),
  })
})

/**
 * Read the annotations of a run. A file that is damaged, too long or no regular file is a problem and nothing else.
 *
 * @param folder Absolute path of the folder of the run.
 * @throws ERR_LINEAPRINT_STORE if the folder cannot be read.
 */
export async function readAnnotations(folder: string): Promise<Annotations> {
  const path = join(checkPath(folder), ANNOTATIONS_FOLDER)
  const names = await namesIn(path)
  if (names === undefined) return { entries: [], problems: [] }
  if (typeof names === 'string') return { entries: [], problems: [names] }
  const sorted = names.filter((name) => NAME.test(name)).toSorted()
  const chosen = sorted.slice(-COUNT_LIMIT)
  const results = await mapConcurrently(chosen, PARALLEL, async (file) => readEntry(path, file))
  const entries = results.filter((result) => typeof result !== 'string')
  const problems = results.filter((result) => typeof result === 'string')
  const unread = sorted.length - chosen.length
  if (unread > 0) problems.unshift(`${unread} annotations are not read: at most ${COUNT_LIMIT} are`)
  return { entries, problems }
}

/**
 * Return the names, tags and notes of a run.
 *
 * @param record The recorded ones.
 */
export function labelsOf(
  record: Pick<RunRecord, 'tags'> & { readonly runName?: string | null | undefined },
  { entries }: Pick<Annotations, 'entries'>,
): RunLabels {
  let runName = record.runName ?? null
  let isArchived = false
  const tags = new Set(record.tags)
  const notes: AnnotatedNote[] = []
  for (const { addTags = [], removeTags = [], note, name, archived, time, author } of entries) {
    for (const tag of removeTags) tags.delete(tag)
    for (const tag of addTags) tags.add(tag)
    if (name !== undefined) runName = name
    if (archived !== undefined) isArchived = archived
    if (note !== undefined) notes.push({ note, time, author })
  }
  return { runName, tags: [...tags], notes, isArchived }
}

/**
 * Read the labels of a run that is in a list. Annotations that cannot be read change nothing: who shows the run reports
 * them.
 *
 * @param folder Absolute path of the folder of the run.
 */
export async function readLabels(
  folder: string,
  record: Pick<RunRecord, 'tags' | 'runName'>,
): Promise<RunLabels> {
  // Most runs have none, which one call of the system tells.
  if (annotationStamp(folder) === undefined) return labelsOf(record, { entries: [] })
  return labelsOf(record, await readAnnotations(folder))
}

/** The state of the annotations of a run. */
export interface AnnotationStamp {
  /** Changes with each annotation. */
  readonly stamp: string
  /** Milliseconds since 1970, by the clock of the file system. */
  readonly changedAt: number
}

/**
 * Return the state of the annotations of a run without reading them; `undefined` if it has none. As with every stamp of a
 * file, two changes within one step of the clock of the file system can have the same.
 */
export function annotationStamp(folder: string): AnnotationStamp | undefined {
  try {
    const path = join(folder, ANNOTATIONS_FOLDER)
    const info = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    if (info === undefined) return undefined
    const { ino, mtimeNs, ctimeNs } = info
    const changedAt = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n)
    return { stamp: `${ino} ${mtimeNs} ${ctimeNs}`, changedAt }
  } catch {
    // Reading them reports the problem.
    return undefined
  }
}

/** Options of {@link annotate}. */
export interface AnnotateOptions {
  /** @default user and machine */
  readonly author?: string | undefined
  /** True if secrets are replaced. @default true */
  readonly redact?: boolean | undefined
}

/**
 * Add an annotation to a run. When the promise resolves, it survives a loss of power.
 *
 * @param folder Absolute path of the folder of the run.
 * @throws ERR_LINEAPRINT_ARGUMENT for an invalid or empty change, ERR_LINEAPRINT_STORE if it cannot be written.
 */
export async function annotate(
  folder: string,
  change: AnnotationChange,
  options: AnnotateOptions = {},
): Promise<Annotation> {
  checkPath(folder)
  checkKnown(change, ['addTags', 'removeTags', 'note', 'name', 'archived'])
  checkKnown(options, ['author', 'redact'])
  const { author = thisAuthor(), redact = true } = options
  const clean = (text: string): string => (redact ? redactText(text) : text)
  const time = nextTime()
  const entry = {
    schema: ANNOTATION_SCHEMA,
    time,
    author: clean(checkName(author, 'author')),
    ...checkChange(change, clean),
  }
  const text = `${JSON.stringify(entry)}\n`
  if (Buffer.byteLength(text) > ENTRY_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the annotation is too long', {
      expected: `at most ${ENTRY_LIMIT} bytes as JSON`,
      received: `${Buffer.byteLength(text)} bytes`,
    })
  }
  const path = join(folder, ANNOTATIONS_FOLDER)
  await makeFolder(folder, path)
  const file = `${time.replace(/[-:.]/g, '')}-${randomHex(8)}.json`
  await writeAtomic(join(path, file), text, modesIn(folder).file)
  await addAnnotated(folder)
  const { schema: _, ...annotation } = entry
  return { file, ...annotation }
}

function checkChange(change: AnnotationChange, clean: (text: string) => string): AnnotationChange {
  const { addTags = [], removeTags = [], note, name, archived } = change
  const tagsIn = (tags: readonly string[], field: string): string[] =>
    tags.map((tag) => clean(checkName(tag, field)))
  const checked = {
    ...(addTags.length > 0 && { addTags: tagsIn(addTags, 'addTags') }),
    ...(removeTags.length > 0 && { removeTags: tagsIn(removeTags, 'removeTags') }),
    ...(note !== undefined && { note: clean(checkText(note, 'note')) }),
    ...(name !== undefined && { name: clean(checkRunName(name, 'name')) }),
    ...(archived !== undefined && { archived }),
  }
  if (Object.keys(checked).length > 0) return checked
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'an annotation needs something to add or change', {
    expected: 'a tag, a note, a name, or whether the run is archived',
    received: 'none of them',
  })
}

let lastTime = 0

/** Return the time, later than that of the annotation before: the names of the files keep their order. */
function nextTime(): string {
  lastTime = Math.max(Date.now(), lastTime + 1)
  return new Date(lastTime).toISOString()
}

/** Return the user and the machine as this process knows them. */
function thisAuthor(): string {
  const host = hostname()
  try {
    return `${userInfo().username}@${host}`.toWellFormed()
  } catch {
    // A container may run under a number that has no name.
    return `${process.geteuid?.() ?? 'unknown'}@${host}`.toWellFormed()
  }
}

async function makeFolder(run: string, path: string): Promise<void> {
  try {
    await mkdir(path, { mode: modesIn(run).folder })
    await syncFolder(run)
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST') throw storeError(path, 'it cannot be created', cause)
    if ((await lstat(path)).isDirectory()) return
    throw new LineaprintError('ERR_LINEAPRINT_STORE', NOT_A_FOLDER, { path })
  }
}

const NOT_A_FOLDER = 'something that is not a folder stands where annotations belong'

/** List the folder; a sentence if it is none, `undefined` if there is none. */
async function namesIn(path: string): Promise<string[] | string | undefined> {
  try {
    // A link could lead anywhere.
    if (!(await lstat(path)).isDirectory()) return NOT_A_FOLDER
    return await readdir(path)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw storeError(path, 'the annotations cannot be read', cause)
  }
}

/** Read an annotation, or return the problem as a sentence. */
async function readEntry(folder: string, file: string): Promise<Annotation | string> {
  try {
    const path = join(folder, file)
    const entry = entrySchema().parse(parseStandardJson(await readUnlinked(path, ENTRY_LIMIT), path), ENGLISH)
    const { time, author, addTags, removeTags, note, name, archived } = entry
    for (const tag of [...(addTags ?? []), ...(removeTags ?? [])]) checkName(tag, 'tag')
    if (name !== undefined) checkRunName(name, 'name')
    const change = { addTags, removeTags, note, name, archived }
    return { file, time, author: author.toWellFormed(), ...defined(change) }
  } catch (error) {
    if (!(error instanceof z.core.$ZodError) && !isReadError(error)) throw error
    const isSystem = !LineaprintError.is(error) && errorCode(error) !== undefined
    return `the annotation ${file} is left out: ${isSystem ? joinLines(errorText(error)) : 'it is damaged'}`
  }
}

function defined(change: AnnotationChange): AnnotationChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
