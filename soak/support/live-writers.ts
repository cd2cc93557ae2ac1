/** The programs of the rounds `live` and `live-delay`, which send runs to a server while they go on. */
import { TeamAdministration } from '../../src/database/team/administration.ts'
import { ending, printed, startChild } from './child.ts'

/** The result of a run. */
export interface LiveRun {
  readonly id: string
  /** Values that it logged. */
  readonly values: number
  /** True if it kept an output. */
  readonly isKept: boolean
  /** Milliseconds since 1970 at its end. */
  readonly endedAt: number
  readonly warnings: readonly string[]
}

/** Name of the project. */
export const PROJECT = 'soak'

/** Number of programs. */
export const WRITERS = 8

const PROGRAM = new URL('../children/live.ts', import.meta.url)

/** Return the id of a run that goes on. */
export function liveId(writer: number, index: number): string {
  return `live-${writer}-${index}`
}

/** Programs at work. */
export interface Writers {
  /** Ids of the runs that go on. */
  readonly ids: readonly string[]
  /** End these runs, and wait until all runs have ended. @throws If a program failed or wrote a line of its own. */
  readonly end: () => Promise<LiveRun[]>
  /** Return what a program wrote that failed; `undefined` while all are well. */
  readonly failure: () => string | undefined
}

/** Start the programs. @param every Milliseconds between the starts of two short runs of a program. */
export function startWriters(options: {
  readonly url: string
  readonly token: string
  /** Folder of the store that they share. */
  readonly folder: string
  readonly live: number
  readonly short: number
  readonly every: number
}): Writers {
  const { url, token, folder, live, short, every } = options
  const environment = { ...process.env, LINEAPRINT_TOKEN: token }
  const shares = Array.from({ length: WRITERS }, (_, writer) => ({
    writer,
    live: Math.floor((live + writer) / WRITERS),
    short: Math.floor((short + writer) / WRITERS),
  }))
  let failure: string | undefined
  const children = shares.map((share) =>
    startChild(PROGRAM, [folder, url, ...[share.writer, share.live, share.short, every].map(String)], {
      environment,
    }),
  )
  const ends = children.map(async (child) => {
    const end = await ending(child)
    if (end.code !== 0 || end.stderr !== '') failure ??= end.stderr || String(end.code ?? end.signal)
    return end
  })
  return {
    ids: shares.flatMap(({ writer, live: own }) =>
      Array.from({ length: own }, (_, index) => liveId(writer, index)),
    ),
    end: async () => {
      for (const child of children) child.stdin.end()
      const runs = (await Promise.all(ends)).flatMap((end) => printed(end) as LiveRun[])
      if (failure !== undefined) throw new Error(`a program that sends runs wrote: ${failure.slice(-2000)}`)
      return runs
    },
    failure: () => failure,
  }
}

/** Make a token of an admin of the project. @param database Address of the database. */
export async function makeToken(database: string): Promise<string> {
  const administration = TeamAdministration.open(database)
  try {
    return (await administration.createToken({ project: PROJECT, role: 'admin', name: PROJECT })).token
  } finally {
    await administration.close()
  }
}
