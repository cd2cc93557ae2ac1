/** The addresses of a server of a team: those of the page below each project, and those that move runs. */
import { basename, join } from 'node:path'
import { VERSION } from '../../core/version.ts'
import { LineaprintError } from '../../core/errors.ts'
import { isRunId, safeFileName } from '../../core/run-id.ts'
import { listPath, piecePath } from '../../store/objects/layout.ts'
import { receiveList, receivePiece } from '../../store/objects/receive.ts'
import { removeRunFolder } from '../../store/remove-folder.ts'
import { RECORD_FILE } from '../../store/store.ts'
import { filesOfRun } from '../../transfer/files-of-run.ts'
import {
  commitSchema,
  liveSchema,
  missingSchema,
  objectNamesSchema,
  projectsSchema,
  runFilesSchema,
} from '../../transfer/schemas.ts'
import {
  FIRST_RECORD_LIMIT,
  LIVE_LIMIT,
  isHex,
  isLiveFile,
  objectName,
  parseObjectName,
} from '../../transfer/wire.ts'
import { isMissing, pathExists } from '../../util/fs.ts'
import { openUnlinked } from '../../util/own-file.ts'
import { storeSchema } from '../api/schemas.ts'
import { bytesOf, steady } from '../body.ts'
import { Refusal } from '../errors.ts'
import { number, parseParameters, requiredText } from '../parameters.ts'
import { checkBody, routes } from '../routes.ts'
import { auditSchema } from './audit-schema.ts'
import { commitRun, digestsOf } from './commit.ts'
import { appendLive, loseLive, startLive } from './live.ts'
import type { FileHandle } from 'node:fs/promises'
import type { TeamAdministration } from '../../database/team/administration.ts'
import type { Role, TokenInfo } from '../../database/team/tokens.ts'
import type { RunId } from '../../core/run-id.ts'
import type { DiffBody, RunBody, RunListBody, StoreBody } from '../api/types.ts'
import type { Result, Route, RouteRequest, Services } from '../routes.ts'
import type { CommitBody, LiveBody, MissingBody, ProjectsBody, RunFilesBody } from '../../transfer/wire.ts'
import type { ObjectName } from '../../transfer/wire.ts'
import type { AuditBody } from './audit-body.ts'
import type { Announce } from './commit.ts'
import type { Project } from './project.ts'

/** The parts of a server that its addresses use. */
export interface TeamServices extends Services {
  readonly project: Project
  readonly administration: TeamAdministration
  /** Bytes of the longest file of a run. */
  readonly fileLimit: number
  /** Add an entry to the audit log. */
  readonly audit: (action: string, subject: string) => Promise<void>
  /** Add the entries that wait for the database. @throws ERR_LINEAPRINT_SERVICE */
  readonly flushAudit: () => Promise<void>
}

/** An address of a project, and the role that it needs. */
export interface TeamRoute extends Route<TeamServices> {
  readonly role: Role
}

/** Bytes that are read at a time. */
const BLOCK = 1 << 20

/** Bytes of a list of the files of a run. */
const FILES_LIMIT = 32 << 20

/** Bytes of a question about objects. */
const NAMES_LIMIT = 1 << 20

/** Bytes of a list of parts. */
const LIST_LIMIT = 65 << 20

/** Addresses of the local page that a server has not: its disk and sessions are not those of the user. */
const LOCAL = new Set(['/session', '/store', '/runs/{id}/verify'])

const json = (body: unknown): Result => ({ kind: 'json', body })

