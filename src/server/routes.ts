/** The addresses of the API under `/api/v1`: parameters, answers and what they do. */
import { z } from 'zod/mini'
import { VERSION } from '../core/version.ts'
import { unlistedFiles } from '../compare/run-files.ts'
import { diffRuns } from '../diff/runs.ts'
import { journalProblems } from '../store/journal-read.ts'
import { labelsOf, readAnnotations } from '../store/annotations.ts'
import { checkSeal } from '../record/seal.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { matchesGlob } from '../util/glob.ts'
import { REFERENCE_KINDS } from '../lineage/start.ts'
import { mapConcurrently } from '../util/concurrency.ts'
import { ENGLISH } from '../util/schema.ts'
import { VERIFY_LEVELS } from '../verify/level.ts'
import {
  diffSchema,
  groupsSchema,
  downloadSchema,
  liveEventSchema,
  logSchema,
  metricsHeadSchema,
  patchSchema,
  runListSchema,
  runSchema,
  sessionSchema,
  storeSchema,
  verifyEventSchema,
} from './api/schemas.ts'
import { contentListSchema, contentSchema, lineageSchema } from './api/content-schemas.ts'
import { logsOf, readLog, readPatch } from './files.ts'
import { encodeLines } from './lines.ts'
import { followRun } from './follow.ts'
import { describeContent } from './content-detail.ts'
import { Refusal } from './errors.ts'
import { openDownload } from './downloads.ts'
import { lineagePart } from './lineage.ts'
import { checkUser } from './guard.ts'
import {
  choice,
  number,
  optionalChoice,
  optionalText,
  parseParameters,
  requiredText,
  texts,
} from './parameters.ts'
import { streamVerification } from './verification.ts'
import type { Component } from '../core/component.ts'
import type { StoredRun } from '../store/read.ts'
import type { Store } from '../store/store.ts'
import type { RunGroup } from '../database/group-order.ts'
import type {
  DownloadBody,
  GroupsBody,
  LogBody,
  PatchBody,
  RunBody,
  RunListBody,
  SessionBody,
  StoreBody,
} from './api/types.ts'
import type { ContentBody, ContentKind, ContentListBody, LineageBody } from './api/contents.ts'
import type { Contents } from './contents.ts'
import type { Axis } from './series-line.ts'
import type { Guard } from './guard.ts'
import type { Parameter, ValuesOf } from './parameters.ts'
import type { Downloads, SentFile } from './downloads.ts'
import type { RunLists } from './run-lists.ts'
import type { RunReader } from './run-reader.ts'

/** The parts of the server that addresses use. */
export interface Services {
  readonly store: Store
  /** Absolute path of the folder whose code and environment are compared with those of a run. */
  readonly directory: string
  readonly trackers: readonly Component[]
  readonly guard: Guard
  readonly lists: RunLists
  readonly reader: RunReader
  readonly contents: Contents
  readonly downloads: Downloads
}

/** The form of an answer. */
export type Answer =
  | { readonly kind: 'json'; readonly schema: () => z.ZodMiniType }
  /** A head, described by the schema, and columns of doubles. */
  | { readonly kind: 'columns'; readonly schema: () => z.ZodMiniType }
  /** One JSON document on each line. */
  | { readonly kind: 'lines'; readonly schema: () => z.ZodMiniType }
  /** A file that the browser saves. */
  | { readonly kind: 'file' }
  /** Server-sent events with a JSON document each. */
  | { readonly kind: 'events'; readonly schema: () => z.ZodMiniType }

/** A result, before it becomes a response. */
export type Result =
  | { readonly kind: 'json'; readonly body: unknown }
  | { readonly kind: 'columns'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'file'; readonly file: SentFile }
  | { readonly kind: 'lines' | 'events'; readonly items: (signal: AbortSignal) => AsyncIterable<unknown> }

