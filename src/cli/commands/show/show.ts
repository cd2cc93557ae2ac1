/** `lineaprint show`: one run. */
import { Command } from 'commander'
import { parseGitCapture } from '../../../capture/git/parse.ts'
import { unlessDamaged } from '../../../json/read-fields.ts'
import { keptCopyOf } from '../../../record/overwritten.ts'
import { parseTracked } from '../../../record/tracked.ts'
import { decodeFloat } from '../../../json/special-floats.ts'
import { journalProblems } from '../../../store/journal-read.ts'
import { REFERENCE_HELP } from '../../../store/reference.ts'
import { findRun } from '../../../database/runs.ts'
import { isReported } from '../../../record/reported-by.ts'
import { checkSeal } from '../../../record/seal.ts'
import { ANNOTATIONS_TITLE, annotationsOf, describeAnnotations } from './annotations.ts'
import { describeRanks } from './ranks.ts'
import { describeSeeds } from './seeds.ts'
import {
  paintStatus,
  bytes,
  count,
  escapeText,
  lineWidth,
  paint,
  print,
  printJson,
  shortDigests,
} from '../../shared/output.ts'
import { duration, localTime } from '../../shared/time.ts'
import { openStore, storeOptions } from '../../shared/store.ts'
import { NOT_LISTED, unlistedFiles } from '../../../compare/run-files.ts'
import { plural } from '../../../util/plural.ts'
import type {
  CaptureRecord,
  DigestRecord,
  FlagRecord,
  MetricRecord,
  ParameterRecord,
  RunRecord,
  StreamRecord,
  TrackedRecord,
  TrackedSection,
} from '../../../record/record.ts'
import type { RecordedLeaks, RecordedSplit, TrackedContent, TrackedModel } from '../../../record/tracked.ts'
import type { JsonObject } from '../../../core/json-value.ts'
import type { StoredRun } from '../../../store/runs.ts'
import type { ShownAnnotations } from './annotations.ts'
import type { StoreOptions } from '../../shared/store.ts'

const INDENT = 14

/** Most names of parts that were not read. */
const SHOWN_PARTS = 5

/** Build the command. */
export function command(): Command {
  return storeOptions(new Command('show'))
    .argument('<run>', REFERENCE_HELP)
    .addHelpText('after', '\nExample:\n  lineaprint show @latest')
    .action((reference: string, options: StoreOptions) => show(reference, options))
}

async function show(reference: string, options: StoreOptions): Promise<void> {
  const { store } = await openStore(options)
  const run = await findRun(store, reference)
  const annotations = await annotationsOf(run)
  if (options.json === true)
    return printJson({
      ...run.record,
      status: run.status,
      ...(annotations !== undefined && { annotations }),
    })
  print([...page(run, annotations, await unlistedFiles(run))].join('\n'))
}

/** A title and its lines. Sections without lines are left out. */
type Section = readonly [title: string, lines: readonly string[]]

function* page(
  run: StoredRun,
  annotations: ShownAnnotations | undefined,
  unlisted: readonly string[],
): Generator<string> {
  const [first = '', ...rest] = wrap(run.record.name, 0, lineWidth() - 10)
  yield `${paint('bold', first)}  ${paintStatus(run.status)}`
  yield* rest.map((line) => paint('bold', line))
  yield* about(run, unlisted)
  const annotated = describeAnnotations(annotations).flatMap(([name, text]) => field(name, text))
  for (const [title, lines] of [[ANNOTATIONS_TITLE, annotated] as const, ...sections(run.record)]) {
    if (lines.length === 0) continue
    yield ''
    yield paint('bold', title)
    yield* lines
  }
}

function about({ id, folder, record, status, journal }: StoredRun, unlisted: readonly string[]): string[] {
  const {
    startedAt,
    durationMs,
    command: ran,
    tags,
    notes,
    failure,
    parent,
    continues = '',
    process,
  } = record
  const alone = ran.durationMs === undefined ? '' : `the command ${duration(ran.durationMs)}, `
  const took = durationMs === null ? '' : `, ${alone}the run ${duration(durationMs)}`
  const reason =
    status === 'lost' ? 'the process ended without finishing the run; the values come from its journal' : ''
  return [
    ...field('id', id),
    ...field('run name', record.runName ?? ''),
    ...field('started', `${localTime(startedAt, 'seconds')}${took}`),
    ...field('status', status === 'running' ? `process ${process.pid} on ${process.host}` : reason),
    ...field('failure', failure?.message ?? ''),
    ...field('command', ran.argv.map(quote).join(' ')),
    ...field('ended', ending(record)),
    ...field('directory', ran.workingDirectory),
    ...field('stdout', stream(ran.stdout)),
    ...field('stderr', stream(ran.stderr)),
    ...field('tags', tags.join(', ')),
    ...field('notes', notes),
    ...field('parent', parent ?? ''),
    ...field('continues', continues),
    ...field('folder', folder),
    ...field('seal', seal(record, unlisted)),
    ...field('journal', journal === undefined ? '' : journalProblems(journal).join('; ')),
  ]
}

