/**
 * Arguments and a working folder whose bytes are not UTF-8. Node replaces what it cannot decode, so the text that it
 * gives would name another file, or none.
 */
import { readFileSync, statSync } from 'node:fs'
import { LineaprintError } from '../../core/errors.ts'
import { errorCode } from '../../util/fs.ts'

const REPLACEMENT = '\uFFFD'

/**
 * Check that every argument, and the name of the working folder, is what the user gave.
 *
 * @param given The arguments of this process, as Node gives them.
 * @throws ERR_LINEAPRINT_ARGUMENT, before anything else happens.
 */
export function checkNames(given: readonly string[]): void {
  if (given.some((argument) => argument.includes(REPLACEMENT))) checkArguments(given)
  checkFolder()
}

function checkArguments(given: readonly string[]): void {
  const bytes = bytesOf(given)
  for (const [index, argument] of given.entries()) {
    const raw = bytes?.[index]
    // A name can contain the replacement character itself.
    if (!argument.includes(REPLACEMENT) || raw?.equals(Buffer.from(argument)) === true) continue
    const shown = raw === undefined ? JSON.stringify(argument) : quoted(raw)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `an argument is not UTF-8: ${shown}`, {
      expected: 'arguments in UTF-8; other bytes would name another file',
      hint: HINT,
    })
  }
}

const HINT =
  'give the file or folder a name in UTF-8, such as a link ("ln -s"); a folder may have any names in it; "lineaprint hash - < FILE" reads any file; a command can take the argument from a script of its own'

function checkFolder(): void {
  let folder: string
  try {
    folder = process.cwd()
  } catch (error) {
    // It was removed. What needs it says so.
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  if (!folder.includes(REPLACEMENT)) return
  const [named, entered] = [
    statSync(folder, { throwIfNoEntry: false, bigint: true }),
    statSync('.', { bigint: true }),
  ]
  if (named?.ino === entered.ino && named.dev === entered.dev) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the name of the working folder is not UTF-8', {
    path: folder,
    expected: 'a folder in UTF-8; the replaced name is that of another folder, or of none',
    hint: 'rename the folder',
  })
}

/**
 * Return the bytes of the arguments; `undefined` where the system does not show them. Options of Node come before
 * them.
 */
function bytesOf(given: readonly string[]): readonly Buffer[] | undefined {
  let all: Buffer
  try {
    all = readFileSync('/proc/self/cmdline')
  } catch {
    // Not Linux, or no /proc: the caller then refuses what may have been replaced.
    return undefined
  }
  const bytes: Buffer[] = []
  for (let at = 0; at < all.length;) {
    const end = all.indexOf(0, at)
    bytes.push(all.subarray(at, end < 0 ? all.length : end))
    at = end < 0 ? all.length : end + 1
  }
  const last = bytes.slice(bytes.length - given.length)
  // The title of a process can be written over its arguments.
  return last.length === given.length && last.every((raw, index) => raw.toString() === given[index])
    ? last
    : undefined
}

/** Return bytes as a shell takes them: `$'caf\xe9.bin'`. */
function quoted(bytes: Buffer): string {
  const text = [...bytes].map((byte) => {
    if (byte === 0x27 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`
    return byte >= 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`
  })
  return `$'${text.join('')}'`
}