/** A request with its parameters checked. */
export interface RouteRequest {
  /** Parts of the path by their names. */
  readonly path: Readonly<Record<string, string>>
  readonly search: URLSearchParams
  readonly body: unknown
  /** The body of an address that takes bytes. */
  readonly bytes: ReadableStream<Uint8Array> | null
  readonly headers: Headers
  /** Returns the id of the user who asks; `undefined` where the system does not tell. */
  readonly user: () => Promise<number | undefined>
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** An address. */
export interface Route<S = Services> {
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** Below `/api/v1`, with names in braces. */
  readonly path: string
  readonly summary: string
  readonly parameters: Readonly<Record<string, Parameter<unknown>>>
  readonly body?: z.ZodMiniType
  /** Bytes of the longest body. @default 16 KiB */
  readonly bodyLimit?: number
  /** True if the body is bytes, which the address reads itself. @default false */
  readonly takesBytes?: boolean
  readonly answer: Answer
  /** True for the address that gives the key that all others need. */
  readonly isOpen: boolean
  readonly handle: (request: RouteRequest, services: S) => Promise<Result>
}

const json = (body: unknown): Result => ({ kind: 'json', body })

const RUN_LIMIT = 200

/** Runs whose metrics are read at once. */
const READERS = 3

/** Points of one series: four for each pixel of the widest screen. */
const PIXELS = { least: 10, most: 8192, isWhole: true } as const

const anyNumber = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE, isWhole: false } as const

