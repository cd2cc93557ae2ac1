/**
 * The private list of the runs that this user made on this machine. It lies in the folder of the user, outside of any
 * store, so that a record which was copied or edited is not on it.
 *
 * The list is one or two files of lines that are only appended. A full file is followed by another, and the one before
 * is removed: writers take no lock.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { homedir, hostname } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { env, platform } from 'node:process'
import { hashBytes } from '../hash/bytes.ts'
import { errorCode, makeFolders } from '../util/fs.ts'
import { folderProblem, openOwnFile } from '../util/own-file.ts'
import type { RunRecord } from '../record/record.ts'

/** The fields that identify a finished run. */
type MadeRun = Pick<RunRecord, 'id' | 'seal' | 'process'>

const NAME = /^runs-v1-([0-9]{1,9})$/

/** Bytes of a full file: 64,000 runs. */
const FILE_LIMIT = 1 << 22

/** Bytes that are read of one file. Some writers may find a file not quite full at the same time. */
const READ_LIMIT = 2 * FILE_LIMIT

/** Return the folder for what lineaprint knows of this user; `undefined` if there is none. */
function stateFolder(): string | undefined {
  const base = env[platform === 'win32' ? 'LOCALAPPDATA' : 'XDG_STATE_HOME']
  // A relative path is not valid there: it would lie in the folder of a stranger.
  if (base !== undefined && isAbsolute(base)) return join(base, 'lineaprint')
  const home = homedir()
  return isAbsolute(home) ? join(home, '.local', 'state', 'lineaprint') : undefined
}

/**
 * Put a finished run on the list. Never rejects: where the list cannot be written, the run is not known later.
 */
export async function addMadeHere(run: MadeRun): Promise<void> {
  try {
    const line = await lineOf(run)
    if (line === undefined) return
    const folder = stateFolder()
    if (folder === undefined) return
    await makePrivateFolder(folder)
    if (folderProblem(folder, 'private') === undefined) await append(folder, line)
  } catch {
    // A folder that is full, read-only or of another user must not change how a run ends.
  }
}

/**
 * Check whether this user made a run on this machine.
 *
 * @param run With a seal that was checked: the list holds the seal, which stands for the whole record.
 */
export async function isMadeHere(run: MadeRun): Promise<boolean> {
  if (run.process.host !== hostname()) return false
  try {
    const line = await lineOf(run)
    if (line === undefined) return false
    const folder = stateFolder()
    if (folder === undefined || folderProblem(folder, 'private') !== undefined) return false
    for (const number of await numbersIn(folder))
      if (await holds(join(folder, nameOf(number)), line)) return true
    return false
  } catch {
    // Without a list nothing is known.
    return false
  }
}

async function lineOf({ id, seal }: MadeRun): Promise<string | undefined> {
  if (seal === null) return undefined
  const text = Buffer.from(JSON.stringify([id, seal]))
  return (await hashBytes(text, { algorithm: 'sha256' })).digest.hex
}

function nameOf(number: number): string {
  return `runs-v1-${number}`
}

async function makePrivateFolder(folder: string): Promise<void> {
  await makeFolders(dirname(folder))
  await mkdir(folder, 0o700).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
}

/** Return the numbers of the files, the newest first. */
async function numbersIn(folder: string): Promise<number[]> {
  const numbers = (await readdir(folder)).flatMap((name) => {
    const number = NAME.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
  return numbers.toSorted((a, b) => b - a).slice(0, 2)
}

async function append(folder: string, line: string): Promise<void> {
  const [newest = 1, before] = await numbersIn(folder)
  if ((await appendTo(join(folder, nameOf(newest)), line)) < FILE_LIMIT) return
  // Others may make the next file at the same time: all of them append to it.
  await appendTo(join(folder, nameOf(newest + 1)), '')
  if (before !== undefined) await rm(join(folder, nameOf(before)), { force: true })
}

/** Append a line. Returns the bytes of the file before, or 0 for a file that cannot be used. */
async function appendTo(path: string, line: string): Promise<number> {
  await using file = await openOwnFile(path, 'append')
  if (file === undefined) return 0
  const { size } = await file.stat()
  // One call, which the system does not mix with those of others. A line that was cut short ends at the first feed.
  if (line !== '') await file.write(`\n${line}\n`)
  return size
}

async function holds(path: string, line: string): Promise<boolean> {
  await using file = await openOwnFile(path, 'read')
  if (file === undefined) return false
  const bytes = Buffer.alloc(Math.min((await file.stat()).size, READ_LIMIT))
  await file.read(bytes, 0, bytes.length, 0)
  return bytes.toString('latin1').split('\n').includes(line)
}