/** Return the addresses below `/api/v1/projects/{project}`. */
export function projectRoutes(): readonly TeamRoute[] {
  const readable = routes()
    .filter(({ path }) => !LOCAL.has(path))
    .map((shared): TeamRoute => ({
      ...shared,
      role: 'reader',
      handle: async (request, services) => withoutFolders(await shared.handle(request, services), services),
    }))
  return [
    route('get', '/store', 'The project that is served', 'reader', {
      answer: { kind: 'json', schema: storeSchema },
      handle: async (_, { project }) =>
        json({
          root: project.name,
          directory: '',
          lineaprint: VERSION,
          canVerify: false,
        } satisfies StoreBody),
    }),
    ...readable,
    route('get', '/runs/{id}/files', 'The files of a run, with their digests', 'reader', {
      answer: { kind: 'json', schema: runFilesSchema },
      handle: async ({ path, signal }, { reader }) => {
        const run = await reader.run(path['id'] ?? '')
        const { paths } = await filesOfRun(run)
        return json({ files: await digestsOf(run.folder, paths.toSorted(), signal) } satisfies RunFilesBody)
      },
    }),
    route('get', '/runs/{id}/file', 'A file of a run', 'reader', {
      parameters: { path: requiredText('Path below the folder of the run, as the run lists it') },
      answer: { kind: 'file' },
      handle: async ({ path, search }, { reader }) => {
        const run = await reader.run(path['id'] ?? '')
        const wanted = search.get('path') ?? ''
        const { paths } = await filesOfRun(run)
        if (!paths.includes(wanted)) throw notThere('path', 'the run has no such file', wanted)
        return fileAnswer(join(run.folder, wanted))
      },
    }),
    route(
      'post',
      '/runs/{id}/commit',
      'Take a run whose contents have arrived, or tell what is missing',
      'writer',
      {
        body: runFilesSchema(),
        bodyLimit: FILES_LIMIT,
        answer: { kind: 'json', schema: commitSchema },
        handle: async ({ path, body, signal }, { project, audit }) => {
          const id = runIdOf(path)
          const { files } = checkBody(runFilesSchema(), body)
          const announce: Announce = async (action) => audit(action, id)
          return json((await commitRun(project, id, files, announce, signal)) satisfies CommitBody)
        },
      },
    ),
    route('put', '/blobs/{digest}', 'Send a content of a run by its BLAKE3 digest', 'writer', {
      takesBytes: true,
      answer: { kind: 'json', schema: missingSchema },
      handle: async ({ path, bytes }, { project, fileLimit }) => {
        const digest = path['digest'] ?? ''
        if (!isHex(digest)) throw notThere('digest', 'this is not a digest', digest)
        await project.incoming.receive(digest, steady(bytes), fileLimit)
        return json({ missing: [] } satisfies MissingBody)
      },
    }),
    route(
      'put',
      '/runs/{id}/live',
      'Append to a file of a running run; its first record starts it',
      'writer',
      {
        parameters: {
          file: requiredText('run.json, events.jsonl, or the name of a log'),
          from: number('Position of the first byte', { least: 0, most: 2 ** 50, isWhole: true }, 0),
        },
        takesBytes: true,
        answer: { kind: 'json', schema: liveSchema },
        handle: async ({ path, search, bytes }, { project, fileLimit, audit }) => {
          const id = runIdOf(path)
          const name = search.get('file') ?? ''
          const from = Number(search.get('from') ?? 0)
          if (!isLiveFile(name)) throw notThere('file', 'no such file of a run grows', name)
          if (name !== RECORD_FILE) {
            const piece = await bytesOf(bytes, LIVE_LIMIT)
            return json((await appendLive(project, id, name, from, piece, fileLimit)) satisfies LiveBody)
          }
          const first = await bytesOf(bytes, FIRST_RECORD_LIMIT)
          const announce: Announce = async (action) => audit(action, id)
          return json((await startLive(project, id, first, announce)) satisfies LiveBody)
        },
      },
    ),
    route('post', '/runs/{id}/lost', 'Report that the process of a run is gone', 'writer', {
      answer: { kind: 'json', schema: missingSchema },
      handle: async ({ path }, { project }) => {
        await loseLive(project, runIdOf(path))
        return json({ missing: [] } satisfies MissingBody)
      },
    }),
    route('delete', '/runs/{id}', 'Remove a run', 'admin', {
      answer: { kind: 'json', schema: missingSchema },
      handle: async ({ path }, { project, reader, audit }) => {
        const id = runIdOf(path)
        await project.changes.run(id, async () => {
          const folder = await reader.folder(id)
          await audit('run.delete', id)
          await removeRunFolder(folder)
        })
        project.index.invalidate()
        return json({ missing: [id] } satisfies MissingBody)
      },
    }),
    route('post', '/objects/missing', 'Tell which kept contents the project does not have', 'writer', {
      body: objectNamesSchema(),
      bodyLimit: NAMES_LIMIT,
      answer: { kind: 'json', schema: missingSchema },
      handle: async ({ body }, { project }) => {
        const { names } = checkBody(objectNamesSchema(), body)
        const missing: string[] = []
        for (const text of names) {
          const name = objectOf(text)
          if (!(await pathExists(objectPath(project, name), 'keep'))) missing.push(objectName(name))
        }
        return json({ missing } satisfies MissingBody)
      },
    }),
    route('put', '/objects/{name}', 'Send a kept content, or the list of its parts', 'writer', {
      takesBytes: true,
      answer: { kind: 'json', schema: missingSchema },
      handle: async ({ path, bytes, signal }, { project: { store } }) => {
        const name = objectOf(path['name'] ?? '')
        if (name.isList)
          await receiveList(store, name, (await bytesOf(bytes, LIST_LIMIT)).toString('latin1'), signal)
        else await receivePiece(store, name, steady(bytes))
        return json({ missing: [] } satisfies MissingBody)
      },
    }),
    route('get', '/objects/{name}', 'A kept content, or the list of its parts', 'reader', {
      answer: { kind: 'file' },
      handle: async ({ path }, { project }) => fileAnswer(objectPath(project, objectOf(path['name'] ?? ''))),
    }),
    route('get', '/audit', 'What was changed in the project, and by which token; the newest first', 'admin', {
      parameters: {
        before: number('Only entries before this one', { least: 1, most: 2 ** 50, isWhole: true }, undefined),
        limit: number('Number of entries', { least: 1, most: 1000, isWhole: true }, 100),
      },
      answer: { kind: 'json', schema: auditSchema },
      handle: async ({ search }, { project, administration, flushAudit }) => {
        // What waits for the database belongs to the answer.
        await flushAudit()
        const before = search.get('before')
        const entries = await administration.readAudit(project.name, {
          before: before === null ? undefined : Number(before),
          limit: Number(search.get('limit') ?? 100),
        })
        return json({ entries } satisfies AuditBody)
      },
    }),
  ]
}

