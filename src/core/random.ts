/** Random bytes for names: of runs, and of temporary files and folders. */
import { closeSync, openSync, readSync } from 'node:fs'

/** The generator of the system, as a file. */
const GENERATOR = '/dev/urandom'

/**
 * Return random bytes from the generator of the system. They are read from its file where there is one: loading
 * `node:crypto`, which the global `crypto` does as well, takes 4 ms, and every start of a run needs random names.
 *
 * @param size Number of bytes.
 */
export function randomBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  return isReadFromSystem(bytes) ? bytes : Buffer.from(crypto.getRandomValues(new Uint8Array(size)))
}

/** Return random bytes as hexadecimal digits, two for each byte. */
export function randomHex(size: number): string {
  return randomBytes(size).toString('hex')
}

function isReadFromSystem(bytes: Buffer): boolean {
  let file: number
  try {
    file = openSync(GENERATOR, 'r')
  } catch {
    // Windows has no such file, and neither have some sandboxes.
    return false
  }
  try {
    return readSync(file, bytes) === bytes.length
  } catch {
    return false
  } finally {
    closeSync(file)
  }
}
