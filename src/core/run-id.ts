/** Names of runs and of files: which may become part of a path, and how other names are encoded. */
import { createHash } from 'node:crypto'
import { LineaprintError } from './errors.ts'
import { randomBytes } from './random.ts'

/** Crockford's alphabet: no letter that can be mistaken for a digit. */
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'

declare const runId: unique symbol

/** A text that can be the id of a run, and so the name of a folder. Only {@link isRunId} and its users make one. */
export type RunId = string & { readonly [runId]: true }

const RUN_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/

/** Device names of Windows, with or without an extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i

/** Longer names are truncated: a file system takes 255 bytes, and extensions are appended. */
const FILE_NAME_LIMIT = 100

/**
 * Return a new run id: `YYYYMMDD-HHMMSS-<8 random characters>`, in UTC. Ids sort by time, to the second; 40
 * random bits separate runs that start in the same second.
 */
export function newRunId(time: Date = new Date()): RunId {
  const stamp = time
    .toISOString()
    .replace(/[-:]|\..*$/g, '')
    .replace('T', '-')
  const random = Array.from(randomBytes(8), (byte) => BASE32[byte & 31]).join('')
  return checkRunId(`${stamp}-${random}`)
}

/** Check whether a text can be a run id, and so the name of a folder. */
export function isRunId(text: string): text is RunId {
  return RUN_ID.test(text) && !text.endsWith('.') && !DEVICE.test(text)
}

/**
 * Check a run id that a user chose.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for anything that could leave the store or that a file system may refuse.
 */
export function checkRunId(text: string): RunId {
  if (isRunId(text)) return text
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid run id', {
    field: 'experimentId',
    expected: '1 to 128 of A-Z, a-z, 0-9, ".", "_" and "-", not starting or ending with a dot',
    received: JSON.stringify(text),
  })
}

/**
 * Return a file name for an arbitrary name. Different names give different file names: characters outside the
 * safe set are written as `%XX`, and a long name is truncated and ends with a part of its hash.
 */
export function safeFileName(name: string): string {
  const escaped = Array.from(Buffer.from(name), (byte, index) => {
    const character = String.fromCharCode(byte)
    const isSafe = /[A-Za-z0-9_-]/.test(character) || (character === '.' && index > 0)
    return isSafe ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
  const usable = DEVICE.test(escaped) ? `%${escaped}` : escaped
  if (usable !== '' && usable.length <= FILE_NAME_LIMIT) return usable
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${usable.slice(0, FILE_NAME_LIMIT - 17).replace(/%.?$/, '')}~${hash}`
}
