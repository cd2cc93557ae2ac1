/**
 * The file by which the ranks of a launch on one machine find the run that the first of them makes. It is in the store,
 * so ranks with other stores make runs of their own.
 */
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolders, writeAtomic } from '../../util/fs.ts'
import { OWNER_MODES, modesIn } from '../../util/modes.ts'
import { openOwnFile, stateOfName } from '../../util/own-file.ts'
import { isAlive, thisProcess } from '../../util/process-identity.ts'
import { meetingName } from './launch.ts'
import type { ProcessRecord } from '../../util/process-identity.ts'
import type { Launch } from './launch.ts'

/** Version of the file. */
const SCHEMA = 'lineaprint/launch/v1'

/** Name of the folder of the store. */
const FOLDER = 'launches'

/** Largest file in bytes. */
const SIZE_LIMIT = 1 << 16

/** Files of launches that are examined at once. */
const SWEEP_LIMIT = 1000

/** The statement of the first rank about its run. */
export interface Meeting {
  readonly schema: typeof SCHEMA
  /** The process that writes the run. */
  readonly process: ProcessRecord
  /** Identity of the process that started it: that of all ranks, unless a shell is between. */
  readonly parent: string
  /** Path of the socket; `null` before the run takes ranks. */
  readonly socket: string | null
  readonly hasEnded: boolean
}

/** The announcement of a run to the other ranks. */
export class Announcement {
  readonly #path: string
  readonly #meeting: Meeting

  private constructor(path: string, meeting: Meeting) {
    this.#path = path
    this.#meeting = meeting
  }

  /**
   * Announce that this process makes the run of a launch. The others wait then.
   *
   * @param root Absolute path of the store, which exists.
   * @throws The system's error, or ERR_LINEAPRINT_STORE.
   */
  static async make(root: string, launch: Launch): Promise<Announcement> {
    const folder = join(root, FOLDER)
    await makeFolders(folder, modesIn(root).folder)
    await sweep(folder)
    const { parent } = launch
    const meeting: Meeting = {
      schema: SCHEMA,
      process: thisProcess(),
      parent,
      socket: null,
      hasEnded: false,
    }
    const announcement = new Announcement(join(folder, meetingName(launch)), meeting)
    await announcement.#write(meeting)
    return announcement
  }

  /** Announce the socket: the run takes ranks. */
  open(socket: string): Promise<void> {
    return this.#write({ ...this.#meeting, socket })
  }

  /** Announce that the run takes no more ranks. One that comes too late need not wait. */
  close(): Promise<void> {
    return this.#write({ ...this.#meeting, hasEnded: true })
  }

  #write(meeting: Meeting): Promise<void> {
    // The ranks of a launch are of one user. Whoever else can write it could send them to a socket of his.
    return writeAtomic(this.#path, `${JSON.stringify(meeting)}\n`, OWNER_MODES.file)
  }
}

/** Return what the first rank of a launch says; `undefined` if it has not written yet, or the file belongs to somebody else. */
export async function readMeeting(root: string, launch: Launch): Promise<Meeting | undefined> {
  return parse((await readOwn(join(root, FOLDER, meetingName(launch)))) ?? '')
}

/**
 * Return the text of a file that only this user can write; `undefined` if there is none. In a store that a group shares,
 * somebody else can put anything at its name.
 */
async function readOwn(path: string): Promise<string | undefined> {
  try {
    if (stateOfName(path) !== 'own') return undefined
    await using file = await openOwnFile(path, 'read')
    if (file === undefined) return undefined
    return (await file.stat()).size > SIZE_LIMIT ? '' : await file.readFile('utf8')
  } catch {
    return undefined
  }
}

function parse(text: string): Meeting | undefined {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof Meeting, unknown>> | null
    const { schema, process, parent, socket, hasEnded } = value ?? {}
    const isMeeting =
      schema === SCHEMA &&
      typeof parent === 'string' &&
      typeof hasEnded === 'boolean' &&
      (socket === null || typeof socket === 'string') &&
      typeof process === 'object' &&
      process !== null
    return isMeeting ? (value as Meeting) : undefined
  } catch {
    return undefined
  }
}

/** Remove the files of launches whose run has ended. One that is removed too early is only waited for in vain. */
async function sweep(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{32}$/.test(name))
  for (const name of names.slice(0, SWEEP_LIMIT)) {
    const path = join(folder, name)
    const text = await readOwn(path)
    // It is another user's, and his run may go on.
    if (text === undefined) continue
    const meeting = parse(text)
    if (meeting === undefined || isAlive(meeting.process) === 'gone')
      await unlink(path).catch(() => undefined)
  }
}
