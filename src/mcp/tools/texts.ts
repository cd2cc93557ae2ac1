/** Tools that read the texts of a run: its logs, and the uncommitted changes with which it started. */
import { z } from 'zod/mini'
import { LineaprintError } from '../../core/errors.ts'
import { findRun } from '../../database/runs.ts'
import { logsOf, readLog, readPatch } from '../../server/files.ts'
import { BYTES, runArgument, textArgument } from '../arguments.ts'
import { jsonLine } from '../fit.ts'
import { tool } from '../tool.ts'
import type { Answer } from '../fit.ts'
import type { Tool } from '../tool.ts'

const FROM = {
  from: z.optional(z.int().check(z.minimum(0), z.maximum(2 ** 50), z.describe('Position of the first byte'))),
} as const

/** Read a log. */
export const READ_LOG: Tool = tool({
  name: 'read_log',
  title: 'Read a log',
  description:
    'Read what a run wrote to stdout or stderr: by default the end, otherwise the bytes from a position on. "to" of an answer is the "from" of the next.',
  schema: z.strictObject({
    run: runArgument('The run'),
    name: z.optional(textArgument('Name of the log; by default the first that the run has')),
    ...FROM,
    ...BYTES,
  }),
  answer: async ({ run: reference, name, from, bytes }, { store }) => {
    const run = await findRun(store, reference)
    const logs = (await logsOf(run)).map((log) => log.name)
    const chosen = name ?? logs[0]
    if (chosen === undefined) {
      throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the run has no log', {
        field: 'run',
        expected: 'a run of "lineaprint run"',
        received: run.id,
      })
    }
    const { text, open, from: start, size } = await readLog(run, chosen, from)
    return part({ run: run.id, name: chosen, logs }, Buffer.from(text + open), start, size, {
      bytes,
      isEnd: from === undefined,
    })
  },
})

/** Read the changes. */
export const READ_PATCH: Tool = tool({
  name: 'read_patch',
  title: 'Read the uncommitted changes',
  description:
    'Read the uncommitted changes of tracked files with which a run started, as a patch, from its beginning or from a position on. "to" of an answer is the "from" of the next.',
  schema: z.strictObject({ run: runArgument('The run'), ...FROM, ...BYTES }),
  answer: async ({ run: reference, from = 0, bytes }, { store }) => {
    const run = await findRun(store, reference)
    const { text, bytes: size, reasons } = await readPatch(run)
    const head = { run: run.id, ...(reasons.length > 0 && { reasons: [...reasons] }) }
    if (text === null) return { head: { ...head, text: null } }
    const start = Math.min(from, size)
    return part(head, Buffer.from(text).subarray(start), start, size, { bytes, isEnd: false })
  },
})

/** Bytes of the positions in an answer. */
const POSITIONS = 120

/**
 * Return a part of a text with its position.
 *
 * @param text Bytes from `start` on.
 */
function part(
  head: { readonly [key: string]: string | readonly string[] },
  text: Buffer,
  start: number,
  size: number,
  { bytes, isEnd }: { readonly bytes: number; readonly isEnd: boolean },
): Answer {
  const room = bytes - Buffer.byteLength(jsonLine(head)) - POSITIONS
  let length = Math.min(text.length, room)
  for (;;) {
    const begin = isEnd ? firstWhole(text, text.length - length) : 0
    const end = isEnd ? text.length : lastWhole(text, length)
    const shown = text.toString('utf8', begin, end)
    if (length <= 0 || Buffer.byteLength(jsonLine(shown)) <= room)
      return { head: { ...head, size, from: start + begin, to: start + end, text: shown } }
    // Escaped, a character can take six times its bytes.
    length = Math.floor(length * 0.9)
  }
}

/** Return the position of the first character that begins at a position or after it. */
function firstWhole(text: Buffer, position: number): number {
  let at = Math.max(0, position)
  while (at < text.length && ((text[at] ?? 0) & 0xc0) === 0x80) at++
  return at
}

/** Return the end of the last character that ends at a position or before it. */
function lastWhole(text: Buffer, position: number): number {
  let at = Math.min(Math.max(0, position), text.length)
  while (at > 0 && at < text.length && ((text[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}