/** Return a result without the folders of the server, which mean nothing elsewhere. */
function withoutFolders(result: Result, { store }: TeamServices): Result {
  if (result.kind !== 'json') return result
  const body = result.body as Partial<RunBody & RunListBody & DiffBody>
  const damaged = body.damaged?.map(({ id, message }) => ({
    id,
    folder: '',
    message: message.replaceAll(`${store.root}/`, ''),
  }))
  return json({
    ...body,
    ...(body.folder !== undefined && { folder: '' }),
    ...(damaged !== undefined && { damaged }),
    ...(body.before !== undefined && { before: withoutFolder(body.before) }),
    ...(body.after !== undefined && { after: withoutFolder(body.after) }),
  })
}

function withoutFolder(side: DiffBody['before']): DiffBody['before'] {
  return { ...side, folder: '' }
}

/** The address that tells the projects of a token; it is of no project. */
export const PROJECTS_ROUTE: Omit<Route, 'handle'> = {
  method: 'get',
  path: '/projects',
  summary: 'The projects that the token is for',
  parameters: {},
  answer: { kind: 'json', schema: projectsSchema },
  isOpen: false,
}

/** Return the projects of a token. */
export function projectsOf({ project, role }: TokenInfo): ProjectsBody {
  return { projects: [{ name: project, role }] }
}

function route(
  method: Route['method'],
  path: string,
  summary: string,
  role: Role,
  details: Partial<Pick<Route, 'parameters' | 'body' | 'bodyLimit' | 'takesBytes'>> &
    Pick<TeamRoute, 'answer' | 'handle'>,
): TeamRoute {
  const { parameters = {}, handle } = details
  return {
    method,
    path,
    summary,
    role,
    isOpen: false,
    ...details,
    parameters,
    handle: async (request: RouteRequest, services) => {
      parseParameters(request.search, parameters)
      return handle(request, services)
    },
  }
}

function runIdOf(path: Readonly<Record<string, string>>): RunId {
  const id = path['id'] ?? ''
  if (isRunId(id)) return id
  throw notThere('id', 'this is not an id of a run', id)
}

function objectOf(text: string): ObjectName {
  const name = parseObjectName(text)
  if (name !== undefined) return name
  throw new Refusal(400, 'ERR_LINEAPRINT_ARGUMENT', 'this is not a name of an object', {
    where: 'name',
    expected: 'blake3:… or sha256:… with 64 hexadecimal digits, and .parts after it for a list',
    received: JSON.stringify(text.slice(0, 120)),
  })
}

function objectPath({ store }: Project, name: ObjectName): string {
  return name.isList ? listPath(store, name) : piecePath(store, name)
}

function notThere(where: string, what: string, received: string): Refusal {
  return new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', what, {
    where,
    received: JSON.stringify(received.slice(0, 120)),
  })
}

/** Return a file as a result. @throws ERR_LINEAPRINT_NOT_FOUND if it is not there. */
async function fileAnswer(path: string): Promise<Result> {
  let file: FileHandle
  try {
    file = await openUnlinked(path)
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such content', { cause })
  }
  const { size } = await file.stat()
  return {
    kind: 'file',
    file: { name: safeFileName(basename(path)), size, blocks: (signal) => blocksOf(file, size, signal) },
  }
}

/** Yield the bytes of an open file, and close it. What it grows by meanwhile is not among them. */
async function* blocksOf(file: FileHandle, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await using owned = file
  for (let done = 0; done < size && !signal.aborted;) {
    const block = Buffer.alloc(Math.min(BLOCK, size - done))
    const { bytesRead } = await owned.read(block, 0, block.length, done)
    if (bytesRead === 0)
      throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the file was cut while it was sent')
    yield block.subarray(0, bytesRead)
    done += bytesRead
  }
}