/** Return the addresses. */
export function routes(): readonly Route[] {
  return [
    post('/session', 'Exchange the token of a link, which is good once, for the key of a session', {
      isOpen: true,
      body: z.strictObject({ token: z.string() }),
      answer: { kind: 'json', schema: sessionSchema },
      handle: async ({ body, user }, { guard }): Promise<Result> => {
        checkUser(await user())
        return json({ key: guard.exchange(body.token) } satisfies SessionBody)
      },
    }),
    get('/store', 'The store that is served', {
      parameters: {},
      answer: { kind: 'json', schema: storeSchema },
      handle: async (_, { store, directory }) =>
        json({ root: store.root, directory, lineaprint: VERSION, canVerify: true } satisfies StoreBody),
    }),
    get('/runs', 'A part of a list of runs, by default the newest first', {
      parameters: {
        where: optionalText("Only runs of which it is true, as metrics.loss < 0.3 and tags has 'base'"),
        sort: texts('Order by these fields, each descending after a minus', { most: 8 }),
        column: texts('Fields whose values are wanted; auto: those in which the first runs differ', {
          most: 100,
        }),
        list: optionalText('The list of an earlier answer, to read on in it'),
        offset: number('Position of the first run', { least: 0, most: 1e9, isWhole: true }, 0),
        limit: number('Number of runs', { least: 1, most: 1000, isWhole: true }, 100),
      },
      answer: { kind: 'json', schema: runListSchema },
      handle: async ({ values: { where, sort, column, list, offset, limit } }, { lists }) => {
        const columns = column.length === 0 ? ['auto'] : column
        const part: RunListBody = await lists.part({ where, sort, columns, list, offset, limit })
        return json(part)
      },
    }),
    get('/groups', 'The runs of a list in groups, with the range of a field in each', {
      parameters: {
        where: optionalText('Only runs of which it is true'),
        by: requiredText('Field of the groups: a parameter, tags, status, name'),
        measure: optionalText('Field of numbers whose range is wanted: a metric, a parameter, duration'),
      },
      answer: { kind: 'json', schema: groupsSchema },
      handle: async ({ values }, { lists }) => {
        const { groups, count } = await lists.groups(values)
        return json({ groups: groups.map(shortGroup), count } satisfies GroupsBody)
      },
    }),
    get('/runs/{id}', 'One run; of a running run, what it has recorded so far', {
      parameters: {},
      answer: { kind: 'json', schema: runSchema },
      handle: async ({ path }, { reader }) => json(await describeRun(await reader.run(idOf(path)))),
    }),
    get('/runs/{id}/patch', 'The uncommitted changes with which the run started', {
      parameters: {},
      answer: { kind: 'json', schema: patchSchema },
      handle: async ({ path }, { reader }) =>
        json((await readPatch(await reader.run(idOf(path)))) satisfies PatchBody),
    }),
    get('/runs/{id}/log', 'A part of a log, by default the last', {
      parameters: {
        name: requiredText('Name of the log, as the run lists it'),
        from: number('Position of the first byte', { least: 0, most: 2 ** 50, isWhole: true }, undefined),
      },
      answer: { kind: 'json', schema: logSchema },
      handle: async ({ path, values: { name, from } }, { reader }) =>
        json((await readLog(await reader.run(idOf(path)), name, from)) satisfies LogBody),
    }),
    get('/runs/{id}/events', 'Tells when a run has recorded more, until it has ended', {
      parameters: {},
      answer: { kind: 'events', schema: liveEventSchema },
      handle: async ({ path }, { reader }) => {
        const id = idOf(path)
        await reader.run(id)
        return { kind: 'events', items: (signal) => followRun(reader, id, signal) }
      },
    }),
    post('/runs/{id}/verify', 'Compare a run with the present; each finding follows as it is made', {
      isOpen: false,
      body: z.strictObject({ level: z.enum(VERIFY_LEVELS) }),
      answer: { kind: 'lines', schema: verifyEventSchema },
      handle: async ({ path, body: { level } }, { reader, directory, trackers }): Promise<Result> => {
        const run = await reader.run(idOf(path))
        return {
          kind: 'lines',
          items: (signal) => streamVerification(run, { level, directory, trackers, signal }),
        }
      },
    }),
    post('/runs/{id}/downloads', 'Ask for the address of a log, or of a file that the run kept', {
      isOpen: false,
      body: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('log'), name: z.string() }),
        z.strictObject({
          kind: z.literal('kept'),
          section: z.enum(TRACKED_SECTIONS),
          name: z.string(),
          path: z.string(),
        }),
      ]),
      answer: { kind: 'json', schema: downloadSchema },
      handle: async ({ path, body, signal }, { reader, downloads }): Promise<Result> => {
        const file = await openDownload(await reader.run(idOf(path)), body, signal)
        const { name, size } = file
        return json({ download: downloads.add(file), name, size } satisfies DownloadBody)
      },
    }),
    {
      ...get('/downloads/{download}', 'A file that was asked for; each address is good once', {
        parameters: {},
        answer: { kind: 'file' },
        handle: async ({ path }, { downloads }) => ({
          kind: 'file',
          file: downloads.take(path['download'] ?? ''),
        }),
      }),
      // A browser that saves a file sends no key; the address is a secret of its own.
      isOpen: true,
    },
    get('/diff', 'Two runs compared by their records, the most likely cause first', {
      parameters: {
        before: requiredText('Id of the first run'),
        after: requiredText('Id of the second run'),
      },
      answer: { kind: 'json', schema: diffSchema },
      handle: async ({ values: { before, after }, signal }, { reader, trackers }) =>
        json(await diffRuns(await reader.run(before), await reader.run(after), { trackers, signal })),
    }),
    get('/contents', 'Models or datasets by their digests, those of the newest runs first', {
      parameters: {
        kind: choice<ContentKind>('Kind of the contents', ['models', 'datasets']),
        search: optionalText('Text in a name, or the first digits of a digest'),
        offset: number('Position of the first one', { least: 0, most: 1e9, isWhole: true }, 0),
        limit: number('Number of them', { least: 1, most: 1000, isWhole: true }, 100),
      },
      answer: { kind: 'json', schema: contentListSchema },
      handle: async ({ values: { kind, search = '', offset, limit } }, { contents }) =>
        json((await contents.current()).list(kind, search, offset, limit) satisfies ContentListBody),
    }),
    get('/contents/{digest}', 'A model or dataset: the runs that made and used it, and what they recorded', {
      parameters: { against: optionalText('Digest of the model with which its tensors are compared') },
      answer: { kind: 'json', schema: contentSchema },
      handle: async ({ path, values: { against } }, { contents, reader }) => {
        const digest = path['digest'] ?? ''
        return json(
          (await describeContent(await contents.current(), reader, digest, against)) satisfies ContentBody,
        )
      },
    }),
    get('/lineage', 'What led to a run, model or dataset, and what came of it: the nearest nodes', {
      parameters: {
        of: requiredText('A run, a digest, or the name of something that runs read or made'),
        as: optionalChoice('Kind of the reference; by default the only one that fits', REFERENCE_KINDS),
        depth: number('Most runs between the start and a node', { least: 0, most: 1000, isWhole: true }, 3),
        nodes: number('Most nodes', { least: 1, most: 500, isWhole: true }, 120),
      },
      answer: { kind: 'json', schema: lineageSchema },
      handle: async ({ values: { of, as, depth, nodes }, signal }, { contents }) =>
        json((await lineagePart(contents, of, { as, depth, nodes, signal })) satisfies LineageBody),
    }),
    get(
      '/metrics',
      'Metrics of runs as lines: of each pixel the first, least, greatest and last value. A head in JSON after its length in four bytes, filled up to a multiple of eight bytes, then for each series its positions and its values as doubles, all little-endian',
      {
        parameters: {
          run: texts('Ids of the runs', { least: 1, most: RUN_LIMIT }),
          metric: texts('Patterns of names, * for any characters; by default all', { most: 100 }),
          axis: choice<Axis>('Axis of the lines; values of a series without steps are at their numbers', [
            'step',
            'time',
            'epoch',
            'index',
          ]),
          from: number('Least position', anyNumber, undefined),
          to: number('Greatest position', anyNumber, undefined),
          pixels: number('Columns of the picture', PIXELS, 1000),
        },
        answer: { kind: 'columns', schema: metricsHeadSchema },
        handle: async ({ values: { run: ids, metric, axis, from, to, pixels }, signal }, { reader }) => {
          const isWanted = (name: string): boolean =>
            metric.length === 0 || metric.some((pattern) => matchesGlob(pattern, name))
          const request = { axis, from, to, pixels }
          const parts = await mapConcurrently(ids, READERS, async (id) =>
            reader.lines(id, request, isWanted, signal),
          )
          const series = parts.flatMap((part) => part.series)
          const warnings = parts.flatMap((part) => part.warnings)
          return { kind: 'columns', bytes: encodeLines(series, warnings) }
        },
      },
    ),
  ]
}

