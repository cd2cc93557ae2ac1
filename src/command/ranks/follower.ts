/** A rank that reports to the run of the first rank on its machine: only its command is its own. */
import { setTimeout as sleep } from 'node:timers/promises'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { isAlive } from '../../util/process-identity.ts'
import { BridgeClient } from '../python-bridge/client.ts'
import { PROTOCOL } from '../python-bridge/frames.ts'
import { ARRIVAL_MS } from './leader.ts'
import { readMeeting } from './meeting.ts'
import type { Declared } from '../declared.ts'
import type { ProcessEnd } from '../process.ts'
import type { Launch } from './launch.ts'

/** Milliseconds between two polls of the announcement. */
const POLL_MS = 25

/** The run that a rank has joined. */
export interface JoinedRun {
  readonly id: string
  readonly directory: string
  /** Folder of the socket and of transferred files. */
  readonly scratch: string
  /** Folder for the logs of this rank. */
  readonly logs: string
  readonly socket: string
  readonly client: BridgeClient
}

/** Why a rank makes a run of its own. */
export interface NotJoined {
  readonly reason: string
}

/**
 * Join the run of the first rank on this machine, once that is there.
 *
 * @param root Absolute path of the store.
 * @param declared Absolute paths that the command declares.
 * @param signal Stops waiting, with its reason as the error.
 */
export async function joinRun(
  root: string,
  launch: Launch,
  declared: Declared,
  signal: AbortSignal,
): Promise<JoinedRun | NotJoined> {
  let end = performance.now() + ARRIVAL_MS
  let reason = `no run of the first rank of ${launch.node} was found within ${ARRIVAL_MS / 1000} s`
  while (performance.now() < end) {
    signal.throwIfAborted()
    const meeting = await readMeeting(root, launch)
    const isThere = meeting !== undefined && isAlive(meeting.process) !== 'gone'
    const isOver = meeting !== undefined && (meeting.hasEnded || !isThere)
    // What an earlier launch of the same name has left is no run of this one.
    if (isOver && meeting.parent === launch.parent) return { reason: 'the run of the first rank has ended' }
    if (isThere && !isOver && meeting.socket === null) end = performance.now() + ARRIVAL_MS
    if (isThere && !isOver && meeting.socket !== null) {
      const joined = await join(meeting.socket, launch, declared)
      if (!('reason' in joined)) return joined
      reason = joined.reason
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  signal.throwIfAborted()
  return { reason }
}

async function join(socket: string, launch: Launch, declared: Declared): Promise<JoinedRun | NotJoined> {
  let client: BridgeClient | undefined
  try {
    client = await BridgeClient.connect(socket)
    const { rank, localRank } = launch
    const answer = await client.call({
      call: 'join',
      protocol: PROTOCOL,
      pid: process.pid,
      rank,
      localRank,
      ...declared,
    })
    const { run, directory, scratch, logs } = answer as Record<string, string>
    if (run === undefined || directory === undefined || scratch === undefined || logs === undefined)
      throw new Error('its answer has no run')
    return { id: run, directory, scratch, logs, socket, client }
  } catch (error) {
    client?.close()
    // An input that cannot be read stops the command, as without ranks.
    if (LineaprintError.is(error) && error.code !== 'ERR_LINEAPRINT_STATE') throw error
    return { reason: `the run of the first rank could not be joined: ${reasonOf(error)}` }
  }
}

/**
 * Report the end of the command of this rank.
 *
 * @returns The warning if it could not be recorded.
 */
export async function leaveRun(
  { client }: JoinedRun,
  { exit, durationMs, stdout, stderr, warnings }: ProcessEnd,
): Promise<string | undefined> {
  try {
    await client.call({
      call: 'leave',
      exitCode: exit.kind === 'exited' ? exit.code : null,
      signal: exit.kind === 'signalled' ? exit.signal : null,
      durationMs,
      stdout,
      stderr,
      warnings,
    })
    return undefined
  } catch (error) {
    return `the end of this rank was not recorded: ${reasonOf(error)}`
  } finally {
    client.close()
  }
}
