/** Runs of `children/save.ts` with a fault at one system call. */
import { rmSync } from 'node:fs'
import { ending, waitForOutput, startChild } from './child.ts'
import { attach, seenCalls } from './strace.ts'
import type { Child, Ending } from './child.ts'
import type { SaveLine } from '../children/save.ts'
import type { SeenCall } from './strace.ts'

const PROGRAM = new URL('../children/save.ts', import.meta.url)

/** One call of a save. */
export interface CallPoint {
  readonly name: string
  readonly number: number
}

/** A save that ended or was killed. */
export interface Save {
  /** The reports of the program, without a torn last line. */
  readonly lines: readonly SaveLine[]
  readonly calls: readonly SeenCall[]
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

/** Options of a save. */
export interface SaveOptions {
  /** Folder that holds the store. */
  readonly folder: string
  readonly id: string
  readonly inject?: string
  readonly control?: 'early' | 'deaf' | `files=${number}`
  /** Threads of the runtime for file operations. With one, the order of calls is fixed. */
  readonly threads?: number
  /** Maximum number of open files. */
  readonly descriptors?: number
}

/** Run one save under strace, which counts from the moment that the save begins. */
export async function save(options: SaveOptions): Promise<Save> {
  const { folder, inject } = options
  const log = `${folder}.strace`
  const child = startSave(options)
  const ended = ending(child)
  try {
    await waitForOutput(child, '"ready"}\n')
    const tracer = await attach(child, { log, ...(inject !== undefined && { inject }) })
    child.stdin.end('go\n')
    const end = await ended
    await tracer.ended
    return { ...saveOf(end), calls: seenCalls(log) }
  } finally {
    child.kill('SIGKILL')
    rmSync(log, { force: true })
  }
}

/** Run one save without strace. */
export async function saveUntraced(options: SaveOptions): Promise<Save> {
  const child = startSave(options)
  const ended = ending(child)
  child.stdin.end('go\n')
  return saveOf(await ended)
}

function startSave({ folder, id, control, threads = 1, descriptors }: SaveOptions): Child {
  const environment = { ...process.env, UV_THREADPOOL_SIZE: String(threads) }
  const args = [folder, id, ...(control === undefined ? [] : [control])]
  return startChild(PROGRAM, args, { environment, ...(descriptors !== undefined && { descriptors }) })
}

function saveOf({ stdout, stderr, code, signal }: Ending): Save {
  // The last line may be torn.
  const lines = stdout.slice(0, stdout.lastIndexOf('\n')).split('\n')
  return { lines: lines.map((line) => JSON.parse(line) as SaveLine), calls: [], code, signal, stderr }
}

/**
 * Return the calls of one undisturbed save, each once, and for each name one call after the last, which never
 * occurs.
 */
export async function pointsOf(folder: string, names: RegExp): Promise<CallPoint[]> {
  const { calls, lines, stderr } = await save({ folder, id: 'undisturbed' })
  if (lines.at(-1)?.step !== 'finish' || lines.some(({ error }) => error !== undefined))
    throw new Error(`a save without a fault failed: ${JSON.stringify(lines)} ${stderr}`)
  return pointsIn(calls, names)
}

/** Return the calls that were seen, each once, and one after the last of each name. */
export function pointsIn(calls: readonly SeenCall[], names: RegExp): CallPoint[] {
  const most = new Map<string, number>()
  for (const { name, number } of calls) {
    if (names.test(name)) most.set(name, Math.max(most.get(name) ?? 0, number))
  }
  return [...most].flatMap(([name, count]) =>
    Array.from({ length: count + 1 }, (_, index) => ({ name, number: index + 1 })),
  )
}

/** Select items evenly spread over a list. */
export function spreadOver<T>(all: readonly T[], count: number): T[] {
  if (count >= all.length) return [...all]
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)] as T)
}
