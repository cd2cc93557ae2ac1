/** Start of a lineage: a run, a digest, or the name of something that runs read or made. */
import { isRunId } from '../core/run-id.ts'
import { pathExists } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { hexOf, hexPrefix, keyText } from '../database/facts.ts'
import { plural } from '../util/plural.ts'
import { readRun } from '../store/read.ts'
import { resolveReference } from '../store/reference.ts'
import { runFolder } from '../store/store.ts'
import type { RunId } from '../core/run-id.ts'
import type { StoredContents } from '../database/contents.ts'
import type { Store } from '../store/store.ts'
import type { ContentLinks } from './links.ts'

/** The ways to name something. */
export const REFERENCE_KINDS = ['run', 'digest', 'name'] as const

/** A way to name something. */
export type ReferenceKind = (typeof REFERENCE_KINDS)[number]

/** The meaning of a reference. */
export type Start =
  | { readonly kind: 'run'; readonly run: RunId }
  | { readonly kind: 'digest'; readonly digest: string }
  /** `others`: number of earlier runs in which other content has the name. */
  | { readonly kind: 'name'; readonly run: RunId; readonly others: number }

/** Digests that the message about an ambiguity names. */
const SHOWN = 5

/**
 * Find what a reference names.
 *
 * @param as The only way in which it is read. @default any, if only one fits
 * @throws ERR_LINEAPRINT_RUN if nothing fits, ERR_LINEAPRINT_AMBIGUOUS if several do.
 */
export async function findStart(
  store: Store,
  reference: string,
  contents: StoredContents,
  links: ContentLinks,
  as: ReferenceKind | undefined,
): Promise<Start> {
  const readings: Start[] = []
  if (as === undefined || as === 'digest') readings.push(...byDigest(reference, links))
  if (as === undefined || as === 'name') readings.push(...byName(reference, contents))
  if (as === undefined || as === 'run')
    readings.push(...(await byRun(store, reference, contents, readings.length > 0)))
  const [only, second] = readings
  if (only === undefined) throw await notFound(store, reference, as)
  if (second === undefined) return only
  const kinds = readings.map(({ kind }) => kind)
  throw new LineaprintError(
    'ERR_LINEAPRINT_AMBIGUOUS',
    `${JSON.stringify(reference)} names a ${kinds.join(' and a ')}`,
    { field: 'reference', hint: `say which with ${kinds.map((kind) => `--as ${kind}`).join(' or ')}` },
  )
}

function byDigest(reference: string, links: ContentLinks): Start[] {
  const hex = hexPrefix(reference)
  if (hex === undefined) return []
  const isWritten = reference.includes(':')
  const matches = links.digestsWith((digest) =>
    isWritten ? digest.startsWith(reference) : hexOf(digest).startsWith(hex),
  )
  const [only] = matches
  if (only === undefined) return []
  if (matches.length === 1) return [{ kind: 'digest', digest: only }]
  const rest = matches.length > SHOWN ? ', …' : ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_AMBIGUOUS',
    `${plural(matches.length, 'digest')} begin with ${JSON.stringify(reference)}`,
    { field: 'reference', hint: `use one of ${matches.slice(0, SHOWN).join(', ')}${rest}` },
  )
}

/** A name stands for what the newest run of that name has. */
function byName(reference: string, { runs, contents }: StoredContents): Start[] {
  const name = keyText(reference)
  const digests = new Map<RunId, Set<string>>()
  for (const content of contents)
    if (content.name === name)
      digests.set(content.run, (digests.get(content.run) ?? new Set<string>()).add(content.digest))
  const newest = runs.findLast(({ id }) => digests.has(id))
  if (newest === undefined) return []
  const own = digests.get(newest.id) ?? new Set<string>()
  const others = [...digests.values()].filter((each) => [...each].every((digest) => !own.has(digest))).length
  return [{ kind: 'name', run: newest.id, others }]
}

/** @param isOptional True if the reference has another reading: that no run fits, or several, is no error then. */
async function byRun(
  store: Store,
  reference: string,
  { runs, damaged }: StoredContents,
  isOptional: boolean,
): Promise<Start[]> {
  const ids = [...damaged, ...runs].map(({ id }) => id).filter(isRunId)
  try {
    const exact = ids.find((id) => id === reference)
    const run = exact ?? resolveReference(reference, { runs, ids }, store.root)
    // One that cannot be read is an error, and no lineage of nothing.
    await readRun(runFolder(store, run))
    return [{ kind: 'run', run }]
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    if (error.code === 'ERR_LINEAPRINT_RUN') return []
    if (isOptional && error.code === 'ERR_LINEAPRINT_AMBIGUOUS') return []
    throw error
  }
}

async function notFound(
  store: Store,
  reference: string,
  as: ReferenceKind | undefined,
): Promise<LineaprintError> {
  const isFile = await pathExists(reference).catch(() => false)
  return new LineaprintError(
    'ERR_LINEAPRINT_RUN',
    `nothing in the store is named ${JSON.stringify(reference)}`,
    {
      path: store.root,
      field: 'reference',
      expected:
        as === undefined
          ? 'a run, the name of a dataset, model, tokenizer or output, or at least 8 digits of a digest'
          : `a ${as}`,
      hint: isFile
        ? 'for a file or folder, give the digest that "lineaprint dataset" or "lineaprint model" prints'
        : '"lineaprint list" shows the runs, and "lineaprint show RUN" what a run tracked',
    },
  )
}