function sections(record: RunRecord): Section[] {
  const { captures, datasets, models, tokenizers, outputs, metrics, metadata, files } = record
  const { digests = {}, parameters = {}, flags = [], warnings } = record
  const size = files.reduce((sum, file) => sum + ('size' in file ? file.size : 0), 0)
  return [
    ['Ranks', describeRanks(record.launch).flatMap(([name, text]) => field(name, text))],
    ['Captures', entries(captures, (capture, name) => captured(name, capture))],
    ['Seeds', describeSeeds(record).flatMap(([name, text]) => field(name, text))],
    ['Datasets', entries(datasets, (entry, name) => tracked('datasets', name, entry))],
    ['Models', entries(models, (entry, name) => model(name, entry))],
    ['Tokenizers', entries(tokenizers, (entry, name) => tracked('tokenizers', name, entry))],
    ['Outputs', entries(outputs, (entry, name) => tracked('outputs', name, entry))],
    ['Metrics', firstEntries(metrics, SHOWN.metrics, (values) => metric(values, record))],
    ['Digests', entries(digests, logged)],
    ['Parameters', firstEntries(parameters, SHOWN.parameters, parameter)],
    ['Metadata', entries(metadata, (value) => JSON.stringify(value))],
    ['Flags', flags.flatMap(flagged)],
    ['Warnings', warnings.flatMap((warning) => wrap(warning, 2))],
    ['Files', files.length === 0 ? [] : [`  ${count(files.length)} besides the record, ${bytes(size)}`]],
  ]
}

function entries<T>(
  named: Readonly<Record<string, T>>,
  describe: (value: T, name: string) => string,
): string[] {
  return Object.entries(named).flatMap(([name, value]) => field(name, describe(value, name)))
}

/**
 * Format `name text`, wrapped. A name that is too long gets a line of its own. An empty text gives no lines.
 */
function field(name: string, text: string): string[] {
  if (text === '') return []
  const label = escapeText(name)
  const [first = '', ...rest] = wrap(text, INDENT)
  if (label.length > INDENT - 3) return [...wrap(name, 2).map((line) => paint('dim', line)), first, ...rest]
  return [`  ${paint('dim', label)}${first.slice(2 + label.length)}`, ...rest]
}

function wrap(text: string, indent: number, room: number = lineWidth() - indent): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of escapeText(text).split(' ')) {
    // A path or digest that is longer than a line is broken at the end of the line.
    for (const part of piecesOf(word, room)) {
      if (line !== '' && line.length + 1 + part.length > room) {
        lines.push(line)
        line = part
      } else line = line === '' ? part : `${line} ${part}`
    }
  }
  return [...lines, line].map((filled) => ' '.repeat(indent) + filled)
}

function piecesOf(word: string, room: number): readonly string[] {
  if (word.length <= room) return [word]
  return word.match(new RegExp(`.{1,${room}}`, 'gsu')) ?? ['']
}

function ending({ command: { wrapped, exitCode, signal } }: RunRecord): string {
  if (!wrapped) return ''
  const code = exitCode === null ? '' : `exit code ${exitCode}`
  return [code, signal === null ? '' : `signal ${signal}`].filter((part) => part !== '').join(', ')
}

function stream(record: StreamRecord | undefined): string {
  if (record === undefined) return ''
  if (record.status === 'not-captured') return `not captured: ${record.reason}`
  const { file, bytes: all, keptBytes, omittedBytes, rewrittenLines } = record
  const rewritten =
    rewrittenLines === undefined ? '' : `; ${plural(rewrittenLines, 'rewritten line')} as shown in the end`
  if (all === keptBytes) return `${file}, ${bytes(all)}${rewritten}`
  // An earlier version kept the beginning only, and had no number.
  const omitted = omittedBytes === undefined ? '' : `; ${bytes(omittedBytes)} left out in the middle`
  return `${file}, ${bytes(keptBytes)} of ${bytes(all)}${omitted}${rewritten}`
}

function seal(record: RunRecord, unlisted: readonly string[]): string {
  const words = { none: '', holds: 'holds', broken: 'BROKEN: the record was changed' }[checkSeal(record)]
  if (words === '') return ''
  const [only] = unlisted
  const others =
    unlisted.length === 0
      ? ''
      : unlisted.length === 1
        ? `; ${only} is ${NOT_LISTED}`
        : `; ${plural(unlisted.length, 'file')} are ${NOT_LISTED}`
  return `${shortDigests(record.seal ?? '')} ${words}${others}`
}