/** Characters of a value that names a group. */
const GROUP_TEXT = 500

/** Return a group whose value is short; a long one is cut, as text. */
function shortGroup(group: RunGroup): RunGroup {
  const text = typeof group.value === 'string' ? group.value : JSON.stringify(group.value)
  return text.length > GROUP_TEXT ? { ...group, value: `${text.slice(0, GROUP_TEXT)}…` } : group
}

function idOf(path: Readonly<Record<string, string>>): string {
  return path['id'] ?? ''
}

/** Files that are not listed in the record and that an answer names, and characters of their paths. */
const UNLISTED = 8
const UNLISTED_TEXT = 300

/** Return a run as the API shows it. */
export async function describeRun(run: StoredRun): Promise<RunBody> {
  const { id, folder, record, status, journal } = run
  const annotations = await readAnnotations(folder)
  const unlisted = await unlistedFiles(run)
  return {
    id,
    folder,
    status,
    seal: checkSeal(record),
    unlisted: {
      count: unlisted.length,
      paths: unlisted.slice(0, UNLISTED).map((path) => path.slice(0, UNLISTED_TEXT)),
    },
    record,
    logs: await logsOf(run),
    labels: labelsOf(record, annotations),
    problems: [
      // The last line of a running run is being written.
      ...(journal === undefined ? [] : status === 'running' ? journal.problems : journalProblems(journal)),
      ...annotations.problems,
    ],
  }
}

function get<P extends Readonly<Record<string, Parameter<unknown>>>>(
  path: string,
  summary: string,
  route: {
    readonly parameters: P
    readonly answer: Answer
    readonly handle: (
      request: RouteRequest & { readonly values: ValuesOf<P> },
      services: Services,
    ) => Promise<Result>
  },
): Route {
  const { parameters, answer, handle } = route
  return {
    method: 'get',
    path,
    summary,
    parameters,
    answer,
    isOpen: false,
    handle: async (request, services) =>
      handle({ ...request, values: parseParameters(request.search, parameters) }, services),
  }
}

function post<B extends z.ZodMiniType>(
  path: string,
  summary: string,
  route: {
    readonly isOpen: boolean
    readonly body: B
    readonly answer: Answer
    readonly handle: (
      request: RouteRequest & { readonly body: z.infer<B> },
      services: Services,
    ) => Promise<Result>
  },
): Route {
  const { body: schema, answer, handle, isOpen } = route
  return {
    method: 'post',
    path,
    summary,
    parameters: {},
    body: schema,
    answer,
    isOpen,
    handle: async (request, services) => {
      parseParameters(request.search, {})
      return handle({ ...request, body: checkBody(schema, request.body) }, services)
    },
  }
}

/** Check a body. @throws Refusal naming what is wrong. */
export function checkBody<B extends z.ZodMiniType>(schema: B, body: unknown): z.infer<B> {
  const parsed = z.safeParse(schema, body, ENGLISH)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Refusal(
    400,
    'ERR_LINEAPRINT_ARGUMENT',
    `the body is not as it should be: ${issue?.message ?? ''}`,
    {
      where: issue?.path.join('.') || 'body',
    },
  )
}
