/** References to runs: every way in which a person can name one, and what is done where a name fits several. */
import { LineaprintError } from '../core/errors.ts'
import { nearest } from '../core/options.ts'
import { plural } from '../util/plural.ts'
import type { RunId } from '../core/run-id.ts'
import type { ListedRun } from './listed-run.ts'

/** The ways to name a run, for help and for messages. */
export const REFERENCE_HELP =
  'id, unique id prefix, run name, experiment (its newest run), unique tag, @latest or @previous; ~N after any: the Nth before'

/** A run by its names. */
export type NamedRun = Pick<ListedRun, 'id' | 'name' | 'runName' | 'tags'>

/** The runs among which a reference is looked up. */
export interface Candidates<R extends NamedRun = ListedRun> {
  /** Readable runs, oldest first. */
  readonly runs: readonly R[]
  /** Ids of all folders of the store, also of those that cannot be read. */
  readonly ids: readonly RunId[]
}

/** One reading of a reference. */
interface Reading {
  readonly id: RunId
  /** Why the run fits, for the message about an ambiguity. */
  readonly reason: string
}

/** Steps back of the references that stand for the end of the list. */
const LATEST: ReadonlyMap<string, number> = new Map([
  ['@latest', 0],
  ['@previous', 1],
])

/** Runs that the message about an ambiguity names. */
const SHOWN = 5

/**
 * Find the run that a reference names. A run name, an experiment (its newest run), a tag and the beginning of an id fit;
 * a tag or a beginning that several runs share fits none of them, unless nothing else does. Readings that lead to
 * different runs are an error, and so is no reading.
 *
 * The cost is linear in the number of runs.
 *
 * @param root Folder of the store, for messages.
 * @throws ERR_LINEAPRINT_RUN if no run matches, AMBIGUOUS if several do.
 */
export function resolveReference(reference: string, candidates: Candidates<NamedRun>, root: string): RunId {
  const readings = distinct([...stepped(reference, candidates), ...named(reference, candidates)])
  const [only] = readings
  if (only !== undefined && readings.length === 1) return only.id
  if (readings.length > 1) throw ambiguous(reference, readings)
  const loose = distinct([...tagged(reference, candidates), ...prefixed(reference, candidates)])
  if (loose.length > 0) throw ambiguous(reference, loose)
  throw notFound(reference, candidates, root)
}

/** Return the readings of a whole text as a name. */
function named(text: string, candidates: Candidates<NamedRun>): Reading[] {
  if (text === '') return []
  const { runs } = candidates
  const newest = runs.findLast(({ name }) => name === text)
  const [tags, prefixes] = [tagged(text, candidates), prefixed(text, candidates)]
  return [
    ...runs.flatMap(({ id, runName }) => (runName === text ? [{ id, reason: 'its run name' }] : [])),
    ...(newest === undefined ? [] : [{ id: newest.id, reason: 'the newest of the experiment' }]),
    ...(tags.length === 1 ? tags : []),
    ...(prefixes.length === 1 ? prefixes : []),
  ]
}

function tagged(text: string, { runs }: Candidates<NamedRun>): Reading[] {
  return runs.flatMap(({ id, tags }) => (tags.includes(text) ? [{ id, reason: 'its tag' }] : []))
}

function prefixed(text: string, { ids }: Candidates<NamedRun>): Reading[] {
  if (text === '') return []
  // An exact id also begins other ids, and is meant.
  const exact = ids.find((id) => id === text)
  const matches = exact === undefined ? ids.filter((id) => id.startsWith(text)).toSorted() : [exact]
  return matches.map((id) => ({ id, reason: 'the beginning of its id' }))
}

/** Return the reading of `@latest`, `@previous` or `NAME~N`. */
function stepped(text: string, candidates: Candidates<NamedRun>): Reading[] {
  const [, base = text, steps = '0'] = /^(.*)~(\d{1,9})$/s.exec(text) ?? []
  const { runs } = candidates
  const start = LATEST.get(base)
  if (start !== undefined) return before(runs, runs.length - 1, start + Number(steps), text)
  if (base === text) return []
  const readings = distinct(named(base, candidates))
  const [only] = readings
  if (only === undefined) return []
  if (readings.length > 1) throw ambiguous(base, readings)
  const run = runs.find(({ id }) => id === only.id)
  // A run that cannot be read has no place in the order.
  if (run === undefined) return []
  const series = runs.filter(({ name }) => name === run.name)
  return before(series, series.indexOf(run), Number(steps), text)
}

/** Return the run some steps before another. @throws ERR_LINEAPRINT_RUN if there are not as many. */
function before(runs: readonly NamedRun[], at: number, steps: number, text: string): Reading[] {
  const run = runs[at - steps]
  if (run !== undefined) return [{ id: run.id, reason: 'its place in the list' }]
  if (at < 0) return []
  throw new LineaprintError('ERR_LINEAPRINT_RUN', `no such run: ${JSON.stringify(text)}`, {
    expected: `at most ${plural(at, 'step')} back`,
    received: String(steps),
    hint: '"lineaprint list" shows the runs',
  })
}

/** Return the readings with each run once. */
function distinct(readings: readonly Reading[]): Reading[] {
  return [...new Map(readings.toReversed().map((reading) => [reading.id, reading])).values()].toReversed()
}

function ambiguous(reference: string, readings: readonly Reading[]): LineaprintError {
  const reasons = new Set(readings.map(({ reason }) => reason))
  const [only] = reasons
  const verb = reasons.size === 1 ? MESSAGES.get(only ?? '') : undefined
  const shown = readings.slice(0, SHOWN).map(({ id, reason }) => (verb ? id : `${id} (${reason})`))
  return new LineaprintError(
    'ERR_LINEAPRINT_AMBIGUOUS',
    `${readings.length} runs ${verb ?? 'match'} ${JSON.stringify(reference)}`,
    { hint: `use one of ${shown.join(', ')}${readings.length > SHOWN ? ', …' : ''}` },
  )
}

/** Verbs of a message about runs that fit for the same reason. */
const MESSAGES: ReadonlyMap<string, string> = new Map([
  ['its run name', 'have the run name'],
  ['its tag', 'have the tag'],
  ['the beginning of its id', 'begin with'],
])

/** Newest runs whose names are compared with one that no run has. */
const COMPARED = 200
/** Longest compared name in characters: the comparison takes time for each pair of characters. */
const LONGEST = 100

function notFound(reference: string, { ids, runs }: Candidates<NamedRun>, root: string): LineaprintError {
  if (ids.length === 0) {
    return new LineaprintError('ERR_LINEAPRINT_RUN', 'the store has no runs', {
      path: root,
      hint: 'record one with "lineaprint run -- COMMAND", or select the store with --output-dir',
    })
  }
  const names = runs
    .slice(-COMPARED)
    .toReversed()
    .flatMap(({ name, runName, tags }) => [runName, name, ...tags])
  const known = [...LATEST.keys(), ...names.filter((name) => name !== null)]
  const near = nearestName(reference.replace(/~\d+$/, ''), known)
  const advice = near === undefined ? `use an ${REFERENCE_HELP};` : `did you mean ${JSON.stringify(near)}?`
  return new LineaprintError('ERR_LINEAPRINT_RUN', `no such run: ${JSON.stringify(reference)}`, {
    hint: `${advice} "lineaprint list" shows the runs`,
  })
}

/** Return the name that is probably meant; `undefined` if none is near. */
function nearestName(text: string, known: readonly string[]): string | undefined {
  if (text.length > LONGEST) return undefined
  return nearest(
    text,
    known.filter((name) => name.length <= LONGEST),
  )
}