function captured(name: string, record: CaptureRecord): string {
  if (record.status === 'failed') return `failed: ${record.reason}`
  if (record.status === 'off') return 'disabled'
  const { digest, value, warnings } = record
  const facts = [
    shortDigests(digest),
    ...(name === 'git' ? repository(value) : []),
    warnings.length === 0 ? '' : plural(warnings.length, 'warning'),
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}

/** Describe the state of the code; empty if the capture is damaged. */
function repository(value: JsonObject): string[] {
  const git = unlessDamaged(() => parseGitCapture(value))
  if (git === undefined) return []
  const { branch } = git.available || git.root !== undefined ? git : {}
  const on = typeof branch === 'string' ? `on ${branch}` : ''
  if (!git.available) return [git.reason, on]
  return [`commit ${git.commit.slice(0, 12)}`, on, git.clean === false ? 'with changes' : '']
}

/** Text for an entry whose record is damaged. */
const DAMAGED = 'its record is damaged'

function tracked(section: Exclude<TrackedSection, 'models'>, name: string, entry: TrackedRecord): string {
  if (entry.status === 'failed') return `failed: ${entry.reason}`
  if (entry.status === 'off') return 'disabled'
  const recorded = unlessDamaged(() => parseTracked(section, name, entry))
  if (recorded === undefined) return DAMAGED
  const facts = [
    shortDigests(recorded.digest),
    ...('kind' in recorded ? contentFacts(recorded) : []),
    recorded.path ?? '',
    ...statedFacts(entry),
    reporter(entry),
    keptFact(section, name, entry),
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}

/** Return what the caller stated of a dataset, said to be that. */
function statedFacts(entry: TrackedRecord): string[] {
  const stated: unknown = entry.status === 'tracked' ? entry['stated'] : undefined
  const lists = { licenses: 'licence', sources: 'source', preprocessing: 'preprocessing' }
  return Object.entries(lists).flatMap(([list, word]) => {
    const texts: unknown =
      typeof stated === 'object' && stated !== null ? (stated as Record<string, unknown>)[list] : undefined
    if (!Array.isArray(texts)) return []
    return texts.filter((text) => typeof text === 'string').map((text) => `stated ${word}: ${text}`)
  })
}

function contentFacts(content: TrackedContent): string[] {
  return [
    bytes(content.bytes),
    content.kind === 'folder' ? plural(content.files, 'file') : '',
    content.kind === 'array' ? `${content.dtype} ${JSON.stringify(content.shape)}` : '',
    ...(content.kind === 'file' && content.archive !== undefined
      ? [`${shortDigests(content.archive.digest)}, ${plural(content.archive.files, 'file')} in it`]
      : []),
    ...(content.kind === 'array' ? [] : rowFacts(content, content.digest)),
    ...(content.kind === 'memory' && content.arrays !== undefined
      ? content.arrays.map(({ name, dtype, shape }) => `${name}: ${dtype} ${JSON.stringify(shape)}`)
      : []),
    ...((content.kind === 'folder' || content.kind === 'memory') && content.splits !== undefined
      ? [
          ...content.splits.list.map((split) => `split ${split.name}: ${rowFacts(split).join(', ')}`),
          ...leakFacts(content.splits.leaks),
        ]
      : []),
  ]
}

/** Name the rows that are in several splits, or several times in one. */
function leakFacts(leaks: RecordedLeaks | undefined): string[] {
  if (leaks === undefined) return []
  const { splits, pairs } = leaks
  const facts = [
    ...splits.flatMap(({ name, duplicates }) =>
      duplicates === 0 ? [] : [`${plural(duplicates, 'row')} several times in ${name}`],
    ),
    ...pairs.flatMap(({ first, second, firstItems, secondItems }) =>
      firstItems + secondItems === 0
        ? []
        : [
            `${plural(firstItems, 'row')} of ${first} in ${second}, ${count(secondItems)} of ${second} in ${first}`,
          ],
    ),
  ]
  return facts.length === 0 ? ['no row in several splits'] : facts
}

/** Describe a table or a sequence of records. @param shown A digest that is shown already. */
function rowFacts({ table, sequence }: Omit<RecordedSplit, 'name'>, shown?: string): string[] {
  const own = (digest: string): string => (digest === shown ? '' : shortDigests(digest))
  const tableFacts =
    table === undefined
      ? []
      : [own(table.digest), `${plural(table.rows, 'row')} of ${plural(table.columns.length, 'column')}`]
  const sequenceFacts =
    sequence === undefined ? [] : [own(sequence.digest), plural(sequence.records, 'record')]
  return [...tableFacts, ...sequenceFacts].filter((fact) => fact !== '')
}

function model(name: string, entry: TrackedRecord): string {
  if (entry.status === 'failed') return `failed: ${entry.reason}`
  if (entry.status === 'off') return 'disabled'
  const recorded = unlessDamaged(() => parseTracked('models', name, entry))
  if (recorded === undefined) return DAMAGED
  const { architecture, weights, tensorCount, parameters, bytes: size, path = '' } = recorded
  const totals = `${plural(tensorCount, 'tensor')}, ${plural(parameters, 'parameter')}, ${bytes(size)}`
  const facts = [
    shortDigests(weights),
    shortDigests(architecture),
    ...(recorded.pipeline === undefined ? [] : [shortDigests(recorded.pipeline)]),
    ...(recorded.adapter === undefined ? [] : [shortDigests(recorded.adapter)]),
    totals,
    path,
    baseFact(recorded.base),
    reporter(entry),
    keptFact('models', name, entry),
    notRead(recorded),
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}

/** Say whether the store keeps a copy. A warning says why it does not. */
function keptFact(section: TrackedSection, name: string, entry: TrackedRecord): string {
  return unlessDamaged(() => keptCopyOf(section, name, entry))?.status === 'kept' ? 'kept' : ''
}

/** Say on which base an adapter is, or why that is not known. */
function baseFact(base: TrackedModel['base']): string {
  if (base === undefined) return ''
  return base.status === 'bound'
    ? `on the base ${base.label ?? base.path}`
    : `base not checked: ${base.reason}`
}

/** Name the parts of a model in memory that no digest covers. */
function notRead({ ignored = [], ignoredCount = ignored.length }: TrackedModel): string {
  const more = ignoredCount > SHOWN_PARTS ? ` and ${count(ignoredCount - SHOWN_PARTS)} more` : ''
  return ignoredCount === 0 ? '' : `not read: ${ignored.slice(0, SHOWN_PARTS).join(', ')}${more}`
}

/** Name the program that reported an entry. */
function reporter(entry: TrackedRecord): string {
  return isReported(entry) ? 'recorded by the program' : ''
}

/** Describe a flag, and the files that it names, with their sizes. */
function flagged({ kind, message, paths = [], sizes = [], count: all = 0 }: FlagRecord): string[] {
  const files = paths.flatMap((path, index) => {
    const size = sizes[index]
    return typeof size === 'number' ? wrap(`${path}, ${bytes(size)}`, 4) : []
  })
  const rest = files.length > 0 && all > paths.length ? wrap(`${count(all - paths.length)} more`, 4) : []
  return [...wrap(`${kind}: ${message}`, 2), ...files, ...rest]
}

function logged({ count: values, last, lastStep }: DigestRecord): string {
  const at = lastStep === null ? '' : ` at step ${lastStep}`
  return `last ${shortDigests(last)}${at}, ${plural(values, 'digest')}`
}

function metric(
  { count: values, nanCount, last, min, max, lastStep, process, loggedAs, sources = [] }: MetricRecord,
  { processes = [] }: RunRecord,
): string {
  const rank = processes.find(({ number: other }) => other === process)?.rank
  const facts = [
    `last ${number(last)}${lastStep === null ? '' : ` at step ${lastStep}`}`,
    `min ${number(min)}`,
    `max ${number(max)}`,
    plural(values, 'value'),
    nanCount === 0 ? '' : `${count(nanCount)} of them NaN`,
    // The names of other ranks have theirs.
    rank === undefined || loggedAs !== undefined ? '' : `from rank ${rank}`,
    sources.length === 0 ? '' : `from ${sources.join(', ')}`,
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}

/** Entries of a section that are shown; `--json` has all of them. A search logs the same metrics for each trial. */
const SHOWN = { metrics: 200, parameters: 40 } as const

/** Format the first entries, and say how many there are besides. */
function firstEntries<T>(
  named: Readonly<Record<string, T>>,
  limit: number,
  describe: (value: T, name: string) => string,
): string[] {
  const all = Object.entries(named)
  const shown = all.length <= limit + 1 ? all : all.slice(0, limit)
  const rest = all.length - shown.length
  return [
    ...entries(Object.fromEntries(shown), describe),
    ...(rest === 0 ? [] : [`  and ${count(rest)} more; see --json`]),
  ]
}

function parameter({ value, sources }: ParameterRecord): string {
  return `${shortened(JSON.stringify(value))}, from ${sources.join(', ')}`
}

/** Characters of the value of a parameter that are shown. */
const SHOWN_CHARACTERS = 300

function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…`
}

function number(value: MetricRecord['first'] | null): string {
  if (value === null) return 'none'
  // Six digits are enough to read; `--json` has all of them.
  return String(Number(decodeFloat(value).toPrecision(6)))
}

/** Quote an argument for a POSIX shell. */
function quote(argument: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}
